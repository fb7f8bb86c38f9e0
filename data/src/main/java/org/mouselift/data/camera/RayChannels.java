package org.mouselift.data.camera;

/**
 * The ray part of the reconstructor's input channels and its order (GS-LRM specification §1.5): {@code d} unit direction,
 * {@code n} the ray's point nearest to the world origin, {@code o×d} the moment. RGB comes before it.
 */
public enum RayChannels {
    /** {@code d, n}: the published checkpoint ({@code use_custom_plucker}). */
    CUSTOM(6),
    /** {@code o×d, d, n} ({@code use_aug_plucker}). */
    AUGMENTED(9),
    /** {@code o×d, d}: the standard Plücker coordinates. */
    PLAIN(6);

    private final int count;

    RayChannels(int count) {
        this.count = count;
    }

    /** Number of ray channels. */
    public int count() {
        return count;
    }

    /** Number of input channels with RGB: {@code model.image_tokenizer.in_channels}. */
    public int inputChannels() {
        return 3 + count;
    }

    /** The layout the configuration flags select; {@code use_custom_plucker} has precedence. */
    public static RayChannels of(boolean useCustomPlucker, boolean useAugPlucker) {
        return useCustomPlucker ? CUSTOM : useAugPlucker ? AUGMENTED : PLAIN;
    }
}
