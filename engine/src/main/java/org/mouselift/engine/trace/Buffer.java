package org.mouselift.engine.trace;

import org.mouselift.engine.Overwritable;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.TensorSpec;

/**
 * A block of memory that a program works on; every {@link Value} is a window on one. It is the symbol of the traced
 * tensors, so that two of them share memory exactly if their buffers are the same.
 */
public final class Buffer extends Overwritable {
    /** Where the memory comes from. */
    public enum Kind {
        /** The caller's tensor, given to each run. */
        INPUT,
        /** A tensor outside of the program that every run sees as it is at that time, and may update. */
        WEIGHT,
        /** A copy of a tensor's contents made while tracing, owned by the program. */
        CONSTANT,
        /** A result of a node, placed by the memory plan. */
        LOCAL
    }

    private final Object trace;
    private final int index;
    private final Kind kind;
    private final String name;
    private final TensorSpec spec;
    private final Tensor tensor;

    Buffer(Object trace, int index, Kind kind, String name, TensorSpec spec, Tensor tensor) {
        this.trace = trace;
        this.index = index;
        this.kind = kind;
        this.name = name;
        this.spec = spec;
        this.tensor = tensor;
    }

    Object trace() {
        return trace;
    }

    /** Position in {@link Program#buffers()}. */
    public int index() {
        return index;
    }

    public Kind kind() {
        return kind;
    }

    /** Name of an input, weight or constant; null for local buffers. */
    public String name() {
        return name;
    }

    /** Spec of the tensor that introduced the buffer; a local buffer has exactly these bytes. */
    public TensorSpec spec() {
        return spec;
    }

    /** The memory of a weight or constant; null for the others. */
    public Tensor tensor() {
        return tensor;
    }

    @Override
    public String toString() {
        return kind.name().toLowerCase(java.util.Locale.ROOT) + " " + (name == null ? "#" + index : name);
    }
}
