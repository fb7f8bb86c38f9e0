package org.mouselift.engine.cpu;

import java.lang.foreign.MemorySegment;
import org.mouselift.engine.DType;
import org.mouselift.engine.EngineException;
import org.mouselift.engine.ModulePath;
import org.mouselift.engine.Tensor;

/** Moving whole rows by index. */
final class RowKernels {
    private RowKernels() {}

    /** The indices in row-major order, each checked against the number of rows. */
    private static long[] indices(String op, Tensor index, long rows) {
        long[] out = index.toLongs();
        for (int i = 0; i < out.length; i++) {
            if (out[i] < 0 || out[i] >= rows) {
                String path = ModulePath.current();
                throw new EngineException(op + ": index " + out[i] + " at position " + i + " of " + index + " is outside 0 … " + (rows - 1)
                        + (path.isEmpty() ? "" : "; in " + path));
            }
        }
        return out;
    }

    static void gather(Tensor table, Tensor index, Tensor out) {
        long[] at = indices("gather_rows", index, table.dim(0));
        Tensor packed = MatMulKernel.contiguous(table);
        MemorySegment from = packed.contiguousSegment();
        MemorySegment to = out.contiguousSegment();
        long bytes = at.length == 0 ? 0 : to.byteSize() / at.length;
        Workers.split(at.length, Math.max(1, (1 << 16) / Math.max(1, bytes)), (worker, begin, end) -> {
            for (long i = begin; i < end; i++) {
                MemorySegment.copy(from, at[(int) i] * bytes, to, i * bytes, bytes);
            }
        });
    }

    static void scatterAdd(Tensor x, Tensor index, Tensor out) {
        CopyKernels.fill(out, 0);
        long[] at = indices("scatter_add_rows", index, out.dim(0));
        if (at.length == 0 || x.numel() == 0) {
            return;
        }
        Tensor packed = MatMulKernel.contiguous(x);
        MemorySegment from = packed.contiguousSegment();
        MemorySegment to = out.contiguousSegment();
        long width = x.numel() / at.length;
        // Every worker owns a range of columns, so the order of the sums does not depend on the number of workers.
        Workers.split(width, 64, (worker, begin, end) -> {
            for (int i = 0; i < at.length; i++) {
                for (long c = begin; c < end; c++) {
                    long p = at[i] * width + c;
                    long q = i * width + c;
                    if (x.dtype() == DType.F64) {
                        to.set(DType.LE_F64, p * 8, to.get(DType.LE_F64, p * 8) + from.get(DType.LE_F64, q * 8));
                    } else {
                        to.set(DType.LE_F32, p * 4, to.get(DType.LE_F32, p * 4) + from.get(DType.LE_F32, q * 4));
                    }
                }
            }
        });
    }
}
