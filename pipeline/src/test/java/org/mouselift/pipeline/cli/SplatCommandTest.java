package org.mouselift.pipeline.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.mouselift.data.camera.Camera;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.camera.NerfTransforms;
import org.mouselift.data.camera.OpencvCameraFile;
import org.mouselift.data.camera.OpencvFrame;
import org.mouselift.data.camera.Rings;
import org.mouselift.data.image.Image8;
import org.mouselift.data.image.Images;
import org.mouselift.data.image.PngWriter;
import org.mouselift.data.ply.SplatPly;
import org.mouselift.data.synth.MouseView;
import org.mouselift.data.synth.SynthMouse;
import org.mouselift.engine.DType;
import org.mouselift.pipeline.multiview.TinyPipeline;
import org.mouselift.pipeline.reconstruct.RigProvenance;
import org.mouselift.pipeline.reconstruct.TinyWeights;

/** The commands that reconstruct, with an untrained network: files, numbers and refusals, not quality. */
class SplatCommandTest {
    private static final int SIZE = 48;

    @TempDir
    Path folder;

    private Path weights;
    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    @BeforeEach
    void weights() throws IOException {
        weights = TinyWeights.write(folder.resolve("weights"), 3, DType.F16);
    }

    private int run(String... arguments) {
        out.getBuffer().setLength(0);
        err.getBuffer().setLength(0);
        return Mouselift.commandLine().setOut(new PrintWriter(out, true)).setErr(new PrintWriter(err, true)).execute(arguments);
    }

    private int splat(String... arguments) {
        List<String> all = new ArrayList<>(List.of("splat"));
        all.addAll(List.of(arguments));
        all.addAll(List.of("--weights", weights.toString()));
        return run(all.toArray(String[]::new));
    }

    /** A sample folder with a mouse seen by the cameras; returns the folder. */
    private Path sample(String name, CameraRig rig) throws IOException {
        Path sample = folder.resolve(name);
        Files.createDirectories(sample.resolve("images"));
        List<Camera> cameras = SynthMouse.resized(rig.cameras(), SIZE);
        List<MouseView> views = SynthMouse.of(3, 0).render(cameras);
        List<OpencvFrame> frames = new ArrayList<>();
        for (int i = 0; i < cameras.size(); i++) {
            String path = "images/cam_%03d.png".formatted(i);
            PngWriter.write(sample.resolve(path), new Image8(SIZE, SIZE, 4, views.get(i).rgba()));
            frames.add(OpencvFrame.of(cameras.get(i), path, i));
        }
        new OpencvCameraFile(java.util.Optional.of(name), frames, new ObjectMapper().createObjectNode(), List.of()).write(sample.resolve("opencv_cameras.json"));
        return sample;
    }

