package org.mouselift.engine.cpu;

import java.lang.foreign.MemorySegment;
import java.util.List;
import org.mouselift.engine.DType;

/**
 * Gradient of {@link FlashAttention} by recomputation of the probabilities, tile by tile (GS-LRM specification §1.18):
 * {@code P = exp(c QK^T - lse)}, {@code dV = P^T dO}, {@code D = rowsum(dO * O)}, {@code dS = c P (dO V^T - D)},
 * {@code dQ = dS K}, {@code dK = dS^T Q}. Bit-reproducible for a given number of threads.
 */
public final class FlashAttentionGradient {
    private static final int MR = MicroKernel.MR;
    private static final int NR = MicroKernel.NR;
    private static final int KEY_BLOCK = 96 / MR * MR;
    private static final int SLOT = Scratch.ATTENTION;
    private static final String KERNEL = "attention gradient f32";

    private FlashAttentionGradient() {
    }

    private record Call(long heads, int tq, int tk, int d, float scale, Heads q, Heads k, Heads v, Heads out, Heads dOut, MemorySegment lse,
            long lseOffset, Heads dq, Heads dk, Heads dv) {
    }

    /** The packed operands of one head; "columns" are the operands as right factors over the head width, "rows" over tokens. */
    private record Packed(float[] keys, float[] values, float[] keyRows, float[] queryColumns, float[] gradColumns, float[] queryRows, float[] gradRows,
            float[] lse, float[] delta) {
    }

    /**
     * Writes dq [B, H, tq, d], dk and dv [B, H, tk, d] (overwritten, not accumulated).
     *
     * @param out, lse results of the forward call with the same arguments; lse is contiguous [B, H, tq]
     * @param dOut     gradient of the output, [B, H, tq, d]
     */
    public static void backward(long batch, long heads, long tq, long tk, long d, float scale, Heads q, Heads k, Heads v, Heads out, Heads dOut,
            MemorySegment lse, long lseOffset, Heads dq, Heads dk, Heads dv) {
        FlashAttention.checkInputs(batch, heads, tq, d, q, List.of(new KeyValues(k, v, tk)));
        out.check(KERNEL, "out", DType.F32, batch, heads, tq, d);
        dOut.check(KERNEL, "dOut", DType.F32, batch, heads, tq, d);
        Bounds.strided(KERNEL, "lse", lse, DType.F32, lseOffset, batch, heads * tq, heads * tq, 1);
        dq.checkOutput(KERNEL, "dq", DType.F32, batch, heads, tq, d);
        dk.checkOutput(KERNEL, "dk", DType.F32, batch, heads, tk, d);
        dv.checkOutput(KERNEL, "dv", DType.F32, batch, heads, tk, d);
        if (batch == 0 || heads == 0) {
            return;
        }
        Call c = new Call(heads, (int) tq, (int) tk, (int) d, scale, q, k, v, out, dOut, lse, lseOffset, dq, dk, dv);
        long count = batch * heads;
        if (FlashAttention.overHeads(count)) {
            Workers.split(count, 1, (worker, begin, end) -> {
                for (long head = begin; head < end; head++) {
                    Scratch scratch = Scratch.local();
                    Packed p = buffers(c, scratch);
                    for (int part = 0; part < PARTS; part++) {
                        pack(c, head, p, part, scratch);
                    }
                    float[] sum = cleared(c, scratch);
                    keyRange(c, head, p, 0, c.tk, sum, scratch);
                    writeQueries(c, head, sum, 0, Math.ceilDiv(c.tq, NR), scratch);
                }
            });
            return;
        }
        Packed p = buffers(c, Scratch.local());
        float[][] sums = new float[Workers.count()][];
        for (long head = 0; head < count; head++) {
            long h = head;
            java.util.Arrays.fill(sums, null);
            Workers.each(PARTS, (worker, part) -> pack(c, h, p, part, Scratch.local()));
            Workers.split(c.tk, KEY_BLOCK, (worker, begin, end) -> {
                sums[worker] = cleared(c, Scratch.local());
                keyRange(c, h, p, (int) begin, (int) end, sums[worker], Scratch.local());
            });
            int panels = Math.ceilDiv(c.tq, NR);
            Workers.split(panels, 1, (worker, begin, end) -> {
                add(c, sums, (int) begin, (int) end);
                writeQueries(c, h, firstOf(sums), (int) begin, (int) end, Scratch.local());
            });
        }
    }

