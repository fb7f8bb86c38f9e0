package org.mouselift.models.optim;

import org.mouselift.engine.DType;
import org.mouselift.engine.KernelProvider;
import org.mouselift.engine.Kernels;

/** CPU kernels of the operations in this package. */
public final class OptimKernels implements KernelProvider {
    @Override
    public void register(Kernels kernels) {
        kernels.add(AdamMoments.class, AdamMoments.KERNEL, DType.F32, DType.F64);
        kernels.add(AdamWStep.class, AdamWStep.KERNEL, DType.F32, DType.F64);
        kernels.add(CleanGradient.class, CleanGradient.KERNEL, DType.F32, DType.F64);
        kernels.add(SquaredNorm.class, SquaredNorm.KERNEL, DType.F32, DType.F64);
    }
}
