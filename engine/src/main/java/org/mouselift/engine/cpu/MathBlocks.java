package org.mouselift.engine.cpu;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * Elementary functions on short array blocks, in place. The range is rounded up to whole vectors, so the array must reach
 * to the next multiple of the vector length; the padding is computed and ignored. Functions that need an exponential run
 * as several passes over the block, so that every vector stays inside one method.
 *
 * <p>Sources: exp, log and tanh use the range reductions and minimax polynomials of the Cephes library (S. Moshier,
 * expf.c, logf.c, tanhf.c); erf the two-interval polynomial by N. Juffa (public domain, 2016). The scalar path rounds the
 * double functions of {@link Math} and {@link ErrorFunction}.
 */
final class MathBlocks {
    private static final VectorSpecies<Float> S = VectorWidth.F32;
    private static final int L = VectorWidth.LANES;
    /** Floats in one block of the passes: fits the first cache level with room to spare. */
    static final int BLOCK = 1024;

    /** Adding it rounds to a whole number, which then stands in the low mantissa bits. */
    static final float ROUND = 0x1.8p23f;
    private static final int ROUND_BITS = 0x4B400000;
    private static final float LOG2E = 1.44269504088896341f;
    private static final float LN2_HIGH = 0.693359375f;
    private static final float LN2_LOW = -2.12194440e-4f;
    private static final float SQRT_HALF = 0.707106781186547524f;
    private static final float INV_SQRT_2PI = 0.398942280401432678f;
    private static final float ERF_SPLIT = 0.927734375f;

    private MathBlocks() {
    }

    static void exp(float[] x, int at, int n) {
        if (VectorWidth.SCALAR) {
            for (int i = at; i < at + n; i++) {
                x[i] = (float) Math.exp(x[i]);
            }
            return;
        }
        for (int i = at; i < at + n; i += L) {
            FloatVector v = FloatVector.fromArray(S, x, i);
            v = v.min(89f).max(-104f);
            FloatVector t = v.fma(FloatVector.broadcast(S, LOG2E), FloatVector.broadcast(S, ROUND));
            FloatVector k = t.sub(ROUND);
            FloatVector r = k.fma(FloatVector.broadcast(S, -LN2_HIGH), v);
            r = k.fma(FloatVector.broadcast(S, -LN2_LOW), r);
            FloatVector p = FloatVector.broadcast(S, 1.9875691500e-4f);
            p = p.fma(r, FloatVector.broadcast(S, 1.3981999507e-3f));
            p = p.fma(r, FloatVector.broadcast(S, 8.3334519073e-3f));
            p = p.fma(r, FloatVector.broadcast(S, 4.1665795894e-2f));
            p = p.fma(r, FloatVector.broadcast(S, 1.6666665459e-1f));
            p = p.fma(r, FloatVector.broadcast(S, 5.0000001201e-1f));
            p = p.fma(r.mul(r), r).add(1f);
            IntVector e = t.reinterpretAsInts().sub(ROUND_BITS);
            IntVector half = e.lanewise(VectorOperators.ASHR, 1);
            FloatVector s1 = half.add(127).lanewise(VectorOperators.LSHL, 23).reinterpretAsFloats();
            FloatVector s2 = e.sub(half).add(127).lanewise(VectorOperators.LSHL, 23).reinterpretAsFloats();
            p.mul(s1).mul(s2).intoArray(x, i);
        }
    }

