package org.mouselift.models.losses;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.List;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.mouselift.engine.DType;
import org.mouselift.engine.EngineException;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Philox;
import org.mouselift.engine.Scope;
import org.mouselift.engine.ShapeException;
import org.mouselift.engine.Tape;
import org.mouselift.engine.Tensor;
import org.mouselift.models.metrics.ImageMetrics;

class ReconstructionLossTest {
    private static final Philox RANDOM = new Philox(2, 0);

    private static double[] uniform(int n, double low, double high) {
        double[] v = new double[n];
        Arrays.setAll(v, i -> RANDOM.uniform(low, high));
        return v;
    }

    /** X and Y of GS-LRM specification §10.4, [2,3,24,20]. */
    private static Tensor wave(boolean second) {
        double[] v = new double[2 * 3 * 24 * 20];
        int at = 0;
        for (int n = 0; n < 2; n++) {
            for (int c = 0; c < 3; c++) {
                for (int y = 0; y < 24; y++) {
                    for (int x = 0; x < 20; x++) {
                        v[at++] = second ? 0.5 + 0.35 * Math.sin(0.9 * n + 0.7 * c + 0.45 * y + 0.33 * x + 0.2)
                                : 0.5 + 0.4 * Math.sin(0.9 * n + 0.7 * c + 0.5 * y + 0.3 * x);
                    }
                }
            }
        }
        return Tensor.of(v, 2, 3, 24, 20);
    }

    @Test
    void ssimAndPsnrOfTheSpecification() {
        try (Scope scope = Scope.open("10.4")) {
            for (DType t : List.of(DType.F64, DType.F32)) {
                Tensor x = Ops.cast(wave(false), t);
                Tensor y = Ops.cast(wave(true), t);
                assertEquals(0.9401566, Ssim.of(x, y).item(), 1e-6);
                assertArrayEquals(new double[] {0.939390, 0.940909}, ImageMetrics.ssim(x, y), 1e-6);
                assertArrayEquals(new double[] {19.209263, 19.209693}, ImageMetrics.psnr(x, y), 1e-5);
                assertEquals(0.01199643, Arrays.stream(ImageMetrics.mse(x, y)).average().orElseThrow(), 1e-7);
                assertEquals(1, Ssim.of(x, x).item(), 1e-7);
            }
        }
    }

    /** Central differences along a random direction, float64. */
    private static void checkGradient(double[] at, long[] dims, Function<Tensor, Tensor> loss) {
        double[] direction = uniform(at.length, -1, 1);
        double step = 1e-5;
        try (Scope scope = Scope.open("gradient"); Tape tape = Tape.open()) {
            Tensor leaf = Tensor.of(at, dims).requiresGrad(true);
            double[] g = tape.backward(loss.apply(leaf)).of(leaf).toDoubles();
            double expected = 0;
            double[][] moved = new double[2][at.length];
            for (int i = 0; i < at.length; i++) {
                expected += g[i] * direction[i];
                moved[0][i] = at[i] + step * direction[i];
                moved[1][i] = at[i] - step * direction[i];
            }
            double measured = (loss.apply(Tensor.of(moved[0], dims)).item() - loss.apply(Tensor.of(moved[1], dims)).item()) / (2 * step);
            assertEquals(expected, measured, 1e-6 * Math.max(Math.abs(expected), 1e-3));
        }
    }

    @Test
    void ssimGradientAgreesWithFiniteDifferences() {
        for (long[] dims : new long[][] {{2, 3, 14, 17}, {1, 3, 9, 20}, {1, 1, 12, 5}, {1, 2, 11, 11}}) {
            int n = (int) Arrays.stream(dims).reduce(1, (a, b) -> a * b);
            double[] other = uniform(n, 0, 1);
            checkGradient(uniform(n, 0, 1), dims, x -> Ssim.of(x, Tensor.of(other, dims)));
            checkGradient(uniform(n, 0, 1), dims, y -> Ssim.of(Tensor.of(other, dims), y));
        }
    }

    @Test
    void totalGradientAgreesWithFiniteDifferences() {
        long[] image = {1, 2, 3, 12, 13};
        long[] masked = {1, 2, 4, 12, 13};
        double[] target = uniform(4 * 2 * 12 * 13, 0, 1);
        double[] xyz = uniform(3 * 2 * 12 * 13, -1, 1);
        LossConfig config = new LossConfig(new LossWeights(1, 0, 0, 0.3, 0.2, 0.1, 0.4), true, true, true, true, false, List.of(0.2, 0.9, 0.5), 0.1, false,
                1000, 0);
        ReconstructionLoss loss = new ReconstructionLoss(config, null, null);
        double[] origin = {0.3, -2, 0.5, 1, 2, 0};
        double[] direction = uniform(3 * 2 * 12 * 13, -1, 1);
        Function<Tensor, ReconstructionLoss.Geometry> geometry = p -> new ReconstructionLoss.Geometry(p, Tensor.of(origin, 1, 2, 3, 1, 1),
                Tensor.of(direction, image));
        checkGradient(uniform(3 * 2 * 12 * 13, 0.01, 0.99), image,
                x -> loss.evaluate(0, x, Tensor.of(target, masked), geometry.apply(Tensor.of(xyz, image))).total());
    }

