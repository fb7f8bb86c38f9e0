package org.mouselift.engine.cpu;

import java.lang.foreign.MemorySegment;
import org.mouselift.engine.DType;

/**
 * Layer norm over contiguous rows [rows, n] in float32: {@code y = (x - mean) * rstd * w [+ b]} with
 * {@code rstd = 1 / sqrt(var + eps)} and the biased variance, and its gradient (GS-LRM specification §1.18):
 * {@code xh = (x - mean) rstd, h = dy w, dx = rstd (h - mean(h) - xh mean(h xh)), dw = sum(dy xh), db = sum(dy)}.
 * The sums over rows go through a fixed number of blocks, so the result does not depend on the number of threads.
 */
public final class LayerNormRows {
    private static final String KERNEL = "layer norm";
    private static final int ROW_BLOCKS = 64;

    private LayerNormRows() {
    }

    static long grain(long n) {
        return Math.max(1, 8192 / Math.max(1, n));
    }

    /**
     * @param b    bias [n], or null
     * @param mean receives the mean of each row, [rows]; null to leave out
     * @param rstd receives 1/sqrt(var + eps) of each row, [rows]; null to leave out
     */
    public static void forward(long rows, long n, double eps, MemorySegment x, long xOffset, MemorySegment w, long wOffset, MemorySegment b,
            long bOffset, MemorySegment y, long yOffset, MemorySegment mean, long meanOffset, MemorySegment rstd, long rstdOffset) {
        matrix("x", x, xOffset, rows, n);
        matrix("y", y, yOffset, rows, n);
        Bounds.writable(KERNEL, "y", y);
        Bounds.range(KERNEL, "w", w, DType.F32, wOffset, n);
        optional("b", b, bOffset, n);
        optional("mean", mean, meanOffset, rows);
        optional("rstd", rstd, rstdOffset, rows);
        int count = Math.toIntExact(n);
        Workers.split(rows, grain(n), (worker, begin, end) -> {
            Scratch s = Scratch.local();
            float[] row = s.floats(Scratch.BLOCK_0, RowSums.padded(count));
            float[] lanes = s.floats(Scratch.BLOCK_1, RowSums.LANES);
            float[] weight = load(s, Scratch.BLOCK_2, w, wOffset, count);
            float[] bias = b == null ? null : load(s, Scratch.BLOCK_3, b, bOffset, count);
            for (long r = begin; r < end; r++) {
                MemorySegment.copy(x, DType.LE_F32, (xOffset + r * n) * 4, row, 0, count);
                RowSums.pad(row, 0, count);
                float mu = (float) (RowSums.sum(row, 0, count, lanes) / n);
                centre(row, count, mu);
                float scale = (float) (1 / Math.sqrt(RowSums.dot(row, 0, row, 0, count, lanes) / n + eps));
                if (bias == null) {
                    affine(row, count, scale, weight);
                } else {
                    affine(row, count, scale, weight, bias);
                }
                MemorySegment.copy(row, 0, y, DType.LE_F32, (yOffset + r * n) * 4, count);
                if (mean != null) {
                    mean.set(DType.LE_F32, (meanOffset + r) * 4, mu);
                }
                if (rstd != null) {
                    rstd.set(DType.LE_F32, (rstdOffset + r) * 4, scale);
                }
            }
        });
    }

    private static float[] load(Scratch s, int slot, MemorySegment x, long offset, int n) {
        float[] a = s.floats(slot, RowSums.padded(n));
        MemorySegment.copy(x, DType.LE_F32, offset * 4, a, 0, n);
        RowSums.pad(a, 0, n);
        return a;
    }

    private static void centre(float[] x, int n, float mean) {
        for (int i = 0; i < n; i++) {
            x[i] -= mean;
        }
    }

    private static void affine(float[] x, int n, float scale, float[] w) {
        for (int i = 0; i < n; i++) {
            x[i] = x[i] * scale * w[i];
        }
    }

    private static void affine(float[] x, int n, float scale, float[] w, float[] b) {
        for (int i = 0; i < n; i++) {
            x[i] = x[i] * scale * w[i] + b[i];
        }
    }

