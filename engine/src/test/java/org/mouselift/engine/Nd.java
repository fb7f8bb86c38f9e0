package org.mouselift.engine;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Arrays;
import java.util.function.DoubleBinaryOperator;
import java.util.function.DoubleUnaryOperator;
import java.util.function.ToDoubleFunction;

/** A float64 array with plain loops: the oracle of the operations. Shares no code with the engine's kernels. */
public record Nd(double[] v, int... dims) {
    /** Standard normal values that are exact in float32. */
    static Nd random(long stream, int... dims) {
        Philox rng = new Philox(4711, stream);
        double[] v = new double[size(dims)];
        Arrays.setAll(v, i -> (float) rng.nextGaussian());
        return new Nd(v, dims);
    }

    static int size(int... dims) {
        return Arrays.stream(dims).reduce(1, (a, b) -> a * b);
    }

    /** An array from a function of the index. */
    static Nd build(ToDoubleFunction<int[]> f, int... dims) {
        double[] v = new double[size(dims)];
        int[] index = new int[dims.length];
        for (int i = 0; i < v.length; i++) {
            int rest = i;
            for (int a = dims.length - 1; a >= 0; a--) {
                index[a] = rest % dims[a];
                rest /= dims[a];
            }
            v[i] = f.applyAsDouble(index);
        }
        return new Nd(v, dims);
    }

    /** Element with broadcasting: axes of size 1 and missing leading axes are repeated. */
    double at(int... index) {
        int i = 0;
        int lead = index.length - dims.length;
        for (int a = 0; a < dims.length; a++) {
            i = i * dims[a] + (dims[a] == 1 ? 0 : index[lead + a]);
        }
        return v[i];
    }

    Nd map(DoubleUnaryOperator f) {
        return new Nd(Arrays.stream(v).map(f).toArray(), dims);
    }

    static Nd zip(DoubleBinaryOperator f, Nd a, Nd b, int... dims) {
        return build(i -> f.applyAsDouble(a.at(i), b.at(i)), dims);
    }

    long[] longDims() {
        return Arrays.stream(dims).asLongStream().toArray();
    }

    Tensor tensor(DType dtype, int layout) {
        return Layouts.of(layout, dtype, v, longDims());
    }

    /** Each element within {@code relative * |want| + absolute}; NaN and infinities must agree. */
    void check(String what, Tensor got, double relative, double absolute) {
        assertArrayEquals(longDims(), got.shape().dims(), what + ": shape");
        double[] g = got.toDoubles();
        for (int i = 0; i < v.length; i++) {
            if (Double.isNaN(v[i]) || Double.isInfinite(v[i])) {
                assertEquals(v[i], g[i], what + " element " + i);
            } else {
                assertEquals(v[i], g[i], relative * Math.abs(v[i]) + absolute, what + " element " + i);
            }
        }
    }

    /** erf(x) = 2/sqrt(pi) exp(-x^2) sum_n 2^n x^(2n+1) / (2n+1)!!: all terms have one sign. */
    static double erf(double x) {
        double a = Math.abs(x);
        if (a > 6) {
            return Math.signum(x);
        }
        double term = a;
        double sum = 0;
        for (int n = 0; n < 400 && term > 1e-20 * sum; n++) {
            sum += term;
            term *= 2 * a * a / (2 * n + 3);
        }
        return Math.signum(x) * 2 / Math.sqrt(Math.PI) * Math.exp(-a * a) * sum;
    }

    static double sigmoid(double x) {
        return 1 / (1 + Math.exp(-x));
    }

    static double gelu(double x) {
        return 0.5 * x * (1 + erf(x / Math.sqrt(2)));
    }
}
