package org.mouselift.engine.cpu;

import java.lang.foreign.MemorySegment;
import java.util.List;
import org.mouselift.engine.DType;
import org.mouselift.engine.Elements;
import org.mouselift.engine.Kernel;
import org.mouselift.engine.Shape;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.TensorSpec;
import org.mouselift.engine.op.Binary;
import org.mouselift.engine.op.Reduce;

/**
 * Reductions over any axes. Every result element is computed by one worker in a fixed order with double accumulators,
 * so the result does not depend on the number of threads; a full reduction of a large tensor is cut into fixed blocks.
 */
final class ReduceKernel implements Kernel<Reduce> {
    private static final long BLOCK = 1 << 16;
    /** Neighbouring columns that are summed together. */
    private static final int COLUMNS = 1024;
    /** Rows that are added in float32 before their sum goes to the double accumulator. */
    private static final int FLOAT_ROWS = 8;

    @Override
    public void run(Reduce op, List<Tensor> in, List<Tensor> out) {
        Tensor x = in.getFirst();
        Tensor y = out.getFirst();
        int rank = x.rank();
        // Kept axes first, reduced axes last.
        int[] order = new int[rank];
        int kept = 0;
        for (int a = 0; a < rank; a++) {
            if (!op.axes().contains(a)) {
                order[kept++] = a;
            }
        }
        int at = kept;
        for (int a = 0; a < rank; a++) {
            if (op.axes().contains(a)) {
                order[at++] = a;
            }
        }
        long[] keptDims = new long[kept];
        long[] keptStrides = new long[kept];
        long[] dims = new long[rank - kept];
        long[] strides = new long[rank - kept];
        for (int i = 0; i < rank; i++) {
            if (i < kept) {
                keptDims[i] = x.dim(order[i]);
                keptStrides[i] = x.stride(order[i]);
            } else {
                dims[i - kept] = x.dim(order[i]);
                strides[i - kept] = x.stride(order[i]);
            }
        }
        long results = y.numel();
        long each = Shape.of(dims).numel();
        if (results == 1 && each > BLOCK && x.isContiguous()) {
            blocked(op.kind(), x, y, each);
        } else if (kept > 0 && rank - kept > 0 && keptStrides[kept - 1] == 1 && keptDims[kept - 1] >= 16 && x.dtype() == DType.F32
                && (op.kind() == Reduce.Kind.SUM || op.kind() == Reduce.Kind.MEAN)) {
            columns(op.kind(), x, y, keptDims, keptStrides, dims, strides, each);
        } else if (rank > kept && x.dtype() == DType.F32 && op.kind() != Reduce.Kind.MIN && each > 0 && strides[strides.length - 1] == 1) {
            runs(op.kind(), x, y, keptDims, keptStrides, dims, strides, each);
        } else {
            TensorSpec inner = new TensorSpec(x.dtype(), Shape.of(dims));
            Workers.split(results, Math.max(1, 4096 / Math.max(1, each)), (w, begin, end) -> {
                for (long r = begin; r < end; r++) {
                    Tensor part = x.view(inner, strides, x.offset() + offset(r, keptDims, keptStrides));
                    Elements.set(y, y.offset() + r, finish(op.kind(), fold(op.kind(), part, 0, each, each == 0), each));
                }
            });
        }
    }

    /** Folds every result's elements run by run, a run being what lies contiguous among the reduced axes: the planes of a channel. */
    private static void runs(Reduce.Kind kind, Tensor x, Tensor y, long[] keptDims, long[] keptStrides, long[] dims, long[] strides, long each) {
        int outer = dims.length - 1;
        long run = dims[outer];
        while (outer > 0 && strides[outer - 1] == run) {
            run *= dims[--outer];
        }
        long length = run;
        long[] outerDims = java.util.Arrays.copyOf(dims, outer);
        Workers.split(y.numel(), Math.max(1, 4096 / each), (w, begin, end) -> {
            for (long r = begin; r < end; r++) {
                long start = x.offset() + offset(r, keptDims, keptStrides);
                double acc = kind == Reduce.Kind.MAX ? Double.NEGATIVE_INFINITY : 0;
                for (long i = 0; i < each / length; i++) {
                    acc = combine(kind, acc, vectors(kind, x.segment(), start + offset(i, outerDims, strides), length));
                }
                y.segment().set(DType.LE_F32, (y.offset() + r) * 4, (float) finish(kind, acc, each));
            }
        });
    }

