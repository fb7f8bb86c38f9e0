package org.mouselift.models.losses;

import org.mouselift.engine.EngineException;

/**
 * Factors of the loss terms (GS-LRM specification §3.1); a term with factor 0 is not computed.
 *
 * @param depth factor of the supervision with known depth ({@link DepthLoss}); the original has no such term
 */
public record LossWeights(double l2, double lpips, double perceptual, double ssim, double pixelAlign, double pointsDist, double background,
        double depth) {
    /** The L2 term alone. */
    public static final LossWeights L2 = new LossWeights(1, 0, 0, 0, 0, 0, 0);

    /** The terms of the original. */
    public LossWeights(double l2, double lpips, double perceptual, double ssim, double pixelAlign, double pointsDist, double background) {
        this(l2, lpips, perceptual, ssim, pixelAlign, pointsDist, background, 0);
    }

    public LossWeights {
        for (double w : new double[] {l2, lpips, perceptual, ssim, pixelAlign, pointsDist, background, depth}) {
            if (!(w >= 0) || w == Double.POSITIVE_INFINITY) {
                throw new EngineException("loss weight " + w + ", expected 0 or a positive number");
            }
        }
    }
}
