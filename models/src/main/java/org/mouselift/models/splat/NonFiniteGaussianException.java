package org.mouselift.models.splat;

/** A Gaussian has a NaN or infinite parameter. */
public final class NonFiniteGaussianException extends IllegalArgumentException {
    private static final long serialVersionUID = 1L;
    private final int index;
    private final String field;

    NonFiniteGaussianException(int index, String field, int component, float value) {
        super("Gaussian " + index + " has " + field + "[" + component + "] = " + value
            + "; expected finite parameters (training diverged, or a damaged file; RasterOptions.NonFinite.CULL leaves such Gaussians out)");
        this.index = index;
        this.field = field;
    }

    /** Number of the first offending Gaussian of its block. */
    public int index() {
        return index;
    }

    /** Name of the parameter: means, logScales, quaternions, opacityLogits or sh. */
    public String field() {
        return field;
    }
}
