package org.mouselift.pipeline.multiview;

import org.mouselift.models.diffusion.DiffusionSampler;

/**
 * How views are sampled (multi-view diffusion specification §3.1).
 *
 * @param steps sampling steps
 * @param guidance classifier-free guidance; exactly 1 runs without the unconditional half
 * @param eta share of ancestral noise in a DDIM step, 0 to 1
 * @param noiseLevel noise on the image embedding, 0 to 999
 * @param kind sampling rule
 */
public record SamplingOptions(int steps, double guidance, double eta, int noiseLevel, DiffusionSampler.Kind kind) {
    /** 50 DDIM steps, guidance 3, eta 1: the published settings. */
    public static final SamplingOptions PUBLISHED = new SamplingOptions(50, 3, 1, 0, DiffusionSampler.Kind.DDIM);

    public SamplingOptions {
        if (steps < 1 || !(eta >= 0 && eta <= 1) || !Double.isFinite(guidance) || noiseLevel < 0) {
            throw new IllegalArgumentException("sampling: " + steps + " steps (at least 1), guidance " + guidance + " (a number), eta " + eta
                    + " (0 to 1), noise level " + noiseLevel + " (not negative)");
        }
    }
}
