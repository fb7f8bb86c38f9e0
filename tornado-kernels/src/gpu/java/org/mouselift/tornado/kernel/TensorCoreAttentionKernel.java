package org.mouselift.tornado.kernel;

import org.mouselift.tornado.launch.HalfTiles;
import org.mouselift.tornado.launch.TensorCoreAttention;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.enums.MMAShape;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.HalfFloat;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Attention on tensor cores, for PTX and CUDA; launch and arguments: {@link TensorCoreAttention}. */
public final class TensorCoreAttentionKernel {
    /** Ints of 16 deep fragments: of 16 queries or weights, of 8 keys or columns of v, of the 64 keys or columns of a tile. */
    private static final int LEFT = 128;
    private static final int RIGHT = 64;
    private static final int STEP = 512;
    private static final int DEPTH = 16;
    private static final int NAN = 0x7E00;
    private static final int ONE = 0x3C00;
    private static final float LOG2 = 0.6931472f;

    private TensorCoreAttentionKernel() {}

    /** A power of two as a half float, rounded to nearest; below 2^-25 zero. Powers of {@link TensorCoreAttention#SLACK} or less. */
    static int weight(float power) {
        float p = power > -40f ? power : -40f;
        int exponent = (int) (p + 64f) - 64;
        float m = TornadoMath.exp(LOG2 * (p - exponent));
        int normal = (exponent + 15) * 1024 + (int) ((m - 1f) * 1024f + 0.5f);
        int small = (int) (TornadoMath.exp(LOG2 * (p + 24f)) + 0.5f);
        // An infinity or NaN times 0 is NaN, which equals nothing.
        return power * 0f == 0f ? (exponent >= -14 ? normal : small) : NAN;
    }

