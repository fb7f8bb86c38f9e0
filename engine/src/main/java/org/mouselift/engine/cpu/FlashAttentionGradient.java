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

    private record Call(long heads, int tq, int tk, int d, float scale, Heads q, List<KeyValues> sources, Heads out, Heads dOut, MemorySegment lse,
            long lseOffset, Heads dq, List<KeyValues> gradients) {
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
        backward(batch, heads, tq, d, scale, q, List.of(new KeyValues(k, v, tk)), out, dOut, lse, lseOffset, dq, List.of(new KeyValues(dk, dv, tk)));
    }

    /**
     * As above with the keys and values of several sources in a row.
     *
     * @param gradients dk and dv of every source, shaped and shared like the source; where batch rows share a source, their
     *                  gradients are summed in the order of the rows
     */
    public static void backward(long batch, long heads, long tq, long d, float scale, Heads q, List<KeyValues> sources, Heads out, Heads dOut,
            MemorySegment lse, long lseOffset, Heads dq, List<KeyValues> gradients) {
        int tk = FlashAttention.checkInputs(batch, heads, tq, d, q, sources);
        FlashAttention.checkShared(batch, sources);
        out.check(KERNEL, "out", DType.F32, batch, heads, tq, d);
        dOut.check(KERNEL, "dOut", DType.F32, batch, heads, tq, d);
        Bounds.strided(KERNEL, "lse", lse, DType.F32, lseOffset, batch, heads * tq, heads * tq, 1);
        dq.checkOutput(KERNEL, "dq", DType.F32, batch, heads, tq, d);
        long group = 1;
        for (int i = 0; i < gradients.size(); i++) {
            KeyValues s = gradients.get(i);
            if (s.tokens() != sources.get(i).tokens() || s.shared() != sources.get(i).shared()) {
                throw new IllegalArgumentException(KERNEL + ": the gradient of source " + i + " is not shaped like the source");
            }
            s.keys().checkOutput(KERNEL, "dk", DType.F32, batch / s.shared(), heads, s.tokens(), d);
            s.values().checkOutput(KERNEL, "dv", DType.F32, batch / s.shared(), heads, s.tokens(), d);
            group = commonMultiple(group, s.shared());
        }
        if (batch == 0 || heads == 0) {
            return;
        }
        Call c = new Call(heads, (int) tq, tk, (int) d, scale, q, List.copyOf(sources), out, dOut, lse, lseOffset, dq, List.copyOf(gradients));
        long start = KernelWatch.begin();
        run(c, batch, heads, group);
        KernelWatch.end(start, 10.0 * batch * heads * tq * tk * d);
    }

    /** @param rows batch rows that share keys add to the same gradient, so one thread takes all rows of such a group */
    private static void run(Call c, long batch, long heads, long rows) {
        long count = batch / rows * heads;
        if (FlashAttention.overHeads(count)) {
            Workers.split(count, 1, (worker, begin, end) -> {
                for (long unit = begin; unit < end; unit++) {
                    for (long row = 0; row < rows; row++) {
                        long head = (unit / heads * rows + row) * heads + unit % heads;
                        Scratch scratch = Scratch.local();
                        Packed p = buffers(c, scratch);
                        for (int part = 0; part < PARTS; part++) {
                            pack(c, head, p, part, scratch);
                        }
                        float[] sum = cleared(c, scratch);
                        keyRange(c, head, p, 0, c.tk, sum, scratch);
                        writeQueries(c, head, sum, 0, Math.ceilDiv(c.tq, NR), scratch);
                    }
                }
            });
            return;
        }
        Packed p = buffers(c, Scratch.local());
        float[][] sums = new float[Workers.count()][];
        for (long head = 0; head < batch * heads; head++) {
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

    private static long commonMultiple(long a, long b) {
        long x = a;
        long y = b;
        while (y != 0) {
            long rest = x % y;
            x = y;
            y = rest;
        }
        return a / x * b;
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
            case 0 -> FlashAttention.byToken(c.sources, true, head / c.heads, head % c.heads, c.d, 0, c.tk, MR, p.keys, s);
            case 1 -> FlashAttention.byToken(c.sources, false, head / c.heads, head % c.heads, c.d, 0, c.tk, MR, p.values, s);
            case 2 -> FlashAttention.byColumn(c.sources, true, head / c.heads, head % c.heads, c.d, c.tk, 0, c.tk, MR, p.keyRows, s);
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
            writeKeys(c, head, key, nk, dk, dv, dCols, s);
        }
    }

    /** Stores the gradients of the keys [key, key + nk) in their sources; the first row of a shared source overwrites, the others add. */
    private static void writeKeys(Call c, long head, int key, int nk, float[] dk, float[] dv, int dCols, Scratch s) {
        long b = head / c.heads;
        long h = head % c.heads;
        long first = 0;
        for (KeyValues g : c.gradients) {
            long row = b / g.shared();
            boolean add = b % g.shared() != 0;
            int end = (int) Math.min(key + nk, first + g.tokens());
            for (int t = (int) Math.max(key, first); t < end; t++) {
                store(dk, (t - key) * dCols, g.keys(), g.keys().at(row, h) + (t - first) * g.keys().tokenStride(), c.d, add, s);
                store(dv, (t - key) * dCols, g.values(), g.values().at(row, h) + (t - first) * g.values().tokenStride(), c.d, add, s);
            }
            first += g.tokens();
        }
    }

    private static void store(float[] from, int at, Heads to, long offset, int d, boolean add, Scratch s) {
        if (add) {
            float[] old = s.floats(Scratch.ROWS, d);
            MemorySegment.copy(to.data(), DType.LE_F32, offset * 4, old, 0, d);
            for (int i = 0; i < d; i++) {
                from[at + i] += old[i];
            }
        }
        MemorySegment.copy(from, at, to.data(), DType.LE_F32, offset * 4, d);
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
