package org.mouselift.engine.cpu;

import java.lang.foreign.MemorySegment;
import java.util.List;
import org.mouselift.engine.DType;
import org.mouselift.engine.Kernel;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.op.Binary;

/**
 * Broadcasting element-wise functions of two operands. Rows with strides 0 or 1 run as vectors (stride 0 is a broadcast
 * number), others element by element.
 */
final class BinaryKernel implements Kernel<Binary> {
    @Override
    public void run(Binary op, List<Tensor> in, List<Tensor> out) {
        Tensor a = in.get(0);
        Tensor b = in.get(1);
        Tensor c = out.getFirst();
        StridedLoop loop = new StridedLoop(c.shape(), a, b, c);
        MemorySegment x = a.segment();
        MemorySegment y = b.segment();
        MemorySegment z = c.segment();
        long sx = loop.rowStride(0);
        long sy = loop.rowStride(1);
        if (c.dtype() == DType.F64) {
            loop.parallel((at, n) -> doubles(op.kind(), x, at[0], sx, y, at[1], sy, z, at[2], n));
        } else if (sx == 1 && sy == 1) {
            loop.parallel((at, n) -> FloatRows.apply(op.kind(), x, at[0], y, at[1], z, at[2], n));
        } else if (sx == 1 && sy == 0) {
            loop.parallel((at, n) -> FloatRows.applyRight(op.kind(), x, at[0], y.get(DType.LE_F32, at[1] * 4), z, at[2], n));
        } else if (sx == 0 && sy == 1) {
            loop.parallel((at, n) -> FloatRows.applyLeft(op.kind(), x.get(DType.LE_F32, at[0] * 4), y, at[1], z, at[2], n));
        } else {
            loop.parallel((at, n) -> scalars(op.kind(), x, at[0], sx, y, at[1], sy, z, at[2], n));
        }
    }

    private static void scalars(Binary.Kind kind, MemorySegment x, long p, long sx, MemorySegment y, long q, long sy, MemorySegment z, long r, long n) {
        for (long i = 0; i < n; i++) {
            float a = x.get(DType.LE_F32, (p + i * sx) * 4);
            float b = y.get(DType.LE_F32, (q + i * sy) * 4);
            z.set(DType.LE_F32, (r + i) * 4, FloatRows.value(kind, a, b));
        }
    }

    private static void doubles(Binary.Kind kind, MemorySegment x, long p, long sx, MemorySegment y, long q, long sy, MemorySegment z, long r, long n) {
        for (long i = 0; i < n; i++) {
            double a = x.get(DType.LE_F64, (p + i * sx) * 8);
            double b = y.get(DType.LE_F64, (q + i * sy) * 8);
            z.set(DType.LE_F64, (r + i) * 8, switch (kind) {
                case ADD -> a + b;
                case SUB -> a - b;
                case MUL -> a * b;
                case DIV -> a / b;
                case MAX -> Math.max(a, b);
                case MIN -> Math.min(a, b);
                case POW -> Math.pow(a, b);
            });
        }
    }
}
