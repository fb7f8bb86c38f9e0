package org.mouselift.pipeline.fit;

import org.mouselift.engine.cpu.Workers;
import org.mouselift.models.metrics.SsimWindow;

/**
 * Distance of a rendered view from its picture and its gradient:
 * l1·mean|r - t| + l2·mean(r - t)² + ssim·(1 - SSIM(r, t)) + alpha·mean|a - mask|, with the SSIM of GS-LRM specification §3.5.
 * Owns buffers for one image size.
 */
final class PictureLoss {
    private final FitOptions.Loss weights;
    private final int width, height;
    private final SsimWindow[] windows = new SsimWindow[Workers.count()];
    private final double[][] x = new double[Workers.count()][], y = new double[Workers.count()][], g = new double[Workers.count()][];
    /** Gradients of the last loss with respect to rgb, [3,H,W], and alpha, [H,W]. */
    final float[] gradRgb, gradAlpha;
    private double squaredError;

    PictureLoss(FitOptions.Loss weights, int width, int height) {
        this.weights = weights;
        this.width = width;
        this.height = height;
        int pixels = Math.multiplyExact(width, height);
        gradRgb = new float[Math.multiplyExact(3, pixels)];
        gradAlpha = new float[pixels];
    }

    boolean fits(FitView view) {
        return view.width() == width && view.height() == height;
    }

    /** The loss; leaves the gradients. */
    double compute(FitView view, float[] rgb, float[] alpha) {
        int pixels = alpha.length;
        double[] ssim = new double[3], absolute = new double[3], squared = new double[3];
        Workers.each(3, (worker, plane) -> plane(worker, plane, view.rgb(), rgb, ssim, absolute, squared));
        double sumAlpha = 0;
        float scale = (float) (weights.alpha() / pixels);
        for (int i = 0; i < pixels; i++) {
            float d = alpha[i] - view.alpha()[i];
            sumAlpha += Math.abs(d);
            gradAlpha[i] = scale * Math.signum(d);
        }
        squaredError = (squared[0] + squared[1] + squared[2]) / rgb.length;
        double loss = weights.l1() * (absolute[0] + absolute[1] + absolute[2]) / rgb.length + weights.l2() * squaredError + weights.alpha() * sumAlpha / pixels;
        return weights.ssim() > 0 ? loss + weights.ssim() * (1 - (ssim[0] + ssim[1] + ssim[2]) / 3) : loss;
    }

    private void plane(int worker, int plane, float[] target, float[] rgb, double[] ssim, double[] absolute, double[] squared) {
        int pixels = gradAlpha.length, at = plane * pixels;
        float f1 = (float) (weights.l1() / rgb.length), f2 = (float) (2 * weights.l2() / rgb.length);
        for (int i = at; i < at + pixels; i++) {
            float d = rgb[i] - target[i];
            absolute[plane] += Math.abs(d);
            squared[plane] += d * d;
            gradRgb[i] = f1 * Math.signum(d) + f2 * d;
        }
        if (!(weights.ssim() > 0)) {
            return;
        }
        if (windows[worker] == null) {
            windows[worker] = new SsimWindow(height, width);
            x[worker] = new double[pixels];
            y[worker] = new double[pixels];
            g[worker] = new double[pixels];
        }
        double[] from = x[worker], to = y[worker], gradient = g[worker];
        for (int i = 0; i < pixels; i++) {
            from[i] = rgb[at + i];
            to[i] = target[at + i];
        }
        double positions = windows[worker].positions();
        ssim[plane] = windows[worker].gradient(from, to, -weights.ssim() / (3 * positions), gradient) / positions;
        for (int i = 0; i < pixels; i++) {
            gradRgb[at + i] += (float) gradient[i];
        }
    }

    /** PSNR in dB of the last rendering, not clipped. */
    double psnr() {
        return -10 * Math.log10(squaredError);
    }
}
