package org.mouselift.pipeline.mousedata;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.Stream;
import org.apache.commons.math3.complex.Quaternion;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.mouselift.data.camera.Camera;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.camera.Intrinsics;
import org.mouselift.data.camera.MammalCamera;
import org.mouselift.data.camera.NerfTransforms;
import org.mouselift.data.camera.OpencvCameraFile;

import org.mouselift.data.camera.RigNormalization;
import org.mouselift.data.camera.Rotations;
import org.mouselift.data.image.Image8;
import org.mouselift.data.image.PngWriter;
import org.mouselift.data.preprocess.Hull3d;
import org.mouselift.data.preprocess.MoveSettings;
import org.mouselift.data.recording.DatasetSplit;
import org.mouselift.data.recording.FramePreparation;
import org.mouselift.data.recording.FrameSampling;
import org.mouselift.data.recording.SourceCalibration;

/** What strangers put beside a recording: every calibration format gives the same cameras, every defect is named and refused. */
class RecordingInputsTest {
    private static final int W = 72;
    private static final int H = 64;
    private static final Path PICKLES = Path.of(System.getProperty("mouselift.shared", "missing"), "golden/gslrm/cameras/pickles");
    private static final ObjectMapper MAPPER = new ObjectMapper();
    private static final CameraRig RIG = SyntheticRecording.rig(new SyntheticRecording.Options(0, 1, W, H, "mouse6", false, new BitSet(), SyntheticRecording.Defects.NONE));

    @TempDir
    Path folder;
    private Path rec;

    /** Two frames of six cameras that all show a bright box. */
    @BeforeEach
    void frames() throws IOException {
        rec = folder.resolve("rec");
        Image8 grey = Image8.blank(W, H, 3);
        java.util.Arrays.fill(grey.data(), (byte) 120);
        Image8 mask = Image8.blank(W, H, 1);
        for (int y = 24; y < 40; y++) {
            java.util.Arrays.fill(mask.data(), y * W + 28, y * W + 44, (byte) 250);
        }
        for (int c = 0; c < 6; c++) {
            for (String kind : List.of("videos_undist", "simpleclick_undist")) {
                Path frames = Files.createDirectories(rec.resolve(kind).resolve(Integer.toString(c)));
                for (int f = 0; f < 2; f++) {
                    Files.write(frames.resolve("00000" + f + ".png"), PngWriter.encode(kind.startsWith("v") ? grey : mask));
                }
            }
        }
    }

    private DatasetPreparation preparation(String output, Optional<Path> calibration, Optional<SourceCalibration.Size> size) {
        return new DatasetPreparation(folder.resolve(output), new DatasetPreparation.Options(rec, rec, Optional.empty(), 6,
                new FrameSampling(new FrameSampling.Policy.Interval(1, OptionalInt.empty()), 0, OptionalInt.empty(), new BitSet()), 0,
                new FramePreparation(64, FramePreparation.Crop.CENTER, FramePreparation.Lens.EXACT, true, 255), RigNormalization.SIMILARITY,
                new DatasetSplit(DatasetSplit.Kind.TAIL, 0.5, 42, 0), Optional.empty(), calibration, size));
    }

    private CameraRig cameras(Path calibration) throws IOException {
        return preparation("plan", Optional.of(calibration), Optional.empty()).plan().source();
    }

    private static void assertSame(CameraRig expected, CameraRig actual, double tolerance, String what) {
        assertEquals(expected.size(), actual.size(), what);
        for (int i = 0; i < expected.size(); i++) {
            Camera a = expected.get(i);
            Camera b = actual.get(i);
            assertTrue(a.pose().rotation().maxAbsDifference(b.pose().rotation()) <= tolerance, what + ": rotation of camera " + i);
            assertTrue(a.center().distance(b.center()) <= tolerance * a.center().getNorm(), what + ": centre of camera " + i);
            double[] k = a.intrinsics().fxfycxcy();
            double[] l = b.intrinsics().fxfycxcy();
            for (int j = 0; j < 4; j++) {
                assertEquals(k[j], l[j], Math.max(1e-9, tolerance * k[j]), what + ": intrinsics of camera " + i);
            }
        }
    }

