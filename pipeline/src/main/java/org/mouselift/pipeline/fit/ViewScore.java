package org.mouselift.pipeline.fit;

import com.fasterxml.jackson.annotation.JsonProperty;
import org.mouselift.engine.cpu.Workers;
import org.mouselift.models.metrics.SsimWindow;

/**
 * How well one view is reproduced (metrics of GS-LRM specification §4, on white).
 *
 * @param psnr dB, rendering clipped to [0,1]
 * @param ssim with sample covariance; NaN for pictures smaller than the window
 */
public record ViewScore(String view, @JsonProperty("held_out") boolean heldOut, double psnr, double ssim) {
    /** Scores a rendering [3,H,W] of a view. */
    static ViewScore of(FitView view, boolean heldOut, float[] rendering) {
        int pixels = view.width() * view.height();
        double[] errors = new double[3], similarity = new double[3];
        boolean large = view.width() >= SsimWindow.SIZE && view.height() >= SsimWindow.SIZE;
        Workers.each(3, (worker, plane) -> {
            double[] x = new double[pixels], y = new double[pixels];
            for (int i = 0; i < pixels; i++) {
                x[i] = Math.clamp(rendering[plane * pixels + i], 0f, 1f);
                y[i] = view.rgb()[plane * pixels + i];
                errors[plane] += (x[i] - y[i]) * (x[i] - y[i]);
            }
            if (large) {
                SsimWindow window = new SsimWindow(view.height(), view.width());
                similarity[plane] = window.sum(x, y, SsimWindow.SAMPLE) / window.positions();
            }
        });
        double mse = (errors[0] + errors[1] + errors[2]) / (3.0 * pixels);
        return new ViewScore(view.name(), heldOut, -10 * Math.log10(mse), large ? (similarity[0] + similarity[1] + similarity[2]) / 3 : Double.NaN);
    }
}
