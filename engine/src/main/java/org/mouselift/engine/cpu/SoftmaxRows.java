package org.mouselift.engine.cpu;

import static org.mouselift.engine.op.Binary.Kind.MUL;

import java.lang.foreign.MemorySegment;
import org.mouselift.engine.DType;

/**
 * Softmax over the rows of a matrix, {@code y = exp(x - max) / sum(exp(x - max))}, and its gradient
 * {@code dx = y * (dy - sum(y * dy))}. Rows have unit stride inside and any stride between them; in and out may coincide.
 */
public final class SoftmaxRows {
    private static final String KERNEL = "softmax";

    private SoftmaxRows() {
    }

    /** float32; {@code n} at least 1 where there are rows. */
    public static void forward(long rows, long n, MemorySegment x, long xOffset, long xRow, MemorySegment y, long yOffset, long yRow) {
        check(DType.F32, rows, n, x, xOffset, xRow, "x");
        check(DType.F32, rows, n, y, yOffset, yRow, "y");
        Bounds.writable(KERNEL, "y", y);
        int bytes = Math.toIntExact(Math.multiplyExact(n, 4));
        Workers.split(rows, LayerNormRows.grain(n), (worker, begin, end) -> {
            float[] lanes = Scratch.local().floats(Scratch.BLOCK_0, RowSums.LANES);
            for (long r = begin; r < end; r++) {
                MemorySegment to = y.asSlice((yOffset + r * yRow) * 4, bytes);
                double sum = exponentials(x.asSlice((xOffset + r * xRow) * 4, bytes), to, bytes, lanes)[1];
                FloatRows.applyRight(MUL, to, 0, (float) (1 / sum), to, 0, n);
            }
        });
    }

    /** float32: {@code y = x - max - log(sum(exp(x - max)))}. */
    static void logarithm(long rows, long n, MemorySegment x, long xOffset, MemorySegment y, long yOffset) {
        int bytes = Math.toIntExact(Math.multiplyExact(n, 4));
        Workers.split(rows, LayerNormRows.grain(n), (worker, begin, end) -> {
            Scratch s = Scratch.local();
            float[] lanes = s.floats(Scratch.BLOCK_0, RowSums.LANES);
            MemorySegment powers = s.memory(Scratch.BLOCK_0, bytes).asSlice(0, bytes);
            for (long r = begin; r < end; r++) {
                double[] maxAndSum = exponentials(x.asSlice((xOffset + r * n) * 4, bytes), powers, bytes, lanes);
                double log = Math.log(maxAndSum[1]);
                for (long i = r * n; i < (r + 1) * n; i++) {
                    y.set(DType.LE_F32, (yOffset + i) * 4, (float) (x.get(DType.LE_F32, (xOffset + i) * 4) - maxAndSum[0] - log));
                }
            }
        });
    }

    /**
     * {@code y = exp(x - max)} of a row; returns max and the sum of y. A row whose largest element is not finite (it holds a
     * NaN or an infinity, or is -infinity everywhere) becomes NaN.
     */
    private static double[] exponentials(MemorySegment x, MemorySegment y, int bytes, float[] lanes) {
        float max = RowSums.max(x, bytes);
        if (!Float.isFinite(max)) {
            FloatRows.fill(Float.NaN, y, 0, bytes / 4);
            return new double[] {max, Double.NaN};
        }
        double sum = 0;
        if (VectorWidth.SCALAR) {
            for (int i = 0; i < bytes; i += 4) {
                float e = (float) Math.exp(x.get(DType.LE_F32, i) - max);
                y.set(DType.LE_F32, i, e);
                sum += e;
            }
            return new double[] {max, sum};
        }
        int whole = bytes - bytes % (4 * VectorWidth.LANES);
        if (whole > 0) {
            MathRanges.expBelow(x, y, whole, max, lanes);
            sum = RowSums.across(lanes, 0);
        }
        if (whole < bytes) {
            MemorySegment edge = Scratch.local().edge(0);
            FloatRows.fill(Float.NEGATIVE_INFINITY, edge, 0, VectorWidth.LANES);
            MemorySegment.copy(x, whole, edge, 0, bytes - whole);
            MathRanges.expBelow(edge, edge, 4 * VectorWidth.LANES, max, lanes);
            MemorySegment.copy(edge, 0, y, whole, bytes - whole);
            sum += RowSums.across(lanes, 0);
        }
        return new double[] {max, sum};
    }