    @Test
    void everyFormatGivesTheSameCameras() throws IOException {
        Path json = rec.resolve("cameras.json");
        ArrayNode list = MAPPER.createArrayNode();
        for (Camera c : RIG.cameras()) {
            MammalCamera m = MammalCamera.of(c);
            ObjectNode o = list.addObject();
            o.set("K", MAPPER.valueToTree(m.k().toArray()));
            o.set("R", MAPPER.valueToTree(m.r().toArray()));
            o.set("T", MAPPER.valueToTree(m.t().toArray()));
        }
        Files.writeString(json, list.toString());
        assertSame(RIG, cameras(json), 1e-12, "cameras.json");
        Path nerf = rec.resolve("transforms.json");
        NerfTransforms.ofRig(RIG).write(nerf);
        assertSame(RIG, cameras(nerf), 1e-9, "transforms.json");
        Path opencv = rec.resolve(OpencvCameraFile.FILE_NAME);
        OpencvCameraFile.ofRig(RIG).write(opencv);
        assertSame(RIG, cameras(opencv), 1e-12, "opencv_cameras.json");
        assertSame(RIG, cameras(colmap(rec.resolve("sparse/0"), RIG, "PINHOLE")), 1e-9, "COLMAP text");
        for (Path p : List.of(json, nerf, opencv)) {
            Files.delete(p);
        }
        assertSame(RIG, preparation("found", Optional.empty(), Optional.empty()).plan().source(), 1e-9, "the COLMAP model is found in sparse/0");
        DatasetPreparation.Report made = preparation("from_colmap", Optional.empty(), Optional.empty()).run(p -> { }, n -> { });
        assertEquals(2, made.written());
        OpencvCameraFile written = OpencvCameraFile.read(folder.resolve("from_colmap/sample_000001/opencv_cameras.json"), OpencvCameraFile.Options.SAMPLE.withCameras(6));
        assertEquals(2.7, written.rig("").meanDistance(), 1e-9);
    }

    /** A text model; pictures are numbered so that text order and camera order agree. */
    private static Path colmap(Path place, CameraRig rig, String model) throws IOException {
        Files.createDirectories(place);
        StringBuilder lenses = new StringBuilder("# Camera list\n");
        StringBuilder images = new StringBuilder("# Image list with two lines of data per image\n");
        for (int i = 0; i < rig.size(); i++) {
            Intrinsics k = rig.get(i).intrinsics();
            lenses.append(i + 1).append(' ').append(model).append(' ').append(k.width()).append(' ').append(k.height()).append(' ').append(k.fx()).append(' ').append(k.fy())
                    .append(' ').append(k.cx()).append(' ').append(k.cy()).append('\n');
            Quaternion q = Rotations.toQuaternion(rig.get(i).pose().rotation());
            var t = rig.get(i).pose().translation();
            images.append(String.format(Locale.ROOT, "%d %.17g %.17g %.17g %.17g %.17g %.17g %.17g %d cam_%03d.png%n%s%n", i + 1, q.getQ0(), q.getQ1(), q.getQ2(), q.getQ3(), t.getX(), t.getY(), t.getZ(), i + 1,
                    i, i % 2 == 0 ? "" : "10.5 11.5 -1 20.0 21.0 4"));
        }
        Files.writeString(place.resolve("cameras.txt"), lenses);
        Files.writeString(place.resolve("images.txt"), images);
        return place;
    }

    /** The message names the place and what is wrong; nothing is written. */
    private void refused(Path calibration, String expected) {
        Path out = folder.resolve("refused");
        Exception e = assertThrows(Exception.class, () -> preparation("refused", Optional.of(calibration), Optional.empty()).run(p -> { }, n -> { }), calibration.toString());
        assertTrue(e instanceof IOException || e instanceof IllegalArgumentException, "typed: " + e);
        assertTrue(e.getMessage().contains(expected), calibration.getFileName() + ": expected \"" + expected + "\" in: " + e.getMessage());
        assertFalse(Files.exists(out.resolve("sample_000000")) || Files.exists(out.resolve("dataset.json")), "nothing is begun with " + calibration);
    }

