package org.mouselift.engine.cpu;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.mouselift.engine.cpu.TestArrays.near;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("kernel")
class FlashAttentionTest {
    /** A float operand [B, T, H, D] inside padded rows, and the same numbers as contiguous doubles [B, H, T, D]. */
    private record Operand(float[] data, MemorySegment segment, Heads heads, double[] wide, Heads wideHeads) {
    }

    private static Operand operand(SplittableRandom r, int b, int h, int t, int d, int pad, boolean heap, double size) {
        int token = h * d + pad;
        float[] data = new float[3 + b * t * token];
        Arrays.fill(data, Float.NaN);
        double[] wide = new double[b * h * t * d];
        for (int i = 0; i < b; i++) {
            for (int j = 0; j < h; j++) {
                for (int s = 0; s < t; s++) {
                    for (int c = 0; c < d; c++) {
                        float x = (float) (size * r.nextGaussian());
                        data[3 + (i * t + s) * token + j * d + c] = x;
                        wide[((i * h + j) * t + s) * d + c] = x;
                    }
                }
            }
        }
        MemorySegment segment = heap ? MemorySegment.ofArray(data) : TestArrays.nativeCopy(data);
        return new Operand(data, segment, new Heads(segment, 3, (long) t * token, d, token), wide, Heads.contiguous(MemorySegment.ofArray(wide), 0, h, t, d));
    }

    /** Compares an output operand with float64 numbers; the bound is relative to the largest value, plus untouched padding. */
    private static void compare(String what, Operand got, double[] want, int b, int h, int t, int d, double relative) {
        float[] data = TestArrays.floats(got.segment);
        double largest = 1e-3;
        for (double x : want) {
            largest = Math.max(largest, Math.abs(x));
        }
        Heads v = got.heads;
        int used = 0;
        for (int i = 0; i < b; i++) {
            for (int j = 0; j < h; j++) {
                for (int s = 0; s < t; s++) {
                    for (int c = 0; c < d; c++) {
                        near(want[((i * h + j) * t + s) * d + c], data[(int) (v.at(i, j) + s * v.tokenStride() + c)], relative * largest,
                                what + "[" + i + "," + j + "," + s + "," + c + "]");
                        used++;
                    }
                }
            }
        }
        int nan = 0;
        for (float x : data) {
            nan += Float.isNaN(x) ? 1 : 0;
        }
        assertEquals(data.length - used, nan, what + ": padding was written");
    }

    private static void check(int b, int h, int tq, int tk, int d, int pad, boolean heap, double size, long seed) {
        SplittableRandom r = new SplittableRandom(seed);
        String what = "B" + b + " H" + h + " Tq" + tq + " Tk" + tk + " D" + d;
        float scale = (float) (1 / Math.sqrt(d));
        Operand q = operand(r, b, h, tq, d, pad, heap, size);
        Operand k = operand(r, b, h, tk, d, pad + 1, heap, size);
        Operand v = operand(r, b, h, tk, d, pad, heap, 1);
        Operand g = operand(r, b, h, tq, d, pad, heap, 1);
        Operand out = operand(r, b, h, tq, d, pad, heap, 1);
        float[] lse = new float[2 + b * h * tq];
        FlashAttention.forward(b, h, tq, tk, d, scale, q.heads, k.heads, v.heads, out.heads, MemorySegment.ofArray(lse), 2);
        double[] wantOut = new double[b * h * tq * d];
        double[] wantLse = new double[b * h * tq];
        AttentionF64.forward(b, h, tq, tk, d, scale, q.wideHeads, k.wideHeads, v.wideHeads, Heads.contiguous(MemorySegment.ofArray(wantOut), 0, h, tq, d),
                MemorySegment.ofArray(wantLse), 0);
        // a score is a sum of d products: its rounding error grows like sqrt(d) * u * size^2 (N. Higham and T. Mary, 2019), and an
        // error of a score is a relative error of its probability; the worst-case bound d * u would hide a wrong polynomial
        double bound = TestArrays.U * (8 + 4 * size * size * Math.sqrt(d));
        compare(what + " out", out, wantOut, b, h, tq, d, bound);
        for (int i = 0; i < wantLse.length; i++) {
            near(wantLse[i], lse[2 + i], bound + 2 * TestArrays.U * Math.abs(wantLse[i]), what + " lse");
        }
        Operand dq = operand(r, b, h, tq, d, pad, heap, 1);
        Operand dk = operand(r, b, h, tk, d, pad, heap, 1);
        Operand dv = operand(r, b, h, tk, d, pad, heap, 1);
        FlashAttentionGradient.backward(b, h, tq, tk, d, scale, q.heads, k.heads, v.heads, out.heads, g.heads, MemorySegment.ofArray(lse), 2, dq.heads,
                dk.heads, dv.heads);
        double[] wq = new double[b * h * tq * d];
        double[] wk = new double[b * h * tk * d];
        double[] wv = new double[b * h * tk * d];
        AttentionF64.backward(b, h, tq, tk, d, scale, q.wideHeads, k.wideHeads, v.wideHeads, Heads.contiguous(MemorySegment.ofArray(wantOut), 0, h, tq, d),
                g.wideHeads, MemorySegment.ofArray(wantLse), 0, Heads.contiguous(MemorySegment.ofArray(wq), 0, h, tq, d),
                Heads.contiguous(MemorySegment.ofArray(wk), 0, h, tk, d), Heads.contiguous(MemorySegment.ofArray(wv), 0, h, tk, d));
        double slack = 2 * bound;
        compare(what + " dq", dq, wq, b, h, tq, d, slack);
        compare(what + " dk", dk, wk, b, h, tk, d, slack);
        compare(what + " dv", dv, wv, b, h, tk, d, slack);
    }

