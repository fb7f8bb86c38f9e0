package org.mouselift.engine;

import java.util.Map;
import java.util.Set;

/**
 * Result of a backward pass: the gradient of each leaf that took part. Gradients may share memory with one another and may
 * be expanded views: read them, do not overwrite them.
 */
public final class Gradients {
    private final Map<Tensor, Tensor> byLeaf;

    Gradients(Map<Tensor, Tensor> byLeaf) {
        this.byLeaf = byLeaf;
    }

    /** Gradient of a leaf, or null if the loss does not depend on it. */
    public Tensor ofOrNull(Tensor leaf) {
        return byLeaf.get(leaf);
    }

    /** Gradient of a leaf; zeros if the loss does not depend on it. */
    public Tensor of(Tensor leaf) {
        Tensor g = byLeaf.get(leaf);
        return g != null ? g : Ops.fill(leaf.spec(), 0);
    }

    /** The leaves that have a gradient. */
    public Set<Tensor> leaves() {
        return byLeaf.keySet();
    }
}