    @Test
    void malformedCameraFilesAreNamedAndRefused() throws IOException {
        String good = new String(OpencvCameraFile.ofRig(RIG).toBytes(), StandardCharsets.UTF_8);
        ObjectNode root = (ObjectNode) MAPPER.readTree(good);
        Map<String, String> bad = new LinkedHashMap<>();
        bad.put("not_json", "{\"frames\": [");
        bad.put("empty_object", "{}");
        bad.put("no_frames", "{\"frames\": []}");
        bad.put("number", "17");
        ObjectNode five = root.deepCopy();
        ((ArrayNode) five.get("frames")).remove(5);
        bad.put("five_cameras", five.toString());
        int n = 0;
        for (String[] change : new String[][] {{"fx", "-3"}, {"fy", "0"}, {"cx", "\"left\""}, {"w", "71.5"}, {"h", "0"}, {"fx", "null"},
            {"w2c", "[[1,0,0,0],[0,1,0,0],[0,0,1,2.7]]"}, {"w2c", "[[1,0,0,0],[0,1,0,0],[0,0,1,2.7],[0,0,1,1]]"}, {"w2c", "[[-1,0,0,0],[0,1,0,0],[0,0,1,2.7],[0,0,0,1]]"},
            {"w2c", "[[1.1,0,0,0],[0,1,0,0],[0,0,1,2.7],[0,0,0,1]]"}, {"w2c", "\"none\""}, {"view_id", "\"two\""}, {"file_path", "\"../../etc/passwd\""}, {"w", "36"}}) {
            ObjectNode o = root.deepCopy();
            ((ObjectNode) o.get("frames").get(3)).set(change[0], MAPPER.readTree(change[1]));
            bad.put("camera3_" + n++ + "_" + change[0], o.toString());
        }
        assertTrue(bad.size() >= 12);
        for (var e : bad.entrySet()) {
            Path file = Files.writeString(folder.resolve(e.getKey() + ".json"), e.getValue());
            refused(file, e.getKey().endsWith("36") || !e.getKey().startsWith("camera3") ? file.getFileName().toString() : e.getKey().contains("_13_") ? "camera 3" : "frames[3]");
        }
        refused(folder.resolve("nothing.json"), "nothing.json");
        Path lens = colmap(folder.resolve("distorted"), RIG, "OPENCV");
        refused(lens, "cameras.txt: line 2");
        Path half = colmap(folder.resolve("half"), new CameraRig("three", RIG.cameras().subList(0, 3)), "PINHOLE");
        refused(half, "has 3 cameras, needs 6");
        Path broken = colmap(folder.resolve("broken"), RIG, "PINHOLE");
        Files.writeString(broken.resolve("images.txt"), "1 0.5 0 0 0 1 2 3 1 a.png\n\n");
        refused(broken, "images.txt: line 1");
        Path other = colmap(folder.resolve("other"), RIG.map(c -> c.withIntrinsics(c.intrinsics().resize(100, 100))), "PINHOLE");
        refused(other, "is calibrated for 100x100");
    }

    @Test
    void pickledCalibrationsAreReadInEveryFormAndForeignOnesRefused() throws IOException {
        Assumptions.assumeTrue(Files.isDirectory(PICKLES), () -> "SKIPPED: no " + PICKLES);
        SourceCalibration.Size made = new SourceCalibration.Size(1152, 1024);
        CameraRig reference = preparation("p", Optional.of(PICKLES.resolve("list_p4_numpy1.pkl")), Optional.of(made)).plan().source();
        int good = 0;
        int bad = 0;
        List<Path> files;
        try (Stream<Path> list = Files.list(PICKLES)) {
            files = list.filter(p -> p.toString().endsWith(".pkl")).sorted().toList();
        }
        for (Path p : files) {
            String name = p.getFileName().toString();
            if (name.startsWith("bad_")) {
                refused(p, name);
                bad++;
            } else if (name.matches("(list|intdict|strdict|tuple|fortran|T_|extra|python2|sliced|transposed|plain|mixed|float32|seven).*")) {
                assertSame(reference, preparation("p", Optional.of(p), Optional.of(made)).plan().source(), name.matches("(mixed|float32).*") ? 1e-6 : 1e-9, name);
                good++;
            }
        }
        assertTrue(good >= 12 && bad >= 12, good + " good and " + bad + " bad pickles");
        Exception foreign = assertThrows(IOException.class, () -> preparation("p", Optional.of(PICKLES.resolve("bad_payload_getpid_p2.pkl")), Optional.of(made)).plan());
        assertTrue(foreign.getMessage().contains("getpid"), "the global is named: " + foreign.getMessage());
        Exception unscaled = assertThrows(IOException.class, () -> preparation("p", Optional.of(PICKLES.resolve("list_p4_numpy1.pkl")), Optional.empty()).plan());
        assertTrue(unscaled.getMessage().contains("--calibration-size"), unscaled.getMessage());
    }

