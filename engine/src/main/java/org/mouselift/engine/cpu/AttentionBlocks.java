package org.mouselift.engine.cpu;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * The parts of attention between its matrix products, on one block [keys, NR queries]. Exponentials are powers of two
 * (the factor log2(e) is folded into Q) by the polynomial of Cephes' exp2f; arguments are at most 0 and are clamped at
 * -125, where a probability of 2^-125 stands for anything smaller.
 */
final class AttentionBlocks {
    private static final VectorSpecies<Float> S = VectorWidth.F32;
    private static final int L = VectorWidth.LANES;
    private static final int NR = MicroKernel.NR;
    private static final float ROUND = MathRanges.ROUND;
    private static final float LOWEST = -125f;
    private static final float P0 = 1.535336188319500e-4f;
    private static final float P1 = 1.339887440266574e-3f;
    private static final float P2 = 9.618437357674640e-3f;
    private static final float P3 = 5.550332471162809e-2f;
    private static final float P4 = 2.402264791363012e-1f;
    private static final float P5 = 6.931472028550421e-1f;

    private AttentionBlocks() {
    }

    static void scale(float[] x, int n, float factor) {
        for (int i = 0; i < n; i++) {
            x[i] *= factor;
        }
    }

    /**
     * One step of the online softmax. On entry {@code x} holds scores, on exit their exponentials relative to the running
     * maximum; the statistics (NR maxima at {@code at}, NR sums behind them) and the accumulator [rows, NR] are rescaled
     * when a maximum rises.
     */
    static void softmax(float[] x, int keys, boolean first, float[] stats, int at, float[] acc, int accAt, int rows) {
        if (VectorWidth.SCALAR) {
            softmaxScalar(x, keys, first, stats, at, acc, accAt, rows);
            return;
        }
        for (int v = 0; v < NR; v += L) {
            FloatVector old = first ? FloatVector.broadcast(S, Float.NEGATIVE_INFINITY) : FloatVector.fromArray(S, stats, at + v);
            FloatVector max = old;
            FloatVector max2 = old;
            int r = 0;
            for (; r + 1 < keys; r += 2) {
                FloatVector a = FloatVector.fromArray(S, x, r * NR + v);
                FloatVector b = FloatVector.fromArray(S, x, r * NR + NR + v);
                max = max.blend(a, a.compare(VectorOperators.GT, max));
                max2 = max2.blend(b, b.compare(VectorOperators.GT, max2));
            }
            if (r < keys) {
                FloatVector a = FloatVector.fromArray(S, x, r * NR + v);
                max = max.blend(a, a.compare(VectorOperators.GT, max));
            }
            max = max.blend(max2, max2.compare(VectorOperators.GT, max));
            max.intoArray(stats, at + v);
            FloatVector sum = FloatVector.zero(S);
            FloatVector p1 = FloatVector.broadcast(S, P1);
            FloatVector p2 = FloatVector.broadcast(S, P2);
            FloatVector p3 = FloatVector.broadcast(S, P3);
            FloatVector p4 = FloatVector.broadcast(S, P4);
            FloatVector p5 = FloatVector.broadcast(S, P5);
            FloatVector one = FloatVector.broadcast(S, 1f);
            FloatVector low = FloatVector.broadcast(S, LOWEST);
            for (int i = 0; i < keys; i++) {
                FloatVector y = FloatVector.fromArray(S, x, i * NR + v).sub(max);
                y = y.blend(low, y.compare(VectorOperators.LT, low));
                FloatVector t = y.add(ROUND);
                y = y.sub(t.sub(ROUND));
                FloatVector e = y.fma(FloatVector.broadcast(S, P0), p1);
                e = e.fma(y, p2);
                e = e.fma(y, p3);
                e = e.fma(y, p4);
                e = e.fma(y, p5);
                e = e.fma(y, one);
                e = e.reinterpretAsInts().add(t.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23)).reinterpretAsFloats();
                e.intoArray(x, i * NR + v);
                sum = sum.add(e);
            }
            if (first) {
                sum.intoArray(stats, at + NR + v);
            } else {
                FloatVector y = old.sub(max);
                y = y.blend(low, y.compare(VectorOperators.LT, low));
                FloatVector t = y.add(ROUND);
                y = y.sub(t.sub(ROUND));
                FloatVector e = y.fma(FloatVector.broadcast(S, P0), p1);
                e = e.fma(y, p2).fma(y, p3).fma(y, p4).fma(y, p5).fma(y, one);
                e = e.reinterpretAsInts().add(t.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23)).reinterpretAsFloats();
                FloatVector.fromArray(S, stats, at + NR + v).fma(e, sum).intoArray(stats, at + NR + v);
                if (max.compare(VectorOperators.GT, old).anyTrue()) {
                    for (int i = 0; i < rows; i++) {
                        FloatVector.fromArray(S, acc, accAt + i * NR + v).mul(e).intoArray(acc, accAt + i * NR + v);
                    }
                }
            }
        }
    }

    private static void softmaxScalar(float[] x, int keys, boolean first, float[] stats, int at, float[] acc, int accAt, int rows) {
        for (int lane = 0; lane < NR; lane++) {
            float old = first ? Float.NEGATIVE_INFINITY : stats[at + lane];
            float max = old;
            for (int i = 0; i < keys; i++) {
                max = Math.max(max, x[i * NR + lane]);
            }
            float sum = 0;
            for (int i = 0; i < keys; i++) {
                float e = (float) Math.exp((x[i * NR + lane] - max) * FlashAttention.LN2);
                x[i * NR + lane] = e;
                sum += e;
            }
            stats[at + lane] = max;
            if (first) {
                stats[at + NR + lane] = sum;
            } else {
                float correction = (float) Math.exp((old - max) * FlashAttention.LN2);
                stats[at + NR + lane] = stats[at + NR + lane] * correction + sum;
                for (int i = 0; i < rows; i++) {
                    acc[accAt + i * NR + lane] *= correction;
                }
            }
        }
    }

    /**
     * Probabilities and gradient of the scores in place: {@code x = 2^(x - lse)} and {@code dp = x * (dp - delta)}, with the
     * log-sum-exp (base 2) and delta of NR queries.
     */
    static void backward(float[] x, float[] dp, int keys, float[] lse, float[] delta, int at) {
        if (VectorWidth.SCALAR) {
            for (int i = 0; i < keys * NR; i++) {
                float e = (float) Math.exp((x[i] - lse[at + i % NR]) * FlashAttention.LN2);
                x[i] = e;
                dp[i] = e * (dp[i] - delta[at + i % NR]);
            }
            return;
        }
        for (int v = 0; v < NR; v += L) {
            FloatVector max = FloatVector.fromArray(S, lse, at + v);
            FloatVector shift = FloatVector.fromArray(S, delta, at + v);
            FloatVector p1 = FloatVector.broadcast(S, P1);
            FloatVector p2 = FloatVector.broadcast(S, P2);
            FloatVector p3 = FloatVector.broadcast(S, P3);
            FloatVector p4 = FloatVector.broadcast(S, P4);
            FloatVector p5 = FloatVector.broadcast(S, P5);
            FloatVector one = FloatVector.broadcast(S, 1f);
            FloatVector low = FloatVector.broadcast(S, LOWEST);
            for (int i = 0; i < keys; i++) {
                FloatVector y = FloatVector.fromArray(S, x, i * NR + v).sub(max);
                y = y.blend(low, y.compare(VectorOperators.LT, low));
                FloatVector t = y.add(ROUND);
                y = y.sub(t.sub(ROUND));
                FloatVector e = y.fma(FloatVector.broadcast(S, P0), p1);
                e = e.fma(y, p2);
                e = e.fma(y, p3);
                e = e.fma(y, p4);
                e = e.fma(y, p5);
                e = e.fma(y, one);
                e = e.reinterpretAsInts().add(t.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23)).reinterpretAsFloats();
                e.intoArray(x, i * NR + v);
                FloatVector.fromArray(S, dp, i * NR + v).sub(shift).mul(e).intoArray(dp, i * NR + v);
            }
        }
    }
}
