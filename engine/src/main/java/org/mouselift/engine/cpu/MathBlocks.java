package org.mouselift.engine.cpu;

import static org.mouselift.engine.cpu.MathRanges.*;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * The activations on array blocks, in place, for the epilogues of the matrix products; the same formulas and bits as
 * {@link MathRanges} has for memory. The range is rounded up to whole vectors, so the array must reach to the next
 * multiple of the vector length; the padding is computed and ignored.
 */
final class MathBlocks {
    private static final VectorSpecies<Float> S = VectorWidth.F32;
    private static final int L = VectorWidth.LANES;

    private MathBlocks() {
    }

    private static FloatVector all(float value) {
        return FloatVector.broadcast(S, value);
    }

    /** x sigmoid(x). */
    static void silu(float[] x, int at, int n) {
        if (VectorWidth.SCALAR) {
            for (int i = at; i < at + n; i++) {
                x[i] = (float) (x[i] / (1.0 + Math.exp(-x[i])));
            }
            return;
        }
        for (int i = at; i < at + n; i += L) {
            FloatVector v = FloatVector.fromArray(S, x, i);
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
            top.div(p.add(1f)).intoArray(x, i);
        }
    }

    /** Exact GELU, x Phi(x). */
    static void gelu(float[] x, int at, int n) {
        if (VectorWidth.SCALAR) {
            for (int i = at; i < at + n; i++) {
                x[i] = (float) ErrorFunction.gelu(x[i]);
            }
            return;
        }
        for (int i = at; i < at + n; i += L) {
            FloatVector v = FloatVector.fromArray(S, x, i);
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
            r.add(0.5f).mul(v).intoArray(x, i);
        }
    }
}
