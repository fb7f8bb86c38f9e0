package org.mouselift.engine.cpu;

import java.lang.foreign.MemorySegment;
import java.util.List;
import org.mouselift.engine.DType;
import org.mouselift.engine.Elements;
import org.mouselift.engine.Tensor;

/** Moving elements between strided places: copies, casts, fills. */
final class CopyKernels {
    private CopyKernels() {}

    /** Copies between tensors of the same type and shape, any strides. */
    static void copy(Tensor from, Tensor to) {
        int bytes = from.dtype().bytes();
        StridedLoop loop = new StridedLoop(to.shape(), from, to);
        MemorySegment a = from.segment();
        MemorySegment b = to.segment();
        long sa = loop.rowStride(0);
        long sb = loop.rowStride(1);
        if ((sa == 1 && sb == 1) || loop.rowLength() == 1) {
            loop.parallel((at, n) -> MemorySegment.copy(a, at[0] * bytes, b, at[1] * bytes, n * bytes));
            return;
        }
        switch (bytes) {
            case 4 -> loop.parallel((at, n) -> {
                long p = at[0] * 4;
                long q = at[1] * 4;
                for (long i = 0; i < n; i++) {
                    b.set(DType.LE_I32, q + i * sb * 4, a.get(DType.LE_I32, p + i * sa * 4));
                }
            });
            case 8 -> loop.parallel((at, n) -> {
                long p = at[0] * 8;
                long q = at[1] * 8;
                for (long i = 0; i < n; i++) {
                    b.set(DType.LE_I64, q + i * sb * 8, a.get(DType.LE_I64, p + i * sa * 8));
                }
            });
            default -> loop.parallel((at, n) -> {
                for (long i = 0; i < n; i++) {
                    MemorySegment.copy(a, (at[0] + i * sa) * bytes, b, (at[1] + i * sb) * bytes, bytes);
                }
            });
        }
    }

    /** Converts between element types. */
    static void cast(Tensor from, Tensor to) {
        StridedLoop loop = new StridedLoop(to.shape(), from, to);
        long sa = loop.rowStride(0);
        long sb = loop.rowStride(1);
        MemorySegment a = from.segment();
        MemorySegment b = to.segment();
        DType x = from.dtype();
        DType y = to.dtype();
        if (x == DType.F16 && y == DType.F32) {
            loop.parallel((at, n) -> {
                for (long i = 0; i < n; i++) {
                    b.set(DType.LE_F32, (at[1] + i * sb) * 4, Float.float16ToFloat(a.get(DType.LE_16, (at[0] + i * sa) * 2)));
                }
            });
        } else if (x == DType.BOOL && y == DType.F32) {
            loop.parallel((at, n) -> {
                for (long i = 0; i < n; i++) {
                    b.set(DType.LE_F32, (at[1] + i * sb) * 4, a.get(java.lang.foreign.ValueLayout.JAVA_BYTE, at[0] + i * sa) == 0 ? 0f : 1f);
                }
            });
        } else if (x.isFloat() || y.isFloat()) {
            loop.parallel((at, n) -> {
                for (long i = 0; i < n; i++) {
                    double v = Elements.get(from, at[0] + i * sa);
                    Elements.set(to, at[1] + i * sb, y == DType.BOOL ? (v == 0 ? 0 : 1) : v);
                }
            });
        } else {
            loop.parallel((at, n) -> {
                for (long i = 0; i < n; i++) {
                    Elements.setLong(to, at[1] + i * sb, Elements.getLong(from, at[0] + i * sa));
                }
            });
        }
    }

    static void fill(Tensor to, double value) {
        if (value == 0 && 1 / value > 0) {
            MemorySegment s = to.contiguousSegment();
            Workers.split(s.byteSize(), 1 << 20, (w, begin, end) -> s.asSlice(begin, end - begin).fill((byte) 0));
            return;
        }
        StridedLoop loop = new StridedLoop(to.shape(), to);
        long step = loop.rowStride(0);
        loop.parallel((at, n) -> {
            for (long i = 0; i < n; i++) {
                Elements.set(to, at[0] + i * step, value);
            }
        });
    }

    /** Operands one after another along an axis. */
    static void concat(int axis, List<Tensor> in, Tensor out) {
        long at = 0;
        for (Tensor t : in) {
            long n = t.dim(axis);
            copy(t, window(out, axis, at, 1, n));
            at += n;
        }
    }

    /** Zeros with x at every {@code step}-th place from {@code begin}. */
    static void sliceScatter(Tensor x, Tensor out, int axis, long begin, long step) {
        fill(out, 0);
        copy(x, window(out, axis, begin, step, x.dim(axis)));
    }

    /** Zeros around x. */
    static void pad(Tensor x, Tensor out, List<Long> before) {
        fill(out, 0);
        long offset = out.offset();
        for (int i = 0; i < before.size(); i++) {
            offset += before.get(i) * out.stride(i);
        }
        copy(x, out.view(x.spec(), out.strides(), offset));
    }

    private static Tensor window(Tensor t, int axis, long begin, long step, long count) {
        long[] s = t.strides();
        int a = t.shape().axis(axis);
        long offset = t.offset() + begin * s[a];
        s[a] *= step;
        return t.view(new org.mouselift.engine.TensorSpec(t.dtype(), t.shape().with(axis, count)), s, offset);
    }
}
