package org.mouselift.data.camera;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** transforms.json and the K, R, T calibration. */
class CameraFormatsTest {
    private static final Path ANY = Path.of("transforms.json");
    private static final String GOOD = """
            {"camera_angle_x": 0.8726646259971648, "w": 512, "h": 512, "aabb_scale": 4, "k1": 0, "frames": [
              {"file_path": "a.png", "sharpness": 3.5,
               "transform_matrix": [[1,0,0,0],[0,0,-1,-2.7],[0,1,0,0],[0,0,0,1]]},
              {"file_path": "b.png", "fl_x": 700, "fl_y": 710, "cx": 250, "w": 640,
               "transform_matrix": [[1,0,0,0],[0,0,-1,-2.7],[0,1,0,0.5]]}]}""";

    @TempDir Path folder;

    @Test
    void nerfFilesAreOpenGl() throws Exception {
        NerfTransforms file = parse(GOOD);
        Camera front = file.frames().get(0).camera();
        assertEquals(2.7, front.originDepth(), 1e-15, "the subject is in front");
        assertEquals(270, front.position().azimuth().xyDegrees(), 1e-12);
        assertEquals(548.993771650447, front.intrinsics().fx(), 1e-11);
        assertEquals(256, front.intrinsics().cx(), 0);
        assertEquals(new Intrinsics(700, 710, 250, 256, 640, 512), file.frames().get(1).camera().intrinsics());
        RigCheck.require(file.rig("nerf").select(0));
        assertEquals(file, NerfTransforms.parse(file.toBytes(), ANY), "unknown keys and doubles survive");
        assertTrue(new String(file.toBytes(), StandardCharsets.UTF_8).contains("aabb_scale"));
    }

    @Test
    void knownRingsSurviveTheExport() throws Exception {
        Path path = folder.resolve("transforms.json");
        NerfTransforms.ofRig(RigCatalog.human32()).write(path);
        CameraRig back = NerfTransforms.read(path).rig("human32");
        assertEquals(RigCatalog.human32().get(0).intrinsics(), back.get(0).intrinsics());
        for (int i = 0; i < 32; i++) {
            assertEquals(RigCatalog.human32().get(i).center(), back.get(i).center());
            assertTrue(RigCatalog.human32().get(i).pose().rotation().maxAbsDifference(back.get(i).pose().rotation()) < 1e-15);
        }
    }

    /** Devices for augmented reality: the same cameras, 16 numbers column by column (F-020). */
    @Test
    void flatMatricesAreColumnMajor() throws Exception {
        CameraRig rig = RigCatalog.human6();
        StringBuilder frames = new StringBuilder();
        for (Camera c : rig.cameras()) {
            double[][] m = c.pose().openGl();
            frames.append(frames.isEmpty() ? "" : ",").append("{\"transform_matrix\": [");
            for (int i = 0; i < 16; i++) {
                frames.append(i == 0 ? "" : ",").append(m[i % 4][i / 4]);
            }
            frames.append("]}");
        }
        CameraRig back = parse("{\"fl_x\": 548.9937744140625, \"w\": 512, \"h\": 512, \"frames\": [" + frames + "]}").rig("ar");
        for (int i = 0; i < rig.size(); i++) {
            assertTrue(rig.get(i).center().distance(back.get(i).center()) < 1e-12);
            assertTrue(rig.get(i).pose().rotation().maxAbsDifference(back.get(i).pose().rotation()) < 1e-12);
        }
        String row = "[1,0,0,0.5, 0,1,0,0, 0,0,1,2.7, 0,0,0,1]";
        assertTrue(org.junit.jupiter.api.Assertions.assertThrows(CameraFileException.class, () -> parse("{\"fl_x\": 500, \"frames\": [{\"transform_matrix\": " + row + "}]}")).getMessage()
                .contains("last row"), "row by row it needs its brackets");
    }

    @Test
    void focalLengthWinsOverTheAngle() throws Exception {
        Camera c = parse(GOOD.replace("\"w\": 512, \"h\"", "\"fl_x\": 600, \"w\": 512, \"h\"")).frames().get(0).camera();
        assertEquals(600, c.intrinsics().fx());
        assertEquals(600, c.intrinsics().fy());
        Camera defaults = parse(GOOD.replace("\"w\": 512, \"h\": 512, ", "")).frames().get(0).camera();
        assertEquals(512, defaults.intrinsics().width());
    }

