package org.mouselift.engine.cpu;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorSpecies;
import org.mouselift.engine.DType;

/**
 * Layer norm over contiguous rows [rows, n] in float32: {@code y = (x - mean) * rstd * w [+ b]} with
 * {@code rstd = 1 / sqrt(var + eps)} and the biased variance, and its gradient (GS-LRM specification §1.18):
 * {@code xh = (x - mean) rstd, h = dy w, dx = rstd (h - mean(h) - xh mean(h xh)), dw = sum(dy xh), db = sum(dy)}.
 * A row is read from memory once; its other passes (three forward, two backward) find it in the first cache level. The
 * sums over rows go through a fixed number of blocks, so the result does not depend on the number of threads. Reference:
 * {@link NormF64}.
 */
public final class LayerNormRows {
    private static final String KERNEL = "layer norm";
    private static final VectorSpecies<Float> S = VectorWidth.F32;
    private static final int STEP = 4 * VectorWidth.LANES;
    private static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;
    private static final int ROW_BLOCKS = 64;
    private static final int FEWEST_ROWS = 32;
    /** Elements of the rows that are handled at once, whose byte offsets are ints. */
    private static final long PIECE = 1 << 26;

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
        int bytes = Math.toIntExact(Math.multiplyExact(n, 4));
        MemorySegment weight = w.asSlice(wOffset * 4, bytes);
        MemorySegment bias = b == null ? null : b.asSlice(bOffset * 4, bytes);
        Workers.split(rows, grain(n), (worker, begin, end) -> {
            float[] lanes = Scratch.local().floats(Scratch.BLOCK_0, RowSums.LANES);
            long most = Math.max(1, PIECE / n);
            for (long r = begin; r < end; r += most) {
                int count = (int) Math.min(most, end - r);
                MemorySegment from = x.asSlice((xOffset + r * n) * 4, count * n * 4);
                MemorySegment to = y.asSlice((yOffset + r * n) * 4, count * n * 4);
                MemorySegment m = mean == null ? null : mean.asSlice((meanOffset + r) * 4, count * 4L);
                MemorySegment d = rstd == null ? null : rstd.asSlice((rstdOffset + r) * 4, count * 4L);
                if (VectorWidth.SCALAR) {
                    forwardScalar(from, to, count, (int) n, eps, weight, bias, m, d);
                } else {
                    forwardRows(from, to, count, bytes, eps, weight, bias, m, d, lanes);
                }
            }
        });
    }

    private static FloatVector load(MemorySegment x, int at) {
        return FloatVector.fromMemorySegment(S, x, at, LE);
    }

    /** The elements of the last vector of a row that are there; zeros behind them. */
    private static FloatVector load(MemorySegment x, int at, VectorMask<Float> rest) {
        return FloatVector.fromMemorySegment(S, x, at, LE, rest);
    }

    private static void forwardRows(MemorySegment x, MemorySegment y, int rows, int bytes, double eps, MemorySegment w, MemorySegment b,
            MemorySegment mean, MemorySegment rstd, float[] lanes) {
        int n = bytes / 4;
        int whole = bytes - bytes % STEP;
        VectorMask<Float> rest = S.indexInRange(0, n - whole / 4);
        for (int r = 0; r < rows; r++) {
            int at = r * bytes;
            int end = at + whole;
            FloatVector s0 = FloatVector.zero(S);
            FloatVector s1 = s0;
            FloatVector s2 = s0;
            FloatVector s3 = s0;
            int i = at;
            for (; i <= end - 4 * STEP; i += 4 * STEP) {
                s0 = s0.add(load(x, i));
                s1 = s1.add(load(x, i + STEP));
                s2 = s2.add(load(x, i + 2 * STEP));
                s3 = s3.add(load(x, i + 3 * STEP));
            }
            for (; i < end; i += STEP) {
                s0 = s0.add(load(x, i));
            }
            if (whole < bytes) {
                s1 = s1.add(load(x, end, rest));
            }
            s0.add(s1).add(s2.add(s3)).intoArray(lanes, 0);
            float mu = (float) (RowSums.across(lanes, 0) / n);
            s0 = FloatVector.zero(S);
            s1 = s0;
            s2 = s0;
            s3 = s0;
            for (i = at; i <= end - 4 * STEP; i += 4 * STEP) {
                FloatVector d0 = load(x, i).sub(mu);
                FloatVector d1 = load(x, i + STEP).sub(mu);
                FloatVector d2 = load(x, i + 2 * STEP).sub(mu);
                FloatVector d3 = load(x, i + 3 * STEP).sub(mu);
                s0 = d0.fma(d0, s0);
                s1 = d1.fma(d1, s1);
                s2 = d2.fma(d2, s2);
                s3 = d3.fma(d3, s3);
            }
            for (; i < end; i += STEP) {
                FloatVector d = load(x, i).sub(mu);
                s0 = d.fma(d, s0);
            }
            if (whole < bytes) {
                FloatVector d = load(x, end, rest).sub(mu, rest);
                s1 = d.fma(d, s1);
            }
            s0.add(s1).add(s2.add(s3)).intoArray(lanes, 0);
            float scale = (float) (1 / Math.sqrt(RowSums.across(lanes, 0) / n + eps));
            if (b == null) {
                for (i = at; i < end; i += STEP) {
                    load(x, i).sub(mu).mul(scale).mul(load(w, i - at)).intoMemorySegment(y, i, LE);
                }
                if (whole < bytes) {
                    load(x, end, rest).sub(mu).mul(scale).mul(load(w, whole, rest)).intoMemorySegment(y, end, LE, rest);
                }
            } else {
                for (i = at; i < end; i += STEP) {
                    load(x, i).sub(mu).mul(scale).fma(load(w, i - at), load(b, i - at)).intoMemorySegment(y, i, LE);
                }
                if (whole < bytes) {
                    load(x, end, rest).sub(mu).mul(scale).fma(load(w, whole, rest), load(b, whole, rest)).intoMemorySegment(y, end, LE, rest);
                }
            }
            if (mean != null) {
                mean.set(DType.LE_F32, r * 4L, mu);
            }
            if (rstd != null) {
                rstd.set(DType.LE_F32, r * 4L, scale);
            }
        }
    }

    private static float get(MemorySegment x, long index) {
        return x.get(DType.LE_F32, index * 4);
    }

    private static void forwardScalar(MemorySegment x, MemorySegment y, int rows, int n, double eps, MemorySegment w, MemorySegment b,
            MemorySegment mean, MemorySegment rstd) {
        for (int r = 0; r < rows; r++) {
            long at = (long) r * n;
            double sum = 0;
            for (int i = 0; i < n; i++) {
                sum += get(x, at + i);
            }
            float mu = (float) (sum / n);
            double squares = 0;
            for (int i = 0; i < n; i++) {
                double d = get(x, at + i) - mu;
                squares += d * d;
            }
            float scale = (float) (1 / Math.sqrt(squares / n + eps));
            for (int i = 0; i < n; i++) {
                y.set(DType.LE_F32, (at + i) * 4, (get(x, at + i) - mu) * scale * get(w, i) + (b == null ? 0 : get(b, i)));
            }
            if (mean != null) {
                mean.set(DType.LE_F32, r * 4L, mu);
            }
            if (rstd != null) {
                rstd.set(DType.LE_F32, r * 4L, scale);
            }
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
        Bounds.writable(KERNEL, "dx", dx);
        Bounds.range(KERNEL, "w", w, DType.F32, wOffset, n);
        Bounds.range(KERNEL, "mean", mean, DType.F32, meanOffset, rows);
        Bounds.range(KERNEL, "rstd", rstd, DType.F32, rstdOffset, rows);
        Bounds.range(KERNEL, "dw", dw, DType.F32, dwOffset, n);
        optional("db", db, dbOffset, n);
        int bytes = Math.toIntExact(Math.multiplyExact(n, 4));
        MemorySegment weight = w.asSlice(wOffset * 4, bytes);
        long blockRows = Math.max(FEWEST_ROWS, Math.ceilDiv(rows, ROW_BLOCKS));
        int blocks = Math.toIntExact(Math.ceilDiv(rows, blockRows));
        // per block the sums of dw, then those of db, each from the start of a cache line on
        long stride = Math.ceilDiv(bytes, 64) * 64L;
        MemorySegment sums = Scratch.local().memory(Scratch.ROWS, 2 * stride * Math.max(1, blocks));
        Workers.split(blocks, 1, (worker, begin, end) -> {
            float[] lanes = Scratch.local().floats(Scratch.BLOCK_0, RowSums.LANES);
            long most = Math.max(1, PIECE / n);
            for (long block = begin; block < end; block++) {
                MemorySegment part = sums.asSlice(2 * stride * block, 2 * stride).fill((byte) 0);
                long last = Math.min(rows, (block + 1) * blockRows);
                for (long r = block * blockRows; r < last; r += most) {
                    int count = (int) Math.min(most, last - r);
                    MemorySegment from = x.asSlice((xOffset + r * n) * 4, count * n * 4);
                    MemorySegment g = dy.asSlice((dyOffset + r * n) * 4, count * n * 4);
                    MemorySegment to = dx.asSlice((dxOffset + r * n) * 4, count * n * 4);
                    MemorySegment m = mean.asSlice((meanOffset + r) * 4, count * 4L);
                    MemorySegment d = rstd.asSlice((rstdOffset + r) * 4, count * 4L);
                    MemorySegment partW = part.asSlice(0, bytes);
                    MemorySegment partB = part.asSlice(stride, bytes);
                    if (VectorWidth.SCALAR) {
                        backwardScalar(from, g, to, count, (int) n, weight, m, d, partW, partB);
                    } else {
                        backwardRows(from, g, to, count, bytes, weight, m, d, partW, partB, lanes);
                    }
                }
            }
        });
        addBlocks(sums, blocks, 2 * stride, 0, n, dw, dwOffset);
        if (db != null) {
            addBlocks(sums, blocks, 2 * stride, stride, n, db, dbOffset);
        }
    }

    private static void backwardRows(MemorySegment x, MemorySegment dy, MemorySegment dx, int rows, int bytes, MemorySegment w, MemorySegment mean,
            MemorySegment rstd, MemorySegment partW, MemorySegment partB, float[] lanes) {
        int n = bytes / 4;
        int whole = bytes - bytes % STEP;
        VectorMask<Float> rest = S.indexInRange(0, n - whole / 4);
        for (int r = 0; r < rows; r++) {
            int at = r * bytes;
            int end = at + whole;
            float mu = get(mean, r);
            float scale = get(rstd, r);
            FloatVector sumH = FloatVector.zero(S);
            FloatVector sumHx = sumH;
            for (int i = at; i < end; i += STEP) {
                FloatVector xh = load(x, i).sub(mu).mul(scale);
                FloatVector g = load(dy, i);
                FloatVector h = g.mul(load(w, i - at));
                sumH = sumH.add(h);
                sumHx = h.fma(xh, sumHx);
                g.fma(xh, load(partW, i - at)).intoMemorySegment(partW, i - at, LE);
                g.add(load(partB, i - at)).intoMemorySegment(partB, i - at, LE);
            }
            if (whole < bytes) {
                FloatVector xh = load(x, end, rest).sub(mu).mul(scale);
                FloatVector g = load(dy, end, rest);
                FloatVector h = g.mul(load(w, whole, rest));
                sumH = sumH.add(h);
                sumHx = h.fma(xh, sumHx);
                g.fma(xh, load(partW, whole, rest)).intoMemorySegment(partW, whole, LE, rest);
                g.add(load(partB, whole, rest)).intoMemorySegment(partB, whole, LE, rest);
            }
            sumH.intoArray(lanes, 0);
            float meanH = (float) (RowSums.across(lanes, 0) / n);
            sumHx.intoArray(lanes, 0);
            float meanHx = (float) (RowSums.across(lanes, 0) / n);
            for (int i = at; i < end; i += STEP) {
                FloatVector xh = load(x, i).sub(mu).mul(scale);
                FloatVector h = load(dy, i).mul(load(w, i - at)).sub(meanH);
                xh.fma(FloatVector.broadcast(S, -meanHx), h).mul(scale).intoMemorySegment(dx, i, LE);
            }
            if (whole < bytes) {
                FloatVector xh = load(x, end, rest).sub(mu).mul(scale);
                FloatVector h = load(dy, end, rest).mul(load(w, whole, rest)).sub(meanH);
                xh.fma(FloatVector.broadcast(S, -meanHx), h).mul(scale).intoMemorySegment(dx, end, LE, rest);
            }
        }
    }

    private static void backwardScalar(MemorySegment x, MemorySegment dy, MemorySegment dx, int rows, int n, MemorySegment w, MemorySegment mean,
            MemorySegment rstd, MemorySegment partW, MemorySegment partB) {
        for (int r = 0; r < rows; r++) {
            long at = (long) r * n;
            float mu = get(mean, r);
            float scale = get(rstd, r);
            double sumH = 0;
            double sumHx = 0;
            for (int i = 0; i < n; i++) {
                float xh = (get(x, at + i) - mu) * scale;
                float g = get(dy, at + i);
                sumH += g * get(w, i);
                sumHx += (double) g * get(w, i) * xh;
                partW.set(DType.LE_F32, i * 4L, get(partW, i) + g * xh);
                partB.set(DType.LE_F32, i * 4L, get(partB, i) + g);
            }
            float meanH = (float) (sumH / n);
            float meanHx = (float) (sumHx / n);
            for (int i = 0; i < n; i++) {
                float xh = (get(x, at + i) - mu) * scale;
                dx.set(DType.LE_F32, (at + i) * 4, scale * (get(dy, at + i) * get(w, i) - meanH - xh * meanHx));
            }
        }
    }

    /** {@code to[i]} = the sum over blocks, in double and in their order. */
    private static void addBlocks(MemorySegment sums, int blocks, long stride, long from, long n, MemorySegment to, long toOffset) {
        double[] total = new double[(int) n];
        for (int block = 0; block < blocks; block++) {
            MemorySegment part = sums.asSlice(stride * block + from, n * 4);
            for (int i = 0; i < total.length; i++) {
                total[i] += part.get(DType.LE_F32, i * 4L);
            }
        }
        for (int i = 0; i < total.length; i++) {
            to.set(DType.LE_F32, (toOffset + i) * 4, (float) total[i]);
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
