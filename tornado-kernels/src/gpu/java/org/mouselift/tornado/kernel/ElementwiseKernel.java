package org.mouselift.tornado.kernel;

import org.mouselift.tornado.launch.Elementwise;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Chains of element-wise operations; launch and arguments: {@link Elementwise}. */
public final class ElementwiseKernel {
    private ElementwiseKernel() {}

    /**
     * erfc(x): Chebyshev fit with a relative error below 1.2e-7 (Press et al., "Numerical Recipes", section 6.2), in float32 below
     * 2e-6.
     */
    static float erfc(float x) {
        float z = TornadoMath.abs(x);
        float t = 1f / (1f + 0.5f * z);
        float s = t * (-0.82215223f + t * 0.17087277f);
        s = t * (1.48851587f + s);
        s = t * (-1.13520398f + s);
        s = t * (0.27886807f + s);
        s = t * (-0.18628806f + s);
        s = t * (0.09678418f + s);
        s = t * (0.37409196f + s);
        s = t * (1.00002368f + s);
        float e = t * TornadoMath.exp(-z * z - 1.26551223f + s);
        return x < 0f ? 2f - e : e;
    }

    /** erf(x); near 0 by its power series, where 1 - erfc(x) would cancel. */
    static float erf(float x) {
        float x2 = x * x;
        float series = x * (1.1283792f + x2 * (-0.37612638f + x2 * (0.11283792f + x2 * (-0.026866171f + x2 * (0.005223978f - x2 * 0.00085483274f)))));
        return x2 < 0.25f ? series : 1f - erfc(x);
    }

    /** tanh(x) without cancellation near 0; device compilers may replace tanh by a coarse one. */
    static float tanh(float x) {
        float x2 = x * x;
        float series = x * (1f + x2 * (-0.33333334f + x2 * (0.13333334f - x2 * 0.053968254f)));
        float a = TornadoMath.abs(x);
        float e = TornadoMath.exp(-2f * a);
        float far = (1f - e) / (1f + e);
        return a < 0.2f ? series : x < 0f ? -far : far;
    }

    static float unary(int kind, float x) {
        float y = x;
        switch (kind) {
            case 0: y = -x; break;
            case 1: y = TornadoMath.abs(x); break;
            case 2: y = x > 0f ? 1f : x < 0f ? -1f : x; break;
            case 3: y = x * x; break;
            case 4: y = TornadoMath.sqrt(x); break;
            case 5: y = 1f / TornadoMath.sqrt(x); break;
            case 6: y = 1f / x; break;
            case 7: y = TornadoMath.exp(x); break;
            case 8: y = TornadoMath.log(x); break;
            case 9: y = TornadoMath.sin(x); break;
            case 10: y = TornadoMath.cos(x); break;
            case 11: y = tanh(x); break;
            case 12: y = erf(x); break;
            case 13: y = 1f / (1f + TornadoMath.exp(-x)); break;
            case 14: y = x > 0f ? x : 0f; break;
            case 15: y = x / (1f + TornadoMath.exp(-x)); break;
            case 16: {
                float s = 1f / (1f + TornadoMath.exp(-x));
                y = s * (1f + x * (1f - s));
                break;
            }
            case 17: y = 0.5f * x * erfc(-0.70710677f * x); break;
            default: y = 0.5f * erfc(-0.70710677f * x) + 0.3989423f * x * TornadoMath.exp(-0.5f * x * x); break;
        }
        return y;
    }

    static float binary(int kind, float x, float y) {
        float z = x;
        switch (kind) {
            case 0: z = x + y; break;
            case 1: z = x - y; break;
            case 2: z = x * y; break;
            case 3: z = x / y; break;
            case 4: z = x > y ? x : y; break;
            case 5: z = x < y ? x : y; break;
            default: z = TornadoMath.pow(x, y); break;
        }
        return z;
    }

