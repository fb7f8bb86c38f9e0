package org.mouselift.engine.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.mouselift.engine.cpu.TestArrays.U;

import java.lang.foreign.MemorySegment;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.mouselift.engine.cpu.VectorMath.Function;

@Tag("kernel")
class VectorMathTest {
    private static final float[] SPECIAL = {0f, -0f, 1f, -1f, Float.MIN_VALUE, -Float.MIN_VALUE, Float.MIN_NORMAL, -Float.MIN_NORMAL, 1e-40f, Float.MAX_VALUE,
        -Float.MAX_VALUE, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY, Float.NaN, 88.7f, 88.72283f, 88.72284f, 89f, -87.3f, -87.4f, -103f, -103.97f,
        -103.98f, -104f, -150f, 0.625f, 0.927734375f, 4f, -4f, 10f, 20f, -20f, 0.70710677f, 0.7071068f, 1.4142135f};

    private static float[] apply(Function f, float[] x) {
        float[] y = new float[x.length];
        VectorMath.apply(f, MemorySegment.ofArray(x), 0, MemorySegment.ofArray(y), 0, x.length);
        return y;
    }

    /** Every 40,009th float of all 2^32, a dense sweep of [-12, 12], and the special values. */
    private static float[] arguments() {
        int sweep = (int) ((1L << 32) / 40_009);
        int dense = 60_001;
        float[] x = new float[sweep + dense + SPECIAL.length];
        int n = 0;
        for (int i = 0; i < sweep; i++) {
            x[n++] = Float.intBitsToFloat((int) (i * 40_009L));
        }
        for (int i = 0; i < dense; i++) {
            x[n++] = (i - dense / 2) * 4e-4f;
        }
        System.arraycopy(SPECIAL, 0, x, n, SPECIAL.length);
        return x;
    }

    private static double limit(Function f, double x, double want) {
        double ulp = Math.ulp((float) want);
        return switch (f) {
            case EXP, LOG, TANH, ERF -> 2 * ulp;
            case SIGMOID -> 3 * ulp;
            case SILU -> 4 * ulp + 0x1p-148 * Math.abs(x);
            case SILU_PRIME -> 8 * U;
            case GELU -> 3 * U * Math.abs(x) + ulp;
            case GELU_PRIME -> 6 * U;
        };
    }

    @ParameterizedTest
    @EnumSource(Function.class)
    void staysWithinItsBoundOverTheWholeRange(Function f) {
        float[] x = arguments();
        float[] y = apply(f, x);
        double worst = 0;
        float at = 0;
        for (int i = 0; i < x.length; i++) {
            double want = f.value(x[i]);
            if ((f == Function.SILU || f == Function.GELU) && x[i] == Float.NEGATIVE_INFINITY) {
                continue;
            }
            if (Double.isNaN(want) || Double.isInfinite((float) want) || Double.isInfinite(y[i])) {
                assertTrue(Float.compare((float) want, y[i]) == 0 || Math.abs(want - Float.MAX_VALUE) < 2 * Math.ulp(Float.MAX_VALUE),
                        f + "(" + x[i] + ") = " + y[i] + ", expected " + (float) want);
                continue;
            }
            double error = Math.abs(y[i] - want) / limit(f, x[i], want);
            if (!(error <= worst)) {
                worst = error;
                at = x[i];
            }
        }
        assertTrue(worst <= 1, f + ": " + worst + " times the stated bound at " + at + ": " + apply(f, new float[] {at})[0] + ", expected " + f.value(at));
    }

    @ParameterizedTest
    @EnumSource(Function.class)
    void oddLengthsOffsetsAndInPlace(Function f) {
        SplittableRandom random = new SplittableRandom(2);
        for (int n : new int[] {0, 1, 3, 15, 17, 33, 1023, 1024, 1025, 40_001}) {
            float[] x = new float[n + 5];
            for (int i = 0; i < x.length; i++) {
                x[i] = (float) Math.abs(random.nextGaussian());
            }
            float[] y = x.clone();
            MemorySegment s = MemorySegment.ofArray(y);
            VectorMath.apply(f, s, 2, s, 2, n);
            for (int i = 0; i < x.length; i++) {
                if (i < 2 || i >= n + 2) {
                    assertEquals(x[i], y[i], "outside the range at " + i);
                } else {
                    TestArrays.near(f.value(x[i]), y[i], limit(f, x[i], f.value(x[i])), f + " n " + n + " i " + i);
                }
            }
        }
    }

