package org.mouselift.engine.cpu;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
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
class RowKernelsTest {
    private static MemorySegment of(float[] x) {
        return MemorySegment.ofArray(x);
    }

    private static MemorySegment of(double[] x) {
        return MemorySegment.ofArray(x);
    }

    @Test
    void softmaxForwardAndBackward() {
        SplittableRandom random = new SplittableRandom(1);
        for (int[] s : new int[][] {{1, 1}, {3, 2}, {5, 17}, {40, 64}, {7, 1000}, {300, 33}}) {
            int rows = s[0];
            int n = s[1];
            int stride = n + 3;
            float[] x = normal(random, rows * stride);
            float[] dy = normal(random, rows * stride);
            float[] y = new float[rows * stride];
            float[] dx = new float[rows * n];
            SoftmaxRows.forward(rows, n, of(x), 1, stride, of(y), 2, stride);
            double[] wy = new double[rows * n];
            double[] wx = new double[rows * n];
            SoftmaxRows.forwardF64(rows, n, of(widen(x)), 1, stride, of(wy), 0, n);
            SoftmaxRows.backward(rows, n, of(y), 2, stride, of(dy), 0, stride, of(dx), 0, n);
            SoftmaxRows.backwardF64(rows, n, of(wy), 0, n, of(widen(dy)), 0, stride, of(wx), 0, n);
            for (int r = 0; r < rows; r++) {
                double largest = 0;
                double sum = 0;
                for (int i = 0; i < n; i++) {
                    largest = Math.max(largest, Math.abs(wx[r * n + i]));
                    double w = wy[r * n + i];
                    sum += w;
                    near(w, y[2 + r * stride + i], 16 * U * w, "softmax " + rows + "x" + n);
                }
                near(1, sum, 1e-12, "rows sum to one");
                for (int i = 0; i < n; i++) {
                    near(wx[r * n + i], dx[r * n + i], 40 * U * (largest + wy[r * n + i]), "softmax gradient");
                }
            }
        }
        float[] huge = {1e30f, 1e30f, -1e30f};
        SoftmaxRows.forward(1, 3, of(huge), 0, 3, of(huge), 0, 3);
        assertArrayEquals(new float[] {0.5f, 0.5f, 0}, huge);
    }

    /** A NaN or infinity anywhere in a row reaches the whole row, also from the end that does not fill a vector; other rows stay. */
    @Test
    void softmaxOfRowsThatAreNotFinite() {
        int n = 37;
        for (float odd : new float[] {Float.NaN, Float.POSITIVE_INFINITY, Float.intBitsToFloat(0x7fc12345)}) {
            for (int at : new int[] {0, 17, 36}) {
                float[] x = normal(new SplittableRandom(6), 2 * n);
                x[at] = odd;
                float[] y = new float[2 * n];
                SoftmaxRows.forward(2, n, of(x), 0, n, of(y), 0, n);
                for (int i = 0; i < n; i++) {
                    assertTrue(Float.isNaN(y[i]), odd + " at " + at + ": " + y[i]);
                    assertTrue(y[n + i] > 0 && y[n + i] < 1, "the other row");
                }
            }
        }
        float[] x = normal(new SplittableRandom(6), n);
        x[3] = Float.NEGATIVE_INFINITY;
        x[36] = -1e30f;
        SoftmaxRows.forward(1, n, of(x), 0, n, of(x), 0, n);
        assertEquals(0f, x[3]);
        assertEquals(0f, x[36]);
        assertTrue(x[0] > 0);
    }

    /** Central differences of sum(softmax(x) * g), float64. */
    @Test
    void softmaxGradientInFloat64MatchesDifferences() {
        double[] x = {0.3, -1.2, 0.7, 2.0};
        double[] g = {1, -2, 0.5, 0.25};
        double[] y = new double[4];
        double[] dx = new double[4];
        SoftmaxRows.forwardF64(1, 4, of(x), 0, 4, of(y), 0, 4);
        SoftmaxRows.backwardF64(1, 4, of(y), 0, 4, of(g), 0, 4, of(dx), 0, 4);
        for (int i = 0; i < 4; i++) {
            double[] value = new double[2];
            for (int side = 0; side < 2; side++) {
                double[] moved = x.clone();
                moved[i] += side == 0 ? 1e-6 : -1e-6;
                SoftmaxRows.forwardF64(1, 4, of(moved), 0, 4, of(moved), 0, 4);
                for (int j = 0; j < 4; j++) {
                    value[side] += moved[j] * g[j];
                }
            }
            near((value[0] - value[1]) / 2e-6, dx[i], 1e-9, "softmax slope");
        }
    }

