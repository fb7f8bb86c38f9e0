package org.mouselift.engine.cpu;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * The vector width of all CPU kernels, fixed when the JVM starts: system property {@value #PROPERTY} = 128, 256, 512,
 * or 0 for plain scalar Java. Default: the width the JVM prefers on this machine. Constants, so that the compiler folds
 * every choice that depends on them.
 */
public final class VectorWidth {
    public static final String PROPERTY = "mouselift.vector.bits";

    /** Vector width in bits; 0 means scalar. */
    public static final int BITS = configured();
    /** True when the kernels run as plain Java loops without vector instructions. */
    public static final boolean SCALAR = BITS == 0;
    /** Floats in one vector; 1 when scalar. */
    public static final int LANES = SCALAR ? 1 : BITS / 32;

    static final VectorSpecies<Float> F32 = switch (BITS) {
        case 0 -> null;
        case 128 -> FloatVector.SPECIES_128;
        case 256 -> FloatVector.SPECIES_256;
        default -> FloatVector.SPECIES_512;
    };

    private VectorWidth() {
    }

    /** Width the JVM prefers on this machine, in bits. */
    public static int preferredBits() {
        return Math.min(512, FloatVector.SPECIES_PREFERRED.vectorBitSize());
    }

    private static int configured() {
        String text = System.getProperty(PROPERTY);
        int preferred = preferredBits();
        int bits = text == null || text.isBlank() ? (preferred < 128 ? 0 : preferred) : switch (text.trim()) {
            case "0" -> 0;
            case "128" -> 128;
            case "256" -> 256;
            case "512" -> 512;
            default -> throw new IllegalArgumentException("-D" + PROPERTY + "=" + text + ": expected 128, 256, 512, or 0 for scalar code");
        };
        System.Logger log = System.getLogger(VectorWidth.class.getName());
        if (bits > preferred) {
            log.log(System.Logger.Level.WARNING, "-D" + PROPERTY + "=" + bits + " is wider than this machine's " + preferred
                    + "-bit vectors: every kernel will be emulated and very slow; remove the property");
        } else if (bits == 0) {
            log.log(System.Logger.Level.WARNING, "the CPU kernels run as scalar code (no SIMD): "
                    + (text == null ? "the JVM offers no vectors of 128 bits or more here" : "-D" + PROPERTY + "=0 asks for it")
                    + "; expect about a tenth of the speed or less");
        }
        return bits;
    }
}
