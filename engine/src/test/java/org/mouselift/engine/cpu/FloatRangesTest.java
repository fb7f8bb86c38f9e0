package org.mouselift.engine.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.mouselift.engine.cpu.TestArrays.U;
import static org.mouselift.engine.cpu.TestArrays.near;
import static org.mouselift.engine.cpu.TestArrays.normal;
import static org.mouselift.engine.cpu.TestArrays.widen;

import java.lang.foreign.MemorySegment;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("kernel")
class FloatRangesTest {
    private static final int[] SIZES = {0, 1, 7, 16, 33, 1025, 70_001};

    @Test
    void elementwiseOperationsAreExactlyRounded() {
        SplittableRandom random = new SplittableRandom(1);
        for (int n : SIZES) {
            float[] x = normal(random, n + 3);
            float[] y = normal(random, n + 3);
            for (int op = 0; op < 8; op++) {
                float[] z = new float[n + 3];
                java.util.Arrays.fill(z, 7f);
                MemorySegment a = op % 2 == 0 ? MemorySegment.ofArray(x) : TestArrays.nativeCopy(x);
                MemorySegment b = MemorySegment.ofArray(y);
                MemorySegment c = MemorySegment.ofArray(z);
                switch (op) {
                    case 0 -> FloatRanges.add(a, 1, b, 2, c, 1, n);
                    case 1 -> FloatRanges.sub(a, 1, b, 2, c, 1, n);
                    case 2 -> FloatRanges.mul(a, 1, b, 2, c, 1, n);
                    case 3 -> FloatRanges.div(a, 1, b, 2, c, 1, n);
                    case 4 -> FloatRanges.axpy(0.3f, a, 1, c, 1, n);
                    case 5 -> FloatRanges.scale(0.3f, a, 1, c, 1, n);
                    case 6 -> FloatRanges.fill(-2.5f, c, 1, n);
                    default -> FloatRanges.copy(a, 1, c, 1, n);
                }
                for (int i = 0; i < n; i++) {
                    float want = switch (op) {
                        case 0 -> x[i + 1] + y[i + 2];
                        case 1 -> x[i + 1] - y[i + 2];
                        case 2 -> x[i + 1] * y[i + 2];
                        case 3 -> x[i + 1] / y[i + 2];
                        case 4 -> 7f + 0.3f * x[i + 1];
                        case 5 -> 0.3f * x[i + 1];
                        case 6 -> -2.5f;
                        default -> x[i + 1];
                    };
                    assertEquals(want, z[i + 1], "operation " + op + " n " + n + " at " + i);
                }
                assertEquals(7f, z[0]);
                assertEquals(7f, z[n + 1]);
            }
        }
    }

    @Test
    void reductions() {
        SplittableRandom random = new SplittableRandom(2);
        for (int n : SIZES) {
            float[] x = normal(random, n + 1);
            MemorySegment s = MemorySegment.ofArray(x);
            double sum = 0;
            double size = 0;
            double squares = 0;
            float max = Float.NEGATIVE_INFINITY;
            for (int i = 1; i <= n; i++) {
                sum += x[i];
                size += Math.abs(x[i]);
                squares += (double) x[i] * x[i];
                max = Math.max(max, x[i]);
            }
            near(sum, FloatRanges.sum(s, 1, n), 64 * U * size, "sum of " + n);
            near(squares, FloatRanges.sumOfSquares(s, 1, n), 1e-13 * squares, "sum of squares of " + n);
            assertEquals(max, FloatRanges.max(s, 1, n));
            if (n > 0) {
                near(sum / n, FloatRanges.mean(s, 1, n), 64 * U * size / n, "mean of " + n);
                x[n] = Float.NaN;
                assertTrue(Float.isNaN(FloatRanges.max(s, 1, n)));
                x[n] = 3e30f;
                assertTrue(FloatRanges.sumOfSquares(s, 1, n) > 8.9e60);
            }
        }
        assertTrue(Double.isNaN(FloatRanges.mean(MemorySegment.ofArray(new float[0]), 0, 0)));
    }

