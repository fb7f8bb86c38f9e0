package org.mouselift.pipeline.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.mouselift.data.camera.OpencvCameraFile;
import org.mouselift.data.camera.Rings;
import org.mouselift.data.image.Image16;
import org.mouselift.data.image.Image8;
import org.mouselift.data.image.ImageLimits;
import org.mouselift.data.image.Images;
import org.mouselift.data.ply.GaussianCloud;
import org.mouselift.data.ply.SplatPly;

/** Commands on a splat file of three opaque balls: grey at the origin, red at x = 0.7, blue at z = 0.7. */
class SplatCommandsTest {
    private static final double SH_C0 = 0.28209479177387814;

    @TempDir
    Path folder;

    private Path ply;
    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    @BeforeEach
    void balls() throws IOException {
        float dark = (float) (-0.5 / SH_C0);
        float bright = (float) (0.5 / SH_C0);
        float small = (float) Math.log(0.08);
        ply = folder.resolve("balls.ply");
        SplatPly.write(ply, new GaussianCloud(3, 0, new float[] {0, 0, 0, 0.7f, 0, 0, 0, 0, 0.7f},
                new float[] {0, 0, 0, bright, dark, dark, dark, dark, bright}, new float[] {small, small, small, small, small, small, small, small, small},
                new float[] {1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0}, new float[] {9, 9, 9}), SplatPly.Padding.VIEWER);
    }

    private int run(String... arguments) {
        return Mouselift.commandLine().setOut(new PrintWriter(out, true)).setErr(new PrintWriter(err, true)).execute(arguments);
    }

    private static List<Integer> pixel(Image8 image, int x, int y) {
        return List.of(image.get(x, y, 0), image.get(x, y, 1), image.get(x, y, 2));
    }

    /** A ball is at most 0.99 opaque, and a pixel may lie 0.7 pixels off its centre, where a sixth of sigma costs 2 %. */
    private static void assertNear(List<Integer> expected, List<Integer> seen) {
        for (int c = 0; c < 3; c++) {
            assertEquals(expected.get(c), seen.get(c), 12, "expected " + expected + ", saw " + seen);
        }
    }

    /** Column of a point at x = 0.7 on a 128-pixel picture: 64 + f·0.7/2.7 with f = 64/tan 25°. */
    private static final int RIGHT = 64 + 35;

    @Test
    void theTurntableBeginsAtTheFrontAndRunsCounterClockwise() throws IOException {
        Path frames = folder.resolve("frames");
        assertEquals(0, run("render", ply.toString(), "--turntable", "4", "--size", "128", "-o", frames.toString()), err.toString());
        Image8 front = Images.read(frames.resolve("frame_0000.png"));
        assertNear(List.of(255, 255, 255), pixel(front, 2, 2));
        assertNear(List.of(128, 128, 128), pixel(front, 64, 64));
        assertNear(List.of(252, 3, 3), pixel(front, RIGHT, 64));
        assertNear(List.of(3, 3, 252), pixel(front, 64, 128 - RIGHT));
        // A quarter turn later the camera stands at +x: red in front of grey; at -x the red ball is hidden behind it.
        assertNear(List.of(252, 3, 3), pixel(Images.read(frames.resolve("frame_0001.png")), 64, 64));
        assertNear(List.of(252, 3, 3), pixel(Images.read(frames.resolve("frame_0002.png")), 128 - RIGHT, 64));
        assertNear(List.of(128, 128, 128), pixel(Images.read(frames.resolve("frame_0003.png")), 64, 64));
    }

    @Test
    void camerasOfAFileTransparencyDepthAndVideosInOnePass() throws IOException {
        Path cameras = folder.resolve("opencv_cameras.json");
        OpencvCameraFile.ofRig(Rings.turntable(3, 20, 256)).write(cameras);
        Path frames = folder.resolve("frames");
        Path gif = folder.resolve("video").resolve("t.gif");
        Path mp4 = folder.resolve("video").resolve("t.mp4");
        assertEquals(0, run("render", ply.toString(), "--cameras", cameras.toString(), "--size", "128", "--alpha", "--depth", "-o", frames.toString(),
                "-o", gif.toString(), "-o", mp4.toString()), err.toString());
        Image8 front = (Image8) Images.readStored(frames.resolve("frame_0000.png"), ImageLimits.DEFAULT);
        assertEquals(4, front.channels());
        assertEquals(0, front.get(2, 2, 3));
        assertTrue(front.get(64, 64, 3) >= 245);
        assertNear(List.of(128, 128, 128), pixel(front, 64, 64));
        Image16 depth = (Image16) Images.readStored(frames.resolve("depth_0000.png"), ImageLimits.DEFAULT);
        assertEquals(27_000, depth.data()[64 * 128 + 64] & 0xffff, 2, "the origin is 2.7 away, in steps of 0.0001");
        assertEquals(0, depth.data()[0]);
        assertTrue(Files.size(gif) > 500 && Files.size(mp4) > 500);
        try (var files = Files.list(frames)) {
            assertEquals(6, files.count());
        }
    }

