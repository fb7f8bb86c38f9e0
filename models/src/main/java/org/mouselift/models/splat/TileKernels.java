package org.mouselift.models.splat;

import org.mouselift.engine.cpu.VectorWidth;
import org.mouselift.models.splat.cpu.VectorTileKernel;

/** Chooses the compositing kernel of this JVM. */
public final class TileKernels {
    private TileKernels() {}

    private static final class Holder {
        static final TileKernel PREFERRED = choose();
    }

    /** The SIMD kernel of the width of all CPU kernels ({@link VectorWidth}), or the scalar kernel when that is 0. */
    public static TileKernel preferred() {
        return Holder.PREFERRED;
    }

    private static TileKernel choose() {
        return VectorWidth.SCALAR ? new ScalarTileKernel() : new VectorTileKernel();
    }
}
