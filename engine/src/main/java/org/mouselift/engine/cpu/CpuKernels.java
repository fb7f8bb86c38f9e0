package org.mouselift.engine.cpu;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import org.mouselift.engine.DType;
import org.mouselift.engine.Elements;
import org.mouselift.engine.KernelProvider;
import org.mouselift.engine.Kernels;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.op.AddInto;
import org.mouselift.engine.op.Affine;
import org.mouselift.engine.op.Assign;
import org.mouselift.engine.op.Attention;
import org.mouselift.engine.op.Binary;
import org.mouselift.engine.op.Cast;
import org.mouselift.engine.op.Clamp;
import org.mouselift.engine.op.Compare;
import org.mouselift.engine.op.Concat;
import org.mouselift.engine.op.Contiguous;
import org.mouselift.engine.op.Fill;
import org.mouselift.engine.op.Linear;
import org.mouselift.engine.op.MatMul;
import org.mouselift.engine.op.Reduce;
import org.mouselift.engine.op.SliceScatter;
import org.mouselift.engine.op.Unary;
import org.mouselift.engine.op.Where;

/** Registers the CPU kernels of the basic operations. */
public final class CpuKernels implements KernelProvider {
    private static final DType[] COMPUTE = {DType.F32, DType.F64};

    @Override
    public void register(Kernels k) {
        k.add(Contiguous.class, (op, in, out) -> CopyKernels.copy(in.getFirst(), out.getFirst()), DType.values());
        k.add(Assign.class, (op, in, out) -> CopyKernels.copy(in.get(1), in.get(0)), DType.values());
        k.add(Cast.class, (op, in, out) -> CopyKernels.cast(in.getFirst(), out.getFirst()), DType.values());
        k.add(Fill.class, (op, in, out) -> CopyKernels.fill(out.getFirst(), op.value()), DType.values());
        k.add(Concat.class, (op, in, out) -> CopyKernels.concat(op.axis(), in, out.getFirst()), DType.values());
        k.add(SliceScatter.class,
                (op, in, out) -> CopyKernels.sliceScatter(in.getFirst(), out.getFirst(), op.axis(), op.begin(), op.step()), DType.values());
        k.add(Unary.class, new UnaryKernel(), COMPUTE);
        k.add(Unary.Grad.class, DType.F32, UnaryKernel::gradient);
        k.add(Binary.class, new BinaryKernel(), COMPUTE);
        k.add(Affine.class, CpuKernels::affine, COMPUTE);
        k.add(Clamp.class, CpuKernels::clamp, COMPUTE);
        k.add(Compare.class, CpuKernels::compare, DType.values());
        k.add(Where.class, CpuKernels::where, DType.BOOL);
        k.add(AddInto.class, CpuKernels::addInto, COMPUTE);
        k.add(Reduce.class, new ReduceKernel(), COMPUTE);
        k.add(MatMul.class, new MatMulKernel.Batched(), COMPUTE);
        k.add(Linear.class, new MatMulKernel.Fused(), COMPUTE);
        k.add(Attention.class, DType.F32, AttentionKernel::forward);
        k.add(Attention.AttentionGrad.class, DType.F32, AttentionKernel::backward);
    }

    private static void affine(Affine op, List<Tensor> in, List<Tensor> out) {
        double scale = op.scale();
        double shift = op.shift();
        Tensor a = in.getFirst();
        StridedLoop loop = new StridedLoop(a.shape(), a, out.getFirst());
        MemorySegment x = a.segment();
        MemorySegment y = out.getFirst().segment();
        long s = loop.rowStride(0);
        if (a.dtype() == DType.F64) {
            loop.parallel((at, n) -> {
                for (long i = 0; i < n; i++) {
                    y.set(DType.LE_F64, (at[1] + i) * 8, scale * x.get(DType.LE_F64, (at[0] + i * s) * 8) + shift);
                }
            });
        } else {
            float fs = (float) scale;
            float ft = (float) shift;
            loop.parallel((at, n) -> {
                if (s == 1) {
                    FloatRows.affine(x, at[0], fs, ft, y, at[1], n);
                    return;
                }
                for (long i = 0; i < n; i++) {
                    y.set(DType.LE_F32, (at[1] + i) * 4, fs * x.get(DType.LE_F32, (at[0] + i * s) * 4) + ft);
                }
            });
        }
    }

