package org.mouselift.engine.cpu;

import java.util.Arrays;
import org.mouselift.engine.Shape;
import org.mouselift.engine.Tensor;

/**
 * Visits several equally shaped operands with their own strides as a sequence of rows: adjacent axes that are contiguous
 * for all operands are merged, the last merged axis is the row. Rows are visited in row-major order.
 */
final class StridedLoop {
    /** One row: offsets of its first element per operand, in elements. */
    @FunctionalInterface
    interface Row {
        void run(long[] offsets, long length);
    }

    private final long[] dims;
    private final long[][] strides;
    private final long[] base;
    private final int rank;

    /** Operands as tensors; each is broadcast (stride 0) to the shape, aligned at the last axis. */
    StridedLoop(Shape shape, Tensor... operands) {
        int full = shape.rank();
        long[] d = shape.dims();
        long[][] s = new long[operands.length][full];
        base = new long[operands.length];
        for (int o = 0; o < operands.length; o++) {
            Tensor t = operands[o];
            base[o] = t.offset();
            int lead = full - t.rank();
            for (int a = 0; a < t.rank(); a++) {
                s[o][lead + a] = t.dim(a) == 1 && d[lead + a] != 1 ? 0 : t.stride(a);
            }
        }
        long[] md = new long[Math.max(1, full)];
        long[][] ms = new long[operands.length][Math.max(1, full)];
        int n = 0;
        for (int a = 0; a < full; a++) {
            if (d[a] == 1) {
                continue;
            }
            if (n > 0 && mergeable(s, ms, n - 1, a, d[a])) {
                md[n - 1] *= d[a];
                for (int o = 0; o < operands.length; o++) {
                    ms[o][n - 1] = s[o][a];
                }
            } else {
                md[n] = d[a];
                for (int o = 0; o < operands.length; o++) {
                    ms[o][n] = s[o][a];
                }
                n++;
            }
        }
        if (n == 0) {
            md[0] = 1;
            n = 1;
        }
        rank = n;
        dims = Arrays.copyOf(md, n);
        strides = new long[operands.length][];
        for (int o = 0; o < operands.length; o++) {
            strides[o] = Arrays.copyOf(ms[o], n);
        }
    }

    private static boolean mergeable(long[][] s, long[][] merged, int last, int axis, long size) {
        for (int o = 0; o < s.length; o++) {
            if (merged[o][last] != s[o][axis] * size) {
                return false;
            }
        }
        return true;
    }

    /** Stride of an operand inside a row. */
    long rowStride(int operand) {
        return strides[operand][rank - 1];
    }

    long rowLength() {
        return dims[rank - 1];
    }

    long rows() {
        long n = 1;
        for (int a = 0; a < rank - 1; a++) {
            n *= dims[a];
        }
        return n;
    }

    /**
     * Runs all rows in parallel. A loop of a single row is split inside the row, so that {@code length} may be shorter than
     * {@link #rowLength()}.
     */
    void parallel(Row body) {
        long rows = rows();
        long length = rowLength();
        if (rows == 0 || length == 0) {
            return;
        }
        if (rows == 1) {
            Workers.split(length, 1 << 14, (w, begin, end) -> {
                long[] at = new long[base.length];
                for (int o = 0; o < at.length; o++) {
                    at[o] = base[o] + begin * rowStride(o);
                }
                body.run(at, end - begin);
            });
        } else {
            Workers.split(rows, Math.max(1, (1 << 14) / length), (w, begin, end) -> visit(begin, end, body));
        }
    }

    private void visit(long begin, long end, Row body) {
        long[] index = new long[rank];
        long[] at = base.clone();
        long rest = begin;
        for (int a = rank - 2; a >= 0; a--) {
            index[a] = rest % dims[a];
            rest /= dims[a];
            for (int o = 0; o < at.length; o++) {
                at[o] += index[a] * strides[o][a];
            }
        }
        for (long row = begin; row < end; row++) {
            body.run(at, dims[rank - 1]);
            for (int a = rank - 2; a >= 0; a--) {
                for (int o = 0; o < at.length; o++) {
                    at[o] += strides[o][a];
                }
                if (++index[a] < dims[a]) {
                    break;
                }
                for (int o = 0; o < at.length; o++) {
                    at[o] -= strides[o][a] * dims[a];
                }
                index[a] = 0;
            }
        }
    }
}