    static void log(float[] x, int at, int n) {
        if (VectorWidth.SCALAR) {
            for (int i = at; i < at + n; i++) {
                x[i] = (float) Math.log(x[i]);
            }
            return;
        }
        for (int i = at; i < at + n; i += L) {
            FloatVector v = FloatVector.fromArray(S, x, i);
            VectorMask<Float> tiny = v.compare(VectorOperators.LT, Float.MIN_NORMAL);
            FloatVector w = v.mul(FloatVector.broadcast(S, 0x1p24f), tiny);
            IntVector bits = w.reinterpretAsInts();
            // mantissa in [sqrt(1/2), sqrt(2)): shift the exponent boundary there
            IntVector e = bits.sub(0x3F3504F3).lanewise(VectorOperators.ASHR, 23);
            FloatVector m = bits.sub(e.lanewise(VectorOperators.LSHL, 23)).reinterpretAsFloats().sub(1f);
            FloatVector k = ((FloatVector) e.convertShape(VectorOperators.I2F, S, 0));
            k = k.sub(FloatVector.broadcast(S, 24f), tiny);
            FloatVector z = m.mul(m);
            FloatVector p = FloatVector.broadcast(S, 7.0376836292e-2f);
            p = p.fma(m, FloatVector.broadcast(S, -1.1514610310e-1f));
            p = p.fma(m, FloatVector.broadcast(S, 1.1676998740e-1f));
            p = p.fma(m, FloatVector.broadcast(S, -1.2420140846e-1f));
            p = p.fma(m, FloatVector.broadcast(S, 1.4249322787e-1f));
            p = p.fma(m, FloatVector.broadcast(S, -1.6668057665e-1f));
            p = p.fma(m, FloatVector.broadcast(S, 2.0000714765e-1f));
            p = p.fma(m, FloatVector.broadcast(S, -2.4999993993e-1f));
            p = p.fma(m, FloatVector.broadcast(S, 3.3333331174e-1f));
            p = p.mul(m).mul(z);
            p = k.fma(FloatVector.broadcast(S, LN2_LOW), p);
            p = z.fma(FloatVector.broadcast(S, -0.5f), p);
            FloatVector y = k.fma(FloatVector.broadcast(S, LN2_HIGH), m.add(p));
            y = y.blend(Float.NEGATIVE_INFINITY, v.compare(VectorOperators.EQ, 0f));
            y = y.blend(Float.NaN, v.compare(VectorOperators.LT, 0f));
            y = y.blend(v, v.compare(VectorOperators.EQ, Float.POSITIVE_INFINITY));
            y = y.blend(v, v.compare(VectorOperators.NE, v));
            y.intoArray(x, i);
        }
    }

    /** 1 / (1 + exp(-x)), from exp(-|x|) so that nothing overflows; {@code scratch} has the same extent as x. */
    static void sigmoid(float[] x, int at, int n, float[] scratch, int sat) {
        if (VectorWidth.SCALAR) {
            for (int i = at; i < at + n; i++) {
                x[i] = (float) (1.0 / (1.0 + Math.exp(-x[i])));
            }
            return;
        }
        for (int i = 0; i < n; i += L) {
            FloatVector.fromArray(S, x, at + i).abs().neg().intoArray(scratch, sat + i);
        }
        exp(scratch, sat, n);
        for (int i = 0; i < n; i += L) {
            FloatVector z = FloatVector.fromArray(S, scratch, sat + i);
            FloatVector one = FloatVector.broadcast(S, 1f);
            FloatVector top = one.blend(z, FloatVector.fromArray(S, x, at + i).compare(VectorOperators.LT, 0f));
            top.div(z.add(1f)).intoArray(x, at + i);
        }
    }

    /** x * sigmoid(x); {@code scratch} has the same extent as x. */
    static void silu(float[] x, int at, int n, float[] scratch, int sat) {
        if (VectorWidth.SCALAR) {
            for (int i = at; i < at + n; i++) {
                x[i] = (float) (x[i] / (1.0 + Math.exp(-x[i])));
            }
            return;
        }
        for (int i = 0; i < n; i += L) {
            FloatVector.fromArray(S, x, at + i).abs().neg().intoArray(scratch, sat + i);
        }
        exp(scratch, sat, n);
        for (int i = 0; i < n; i += L) {
            FloatVector v = FloatVector.fromArray(S, x, at + i);
            FloatVector z = FloatVector.fromArray(S, scratch, sat + i);
            FloatVector top = v.blend(v.mul(z), v.compare(VectorOperators.LT, 0f));
            top.div(z.add(1f)).intoArray(x, at + i);
        }
    }