    /**
     * Gradients, overwritten: dx [rows, n], dw [n], db [n] (null without a bias).
     *
     * @param mean, rstd statistics saved by {@link #forward}
     */
    public static void backward(long rows, long n, MemorySegment x, long xOffset, MemorySegment w, long wOffset, MemorySegment mean, long meanOffset,
            MemorySegment rstd, long rstdOffset, MemorySegment dy, long dyOffset, MemorySegment dx, long dxOffset, MemorySegment dw, long dwOffset,
            MemorySegment db, long dbOffset) {
        matrix("x", x, xOffset, rows, n);
        matrix("dy", dy, dyOffset, rows, n);
        matrix("dx", dx, dxOffset, rows, n);
        Bounds.range(KERNEL, "w", w, DType.F32, wOffset, n);
        Bounds.range(KERNEL, "mean", mean, DType.F32, meanOffset, rows);
        Bounds.range(KERNEL, "rstd", rstd, DType.F32, rstdOffset, rows);
        Bounds.range(KERNEL, "dw", dw, DType.F32, dwOffset, n);
        optional("db", db, dbOffset, n);
        int count = Math.toIntExact(n);
        int padded = RowSums.padded(count);
        long blockRows = Math.max(16, Math.ceilDiv(rows, ROW_BLOCKS));
        int blocks = Math.toIntExact(Math.ceilDiv(rows, blockRows));
        float[] partial = Scratch.local().floats(Scratch.ROWS, 2L * padded * Math.max(1, blocks));
        java.util.Arrays.fill(partial, 0, 2 * padded * blocks, 0f);
        Workers.split(blocks, 1, (worker, begin, end) -> {
            Scratch s = Scratch.local();
            float[] xh = s.floats(Scratch.BLOCK_0, padded);
            float[] g = s.floats(Scratch.BLOCK_1, padded);
            float[] h = s.floats(Scratch.TILE, padded);
            float[] lanes = s.floats(Scratch.BLOCK_2, RowSums.LANES);
            float[] weight = load(s, Scratch.BLOCK_3, w, wOffset, count);
            for (long block = begin; block < end; block++) {
                int dwAt = (int) block * 2 * padded;
                for (long r = block * blockRows; r < Math.min(rows, (block + 1) * blockRows); r++) {
                    MemorySegment.copy(x, DType.LE_F32, (xOffset + r * n) * 4, xh, 0, count);
                    MemorySegment.copy(dy, DType.LE_F32, (dyOffset + r * n) * 4, g, 0, count);
                    RowSums.pad(g, 0, count);
                    float scale = rstd.get(DType.LE_F32, (rstdOffset + r) * 4);
                    normalise(xh, count, mean.get(DType.LE_F32, (meanOffset + r) * 4), scale);
                    RowSums.pad(xh, 0, count);
                    accumulate(g, xh, weight, h, partial, dwAt, padded);
                    float meanH = (float) (RowSums.sum(h, 0, count, lanes) / n);
                    float meanHx = (float) (RowSums.dot(h, 0, xh, 0, count, lanes) / n);
                    combine(h, xh, count, scale, meanH, meanHx);
                    MemorySegment.copy(h, 0, dx, DType.LE_F32, (dxOffset + r * n) * 4, count);
                }
            }
        });
        for (int i = 0; i < count; i++) {
            double weightSum = 0;
            double biasSum = 0;
            for (int block = 0; block < blocks; block++) {
                weightSum += partial[block * 2 * padded + i];
                biasSum += partial[(block * 2 + 1) * padded + i];
            }
            dw.set(DType.LE_F32, (dwOffset + i) * 4, (float) weightSum);
            if (db != null) {
                db.set(DType.LE_F32, (dbOffset + i) * 4, (float) biasSum);
            }
        }
    }

    private static void normalise(float[] x, int n, float mean, float scale) {
        for (int i = 0; i < n; i++) {
            x[i] = (x[i] - mean) * scale;
        }
    }

    private static void accumulate(float[] g, float[] xh, float[] w, float[] h, float[] partial, int at, int padded) {
        for (int i = 0; i < padded; i++) {
            partial[at + i] += g[i] * xh[i];
        }
        for (int i = 0; i < padded; i++) {
            partial[at + padded + i] += g[i];
        }
        for (int i = 0; i < padded; i++) {
            h[i] = g[i] * w[i];
        }
    }

    private static void combine(float[] h, float[] xh, int n, float scale, float meanH, float meanHx) {
        for (int i = 0; i < n; i++) {
            h[i] = scale * (h[i] - meanH - xh[i] * meanHx);
        }
    }

    private static void matrix(String name, MemorySegment x, long offset, long rows, long n) {
        Bounds.size(KERNEL, "rows", rows, 0);
        Bounds.size(KERNEL, "row length", n, 1);
        Bounds.strided(KERNEL, name, x, DType.F32, offset, rows, n, n, 1);
    }

    private static void optional(String name, MemorySegment x, long offset, long n) {
        if (x != null) {
            Bounds.range(KERNEL, name, x, DType.F32, offset, n);
        }
    }
}