    private static String sha256(Path file) throws IOException {
        try {
            return java.util.HexFormat.of().formatHex(java.security.MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(file)));
        } catch (java.security.NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    @Test
    void aSampleFolderGivesEveryFile() throws IOException {
        Path sample = sample("mouse", Rings.turntable(5, 10, SIZE));
        Path results = folder.resolve("results");
        assertEquals(0, splat(sample.toString(), "--views", "4,0,2", "-o", results.toString(), "--turntable", "3", "--turntable-size", "64", "--gif", "--frames",
                "--filter", "none", "--json"), err.toString());
        for (String file : List.of("gaussians.ply", "turntable.mp4", "turntable.gif", "viewer.html", "multiview.png", "output.png", "unseen.png", "metrics.json",
                "frames/frame_0002.png")) {
            assertTrue(Files.size(results.resolve(file)) > 100, file);
        }
        JsonNode run = new ObjectMapper().readTree(results.resolve("run.json").toFile());
        assertEquals("splat", run.at("/arguments/0").asText());
        assertEquals(sha256(weights.resolve("model.safetensors")), run.get("weightsSha256").asText());
        JsonNode report = new ObjectMapper().readTree(out.toString());
        assertEquals(new ObjectMapper().readTree(results.resolve("metrics.json").toFile()), report);
        assertEquals(List.of("images/cam_004.png", "images/cam_000.png", "images/cam_002.png", "images/cam_001.png", "images/cam_003.png"),
                report.get("views").findValuesAsText("name"));
        // 2 free Gaussians and one per pixel of three views of 32 x 32.
        assertEquals(2 + 3 * 32 * 32, report.at("/gaussians/before").asInt());
        assertEquals(report.at("/gaussians/kept").asInt(), SplatPly.read(results.resolve("gaussians.ply")).count());
        double mean = (report.at("/views/3/metrics/psnr").asDouble() + report.at("/views/4/metrics/psnr").asDouble()) / 2;
        assertEquals(mean, report.at("/unseen/psnr").asDouble(), 1e-9);
        Image8 strip = Images.read(results.resolve("multiview.png"));
        assertEquals(List.of(96, 32), List.of(strip.width(), strip.height()));
        assertArrayEquals(new int[] {255, 255, 255}, new int[] {strip.get(0, 0, 0), strip.get(0, 0, 1), strip.get(0, 0, 2)}, "transparent is white");
    }

    @Test
    void pictureFilesWithARigEqualTheSampleFolder() throws IOException {
        CameraRig rig = Rings.turntable(3, 10, SIZE);
        Path sample = sample("mouse", rig);
        Path nerf = folder.resolve("transforms.json");
        NerfTransforms.ofRig(new CameraRig("three", SynthMouse.resized(rig.cameras(), 2 * SIZE))).write(nerf);
        assertEquals(0, splat(sample.toString(), "-o", folder.resolve("a").toString(), "--turntable", "0", "--no-viewer", "--filter", "none"), err.toString());
        assertEquals(0, splat(sample.resolve("images/cam_000.png").toString(), sample.resolve("images/cam_001.png").toString(),
                sample.resolve("images/cam_002.png").toString(), "--cameras", nerf.toString(), "-o", folder.resolve("b").toString(), "--turntable", "0",
                "--no-viewer", "--filter", "none"), err.toString());
        assertArrayEquals(SplatPly.read(folder.resolve("a/gaussians.ply")).xyz(), SplatPly.read(folder.resolve("b/gaussians.ply")).xyz(), 1e-5f);
        assertFalse(Files.exists(folder.resolve("a/turntable.mp4")) || Files.exists(folder.resolve("a/viewer.html")));
    }

    @Test
    void aRigInMillimetresIsNormalised() throws IOException {
        CameraRig rig = Rings.turntable(3, 10, SIZE);
        Path sample = sample("mouse", rig);
        CameraRig millimetres = new CameraRig("mm", org.mouselift.data.camera.Similarity.scale(100).apply(rig).cameras());
        OpencvCameraFile.ofRig(millimetres).write(folder.resolve("mm.json"));
        String cameras = folder.resolve("mm.json").toString();
        assertEquals(ExitCode.BAD_INPUT, splat(sample.toString(), "--cameras", cameras, "-o", folder.resolve("a").toString()));
        assertTrue(err.toString().contains("MFL-E126") && err.toString().contains("beyond"), err.toString());
        assertEquals(0, splat(sample.toString(), "--cameras", cameras, "--normalize", "similarity", "-o", folder.resolve("a").toString(), "--turntable", "0",
                "--no-viewer", "--filter", "none"), err.toString());
        assertEquals(0, splat(sample.toString(), "-o", folder.resolve("b").toString(), "--turntable", "0", "--no-viewer", "--filter", "none"), err.toString());
        assertArrayEquals(SplatPly.read(folder.resolve("b/gaussians.ply")).xyz(), SplatPly.read(folder.resolve("a/gaussians.ply")).xyz(), 1e-4f);
    }

    @Test
    void wrongInputsAreRefusedBeforeAnythingIsWritten() throws IOException {
        Path sample = sample("mouse", Rings.turntable(4, 10, SIZE));
        String results = folder.resolve("results").toString();
        assertEquals(ExitCode.BAD_INPUT, splat(sample.toString(), "--views", "0,1", "-o", results));
        assertTrue(err.toString().contains("MFL-E131: the model was trained with 3 input views; 2 of 4"), err.toString());
        assertEquals(ExitCode.USAGE, splat(sample.toString(), "--views", "0,1,4", "-o", results));
        assertEquals(ExitCode.USAGE, splat(sample.toString(), "--views", "0,1,1", "-o", results));
        assertEquals(ExitCode.USAGE, splat(sample.toString(), "--size", "33", "-o", results));
        assertEquals(ExitCode.USAGE, splat(sample.resolve("images/cam_000.png").toString(), "-o", results));
        assertEquals(ExitCode.BAD_INPUT, splat(sample.toString(), "--cameras", "human6", "-o", results));
        assertTrue(err.toString().contains("MFL-E114"), err.toString());
        assertEquals(ExitCode.USAGE, splat(sample.toString(), "--allow", "MFL-E999", "-o", results));
        assertEquals(ExitCode.BAD_INPUT, run("splat", sample.toString(), "--weights", folder.resolve("none").toString(), "-o", results));
        assertTrue(err.toString().contains("MFL-E207"), err.toString());
        PngWriter.write(sample.resolve("images/cam_002.png"), Image8.blank(SIZE, SIZE + 1, 3));
        assertEquals(ExitCode.BAD_INPUT, splat(sample.toString(), "-o", results));
        assertTrue(err.toString().contains("MFL-D03") && err.toString().contains("cam_002.png"), err.toString());
        PngWriter.write(sample.resolve("images/cam_002.png"), Image8.blank(SIZE + 1, SIZE + 1, 3));
        assertEquals(ExitCode.BAD_INPUT, splat(sample.toString(), "-o", results));
        assertTrue(err.toString().contains("MFL-D02"), err.toString());
        assertFalse(Files.exists(Path.of(results)));
    }

    @Test
    void anotherNumberOfViewsNeedsPermission() throws IOException {
        Path sample = sample("mouse", Rings.turntable(4, 10, SIZE));
        assertEquals(0, splat(sample.toString(), "--views", "3,1", "--allow", "MFL-E131", "-o", folder.resolve("a").toString(), "--turntable", "0", "--no-viewer",
                "--json"), err.toString());
        assertTrue(new ObjectMapper().readTree(out.toString()).at("/warnings/0").asText().startsWith("MFL-E131"), out.toString());
    }

    @Test
    void camerasUnlikeThoseOfTheTrainingNeedPermission() throws IOException {
        var provenance = new ObjectMapper().createObjectNode();
        RigProvenance.of(List.of(Rings.turntable(3, 10, SIZE).cameras())).into(provenance);
        Files.writeString(weights.resolve("provenance.json"), provenance.toString());
        Path results = folder.resolve("results");
        List<String> quick = List.of("--turntable", "0", "--no-viewer", "--json", "-o", results.toString());
        Path same = sample("same", Rings.turntable(3, 10, SIZE));
        assertEquals(0, splat(with(quick, same.toString())), err.toString());
        assertFalse(out.toString().contains("MFL-E125"), out.toString());
        Path steep = sample("steep", Rings.turntable(3, 30, SIZE));
        assertEquals(ExitCode.BAD_INPUT, splat(with(quick, steep.toString())));
        assertTrue(err.toString().contains("MFL-E125") && err.toString().contains("elevation 30.00") && err.toString().contains("--allow MFL-E125"), err.toString());
        assertEquals(0, splat(with(quick, steep.toString(), "--allow", "MFL-E125")), err.toString());
        assertTrue(new ObjectMapper().readTree(out.toString()).at("/warnings/0").asText().startsWith("MFL-E125"), out.toString());

        assertEquals(ExitCode.BAD_INPUT, run("evaluate", "gslrm", "--data", steep.toString(), "--weights", weights.toString(), "-o", folder.resolve("e").toString()));
        assertTrue(err.toString().contains("MFL-E125") && err.toString().contains("steep") && !Files.exists(folder.resolve("e")), err.toString());
        assertEquals(0, run("evaluate", "gslrm", "--data", steep.toString(), "--weights", weights.toString(), "-o", folder.resolve("e").toString(), "--allow", "MFL-E125"),
                err.toString());
        assertTrue(err.toString().contains("warning: MFL-E125"), err.toString());

        Files.writeString(weights.resolve("provenance.json"), "{}");
        assertEquals(0, splat(with(quick, steep.toString())), err.toString());
        assertTrue(err.toString().contains("warning: the cameras of its training are not recorded"), err.toString());
    }

    private static String[] with(List<String> options, String... first) {
        List<String> all = new ArrayList<>(List.of(first));
        all.addAll(options);
        return all.toArray(String[]::new);
    }

    @Test
    void theDemoMeasuresUnseenViews() throws IOException {
        Path six = TinyWeights.write(folder.resolve("six"), 6, DType.F32);
        Path results = folder.resolve("demo");
        assertEquals(0, run("demo", "--photos", "6", "--weights", six.toString(), "-o", results.toString(), "--turntable", "2", "--turntable-size", "64", "--json"),
                err.toString());
        JsonNode report = new ObjectMapper().readTree(out.toString());
        assertEquals(14, report.get("views").size());
        assertTrue(report.at("/whiteBaseline/psnr").asDouble() > 5 && report.at("/unseen/psnr").isNumber());
        assertTrue(Files.size(results.resolve("turntable.mp4")) > 100);
        assertFalse(Files.exists(results.resolve("views.json")));
        assertEquals(ExitCode.BAD_INPUT, run("demo", "--photos", "6", "--weights", weights.toString(), "-o", results.toString()));
        assertTrue(err.toString().contains("MFL-E131"), err.toString());
    }

    @Test
    void theDemoStartsFromOnePhoto() throws IOException {
        Path six = TinyWeights.write(folder.resolve("six"), 6, DType.F32);
        Path pipeline = TinyPipeline.write(folder.resolve("pipeline"), 6);
        Path results = folder.resolve("demo");
        String[] quick = {"demo", "--weights", six.toString(), "-o", results.toString(), "--pipeline", pipeline.toString(), "--mouse", "1", "--turntable", "0"};
        Path index = pipeline.resolve("model_index.json");
        Files.writeString(index, "{\"_mouselift_sampling\": {\"steps\": 2, \"guidance\": 1}}");
        assertEquals(0, run(quick), err.toString());
        assertTrue(out.toString().contains("unseen views") && out.toString().contains("viewer.html"), out.toString());
        assertTrue(err.toString().contains("2/2 steps"), "the steps that the pipeline recommends: " + err);
        JsonNode views = new ObjectMapper().readTree(results.resolve("views.json").toFile());
        assertEquals(6, views.get("nearestSlot").size());
        JsonNode hashes = new ObjectMapper().readTree(results.resolve("weights.json").toFile());
        assertEquals(org.mouselift.data.checkpoint.ContentHash.ofFile(pipeline.resolve("unet/diffusion_pytorch_model.safetensors")), hashes.at("/unet/sha256").asText());
        assertTrue(hashes.at("/vae/tensors").size() > 10 && hashes.at("/gslrm/tensors").size() > 10, "every file of weights by tensor");
        assertEquals(2 * 32, org.mouselift.data.image.Images.read(results.resolve("generated_views.png")).height());
        assertTrue(Files.exists(results.resolve("input.png")) && Files.exists(results.resolve("generated_views").resolve("view_05.png")));

        assertTrue(out.toString().lines().anyMatch(line -> line.matches("input views +PSNR [-0-9.]+ dB, SSIM [-0-9.]+")), "generated views have no mask: " + out);
        assertTrue(out.toString().lines().anyMatch(line -> line.matches("unseen views .*foreground PSNR [-0-9.]+ dB, mask IoU [0-9.]+")), out.toString());
        JsonNode run = new ObjectMapper().readTree(results.resolve("run.json").toFile());
        assertEquals(List.of(2, 42, "human6"), List.of(run.at("/settings/steps").asInt(), run.at("/settings/seed").asInt(), run.at("/settings/rig").asText()));
        assertEquals(sha256(pipeline.resolve("unet/diffusion_pytorch_model.safetensors")), run.at("/settings/weightsSha256/unet").asText());

        Files.writeString(results.resolve("notes.txt"), "mine");
        assertEquals(0, run("demo", "--weights", six.toString(), "-o", results.toString(), "--mouse", "1", "--turntable", "0", "--photos", "6"), err.toString());
        for (String first : List.of("views.json", "generated_views.png", "generated_views", "input.png")) {
            assertFalse(Files.exists(results.resolve(first)), "of the run before: " + first);
        }
        assertTrue(Files.exists(results.resolve("notes.txt")) && Files.exists(results.resolve("unseen.png")));
        assertFalse(new ObjectMapper().readTree(results.resolve("run.json").toFile()).has("settings"));

        for (String[] of : new String[][] {{"--steps", "3"}, {"--pipeline", pipeline.toString()}, {"--noise-seed", "42"}}) {
            assertEquals(ExitCode.USAGE, run("demo", "--photos", "6", of[0], of[1]));
            assertTrue(err.toString().contains(of[0] + " belongs to the first stage"), err.toString());
        }
        assertEquals(ExitCode.USAGE, run("demo", "--auto-crop"), "the truth would not be cropped");
        Files.write(pipeline.resolve("unet/diffusion_pytorch_model.safetensors"), new byte[] {1, 2, 3});
        Files.writeString(index, "{\"_mouselift_sampling\": {\"steps\": 0}}");
        assertEquals(ExitCode.BAD_INPUT, run(quick));
        assertTrue(err.toString().contains("MFL-E202") && err.toString().contains("_mouselift_sampling"), "before weights are read: " + err);
        assertEquals(ExitCode.USAGE, run("demo", "--photos", "2"));
    }

    @Test
    void missingStandardWeightsAreExplained() {
        String before = System.getProperty(WeightsArgument.ROOT_PROPERTY);
        System.setProperty(WeightsArgument.ROOT_PROPERTY, folder.resolve("elsewhere").toString());
        try {
            assertEquals(ExitCode.BAD_INPUT, run("demo", "-o", folder.resolve("demo").toString()));
            assertTrue(err.toString().contains("no multi-view pipeline") && err.toString().contains("--pipeline"), err.toString());
            assertEquals(ExitCode.BAD_INPUT, run("demo", "--photos", "6", "-o", folder.resolve("demo").toString()));
            assertTrue(err.toString().contains("weights of the mouse model are not there") && err.toString().contains("--weights"), err.toString());
        } finally {
            if (before == null) {
                System.clearProperty(WeightsArgument.ROOT_PROPERTY);
            } else {
                System.setProperty(WeightsArgument.ROOT_PROPERTY, before);
            }
        }
    }
}
