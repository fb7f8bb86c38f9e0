package org.mouselift.pipeline.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.mouselift.data.camera.OpencvCameraFile;
import org.mouselift.data.image.Image;
import org.mouselift.data.image.Images;
import picocli.CommandLine;

class RigCommandTest {
    @TempDir
    Path folder;

    private record Run(int code, String out, String err) {}

    private static Run run(Object... arguments) {
        CommandLine commandLine = Mouselift.commandLine();
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        commandLine.setOut(new PrintWriter(out, true)).setErr(new PrintWriter(err, true));
        String[] text = java.util.Arrays.stream(arguments).map(Object::toString).toArray(String[]::new);
        return new Run(Mouselift.run(commandLine, text), out.toString(), err.toString());
    }

    @Test
    void angularSlotsOfTheMouseRig() throws Exception {
        Path file = folder.resolve("slots.json");
        Path plot = folder.resolve("rig.png");
        Run r = run("rig", "show", "mouse6", "--slots", "angular", "--as", "human6", "-o", file, "--plot", plot);
        assertEquals(0, r.code, r.err);
        assertTrue(r.out.contains("filled by cameras [0, 4, 2, 1, 3, 5] (angular)"), r.out);
        assertTrue(r.out.contains("224.3°"), "slot 4 stands 224.3° clockwise from the reference: " + r.out);
        OpencvCameraFile written = OpencvCameraFile.read(file, OpencvCameraFile.Options.RIG.withCameras(6));
        assertEquals(3.377, written.frames().get(3).camera().center().getNorm(), 1e-3, "slot 3 is camera 1");
        Image picture = Images.read(plot);
        assertTrue(picture.width() > 1000 && picture.height() > 1000, "two rows: the rig, and the rig in slot order");
    }

    @Test
    void aComparisonSaysWhatDiffersAndWritesIt() throws Exception {
        assertEquals(0, run("rig", "compare", "human6", "human6").code);
        Run r = run("rig", "compare", "human6", "mouse6", "--slots", "angular", "-o", folder.resolve("cmp"));
        assertEquals(1, r.code, r.out);
        assertTrue(r.out.contains("MFL-E121") && r.out.contains("match     distance"), r.out);
        JsonNode json = new ObjectMapper().readTree(folder.resolve("cmp/comparison_results.json").toFile());
        assertEquals(0.9654, json.at("/second/planarity").asDouble(), 1e-4);
        assertEquals(19.13, json.at("/second/elevation_deg/mean").asDouble(), 0.01);
        assertEquals(6, json.path("cameras").size());
        String report = Files.readString(folder.resolve("cmp/comparison_report.md"));
        assertTrue(report.contains("| elevation, degrees | 0.0 … 0.0, mean 0.0 | 10.7 … 30.8, mean 19.1 |"), report);
        Run other = run("rig", "compare", "human32", "mouse6");
        assertTrue(other.out.contains("human32: 32 cameras, elevation 20.0° to 20.0° (mean 20.0°)"), "spec K-27: 20° for all 32: " + other.out);
    }

    @Test
    void rigFilesAreReadAndBadRigsRefused() throws Exception {
        Path rigs = Files.writeString(folder.resolve("rigs.json"), """
                {"rigs": [{"id": "pair", "description": "two", "azimuth_convention": "XY_CCW", "width": 64, "height": 64, "fov": 40,
                  "views": [{"name": "left", "azimuth": 0, "elevation": 10, "distance": 2}, {"name": "right", "azimuth": 180, "elevation": 10, "distance": 2}]}]}""");
        Run r = run("rig", "show", rigs);
        assertEquals(0, r.code, r.err);
        assertTrue(r.out.contains("pair: two") && r.out.contains("right"), r.out);
        assertTrue(run("rig", "list", "--rigs", rigs).out.contains("pair"));
        assertEquals(3, run("rig", "show", rigs + ":nothing").code);
        Path mirrored = Files.writeString(folder.resolve("bad.json"), """
                {"frames": [{"w": 8, "h": 8, "fx": 9, "fy": 9, "cx": 4, "cy": 4, "w2c": [[1,0,0,0],[0,1,0,0],[0,0,1,-2.7],[0,0,0,1]]}]}""");
        Run away = run("rig", "show", mirrored);
        assertEquals(1, away.code);
        assertTrue(away.out.contains("MFL-E126"), away.out);
        assertEquals(3, run("rig", "show", "nosuchrig").code);
        assertEquals(2, run("rig", "show", "mouse6", "--up", "up").code);
    }

