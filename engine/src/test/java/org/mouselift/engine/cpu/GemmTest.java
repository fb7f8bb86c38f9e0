package org.mouselift.engine.cpu;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.mouselift.engine.cpu.TestArrays.U;
import static org.mouselift.engine.cpu.TestArrays.floats;
import static org.mouselift.engine.cpu.TestArrays.near;
import static org.mouselift.engine.cpu.TestArrays.nativeCopy;
import static org.mouselift.engine.cpu.TestArrays.normal;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.mouselift.engine.DType;

@Tag("kernel")
class GemmTest {
    private static final float SENTINEL = 12345.5f;

    /** One product against a float64 sum; also checks that nothing around C was touched. */
    private static void check(int m, int n, int k, boolean ta, boolean tb, int pad, float alpha, float beta, Activation act, boolean bias, boolean res,
            boolean heap, long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        int lda = (ta ? m : k) + pad;
        int ldb = (tb ? k : n) + pad;
        int ldc = n + pad;
        float[] a = normal(random, 3 + (ta ? k : m) * lda);
        float[] b = normal(random, 5 + (tb ? n : k) * ldb);
        float[] biases = normal(random, 2 + n);
        float[] residual = normal(random, 1 + m * (n + 2));
        float[] c = new float[7 + m * ldc + 3];
        Arrays.fill(c, SENTINEL);
        float[] c0 = normal(random, m * n);
        for (int i = 0; i < m; i++) {
            System.arraycopy(c0, i * n, c, 7 + i * ldc, n);
        }
        MemorySegment out = heap ? MemorySegment.ofArray(c) : nativeCopy(c);
        Matrix av = new Matrix(heap ? MemorySegment.ofArray(a) : nativeCopy(a), DType.F32, 3, ta ? 1 : lda, ta ? lda : 1);
        Matrix bv = new Matrix(heap ? MemorySegment.ofArray(b) : nativeCopy(b), DType.F32, 5, tb ? 1 : ldb, tb ? ldb : 1);
        Epilogue e = new Epilogue(bias ? nativeCopy(biases) : null, 2, act, res ? nativeCopy(residual) : null, 1, n + 2);
        Gemm.multiply(m, n, k, alpha, av, bv, beta, out, 7, ldc, e);
        float[] got = floats(out);
        String what = m + "x" + n + "x" + k + (ta ? "T" : "N") + (tb ? "T" : "N") + " pad " + pad + " " + act + " alpha " + alpha + " beta " + beta;
        for (int i = 0; i < m; i++) {
            for (int j = 0; j < n; j++) {
                double sum = 0;
                double size = 0;
                for (int p = 0; p < k; p++) {
                    double t = (double) a[3 + (ta ? p * lda + i : i * lda + p)] * b[5 + (tb ? j * ldb + p : p * ldb + j)];
                    sum += t;
                    size += Math.abs(t);
                }
                double v = alpha * sum + (beta == 0 ? 0 : beta * c0[i * n + j]) + (bias ? biases[2 + j] : 0);
                double bound = (k + 6) * U * (Math.abs(alpha) * size + Math.abs(beta * c0[i * n + j]) + (bias ? Math.abs(biases[2 + j]) : 0)) + 1e-30;
                if (act == Activation.GELU) {
                    bound = 1.13 * bound + 4 * U * Math.abs(v);
                    v = ErrorFunction.gelu(v);
                } else if (act == Activation.SILU) {
                    bound = 1.1 * bound + 4 * U * Math.abs(v);
                    v = v / (1 + Math.exp(-v));
                }
                if (res) {
                    double r = residual[1 + i * (n + 2) + j];
                    v += r;
                    bound += 2 * U * (Math.abs(v) + Math.abs(r));
                }
                near(v, got[7 + i * ldc + j], bound, what + " at " + i + "," + j);
            }
            for (int j = n; j < ldc; j++) {
                assertEquals(SENTINEL, got[7 + i * ldc + j], what + ": wrote beside C");
            }
        }
        for (int i = 0; i < 7; i++) {
            assertEquals(SENTINEL, got[i], what + ": wrote before C");
        }
        for (int i = 0; i < 3; i++) {
            assertEquals(SENTINEL, got[7 + m * ldc + i], what + ": wrote behind C");
        }
    }