    /** Derivative of SiLU, s * (1 + x * (1 - s)) with s = sigmoid(x), in place. */
    static void siluDerivative(float[] x, int at, int n, float[] scratch, int sat) {
        if (VectorWidth.SCALAR) {
            for (int i = at; i < at + n; i++) {
                double s = 1.0 / (1.0 + Math.exp(-x[i]));
                x[i] = (float) (s * (1.0 + x[i] * (1.0 - s)));
            }
            return;
        }
        for (int i = 0; i < n; i += L) {
            FloatVector.fromArray(S, x, at + i).max(-120f).min(120f).intoArray(x, at + i);
            FloatVector.fromArray(S, x, at + i).abs().neg().intoArray(scratch, sat + i);
        }
        exp(scratch, sat, n);
        for (int i = 0; i < n; i += L) {
            FloatVector v = FloatVector.fromArray(S, x, at + i);
            FloatVector z = FloatVector.fromArray(S, scratch, sat + i);
            FloatVector one = FloatVector.broadcast(S, 1f);
            FloatVector r = one.div(z.add(1f));
            FloatVector other = z.mul(r);
            VectorMask<Float> negative = v.compare(VectorOperators.LT, 0f);
            FloatVector s = r.blend(other, negative);
            FloatVector complement = other.blend(r, negative);
            v.fma(complement, one).mul(s).intoArray(x, at + i);
        }
    }

    static void tanh(float[] x, int at, int n, float[] scratch, int sat) {
        if (VectorWidth.SCALAR) {
            for (int i = at; i < at + n; i++) {
                x[i] = (float) Math.tanh(x[i]);
            }
            return;
        }
        for (int i = 0; i < n; i += L) {
            FloatVector.fromArray(S, x, at + i).abs().min(10f).mul(2f).intoArray(scratch, sat + i);
        }
        exp(scratch, sat, n);
        for (int i = 0; i < n; i += L) {
            FloatVector v = FloatVector.fromArray(S, x, at + i);
            FloatVector e = FloatVector.fromArray(S, scratch, sat + i);
            FloatVector large = FloatVector.broadcast(S, 1f).sub(FloatVector.broadcast(S, 2f).div(e.add(1f)));
            large = large.blend(large.neg(), v.compare(VectorOperators.LT, 0f));
            FloatVector z = v.mul(v);
            FloatVector p = FloatVector.broadcast(S, -5.70498872745e-3f);
            p = p.fma(z, FloatVector.broadcast(S, 2.06390887954e-2f));
            p = p.fma(z, FloatVector.broadcast(S, -5.37397155531e-2f));
            p = p.fma(z, FloatVector.broadcast(S, 1.33314422036e-1f));
            p = p.fma(z, FloatVector.broadcast(S, -3.33332819422e-1f));
            p = p.mul(z).fma(v, v);
            large.blend(p, v.abs().compare(VectorOperators.LT, 0.625f)).intoArray(x, at + i);
        }
    }