    private static int dRows(Call c) {
        return Math.ceilDiv(c.d, MR) * MR;
    }

    private static int dCols(Call c) {
        return Math.ceilDiv(c.d, NR) * NR;
    }

    private static final int PARTS = 8;

    private static Packed buffers(Call c, Scratch s) {
        int queries = Math.ceilDiv(c.tq, NR) * NR;
        return new Packed(s.floats(SLOT, Panels.size(c.tk, MR, c.d)), s.floats(SLOT + 1, Panels.size(c.tk, MR, c.d)),
                s.floats(SLOT + 2, Panels.size(c.d, MR, c.tk)), s.floats(SLOT + 3, Panels.size(c.tq, NR, c.d)), s.floats(SLOT + 4, Panels.size(c.tq, NR, c.d)),
                s.floats(SLOT + 5, Panels.size(c.d, NR, c.tq)), s.floats(SLOT + 6, Panels.size(c.d, NR, c.tq)), s.floats(SLOT + 7, queries),
                s.floats(SLOT + 8, queries));
    }

    private static void pack(Call c, long head, Packed p, int part, Scratch s) {
        switch (part) {
            case 0 -> byToken(c.k, c, head, c.tk, MR, p.keys, s);
            case 1 -> byToken(c.v, c, head, c.tk, MR, p.values, s);
            case 2 -> byColumn(c.k, c, head, c.tk, MR, p.keyRows, s);
            case 3 -> {
                byToken(c.q, c, head, c.tq, NR, p.queryColumns, s);
                AttentionBlocks.scale(p.queryColumns, Math.ceilDiv(c.tq, NR) * NR * c.d, c.scale * FlashAttention.LOG2E);
            }
            case 4 -> byToken(c.dOut, c, head, c.tq, NR, p.gradColumns, s);
            case 5 -> byColumn(c.q, c, head, c.tq, NR, p.queryRows, s);
            case 6 -> byColumn(c.dOut, c, head, c.tq, NR, p.gradRows, s);
            default -> statistics(c, head, p, s);
        }
    }

    private static void byToken(Heads x, Call c, long head, int tokens, int width, float[] dst, Scratch s) {
        Panels.pack(x.data(), DType.F32, x.at(head / c.heads, head % c.heads), x.tokenStride(), 1, tokens, c.d, width, dst, 0, s);
    }

    private static void byColumn(Heads x, Call c, long head, int tokens, int width, float[] dst, Scratch s) {
        Panels.pack(x.data(), DType.F32, x.at(head / c.heads, head % c.heads), 1, x.tokenStride(), c.d, tokens, width, dst, 0, s);
    }

    private static void statistics(Call c, long head, Packed p, Scratch s) {
        long b = head / c.heads;
        long h = head % c.heads;
        float[] o = s.floats(Scratch.BLOCK_0, c.d);
        float[] g = s.floats(Scratch.BLOCK_1, c.d);
        for (int i = 0; i < c.tq; i++) {
            Panels.read(c.out.data(), DType.F32, c.out.at(b, h) + i * c.out.tokenStride(), 1, c.d, o, 0, s);
            Panels.read(c.dOut.data(), DType.F32, c.dOut.at(b, h) + i * c.dOut.tokenStride(), 1, c.d, g, 0, s);
            double sum = 0;
            for (int j = 0; j < c.d; j++) {
                sum += (double) o[j] * g[j];
            }
            p.delta[i] = (float) sum;
            p.lse[i] = (float) (c.lse.get(DType.LE_F32, (c.lseOffset + head * c.tq + i) * 4) / FlashAttention.LN2);
        }
        for (int i = c.tq; i < Math.ceilDiv(c.tq, NR) * NR; i++) {
            p.delta[i] = 0;
            p.lse[i] = 0;
        }
    }

    /** A zeroed accumulator of dQ, [panels of queries, head width, NR]. */
    private static float[] cleared(Call c, Scratch s) {
        int n = Math.ceilDiv(c.tq, NR) * NR * dRows(c);
        float[] sum = s.floats(SLOT + 9, n);
        java.util.Arrays.fill(sum, 0, n, 0f);
        return sum;
    }

