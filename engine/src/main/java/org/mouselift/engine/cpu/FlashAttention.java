package org.mouselift.engine.cpu;

import java.lang.foreign.MemorySegment;
import java.util.List;
import org.mouselift.engine.DType;

/**
 * Scaled dot-product attention in float32, {@code O = softmax(scale * Q K^T) V}, without ever storing the scores.
 *
 * <p>Method: T. Dao et al., "FlashAttention" (2022), with the online softmax of M. Milakov and N. Gimelshein (2018).
 * Everything runs transposed: a block of scores is [keys, queries], so that the softmax statistics of a vector of queries
 * are vertical and the exponentials are at once the right factor of the second product. Keys and values of a head are
 * packed once and shared by all its queries. The result does not depend on the number of threads.
 */
public final class FlashAttention {
    static final int MR = MicroKernel.MR;
    static final int NR = MicroKernel.NR;
    private static final int KEY_BLOCK = 192 / MR * MR;
    private static final int QUERY_PANELS = 4;
    static final float LOG2E = 1.44269504088896341f;
    static final double LN2 = 0.693147180559945309417;
    private static final String KERNEL = "attention f32";

    private FlashAttention() {
    }

    private record Forward(long batch, long heads, int tq, int tk, int d, float scale, Heads q, List<KeyValues> sources, Heads out, MemorySegment lse,
            long lseOffset) {
    }

    /**
     * Attention of every head.
     *
     * @param d     head width, 1 or more (fastest when a multiple of 4)
     * @param scale factor of the scores, usually 1/sqrt(d)
     * @param q     [B, H, tq, d]; {@code k} and {@code v} [B, H, tk, d], tk at least 1; {@code out} [B, H, tq, d]
     * @param lse   receives the natural logarithm of the sum of exponentials of each row, contiguous [B, H, tq]; or null
     */
    public static void forward(long batch, long heads, long tq, long tk, long d, float scale, Heads q, Heads k, Heads v, Heads out, MemorySegment lse,
            long lseOffset) {
        forward(batch, heads, tq, d, scale, q, List.of(new KeyValues(k, v, tk)), out, lse, lseOffset);
    }

    /** As above with the keys and values of several sources in a row. */
    public static void forward(long batch, long heads, long tq, long d, float scale, Heads q, List<KeyValues> sources, Heads out, MemorySegment lse,
            long lseOffset) {
        int tk = checkInputs(batch, heads, tq, d, q, sources);
        checkShared(batch, sources);
        out.checkOutput(KERNEL, "out", DType.F32, batch, heads, tq, d);
        if (lse != null) {
            Bounds.strided(KERNEL, "lse", lse, DType.F32, lseOffset, batch, heads * tq, heads * tq, 1);
            Bounds.writable(KERNEL, "lse", lse);
        }
        if (batch == 0 || heads == 0 || tq == 0) {
            return;
        }
        long start = KernelWatch.begin();
        run(new Forward(batch, heads, (int) tq, tk, (int) d, scale, q, List.copyOf(sources), out, lse, lseOffset), batch * heads);
        KernelWatch.end(start, 4.0 * batch * heads * tq * tk * d);
    }

    private static void run(Forward f, long count) {
        if (overHeads(count)) {
            Workers.split(count, 1, (worker, begin, end) -> {
                for (long head = begin; head < end; head++) {
                    Scratch scratch = Scratch.local();
                    float[] keys = keyBuffer(f, scratch);
                    float[] values = valueBuffer(f, scratch);
                    packKeys(f, head, 0, f.tk, keys, values, scratch);
                    queries(f, head, keys, values, 0, f.tq, scratch);
                }
            });
            return;
        }
        float[] keys = keyBuffer(f, Scratch.local());
        float[] values = valueBuffer(f, Scratch.local());
        for (long head = 0; head < count; head++) {
            long h = head;
            Workers.split(f.tk, MR, (worker, begin, end) -> packKeys(f, h, (int) begin, (int) end, keys, values, Scratch.local()));
            Workers.split(f.tq, NR, (worker, begin, end) -> queries(f, h, keys, values, (int) begin, (int) end, Scratch.local()));
        }
    }

    /** True when the heads divide well enough among the threads to give each thread whole heads. */
    static boolean overHeads(long count) {
        int threads = Workers.count();
        return threads == 1 || count % threads == 0 || count >= 8L * threads;
    }

