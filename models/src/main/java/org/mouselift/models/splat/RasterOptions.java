package org.mouselift.models.splat;

/**
 * @param referenceLists keep in every tile list exactly the entries of the reference rasterizer. Otherwise entries that
 *     cannot reach alpha 1/255 anywhere in the tile are left out, which changes no pixel and no gradient, only the lists
 * @param nonFinite what to do with a Gaussian that has a NaN or infinite parameter
 * @param forwardBand most tile entries held at once while rendering (4 bytes each), unless a single tile has more
 * @param backwardBand most tile entries held at once in the backward pass (44 bytes each), unless a single tile has more
 * @param kernel compositing kernel
 */
public record RasterOptions(boolean referenceLists, NonFinite nonFinite, int forwardBand, int backwardBand, TileKernel kernel) {
    /** Treatment of NaN and infinite parameters. */
    public enum NonFinite {
        /** Throw {@link NonFiniteGaussianException}: the right choice in training, where it means divergence. */
        REJECT,
        /** Leave the Gaussian out, with zero gradient, and count it in {@link SplatRasterizer#nonFinite()}. */
        CULL
    }

    public RasterOptions {
        if (forwardBand < 1 || backwardBand < 1) {
            throw new IllegalArgumentException("band limits " + forwardBand + " and " + backwardBand + ": expected at least 1 tile entry");
        }
        java.util.Objects.requireNonNull(nonFinite, "nonFinite");
        java.util.Objects.requireNonNull(kernel, "kernel");
    }

    public static final RasterOptions DEFAULT = new RasterOptions(false, NonFinite.REJECT, 64 << 20, 4 << 20, TileKernels.preferred());

    /** The same options with the tile lists of the reference rasterizer. */
    public RasterOptions withReferenceLists() {
        return new RasterOptions(true, nonFinite, forwardBand, backwardBand, kernel);
    }

    public RasterOptions withNonFinite(NonFinite treatment) {
        return new RasterOptions(referenceLists, treatment, forwardBand, backwardBand, kernel);
    }

    public RasterOptions withKernel(TileKernel other) {
        return new RasterOptions(referenceLists, nonFinite, forwardBand, backwardBand, other);
    }

    public RasterOptions withBands(int forward, int backward) {
        return new RasterOptions(referenceLists, nonFinite, forward, backward, kernel);
    }
}