    static void erf(float[] x, int at, int n, float[] scratch, int sat) {
        if (VectorWidth.SCALAR) {
            for (int i = at; i < at + n; i++) {
                x[i] = (float) ErrorFunction.erf(x[i]);
            }
            return;
        }
        for (int i = 0; i < n; i += L) {
            FloatVector t = FloatVector.fromArray(S, x, at + i).abs().min(4f);
            FloatVector s = t.mul(t);
            FloatVector r = t.fma(FloatVector.broadcast(S, -1.72853470e-5f), FloatVector.broadcast(S, 3.83197126e-4f));
            FloatVector u = t.fma(FloatVector.broadcast(S, -3.88396438e-3f), FloatVector.broadcast(S, 2.42546219e-2f));
            r = r.fma(s, u);
            r = r.fma(t, FloatVector.broadcast(S, -1.06777877e-1f));
            r = r.fma(t, FloatVector.broadcast(S, -6.34846687e-1f));
            r = r.fma(t, FloatVector.broadcast(S, -1.28717512e-1f));
            r.fma(t, t.neg()).intoArray(scratch, sat + i);
        }
        exp(scratch, sat, n);
        for (int i = 0; i < n; i += L) {
            FloatVector v = FloatVector.fromArray(S, x, at + i);
            FloatVector large = FloatVector.broadcast(S, 1f).sub(FloatVector.fromArray(S, scratch, sat + i));
            large = large.blend(large.neg(), v.compare(VectorOperators.LT, 0f));
            FloatVector s = v.mul(v);
            FloatVector r = FloatVector.broadcast(S, -5.96761703e-4f);
            r = r.fma(s, FloatVector.broadcast(S, 4.99119423e-3f));
            r = r.fma(s, FloatVector.broadcast(S, -2.67681349e-2f));
            r = r.fma(s, FloatVector.broadcast(S, 1.12819925e-1f));
            r = r.fma(s, FloatVector.broadcast(S, -3.76125336e-1f));
            r = r.fma(s, FloatVector.broadcast(S, 1.28379166e-1f));
            r = r.fma(v, v);
            r.blend(large, v.abs().compare(VectorOperators.GT, ERF_SPLIT)).intoArray(x, at + i);
        }
    }

    /** Exact GELU, x/2 * (1 + erf(x / sqrt 2)); {@code scratch} needs twice the extent of the block rounded up to vectors. */
    static void gelu(float[] x, int at, int n, float[] scratch, int sat) {
        if (VectorWidth.SCALAR) {
            for (int i = at; i < at + n; i++) {
                x[i] = (float) ErrorFunction.gelu(x[i]);
            }
            return;
        }
        int padded = Math.ceilDiv(n, L) * L;
        for (int i = 0; i < n; i += L) {
            FloatVector.fromArray(S, x, at + i).mul(SQRT_HALF).intoArray(scratch, sat + i);
        }
        erf(scratch, sat, n, scratch, sat + padded);
        for (int i = 0; i < n; i += L) {
            FloatVector h = FloatVector.fromArray(S, x, at + i).mul(0.5f);
            h.fma(FloatVector.fromArray(S, scratch, sat + i), h).intoArray(x, at + i);
        }
    }

    /** Derivative of exact GELU, Phi(x) + x*phi(x); scratch as in {@link #gelu}. */
    static void geluDerivative(float[] x, int at, int n, float[] scratch, int sat) {
        if (VectorWidth.SCALAR) {
            for (int i = at; i < at + n; i++) {
                x[i] = (float) ErrorFunction.geluDerivative(x[i]);
            }
            return;
        }
        int padded = Math.ceilDiv(n, L) * L;
        for (int i = 0; i < n; i += L) {
            FloatVector.fromArray(S, x, at + i).mul(SQRT_HALF).intoArray(scratch, sat + i);
        }
        erf(scratch, sat, n, scratch, sat + padded);
        for (int i = 0; i < n; i += L) {
            FloatVector v = FloatVector.fromArray(S, x, at + i);
            v.mul(v).mul(-0.5f).intoArray(scratch, sat + padded + i);
        }
        exp(scratch, sat + padded, n);
        for (int i = 0; i < n; i += L) {
            FloatVector v = FloatVector.fromArray(S, x, at + i).max(-20f).min(20f);
            FloatVector cdf = FloatVector.fromArray(S, scratch, sat + i).fma(FloatVector.broadcast(S, 0.5f), FloatVector.broadcast(S, 0.5f));
            FloatVector pdf = FloatVector.fromArray(S, scratch, sat + padded + i).mul(INV_SQRT_2PI);
            v.fma(pdf, cdf).intoArray(x, at + i);
        }
    }
}