    @Test
    void allTranspositionsAtOddSizes() {
        int[][] sizes = {{1, 1, 1}, {1, 37, 19}, {2, 5, 3}, {3, 64, 8}, {5, 33, 300}, {7, 1, 65}, {12, 32, 256}, {13, 31, 257}, {17, 70, 40},
            {25, 65, 129}, {96, 64, 64}, {61, 129, 33}};
        long seed = 1;
        for (int[] s : sizes) {
            for (int t = 0; t < 4; t++) {
                check(s[0], s[1], s[2], (t & 1) != 0, (t & 2) != 0, t, 1f, 0f, Activation.NONE, false, false, (seed & 1) == 0, seed++);
            }
        }
    }

    @Test
    void everyRowCountOfATile() {
        for (int m = 1; m <= 26; m++) {
            check(m, 40, 21, false, true, 1, 1f, 0f, Activation.NONE, false, false, false, m);
            check(m, 2 * MicroKernel.NR, 9, true, false, 0, 0.5f, 1f, Activation.NONE, false, false, true, m + 100);
        }
    }

    @Test
    void scalingAndEpilogues() {
        long seed = 7;
        for (Activation act : Activation.values()) {
            for (int t = 0; t < 8; t++) {
                check(29, 45, 70, (t & 1) != 0, (t & 2) != 0, 3, t % 2 == 0 ? 1f : -0.75f, t % 3 == 0 ? 0f : 0.5f, act, (t & 1) == 0, (t & 4) != 0, t % 2 == 0,
                        seed++);
                check(24, 64, 300, false, true, 0, 1f, t % 3 == 0 ? 1f : 0f, act, (t & 1) != 0, (t & 2) == 0, false, seed++);
            }
        }
    }

    @Test
    void crossesEveryBlockBoundary() {
        check(205, 1600, 17, false, false, 0, 1f, 0f, Activation.NONE, false, false, false, 1);
        check(205, 70, 2100, true, true, 5, 1f, 1f, Activation.GELU, true, true, false, 2);
        check(14, 3100, 33, false, true, 0, 2f, 0f, Activation.SILU, true, false, true, 3);
    }

    /** As many rows as a tile has, the second operand transposed: dot products instead of packed panels. */
    @Test
    void fewRows() {
        long seed = 20;
        for (int m = 1; m <= MicroKernel.MR + 1; m++) {
            check(m, 2 * MicroKernel.NR + 3, 77, (m & 1) != 0, true, m % 3, 1f, 0f, Activation.NONE, false, false, (m & 2) != 0, seed++);
        }
        check(6, 70, 1024, false, true, 0, 1f, 0f, Activation.SILU, true, false, false, seed++);
        check(5, 3, 2 * 1024 + 17, false, true, 1, -0.5f, 1f, Activation.GELU, true, true, false, seed++);
        check(2, 14, 1040, true, true, 0, 1f, 0.5f, Activation.NONE, true, true, true, seed++);
        check(1, 1, 4097, false, true, 2, 1f, 0f, Activation.NONE, false, false, false, seed++);
    }

    @Test
    void emptyInnerDimensionGivesTheEpilogueOfNothing() {
        check(5, 37, 0, false, false, 1, 1f, 0.5f, Activation.NONE, true, false, false, 1);
        check(5, 64, 0, false, false, 1, 1f, 0f, Activation.NONE, false, false, false, 2);
    }

    @Test
    void generalAndZeroStrides() {
        SplittableRandom random = new SplittableRandom(3);
        int m = 19;
        int n = 35;
        int k = 23;
        float[] a = normal(random, 4 * m * k * 3);
        float[] b = normal(random, 2 * k * n * 5);
        float[] c = new float[m * n];
        Gemm.multiply(m, n, k, new Matrix(MemorySegment.ofArray(a), DType.F32, 1, 3 * k, 3), new Matrix(MemorySegment.ofArray(b), DType.F32, 2, 2, 2 * n),
                MemorySegment.ofArray(c), 0, n);
        compare(m, n, k, a, 1, 3 * k, 3, b, 2, 2, 2 * n, c);
        Gemm.multiply(m, n, k, new Matrix(MemorySegment.ofArray(a), DType.F32, 1, 0, 1), new Matrix(MemorySegment.ofArray(b), DType.F32, 2, 1, 0),
                MemorySegment.ofArray(c), 0, n);
        compare(m, n, k, a, 1, 0, 1, b, 2, 1, 0, c);
    }

