package org.mouselift.pipeline.fit;

/**
 * Settings of a fit. Rates and thresholds are those of 3D Gaussian splatting (Kerbl et al. 2023); its schedules are kept as
 * fractions of the run, which is fifteen times shorter.
 *
 * @param iterations optimisation steps, one view each
 * @param shDegree final degree of the spherical harmonics, 0 … 3; raised one by one during the first half
 * @param seed of the view order and of the places of split Gaussians
 * @param hullResolution voxels along the longest side of the subject's bounding box at the start
 * @param maxGaussians densification stops there
 * @param loss weights of the terms of the loss
 * @param rates learning rates of Adam
 * @param densifyGradient mean gradient of the 2D mean (normalised device units) above which a Gaussian is cloned or split
 * @param densifyEvery steps between two densifications
 * @param opacityReset cap all opacities at 0.01 every so many steps while densification runs; 0 = never
 */
public record FitOptions(int iterations, int shDegree, long seed, int hullResolution, int maxGaussians, Loss loss, Rates rates,
        double densifyGradient, int densifyEvery, int opacityReset) {
    /**
     * @param l1 weight of the mean absolute difference
     * @param l2 weight of the mean squared difference
     * @param ssim weight of 1 - SSIM
     * @param alpha weight of the mean absolute difference of rendered alpha and mask
     */
    public record Loss(double l1, double l2, double ssim, double alpha) {
        public Loss {
            nonNegative("l1", l1);
            nonNegative("l2", l2);
            nonNegative("ssim", ssim);
            nonNegative("alpha", alpha);
            require(l1 + l2 + ssim > 0, "l1 + l2 + ssim", l1 + l2 + ssim, "a positive sum of weights");
        }
    }

    /**
     * @param position of the centres at the start, times the scene extent
     * @param positionFinal at the end; exponential in between
     * @param scale of the log scales
     * @param rotation of the quaternions
     * @param opacity of the logits
     * @param colour of the DC coefficients; the higher ones learn 20 times slower
     */
    public record Rates(double position, double positionFinal, double scale, double rotation, double opacity, double colour) {
        public Rates {
            nonNegative("scale rate", scale);
            nonNegative("rotation rate", rotation);
            nonNegative("opacity rate", opacity);
            nonNegative("colour rate", colour);
            require(position > 0 && positionFinal > 0 && position < 1 && positionFinal < 1, "position rates", Math.min(position, positionFinal), "rates in (0, 1)");
        }

        /** Rate of the centres, without the scene extent, at a fraction 0 … 1 of the run. */
        double positionAt(double fraction) {
            return Math.exp((1 - fraction) * Math.log(position) + fraction * Math.log(positionFinal));
        }
    }

    public static final FitOptions DEFAULT = new FitOptions(2000, 2, 0, 64, 60_000, new Loss(0.8, 0, 0.2, 0.05),
        new Rates(1.6e-4, 1.6e-6, 5e-3, 1e-3, 2.5e-2, 2.5e-3), 2e-4, 100, 0);

    public FitOptions {
        require(iterations >= 1, "iterations", iterations, "at least 1");
        require(shDegree >= 0 && shDegree <= 3, "shDegree", shDegree, "0 to 3");
        require(hullResolution >= 8 && hullResolution <= 512, "hullResolution", hullResolution, "8 to 512 voxels");
        require(maxGaussians >= 1, "maxGaussians", maxGaussians, "at least 1");
        require(densifyEvery >= 1, "densifyEvery", densifyEvery, "at least 1");
        require(opacityReset >= 0, "opacityReset", opacityReset, "0 (never) or more");
        nonNegative("densifyGradient", densifyGradient);
    }

    private static void nonNegative(String name, double value) {
        require(value >= 0 && value < Double.POSITIVE_INFINITY, name, value, "a finite number, not negative");
    }

    private static void require(boolean holds, String name, Number value, String expected) {
        if (!holds) {
            throw new IllegalArgumentException("fit option " + name + " = " + value + ", expected " + expected);
        }
    }
}
