package org.mouselift.engine.cpu;

import java.lang.foreign.MemorySegment;

/**
 * What happens to a finished element v of C[M, N] before it is stored: {@code activation(v + bias[n]) + residual[m, n]}.
 * All operands have C's element type.
 *
 * @param bias           N contiguous elements, or null
 * @param biasOffset     first element of the bias
 * @param activation     applied after the bias
 * @param residual       row-major [M, N], or null; must not be C itself (use beta = 1 for that)
 * @param residualOffset first element of the residual
 * @param residualRow    elements between its rows
 */
public record Epilogue(MemorySegment bias, long biasOffset, Activation activation, MemorySegment residual, long residualOffset,
        long residualRow) {
    /** Stores the product as it is. */
    public static final Epilogue NONE = new Epilogue(null, 0, Activation.NONE, null, 0, 0);

    public Epilogue {
        if (activation == null) {
            throw new IllegalArgumentException("epilogue: activation is null; use Activation.NONE");
        }
    }

    public static Epilogue bias(MemorySegment bias, long offset) {
        return new Epilogue(bias, offset, Activation.NONE, null, 0, 0);
    }

    public static Epilogue biasActivation(MemorySegment bias, long offset, Activation activation) {
        return new Epilogue(bias, offset, activation, null, 0, 0);
    }

    boolean isNone() {
        return bias == null && residual == null && activation == Activation.NONE;
    }
}