    /** Sums over leading axes while the last kept axis is contiguous: walks memory row by row. */
    private static void columns(Reduce.Kind kind, Tensor x, Tensor y, long[] keptDims, long[] keptStrides, long[] dims, long[] strides, long each) {
        int last = keptDims.length - 1;
        long width = keptDims[last];
        long groups = y.numel() / Math.max(1, width);
        double scale = kind == Reduce.Kind.MEAN ? 1.0 / each : 1;
        MemorySegment s = x.segment();
        MemorySegment d = y.segment();
        long chunks = Math.ceilDiv(width, COLUMNS);
        Workers.split(groups * chunks, 1, (w, begin, end) -> {
            double[] sum = new double[COLUMNS];
            long[] outerDims = java.util.Arrays.copyOf(keptDims, last);
            MemorySegment partial = Scratch.local().memory(Scratch.TILE, COLUMNS * 4);
            for (long task = begin; task < end; task++) {
                long group = task / chunks;
                long c0 = task % chunks * COLUMNS;
                int n = (int) Math.min(COLUMNS, width - c0);
                java.util.Arrays.fill(sum, 0);
                long start = x.offset() + offset(group, outerDims, keptStrides) + c0;
                for (long r0 = 0; r0 < each; r0 += FLOAT_ROWS) {
                    long r1 = Math.min(each, r0 + FLOAT_ROWS);
                    MemorySegment.copy(s, (start + offset(r0, dims, strides)) * 4, partial, 0, n * 4L);
                    for (long r = r0 + 1; r < r1; r++) {
                        FloatRows.apply(Binary.Kind.ADD, partial, 0, s, start + offset(r, dims, strides), partial, 0, n);
                    }
                    for (int i = 0; i < n; i++) {
                        sum[i] += partial.get(DType.LE_F32, i * 4L);
                    }
                }
                for (int i = 0; i < n; i++) {
                    d.set(DType.LE_F32, (y.offset() + group * width + c0 + i) * 4, (float) (sum[i] * scale));
                }
            }
        });
    }

    private static void blocked(Reduce.Kind kind, Tensor x, Tensor y, long n) {
        int blocks = Math.toIntExact(Math.ceilDiv(n, BLOCK));
        double[] partial = new double[blocks];
        Tensor flat = x.view(TensorSpec.of(x.dtype(), n), new long[] {1}, x.offset());
        Workers.split(blocks, 1, (w, begin, end) -> {
            for (long b = begin; b < end; b++) {
                partial[(int) b] = fold(kind, flat, b * BLOCK, Math.min(n, (b + 1) * BLOCK), false);
            }
        });
        double acc = partial[0];
        for (int b = 1; b < blocks; b++) {
            acc = combine(kind, acc, partial[b]);
        }
        Elements.set(y, y.offset(), finish(kind, acc, n));
    }

    private static double fold(Reduce.Kind kind, Tensor t, long begin, long end, boolean empty) {
        double[] acc = {switch (kind) {
            case SUM, MEAN -> 0;
            case MAX -> Double.NEGATIVE_INFINITY;
            case MIN -> Double.POSITIVE_INFINITY;
        }};
        if (empty) {
            return acc[0];
        }
        if (t.dtype() == DType.F32 && t.isContiguous() && kind != Reduce.Kind.MIN) {
            return vectors(kind, t.segment(), t.offset() + begin, end - begin);
        }
        if (t.rank() == 1) {
            double a = acc[0];
            long step = t.stride(0);
            long at = t.offset() + begin * step;
            MemorySegment s = t.segment();
            boolean wide = t.dtype() == DType.F64;
            for (long i = begin; i < end; i++, at += step) {
                double v = wide ? s.get(DType.LE_F64, at * 8) : s.get(DType.LE_F32, at * 4);
                a = combine(kind, a, v);
            }
            return a;
        }
        Elements.forEach(t, (i, at) -> acc[0] = combine(kind, acc[0], Elements.get(t, at)));
        return acc[0];
    }

    /** Contiguous float32 elements: the same in vectors, sums in double lanes. */
    private static double vectors(Reduce.Kind kind, MemorySegment x, long from, long n) {
        double acc = kind == Reduce.Kind.MAX ? Double.NEGATIVE_INFINITY : 0;
        for (long i = 0; i < n; i += BLOCK) {
            int bytes = (int) Math.min(BLOCK, n - i) * 4;
            MemorySegment part = x.asSlice((from + i) * 4, bytes);
            acc = combine(kind, acc, kind == Reduce.Kind.MAX ? RowSums.max(part, bytes) : RowSums.wide(part, bytes, false));
        }
        return acc;
    }

    private static double combine(Reduce.Kind kind, double a, double v) {
        return switch (kind) {
            case SUM, MEAN -> a + v;
            case MAX -> Math.max(a, v);
            case MIN -> Math.min(a, v);
        };
    }

    private static double finish(Reduce.Kind kind, double acc, long n) {
        return kind == Reduce.Kind.MEAN ? acc / n : acc;
    }

    private static long offset(long index, long[] dims, long[] strides) {
        long at = 0;
        for (int a = dims.length - 1; a >= 0; a--) {
            at += index % dims[a] * strides[a];
            index /= dims[a];
        }
        return at;
    }
}
