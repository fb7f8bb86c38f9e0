package org.mouselift.engine.cpu;

import org.mouselift.engine.DType;
import org.mouselift.engine.KernelProvider;
import org.mouselift.engine.Kernels;
import org.mouselift.engine.op.Conv2d;
import org.mouselift.engine.op.GatherRows;
import org.mouselift.engine.op.Geglu;
import org.mouselift.engine.op.GroupNorm;
import org.mouselift.engine.op.LayerNorm;
import org.mouselift.engine.op.Pad;
import org.mouselift.engine.op.ScatterAddRows;
import org.mouselift.engine.op.Softmax;
import org.mouselift.engine.op.UpsampleNearest;

/**
 * Registers the CPU kernels of the operations of neural networks. Fused operations have kernels for f32; in f64 they are
 * taken apart into basic operations, which is their definition.
 */
public final class NeuralKernels implements KernelProvider {
    private static final DType[] COMPUTE = {DType.F32, DType.F64};

    @Override
    public void register(Kernels k) {
        k.add(Pad.class, (op, in, out) -> CopyKernels.pad(in.getFirst(), out.getFirst(), op.before()), DType.values());
        k.add(GatherRows.class, (op, in, out) -> RowKernels.gather(in.get(0), in.get(1), out.getFirst()), DType.values());
        k.add(ScatterAddRows.class, (op, in, out) -> RowKernels.scatterAdd(in.get(0), in.get(1), out.getFirst()), COMPUTE);
        k.add(UpsampleNearest.class, (op, in, out) -> ResizeKernels.nearest(in.getFirst(), out.getFirst()), COMPUTE);
        k.add(UpsampleNearest.Grad.class, (op, in, out) -> ResizeKernels.nearestGradient(in.getFirst(), out.getFirst()), COMPUTE);
        k.add(Softmax.class, DType.F32, NormKernels::softmax);
        k.add(Softmax.Grad.class, DType.F32, NormKernels::softmaxGradient);
        k.add(LayerNorm.class, DType.F32, NormKernels::layerNorm);
        k.add(LayerNorm.LayerNormGrad.class, DType.F32, NormKernels::layerNormGradient);
        k.add(GroupNorm.class, DType.F32, NormKernels::groupNorm);
        k.add(GroupNorm.GroupNormGrad.class, DType.F32, NormKernels::groupNormGradient);
        k.add(Geglu.class, DType.F32, GegluKernel::forward);
        k.add(Geglu.Grad.class, DType.F32, GegluKernel::gradient);
        k.add(Conv2d.class, DType.F32, Conv2dKernel::forward);
        k.add(Conv2d.InputGrad.class, DType.F32, Conv2dKernel::inputGradient);
        k.add(Conv2d.WeightGrad.class, DType.F32, Conv2dKernel::weightGradient);
    }
}
