package org.mouselift.pipeline.mousedata;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.mouselift.data.camera.Camera;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.camera.OpencvCameraFile;
import org.mouselift.data.camera.RigCatalog;
import org.mouselift.data.image.Image8;
import org.mouselift.data.synth.MouseParameters;
import org.mouselift.data.synth.SynthMouse;
import org.mouselift.pipeline.mousedata.CalibrationStudy.Defect;
import org.mouselift.pipeline.report.CalibrationPage;

/** Cameras that are right are found right; one that is two degrees off is named; the study says what could be seen. */
class CalibrationStudyTest {
    private static final int SIZE = 160;

    @TempDir
    Path folder;

    private Path dataset(CameraRig true_, CameraRig claimed) throws IOException {
        Path set = Files.createDirectories(folder.resolve(claimed.id()));
        for (int i = 0; i < 2; i++) {
            List<Image8> views = SynthMouse.of(MouseParameters.sample(31, i, 0)).render(true_.cameras()).stream().map(v -> {
                byte[] rgba = v.rgba().clone();
                for (int p = 3; p < rgba.length; p += 4) {
                    rgba[p] = (byte) ((rgba[p] & 0xFF) > 127 ? 255 : 0);
                }
                return new Image8(SIZE, SIZE, 4, rgba);
            }).toList();
            SampleFolder.write(set, SampleFolder.name(i), OpencvCameraFile.ofRig(claimed.withId(SampleFolder.name(i))), views);
        }
        return set;
    }

    @Test
    void aWrongCameraIsNamedAndTheStudySaysFromWhere() throws IOException {
        CameraRig rig = new CameraRig("right", SynthMouse.resized(RigCatalog.named("mouse6"), SIZE).cameras());
        CalibrationStudy.Report good = CalibrationStudy.of(dataset(rig, rig), 9, 1, 1, n -> { });
        assertEquals(OptionalInt.empty(), good.suspect());
        assertTrue(good.samples() == 2 && good.meanError() < 2, good.cameras().toString());
        assertEquals(15, good.levels().size());
        for (Defect d : Defect.values()) {
            List<CalibrationStudy.Level> own = good.levels().stream().filter(l -> l.defect() == d).toList();
            assertTrue(own.getLast().own() > 2 * own.getFirst().own(), d + ": larger errors are larger: " + own);
            assertTrue(own.getLast().own() > 1.5 * own.getLast().others(), d + ": the wrong camera stands out: " + own);
        }
        assertTrue(good.levels().stream().anyMatch(l -> l.defect() == Defect.ROTATION && l.size() == 2 && l.found() >= 0.8), good.levels().toString());

        List<Camera> cameras = new ArrayList<>(rig.cameras());
        cameras.set(3, CalibrationStudy.wrong(cameras.get(3), Defect.ROTATION, 2, new SplittableRandom(5)));
        CalibrationStudy.Report bad = CalibrationStudy.of(dataset(rig, new CameraRig("wrong", cameras)), 9, 0, 1, n -> { });
        assertEquals(OptionalInt.of(3), bad.suspect(), bad.cameras().toString());
        assertTrue(bad.levels().isEmpty());

        Path page = folder.resolve("page.html");
        CalibrationPage.write(page, folder.resolve("wrong"), bad, LocalDate.of(2026, 1, 2));
        assertTrue(Files.readString(page).contains("camera 3 contradicts the others"));
        CalibrationPage.write(page, folder.resolve("right"), good, LocalDate.of(2026, 1, 2));
        assertTrue(Files.readString(page).contains("the cameras agree") && Files.readString(page).contains("data:image/png;base64,"));
    }

    @Test
    void picturesWithoutCamerasAreNoCalibration() throws IOException {
        Path views = Files.createDirectories(folder.resolve("views"));
        Files.write(views.resolve("view_00.png"), org.mouselift.data.image.PngWriter.encode(Image8.blank(8, 8, 4)));
        assertTrue(assertThrows(MouseDataException.class, () -> CalibrationStudy.of(views, 9, 0, 1, n -> { })).getMessage().contains("has no cameras"));
    }
}