    @Test
    void badNerfFilesNameTheField() {
        Map<String, String> cases = new LinkedHashMap<>();
        cases.put("\"k1\": 0→\"k1\": 0.1", "k1");
        cases.put("\"aabb_scale\": 4→\"camera_model\": \"OPENCV_FISHEYE\"", "camera_model");
        cases.put("\"camera_angle_x\": 0.87→\"camera_angle_x\": 548.87", "camera_angle_x");
        cases.put("\"camera_angle_x\": 0.8726646259971648, →", "frames[0]");
        cases.put("\"fl_x\": 700→\"fl_x\": -700", "frames[1].fl_x");
        cases.put("[0,0,0,1]]→[0,0,0,2]]", "frames[0].transform_matrix");
        cases.put("[[1,0,0,0]→[[-1,0,0,0]", "mirrored");
        cases.put("\"w\": 640→\"w\": 0", "frames[1].w");
        cases.put("\"sharpness\": 3.5→\"file_path\": \"c.png\"", "Duplicate field");
        cases.forEach((edit, expected) -> {
            String[] parts = edit.split("→", -1);
            String text = GOOD.replace(parts[0], parts[1]);
            assertFalse(text.equals(GOOD), edit);
            CameraFileException e = assertThrows(CameraFileException.class, () -> parse(text), edit);
            assertTrue(e.getMessage().contains(expected) && e.getMessage().contains("transforms.json"), e.getMessage());
        });
    }

    @Test
    void calibrationListAndDictionary() throws Exception {
        String one = "{\"K\": [[700,0,250],[0,710,260],[0,0,1]], \"R\": [[1,0,0],[0,0,-1],[0,1,0]], \"T\": [1,2,300], \"x\": 1}";
        String row = one.replace("[1,2,300]", "[[1,2,300]]");
        String column = one.replace("[1,2,300]", "[[1],[2],[300]]");
        List<MammalCamera> list = calibration("[" + one + "," + row + "," + column + "]", 3);
        assertEquals(list.get(0), list.get(1));
        assertEquals(list.get(0), list.get(2));
        assertEquals(list, calibration("{\"2\": " + column + ", \"1\": " + row + ", \"0\": " + one + "}", 3));
        assertEquals(2, calibration("[" + one + "," + row + "," + column + "]", 2).size());
        Map<String, String> bad = new LinkedHashMap<>();
        bad.put("[" + one + "]", "camera 1");
        bad.put("{\"0\": " + one + ", \"2\": " + one + "}", "camera 1");
        bad.put("[]", "camera 0");
        bad.put("7", "expected a list or a dictionary");
        bad.put("[" + one + ", 5]", "camera 1");
        bad.put("[" + one + "," + one.replace("\"R\"", "\"r\"") + "]", "camera 1: R");
        bad.put("[" + one + "," + one.replace("[1,2,300]", "[1,2,3,4]") + "]", "camera 1: T");
        bad.put("[" + one + "," + one.replace("[0,0,-1]", "[0,0,1]") + "]", "mirrored");
        bad.put("[" + one + "," + one.replace("[0,0,-1]", "[0,0,-2]") + "]", "not orthonormal");
        bad.put("[" + one + "," + one.replace("[[700,0,250]", "[[700,3,250]") + "]", "camera 1: K");
        bad.put("[" + one + "," + one.replace("[[700,0,250]", "[[700,0]") + "]", "camera 1: K");
        bad.put("[" + one + "," + one.replace("[[700,", "[[-700,") + "]", "camera 1: K");
        bad.put("[" + one + "," + one.replace("[[700,", "[[\"f\",") + "]", "camera 1: K");
        bad.put("[" + one + "," + one.replace("[[700,", "[[1e999,") + "]", "camera 1: K");
        bad.forEach((text, expected) -> {
            CameraFileException e = assertThrows(CameraFileException.class, () -> calibration(text, 2), text);
            assertTrue(e.getMessage().contains(expected), e.getMessage());
        });
    }

    private List<MammalCamera> calibration(String text, int n) throws IOException {
        return CalibrationFile.readJson(Files.writeString(folder.resolve("cameras.json"), text), n);
    }

    private static NerfTransforms parse(String text) throws IOException {
        return NerfTransforms.parse(text.getBytes(StandardCharsets.UTF_8), ANY);
    }
}