    @Test
    void unequalLengthsAndNumbersAreSaid() throws IOException {
        OpencvCameraFile.ofRig(RIG).write(rec.resolve(OpencvCameraFile.FILE_NAME));
        Files.delete(rec.resolve("videos_undist/2/000001.png"));
        DatasetPreparation.Plan shorter = preparation("short", Optional.empty(), Optional.empty()).plan();
        assertEquals(1, shorter.indices().length);
        assertTrue(shorter.warnings().toString().contains("the videos have [2, 2, 1, 2, 2, 2] frames; the first 1 of each are used"), shorter.warnings().toString());
        Files.move(rec.resolve("videos_undist/2/000000.png"), rec.resolve("videos_undist/2/000001.png"));
        DatasetPreparation.Plan shifted = preparation("shifted", Optional.empty(), Optional.empty()).plan();
        assertTrue(shifted.warnings().toString().contains("begin at [0, 0, 1, 0, 0, 0]"), shifted.warnings().toString());
        Exception first = assertThrows(MouseDataException.class, () -> preparation("shifted", Optional.empty(), Optional.empty()).run(p -> { }, n -> { }));
        assertTrue(first.getMessage().contains("frame 0 is missing") && first.getMessage().contains("2"), first.getMessage());
        Files.move(rec.resolve("videos_undist/2/000001.png"), rec.resolve("videos_undist/2/picture.png"));
        Exception unnumbered = assertThrows(IOException.class, () -> preparation("unnumbered", Optional.empty(), Optional.empty()).plan());
        assertTrue(unnumbered.getMessage().contains("2"), unnumbered.getMessage());
    }

    private static DatasetPreparation.Options allowing(DatasetPreparation.Options o, double failures) {
        return new DatasetPreparation.Options(o.videoDir(), o.metaDir(), o.masks(), o.views(), o.sampling(), o.firstSample(), o.frame(), o.geometry(), o.split(), o.rig(),
                o.calibration(), o.calibrationSize(), o.subject(), failures);
    }

    private DatasetPreparation.Options options() {
        return new DatasetPreparation.Options(rec, rec, Optional.empty(), 6,
                new FrameSampling(new FrameSampling.Policy.Interval(1, OptionalInt.empty()), 0, OptionalInt.empty(), new BitSet()), 0,
                new FramePreparation(64, FramePreparation.Crop.CENTER, FramePreparation.Lens.EXACT, true, 255), RigNormalization.SIMILARITY,
                new DatasetSplit(DatasetSplit.Kind.TAIL, 0.5, 42, 0), Optional.empty(), Optional.empty(), Optional.empty());
    }