    @Test
    void gradientsOfTheActivations() {
        SplittableRandom random = new SplittableRandom(3);
        int n = 5_003;
        float[] x = TestArrays.normal(random, n);
        float[] dy = TestArrays.normal(random, n);
        for (Function f : new Function[] {Function.SILU, Function.GELU}) {
            float[] dx = new float[n];
            VectorMath.gradient(f, MemorySegment.ofArray(x), 0, MemorySegment.ofArray(dy), 0, MemorySegment.ofArray(dx), 0, n);
            for (int i = 0; i < n; i++) {
                double h = 1e-6;
                double slope = (f.value(x[i] + h) - f.value(x[i] - h)) / (2 * h);
                TestArrays.near(dy[i] * slope, dx[i], 1e-6 * Math.max(1, Math.abs(dy[i])), f + " at " + x[i]);
            }
        }
        assertThrows(IllegalArgumentException.class, () -> VectorMath.gradient(Function.EXP, MemorySegment.ofArray(x), 0, MemorySegment.ofArray(dy), 0,
                MemorySegment.ofArray(dy), 0, n));
    }

    /** The polynomials of GELU and its derivative end where the functions are 0, x and 1 to float precision. */
    @Test
    void geluEndsExactly() {
        float[] x = {-5.6f, -7f, -1e30f, -Float.MAX_VALUE, 5.6f, 7f, 1e30f, Float.MAX_VALUE, Float.POSITIVE_INFINITY};
        float[] y = apply(Function.GELU, x);
        float[] slope = apply(Function.GELU_PRIME, new float[] {-6f, -1e30f, Float.NEGATIVE_INFINITY, 6f, 1e30f, Float.POSITIVE_INFINITY});
        for (int i = 0; i < x.length; i++) {
            assertEquals(x[i] < 0 ? 0f : x[i], y[i], x[i] < 0 ? 1e-6f : 0f, "gelu(" + x[i] + ")");
        }
        for (int i = 0; i < slope.length; i++) {
            assertEquals(i < 3 ? 0f : 1f, slope[i], 4e-8f, "slope " + i);
        }
    }

    /** An element gives the same bits wherever it stands: in a vector, at the end of a range, in another thread's part. */
    @ParameterizedTest
    @EnumSource(Function.class)
    void bitsDoNotDependOnThePosition(Function f) {
        int n = 70_001;
        float[] x = TestArrays.normal(new SplittableRandom(4), n);
        float[] whole = apply(f, x);
        MemorySegment s = TestArrays.nativeCopy(x);
        MemorySegment y = TestArrays.nativeCopy(new float[n]);
        for (int begin : new int[] {0, 1, 13, 16_384, 69_990}) {
            int count = Math.min(n - begin, 1_237);
            VectorMath.apply(f, s, begin, y, begin, count);
            for (int i = begin; i < begin + count; i++) {
                assertEquals(Float.floatToIntBits(whole[i]), Float.floatToIntBits(TestArrays.get(y, i)), f + " at " + i + " from " + begin);
            }
        }
        if (f == Function.SILU || f == Function.GELU) {
            float[] block = java.util.Arrays.copyOf(x, 4_096);
            if (f == Function.SILU) {
                MathBlocks.silu(block, 0, block.length);
            } else {
                MathBlocks.gelu(block, 0, block.length);
            }
            for (int i = 0; i < block.length; i++) {
                assertEquals(whole[i], block[i], "in a block at " + i);
            }
        }
    }

    @Test
    void shortSegmentsAreRefused() {
        MemorySegment s = MemorySegment.ofArray(new float[10]);
        assertThrows(IllegalArgumentException.class, () -> VectorMath.apply(Function.EXP, s, 1, s, 0, 10));
        assertThrows(IllegalArgumentException.class, () -> VectorMath.apply(Function.EXP, s, -1, s, 0, 2));
        assertThrows(IllegalArgumentException.class, () -> VectorMath.apply(Function.EXP, s, 0, s, 0, -2));
    }
}