    /** The geometry terms hold part of themselves fixed, so that differences of the whole are not their gradient: check it by hand. */
    @Test
    void pixelAlignHoldsItsFootPointFixed() {
        try (Scope scope = Scope.open("pixel"); Tape tape = Tape.open()) {
            // One pixel, ray along z through the origin: offset (3, 4, 0), distance 5, gradient its unit vector.
            Tensor xyz = Tensor.of(new double[] {3, 4, 7}, 1, 1, 3, 1, 1).requiresGrad(true);
            Tensor loss = PixelGeometry.pixelAlign(xyz, Tensor.zeros(DType.F64, 1, 1, 3, 1, 1), Tensor.of(new double[] {0, 0, 1}, 1, 1, 3, 1, 1), null);
            assertEquals(5, loss.item(), 1e-12);
            assertArrayEquals(new double[] {0.6, 0.8, 0}, tape.backward(loss).of(xyz).toDoubles(), 1e-12);
        }
        try (Scope scope = Scope.open("on the ray"); Tape tape = Tape.open()) {
            Tensor xyz = Tensor.of(new double[] {0, 0, 7}, 1, 1, 3, 1, 1).requiresGrad(true);
            Tensor loss = PixelGeometry.pixelAlign(xyz, Tensor.zeros(DType.F64, 1, 1, 3, 1, 1), Tensor.of(new double[] {0, 0, 1}, 1, 1, 3, 1, 1), null);
            assertArrayEquals(new double[] {0, 0, 0}, tape.backward(loss).of(xyz).toDoubles(), 0);
        }
    }

    @Test
    void warmUpsChangeFactors() {
        LossConfig config = new LossConfig(new LossWeights(1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7), false, false, false, true, false, List.of(1.0, 1.0, 1.0), 0.1,
                true, 10, 20);
        assertEquals(new LossWeights(0, 0, 0, 0.4, 0.5, 0.1, 0.7), config.weightsAt(0));
        assertEquals(new LossWeights(1, 0, 0, 0.4, 0.5, 0.6, 0.7), config.weightsAt(10));
        assertEquals(config.weights(), config.weightsAt(20));
        assertTrue(config.warmsUpPoints(9) && !config.warmsUpPoints(10));
    }

    @Test
    void clampedSsimStopsANegativeScore() {
        try (Scope scope = Scope.open("negative"); Tape tape = Tape.open()) {
            Tensor x = Ops.reshape(wave(false), 1, 2, 3, 24, 20);
            Tensor inverse = Ops.affine(x, -1, 1);
            Tensor leaf = Ops.copy(x).requiresGrad(true);
            LossConfig free = LossConfig.of(new LossWeights(0, 0, 0, 1, 0, 0, 0));
            LossConfig clamped = new LossConfig(free.weights(), false, false, false, true, true, free.background(), 0.1, false, 1000, 0);
            Tensor a = new ReconstructionLoss(clamped, null, null).evaluate(0, leaf, inverse, null).total();
            assertEquals(1, a.item());
            assertTrue(Arrays.stream(tape.backward(a).of(leaf).toDoubles()).allMatch(g -> g == 0));
            try (Tape again = Tape.open()) {
                Tensor b = new ReconstructionLoss(free, null, null).evaluate(0, leaf, inverse, null).total();
                assertTrue(b.item() > 1);
                assertTrue(Arrays.stream(again.backward(b).of(leaf).toDoubles()).anyMatch(g -> g != 0));
            }
        }
    }

    @Test
    void missingPartsAreNamed() {
        assertTrue(assertThrows(EngineException.class, () -> new ReconstructionLoss(LossConfig.of(new LossWeights(1, 0.1, 0, 0, 0, 0, 0)), null, null))
                .getMessage().contains("lpips_loss_weight"));
        try (Scope scope = Scope.open("missing")) {
            Tensor x = Tensor.zeros(DType.F32, 1, 2, 3, 12, 12);
            ReconstructionLoss points = new ReconstructionLoss(LossConfig.of(new LossWeights(1, 0, 0, 0, 0, 1, 0)), null, null);
            assertThrows(EngineException.class, () -> points.evaluate(0, x, x, null));
            assertThrows(ShapeException.class, () -> points.evaluate(0, x, Tensor.zeros(DType.F32, 1, 1, 3, 12, 12), null));
            LossConfig masked = new LossConfig(new LossWeights(0, 0, 0, 0, 1, 0, 0), false, false, true, true, false, List.of(1.0, 1.0, 1.0), 0.1, false,
                    1000, 0);
            ReconstructionLoss.Geometry geometry = new ReconstructionLoss.Geometry(x, x, x);
            assertTrue(assertThrows(EngineException.class, () -> new ReconstructionLoss(masked, null, null).evaluate(0, x, x, geometry)).getMessage()
                    .contains("mask"));
        }
    }

    @Test
    void maskIouCountsPixels() {
        try (Scope scope = Scope.open("iou")) {
            // Predicted: pixels 0 and 1 differ from white; wanted: 1 and 2.
            Tensor image = Tensor.of(new double[] {0, 0.5, 1, 1, 0, 0.5, 1, 1, 0, 0.5, 1, 1}, 1, 3, 2, 2);
            Tensor mask = Tensor.of(new double[] {0, 1, 0.6, 0.5}, 1, 1, 2, 2);
            assertArrayEquals(new double[] {1.0 / 3}, ImageMetrics.maskIou(image, mask, new double[] {1, 1, 1}, 0.1));
            assertArrayEquals(new double[] {0}, ImageMetrics.maskIou(Ops.fill(image.spec(), 1), Tensor.zeros(DType.F64, 1, 1, 2, 2),
                    new double[] {1, 1, 1}, 0.1));
        }
    }
}
