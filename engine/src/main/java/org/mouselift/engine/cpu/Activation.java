package org.mouselift.engine.cpu;

/** Functions a matrix product can apply to its result before it is stored. GELU is the exact one (with erf). */
public enum Activation {
    NONE, GELU, SILU
}