    /** A frame that is missing, damaged or without mask costs its sample; what is mended is made by the next run, and nothing else. */
    @Test
    void aBadFrameCostsItsSampleAndIsMadeWhenMended() throws IOException {
        OpencvCameraFile.ofRig(RIG).write(rec.resolve(OpencvCameraFile.FILE_NAME));
        Path mask = rec.resolve("simpleclick_undist/4/000001.png");
        Path frame = rec.resolve("videos_undist/1/000000.png");
        byte[] goodMask = Files.readAllBytes(mask);
        byte[] goodFrame = Files.readAllBytes(frame);
        Files.delete(mask);
        DatasetPreparation half = new DatasetPreparation(folder.resolve("half"), allowing(options(), 0.5), List.of("data", "prepare"));
        assertTrue(half.plan().warnings().toString().contains("[2, 2, 2, 2, 1, 2]"), half.plan().warnings().toString());
        DatasetPreparation.Report one = half.run(p -> { }, n -> { });
        assertEquals(List.of(1, 1), List.of(one.written(), one.failures().size()));
        assertTrue(one.failures().getFirst().reason().contains("simpleclick_undist/4: frame 1 is missing"), one.failures().toString());
        assertTrue(Files.readString(folder.resolve("half/failed_samples.json")).contains("sample_000001"));
        Path kept = folder.resolve("half/sample_000000/images/cam_000.png");
        var before = Files.getLastModifiedTime(kept);

        Files.write(frame, java.util.Arrays.copyOf(goodFrame, goodFrame.length / 2));
        Files.write(mask, goodMask);
        DatasetPreparation.Report two = half.run(p -> { }, n -> { });
        assertEquals(List.of(1, 1, 0), List.of(two.written(), two.kept(), two.failures().size()), "the damaged frame belongs to the sample that is there");
        assertEquals(before, Files.getLastModifiedTime(kept));
        Exception damaged = assertThrows(MouseDataException.class, () -> new DatasetPreparation(folder.resolve("strict"), options()).run(p -> { }, n -> { }));
        assertTrue(damaged.getMessage().contains("videos_undist/1: frame 0 is damaged") && damaged.getMessage().contains("1 of the first 1 samples failed"), damaged.getMessage());

        Exception other = assertThrows(MouseDataException.class, () -> new DatasetPreparation(folder.resolve("half"), withInterval(options())).run(p -> { }, n -> { }));
        assertTrue(other.getMessage().contains("sampling is Interval[step=1") && other.getMessage().contains("wanted Interval[step=2") && !other.getMessage().contains("geometry"), other.getMessage());
        var provenance = MAPPER.readTree(folder.resolve("half/dataset.json").toFile());
        assertEquals(6, provenance.path("views").size());
        assertEquals(1, provenance.at("/source_frames/last").asInt());
    }

    private static DatasetPreparation.Options withInterval(DatasetPreparation.Options o) {
        return new DatasetPreparation.Options(o.videoDir(), o.metaDir(), o.masks(), o.views(),
                new FrameSampling(new FrameSampling.Policy.Interval(2, OptionalInt.empty()), 0, OptionalInt.empty(), new BitSet()), 0, o.frame(), o.geometry(), o.split(), o.rig(),
                o.calibration(), o.calibrationSize());
    }

    @Test
    void malformedSamplesAreNamedByCheckAndPreprocess() throws IOException {
        OpencvCameraFile.ofRig(RIG).write(rec.resolve(OpencvCameraFile.FILE_NAME));
        preparation("data", Optional.empty(), Optional.empty()).run(p -> { }, n -> { });
        Path data = folder.resolve("data");
        Path file = data.resolve("sample_000001/opencv_cameras.json");
        String good = Files.readString(file);
        for (String[] edit : new String[][] {{"\"fx\"", "\"fax\"", "frames[0].fx"}, {"images/cam_002.png", "images/cam_001.png", "frames[2].file_path"},
            {"images/cam_004.png", "images/cam_044.png", "MFL-D01"}, {"\"w\": 64", "\"w\": 63", "MFL-D02"}, {"\"w\" : 64", "\"w\" : 63", "MFL-D02"}, {"\"frames\"", "\"cameras\"", "frames"}}) {
            String text = good.replaceFirst(java.util.regex.Pattern.quote(edit[0]), edit[1]);
            if (text.equals(good)) {
                continue;
            }
            Files.writeString(file, text);
            DatasetCheck.Report report = new DatasetCheck(data, 0, false).run(n -> { });
            assertFalse(report.trainable());
            assertTrue(report.problems().stream().anyMatch(p -> p.contains("sample_000001") && p.contains(edit[2])), edit[2] + " in " + report.problems());
            Exception e = assertThrows(IOException.class, () -> new DatasetPreprocessing(data, folder.resolve("pre" + edit[2].hashCode()), new Hull3d(0.4, 0.05, MoveSettings.exact(64)), 9, 0)
                    .run(n -> { }));
            assertTrue(e.getMessage().contains("sample_000001") && e.getMessage().contains(edit[2]), e.getMessage());
        }
        Files.writeString(file, good);
        Files.write(data.resolve("sample_000000/images/cam_003.png"), new byte[] {(byte) 0x89, 'P', 'N', 'G', 1, 2, 3});
        assertTrue(new DatasetCheck(data, 0, false).run(n -> { }).problems().stream().anyMatch(p -> p.contains("cam_003.png")));
    }
}
