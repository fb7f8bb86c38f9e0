package org.mouselift.pipeline.evaluate;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.mouselift.data.camera.Camera;
import org.mouselift.data.camera.Rings;
import org.mouselift.data.dataset.SampleList;
import org.mouselift.data.synth.SynthMice;
import org.mouselift.pipeline.reconstruct.PosedView;
import org.mouselift.pipeline.reconstruct.PosedViewReader;
import org.mouselift.pipeline.reconstruct.ViewMetrics;

/** The blind guesses on three mice seen by four cameras each. */
class BaselineTest {
    private static final int SIZE = 32;

    @TempDir
    static Path folder;

    private static List<Path> samples;
    private static final List<PosedView> VIEWS = new ArrayList<>();

    @BeforeAll
    static void mice() throws IOException {
        SynthMice.write(folder, new SynthMice.Options(9, 0, 3, Rings.turntable(4, 10, SIZE), SIZE, 0, 0, false), done -> {});
        samples = SampleList.read(folder.resolve(SynthMice.TRAIN_LIST)).samples();
        VIEWS.clear();
        for (Path sample : samples) {
            VIEWS.addAll(PosedViewReader.sample(sample, SIZE));
        }
        assertEquals(12, VIEWS.size());
    }

    private static float[] mean(List<PosedView> views) {
        float[] out = new float[3 * SIZE * SIZE];
        for (PosedView view : views) {
            float[] picture = view.picture().toFloatChw();
            for (int i = 0; i < out.length; i++) {
                out[i] += picture[i] / views.size();
            }
        }
        return out;
    }

    @Test
    void theMeanViewTakesThePicturesNearestInDirection() throws IOException {
        Camera second = VIEWS.get(1).camera();
        // Camera 1 of each of the three mice, seen from slightly beside it.
        Camera beside = Rings.orbit(second.intrinsics(), 2.5, 12, org.mouselift.data.camera.Azimuth.xy(second.position().azimuth().xyDegrees() + 9));
        assertArrayEquals(mean(List.of(VIEWS.get(1), VIEWS.get(5), VIEWS.get(9))), new MeanViewBaseline(samples, 3, SIZE).picture(beside), 1e-6f);
        assertArrayEquals(mean(VIEWS), new MeanViewBaseline(samples, 200, SIZE).picture(second), 1e-6f);
        assertArrayEquals(VIEWS.get(2).picture().toFloatChw(), new MeanViewBaseline(samples, 1, SIZE).picture(VIEWS.get(2).camera()), 1e-6f);
    }

    @Test
    void theMeanViewRefusesAnotherSize() throws IOException {
        MeanViewBaseline baseline = new MeanViewBaseline(samples, 1, 2 * SIZE);
        assertThrows(IllegalArgumentException.class, () -> baseline.picture(VIEWS.getFirst().camera()));
        assertThrows(IllegalArgumentException.class, () -> new MeanViewBaseline(samples, 0, SIZE));
    }

    @Test
    void theConstantCloudLearnsTheTypicalMouse() throws IOException {
        int[] steps = new int[1];
        ConstantCloudBaseline cloud = new ConstantCloudBaseline(samples, SIZE, 12, 40, 1, (step, loss, psnr, gaussians) -> steps[0] = step);
        assertEquals(40, steps[0]);
        List<ViewMetrics> fitted = new ArrayList<>();
        List<ViewMetrics> white = new ArrayList<>();
        for (PosedView view : VIEWS) {
            fitted.add(ViewMetrics.of(cloud.picture(view.camera()), view));
            white.add(ViewMetrics.ofWhite(view));
        }
        double gain = ViewMetrics.mean(fitted).psnr() - ViewMetrics.mean(white).psnr();
        assertTrue(gain > 1, "gains " + gain + " dB over a white picture");
        ConstantCloudBaseline again = new ConstantCloudBaseline(samples, SIZE, 12, 2, 1, (step, loss, psnr, gaussians) -> {});
        ConstantCloudBaseline same = new ConstantCloudBaseline(samples, SIZE, 12, 2, 1, (step, loss, psnr, gaussians) -> {});
        assertArrayEquals(again.cloud().xyz(), same.cloud().xyz());
    }
}
