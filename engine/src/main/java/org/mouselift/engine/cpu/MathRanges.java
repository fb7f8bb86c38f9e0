package org.mouselift.engine.cpu;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * Elementary functions over memory, each as one straight vector loop from x to y (which may be the same memory):
 * {@code bytes} is a multiple of the vector length. {@link VectorMath} checks the arguments, cuts long ranges, and
 * handles the elements that do not fill a vector; its {@link VectorMath.Function float64 functions} are the reference.
 * The formulas are repeated from loop to loop because a vector that crosses a call which is not inlined becomes an object.
 *
 * <p>Sources: exp, log and tanh use the range reductions and log and tanh the minimax polynomials of the Cephes library
 * (S. Moshier, expf.c, logf.c, tanhf.c); erf the two-interval polynomial by N. Juffa (public domain, 2016). The normal
 * distribution function and the derivative of GELU are 1/2 plus an odd function {@code x p(x²)}; p and the polynomial of
 * exp were fitted for this file (weighted minimax in double, coefficients rounded once).
 */
final class MathRanges {
    private static final VectorSpecies<Float> S = VectorWidth.F32;
    private static final int STEP = 4 * VectorWidth.LANES;
    private static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;

    static final int SIGN = 0x80000000;
    /** Adding it rounds to a whole number, which then stands in the low mantissa bits. */
    static final float ROUND = 0x1.8p23f;
    private static final int ROUND_BITS = 0x4B400000;
    /** The same with 64 on top: where results may be subnormal, 2^64 times the result is made and {@link #DOWN} rounds it (a NaN becomes any number). */
    static final float ROUND_UP = 0x1.8p23f + 64;
    static final float DOWN = 0x1p-64f;
    static final float LOG2E = 1.44269504088896341f;
    static final float LN2_HIGH = 0.693359375f;
    static final float LN2_LOW = -2.12194440e-4f;
    /** exp(-104) rounds to 0. */
    static final float EXP_END = -104f;
    // exp(f) = 1 + f + f² (EXP2 + … EXP6 f⁴) for |f| <= ln(2)/2, relative error 0.05u
    static final float EXP2 = 0x1.fffffcp-2f;
    static final float EXP3 = 0x1.555492p-3f;
    static final float EXP4 = 0x1.5558f2p-5f;
    static final float EXP5 = 0x1.1239f2p-7f;
    static final float EXP6 = 0x1.6a241ap-10f;
    private static final float ERF_SPLIT = 0.927734375f;

    // Phi(x) = 1/2 + x p(u), u = CDF_SCALE x² - 1, absolute error 0.14u up to 5.5, where Phi is 1 to float precision;
    // the polynomial gives exactly 1/2 at CDF_END
    static final float CDF_END = 5.4999981f;
    static final float CDF_SCALE = 0x1.0ecf56p-4f;
    static final float CDF0 = 0x1.07463cp-3f;
    static final float CDF1 = -0x1.06d992p-4f;
    static final float CDF2 = 0x1.871112p-5f;
    static final float CDF3 = -0x1.3dca62p-5f;
    static final float CDF4 = 0x1.06b814p-5f;
    static final float CDF5 = -0x1.aac5d4p-6f;
    static final float CDF6 = 0x1.4da8fap-6f;
    static final float CDF7 = -0x1.eb8358p-7f;
    static final float CDF8 = 0x1.4f194ap-7f;
    static final float CDF9 = -0x1.becf84p-8f;
    static final float CDF10 = 0x1.2f0ce6p-8f;
    static final float CDF11 = -0x1.3d73fap-9f;
    static final float CDF12 = 0x1.788082p-11f;
    static final float CDF13 = -0x1.140cbep-11f;
    static final float CDF14 = 0x1.4b743ep-11f;
    static final float CDF15 = -0x1.f17f3ep-13f;
    // the derivative of GELU, Phi(x) + x phi(x) = 1/2 + x p(u), u = SLOPE_SCALE x² - 1, absolute error 0.5u up to 5.8
    private static final float SLOPE_END = 5.7999997f;
    private static final float SLOPE_SCALE = 0x1.e70a0cp-5f;
    private static final float SLOPE0 = 0x1.f3b4fcp-4f;
    private static final float SLOPE1 = -0x1.f91918p-5f;
    private static final float SLOPE2 = 0x1.8e6cf6p-5f;
    private static final float SLOPE3 = -0x1.7a7220p-5f;
    private static final float SLOPE4 = 0x1.9aeadep-5f;
    private static final float SLOPE5 = -0x1.d8cf78p-5f;
    private static final float SLOPE6 = 0x1.0a961ap-4f;
    private static final float SLOPE7 = -0x1.1d6250p-4f;
    private static final float SLOPE8 = 0x1.1dcd78p-4f;
    private static final float SLOPE9 = -0x1.ee21d6p-5f;
    private static final float SLOPE10 = 0x1.65fbfcp-5f;
    private static final float SLOPE11 = -0x1.2b3206p-5f;
    private static final float SLOPE12 = 0x1.1ed28ep-5f;
    private static final float SLOPE13 = -0x1.257d86p-6f;
    private static final float SLOPE14 = 0x1.5ec076p-12f;
    private static final float SLOPE15 = -0x1.7c81c4p-9f;
    private static final float SLOPE16 = 0x1.e13f4ap-8f;
    private static final float SLOPE17 = -0x1.80de06p-9f;