    @Test
    void layerNorm() {
        SplittableRandom random = new SplittableRandom(2);
        for (int[] s : new int[][] {{1, 1}, {2, 5}, {9, 16}, {70, 33}, {130, 129}, {5, 1024}}) {
            int rows = s[0];
            int n = s[1];
            for (boolean bias : new boolean[] {false, true}) {
                float[] x = normal(random, rows * n);
                for (int i = 0; i < x.length; i++) {
                    x[i] += i / n % 3;
                }
                float[] w = normal(random, n);
                float[] b = normal(random, n);
                float[] dy = normal(random, rows * n);
                float[] y = new float[rows * n];
                float[] dx = new float[rows * n];
                float[] mean = new float[rows];
                float[] rstd = new float[rows];
                float[] dw = new float[n];
                float[] db = new float[n];
                LayerNormRows.forward(rows, n, 1e-5, of(x), 0, of(w), 0, bias ? of(b) : null, 0, of(y), 0, of(mean), 0, of(rstd), 0);
                LayerNormRows.backward(rows, n, of(x), 0, of(w), 0, of(mean), 0, of(rstd), 0, of(dy), 0, of(dx), 0, of(dw), 0, bias ? of(db) : null, 0);
                double[] wy = new double[rows * n];
                double[] wx = new double[rows * n];
                double[] wm = new double[rows];
                double[] wr = new double[rows];
                double[] ww = new double[n];
                double[] wb = new double[n];
                NormF64.layerNorm(rows, n, 1e-5, of(widen(x)), 0, of(widen(w)), 0, bias ? of(widen(b)) : null, 0, of(wy), 0, of(wm), 0, of(wr), 0);
                NormF64.layerNormGradient(rows, n, of(widen(x)), 0, of(widen(w)), 0, of(wm), 0, of(wr), 0, of(widen(dy)), 0, of(wx), 0, of(ww), 0, of(wb), 0);
                String what = "layer norm " + rows + "x" + n;
                double spread = 0;
                for (double r : wr) {
                    spread = Math.max(spread, r);
                }
                TestArrays.near(wm, mean, 8 * U * 4, what + " mean");
                // x has an error of 4u from subtracting the mean, which rstd magnifies
                TestArrays.near(wy, y, 80 * U * Math.max(1, spread) * 4, what + " y");
                TestArrays.near(wx, dx, 400 * U * Math.max(1, spread * spread), what + " dx");
                TestArrays.near(ww, dw, 200 * U * Math.sqrt(rows) * Math.max(1, spread), what + " dw");
                if (bias) {
                    TestArrays.near(wb, db, 20 * U * Math.sqrt(rows), what + " db");
                }
            }
        }
    }

    @Test
    void groupNorm() {
        SplittableRandom random = new SplittableRandom(3);
        for (int[] s : new int[][] {{1, 2, 1, 2}, {2, 6, 5, 3}, {1, 32, 16, 32}, {3, 8, 49, 2}, {1, 4, 1500, 2}, {2, 64, 33, 32}}) {
            int batch = s[0];
            int c = s[1];
            int p = s[2];
            int g = s[3];
            for (boolean silu : new boolean[] {false, true}) {
                int n = batch * c * p;
                float[] x = normal(random, n);
                for (int i = 0; i < n; i++) {
                    x[i] = x[i] * 2 + i / (c / g * p) % 3 * 5;
                }
                float[] w = normal(random, c);
                float[] b = normal(random, c);
                float[] dy = normal(random, n);
                float[] y = new float[n];
                float[] dx = new float[n];
                float[] mean = new float[batch * g];
                float[] rstd = new float[batch * g];
                float[] dw = new float[c];
                float[] db = new float[c];
                GroupNormPlanes.forward(batch, c, p, g, 1e-5, silu, of(x), 0, of(w), 0, of(b), 0, of(y), 0, of(mean), 0, of(rstd), 0);
                GroupNormPlanes.backward(batch, c, p, g, silu, of(x), 0, of(w), 0, of(b), 0, of(mean), 0, of(rstd), 0, of(dy), 0, of(dx), 0, of(dw), 0, of(db),
                        0);
                double[] wy = new double[n];
                double[] wx = new double[n];
                double[] wm = new double[batch * g];
                double[] wr = new double[batch * g];
                double[] ww = new double[c];
                double[] wb = new double[c];
                NormF64.groupNorm(batch, c, p, g, 1e-5, silu, of(widen(x)), 0, of(widen(w)), 0, of(widen(b)), 0, of(wy), 0, of(wm), 0, of(wr), 0);
                NormF64.groupNormGradient(batch, c, p, g, silu, of(widen(x)), 0, of(widen(w)), 0, of(widen(b)), 0, of(wm), 0, of(wr), 0, of(widen(dy)), 0,
                        of(wx), 0, of(ww), 0, of(wb), 0);
                String what = "group norm " + batch + "," + c + "," + p + "," + g + " silu " + silu;
                double spread = 1;
                for (double r : wr) {
                    spread = Math.max(spread, r);
                }
                TestArrays.near(wm, mean, 16 * U * 10, what + " mean");
                for (int i = 0; i < wr.length; i++) {
                    near(wr[i], rstd[i], 8 * U * wr[i], what + " rstd");
                }
                TestArrays.near(wy, y, 200 * U * spread, what + " y");
                TestArrays.near(wx, dx, 2000 * U * spread * spread, what + " dx");
                TestArrays.near(ww, dw, 500 * U * spread * Math.sqrt(batch * p), what + " dw");
                TestArrays.near(wb, db, 500 * U * spread * Math.sqrt(batch * p), what + " db");
            }
        }
    }

