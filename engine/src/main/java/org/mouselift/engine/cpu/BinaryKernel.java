package org.mouselift.engine.cpu;

import static java.nio.ByteOrder.LITTLE_ENDIAN;

import java.lang.foreign.MemorySegment;
import java.util.List;
import jdk.incubator.vector.FloatVector;
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
        } else if (VectorWidth.SCALAR || sx < 0 || sx > 1 || sy < 0 || sy > 1 || op.kind() == Binary.Kind.POW
                || loop.rowLength() < VectorWidth.LANES) {
            loop.parallel((at, n) -> scalars(op.kind(), x, at[0], sx, y, at[1], sy, z, at[2], n));
        } else {
            loop.parallel((at, n) -> {
                long done = n - n % VectorWidth.LANES;
                vectors(op.kind(), x, at[0] * 4, sx, y, at[1] * 4, sy, z, at[2] * 4, done);
                scalars(op.kind(), x, at[0] + done * sx, sx, y, at[1] + done * sy, sy, z, at[2] + done, n - done);
            });
        }
    }

    private static void vectors(Binary.Kind kind, MemorySegment x, long p, long sx, MemorySegment y, long q, long sy, MemorySegment z, long r, long n) {
        if (sx == 1 && sy == 1) {
            switch (kind) {
                case ADD -> { for (long i = 0; i < n * 4; i += VectorWidth.LANES * 4L) { put(z, r + i, get(x, p + i).add(get(y, q + i))); } }
                case SUB -> { for (long i = 0; i < n * 4; i += VectorWidth.LANES * 4L) { put(z, r + i, get(x, p + i).sub(get(y, q + i))); } }
                case MUL -> { for (long i = 0; i < n * 4; i += VectorWidth.LANES * 4L) { put(z, r + i, get(x, p + i).mul(get(y, q + i))); } }
                case DIV -> { for (long i = 0; i < n * 4; i += VectorWidth.LANES * 4L) { put(z, r + i, get(x, p + i).div(get(y, q + i))); } }
                case MAX -> { for (long i = 0; i < n * 4; i += VectorWidth.LANES * 4L) { put(z, r + i, get(x, p + i).max(get(y, q + i))); } }
                case MIN -> { for (long i = 0; i < n * 4; i += VectorWidth.LANES * 4L) { put(z, r + i, get(x, p + i).min(get(y, q + i))); } }
                case POW -> throw new IllegalStateException("pow has no vector path");
            }
            return;
        }
        for (long i = 0; i < n * 4; i += VectorWidth.LANES * 4L) {
            FloatVector a = sx == 1 ? get(x, p + i) : FloatVector.broadcast(VectorWidth.F32, x.get(DType.LE_F32, p));
            FloatVector b = sy == 1 ? get(y, q + i) : FloatVector.broadcast(VectorWidth.F32, y.get(DType.LE_F32, q));
            put(z, r + i, switch (kind) {
                case ADD -> a.add(b);
                case SUB -> a.sub(b);
                case MUL -> a.mul(b);
                case DIV -> a.div(b);
                case MAX -> a.max(b);
                case MIN -> a.min(b);
                case POW -> throw new IllegalStateException("pow has no vector path");
            });
        }
    }

    private static FloatVector get(MemorySegment s, long at) {
        return FloatVector.fromMemorySegment(VectorWidth.F32, s, at, LITTLE_ENDIAN);
    }

    private static void put(MemorySegment s, long at, FloatVector v) {
        v.intoMemorySegment(s, at, LITTLE_ENDIAN);
    }

    private static void scalars(Binary.Kind kind, MemorySegment x, long p, long sx, MemorySegment y, long q, long sy, MemorySegment z, long r, long n) {
        for (long i = 0; i < n; i++) {
            float a = x.get(DType.LE_F32, (p + i * sx) * 4);
            float b = y.get(DType.LE_F32, (q + i * sy) * 4);
            z.set(DType.LE_F32, (r + i) * 4, switch (kind) {
                case ADD -> a + b;
                case SUB -> a - b;
                case MUL -> a * b;
                case DIV -> a / b;
                case MAX -> Math.max(a, b);
                case MIN -> Math.min(a, b);
                case POW -> (float) Math.pow(a, b);
            });
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