    private MathRanges() {
    }

    private static FloatVector load(MemorySegment x, int at) {
        return FloatVector.fromMemorySegment(S, x, at, LE);
    }

    private static FloatVector all(float value) {
        return FloatVector.broadcast(S, value);
    }

    /** Any argument: the power of two is applied in two halves, so that large and subnormal results come out rounded. */
    static void exp(MemorySegment x, MemorySegment y, int bytes) {
        for (int i = 0; i < bytes; i += STEP) {
            FloatVector v = load(x, i);
            v = v.blend(89f, v.compare(VectorOperators.GT, 89f));
            v = v.blend(EXP_END, v.compare(VectorOperators.LT, EXP_END));
            FloatVector t = v.fma(all(LOG2E), all(ROUND));
            FloatVector k = t.sub(ROUND);
            FloatVector f = k.fma(all(-LN2_HIGH), v);
            f = k.fma(all(-LN2_LOW), f);
            FloatVector p = all(EXP6);
            p = p.fma(f, all(EXP5));
            p = p.fma(f, all(EXP4));
            p = p.fma(f, all(EXP3));
            p = p.fma(f, all(EXP2));
            p = p.fma(f, all(1f));
            p = p.fma(f, all(1f));
            IntVector e = t.reinterpretAsInts().sub(ROUND_BITS);
            IntVector half = e.lanewise(VectorOperators.ASHR, 1);
            FloatVector s1 = half.add(127).lanewise(VectorOperators.LSHL, 23).reinterpretAsFloats();
            FloatVector s2 = e.sub(half).add(127).lanewise(VectorOperators.LSHL, 23).reinterpretAsFloats();
            p.mul(s1).mul(s2).intoMemorySegment(y, i, LE);
        }
    }

    static void log(MemorySegment x, MemorySegment y, int bytes) {
        for (int i = 0; i < bytes; i += STEP) {
            FloatVector v = load(x, i);
            VectorMask<Float> tiny = v.compare(VectorOperators.LT, Float.MIN_NORMAL);
            FloatVector w = v.mul(all(0x1p24f), tiny);
            IntVector bits = w.reinterpretAsInts();
            // mantissa in [sqrt(1/2), sqrt(2)): shift the exponent boundary there
            IntVector e = bits.sub(0x3F3504F3).lanewise(VectorOperators.ASHR, 23);
            FloatVector m = bits.sub(e.lanewise(VectorOperators.LSHL, 23)).reinterpretAsFloats().sub(1f);
            FloatVector k = (FloatVector) e.convertShape(VectorOperators.I2F, S, 0);
            k = k.sub(all(24f), tiny);
            FloatVector z = m.mul(m);
            FloatVector p = all(7.0376836292e-2f);
            p = p.fma(m, all(-1.1514610310e-1f));
            p = p.fma(m, all(1.1676998740e-1f));
            p = p.fma(m, all(-1.2420140846e-1f));
            p = p.fma(m, all(1.4249322787e-1f));
            p = p.fma(m, all(-1.6668057665e-1f));
            p = p.fma(m, all(2.0000714765e-1f));
            p = p.fma(m, all(-2.4999993993e-1f));
            p = p.fma(m, all(3.3333331174e-1f));
            p = p.mul(m).mul(z);
            p = k.fma(all(LN2_LOW), p);
            p = z.fma(all(-0.5f), p);
            FloatVector r = k.fma(all(LN2_HIGH), m.add(p));
            r = r.blend(Float.NEGATIVE_INFINITY, v.compare(VectorOperators.EQ, 0f));
            r = r.blend(Float.NaN, v.compare(VectorOperators.LT, 0f));
            r = r.blend(v, v.compare(VectorOperators.EQ, Float.POSITIVE_INFINITY));
            r = r.blend(v, v.compare(VectorOperators.NE, v));
            r.intoMemorySegment(y, i, LE);
        }
    }