    /** A large common offset must not destroy the variance. */
    @Test
    void groupNormVarianceDoesNotCancel() {
        SplittableRandom random = new SplittableRandom(4);
        int n = 5_000;
        float[] x = normal(random, n);
        for (int i = 0; i < n; i++) {
            x[i] += 4096;
        }
        float[] one = {1f};
        float[] zero = {0f};
        float[] y = new float[n];
        float[] mean = new float[1];
        float[] rstd = new float[1];
        GroupNormPlanes.forward(1, 1, n, 1, 1e-5, false, of(x), 0, of(one), 0, of(zero), 0, of(y), 0, of(mean), 0, of(rstd), 0);
        double[] wr = new double[1];
        NormF64.groupNorm(1, 1, n, 1, 1e-5, false, of(widen(x)), 0, of(new double[] {1}), 0, of(new double[] {0}), 0, of(new double[n]), 0, of(new double[1]), 0,
                of(wr), 0);
        near(wr[0], rstd[0], 1e-6 * wr[0], "rstd beside an offset of 4096");
    }

    /** The float64 gradients themselves, against central differences. */
    @Test
    void normGradientsInFloat64MatchDifferences() {
        SplittableRandom random = new SplittableRandom(5);
        int n = 2 * 4 * 3;
        double[] x = widen(normal(random, n));
        double[] w = widen(normal(random, 4));
        double[] b = widen(normal(random, 4));
        double[] g = widen(normal(random, n));
        double[] mean = new double[4];
        double[] rstd = new double[4];
        NormF64.groupNorm(2, 4, 3, 2, 1e-3, true, of(x), 0, of(w), 0, of(b), 0, of(new double[n]), 0, of(mean), 0, of(rstd), 0);
        double[][] got = {new double[n], new double[4], new double[4]};
        NormF64.groupNormGradient(2, 4, 3, 2, true, of(x), 0, of(w), 0, of(b), 0, of(mean), 0, of(rstd), 0, of(g), 0, of(got[0]), 0, of(got[1]), 0, of(got[2]),
                0);
        double[][] in = {x, w, b};
        for (int which = 0; which < 3; which++) {
            for (int i = 0; i < in[which].length; i++) {
                double old = in[which][i];
                double[] value = new double[2];
                for (int side = 0; side < 2; side++) {
                    in[which][i] = old + (side == 0 ? 1e-6 : -1e-6);
                    double[] y = new double[n];
                    NormF64.groupNorm(2, 4, 3, 2, 1e-3, true, of(x), 0, of(w), 0, of(b), 0, of(y), 0, of(mean.clone()), 0, of(rstd.clone()), 0);
                    for (int j = 0; j < n; j++) {
                        value[side] += y[j] * g[j];
                    }
                }
                in[which][i] = old;
                near((value[0] - value[1]) / 2e-6, got[which][i], 1e-7, "operand " + which + " element " + i);
            }
        }
    }

    @Test
    void badShapesAreRefused() {
        MemorySegment x = of(new float[12]);
        assertThrows(IllegalArgumentException.class, () -> GroupNormPlanes.forward(1, 3, 4, 2, 1e-5, false, x, 0, x, 0, x, 0, x, 0, x, 0, x, 0));
        assertThrows(IllegalArgumentException.class, () -> SoftmaxRows.forward(3, 5, x, 0, 5, x, 0, 5));
        assertThrows(IllegalArgumentException.class, () -> LayerNormRows.forward(3, 4, 1e-5, x, 1, x, 0, null, 0, x, 0, null, 0, null, 0));
    }
}
