package org.mouselift.engine.cpu;

import java.lang.foreign.MemorySegment;
import org.mouselift.engine.DType;

/**
 * Attention and its gradient in float64, plain loops in the order of the formulas; for gradient checks and as an oracle.
 * Operands as in {@link FlashAttention}, all F64.
 */
public final class AttentionF64 {
    private static final String KERNEL = "attention f64";

    private AttentionF64() {
    }

    private static double get(Heads x, long at) {
        return x.data().get(DType.LE_F64, at * 8);
    }

    private static void set(Heads x, long at, double value) {
        x.data().set(DType.LE_F64, at * 8, value);
    }

    private static void check(long batch, long heads, long tq, long tk, long d, Heads q, Heads k, Heads v) {
        Bounds.size(KERNEL, "keys", tk, 1);
        Bounds.size(KERNEL, "head width", d, 1);
        q.check(KERNEL, "q", DType.F64, batch, heads, tq, d);
        k.check(KERNEL, "k", DType.F64, batch, heads, tk, d);
        v.check(KERNEL, "v", DType.F64, batch, heads, tk, d);
    }

    /** Scores of one query: {@code scale * q . k_j}. */
    private static void scores(Heads q, long qAt, Heads k, long kAt, int tk, long d, double scale, double[] s) {
        for (int j = 0; j < tk; j++) {
            double sum = 0;
            for (long c = 0; c < d; c++) {
                sum += get(q, qAt + c) * get(k, kAt + j * k.tokenStride() + c);
            }
            s[j] = scale * sum;
        }
    }

    /** {@code out = softmax(scale Q K^T) V}; {@code lse} [B, H, tq] contiguous or null. */
    public static void forward(long batch, long heads, long tq, long tk, long d, double scale, Heads q, Heads k, Heads v, Heads out, MemorySegment lse,
            long lseOffset) {
        check(batch, heads, tq, tk, d, q, k, v);
        out.checkOutput(KERNEL, "out", DType.F64, batch, heads, tq, d);
        if (lse != null) {
            Bounds.strided(KERNEL, "lse", lse, DType.F64, lseOffset, batch, heads * tq, heads * tq, 1);
        }
        int keys = Math.toIntExact(tk);
        Workers.split(batch * heads * tq, 1, (worker, begin, end) -> {
            double[] s = new double[keys];
            for (long row = begin; row < end; row++) {
                long b = row / tq / heads;
                long h = row / tq % heads;
                long i = row % tq;
                scores(q, q.at(b, h) + i * q.tokenStride(), k, k.at(b, h), keys, d, scale, s);
                double max = Double.NEGATIVE_INFINITY;
                for (double x : s) {
                    max = Math.max(max, x);
                }
                double sum = 0;
                for (int j = 0; j < keys; j++) {
                    s[j] = Math.exp(s[j] - max);
                    sum += s[j];
                }
                for (long c = 0; c < d; c++) {
                    double o = 0;
                    for (int j = 0; j < keys; j++) {
                        o += s[j] * get(v, v.at(b, h) + j * v.tokenStride() + c);
                    }
                    set(out, out.at(b, h) + i * out.tokenStride() + c, o / sum);
                }
                if (lse != null) {
                    lse.set(DType.LE_F64, (lseOffset + row) * 8, max + Math.log(sum));
                }
            }
        });
    }

    /** Gradients dq, dk, dv (overwritten); arguments as in {@link FlashAttentionGradient#backward}. */
    public static void backward(long batch, long heads, long tq, long tk, long d, double scale, Heads q, Heads k, Heads v, Heads out, Heads dOut,
            MemorySegment lse, long lseOffset, Heads dq, Heads dk, Heads dv) {
        check(batch, heads, tq, tk, d, q, k, v);
        out.check(KERNEL, "out", DType.F64, batch, heads, tq, d);
        dOut.check(KERNEL, "dOut", DType.F64, batch, heads, tq, d);
        Bounds.strided(KERNEL, "lse", lse, DType.F64, lseOffset, batch, heads * tq, heads * tq, 1);
        dq.checkOutput(KERNEL, "dq", DType.F64, batch, heads, tq, d);
        dk.checkOutput(KERNEL, "dk", DType.F64, batch, heads, tk, d);
        dv.checkOutput(KERNEL, "dv", DType.F64, batch, heads, tk, d);
        int keys = Math.toIntExact(tk);
        Workers.split(batch * heads, 1, (worker, begin, end) -> {
            double[] s = new double[keys];
            for (long head = begin; head < end; head++) {
                long b = head / heads;
                long h = head % heads;
                for (long j = 0; j < tk; j++) {
                    for (long c = 0; c < d; c++) {
                        set(dk, dk.at(b, h) + j * dk.tokenStride() + c, 0);
                        set(dv, dv.at(b, h) + j * dv.tokenStride() + c, 0);
                    }
                }
                for (long i = 0; i < tq; i++) {
                    long qAt = q.at(b, h) + i * q.tokenStride();
                    long gAt = dOut.at(b, h) + i * dOut.tokenStride();
                    scores(q, qAt, k, k.at(b, h), keys, d, scale, s);
                    double l = lse.get(DType.LE_F64, (lseOffset + head * tq + i) * 8);
                    double delta = 0;
                    for (long c = 0; c < d; c++) {
                        delta += get(dOut, gAt + c) * get(out, out.at(b, h) + i * out.tokenStride() + c);
                        set(dq, dq.at(b, h) + i * dq.tokenStride() + c, 0);
                    }
                    for (int j = 0; j < keys; j++) {
                        double p = Math.exp(s[j] - l);
                        double dp = 0;
                        long vAt = v.at(b, h) + j * v.tokenStride();
                        long dvAt = dv.at(b, h) + j * dv.tokenStride();
                        for (long c = 0; c < d; c++) {
                            double g = get(dOut, gAt + c);
                            dp += g * get(v, vAt + c);
                            set(dv, dvAt + c, get(dv, dvAt + c) + p * g);
                        }
                        double ds = p * (dp - delta) * scale;
                        long kAt = k.at(b, h) + j * k.tokenStride();
                        long dkAt = dk.at(b, h) + j * dk.tokenStride();
                        long dqAt = dq.at(b, h) + i * dq.tokenStride();
                        for (long c = 0; c < d; c++) {
                            set(dq, dqAt + c, get(dq, dqAt + c) + ds * get(k, kAt + c));
                            set(dk, dkAt + c, get(dk, dkAt + c) + ds * get(q, qAt + c));
                        }
                    }
                }
            }
        });
    }
}