    static int checkInputs(long batch, long heads, long tq, long d, Heads q, List<KeyValues> sources) {
        Bounds.size(KERNEL, "batch", batch, 0);
        Bounds.size(KERNEL, "heads", heads, 0);
        Bounds.size(KERNEL, "queries", tq, 0);
        Bounds.size(KERNEL, "head width", d, 1);
        q.check(KERNEL, "q", DType.F32, batch, heads, tq, d);
        long tk = 0;
        for (int i = 0; i < sources.size(); i++) {
            KeyValues s = sources.get(i);
            String name = sources.size() == 1 ? "" : " of source " + i;
            Bounds.size(KERNEL, "keys" + name, s.tokens(), 0);
            long rows = Math.ceilDiv(batch, Math.max(1, s.shared()));
            s.keys().check(KERNEL, "k" + name, DType.F32, rows, heads, s.tokens(), d);
            s.values().check(KERNEL, "v" + name, DType.F32, rows, heads, s.tokens(), d);
            tk = Math.addExact(tk, s.tokens());
        }
        if (tk == 0) {
            throw new IllegalArgumentException(KERNEL + ": no keys; a softmax over nothing is undefined");
        }
        if (Math.multiplyHigh(tk + MR, d + NR) != 0 || (Math.max(tk, tq) + NR) * (d + NR) > Integer.MAX_VALUE / 2) {
            throw new IllegalArgumentException(KERNEL + ": " + tk + " keys or " + tq + " queries of width " + d + " exceed the limit of 2^30 elements a head");
        }
        return (int) tk;
    }

    static void checkShared(long batch, List<KeyValues> sources) {
        for (KeyValues s : sources) {
            if (s.shared() < 1 || batch % s.shared() != 0) {
                throw new IllegalArgumentException(KERNEL + ": a source shared by " + s.shared() + " batch rows does not fit a batch of " + batch);
            }
        }
    }

    private static float[] keyBuffer(Forward f, Scratch scratch) {
        return scratch.floats(Scratch.ATTENTION, Panels.size(f.tk, MR, f.d));
    }

    private static float[] valueBuffer(Forward f, Scratch scratch) {
        return scratch.floats(Scratch.ATTENTION + 1, Panels.size(f.d, MR, f.tk));
    }

    /** Packs keys [begin, end), begin a multiple of MR: K by panels of keys, V by panels of its columns. */
    private static void packKeys(Forward f, long head, int begin, int end, float[] keys, float[] values, Scratch scratch) {
        byToken(f.sources, true, head / f.heads, head % f.heads, f.d, begin, end, MR, keys, scratch);
        byColumn(f.sources, false, head / f.heads, head % f.heads, f.d, f.tk, begin, end, MR, values, scratch);
    }

    private static Heads side(KeyValues s, boolean keys) {
        return keys ? s.keys() : s.values();
    }

    private static long row(KeyValues s, boolean keys, long b, long h, long token) {
        Heads x = side(s, keys);
        return x.at(b / s.shared(), h) + token * x.tokenStride();
    }

    /**
     * Packs tokens [begin, end) of the whole sequence, begin a multiple of {@code width}, as lanes of panels of depth d. Where
     * one source ends and the next begins inside a panel, its lanes are gathered one by one.
     */
    static void byToken(List<KeyValues> sources, boolean keys, long b, long h, int d, int begin, int end, int width, float[] dst, Scratch scratch) {
        long first = 0;
        for (KeyValues s : sources) {
            int from = (int) Math.max(begin, first);
            int to = (int) Math.min(end, first + s.tokens());
            if (from < to) {
                Heads x = side(s, keys);
                int panel = from / width * width;
                int aligned = Math.min(to, Math.ceilDiv(from, width) * width);
                if (from > panel) {
                    float[] rows = scratch.floats(Scratch.BLOCK_2, d);
                    for (int t = from; t < aligned; t++) {
                        Panels.read(x.data(), DType.F32, row(s, keys, b, h, t - first), 1, d, rows, 0, scratch);
                        Panels.lane(rows, 0, d, width, dst, panel * d + t - panel);
                    }
                }
                Panels.pack(x.data(), DType.F32, row(s, keys, b, h, aligned - first), x.tokenStride(), 1, to - aligned, d, width, dst, aligned * d, scratch);
            }
            first += s.tokens();
        }
    }

    /** Packs tokens [begin, end) as depths of panels whose lanes are the d columns; the panels have depth {@code tokens}. */
    static void byColumn(List<KeyValues> sources, boolean keys, long b, long h, int d, int tokens, int begin, int end, int width, float[] dst,
            Scratch scratch) {
        long first = 0;
        for (KeyValues s : sources) {
            int from = (int) Math.max(begin, first);
            int to = (int) Math.min(end, first + s.tokens());
            if (from < to) {
                Heads x = side(s, keys);
                Panels.pack(x.data(), DType.F32, row(s, keys, b, h, from - first), 1, x.tokenStride(), d, to - from, width, tokens, dst, from * width,
                        scratch);
            }
            first += s.tokens();
        }
    }