    private static void clamp(Clamp op, List<Tensor> in, List<Tensor> out) {
        Tensor a = in.getFirst();
        StridedLoop loop = new StridedLoop(a.shape(), a, out.getFirst());
        MemorySegment x = a.segment();
        MemorySegment y = out.getFirst().segment();
        long s = loop.rowStride(0);
        if (a.dtype() == DType.F64) {
            loop.parallel((at, n) -> {
                for (long i = 0; i < n; i++) {
                    y.set(DType.LE_F64, (at[1] + i) * 8, Math.min(Math.max(x.get(DType.LE_F64, (at[0] + i * s) * 8), op.low()), op.high()));
                }
            });
        } else {
            float low = (float) op.low();
            float high = (float) op.high();
            loop.parallel((at, n) -> {
                if (s == 1) {
                    FloatRows.applyRight(Binary.Kind.MAX, x, at[0], low, y, at[1], n);
                    FloatRows.applyRight(Binary.Kind.MIN, y, at[1], high, y, at[1], n);
                    return;
                }
                for (long i = 0; i < n; i++) {
                    y.set(DType.LE_F32, (at[1] + i) * 4, Math.min(Math.max(x.get(DType.LE_F32, (at[0] + i * s) * 4), low), high));
                }
            });
        }
    }

    private static void addInto(AddInto op, List<Tensor> in, List<Tensor> out) {
        Tensor target = in.get(0);
        StridedLoop loop = new StridedLoop(target.shape(), target, in.get(1));
        MemorySegment x = target.segment();
        MemorySegment y = in.get(1).segment();
        long sx = loop.rowStride(0);
        long sy = loop.rowStride(1);
        if (target.dtype() == DType.F64) {
            loop.parallel((at, n) -> {
                for (long i = 0; i < n; i++) {
                    long p = (at[0] + i * sx) * 8;
                    x.set(DType.LE_F64, p, x.get(DType.LE_F64, p) + y.get(DType.LE_F64, (at[1] + i * sy) * 8));
                }
            });
        } else {
            loop.parallel((at, n) -> {
                if (sx == 1 && sy == 1) {
                    FloatRows.apply(Binary.Kind.ADD, x, at[0], y, at[1], x, at[0], n);
                    return;
                }
                for (long i = 0; i < n; i++) {
                    long p = (at[0] + i * sx) * 4;
                    x.set(DType.LE_F32, p, x.get(DType.LE_F32, p) + y.get(DType.LE_F32, (at[1] + i * sy) * 4));
                }
            });
        }
    }

    private static void compare(Compare op, List<Tensor> in, List<Tensor> out) {
        Tensor a = in.get(0);
        Tensor b = in.get(1);
        Tensor c = out.getFirst();
        StridedLoop loop = new StridedLoop(c.shape(), a, b, c);
        long sa = loop.rowStride(0);
        long sb = loop.rowStride(1);
        MemorySegment z = c.segment();
        if (a.dtype() == DType.F32) {
            MemorySegment x = a.segment();
            MemorySegment y = b.segment();
            loop.parallel((at, n) -> {
                for (long i = 0; i < n; i++) {
                    boolean r = holds(op.kind(), x.get(DType.LE_F32, (at[0] + i * sa) * 4), y.get(DType.LE_F32, (at[1] + i * sb) * 4));
                    z.set(ValueLayout.JAVA_BYTE, at[2] + i, (byte) (r ? 1 : 0));
                }
            });
        } else {
            boolean integers = !a.dtype().isFloat();
            loop.parallel((at, n) -> {
                for (long i = 0; i < n; i++) {
                    boolean r = integers
                            ? holds(op.kind(), Long.compare(Elements.getLong(a, at[0] + i * sa), Elements.getLong(b, at[1] + i * sb)), 0)
                            : holds(op.kind(), Elements.get(a, at[0] + i * sa), Elements.get(b, at[1] + i * sb));
                    z.set(ValueLayout.JAVA_BYTE, at[2] + i, (byte) (r ? 1 : 0));
                }
            });
        }
    }

    private static boolean holds(Compare.Kind kind, double x, double y) {
        return switch (kind) {
            case LT -> x < y;
            case LE -> x <= y;
            case GT -> x > y;
            case GE -> x >= y;
            case EQ -> x == y;
            case NE -> x != y;
        };
    }

    private static void where(Where op, List<Tensor> in, List<Tensor> out) {
        Tensor c = in.get(0);
        Tensor a = in.get(1);
        Tensor b = in.get(2);
        Tensor y = out.getFirst();
        StridedLoop loop = new StridedLoop(y.shape(), c, a, b, y);
        long sc = loop.rowStride(0);
        long sa = loop.rowStride(1);
        long sb = loop.rowStride(2);
        int bytes = y.dtype().bytes();
        MemorySegment condition = c.segment();
        MemorySegment x = a.segment();
        MemorySegment z = b.segment();
        MemorySegment to = y.segment();
        loop.parallel((at, n) -> {
            for (long i = 0; i < n; i++) {
                boolean first = condition.get(ValueLayout.JAVA_BYTE, at[0] + i * sc) != 0;
                MemorySegment from = first ? x : z;
                long p = first ? at[1] + i * sa : at[2] + i * sb;
                if (bytes == 4) {
                    to.set(DType.LE_I32, (at[3] + i) * 4, from.get(DType.LE_I32, p * 4));
                } else {
                    MemorySegment.copy(from, p * bytes, to, (at[3] + i) * bytes, bytes);
                }
            }
        });
    }
}
