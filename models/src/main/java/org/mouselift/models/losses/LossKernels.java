package org.mouselift.models.losses;

import org.mouselift.engine.DType;
import org.mouselift.engine.KernelProvider;
import org.mouselift.engine.Kernels;

/** CPU kernels of the operations in this package. */
public final class LossKernels implements KernelProvider {
    @Override
    public void register(Kernels kernels) {
        kernels.add(Ssim.class, Ssim.KERNEL, DType.F32, DType.F64);
        kernels.add(Ssim.SsimGrad.class, Ssim.SsimGrad.KERNEL, DType.F32, DType.F64);
    }
}