    /** 1 / (1 + exp(-x)), from exp(-|x|) so that nothing overflows. */
    static void sigmoid(MemorySegment x, MemorySegment y, int bytes) {
        for (int i = 0; i < bytes; i += STEP) {
            FloatVector v = load(x, i);
            FloatVector a = v.reinterpretAsInts().or(SIGN).reinterpretAsFloats();
            VectorMask<Float> gone = a.compare(VectorOperators.LT, EXP_END);
            FloatVector t = a.fma(all(LOG2E), all(ROUND_UP));
            FloatVector k = t.sub(ROUND_UP);
            FloatVector f = k.fma(all(-LN2_HIGH), a);
            f = k.fma(all(-LN2_LOW), f);
            FloatVector p = all(EXP6);
            p = p.fma(f, all(EXP5));
            p = p.fma(f, all(EXP4));
            p = p.fma(f, all(EXP3));
            p = p.fma(f, all(EXP2));
            p = p.fma(f, all(1f));
            p = p.fma(f, all(1f));
            p = p.reinterpretAsInts().add(t.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23)).reinterpretAsFloats().mul(DOWN);
            p = p.blend(0f, gone).blend(v, v.compare(VectorOperators.NE, v));
            FloatVector top = all(1f).blend(p, v.compare(VectorOperators.LT, 0f));
            top.div(p.add(1f)).intoMemorySegment(y, i, LE);
        }
    }

    /** {@code y = exp(x - max)} for x up to max; stores one vector of partial sums of y at the start of {@code lanes}. */
    static void expBelow(MemorySegment x, MemorySegment y, int bytes, float max, float[] lanes) {
        FloatVector sum = FloatVector.zero(S);
        for (int i = 0; i < bytes; i += STEP) {
            FloatVector a = load(x, i).sub(max);
            VectorMask<Float> gone = a.compare(VectorOperators.LT, EXP_END);
            FloatVector t = a.fma(all(LOG2E), all(ROUND_UP));
            FloatVector k = t.sub(ROUND_UP);
            FloatVector f = k.fma(all(-LN2_HIGH), a);
            f = k.fma(all(-LN2_LOW), f);
            FloatVector p = all(EXP6);
            p = p.fma(f, all(EXP5));
            p = p.fma(f, all(EXP4));
            p = p.fma(f, all(EXP3));
            p = p.fma(f, all(EXP2));
            p = p.fma(f, all(1f));
            p = p.fma(f, all(1f));
            p = p.reinterpretAsInts().add(t.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23)).reinterpretAsFloats().mul(DOWN);
            p = p.blend(0f, gone);
            sum = sum.add(p);
            p.intoMemorySegment(y, i, LE);
        }
        sum.intoArray(lanes, 0);
    }

    /** x / (1 + exp(-x)), from exp(-|x|). */
    static void silu(MemorySegment x, MemorySegment y, int bytes) {
        for (int i = 0; i < bytes; i += STEP) {
            FloatVector v = load(x, i);
            FloatVector a = v.reinterpretAsInts().or(SIGN).reinterpretAsFloats();
            VectorMask<Float> gone = a.compare(VectorOperators.LT, EXP_END);
            FloatVector t = a.fma(all(LOG2E), all(ROUND_UP));
            FloatVector k = t.sub(ROUND_UP);
            FloatVector f = k.fma(all(-LN2_HIGH), a);
            f = k.fma(all(-LN2_LOW), f);
            FloatVector p = all(EXP6);
            p = p.fma(f, all(EXP5));
            p = p.fma(f, all(EXP4));
            p = p.fma(f, all(EXP3));
            p = p.fma(f, all(EXP2));
            p = p.fma(f, all(1f));
            p = p.fma(f, all(1f));
            p = p.reinterpretAsInts().add(t.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23)).reinterpretAsFloats().mul(DOWN);
            p = p.blend(0f, gone);
            FloatVector top = v.blend(v.mul(p), v.compare(VectorOperators.LT, 0f));
            top.div(p.add(1f)).intoMemorySegment(y, i, LE);
        }
    }

    /** dy s (1 + x (1 - s)), s = sigmoid(x). */
    static void siluGradient(MemorySegment x, MemorySegment dy, MemorySegment dx, int bytes) {
        for (int i = 0; i < bytes; i += STEP) {
            FloatVector v = load(x, i);
            FloatVector a = v.reinterpretAsInts().or(SIGN).reinterpretAsFloats();
            VectorMask<Float> gone = a.compare(VectorOperators.LT, EXP_END);
            FloatVector t = a.fma(all(LOG2E), all(ROUND_UP));
            FloatVector k = t.sub(ROUND_UP);
            FloatVector f = k.fma(all(-LN2_HIGH), a);
            f = k.fma(all(-LN2_LOW), f);
            FloatVector p = all(EXP6);
            p = p.fma(f, all(EXP5));
            p = p.fma(f, all(EXP4));
            p = p.fma(f, all(EXP3));
            p = p.fma(f, all(EXP2));
            p = p.fma(f, all(1f));
            p = p.fma(f, all(1f));
            p = p.reinterpretAsInts().add(t.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23)).reinterpretAsFloats().mul(DOWN);
            p = p.blend(0f, gone);
            FloatVector near = all(1f).div(p.add(1f));
            FloatVector far = p.mul(near);
            VectorMask<Float> negative = v.compare(VectorOperators.LT, 0f);
            FloatVector s = near.blend(far, negative);
            FloatVector complement = far.blend(near, negative);
            FloatVector slope = v.blend(0f, gone).fma(complement, all(1f)).mul(s);
            slope.mul(load(dy, i)).intoMemorySegment(dx, i, LE);
        }
    }

    static void tanh(MemorySegment x, MemorySegment y, int bytes) {
        for (int i = 0; i < bytes; i += STEP) {
            FloatVector v = load(x, i);
            FloatVector a = v.abs().mul(-2f);
            a = a.blend(-20f, a.compare(VectorOperators.LT, -20f));
            FloatVector t = a.fma(all(LOG2E), all(ROUND_UP));
            FloatVector k = t.sub(ROUND_UP);
            FloatVector f = k.fma(all(-LN2_HIGH), a);
            f = k.fma(all(-LN2_LOW), f);
            FloatVector p = all(EXP6);
            p = p.fma(f, all(EXP5));
            p = p.fma(f, all(EXP4));
            p = p.fma(f, all(EXP3));
            p = p.fma(f, all(EXP2));
            p = p.fma(f, all(1f));
            p = p.fma(f, all(1f));
            p = p.reinterpretAsInts().add(t.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23)).reinterpretAsFloats().mul(DOWN);
            p = p.blend(v, v.compare(VectorOperators.NE, v));
            FloatVector large = all(1f).sub(p.add(p).div(p.add(1f)));
            large = large.blend(large.neg(), v.compare(VectorOperators.LT, 0f));
            FloatVector z = v.mul(v);
            FloatVector q = all(-5.70498872745e-3f);
            q = q.fma(z, all(2.06390887954e-2f));
            q = q.fma(z, all(-5.37397155531e-2f));
            q = q.fma(z, all(1.33314422036e-1f));
            q = q.fma(z, all(-3.33332819422e-1f));
            q = q.mul(z).fma(v, v);
            large.blend(q, v.abs().compare(VectorOperators.LT, 0.625f)).intoMemorySegment(y, i, LE);
        }
    }

    static void erf(MemorySegment x, MemorySegment y, int bytes) {
        for (int i = 0; i < bytes; i += STEP) {
            FloatVector v = load(x, i);
            FloatVector b = v.abs();
            b = b.blend(4f, b.compare(VectorOperators.GT, 4f));
            FloatVector s = b.mul(b);
            FloatVector q = b.fma(all(-1.72853470e-5f), all(3.83197126e-4f));
            FloatVector u = b.fma(all(-3.88396438e-3f), all(2.42546219e-2f));
            q = q.fma(s, u);
            q = q.fma(b, all(-1.06777877e-1f));
            q = q.fma(b, all(-6.34846687e-1f));
            q = q.fma(b, all(-1.28717512e-1f));
            FloatVector a = q.fma(b, b.neg());
            FloatVector t = a.fma(all(LOG2E), all(ROUND_UP));
            FloatVector k = t.sub(ROUND_UP);
            FloatVector f = k.fma(all(-LN2_HIGH), a);
            f = k.fma(all(-LN2_LOW), f);
            FloatVector p = all(EXP6);
            p = p.fma(f, all(EXP5));
            p = p.fma(f, all(EXP4));
            p = p.fma(f, all(EXP3));
            p = p.fma(f, all(EXP2));
            p = p.fma(f, all(1f));
            p = p.fma(f, all(1f));
            p = p.reinterpretAsInts().add(t.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23)).reinterpretAsFloats().mul(DOWN);
            FloatVector large = all(1f).sub(p);
            large = large.blend(large.neg(), v.compare(VectorOperators.LT, 0f));
            FloatVector z = v.mul(v);
            FloatVector r = all(-5.96761703e-4f);
            r = r.fma(z, all(4.99119423e-3f));
            r = r.fma(z, all(-2.67681349e-2f));
            r = r.fma(z, all(1.12819925e-1f));
            r = r.fma(z, all(-3.76125336e-1f));
            r = r.fma(z, all(1.28379166e-1f));
            r = r.fma(v, v);
            r.blend(large, v.abs().compare(VectorOperators.GT, ERF_SPLIT)).intoMemorySegment(y, i, LE);
        }
    }

    /** Exact GELU, x Phi(x). */
    static void gelu(MemorySegment x, MemorySegment y, int bytes) {
        for (int i = 0; i < bytes; i += STEP) {
            FloatVector v = load(x, i);
            FloatVector t = v.abs();
            t = t.blend(CDF_END, t.compare(VectorOperators.GT, CDF_END));
            FloatVector u = t.mul(t).fma(all(CDF_SCALE), all(-1f));
            FloatVector p = all(CDF15);
            p = p.fma(u, all(CDF14));
            p = p.fma(u, all(CDF13));
            p = p.fma(u, all(CDF12));
            p = p.fma(u, all(CDF11));
            p = p.fma(u, all(CDF10));
            p = p.fma(u, all(CDF9));
            p = p.fma(u, all(CDF8));
            p = p.fma(u, all(CDF7));
            p = p.fma(u, all(CDF6));
            p = p.fma(u, all(CDF5));
            p = p.fma(u, all(CDF4));
            p = p.fma(u, all(CDF3));
            p = p.fma(u, all(CDF2));
            p = p.fma(u, all(CDF1));
            p = p.fma(u, all(CDF0));
            FloatVector r = p.mul(t).reinterpretAsInts().or(v.reinterpretAsInts().and(SIGN)).reinterpretAsFloats();
            r.add(0.5f).mul(v).intoMemorySegment(y, i, LE);
        }
    }

    /** dy (Phi(x) + x phi(x)). */
    static void geluGradient(MemorySegment x, MemorySegment dy, MemorySegment dx, int bytes) {
        for (int i = 0; i < bytes; i += STEP) {
            FloatVector v = load(x, i);
            FloatVector t = v.abs();
            t = t.blend(SLOPE_END, t.compare(VectorOperators.GT, SLOPE_END));
            FloatVector u = t.mul(t).fma(all(SLOPE_SCALE), all(-1f));
            FloatVector p = all(SLOPE17);
            p = p.fma(u, all(SLOPE16));
            p = p.fma(u, all(SLOPE15));
            p = p.fma(u, all(SLOPE14));
            p = p.fma(u, all(SLOPE13));
            p = p.fma(u, all(SLOPE12));
            p = p.fma(u, all(SLOPE11));
            p = p.fma(u, all(SLOPE10));
            p = p.fma(u, all(SLOPE9));
            p = p.fma(u, all(SLOPE8));
            p = p.fma(u, all(SLOPE7));
            p = p.fma(u, all(SLOPE6));
            p = p.fma(u, all(SLOPE5));
            p = p.fma(u, all(SLOPE4));
            p = p.fma(u, all(SLOPE3));
            p = p.fma(u, all(SLOPE2));
            p = p.fma(u, all(SLOPE1));
            p = p.fma(u, all(SLOPE0));
            FloatVector r = p.mul(t).reinterpretAsInts().or(v.reinterpretAsInts().and(SIGN)).reinterpretAsFloats();
            r.add(0.5f).mul(load(dy, i)).intoMemorySegment(dx, i, LE);
        }
    }
}