    /** A device's {@code <=} and {@code >=} are true of NaN: the compiler writes them as the contrary of {@code >} and {@code <}. */
    static float compare(int kind, float x, float y) {
        float z = 0f;
        switch (kind) {
            case 0: z = x < y ? 1f : 0f; break;
            case 1: z = x < y ? 1f : x == y ? 1f : 0f; break;
            case 2: z = x > y ? 1f : 0f; break;
            case 3: z = x > y ? 1f : x == y ? 1f : 0f; break;
            case 4: z = x == y ? 1f : 0f; break;
            default: z = x == y ? 0f : 1f; break;
        }
        return z;
    }

    public static void elementwise(KernelContext c, FloatArray mem, IntArray ints, IntArray p, FloatArray q, IntArray at, int slot) {
        int b = at.get(slot);
        int n = p.get(b + 1);
        int i = c.globalIdx;
        if (i < n) {
            int rank = p.get(b + 2);
            int operands = p.get(b + 3);
            int count = p.get(b + 4);
            int sizes = b + 7;
            int table = sizes + 2 * rank;
            int code = table + operands * (rank + 2);
            int[] place = new int[Elementwise.MOST_OPERANDS];
            for (int k = 0; k < operands; k++) {
                place[k] = p.get(table + k * (rank + 2) + 1);
            }
            int result = p.get(b + 6);
            int rest = i;
            for (int d = rank - 1; d >= 0; d--) {
                int size = p.get(sizes + d);
                int next = rest / size;
                int x = rest - next * size;
                rest = next;
                result += x * p.get(sizes + rank + d);
                for (int k = 0; k < operands; k++) {
                    place[k] = place[k] + x * p.get(table + k * (rank + 2) + 2 + d);
                }
            }
            int f = p.get(b);
            float v = 0f;
            for (int s = 0; s < count; s++) {
                int op = p.get(code + 4 * s);
                int k = p.get(code + 4 * s + 1);
                int k2 = p.get(code + 4 * s + 2);
                int takes = p.get(code + 4 * s + 3);
                float x = 0f;
                if (takes > 0) {
                    x = p.get(table + k * (rank + 2)) == 0 ? mem.get(place[k]) : (float) ints.get(place[k]);
                }
                float y = 0f;
                if (takes > 1) {
                    y = p.get(table + k2 * (rank + 2)) == 0 ? mem.get(place[k2]) : (float) ints.get(place[k2]);
                }
                if (op == Elementwise.LOAD) {
                    v = x;
                } else if (op >= Elementwise.UNARY) {
                    v = unary(op - Elementwise.UNARY, v);
                } else if (op >= Elementwise.COMPARE_SWAPPED) {
                    v = compare(op - Elementwise.COMPARE_SWAPPED, x, v);
                } else if (op >= Elementwise.COMPARE) {
                    v = compare(op - Elementwise.COMPARE, v, x);
                } else if (op >= Elementwise.BINARY_SWAPPED) {
                    v = binary(op - Elementwise.BINARY_SWAPPED, x, v);
                } else if (op >= Elementwise.BINARY) {
                    v = binary(op - Elementwise.BINARY, v, x);
                } else if (op == Elementwise.AFFINE) {
                    v = q.get(f + k) * v + q.get(f + k + 1);
                } else if (op == Elementwise.FILL) {
                    v = q.get(f + k);
                } else if (op == Elementwise.CLAMP) {
                    float low = q.get(f + k);
                    float high = q.get(f + k + 1);
                    v = v < low ? low : v > high ? high : v;
                } else if (op == Elementwise.TRUNCATE) {
                    v = v >= 2147483648f ? 2147483648f : v <= -2147483648f ? -2147483648f : v < 0f ? -TornadoMath.floor(-v) : TornadoMath.floor(v);
                } else if (op == Elementwise.TRUTH) {
                    v = v == 0f ? 0f : 1f;
                } else if (op == Elementwise.SELECT) {
                    v = v != 0f ? x : y;
                } else if (op == Elementwise.SELECT_FIRST) {
                    v = x != 0f ? v : y;
                } else {
                    v = x != 0f ? y : v;
                }
            }
            if (p.get(b + 5) == 0) {
                mem.set(result, v);
            } else {
                ints.set(result, v >= 2147483648f ? 2147483647 : (int) v);
            }
        }
    }
}
