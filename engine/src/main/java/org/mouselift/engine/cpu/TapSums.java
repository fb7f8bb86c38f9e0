package org.mouselift.engine.cpu;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorSpecies;
import org.mouselift.engine.DType;

/**
 * Convolution of stride 1 with few result channels (a picture from features, or the gradient of a picture), and its input
 * gradient: {@code z[t, o] = sum over c of w[o, c, t] * x[c]} for all taps t at once, one matrix product per image that fills the
 * rows of the register tile and packs no pixel twice, and then {@code y[o, i, j] = bias[o] + sum over t of z[t, o, i + u_t, j + v_t]}.
 */
final class TapSums {
    private static final VectorSpecies<Float> S = VectorWidth.F32;
    private static final int L = VectorWidth.LANES;
    /** Result channels up to which the rows of a register tile would stay more than half empty. */
    private static final int MOST_RESULTS = 6;
    private static final int FEWEST_SOURCES = 16;

    private final long batch;
    private final int sources;
    private final int rows;
    private final int cols;
    private final int results;
    private final int resultRows;
    private final int resultCols;
    private final int[] u;
    private final int[] v;
    private final MemorySegment weights;

    private TapSums(long batch, int sources, int rows, int cols, int results, int resultRows, int resultCols, int[] u, int[] v, MemorySegment weights) {
        this.batch = batch;
        this.sources = sources;
        this.rows = rows;
        this.cols = cols;
        this.results = results;
        this.resultRows = resultRows;
        this.resultCols = resultCols;
        this.u = u;
        this.v = v;
        this.weights = weights;
    }

    /** Whether a convolution, or its input gradient, has the right numbers of channels. */
    static boolean suits(Conv2dShape s, boolean gradient) {
        int results = gradient ? s.inChannels() : s.outChannels();
        int sources = gradient ? s.outChannels() : s.inChannels();
        return s.taps() > 1 && s.strideH() == 1 && s.strideW() == 1 && results <= MOST_RESULTS && sources >= FEWEST_SOURCES;
    }

    static void forward(Conv2dShape s, MemorySegment x, long xOffset, MemorySegment w, DType wType, long wOffset, MemorySegment bias, long biasOffset,
            MemorySegment y, long yOffset) {
        int[] u = new int[s.taps()];
        int[] v = new int[s.taps()];
        for (int t = 0; t < s.taps(); t++) {
            u[t] = t / s.kernelWidth() - s.padTop();
            v[t] = t % s.kernelWidth() - s.padLeft();
        }
        int row = s.inChannels() * s.taps();
        float[] all = Scratch.local().floats(Scratch.CONV, (long) s.outChannels() * row);
        Panels.read(w, wType, wOffset, 1, s.outChannels() * row, all, 0, Scratch.local());
        new TapSums(s.batch(), s.inChannels(), s.height(), s.width(), s.outChannels(), s.outHeight(), s.outWidth(), u, v, byTap(all, s.outChannels(), s.inChannels(), s.taps()))
                .run(x, xOffset, bias, biasOffset, y, yOffset);
    }

    /** @param turned the weights as [Ci, Co * taps] */
    static void inputGradient(Conv2dShape s, MemorySegment dy, long dyOffset, float[] turned, MemorySegment dx, long dxOffset) {
        int[] u = new int[s.taps()];
        int[] v = new int[s.taps()];
        for (int t = 0; t < s.taps(); t++) {
            u[t] = s.padTop() - t / s.kernelWidth();
            v[t] = s.padLeft() - t % s.kernelWidth();
        }
        new TapSums(s.batch(), s.outChannels(), s.outHeight(), s.outWidth(), s.inChannels(), s.height(), s.width(), u, v,
                byTap(turned, s.inChannels(), s.outChannels(), s.taps())).run(dy, dyOffset, null, 0, dx, dxOffset);
    }

    /** [results, sources, taps] as [taps, results, sources]. */
    private static MemorySegment byTap(float[] w, int results, int sources, int taps) {
        float[] out = Scratch.local().floats(Scratch.CONV + 2, (long) results * sources * taps);
        for (int r = 0; r < results; r++) {
            for (int c = 0; c < sources; c++) {
                for (int t = 0; t < taps; t++) {
                    out[(t * results + r) * sources + c] = w[(r * sources + c) * taps + t];
                }
            }
        }
        return MemorySegment.ofArray(out);
    }

    private void run(MemorySegment x, long xOffset, MemorySegment bias, long biasOffset, MemorySegment y, long yOffset) {
        int plane = rows * cols;
        int lanes = u.length * results;
        if (batch >= Workers.count()) {
            Workers.split(batch, 1, (worker, begin, end) -> {
                float[] z = Scratch.local().floats(Scratch.CONV + 4, (long) lanes * plane + L);
                for (long n = begin; n < end; n++) {
                    products(n, x, xOffset, z);
                    for (int o = 0; o < results; o++) {
                        sum(n, o, z, bias, biasOffset, y, yOffset);
                    }
                }
            });
            return;
        }
        float[] z = Scratch.local().floats(Scratch.CONV + 4, (long) lanes * plane + L);
        for (long image = 0; image < batch; image++) {
            long n = image;
            products(n, x, xOffset, z);
            Workers.split(results, 1, (worker, begin, end) -> {
                for (long o = begin; o < end; o++) {
                    sum(n, (int) o, z, bias, biasOffset, y, yOffset);
                }
            });
        }
    }

    private void products(long image, MemorySegment x, long xOffset, float[] z) {
        long plane = (long) rows * cols;
        Gemm.multiply((long) u.length * results, plane, sources, Matrix.rowMajor(weights, 0, sources), Matrix.rowMajor(x, xOffset + image * sources * plane, plane),
                MemorySegment.ofArray(z), 0, plane);
    }

    private void sum(long image, int result, float[] z, MemorySegment bias, long biasOffset, MemorySegment y, long yOffset) {
        int n = resultRows * resultCols;
        float[] sum = Scratch.local().floats(Scratch.CONV + 5, n + L);
        Arrays.fill(sum, 0, n, bias == null ? 0f : bias.get(DType.LE_F32, (biasOffset + result) * 4));
        for (int t = 0; t < u.length; t++) {
            int from = (t * results + result) * rows * cols;
            int left = Math.max(0, -v[t]);
            int count = Math.min(resultCols, cols - v[t]) - left;
            int end = Math.min(resultRows, rows - u[t]);
            for (int i = Math.max(0, -u[t]); i < end && count > 0; i++) {
                add(z, from + (i + u[t]) * cols + left + v[t], sum, i * resultCols + left, count);
            }
        }
        MemorySegment.copy(sum, 0, y, DType.LE_F32, (yOffset + (image * results + result) * n) * 4, n);
    }

    private static void add(float[] x, int from, float[] y, int to, int n) {
        if (VectorWidth.SCALAR) {
            for (int i = 0; i < n; i++) {
                y[to + i] += x[from + i];
            }
            return;
        }
        int i = 0;
        for (; i + L <= n; i += L) {
            FloatVector.fromArray(S, y, to + i).add(FloatVector.fromArray(S, x, from + i)).intoArray(y, to + i);
        }
        if (i < n) {
            VectorMask<Float> rest = S.indexInRange(i, n);
            FloatVector.fromArray(S, y, to + i).add(FloatVector.fromArray(S, x, from + i)).intoArray(y, to + i, rest);
        }
    }
}