    public static void tensorCoreAttention(KernelContext c, FloatArray mem, IntArray ints, IntArray p, FloatArray q, IntArray at, int slot) {
        int[] keys = c.allocateIntLocalArray(TensorCoreAttention.KEYS * TensorCoreAttention.MOST_WIDTH / 2);
        int[] values = c.allocateIntLocalArray(TensorCoreAttention.KEYS * TensorCoreAttention.MOST_WIDTH / 2);
        // The queries before the first tile, then weights.
        int[] weights = c.allocateIntLocalArray(TensorCoreAttention.QUERIES * TensorCoreAttention.KEYS / 2);
        int[] ones = c.allocateIntLocalArray(RIGHT);
        float[] reference = c.allocateFloatLocalArray(TensorCoreAttention.QUERIES);
        float[] shrink = c.allocateFloatLocalArray(TensorCoreAttention.QUERIES);
        int[] passed = c.allocateIntLocalArray(1);
        int b = at.get(slot);
        int t = c.localIdx;
        int warp = t / 32;
        int lane = t % 32;
        int heads = p.get(b + 1);
        int tokens = p.get(b + 2);
        int width = p.get(b + 3);
        float scale = q.get(p.get(b)) / LOG2;
        int head = c.groupIdy;
        int batch = c.groupIdz;
        int groups = (tokens + TensorCoreAttention.QUERIES - 1) / TensorCoreAttention.QUERIES;
        int qFrom = p.get(b + 4) + ((batch * p.get(b + 5) + head * p.get(b + 6)) * groups + c.groupIdx) * 2 * HalfTiles.TILE;
        int keys0 = p.get(b + 7);
        int keys1 = p.get(b + 15);
        int row0 = keys0 > 0 ? batch / p.get(b + 8) : 0;
        int row1 = keys1 > 0 ? batch / p.get(b + 16) : 0;
        int deep0 = (keys0 + HalfTiles.DEPTH - 1) / HalfTiles.DEPTH;
        int deep1 = (keys1 + HalfTiles.DEPTH - 1) / HalfTiles.DEPTH;
        int lines0 = (keys0 + HalfTiles.LINES - 1) / HalfTiles.LINES;
        int lines1 = (keys1 + HalfTiles.LINES - 1) / HalfTiles.LINES;
        int kFrom0 = p.get(b + 9) + (row0 * p.get(b + 10) + head * p.get(b + 11)) * lines0 * 2 * HalfTiles.TILE;
        int kFrom1 = p.get(b + 17) + (row1 * p.get(b + 18) + head * p.get(b + 19)) * lines1 * 2 * HalfTiles.TILE;
        int vFrom0 = p.get(b + 12) + (row0 * p.get(b + 13) + head * p.get(b + 14)) * deep0 * HalfTiles.TILE;
        int vFrom1 = p.get(b + 20) + (row1 * p.get(b + 21) + head * p.get(b + 22)) * deep1 * HalfTiles.TILE;
        int tiles0 = (keys0 + TensorCoreAttention.KEYS - 1) / TensorCoreAttention.KEYS;
        int tiles = tiles0 + (keys1 + TensorCoreAttention.KEYS - 1) / TensorCoreAttention.KEYS;
        int scores = p.get(b + 25) + ((batch * heads + head) * groups + c.groupIdx) * TensorCoreAttention.SCRATCH;
        int sums = scores + TensorCoreAttention.QUERIES * TensorCoreAttention.KEYS;
        int before = sums + TensorCoreAttention.QUERIES * TensorCoreAttention.COLUMNS;
        for (int i = t; i < TensorCoreAttention.QUERIES * TensorCoreAttention.COLUMNS; i += TensorCoreAttention.LOCAL) {
            mem.set(before + i, 0f);
        }
        for (int i = t; i < 2 * HalfTiles.TILE; i += TensorCoreAttention.LOCAL) {
            weights[i] = ints.get(qFrom + i);
        }
        if (t < RIGHT) {
            ones[t] = t % 4 == 0 ? ONE : 0;
        }
        if (t < TensorCoreAttention.QUERIES) {
            reference[t] = -1e30f;
        }
        if (t == 0) {
            passed[0] = 0;
        }
        c.localBarrier();
        HalfFloat[] q0 = c.mmaLoadA(weights, DEPTH, 4 * (warp * LEFT + 0));
        HalfFloat[] q1 = c.mmaLoadA(weights, DEPTH, 4 * (warp * LEFT + 1024));
        HalfFloat[] q2 = c.mmaLoadA(weights, DEPTH, 4 * (warp * LEFT + 2048));
        HalfFloat[] q3 = c.mmaLoadA(weights, DEPTH, 4 * (warp * LEFT + 3072));
        HalfFloat[] one = c.mmaLoadB(ones, DEPTH, 0);
        int tile = 0;
        while (tile < tiles) {
            // The references of the rows follow from the first tile, and stay as long as no later one passes them.
            float[] o0 = c.mmaFragment(0f);
            float[] o1 = c.mmaFragment(0f);
            float[] o2 = c.mmaFragment(0f);
            float[] o3 = c.mmaFragment(0f);
            float[] o4 = c.mmaFragment(0f);
            float[] o5 = c.mmaFragment(0f);
            float[] o6 = c.mmaFragment(0f);
            float[] o7 = c.mmaFragment(0f);
            float[] o8 = c.mmaFragment(0f);
            int fresh = 1;
            int over = 0;
            while (over == 0 && tile < tiles) {
                int first = tile < tiles0 ? 1 : 0;
                int k0 = (first == 1 ? tile : tile - tiles0) * TensorCoreAttention.KEYS;
                int count = first == 1 ? keys0 : keys1;
                int steps = 2 * (first == 1 ? deep0 : deep1);
                // Of 128 lines of k the half that is wanted; of v, all there is of the columns.
                int kAt = (first == 1 ? kFrom0 : kFrom1) + k0 / HalfTiles.LINES * 2 * HalfTiles.TILE + k0 / TensorCoreAttention.KEYS % 2 * STEP;
                int vAt = (first == 1 ? vFrom0 : vFrom1) + k0 / DEPTH * 1024;
                for (int i = 0; i < 8; i++) {
                    int e = t + i * TensorCoreAttention.LOCAL;
                    int step = e / STEP;
                    int within = e % STEP;
                    keys[e] = ints.get(kAt + step * 1024 + within);
                    values[e] = k0 / DEPTH + step < steps ? ints.get(vAt + step * 1024 + within) : 0;
                }
                c.localBarrier();
                float[] s0 = c.mmaFragment(0f);
                float[] s1 = c.mmaFragment(0f);
                float[] s2 = c.mmaFragment(0f);
                float[] s3 = c.mmaFragment(0f);
                float[] s4 = c.mmaFragment(0f);
                float[] s5 = c.mmaFragment(0f);
                float[] s6 = c.mmaFragment(0f);
                float[] s7 = c.mmaFragment(0f);
                s0 = c.mma(q0, c.mmaLoadB(keys, DEPTH, 0), s0, MMAShape.M16N8K16);
                s1 = c.mma(q0, c.mmaLoadB(keys, DEPTH, 256), s1, MMAShape.M16N8K16);
                s2 = c.mma(q0, c.mmaLoadB(keys, DEPTH, 512), s2, MMAShape.M16N8K16);
                s3 = c.mma(q0, c.mmaLoadB(keys, DEPTH, 768), s3, MMAShape.M16N8K16);
                s4 = c.mma(q0, c.mmaLoadB(keys, DEPTH, 1024), s4, MMAShape.M16N8K16);
                s5 = c.mma(q0, c.mmaLoadB(keys, DEPTH, 1280), s5, MMAShape.M16N8K16);
                s6 = c.mma(q0, c.mmaLoadB(keys, DEPTH, 1536), s6, MMAShape.M16N8K16);
                s7 = c.mma(q0, c.mmaLoadB(keys, DEPTH, 1792), s7, MMAShape.M16N8K16);
                s0 = c.mma(q1, c.mmaLoadB(keys, DEPTH, 2048), s0, MMAShape.M16N8K16);
                s1 = c.mma(q1, c.mmaLoadB(keys, DEPTH, 2304), s1, MMAShape.M16N8K16);
                s2 = c.mma(q1, c.mmaLoadB(keys, DEPTH, 2560), s2, MMAShape.M16N8K16);
                s3 = c.mma(q1, c.mmaLoadB(keys, DEPTH, 2816), s3, MMAShape.M16N8K16);
                s4 = c.mma(q1, c.mmaLoadB(keys, DEPTH, 3072), s4, MMAShape.M16N8K16);
                s5 = c.mma(q1, c.mmaLoadB(keys, DEPTH, 3328), s5, MMAShape.M16N8K16);
                s6 = c.mma(q1, c.mmaLoadB(keys, DEPTH, 3584), s6, MMAShape.M16N8K16);
                s7 = c.mma(q1, c.mmaLoadB(keys, DEPTH, 3840), s7, MMAShape.M16N8K16);
                s0 = c.mma(q2, c.mmaLoadB(keys, DEPTH, 4096), s0, MMAShape.M16N8K16);
                s1 = c.mma(q2, c.mmaLoadB(keys, DEPTH, 4352), s1, MMAShape.M16N8K16);
                s2 = c.mma(q2, c.mmaLoadB(keys, DEPTH, 4608), s2, MMAShape.M16N8K16);
                s3 = c.mma(q2, c.mmaLoadB(keys, DEPTH, 4864), s3, MMAShape.M16N8K16);
                s4 = c.mma(q2, c.mmaLoadB(keys, DEPTH, 5120), s4, MMAShape.M16N8K16);
                s5 = c.mma(q2, c.mmaLoadB(keys, DEPTH, 5376), s5, MMAShape.M16N8K16);
                s6 = c.mma(q2, c.mmaLoadB(keys, DEPTH, 5632), s6, MMAShape.M16N8K16);
                s7 = c.mma(q2, c.mmaLoadB(keys, DEPTH, 5888), s7, MMAShape.M16N8K16);
                s0 = c.mma(q3, c.mmaLoadB(keys, DEPTH, 6144), s0, MMAShape.M16N8K16);
                s1 = c.mma(q3, c.mmaLoadB(keys, DEPTH, 6400), s1, MMAShape.M16N8K16);
                s2 = c.mma(q3, c.mmaLoadB(keys, DEPTH, 6656), s2, MMAShape.M16N8K16);
                s3 = c.mma(q3, c.mmaLoadB(keys, DEPTH, 6912), s3, MMAShape.M16N8K16);
                s4 = c.mma(q3, c.mmaLoadB(keys, DEPTH, 7168), s4, MMAShape.M16N8K16);
                s5 = c.mma(q3, c.mmaLoadB(keys, DEPTH, 7424), s5, MMAShape.M16N8K16);
                s6 = c.mma(q3, c.mmaLoadB(keys, DEPTH, 7680), s6, MMAShape.M16N8K16);
                s7 = c.mma(q3, c.mmaLoadB(keys, DEPTH, 7936), s7, MMAShape.M16N8K16);
                c.mmaStore(s0, mem, warp * 16, scores, TensorCoreAttention.KEYS);
                c.mmaStore(s1, mem, warp * 16, scores + 8, TensorCoreAttention.KEYS);
                c.mmaStore(s2, mem, warp * 16, scores + 16, TensorCoreAttention.KEYS);
                c.mmaStore(s3, mem, warp * 16, scores + 24, TensorCoreAttention.KEYS);
                c.mmaStore(s4, mem, warp * 16, scores + 32, TensorCoreAttention.KEYS);
                c.mmaStore(s5, mem, warp * 16, scores + 40, TensorCoreAttention.KEYS);
                c.mmaStore(s6, mem, warp * 16, scores + 48, TensorCoreAttention.KEYS);
                c.mmaStore(s7, mem, warp * 16, scores + 56, TensorCoreAttention.KEYS);
                c.localBarrier();
                if (fresh == 1) {
                    if (t < TensorCoreAttention.QUERIES) {
                        float r = reference[t];
                        float top = r;
                        for (int key = 0; key < TensorCoreAttention.KEYS; key++) {
                            float x = mem.get(scores + t * TensorCoreAttention.KEYS + key) * scale;
                            top = k0 + key < count && x > top ? x : top;
                        }
                        shrink[t] = TornadoMath.exp(LOG2 * (r - top));
                        reference[t] = top;
                    }
                    c.localBarrier();
                    for (int i = t; i < TensorCoreAttention.QUERIES * TensorCoreAttention.COLUMNS; i += TensorCoreAttention.LOCAL) {
                        mem.set(before + i, mem.get(before + i) * shrink[i / TensorCoreAttention.COLUMNS]);
                    }
                }
                for (int i = 0; i < 16; i++) {
                    int row = warp * 16 + i % 4 * 4 + lane / 8;
                    int key = i / 4 * 16 + lane % 8 * 2;
                    float r = reference[row];
                    float x = mem.get(scores + row * TensorCoreAttention.KEYS + key) * scale - r;
                    float y = mem.get(scores + row * TensorCoreAttention.KEYS + key + 1) * scale - r;
                    if (k0 + key < count && x > TensorCoreAttention.SLACK || k0 + key + 1 < count && y > TensorCoreAttention.SLACK) {
                        passed[0] = 1;
                    }
                    int low = k0 + key < count ? weight(x) : 0;
                    int high = k0 + key + 1 < count ? weight(y) : 0;
                    weights[warp * 4 * LEFT + i / 4 * LEFT + (i % 4 * 4 + lane / 8) * 8 + lane % 8] = low | (high << 16);
                }
                c.localBarrier();
                over = passed[0];
                if (over > 0) {
                    // Nothing of this tile counts; it comes again with new references.
                    for (int i = t; i < TensorCoreAttention.QUERIES * TensorCoreAttention.KEYS / 2; i += TensorCoreAttention.LOCAL) {
                        weights[i] = 0;
                    }
                    c.localBarrier();
                } else {
                    tile++;
                }
                HalfFloat[] w0 = c.mmaLoadA(weights, DEPTH, 4 * LEFT * (warp * 4));
                o0 = c.mma(w0, c.mmaLoadB(values, DEPTH, 0), o0, MMAShape.M16N8K16);
                o1 = c.mma(w0, c.mmaLoadB(values, DEPTH, 256), o1, MMAShape.M16N8K16);
                o2 = c.mma(w0, c.mmaLoadB(values, DEPTH, 512), o2, MMAShape.M16N8K16);
                o3 = c.mma(w0, c.mmaLoadB(values, DEPTH, 768), o3, MMAShape.M16N8K16);
                o4 = c.mma(w0, c.mmaLoadB(values, DEPTH, 1024), o4, MMAShape.M16N8K16);
                o5 = c.mma(w0, c.mmaLoadB(values, DEPTH, 1280), o5, MMAShape.M16N8K16);
                o6 = c.mma(w0, c.mmaLoadB(values, DEPTH, 1536), o6, MMAShape.M16N8K16);
                o7 = c.mma(w0, c.mmaLoadB(values, DEPTH, 1792), o7, MMAShape.M16N8K16);
                o8 = c.mma(w0, one, o8, MMAShape.M16N8K16);
                HalfFloat[] w1 = c.mmaLoadA(weights, DEPTH, 4 * LEFT * (warp * 4 + 1));
                o0 = c.mma(w1, c.mmaLoadB(values, DEPTH, 2048), o0, MMAShape.M16N8K16);
                o1 = c.mma(w1, c.mmaLoadB(values, DEPTH, 2304), o1, MMAShape.M16N8K16);
                o2 = c.mma(w1, c.mmaLoadB(values, DEPTH, 2560), o2, MMAShape.M16N8K16);
                o3 = c.mma(w1, c.mmaLoadB(values, DEPTH, 2816), o3, MMAShape.M16N8K16);
                o4 = c.mma(w1, c.mmaLoadB(values, DEPTH, 3072), o4, MMAShape.M16N8K16);
                o5 = c.mma(w1, c.mmaLoadB(values, DEPTH, 3328), o5, MMAShape.M16N8K16);
                o6 = c.mma(w1, c.mmaLoadB(values, DEPTH, 3584), o6, MMAShape.M16N8K16);
                o7 = c.mma(w1, c.mmaLoadB(values, DEPTH, 3840), o7, MMAShape.M16N8K16);
                o8 = c.mma(w1, one, o8, MMAShape.M16N8K16);
                HalfFloat[] w2 = c.mmaLoadA(weights, DEPTH, 4 * LEFT * (warp * 4 + 2));
                o0 = c.mma(w2, c.mmaLoadB(values, DEPTH, 4096), o0, MMAShape.M16N8K16);
                o1 = c.mma(w2, c.mmaLoadB(values, DEPTH, 4352), o1, MMAShape.M16N8K16);
                o2 = c.mma(w2, c.mmaLoadB(values, DEPTH, 4608), o2, MMAShape.M16N8K16);
                o3 = c.mma(w2, c.mmaLoadB(values, DEPTH, 4864), o3, MMAShape.M16N8K16);
                o4 = c.mma(w2, c.mmaLoadB(values, DEPTH, 5120), o4, MMAShape.M16N8K16);
                o5 = c.mma(w2, c.mmaLoadB(values, DEPTH, 5376), o5, MMAShape.M16N8K16);
                o6 = c.mma(w2, c.mmaLoadB(values, DEPTH, 5632), o6, MMAShape.M16N8K16);
                o7 = c.mma(w2, c.mmaLoadB(values, DEPTH, 5888), o7, MMAShape.M16N8K16);
                o8 = c.mma(w2, one, o8, MMAShape.M16N8K16);
                HalfFloat[] w3 = c.mmaLoadA(weights, DEPTH, 4 * LEFT * (warp * 4 + 3));
                o0 = c.mma(w3, c.mmaLoadB(values, DEPTH, 6144), o0, MMAShape.M16N8K16);
                o1 = c.mma(w3, c.mmaLoadB(values, DEPTH, 6400), o1, MMAShape.M16N8K16);
                o2 = c.mma(w3, c.mmaLoadB(values, DEPTH, 6656), o2, MMAShape.M16N8K16);
                o3 = c.mma(w3, c.mmaLoadB(values, DEPTH, 6912), o3, MMAShape.M16N8K16);
                o4 = c.mma(w3, c.mmaLoadB(values, DEPTH, 7168), o4, MMAShape.M16N8K16);
                o5 = c.mma(w3, c.mmaLoadB(values, DEPTH, 7424), o5, MMAShape.M16N8K16);
                o6 = c.mma(w3, c.mmaLoadB(values, DEPTH, 7680), o6, MMAShape.M16N8K16);
                o7 = c.mma(w3, c.mmaLoadB(values, DEPTH, 7936), o7, MMAShape.M16N8K16);
                o8 = c.mma(w3, one, o8, MMAShape.M16N8K16);
                fresh = 0;
                c.localBarrier();
            }
            c.mmaStore(o0, mem, warp * 16, sums, TensorCoreAttention.COLUMNS);
            c.mmaStore(o1, mem, warp * 16, sums + 8, TensorCoreAttention.COLUMNS);
            c.mmaStore(o2, mem, warp * 16, sums + 16, TensorCoreAttention.COLUMNS);
            c.mmaStore(o3, mem, warp * 16, sums + 24, TensorCoreAttention.COLUMNS);
            c.mmaStore(o4, mem, warp * 16, sums + 32, TensorCoreAttention.COLUMNS);
            c.mmaStore(o5, mem, warp * 16, sums + 40, TensorCoreAttention.COLUMNS);
            c.mmaStore(o6, mem, warp * 16, sums + 48, TensorCoreAttention.COLUMNS);
            c.mmaStore(o7, mem, warp * 16, sums + 56, TensorCoreAttention.COLUMNS);
            c.mmaStore(o8, mem, warp * 16, sums + 64, TensorCoreAttention.COLUMNS);
            if (t == 0) {
                passed[0] = 0;
            }
            c.localBarrier();
            for (int i = t; i < TensorCoreAttention.QUERIES * TensorCoreAttention.COLUMNS; i += TensorCoreAttention.LOCAL) {
                mem.set(before + i, mem.get(before + i) + mem.get(sums + i));
            }
            c.localBarrier();
        }
        int line0 = (batch * heads + head) * tokens + c.groupIdx * TensorCoreAttention.QUERIES;
        for (int i = t; i < TensorCoreAttention.QUERIES * TensorCoreAttention.MOST_WIDTH; i += TensorCoreAttention.LOCAL) {
            int row = i / TensorCoreAttention.MOST_WIDTH;
            int column = i % TensorCoreAttention.MOST_WIDTH;
            if (c.groupIdx * TensorCoreAttention.QUERIES + row < tokens) {
                int place = row * TensorCoreAttention.COLUMNS;
                float total = mem.get(before + place + TensorCoreAttention.MOST_WIDTH);
                if (column < width) {
                    mem.set(p.get(b + 23) + (line0 + row) * width + column, mem.get(before + place + column) / total);
                }
                if (column == 0) {
                    mem.set(p.get(b + 24) + line0 + row, LOG2 * reference[row] + TornadoMath.log(total));
                }
            }
        }
    }
}