    @Test
    void oddSizesAndStrides() {
        int[][] sizes = {{1, 1, 1, 1, 8}, {1, 2, 3, 5, 8}, {2, 3, 17, 33, 13}, {1, 4, 40, 31, 16}, {1, 1, 33, 100, 40}, {1, 2, 70, 200, 64}, {2, 1, 130, 193, 64},
            {1, 3, 131, 97, 31}, {1, 1, 64, 64, 128}, {1, 1, 20, 410, 80}, {1, 1, 9, 21, 127}, {1, 1, 5, 12, 1}, {1, 5, 12, 12, 24}, {1, 1, 12, 40, 300}};
        long seed = 1;
        for (int[] s : sizes) {
            check(s[0], s[1], s[2], s[3], s[4], (int) (seed % 3) + 1, seed % 2 == 0, 1, seed++);
        }
    }

    @Test
    void sharpDistributions() {
        check(1, 2, 40, 300, 32, 1, false, 3, 77);
    }

    @Test
    void hugeScoresStayFinite() {
        int t = 50;
        int d = 16;
        float[] q = new float[t * d];
        float[] v = new float[t * d];
        Arrays.fill(q, 100f);
        for (int i = 0; i < t; i++) {
            q[i * d] = 100f + i;
            v[i * d] = i;
        }
        float[] out = new float[t * d];
        Heads heads = Heads.contiguous(MemorySegment.ofArray(q), 0, 1, t, d);
        FlashAttention.forward(1, 1, t, t, d, 1f, heads, heads, Heads.contiguous(MemorySegment.ofArray(v), 0, 1, t, d),
                Heads.contiguous(MemorySegment.ofArray(out), 0, 1, t, d), null, 0);
        for (int i = 0; i < t; i++) {
            near(t - 1, out[i * d], 1e-4, "the largest key takes all");
        }
    }

    @Test
    void nanStaysVisible() {
        int d = 8;
        float[] q = new float[3 * d];
        float[] k = new float[3 * d];
        Arrays.fill(q, 1f);
        k[d] = Float.NaN;
        float[] out = new float[3 * d];
        FlashAttention.forward(1, 1, 3, 3, d, 1f, Heads.contiguous(MemorySegment.ofArray(q), 0, 1, 3, d), Heads.contiguous(MemorySegment.ofArray(k), 0, 1, 3, d),
                Heads.contiguous(MemorySegment.ofArray(q), 0, 1, 3, d), Heads.contiguous(MemorySegment.ofArray(out), 0, 1, 3, d), null, 0);
        for (float x : out) {
            assertTrue(Float.isNaN(x), "NaN input, output " + x);
        }
    }