    /** The worked example of the specification §10.6: three steps with the gradients 0.1, -0.2, 0.3. */
    @Test
    void adamWFollowsTheSpecification() {
        float[] gradients = {0.1f, -0.2f, 0.3f};
        double[] want = {0.4989750, 0.4993134, 0.4989501};
        int n = 37;
        float[] p = new float[n];
        java.util.Arrays.fill(p, 0.5f);
        float[] m = new float[n];
        float[] v = new float[n];
        double[] p64 = {0.5};
        double[] m64 = {0};
        double[] v64 = {0};
        for (int t = 0; t < 3; t++) {
            float[] g = new float[n];
            java.util.Arrays.fill(g, 2 * gradients[t]);
            AdamWStep step = new AdamWStep(1e-3, 0.9, 0.95, 1e-8, 0.05, t + 1, 0.5);
            step.apply(MemorySegment.ofArray(p), 0, MemorySegment.ofArray(g), 0, MemorySegment.ofArray(m), 0, MemorySegment.ofArray(v), 0, n);
            step.applyF64(MemorySegment.ofArray(p64), 0, MemorySegment.ofArray(widen(g)), 0, MemorySegment.ofArray(m64), 0, MemorySegment.ofArray(v64), 0, 1);
            for (float x : p) {
                near(want[t], x, 1e-7, "step " + (t + 1));
            }
            near(want[t], p64[0], 6e-8, "float64 step " + (t + 1));
        }
    }

    @Test
    void adamWOnRandomNumbers() {
        SplittableRandom random = new SplittableRandom(3);
        int n = 20_003;
        float[] p = normal(random, n);
        float[] g = normal(random, n);
        float[] m = normal(random, n);
        float[] v = normal(random, n);
        for (int i = 0; i < n; i++) {
            v[i] *= v[i];
        }
        double[] wp = widen(p);
        double[] wm = widen(m);
        double[] wv = widen(v);
        AdamWStep step = new AdamWStep(0.01, 0.9, 0.999, 1e-8, 0.1, 7, 1);
        step.apply(MemorySegment.ofArray(p), 0, MemorySegment.ofArray(g), 0, MemorySegment.ofArray(m), 0, MemorySegment.ofArray(v), 0, n);
        step.applyF64(MemorySegment.ofArray(wp), 0, MemorySegment.ofArray(widen(g)), 0, MemorySegment.ofArray(wm), 0, MemorySegment.ofArray(wv), 0, n);
        for (int i = 0; i < n; i++) {
            double change = Math.abs(0.02 * wm[i] / Math.sqrt(wv[i] * 140));
            near(wm[i], m[i], 8 * U * (Math.abs(wm[i]) + 1), "m");
            near(wv[i], v[i], 8 * U * (wv[i] + 0.01), "v");
            near(wp[i], p[i], 4 * U * Math.abs(wp[i]) + 40 * U * (1 + change * 100), "p");
        }
        assertThrows(IllegalArgumentException.class, () -> new AdamWStep(0.1, 0.9, 0.99, 1e-8, 0, 0, 1));
        assertThrows(IllegalArgumentException.class, () -> new AdamWStep(0.1, 1, 0.99, 1e-8, 0, 1, 1));
        assertThrows(IllegalArgumentException.class, () -> step.apply(MemorySegment.ofArray(p), 1, MemorySegment.ofArray(g), 0, MemorySegment.ofArray(m), 0,
                MemorySegment.ofArray(v), 0, n));
    }

    @Test
    void shortSegmentsAreRefused() {
        MemorySegment x = MemorySegment.ofArray(new float[8]);
        assertThrows(IllegalArgumentException.class, () -> FloatRanges.add(x, 0, x, 1, x, 0, 8));
        assertThrows(IllegalArgumentException.class, () -> FloatRanges.fill(1, x.asReadOnly(), 0, 8));
        assertThrows(IllegalArgumentException.class, () -> FloatRanges.sum(x, 0, 9));
    }
}