    private static void queries(Forward f, long head, float[] keys, float[] values, int begin, int end, Scratch scratch) {
        long b = head / f.heads;
        long h = head % f.heads;
        int d = f.d;
        int dRows = Math.ceilDiv(d, MR) * MR;
        float[] packed = scratch.floats(Scratch.ATTENTION + 3, (long) QUERY_PANELS * NR * d);
        float[] acc = scratch.floats(Scratch.ATTENTION + 4, (long) QUERY_PANELS * NR * dRows);
        float[] scores = scratch.floats(Scratch.ATTENTION + 5, KEY_BLOCK * NR);
        float[] stats = scratch.floats(Scratch.ATTENTION + 6, 2 * QUERY_PANELS * NR);
        for (int q0 = begin; q0 < end; q0 += QUERY_PANELS * NR) {
            int nq = Math.min(QUERY_PANELS * NR, end - q0);
            int panels = Math.ceilDiv(nq, NR);
            Panels.pack(f.q.data(), DType.F32, f.q.at(b, h) + q0 * f.q.tokenStride(), f.q.tokenStride(), 1, nq, d, NR, packed, 0, scratch);
            AttentionBlocks.scale(packed, panels * NR * d, f.scale * LOG2E);
            for (int key = 0; key < f.tk; key += KEY_BLOCK) {
                int nk = Math.min(KEY_BLOCK, f.tk - key);
                for (int p = 0; p < panels; p++) {
                    for (int r = 0; r < nk; r += MR) {
                        MicroKernel.panel(keys, (key + r) * d, packed, p * NR * d, d, scores, r * NR, NR, Math.min(MR, nk - r), false);
                    }
                    int sum = 2 * p * NR;
                    AttentionBlocks.softmax(scores, nk, key == 0, stats, sum, acc, p * dRows * NR, d);
                    for (int r = 0; r < d; r += MR) {
                        MicroKernel.panel(values, r * f.tk + key * MR, scores, 0, nk, acc, (p * dRows + r) * NR, NR, Math.min(MR, d - r), key != 0);
                    }
                }
            }
            write(f, b, h, q0, nq, dRows, acc, stats, scratch);
        }
    }

    private static void write(Forward f, long b, long h, int q0, int nq, int dRows, float[] acc, float[] stats, Scratch scratch) {
        float[] row = scratch.floats(Scratch.ROWS, f.d);
        for (int i = 0; i < nq; i++) {
            int p = i / NR;
            int lane = i % NR;
            float max = stats[2 * p * NR + lane];
            float sum = stats[2 * p * NR + NR + lane];
            float inverse = 1f / sum;
            int from = p * dRows * NR + lane;
            for (int c = 0; c < f.d; c++) {
                row[c] = acc[from + c * NR] * inverse;
            }
            MemorySegment.copy(row, 0, f.out.data(), DType.LE_F32, (f.out.at(b, h) + (q0 + i) * f.out.tokenStride()) * 4, f.d);
            if (f.lse != null) {
                f.lse.set(DType.LE_F32, (f.lseOffset + (b * f.heads + h) * f.tq + q0 + i) * 4, (float) (max * LN2 + Math.log(sum)));
            }
        }
    }

    /**
     * The attention probabilities of chosen queries of one head, for looking inside: row i of {@code probabilities}
     * (row-major [queries.length, tk]) is the softmax of query {@code queries[i]} over all keys.
     */
    public static void probabilities(long batchIndex, long headIndex, long d, float scale, Heads q, List<KeyValues> sources, long[] queries,
            MemorySegment probabilities, long offset) {
        for (long query : queries) {
            Bounds.size(KERNEL, "query index", query, 0);
            checkInputs(batchIndex + 1, headIndex + 1, query + 1, d, q, sources);
        }
        int tk = 0;
        for (KeyValues s : sources) {
            tk += (int) s.tokens();
        }
        Bounds.strided(KERNEL, "probabilities", probabilities, DType.F32, offset, queries.length, tk, tk, 1);
        for (int i = 0; i < queries.length; i++) {
            long first = 0;
            for (KeyValues s : sources) {
                Heads k = s.keys();
                Gemm.multiply(1, s.tokens(), d, scale, Matrix.rowMajor(q.data(), q.at(batchIndex, headIndex) + queries[i] * q.tokenStride(), d),
                        Matrix.rowMajor(k.data(), k.at(batchIndex / s.shared(), headIndex), k.tokenStride()).transposed(), 0f, probabilities, offset + (long) i * tk + first,
                        tk, Epilogue.NONE);
                first += s.tokens();
            }
            double max = Double.NEGATIVE_INFINITY;
            for (int j = 0; j < tk; j++) {
                max = Math.max(max, probabilities.get(DType.LE_F32, (offset + (long) i * tk + j) * 4));
            }
            double sum = 0;
            for (int j = 0; j < tk; j++) {
                sum += Math.exp(probabilities.get(DType.LE_F32, (offset + (long) i * tk + j) * 4) - max);
            }
            for (int j = 0; j < tk; j++) {
                long at = (offset + (long) i * tk + j) * 4;
                probabilities.set(DType.LE_F32, at, (float) (Math.exp(probabilities.get(DType.LE_F32, at) - max) / sum));
            }
        }
    }
}
