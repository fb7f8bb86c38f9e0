package org.mouselift.engine.cpu;

import org.mouselift.engine.DType;
import org.mouselift.engine.KernelProvider;
import org.mouselift.engine.Kernels;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.op.GatherRows;
import org.mouselift.engine.op.Pad;
import org.mouselift.engine.op.ScatterAddRows;
import org.mouselift.engine.op.UpsampleNearest;

/** Registers the CPU kernels of the operations of convolutional and embedding networks. */
public final class NeuralKernels implements KernelProvider {
    private static final DType[] COMPUTE = {DType.F32, DType.F64};

    @Override
    public void register(Kernels k) {
        k.add(Pad.class, (op, in, out) -> CopyKernels.pad(in.getFirst(), out.getFirst(), op.before()), DType.values());
        k.add(GatherRows.class, (op, in, out) -> RowKernels.gather(in.get(0), in.get(1), out.getFirst()), DType.values());
        k.add(ScatterAddRows.class, (op, in, out) -> RowKernels.scatterAdd(in.get(0), in.get(1), out.getFirst()), COMPUTE);
        k.add(UpsampleNearest.class, (op, in, out) -> ResizeKernels.nearest(in.getFirst(), out.getFirst()), COMPUTE);
        k.add(UpsampleNearest.Grad.class, (op, in, out) -> ResizeKernels.nearestGradient(in.getFirst(), out.getFirst()), COMPUTE);
    }

    /** Row-major form of an operand: the operand, or a copy to be freed with {@link #release}. */
    static Tensor packed(Tensor t) {
        if (t.isContiguous()) {
            return t;
        }
        Tensor copy = Tensor.empty(t.spec(), "packed operand");
        CopyKernels.copy(t, copy);
        return copy;
    }

    static void release(Tensor packed, Tensor original) {
        if (packed != original) {
            packed.free();
        }
    }
}
