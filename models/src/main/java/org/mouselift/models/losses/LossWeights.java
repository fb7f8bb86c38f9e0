package org.mouselift.models.losses;

import org.mouselift.engine.EngineException;

/** Factors of the loss terms (GS-LRM specification §3.1); a term with factor 0 is not computed. */
public record LossWeights(double l2, double lpips, double perceptual, double ssim, double pixelAlign, double pointsDist, double background) {
    /** The L2 term alone. */
    public static final LossWeights L2 = new LossWeights(1, 0, 0, 0, 0, 0, 0);

    public LossWeights {
        for (double w : new double[] {l2, lpips, perceptual, ssim, pixelAlign, pointsDist, background}) {
            if (!(w >= 0) || w == Double.POSITIVE_INFINITY) {
                throw new EngineException("loss weight " + w + ", expected 0 or a positive number");
            }
        }
    }
}
