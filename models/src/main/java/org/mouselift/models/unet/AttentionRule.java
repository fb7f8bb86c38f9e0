package org.mouselift.models.unet;

/** Which images a view attends to (multi-view diffusion specification §1.8). The configuration alone decides. */
public enum AttentionRule {
    /** Itself. */
    PLAIN,
    /** The reference view (view 0) and itself: how the published model was trained. */
    SPARSE,
    /** All views of its object. */
    DENSE
}
