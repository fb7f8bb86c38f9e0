package org.mouselift.pipeline.fit;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.List;

/**
 * Result of a fit, as {@code metrics.json} holds it.
 *
 * @param input folder of the views
 * @param seconds time of the optimisation, without reading and scoring
 * @param views scores of all views, fitted ones first
 */
public record FitReport(String input, FitOptions options, int threads, @JsonProperty("initial_gaussians") int initialGaussians, int gaussians,
        double seconds, Mean train, @JsonProperty("held_out") Mean heldOut, List<ViewScore> views) {
    /** Mean scores of a set of views; null scores for an empty set. */
    public record Mean(int views, Double psnr, Double ssim) {
        static Mean of(List<ViewScore> scores) {
            return scores.isEmpty() ? new Mean(0, null, null)
                : new Mean(scores.size(), scores.stream().mapToDouble(ViewScore::psnr).average().getAsDouble(),
                    scores.stream().mapToDouble(ViewScore::ssim).average().getAsDouble());
        }
    }

    /** Scores a finished fit. */
    public static FitReport of(String input, FitDataset data, SplatFit fit, FitOptions options, int threads, int initialGaussians, double seconds) {
        List<ViewScore> train = fit.score(data.train(), false), heldOut = fit.score(data.heldOut(), true);
        return new FitReport(input, options, threads, initialGaussians, fit.gaussians(), seconds, Mean.of(train), Mean.of(heldOut),
            java.util.stream.Stream.concat(train.stream(), heldOut.stream()).toList());
    }
}
