package org.mouselift.pipeline.fit;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.mouselift.data.ply.GaussianCloud;
import org.mouselift.engine.cpu.Workers;

class SplatFitTest {
    private static FitOptions options(int iterations, int degree, long seed, int hull, int most) {
        FitOptions d = FitOptions.DEFAULT;
        return new FitOptions(iterations, degree, seed, hull, most, d.loss(), d.rates(), d.densifyGradient(), d.densifyEvery(), 0);
    }

    private static double psnr(SplatFit fit, List<FitView> views) {
        return fit.score(views, true).stream().mapToDouble(ViewScore::psnr).average().orElseThrow();
    }

    @Test
    void recoversAFewGaussiansInUnseenViews() {
        FitDataset data = FitDataset.split(FitScenes.views(FitScenes.blobs(8, 3), FitScenes.cameras(12, 48)), 4);
        SplatFit fit = new SplatFit(data.train(), options(250, 0, 0, 16, 2000));
        double before = psnr(fit, data.heldOut());
        List<Double> losses = new ArrayList<>();
        fit.run((iteration, loss, psnr, gaussians) -> losses.add(loss));
        assertEquals(250, losses.size());
        double after = psnr(fit, data.heldOut());
        System.out.printf("blobs: held-out PSNR %.2f dB at the start, %.2f dB after 250 steps, %d Gaussians%n", before, after, fit.gaussians());
        assertTrue(after > 32, "held-out PSNR " + after);
        assertTrue(after > before + 6, before + " -> " + after);
    }

    @Test
    void recoversAMouseInUnseenViews() {
        FitDataset data = FitDataset.split(FitScenes.mouse(5, FitScenes.cameras(12, 48)), 4);
        assertEquals(3, data.heldOut().size());
        SplatFit fit = new SplatFit(data.train(), options(250, 1, 0, 24, 3000));
        double before = psnr(fit, data.heldOut());
        fit.run((iteration, loss, psnr, gaussians) -> { });
        double after = psnr(fit, data.heldOut());
        System.out.printf("mouse: held-out PSNR %.2f dB at the start, %.2f dB after 250 steps, %d Gaussians%n", before, after, fit.gaussians());
        assertTrue(after > 26, "held-out PSNR " + after);
        assertTrue(after > before + 4, before + " -> " + after);
    }

    @Test
    void sameSeedSameBitsWhateverTheThreads() {
        List<FitView> views = FitScenes.views(FitScenes.blobs(6, 9), FitScenes.cameras(6, 32));
        FitOptions options = new FitOptions(40, 1, 7, 12, 1000, FitOptions.DEFAULT.loss(), FitOptions.DEFAULT.rates(), 1e-5, 8, 0);
        GaussianCloud first = run(views, options);
        GaussianCloud[] sequential = new GaussianCloud[1];
        // Inside a parallel region all work stays on the calling thread.
        Workers.each(2, (worker, task) -> {
            if (task == 0) {
                sequential[0] = run(views, options);
            }
        });
        assertArrayEquals(first.xyz(), sequential[0].xyz());
        assertArrayEquals(first.features(), sequential[0].features());
        assertArrayEquals(first.opacity(), sequential[0].opacity());
        GaussianCloud other = run(views, new FitOptions(40, 1, 8, 12, 1000, FitOptions.DEFAULT.loss(), FitOptions.DEFAULT.rates(), 1e-5, 8, 0));
        assertFalse(Arrays.equals(first.xyz(), other.xyz()), "the seed has no effect");
        assertTrue(first.count() > new SplatFit(views, options).gaussians(), "densification has no effect");
    }

    private static GaussianCloud run(List<FitView> views, FitOptions options) {
        SplatFit fit = new SplatFit(views, options);
        fit.run((iteration, loss, psnr, gaussians) -> { });
        return fit.cloud();
    }

    @Test
    void opacityResetIsFollowedByRecovery() {
        List<FitView> views = FitScenes.views(FitScenes.blobs(6, 9), FitScenes.cameras(6, 32));
        FitOptions options = new FitOptions(200, 0, 0, 12, 1000, FitOptions.DEFAULT.loss(), FitOptions.DEFAULT.rates(), 2e-4, 50, 60);
        double[] psnrs = new double[201];
        new SplatFit(views, options).run((iteration, loss, psnr, gaussians) -> psnrs[iteration] = psnr);
        assertTrue(psnrs[61] < psnrs[60] - 3, "no dip after the reset: " + psnrs[60] + " -> " + psnrs[61]);
        assertTrue(psnrs[200] > psnrs[60], "no recovery: " + psnrs[60] + " -> " + psnrs[200]);
    }

    @Test
    void startsFromGivenGaussians() {
        GaussianCloud truth = FitScenes.blobs(5, 4);
        List<FitView> views = FitScenes.views(truth, FitScenes.cameras(4, 32));
        SplatFit fit = new SplatFit(views, options(1, 0, 0, 16, 100), truth);
        assertTrue(psnr(fit, views) > 100, "the true Gaussians reproduce their own views");
        assertArrayEquals(truth.xyz(), fit.cloud().xyz());
    }

    @Test
    void disjointSilhouettesAreRefused() {
        List<FitView> views = new ArrayList<>(FitScenes.views(FitScenes.blobs(5, 4), FitScenes.cameras(4, 32)));
        FitView first = views.getFirst();
        views.set(0, new FitView("empty", first.camera(), first.rgb(), new float[first.alpha().length]));
        IllegalArgumentException e = assertThrows(IllegalArgumentException.class, () -> new SplatFit(views, options(10, 0, 0, 16, 100)));
        assertTrue(e.getMessage().contains("no point in common"), e.getMessage());
    }
}
