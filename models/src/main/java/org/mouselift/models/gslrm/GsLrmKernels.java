package org.mouselift.models.gslrm;

import org.mouselift.engine.DType;
import org.mouselift.engine.KernelProvider;
import org.mouselift.engine.Kernels;

/** CPU kernels of the operations in this package. */
public final class GsLrmKernels implements KernelProvider {
    @Override
    public void register(Kernels kernels) {
        kernels.add(CameraRays.class, CameraRays.KERNEL, DType.F32, DType.F64);
    }
}
