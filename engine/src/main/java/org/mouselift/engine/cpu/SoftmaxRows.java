package org.mouselift.engine.cpu;

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
        int count = Math.toIntExact(n);
        Workers.split(rows, LayerNormRows.grain(n), (worker, begin, end) -> {
            Scratch s = Scratch.local();
            float[] row = s.floats(Scratch.BLOCK_0, RowSums.padded(count));
            float[] lanes = s.floats(Scratch.BLOCK_1, RowSums.LANES);
            for (long r = begin; r < end; r++) {
                MemorySegment.copy(x, DType.LE_F32, (xOffset + r * xRow) * 4, row, 0, count);
                softmax(row, count, lanes);
                MemorySegment.copy(row, 0, y, DType.LE_F32, (yOffset + r * yRow) * 4, count);
            }
        });
    }

    /** Softmax of {@code row[0, n)} in place; the array reaches to whole vectors. */
    static void softmax(float[] row, int n, float[] lanes) {
        float max = RowSums.max(row, 0, n);
        for (int i = 0; i < n; i++) {
            row[i] -= max;
        }
        MathBlocks.exp(row, 0, n);
        RowSums.pad(row, 0, n);
        float inverse = (float) (1 / RowSums.sum(row, 0, n, lanes));
        for (int i = 0; i < n; i++) {
            row[i] *= inverse;
        }
    }

    /** float32 gradient from the forward result y. */
    public static void backward(long rows, long n, MemorySegment y, long yOffset, long yRow, MemorySegment dy, long dyOffset, long dyRow,
            MemorySegment dx, long dxOffset, long dxRow) {
        check(DType.F32, rows, n, y, yOffset, yRow, "y");
        check(DType.F32, rows, n, dy, dyOffset, dyRow, "dy");
        check(DType.F32, rows, n, dx, dxOffset, dxRow, "dx");
        Bounds.writable(KERNEL, "dx", dx);
        int count = Math.toIntExact(n);
        Workers.split(rows, LayerNormRows.grain(n), (worker, begin, end) -> {
            Scratch s = Scratch.local();
            float[] p = s.floats(Scratch.BLOCK_0, RowSums.padded(count));
            float[] g = s.floats(Scratch.BLOCK_1, RowSums.padded(count));
            float[] lanes = s.floats(Scratch.BLOCK_2, RowSums.LANES);
            for (long r = begin; r < end; r++) {
                MemorySegment.copy(y, DType.LE_F32, (yOffset + r * yRow) * 4, p, 0, count);
                MemorySegment.copy(dy, DType.LE_F32, (dyOffset + r * dyRow) * 4, g, 0, count);
                RowSums.pad(p, 0, count);
                RowSums.pad(g, 0, count);
                float dot = (float) RowSums.dot(p, 0, g, 0, count, lanes);
                for (int i = 0; i < count; i++) {
                    p[i] *= g[i] - dot;
                }
                MemorySegment.copy(p, 0, dx, DType.LE_F32, (dxOffset + r * dxRow) * 4, count);
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
