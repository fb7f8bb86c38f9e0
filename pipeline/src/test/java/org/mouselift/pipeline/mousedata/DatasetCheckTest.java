package org.mouselift.pipeline.mousedata;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.mouselift.data.camera.Camera;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.camera.Intrinsics;
import org.mouselift.data.camera.OpencvCameraFile;
import org.mouselift.data.checkpoint.ArtefactStatus;
import org.mouselift.data.image.Image8;
import org.mouselift.data.image.Images;
import org.mouselift.data.image.PillowResize;
import org.mouselift.data.image.PngWriter;
import org.mouselift.data.image.ResampleFilter;
import org.mouselift.pipeline.cli.Mouselift;

/** {@code data check} names what was done to a data set that is sound otherwise, and ends with 1. */
class DatasetCheckTest {
    private static final int SIZE = 96;
    private static final int SAMPLES = 6;
    private static final ObjectMapper MAPPER = new ObjectMapper();

    @TempDir
    static Path shared;
    @TempDir
    Path folder;
    private Path data;

    private record Run(int code, String text) {}

    private static Run run(Object... arguments) {
        StringWriter out = new StringWriter();
        PrintWriter writer = new PrintWriter(out, true);
        int code = Mouselift.commandLine().setOut(writer).setErr(writer).execute(Arrays.stream(arguments).map(Object::toString).toArray(String[]::new));
        return new Run(code, out.toString());
    }

    @BeforeAll
    static void sound() throws IOException {
        Path rec = shared.resolve("rec");
        SyntheticRecording.write(rec, new SyntheticRecording.Options(3, SAMPLES, 108, SIZE, "mouse6", false, new BitSet(), SyntheticRecording.Defects.NONE), n -> { });
        Run made = run("data", "prepare", "--video-dir", rec, "-o", shared.resolve("base"), "--frame-interval", 1, "--image-size", SIZE, "--split", "tail");
        assertEquals(0, made.code, made.text);
        Run hull = run("data", "preprocess", shared.resolve("base"), "--method", "hull3d", "--size", SIZE, "--ratio", 0.4, "-o", shared.resolve("data"));
        assertEquals(0, hull.code, hull.text);
        // All in training but the last.
        lists(shared.resolve("data"), List.of(0, 1, 2, 3, 4), List.of(5));
    }

    private static void lists(Path data, List<Integer> train, List<Integer> validation) throws IOException {
        Files.write(data.resolve("data_mouse_train.txt"), train.stream().map(SampleFolder::name).toList());
        Files.write(data.resolve("data_mouse_val.txt"), validation.stream().map(SampleFolder::name).toList());
    }

    @BeforeEach
    void copy() throws IOException {
        data = folder.resolve("data");
        if (Files.exists(data)) {
            remove(data);
        }
        copy(shared.resolve("data"), data);
    }

    private static void copy(Path from, Path to) throws IOException {
        try (Stream<Path> all = Files.walk(from)) {
            for (Path p : all.sorted().toList()) {
                Path there = to.resolve(from.relativize(p).toString());
                if (Files.isDirectory(p)) {
                    Files.createDirectories(there);
                } else {
                    Files.copy(p, there, StandardCopyOption.REPLACE_EXISTING);
                }
            }
        }
    }

    private static void remove(Path root) throws IOException {
        try (Stream<Path> all = Files.walk(root).sorted(Comparator.reverseOrder())) {
            for (Path p : all.toList()) {
                Files.delete(p);
            }
        }
    }

    private Path sample(int i) {
        return data.resolve(SampleFolder.name(i));
    }

    /** Hulls of the first samples only: the sabotaged one may be any. */
    private void found(String... words) {
        Run r = run("data", "check", data, "--geometry-samples", 1);
        assertTrue(Arrays.stream(words).allMatch(r.text::contains), Arrays.toString(words) + " in " + r.text);
        assertTrue(r.text.lines().anyMatch(l -> l.startsWith("problem: ") && l.contains(words[0])), r.text);
        assertTrue(r.code == 1 && r.text.contains("cannot be trained on"), r.code + ": " + r.text);
    }

    private void cameras(int sample, UnaryOperator<CameraRig> change) throws IOException {
        Path file = sample(sample).resolve(OpencvCameraFile.FILE_NAME);
        OpencvCameraFile read = OpencvCameraFile.read(file, OpencvCameraFile.Options.SAMPLE);
        read.withCameras(change.apply(read.rig("r"))).write(file);
    }

