package org.mouselift.models.losses;

import java.util.List;
import org.mouselift.engine.EngineException;

/**
 * What the reconstruction loss reads of a configuration (GS-LRM specification §3).
 *
 * @param weights factors of the terms
 * @param maskedL2 L2 over the foreground only, where the target has a mask
 * @param maskedSsim fills the background of both images with grey 0.5 before SSIM, where the target has a mask
 * @param maskedPixelAlign weighs the pixel-alignment term with the mask; needs one
 * @param clampRendering clamps the rendering to [0,1], without gradient outside
 * @param clampSsim clamps the mean SSIM to [0,1] as the mouse fork does, which stops the gradient of a negative one (§3.5)
 * @param background RGB that the background term and the mask IoU compare with
 * @param maskIouThreshold mean absolute difference to the background from which a rendered pixel is foreground
 * @param pointsDistWarmup while the step is below {@link #pointsDistWarmupSteps()}: no L2 and perceptual terms, points-dist
 *     factor 0.1, no clamp of centres (§3.10)
 * @param pointsDistWarmupSteps length of that warm-up, 1000 in the original
 * @param l2WarmupSteps no perceptual and LPIPS terms while the step is below this
 */
public record LossConfig(LossWeights weights, boolean maskedL2, boolean maskedSsim, boolean maskedPixelAlign, boolean clampRendering,
        boolean clampSsim, List<Double> background, double maskIouThreshold, boolean pointsDistWarmup, long pointsDistWarmupSteps,
        long l2WarmupSteps) {
    private static final double WARMUP_POINTS_DIST = 0.1;

    public LossConfig {
        background = List.copyOf(background);
        if (background.size() != 3) {
            throw new EngineException("background_color_target has " + background.size() + " numbers, expected red, green and blue");
        }
        if (!(maskIouThreshold >= 0)) {
            throw new EngineException("mask_iou_threshold " + maskIouThreshold + ", expected 0 or more");
        }
        if (pointsDistWarmupSteps < 0 || l2WarmupSteps < 0) {
            throw new EngineException("loss warm-ups of " + pointsDistWarmupSteps + " and " + l2WarmupSteps + " steps must not be negative");
        }
    }

    /** Given factors, everything else as in the original without its optional parts. */
    public static LossConfig of(LossWeights weights) {
        return new LossConfig(weights, false, false, false, true, false, List.of(1.0, 1.0, 1.0), 0.1, false, 1000, 0);
    }

    /** Masks the L2 and SSIM terms. */
    public LossConfig withMasks(boolean l2, boolean ssim) {
        return new LossConfig(weights, l2, ssim, maskedPixelAlign, clampRendering, clampSsim, background, maskIouThreshold, pointsDistWarmup,
                pointsDistWarmupSteps, l2WarmupSteps);
    }

    /** True while the point-distance warm-up is on. */
    public boolean warmsUpPoints(long step) {
        return pointsDistWarmup && step < pointsDistWarmupSteps;
    }

    /** Factors at a forward/backward step. */
    public LossWeights weightsAt(long step) {
        LossWeights w = weights;
        if (warmsUpPoints(step)) {
            w = new LossWeights(0, w.lpips(), 0, w.ssim(), w.pixelAlign(), WARMUP_POINTS_DIST, w.background(), w.depth());
        }
        if (step < l2WarmupSteps) {
            w = new LossWeights(w.l2(), 0, 0, w.ssim(), w.pixelAlign(), w.pointsDist(), w.background(), w.depth());
        }
        return w;
    }
}