    @Test
    void severalSourcesAreOneSequence() {
        SplittableRandom r = new SplittableRandom(9);
        int tk = 217;
        int d = 20;
        int h = 2;
        Operand q = operand(r, 1, h, 50, d, 1, false, 1);
        Operand k = operand(r, 1, h, tk, d, 2, false, 1);
        Operand v = operand(r, 1, h, tk, d, 0, true, 1);
        float[] whole = new float[50 * h * d];
        float[] parts = new float[50 * h * d];
        FlashAttention.forward(1, h, 50, tk, d, 0.2f, q.heads, k.heads, v.heads, Heads.contiguous(MemorySegment.ofArray(whole), 0, h, 50, d), null, 0);
        long[] cuts = {0, 5, 5, 101, tk};
        KeyValues[] sources = new KeyValues[4];
        for (int i = 0; i < 4; i++) {
            sources[i] = new KeyValues(later(k.heads, cuts[i]), later(v.heads, cuts[i]), cuts[i + 1] - cuts[i]);
        }
        FlashAttention.forward(1, h, 50, d, 0.2f, q.heads, List.of(sources), Heads.contiguous(MemorySegment.ofArray(parts), 0, h, 50, d), null, 0);
        assertArrayEquals(whole, parts);

        float[] p = new float[2 * tk];
        FlashAttention.probabilities(0, 1, d, 0.2f, q.heads, List.of(sources), new long[] {49, 3}, MemorySegment.ofArray(p), 0);
        for (int i = 0; i < 2; i++) {
            int query = i == 0 ? 49 : 3;
            double total = 0;
            for (int j = 0; j < tk; j++) {
                total += p[i * tk + j];
            }
            near(1, total, 1e-5, "probabilities sum to one");
            for (int c = 0; c < d; c++) {
                double o = 0;
                for (int j = 0; j < tk; j++) {
                    o += p[i * tk + j] * v.wide[(tk + j) * d + c];
                }
                near(o, whole[(50 + query) * d + c], 1e-5, "probabilities reproduce the output");
            }
        }
    }

    private static Heads later(Heads x, long tokens) {
        return new Heads(x.data(), x.offset() + tokens * x.tokenStride(), x.batchStride(), x.headStride(), x.tokenStride());
    }

    @Test
    void forwardDoesNotDependOnThreadsAndGradientRepeats() {
        SplittableRandom r = new SplittableRandom(11);
        int t = 300;
        int d = 32;
        Operand q = operand(r, 1, 1, t, d, 0, false, 1);
        Operand k = operand(r, 1, 1, t, d, 0, false, 1);
        float[][] out = new float[2][t * d];
        float[] lse = new float[t];
        Runnable[] runs = new Runnable[2];
        for (int i = 0; i < 2; i++) {
            int n = i;
            runs[i] = () -> FlashAttention.forward(1, 1, t, t, d, 0.2f, q.heads, k.heads, k.heads,
                    Heads.contiguous(MemorySegment.ofArray(out[n]), 0, 1, t, d), MemorySegment.ofArray(lse), 0);
        }
        runs[0].run();
        Workers.each(2, (worker, task) -> {
            if (task == 0) {
                runs[1].run();
            }
        });
        assertArrayEquals(out[0], out[1]);
        float[][] g = new float[2][3 * t * d];
        for (int i = 0; i < 2; i++) {
            MemorySegment s = MemorySegment.ofArray(g[i]);
            FlashAttentionGradient.backward(1, 1, t, t, d, 0.2f, q.heads, k.heads, k.heads, Heads.contiguous(MemorySegment.ofArray(out[0]), 0, 1, t, d), q.heads,
                    MemorySegment.ofArray(lse), 0, Heads.contiguous(s, 0, 1, t, d), Heads.contiguous(s, t * d, 1, t, d), Heads.contiguous(s, 2 * t * d, 1, t, d));
        }
        assertArrayEquals(g[0], g[1]);
    }

    @Test
    void badArgumentsAreNamed() {
        MemorySegment x = MemorySegment.ofArray(new float[64]);
        Heads h = Heads.contiguous(x, 0, 1, 8, 8);
        Heads far = Heads.contiguous(x, 1, 1, 8, 8);
        assertTrue(assertThrows(IllegalArgumentException.class, () -> FlashAttention.forward(1, 1, 8, 8, 8, 1f, h, far, h, h, null, 0)).getMessage()
                .contains("k reaches element 64"));
        assertTrue(assertThrows(IllegalArgumentException.class, () -> FlashAttention.forward(1, 1, 8, 0, 8, 1f, h, h, h, h, null, 0)).getMessage()
                .contains("no keys"));
        assertThrows(IllegalArgumentException.class, () -> FlashAttention.forward(1, 1, 8, 8, 8, 1f, h, h, h, new Heads(x, 0, 0, 0, 4), null, 0));
        assertThrows(IllegalArgumentException.class, () -> AttentionF64.forward(1, 1, 8, 8, 8, 1, h, h, h, h, null, 0));
    }
}