    private void json(int sample, java.util.function.Consumer<ObjectNode> change) throws IOException {
        Path file = sample(sample).resolve(OpencvCameraFile.FILE_NAME);
        ObjectNode root = (ObjectNode) MAPPER.readTree(file.toFile());
        change.accept(root);
        MAPPER.writeValue(file.toFile(), root);
    }

    private void pictures(int sample, UnaryOperator<Image8> change) throws IOException {
        for (int v = 0; v < 6; v++) {
            Path p = sample(sample).resolve("images/cam_00" + v + ".png");
            Files.write(p, PngWriter.encode(change.apply(Images.read(p))));
        }
    }

    private static Image8 alpha(Image8 image, int value) {
        Image8 out = image.toRgba();
        byte[] rgba = out.data().clone();
        for (int i = 3; i < rgba.length; i += 4) {
            rgba[i] = (byte) value;
        }
        return new Image8(out.width(), out.height(), 4, rgba);
    }

    @Test
    void aSoundSetPasses() {
        Run r = run("data", "check", data, "--geometry-samples", 1);
        assertTrue(r.code == 0 && r.text.contains("can be trained on") && !r.text.contains("problem"), r.text);
        assertEquals(3, run("data", "check", folder.resolve("nowhere")).code);
    }

    @Test
    void aPictureIsMissing() throws IOException {
        Files.delete(sample(3).resolve("images/cam_004.png"));
        found("cam_004.png", "MFL-D01", "sample_000003");
    }

    /** Axes as OpenGL has them, two axes exchanged, the world lying on its side, and two cameras exchanged. */
    @Test
    void camerasHaveOtherAxes() throws IOException {
        json(3, root -> rows(root, 2, r -> List.of(r.get(0), negated(r.get(1)), negated(r.get(2)), r.get(3))));
        found("sample_000003", "MFL-E126");
        copy();
        json(3, root -> rows(root, 2, r -> List.of(r.get(1), r.get(0), r.get(2), r.get(3))));
        found("sample_000003", "w2c");
        copy();
        json(3, root -> {
            for (int v = 0; v < 6; v++) {
                columns(root, v);
            }
        });
        found("sample_000003", "Y-up");
        copy();
        cameras(3, rig -> rig.select(0, 1, 3, 2, 4, 5));
        found("sample_000003", "contradicts the others");
        copy();
        cameras(3, rig -> rig.select(5, 4, 3, 2, 1, 0));
        found("sample_000003", "disagree");
    }

    private static void rows(ObjectNode root, int view, UnaryOperator<List<JsonNode>> change) {
        ObjectNode frame = (ObjectNode) root.path("frames").path(view);
        List<JsonNode> rows = List.of(frame.path("w2c").path(0), frame.path("w2c").path(1), frame.path("w2c").path(2), frame.path("w2c").path(3));
        ArrayNode out = frame.putArray("w2c");
        change.apply(rows).forEach(out::add);
    }

    private static JsonNode negated(JsonNode row) {
        ArrayNode out = MAPPER.createArrayNode();
        row.forEach(x -> out.add(-x.asDouble()));
        return out;
    }

    /** The world with Y up: (x, y, z) was (x, -z, y). */
    private static void columns(ObjectNode root, int view) {
        rows(root, view, r -> r.stream().map(row -> (JsonNode) MAPPER.createArrayNode().add(row.path(0)).add(row.path(2)).add(-row.path(1).asDouble()).add(row.path(3))).toList());
    }

    @Test
    void masksAreNone() throws IOException {
        pictures(2, i -> alpha(i, 255));
        found("sample_000002", "MFL-E134", "opaque");
        copy();
        pictures(2, i -> alpha(i, 0));
        found("sample_000002", "the mask is empty");
        copy();
        pictures(2, Image8::toRgb);
        found("sample_000002", "MFL-E134", "no alpha");
    }

    @Test
    void listsAreWrong() throws IOException {
        lists(data, List.of(0, 1, 2, 3, 4), List.of(4, 5));
        found("in the training and in the validation list", "sample_000004");
        lists(data, List.of(0, 1, 2, 77), List.of(5));
        found("sample_000077", "data_mouse_train.txt: line 4", "MFL-D01");
        lists(data, List.of(0, 1, 1), List.of(5));
        found("already in line 2");
        Files.delete(data.resolve("data_mouse_train.txt"));
        found("no training list");
    }

    @Test
    void twoSamplesAreOne() throws IOException {
        copy(sample(1), sample(5));
        found("sample_000005 shows the same picture as sample_000001");
        copy();
        json(5, root -> ((ObjectNode) root.path("recording_info")).put("source_frame", 1));
        found("1 frames of the recording are in the training and in the validation, the first: frame 1");
    }

