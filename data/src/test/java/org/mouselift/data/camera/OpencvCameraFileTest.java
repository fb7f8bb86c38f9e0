package org.mouselift.data.camera;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class OpencvCameraFileTest {
    private static final Path ANY = Path.of("sample/opencv_cameras.json");
    private static final String GOOD = """
            {"id": "sample_000", "normalization_info": {"scale_factor": 0.25, "note": [1, "x"]}, "frames": [
              {"w": 512, "h": 512, "fx": 549.5, "fy": 549, "cx": 256, "cy": 256.25,
               "w2c": [[1,0,0,0],[0,0,-1,0],[0,1,0,2.7],[0,0,0,1]],
               "file_path": "images/cam_000.png", "view_id": 0, "blender_camera_name": "lrm_cam.000"},
              {"w": 512, "h": 512, "fx": 549, "fy": 549, "cx": 256, "cy": 256,
               "w2c": [[0,1,0,0],[0,0,-1,0],[-1,0,0,2.7],[0,0,0,1]], "file_path": "images/cam_001.png"}]}""";

    @TempDir Path folder;

    @Test
    void readsFieldsAndKeepsUnknownOnes() throws Exception {
        OpencvCameraFile file = parse(GOOD);
        assertEquals(new Intrinsics(549.5, 549, 256, 256.25, 512, 512), file.frames().get(0).camera().intrinsics());
        assertEquals(0, file.frames().get(0).viewId().orElseThrow());
        assertTrue(file.frames().get(1).viewId().isEmpty());
        Path out = folder.resolve("deep/opencv_cameras.json");
        file.write(out);
        ObjectMapper mapper = new ObjectMapper();
        JsonNode before = mapper.readTree(GOOD);
        JsonNode after = mapper.readTree(Files.readAllBytes(out));
        assertEquals(before.get("normalization_info"), after.get("normalization_info"));
        assertEquals("lrm_cam.000", after.at("/frames/0/blender_camera_name").asText());
        assertEquals(file, OpencvCameraFile.read(out, OpencvCameraFile.Options.RIG.withCameras(2)));
        try (Stream<Path> left = Files.list(out.getParent())) {
            assertEquals(List.of(out), left.toList(), "no temporary file stays behind");
        }
    }

    @Test
    void malformedFilesNameFileAndField() {
        Map<String, String> cases = new LinkedHashMap<>(); // edit "old→new" : field expected in the message
        cases.put("\"fx\": 549.5→\"fx\": -549.5", "frames[0].fx");
        cases.put("\"fy\": 549, \"cx\": 256, \"cy\": 256.25→\"fy\": 0, \"cx\": 256, \"cy\": 256.25", "frames[0].fy");
        cases.put("\"cx\": 256, \"cy\": 256.25→\"cx\": \"256\", \"cy\": 256.25", "frames[0].cx");
        cases.put("\"cy\": 256.25,→", "frames[0].cy");
        cases.put("\"w\": 512→\"w\": 512.5", "frames[0].w");
        cases.put("\"h\": 512→\"h\": 0", "frames[0].h");
        cases.put("[0,1,0,2.7],[0,0,0,1]→[0,1,0,2.7]", "frames[0].w2c");
        cases.put("[0,1,0,2.7],[0,0,0,1]→[0,1,0,2.7],[0,0,0,1.0000001]", "last row");
        cases.put("[[1,0,0,0],→[[1,0,0],", "frames[0].w2c[0]");
        cases.put("[[1,0,0,0],→[[1.001,0,0,0],", "not orthonormal");
        cases.put("[[1,0,0,0],→[[-1,0,0,0],", "mirrored");
        cases.put("[[1,0,0,0],→[[NaN,0,0,0],", "not valid JSON");
        cases.put("[[1,0,0,0],→[[1e999,0,0,0],", "frames[0].w2c[0][0]");
        cases.put("\"images/cam_001.png\"→\"images/cam_000.png\"", "frames[1].file_path");
        cases.put("\"images/cam_001.png\"→\"../cam_001.png\"", "frames[1].file_path");
        cases.put("\"images/cam_001.png\"→\"/etc/passwd\"", "frames[1].file_path");
        cases.put("\"images/cam_001.png\"→17", "frames[1].file_path");
        cases.put("\"fx\": 549.5,→\"fx\": 549.5, \"fx\": 12,", "Duplicate field 'fx'");
        cases.put("\"view_id\": 0→\"view_id\": \"zero\"", "frames[0].view_id");
        cases.put("\"frames\"→\"frame\"", "frames");
        cases.put("\"id\": \"sample_000\"→\"id\": 5", "id");
        cases.forEach((edit, expected) -> {
            String[] parts = edit.split("→", -1);
            String text = GOOD.replaceFirst(java.util.regex.Pattern.quote(parts[0]),
                    java.util.regex.Matcher.quoteReplacement(parts[1]));
            assertFalse(text.equals(GOOD), edit);
            CameraFileException e = assertThrows(CameraFileException.class, () -> parse(text), edit);
            assertTrue(e.getMessage().contains(expected) && e.getMessage().contains(ANY.toString()), edit + " → "
                    + e.getMessage());
        });
        for (String text : List.of("", "[]", "{}", "{\"frames\": []}", "{\"frames\": 3}", GOOD + "x", "null", "[[[[[[[")) {
            assertThrows(CameraFileException.class, () -> parse(text), text);
        }
        assertTrue(assertThrows(CameraFileException.class, () -> OpencvCameraFile.parse(bytes(GOOD), ANY,
                OpencvCameraFile.Options.RIG.withCameras(6))).getMessage().contains("2 cameras, needs 6"));
        assertThrows(CameraFileException.class, () -> OpencvCameraFile.read(folder.resolve("none.json"),
                OpencvCameraFile.Options.RIG));
    }

    @Test
    void samplesNeedTheirPictures() throws Exception {
        Path file = Files.writeString(folder.resolve("opencv_cameras.json"), GOOD);
        CameraFileException e = assertThrows(CameraFileException.class,
                () -> OpencvCameraFile.read(file, OpencvCameraFile.Options.SAMPLE));
        assertEquals("frames[0].file_path", e.field());
        Files.createDirectories(folder.resolve("images"));
        Files.write(folder.resolve("images/cam_000.png"), new byte[] {1});
        Files.write(folder.resolve("images/cam_001.png"), new byte[] {1});
        OpencvCameraFile.read(file, OpencvCameraFile.Options.SAMPLE);
        Path noPath = Files.writeString(folder.resolve("rig.json"), GOOD.replace(", \"file_path\": \"images/cam_001.png\"", ""));
        assertThrows(CameraFileException.class, () -> OpencvCameraFile.read(noPath, OpencvCameraFile.Options.SAMPLE));
        OpencvCameraFile.read(noPath, OpencvCameraFile.Options.RIG);
    }

    @Test
    void principalPointOutsideIsAWarning() throws Exception {
        OpencvCameraFile file = parse(GOOD.replace("\"cy\": 256.25", "\"cy\": -0.5"));
        assertEquals(1, file.warnings().size());
        assertTrue(file.warnings().get(0).contains("frames[0]"));
    }

    @Test
    void generatedRigsCarryTheirAngles() throws Exception {
        OpencvCameraFile file = OpencvCameraFile.ofGeneratedRig(RigCatalog.named("facelift_standard_6view"),
                "facelift_standard_6view");
        JsonNode json = new ObjectMapper().readTree(file.toBytes());
        assertEquals("facelift_standard_6view", json.get("camera_type").asText());
        assertEquals(120, json.at("/frames/2/azimuth_deg").asDouble(), 1e-9);
        assertEquals(20, json.at("/frames/2/elevation_deg").asDouble(), 1e-9);
        assertEquals(2.7, json.at("/frames/2/camera_distance").asDouble(), 1e-9);
        assertEquals("images/cam_002.png", json.at("/frames/2/file_path").asText());
    }

    @Test
    void mutatedBytesGiveOnlyTypedErrors() {
        byte[] good = OpencvCameraFile.ofRig(RigCatalog.human6()).toBytes();
        Random random = new Random(7);
        int read = 0;
        for (int i = 0; i < 3000; i++) {
            byte[] bytes = good.clone();
            for (int k = random.nextInt(4); k >= 0; k--) {
                bytes[random.nextInt(bytes.length)] = (byte) (random.nextBoolean() ? random.nextInt(256) : "0]{,-e9\"".charAt(random.nextInt(8)));
            }
            if (random.nextInt(5) == 0) {
                bytes = java.util.Arrays.copyOf(bytes, random.nextInt(bytes.length));
            }
            try {
                OpencvCameraFile.parse(bytes, ANY, OpencvCameraFile.Options.RIG);
                read++;
            } catch (CameraFileException e) {
                assertTrue(e.getMessage().startsWith(ANY.toString()));
            } catch (IOException | RuntimeException e) {
                throw new AssertionError("untyped error for mutation " + i, e);
            }
        }
        assertTrue(read > 0, "some mutations only change digits");
    }

    @Test
    void sharedHumanFileEqualsTheBuiltInRig() throws Exception {
        Path file = Path.of(System.getProperty("mouselift.shared", "missing"), "real/cameras/opencv_cameras.json");
        Assumptions.assumeTrue(Files.exists(file), () -> "SKIPPED: no " + file);
        CameraRig stored = OpencvCameraFile.read(file, OpencvCameraFile.Options.RIG.withCameras(6)).rig("human6");
        int[] order = RigCatalog.builtIn().entry("human6").fileOrder().orElseThrow().stream().mapToInt(i -> i).toArray();
        CameraRig slots = stored.select(order);
        for (int i = 0; i < 6; i++) {
            Pose a = RigCatalog.human6().get(i).pose();
            Pose b = slots.get(i).pose();
            assertTrue(a.rotation().maxAbsDifference(b.rotation()) < 1e-6, "rotation of slot " + i);
            assertTrue(a.center().distance(b.center()) < 1e-6, "centre of slot " + i);
        }
        RigCheck.require(slots, RigCheck.Limits.STANDARD.withCameras(6));
    }

    private static OpencvCameraFile parse(String text) throws IOException {
        return OpencvCameraFile.parse(bytes(text), ANY, OpencvCameraFile.Options.RIG);
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