    /** dK and dV of the keys [begin, end), and their part of dQ. */
    private static void keyRange(Call c, long head, Packed p, int begin, int end, float[] dq, Scratch s) {
        int d = c.d;
        int dRows = dRows(c);
        int dCols = dCols(c);
        float[] x = s.floats(SLOT + 10, KEY_BLOCK * NR);
        float[] dp = s.floats(SLOT + 11, KEY_BLOCK * NR);
        float[] dk = s.floats(SLOT + 12, (long) KEY_BLOCK * dCols);
        float[] dv = s.floats(SLOT + 13, (long) KEY_BLOCK * dCols);
        for (int key = begin; key < end; key += KEY_BLOCK) {
            int nk = Math.min(KEY_BLOCK, end - key);
            java.util.Arrays.fill(dk, 0, KEY_BLOCK * dCols, 0f);
            java.util.Arrays.fill(dv, 0, KEY_BLOCK * dCols, 0f);
            for (int q = 0; q < c.tq; q += NR) {
                int nq = Math.min(NR, c.tq - q);
                for (int r = 0; r < nk; r += MR) {
                    int rows = Math.min(MR, nk - r);
                    MicroKernel.panel(p.keys, (key + r) * d, p.queryColumns, q * d, d, x, r * NR, NR, rows, false);
                    MicroKernel.panel(p.values, (key + r) * d, p.gradColumns, q * d, d, dp, r * NR, NR, rows, false);
                }
                AttentionBlocks.backward(x, dp, nk, p.lse, p.delta, q);
                for (int j = 0; j < dCols; j += NR) {
                    int from = j * c.tq + q * NR;
                    for (int r = 0; r < nk; r += MR) {
                        int rows = Math.min(MR, nk - r);
                        MicroKernel.rows(x, r * NR, p.gradRows, from, nq, dv, r * dCols + j, dCols, rows, true);
                        MicroKernel.rows(dp, r * NR, p.queryRows, from, nq, dk, r * dCols + j, dCols, rows, true);
                    }
                }
                for (int r = 0; r < d; r += MR) {
                    MicroKernel.panel(p.keyRows, r * c.tk + key * MR, dp, 0, nk, dq, q * dRows + r * NR, NR, Math.min(MR, d - r), true);
                }
            }
            AttentionBlocks.scale(dk, nk * dCols, c.scale);
            long b = head / c.heads;
            long h = head % c.heads;
            for (int i = 0; i < nk; i++) {
                MemorySegment.copy(dk, i * dCols, c.dk.data(), DType.LE_F32, (c.dk.at(b, h) + (key + i) * c.dk.tokenStride()) * 4, d);
                MemorySegment.copy(dv, i * dCols, c.dv.data(), DType.LE_F32, (c.dv.at(b, h) + (key + i) * c.dv.tokenStride()) * 4, d);
            }
        }
    }

    private static float[] firstOf(float[][] sums) {
        for (float[] s : sums) {
            if (s != null) {
                return s;
            }
        }
        throw new IllegalStateException(KERNEL + ": no key range was processed");
    }

    /** Adds the accumulators of all threads into the first one, in thread order. */
    private static void add(Call c, float[][] sums, int panelBegin, int panelEnd) {
        float[] target = firstOf(sums);
        int from = panelBegin * NR * dRows(c);
        int to = panelEnd * NR * dRows(c);
        for (float[] s : sums) {
            if (s != null && s != target) {
                for (int i = from; i < to; i++) {
                    target[i] += s[i];
                }
            }
        }
    }

    private static void writeQueries(Call c, long head, float[] dq, int panelBegin, int panelEnd, Scratch s) {
        int dRows = dRows(c);
        float[] row = s.floats(Scratch.ROWS, c.d);
        for (int i = panelBegin * NR; i < Math.min(c.tq, panelEnd * NR); i++) {
            int from = i / NR * NR * dRows + i % NR;
            for (int j = 0; j < c.d; j++) {
                row[j] = dq[from + j * NR] * c.scale;
            }
            MemorySegment.copy(row, 0, c.dq.data(), DType.LE_F32, (c.dq.at(head / c.heads, head % c.heads) + i * c.dq.tokenStride()) * 4, c.d);
        }
    }
}
