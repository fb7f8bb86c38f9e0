package org.mouselift.data.dataset;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.mouselift.data.camera.GeometryMode;
import org.mouselift.data.camera.RigCatalog;
import org.mouselift.data.synth.SynthMice;
import org.mouselift.engine.Philox;

class DepthPictureTest {
    private static final int SIZE = 64;

    @TempDir
    private Path folder;

    private Path mice(boolean geometry) throws IOException {
        Path out = folder.resolve("mice" + geometry);
        SynthMice.write(out, new SynthMice.Options(3, 0, 1, RigCatalog.human6(), SIZE, 30, 0, geometry), n -> { });
        return out.resolve("data_train.txt");
    }

    private static MouseViewDataset dataset(Path list, int size, int depthViews) throws IOException {
        return new MouseViewDataset(SampleList.read(list), new MouseViewDataset.Options(size, 6, BackgroundColor.WHITE, false, AutoMask.OFF, 250, false, false,
                false, GeometryMode.NONE, 0, ViewAugmentation.NONE, depthViews), 0);
    }

    @Test
    void depthIsThatOfTheSurface() throws IOException {
        Path list = mice(true);
        MultiViewItem full = dataset(list, SIZE, 4).get(0, new Philox(0, 0));
        assertEquals(4 * SIZE * SIZE, full.depth().length);
        int plane = SIZE * SIZE;
        int inside = 0;
        for (int v = 0; v < 4; v++) {
            for (int i = 0; i < plane; i++) {
                boolean surface = full.depth()[v * plane + i] > 0;
                float alpha = full.images()[(v * 4 + 3) * plane + i];
                // The depth is that of the centre ray: where it misses, the pixel may still be partly covered.
                assertTrue(!surface || alpha > 0, "depth without mouse");
                assertTrue(surface || alpha < 1, "mouse without depth");
                if (surface) {
                    inside++;
                    assertTrue(full.depth()[v * plane + i] > 1.7 && full.depth()[v * plane + i] < 3.7, "cameras are 2.7 away");
                }
            }
        }
        assertTrue(inside > 400, inside + " pixels");
        MultiViewItem half = dataset(list, SIZE / 2, 4).get(0, new Philox(0, 0));
        int known = 0;
        for (int y = 0; y < SIZE / 2; y++) {
            for (int x = 0; x < SIZE / 2; x++) {
                float[] four = new float[4];
                for (int k = 0; k < 4; k++) {
                    four[k] = full.depth()[(2 * y + k / 2) * SIZE + 2 * x + k % 2];
                }
                float[] sorted = four.clone();
                Arrays.sort(sorted);
                float value = half.depth()[y * SIZE / 2 + x];
                boolean one = sorted[0] > 0 && sorted[3] - sorted[0] <= 0.03f * sorted[3];
                assertEquals(one, value > 0);
                if (one) {
                    known++;
                    assertEquals((four[0] + four[1] + four[2] + four[3]) / 4, value, 1e-6);
                }
            }
        }
        assertTrue(known > 15, known + " pixels");
        assertArrayEquals(new float[0], dataset(list, SIZE, 0).get(0, new Philox(0, 0)).depth());
    }

    @Test
    void whatIsMissingIsNamed() throws IOException {
        Path without = mice(false);
        String message = assertThrows(DatasetException.class, () -> dataset(without, SIZE, 6).get(0, new Philox(0, 0))).getMessage();
        assertTrue(message.contains("depth_loss_weight: 0") && message.contains("opencv_cameras.json"), message);
        Path list = mice(true);
        Path picture = list.resolveSibling("sample_000000").resolve("depth").resolve("cam_002.png");
        Files.delete(picture);
        message = assertThrows(DatasetException.class, () -> dataset(list, SIZE, 6).get(0, new Philox(0, 0))).getMessage();
        assertTrue(message.contains("cam_002.png"), message);
        Files.copy(list.resolveSibling("sample_000000").resolve("images").resolve("cam_002.png"), picture);
        message = assertThrows(DatasetException.class, () -> dataset(list, SIZE, 6).get(0, new Philox(0, 0))).getMessage();
        assertTrue(message.contains("16-bit grey"), message);
        assertThrows(IllegalArgumentException.class, () -> new MouseViewDataset.Options(SIZE, 6, BackgroundColor.WHITE, false, AutoMask.OFF, 250, false, true,
                false, GeometryMode.NONE, 0, ViewAugmentation.NONE, 6));
        assertThrows(IllegalArgumentException.class, () -> new MouseViewDataset.Options(SIZE, 6, BackgroundColor.WHITE, false, AutoMask.OFF, 250, false, false,
                false, GeometryMode.NONE, 0, ViewAugmentation.NONE, 7));
    }
}
