package org.mouselift.engine.cpu;

import static org.junit.jupiter.api.Assertions.fail;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.SplittableRandom;
import org.mouselift.engine.DType;

/** Random operands and comparisons of the kernel tests. */
final class TestArrays {
    /** Unit roundoff of float32. */
    static final double U = 0x1p-24;

    private TestArrays() {
    }

    static float[] normal(SplittableRandom random, int n) {
        float[] x = new float[n];
        for (int i = 0; i < n; i++) {
            x[i] = (float) random.nextGaussian();
        }
        return x;
    }

    /** Off-heap copy. */
    static MemorySegment nativeCopy(float[] x) {
        MemorySegment s = Arena.ofAuto().allocate(Math.max(4, 4L * x.length), 64);
        MemorySegment.copy(x, 0, s, DType.LE_F32, 0, x.length);
        return s;
    }

    static MemorySegment nativeCopy(double[] x) {
        MemorySegment s = Arena.ofAuto().allocate(Math.max(8, 8L * x.length), 64);
        MemorySegment.copy(x, 0, s, DType.LE_F64, 0, x.length);
        return s;
    }

    static float get(MemorySegment s, long i) {
        return s.get(DType.LE_F32, i * 4);
    }

    static double[] widen(float[] x) {
        double[] y = new double[x.length];
        for (int i = 0; i < x.length; i++) {
            y[i] = x[i];
        }
        return y;
    }

    static float[] floats(MemorySegment s) {
        float[] x = new float[(int) (s.byteSize() / 4)];
        MemorySegment.copy(s, DType.LE_F32, 0, x, 0, x.length);
        return x;
    }

    static double[] doubles(MemorySegment s) {
        double[] x = new double[(int) (s.byteSize() / 8)];
        MemorySegment.copy(s, DType.LE_F64, 0, x, 0, x.length);
        return x;
    }

    /** Fails unless {@code |actual - expected| <= bound}; NaN never passes. */
    static void near(double expected, double actual, double bound, String what) {
        if (!(Math.abs(actual - expected) <= bound)) {
            fail(what + ": expected " + expected + ", got " + actual + ", error " + Math.abs(actual - expected) + " over the bound " + bound);
        }
    }

    /** Compares element by element with an absolute bound per element. */
    static void near(double[] expected, float[] actual, double bound, String what) {
        for (int i = 0; i < expected.length; i++) {
            near(expected[i], actual[i], bound, what + "[" + i + "]");
        }
    }
}
