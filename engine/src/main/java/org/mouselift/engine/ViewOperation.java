package org.mouselift.engine;

/** An operation that only looks at the same memory with another shape, strides or offset. It has no kernel. */
public interface ViewOperation extends Operation {
    /** The view of a tensor whose spec {@link #infer} has accepted. */
    Tensor view(Tensor input);
}
