package org.mouselift.models.splat;

import org.mouselift.models.splat.cpu.VectorTileKernel;

/** Chooses the compositing kernel of this JVM. */
public final class TileKernels {
    private TileKernels() {}

    private static final class Holder {
        static final TileKernel PREFERRED = choose();
    }

    /**
     * The SIMD kernel of the width asked for with {@code -Dmouselift.vector.bits=128|256|512}, or of the machine's preferred
     * width; the scalar kernel for 0 or when the JVM runs without the vector module (reported once).
     */
    public static TileKernel preferred() {
        return Holder.PREFERRED;
    }

    private static TileKernel choose() {
        String bits = System.getProperty(VectorTileKernel.BITS_PROPERTY, "");
        switch (bits) {
            case "0":
                return new ScalarTileKernel();
            case "", "128", "256", "512":
                break;
            default:
                throw new IllegalArgumentException("-D" + VectorTileKernel.BITS_PROPERTY + "=" + bits + ": expected 0 (scalar), 128, 256 or 512");
        }
        if (ModuleLayer.boot().findModule("jdk.incubator.vector").isEmpty()) {
            System.getLogger(TileKernels.class.getName()).log(System.Logger.Level.WARNING,
                "splat renderer runs without SIMD (several times slower): start Java with --add-modules=jdk.incubator.vector");
            return new ScalarTileKernel();
        }
        return new VectorTileKernel();
    }
}