    private static void compare(int m, int n, int k, float[] a, int ao, int ar, int ac, float[] b, int bo, int br, int bc, float[] c) {
        for (int i = 0; i < m; i++) {
            for (int j = 0; j < n; j++) {
                double sum = 0;
                double size = 0;
                for (int p = 0; p < k; p++) {
                    double t = (double) a[ao + i * ar + p * ac] * b[bo + p * br + j * bc];
                    sum += t;
                    size += Math.abs(t);
                }
                near(sum, c[i * n + j], (k + 2) * U * size, i + "," + j);
            }
        }
    }

    @Test
    void halfPrecisionOperandsAreWidenedExactly() {
        SplittableRandom random = new SplittableRandom(4);
        for (DType type : new DType[] {DType.F16, DType.BF16}) {
            for (int t = 0; t < 8; t++) {
                int m = t < 4 ? 15 : 5;
                int n = 50;
                int k = 270;
                boolean tb = (t & 1) != 0;
                int spread = (t & 2) != 0 ? 2 : 1;
                short[] a = new short[m * k * spread];
                short[] b = new short[k * n * spread];
                float[] af = new float[a.length];
                float[] bf = new float[b.length];
                fill(random, type, a, af);
                fill(random, type, b, bf);
                float[] c = new float[m * n];
                Gemm.multiply(m, n, k, new Matrix(MemorySegment.ofArray(a), type, 0, (long) k * spread, spread),
                        new Matrix(MemorySegment.ofArray(b), type, 0, spread * (tb ? 1 : n), spread * (tb ? k : 1)), MemorySegment.ofArray(c), 0, n);
                compare(m, n, k, af, 0, k * spread, spread, bf, 0, spread * (tb ? 1 : n), spread * (tb ? k : 1), c);
            }
        }
    }

    private static void fill(SplittableRandom random, DType type, short[] bits, float[] values) {
        for (int i = 0; i < bits.length; i++) {
            float x = (float) random.nextGaussian();
            bits[i] = type == DType.F16 ? Float.floatToFloat16(x) : DType.floatToBf16(x);
            values[i] = type == DType.F16 ? Float.float16ToFloat(bits[i]) : DType.bf16ToFloat(bits[i]);
        }
    }

    @Test
    void batchesSmallAndLarge() {
        for (int[] s : new int[][] {{9, 7, 11, 5}, {2, 130, 150, 200}, {3, 40, 33, 1}, {40, 20, 20, 60}}) {
            SplittableRandom random = new SplittableRandom(5);
            int batch = s[0];
            int m = s[1];
            int n = s[2];
            int k = s[3];
            float[] a = normal(random, batch * m * k);
            float[] b = normal(random, k * n);
            float[] residual = normal(random, batch * m * n);
            float[] together = new float[batch * m * n];
            float[] one = new float[batch * m * n];
            Matrix bv = Matrix.rowMajor(MemorySegment.ofArray(b), 0, n);
            Epilogue e = new Epilogue(null, 0, Activation.NONE, MemorySegment.ofArray(residual), 0, n);
            Gemm.batched(batch, m, n, k, 1f, Matrix.rowMajor(MemorySegment.ofArray(a), 0, k), (long) m * k, bv, 0, 0f, MemorySegment.ofArray(together), 0, n,
                    (long) m * n, e, (long) m * n);
            for (int i = 0; i < batch; i++) {
                Gemm.multiply(m, n, k, 1f, Matrix.rowMajor(MemorySegment.ofArray(a), (long) i * m * k, k), bv, 0f, MemorySegment.ofArray(one), (long) i * m * n,
                        n, new Epilogue(null, 0, Activation.NONE, MemorySegment.ofArray(residual), (long) i * m * n, n));
            }
            assertArrayEquals(one, together);
        }
    }

    /** The same product inside a parallel region runs on one thread: the bits must not change. */
    @Test
    void resultDoesNotDependOnTheNumberOfThreads() {
        SplittableRandom random = new SplittableRandom(6);
        int m = 150;
        int n = 333;
        int k = 290;
        MemorySegment a = nativeCopy(normal(random, m * k));
        MemorySegment b = nativeCopy(normal(random, n * k));
        MemorySegment bias = nativeCopy(normal(random, n));
        float[] many = new float[m * n];
        float[] one = new float[m * n];
        product(m, n, k, a, b, bias, many);
        Workers.each(2, (worker, task) -> {
            if (task == 0) {
                product(m, n, k, a, b, bias, one);
            }
        });
        assertArrayEquals(one, many);
    }