    @Test
    void theProbeConfirmsOrRefusesAClaim() {
        assertEquals(0, run("synth-mice", "-n", 2, "--size", 96, "--rig", "facelift_standard_6view", "-o", folder.resolve("mice")).code);
        Run own = run("rig", "probe", folder.resolve("mice"));
        assertEquals(0, own.code, own.out + own.err);
        Run claimed = run("rig", "probe", folder.resolve("mice"), "--claimed", "human6");
        assertEquals(1, claimed.code, claimed.out);
        assertTrue(claimed.out.contains("The claimed cameras do not fit; uniform6 at elevation 20° fits best."), claimed.out);
        assertEquals(3, run("rig", "probe", folder.resolve("nothing")).code);
    }

    @Test
    void aNormalisationIsShownBeforeAndAfter() throws Exception {
        Path place = folder.resolve("figures");
        assertEquals(0, run("rig", "show", "mouse6_raw", "--geometry", "similarity", "--up", "pca", "--figures", place).code);
        JsonNode data = new ObjectMapper().readTree(place.resolve("camera_data.json").toFile());
        assertEquals("Z up", data.at("/normalised/up_axis").asText());
        assertEquals(246.1, data.at("/original/cameras/0/distance").asDouble(), 0.1);
        assertEquals(2.005, data.at("/normalised/cameras/0/distance").asDouble(), 1e-3);
        assertTrue(Files.isRegularFile(place.resolve("camera_positions_3d.png")) && Files.isRegularFile(place.resolve("camera_statistics.png")));
    }

    @Test
    void encodingsHaveFourFigures() throws Exception {
        Run r = run("rig", "encodings", "mouse6", "-o", folder.resolve("encodings"));
        assertEquals(0, r.code, r.err);
        assertTrue(r.out.contains("extrinsic") && Files.isRegularFile(folder.resolve("encodings/encoding_comparison.png")), r.out);
        assertEquals(3, run("rig", "encodings", folder.resolve("missing.json")).code, "no cameras are invented");
    }

    /** The shipped network: with the right cameras its Gaussians look like the pictures again. */
    @Test
    void theRightCamerasWinTheReconstruction() throws Exception {
        Path mice = folder.resolve("mice");
        assertEquals(0, run("synth-mice", "-n", 1, "--first", 12_000, "--rig", "human6", "--size", 128, "-o", mice).code);
        Path sample = mice.resolve("sample_012000");
        Run good = run("rig", "test", sample, "--rigs", "uniform6,human32", "-o", folder.resolve("sheet.png"));
        assertEquals(0, good.code, good.out + good.err);
        assertTrue(good.out.contains("The sample's own cameras fit best.") && good.out.contains("left out: human32") && good.out.contains("own reversed"), good.out);
        assertEquals(4 * 128, Images.read(folder.resolve("sheet.png")).height(), "the pictures and three rigs");
        OpencvCameraFile file = OpencvCameraFile.read(sample.resolve(OpencvCameraFile.FILE_NAME), OpencvCameraFile.Options.SAMPLE);
        file.withCameras(org.mouselift.pipeline.evaluate.CameraHypotheses.reversed(file.rig("own"))).write(sample.resolve(OpencvCameraFile.FILE_NAME));
        Run bad = run("rig", "test", sample, "--rigs", "human6");
        assertEquals(1, bad.code, bad.out + bad.err);
        assertTrue(bad.out.contains("Not the sample's own cameras fit best"), bad.out);
    }
}
