package org.mouselift.models.gslrm;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.mouselift.engine.DType;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Philox;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tensor;
import org.mouselift.models.losses.LossConfig;
import org.mouselift.models.losses.LossReport;
import org.mouselift.models.losses.LossWeights;
import org.mouselift.models.losses.ReconstructionLoss;
import org.mouselift.models.metrics.ImageMetrics;
import org.mouselift.models.optim.AdamW;
import org.mouselift.models.optim.GradientRules;
import org.mouselift.models.optim.Schedule;
import org.mouselift.models.optim.TrainingStep;

/** The tiny network must learn one scene: four views of a few random Gaussians, all of them inputs and targets (GS-LRM specification §9). */
class OverfitTest {
    private static final int SIDE = 32;
    private static final int VIEWS = 4;

    private static Tensor cameras() {
        double[] c2w = new double[VIEWS * 16];
        for (int v = 0; v < VIEWS; v++) {
            System.arraycopy(ConformanceScene.lookAt(270 + 90 * v, 10, 2.7), 0, c2w, 16 * v, 16);
        }
        return Ops.cast(Tensor.of(c2w, 1, VIEWS, 4, 4), DType.F32);
    }

    private static Tensor intrinsics() {
        float f = (float) (SIDE / (2 * Math.tan(Math.toRadians(25))));
        float[] k = new float[VIEWS * 4];
        for (int v = 0; v < VIEWS; v++) {
            System.arraycopy(new float[] {f, f, SIDE / 2f, SIDE / 2f}, 0, k, 4 * v, 4);
        }
        return Tensor.of(k, 1, VIEWS, 4);
    }

    private static GaussianBatch scene() {
        int n = 40;
        Philox random = new Philox(3, 0);
        float[][] parts = {new float[3 * n], new float[3 * n], new float[3 * n], new float[4 * n], new float[n]};
        double[] spread = {0.3, 1.2, 0.3, 1, 1};
        double[] centre = {0, 0, -1.8, 0, 2};
        for (int p = 0; p < parts.length; p++) {
            for (int i = 0; i < parts[p].length; i++) {
                parts[p][i] = (float) (centre[p] + spread[p] * random.nextGaussian());
            }
        }
        return new GaussianBatch(Tensor.of(parts[0], 1, n, 3), Tensor.of(parts[1], 1, n, 1, 3), Tensor.of(parts[2], 1, n, 3),
                Tensor.of(parts[3], 1, n, 4), Tensor.of(parts[4], 1, n, 1));
    }

    @Test
    @Tag("slow")
    void oneSceneIsLearnedTo25Decibel() {
        try (Scope scope = Scope.open("overfit"); GsLrm model = GsLrm.initialised(GsLrmConfig.tiny(), DType.F32, 1);
                AdamW optimiser = new AdamW(model.stateDict(), AdamW.Options.GS_LRM);
                TrainingStep step = new TrainingStep(optimiser, new Schedule(Schedule.Kind.COSINE, 3e-3, 20, 200), GradientRules.DEFAULT, 1)) {
            Tensor c2w = cameras();
            Tensor lenses = intrinsics();
            Tensor images = Ops.clamp(ViewRenderer.render(scene(), c2w, lenses, SIDE, SIDE, 1), 0, 1);
            ReconstructionLoss loss = new ReconstructionLoss(LossConfig.of(new LossWeights(1, 0, 0, 0.2, 0, 0, 0)), null, null);
            double[] psnr = new double[VIEWS];
            for (int i = 0; i < 200; i++) {
                int pass = i;
                step.pass(() -> {
                    GsLrmOutput out = model.reconstruct(images, c2w, lenses);
                    Tensor render = ViewRenderer.render(out.gaussians(), c2w, lenses, SIDE, SIDE, 1);
                    LossReport report = loss.evaluate(pass, render, images, null);
                    if (pass == 199) {
                        List<Tensor> flat = List.of(Ops.reshape(render, VIEWS, 3, SIDE, SIDE), Ops.reshape(images, VIEWS, 3, SIDE, SIDE));
                        System.arraycopy(ImageMetrics.psnr(flat.get(0), flat.get(1)), 0, psnr, 0, VIEWS);
                    }
                    return report.total();
                });
            }
            assertTrue(Arrays.stream(psnr).average().orElseThrow() > 25, "PSNR of the four views: " + Arrays.toString(psnr));
        }
    }
}
