package org.mouselift.pipeline.fit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.camera.NerfTransforms;
import org.mouselift.data.camera.OpencvCameraFile;
import org.mouselift.data.camera.OpencvFrame;
import org.mouselift.data.camera.Rings;
import org.mouselift.data.image.Image8;
import org.mouselift.data.image.PngWriter;

class FitDatasetTest {
    @TempDir
    Path folder;

    /** Left half opaque blue, right half fully transparent red. */
    private static Image8 picture(int width, int height) {
        Image8 out = Image8.blank(width, height, 4);
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                int at = 4 * (y * width + x);
                out.data()[at + (x < width / 2 ? 2 : 0)] = (byte) 255;
                out.data()[at + 3] = (byte) (x < width / 2 ? 255 : 0);
            }
        }
        return out;
    }

    private void pictures(List<OpencvFrame> frames, int width, int height) throws IOException {
        Files.createDirectories(folder.resolve("images"));
        for (OpencvFrame frame : frames) {
            PngWriter.write(folder.resolve(frame.filePath().orElseThrow()), picture(width, height));
        }
    }

    @Test
    void compositesOnWhiteAndScalesTheCameras() throws IOException {
        CameraRig rig = Rings.turntable(3, 10, 2.7, 50, 80, 40);
        OpencvCameraFile file = OpencvCameraFile.ofRig(rig);
        file.write(folder.resolve(OpencvCameraFile.FILE_NAME));
        pictures(file.frames(), 80, 40);
        List<FitView> full = FitDataset.read(folder, 0), half = FitDataset.read(folder, 40);
        assertEquals(80, full.getFirst().width());
        FitView view = half.get(1);
        assertEquals(40, view.width());
        assertEquals(20, view.height());
        assertEquals(full.get(1).camera().fx() / 2, view.camera().fx(), 1e-9);
        assertEquals(full.get(1).camera().cy() / 2, view.camera().cy(), 1e-9);
        int left = 10 * 40 + 5, right = 10 * 40 + 35, plane = 800;
        assertEquals(1, view.alpha()[left]);
        assertEquals(0, view.alpha()[right]);
        assertEquals(0, view.rgb()[left]);
        assertEquals(1, view.rgb()[2 * plane + left]);
        for (int c = 0; c < 3; c++) {
            assertEquals(1, view.rgb()[c * plane + right], "background must be white");
        }
        // Pictures are never enlarged.
        assertEquals(80, FitDataset.read(folder, 500).getFirst().width());
    }

    @Test
    void readsTransformsJsonToo() throws IOException {
        CameraRig rig = Rings.turntable(2, 10, 2.7, 50, 32, 32);
        OpencvCameraFile frames = OpencvCameraFile.ofRig(rig);
        new NerfTransforms(frames.frames(), NerfTransforms.ofRig(rig).extra()).write(folder.resolve(FitDataset.TRANSFORMS));
        pictures(frames.frames(), 32, 32);
        List<FitView> views = FitDataset.read(folder, 0);
        assertEquals(2, views.size());
        assertEquals(2.7, Math.sqrt(Math.pow(views.getFirst().camera().c2w()[3], 2) + Math.pow(views.getFirst().camera().c2w()[7], 2)
            + Math.pow(views.getFirst().camera().c2w()[11], 2)), 1e-6);
    }

    @Test
    void everyNthViewIsHeldOut() {
        List<FitView> views = FitScenes.views(FitScenes.blobs(1, 1), FitScenes.cameras(9, 8));
        FitDataset data = FitDataset.split(views, 4);
        assertEquals(List.of("view 0", "view 4", "view 8"), data.heldOut().stream().map(FitView::name).toList());
        assertEquals(6, data.train().size());
        assertEquals(9, FitDataset.split(views, 0).train().size());
        assertThrows(IllegalArgumentException.class, () -> FitDataset.split(views, 1));
    }

    @Test
    void missingCamerasAreNamed() {
        FitDatasetException e = assertThrows(FitDatasetException.class, () -> FitDataset.read(folder, 0));
        assertTrue(e.getMessage().contains(folder.toString()) && e.getMessage().contains(OpencvCameraFile.FILE_NAME), e.getMessage());
    }
}