    private static void product(int m, int n, int k, MemorySegment a, MemorySegment b, MemorySegment bias, float[] c) {
        Gemm.multiply(m, n, k, 0.3f, Matrix.rowMajor(a, 0, k), Matrix.rowMajor(b, 0, k).transposed(), 0f, MemorySegment.ofArray(c), 0, n,
                Epilogue.biasActivation(bias, 0, Activation.GELU));
    }

    @Test
    void betaZeroDoesNotReadTheOldContents() {
        float[] c = new float[64 * 64];
        Arrays.fill(c, Float.NaN);
        float[] one = new float[64 * 64];
        Arrays.fill(one, 1f);
        Matrix x = Matrix.rowMajor(MemorySegment.ofArray(one), 0, 64);
        Gemm.multiply(64, 64, 64, x, x, MemorySegment.ofArray(c), 0, 64);
        for (float v : c) {
            assertEquals(64f, v);
        }
    }

    @Test
    void badArgumentsAreNamed() {
        MemorySegment x = MemorySegment.ofArray(new float[100]);
        Matrix a = Matrix.rowMajor(x, 0, 10);
        assertTrue(assertThrows(IllegalArgumentException.class, () -> Gemm.multiply(11, 10, 10, a, a, x, 0, 10)).getMessage().contains("A reaches element 109"));
        assertTrue(assertThrows(IllegalArgumentException.class, () -> Gemm.multiply(10, 10, 10, a, a, x, 1, 10)).getMessage().contains("C reaches"));
        assertTrue(assertThrows(IllegalArgumentException.class, () -> Gemm.multiply(2, 10, 10, a, a, x, 0, 9)).getMessage().contains("row stride of C"));
        assertTrue(assertThrows(IllegalArgumentException.class, () -> Gemm.multiply(-1, 10, 10, a, a, x, 0, 10)).getMessage().contains("M = -1"));
        Matrix wrong = new Matrix(x, DType.F64, 0, 1, 1);
        assertTrue(assertThrows(IllegalArgumentException.class, () -> Gemm.multiply(1, 1, 1, wrong, a, x, 0, 1)).getMessage().contains("A is f64"));
        Matrix huge = new Matrix(x, DType.F32, 0, Long.MAX_VALUE / 2, 1);
        assertTrue(assertThrows(IllegalArgumentException.class, () -> Gemm.multiply(10, 1, 1, huge, a, x, 0, 1)).getMessage().contains("overflows"));
        assertThrows(IllegalArgumentException.class, () -> Gemm.multiply(1, 1, 1, a, a, x.asReadOnly(), 0, 1));
    }

    @Test
    void float64Product() {
        SplittableRandom random = new SplittableRandom(8);
        int m = 9;
        int n = 150;
        int k = 40;
        double[] a = random.doubles(3L * m * k).toArray();
        double[] b = random.doubles(3L * n * k).toArray();
        double[] bias = random.doubles(n).toArray();
        double[] residual = random.doubles(3L * m * n).toArray();
        double[] c = random.doubles(3L * m * n).toArray();
        double[] before = c.clone();
        GemmF64.batched(3, m, n, k, 0.5, new Matrix(MemorySegment.ofArray(a), DType.F64, 0, k, 1), (long) m * k,
                new Matrix(MemorySegment.ofArray(b), DType.F64, 0, 1, k), (long) n * k, 2.0, MemorySegment.ofArray(c), 0, n, (long) m * n,
                new Epilogue(MemorySegment.ofArray(bias), 0, Activation.GELU, MemorySegment.ofArray(residual), 0, n), (long) m * n);
        for (int s = 0; s < 3; s++) {
            for (int i = 0; i < m; i++) {
                for (int j = 0; j < n; j++) {
                    double sum = 0;
                    for (int p = 0; p < k; p++) {
                        sum += a[s * m * k + i * k + p] * b[s * n * k + j * k + p];
                    }
                    int at = s * m * n + i * n + j;
                    near(ErrorFunction.gelu(0.5 * sum + 2 * before[at] + bias[j]) + residual[at], c[at], 1e-12, "f64 " + s + "," + i + "," + j);
                }
            }
        }
    }
}