    @Test
    void sizesDiffer() throws IOException {
        json(1, root -> root.path("frames").forEach(f -> ((ObjectNode) f).put("w", 2 * SIZE)));
        found("MFL-D02", "sample_000001", "its camera says " + 2 * SIZE + "x" + SIZE);
        copy();
        pictures(1, i -> PillowResize.resize(i, SIZE / 2, SIZE / 2, ResampleFilter.LANCZOS));
        cameras(1, rig -> rig.map(c -> c.withIntrinsics(c.intrinsics().resize(SIZE / 2, SIZE / 2))));
        found("pictures of different sizes: [48 (first in sample_000001), 96 (first in sample_000000)]");
        copy();
        pictures(1, i -> PillowResize.resize(i, SIZE / 2, SIZE, ResampleFilter.LANCZOS));
        cameras(1, rig -> rig.map(c -> c.withIntrinsics(c.intrinsics().resize(SIZE / 2, SIZE))));
        found("MFL-D03", "sample_000001", "not square");
        copy();
        // Pictures as they were, a lens of pictures twice as large; with the principal point where it was, only the mouse's size in space tells.
        cameras(1, rig -> rig.map(c -> zoomed(c, 2)));
        found("sample_000001", "MFL-E128");
        copy();
        cameras(1, rig -> rig.map(c -> zoomed(c, 1)));
        found("sample_000001", "MFL-E128", "times smaller in space");
    }

    private static Camera zoomed(Camera c, double shift) {
        Intrinsics k = c.intrinsics();
        return c.withIntrinsics(new Intrinsics(2 * k.fx(), 2 * k.fy(), shift * k.cx(), shift * k.cy(), k.width(), k.height()));
    }

    /** Half of the picture to the left, so that half of the mouse is gone. */
    private static Image8 shifted(Image8 image) {
        Image8 out = Image8.blank(SIZE, SIZE, 4);
        for (int y = 0; y < SIZE; y++) {
            System.arraycopy(image.data(), 4 * (y * SIZE + SIZE / 2), out.data(), 4 * y * SIZE, 4 * (SIZE / 2));
        }
        return out;
    }

    @Test
    void miceAreCutOff() throws IOException {
        for (int s = 0; s < SAMPLES; s++) {
            pictures(s, DatasetCheckTest::shifted);
        }
        found("the subject is cut off by the border in 36 views, 100.0 %");
        Run allowed = run("data", "check", data, "--geometry-samples", 0, "--max-clipped", 1);
        assertTrue(allowed.code == 0 && allowed.text.contains("warning: 100.0 % of the views touch the border"), allowed.text);
        assertEquals(2, run("data", "check", data, "--max-clipped", 7).code);
    }

    @Test
    void aParentIsInvalid() throws IOException {
        Path base = shared.resolve("base");
        // The copy's record names its parent relative to itself.
        Path child = shared.resolve("data");
        ArtefactStatus.read(base).withInvalidation(Optional.of(new ArtefactStatus.Invalidation("human faces", "make it again", "2026-01-02", ""))).write(base);
        try {
            Run r = run("data", "check", child, "--geometry-samples", 0);
            assertTrue(r.code == 1 && r.text.contains("problem: MFL-E210") && r.text.contains("human faces"), r.text);
        } finally {
            ArtefactStatus.read(base).withInvalidation(Optional.empty()).write(base);
        }
        ArtefactStatus.read(data).withInvalidation(Optional.of(new ArtefactStatus.Invalidation("wrong mice", "make it again", "2026-01-02", ""))).write(data);
        found("MFL-E210", "wrong mice");
    }

    @Test
    void aViewOrASampleFileIsMissing() throws IOException {
        cameras(2, rig -> rig);
        json(2, root -> ((ArrayNode) root.path("frames")).remove(5));
        found("MFL-D04", "different numbers of views: [5, 6]");
        copy();
        Files.delete(sample(2).resolve(OpencvCameraFile.FILE_NAME));
        found("sample_000002", OpencvCameraFile.FILE_NAME);
        copy();
        json(2, root -> {
            ObjectNode f = (ObjectNode) root.path("frames").path(1);
            f.put("focal", f.path("fx").asDouble());
            f.remove("fx");
        });
        found("sample_000002", "frames[1].fx");
        remove(sample(2));
        found("sample_000002", "data_mouse_train.txt: line 3");
    }
}