    @Test
    void theBackgroundShinesThrough() throws IOException {
        Path frames = folder.resolve("frames");
        assertEquals(0, run("render", ply.toString(), "--turntable", "1", "--size", "64", "--background", "0,0.5,1", "-o", frames.toString()), err.toString());
        assertNear(List.of(0, 127, 255), pixel(Images.read(frames.resolve("frame_0000.png")), 1, 1));
    }

    @Test
    void wrongArgumentsEndBeforeAnyWork() {
        assertEquals(ExitCode.BAD_INPUT, run("render", folder.resolve("gone.ply").toString(), "-o", folder.resolve("a").toString()));
        assertTrue(err.toString().contains("PLY: " + folder.resolve("gone.ply") + " does not exist"), err.toString());
        assertEquals(ExitCode.USAGE, run("render", ply.toString(), "--size", "0", "-o", folder.resolve("a").toString()));
        assertEquals(ExitCode.USAGE, run("render", ply.toString(), "--background", "pink", "-o", folder.resolve("a").toString()));
        assertEquals(ExitCode.USAGE, run("render", ply.toString(), "--alpha", "-o", folder.resolve("a.gif").toString()));
        assertEquals(ExitCode.USAGE, run("render", ply.toString(), "--turntable", "3", "--cameras", "human6", "-o", "a"));
        assertEquals(ExitCode.BAD_INPUT, run("render", ply.toString(), "--cameras", folder.resolve("no.json").toString(), "-o", "a"));
        assertFalse(Files.exists(folder.resolve("a")));
    }

    @Test
    void inspectShowsPropertiesAndStatistics() throws IOException {
        assertEquals(0, run("inspect", ply.toString(), "--stats", "--json", "--match", "x"), err.toString());
        JsonNode x = new ObjectMapper().readTree(out.toString()).at("/parts/0");
        assertEquals("x", x.get("name").asText());
        assertEquals(3, x.at("/shape/0").asInt());
        assertEquals(0.7, x.at("/statistics/largest").asDouble(), 1e-6);
        assertEquals(0.7 / 3, x.at("/statistics/mean").asDouble(), 1e-6);
        assertEquals(0.7 * Math.sqrt(2) / 3, x.at("/statistics/deviation").asDouble(), 1e-6);
        Path text = Files.writeString(folder.resolve("notes.txt"), "hello, this is no tensor");
        assertEquals(ExitCode.BAD_INPUT, run("inspect", text.toString()));
    }

    @Test
    void inspectReadsLargeTensorsInPartsAndCountsWhatIsNotFinite() throws IOException {
        // Two parts and a bit, half precision: 1 everywhere, 3 in the last third, one NaN.
        int count = (2 << 20) + 7;
        String header = "{\"w\":{\"dtype\":\"F16\",\"shape\":[" + count + "],\"data_offsets\":[0," + 2 * count + "]}}";
        ByteBuffer bytes = ByteBuffer.allocate(8 + header.length() + 2 * count).order(ByteOrder.LITTLE_ENDIAN);
        bytes.putLong(header.length()).put(header.getBytes(StandardCharsets.US_ASCII));
        for (int i = 0; i < count; i++) {
            bytes.putShort(Float.floatToFloat16(i == 5 ? Float.NaN : i < 2 * (count / 3) ? 1 : 3));
        }
        Path file = Files.write(folder.resolve("w.safetensors"), bytes.array());
        assertEquals(0, run("inspect", file.toString(), "--stats", "--json"), err.toString());
        JsonNode part = new ObjectMapper().readTree(out.toString()).at("/parts/0");
        assertEquals("F16", part.get("type").asText());
        assertEquals(count - 1, part.at("/statistics/count").asInt());
        assertEquals(1, part.at("/statistics/notFinite").asInt());
        assertEquals(3, part.at("/statistics/largest").asDouble());
        double threes = count - 2 * (count / 3);
        double mean = 1 + 2 * threes / (count - 1);
        assertEquals(mean, part.at("/statistics/mean").asDouble(), 1e-9);
        assertEquals(Math.sqrt((mean - 1) * (3 - mean)), part.at("/statistics/deviation").asDouble(), 1e-9);
    }

    @Test
    void viewerHoldsTheFileAndRefusesPointClouds() throws IOException {
        Path page = folder.resolve("viewer.html");
        assertEquals(0, run("viewer", ply.toString(), "-o", page.toString()), err.toString());
        assertTrue(Files.readString(page).contains("\"contentFilename\":\"balls.ply\""));
        Path points = Files.writeString(folder.resolve("points.ply"),
                "ply\nformat ascii 1.0\nelement vertex 1\nproperty float x\nproperty float y\nproperty float z\nend_header\n0 0 0\n");
        assertEquals(ExitCode.BAD_INPUT, run("viewer", points.toString(), "-o", page.toString()));
        assertTrue(err.toString().contains("point cloud"), err.toString());
    }
}