    /** float32 gradient from the forward result y. */
    public static void backward(long rows, long n, MemorySegment y, long yOffset, long yRow, MemorySegment dy, long dyOffset, long dyRow,
            MemorySegment dx, long dxOffset, long dxRow) {
        check(DType.F32, rows, n, y, yOffset, yRow, "y");
        check(DType.F32, rows, n, dy, dyOffset, dyRow, "dy");
        check(DType.F32, rows, n, dx, dxOffset, dxRow, "dx");
        Bounds.writable(KERNEL, "dx", dx);
        int bytes = Math.toIntExact(Math.multiplyExact(n, 4));
        Workers.split(rows, LayerNormRows.grain(n), (worker, begin, end) -> {
            float[] lanes = Scratch.local().floats(Scratch.BLOCK_0, RowSums.LANES);
            for (long r = begin; r < end; r++) {
                MemorySegment p = y.asSlice((yOffset + r * yRow) * 4, bytes);
                MemorySegment g = dy.asSlice((dyOffset + r * dyRow) * 4, bytes);
                float dot = (float) RowSums.dot(p, g, bytes, lanes);
                FloatRows.shiftedProduct(p, g, -dot, dx.asSlice((dxOffset + r * dxRow) * 4, bytes), (int) n);
            }
        });
    }

    /** float64 forward. */
    public static void forwardF64(long rows, long n, MemorySegment x, long xOffset, long xRow, MemorySegment y, long yOffset, long yRow) {
        check(DType.F64, rows, n, x, xOffset, xRow, "x");
        check(DType.F64, rows, n, y, yOffset, yRow, "y");
        Workers.split(rows, LayerNormRows.grain(n), (worker, begin, end) -> {
            for (long r = begin; r < end; r++) {
                double max = Double.NEGATIVE_INFINITY;
                for (long i = 0; i < n; i++) {
                    max = Math.max(max, x.get(DType.LE_F64, (xOffset + r * xRow + i) * 8));
                }
                double sum = 0;
                for (long i = 0; i < n; i++) {
                    double e = Math.exp(x.get(DType.LE_F64, (xOffset + r * xRow + i) * 8) - max);
                    y.set(DType.LE_F64, (yOffset + r * yRow + i) * 8, e);
                    sum += e;
                }
                for (long i = 0; i < n; i++) {
                    long at = (yOffset + r * yRow + i) * 8;
                    y.set(DType.LE_F64, at, y.get(DType.LE_F64, at) / sum);
                }
            }
        });
    }

    /** float64 gradient. */
    public static void backwardF64(long rows, long n, MemorySegment y, long yOffset, long yRow, MemorySegment dy, long dyOffset, long dyRow,
            MemorySegment dx, long dxOffset, long dxRow) {
        check(DType.F64, rows, n, y, yOffset, yRow, "y");
        check(DType.F64, rows, n, dy, dyOffset, dyRow, "dy");
        check(DType.F64, rows, n, dx, dxOffset, dxRow, "dx");
        Workers.split(rows, LayerNormRows.grain(n), (worker, begin, end) -> {
            for (long r = begin; r < end; r++) {
                double dot = 0;
                for (long i = 0; i < n; i++) {
                    dot += y.get(DType.LE_F64, (yOffset + r * yRow + i) * 8) * dy.get(DType.LE_F64, (dyOffset + r * dyRow + i) * 8);
                }
                for (long i = 0; i < n; i++) {
                    double p = y.get(DType.LE_F64, (yOffset + r * yRow + i) * 8);
                    dx.set(DType.LE_F64, (dxOffset + r * dxRow + i) * 8, p * (dy.get(DType.LE_F64, (dyOffset + r * dyRow + i) * 8) - dot));
                }
            }
        });
    }

    private static void check(DType type, long rows, long n, MemorySegment x, long offset, long stride, String name) {
        Bounds.size(KERNEL, "rows", rows, 0);
        Bounds.size(KERNEL, "row length", n, 1);
        Bounds.strided(KERNEL, name, x, type, offset, rows, stride, n, 1);
    }
}
