package org.mouselift.models.metrics;

import org.mouselift.engine.ShapeException;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.cpu.Workers;

/**
 * Quality of rendered images against references, one number per image (GS-LRM specification §4). Images are [N,C,H,W] with
 * values in [0,1] of the same shape; only the first three channels count. Computed in double.
 */
public final class ImageMetrics {
    private static final int CHANNELS = 3;

    private ImageMetrics() {}

    /** Mean squared error over channels and pixels. */
    public static double[] mse(Tensor images, Tensor references) {
        return squaredError(images, references, false);
    }

    /** -10 log10 of the mean squared error of both images clipped to [0,1], in dB; infinite for equal images. */
    public static double[] psnr(Tensor images, Tensor references) {
        double[] out = squaredError(images, references, true);
        for (int i = 0; i < out.length; i++) {
            out[i] = -10 * Math.log10(out[i]);
        }
        return out;
    }

    private static double[] squaredError(Tensor images, Tensor references, boolean clip) {
        int n = check("squared error", images, references);
        double[] x = images.toDoubles();
        double[] y = references.toDoubles();
        int channels = (int) images.dim(1);
        int counted = Math.min(CHANNELS, channels);
        int plane = Math.toIntExact(images.dim(2) * images.dim(3));
        double[] out = new double[n];
        for (int i = 0; i < n; i++) {
            double sum = 0;
            int begin = i * channels * plane;
            for (int j = begin; j < begin + counted * plane; j++) {
                double d = clip ? Math.clamp(x[j], 0, 1) - Math.clamp(y[j], 0, 1) : x[j] - y[j];
                sum += d * d;
            }
            out[i] = sum / ((double) counted * plane);
        }
        return out;
    }

    /** SSIM as scikit-image computes it: Gaussian window of 11 pixels, sample covariance, border of 5 pixels left out. */
    public static double[] ssim(Tensor images, Tensor references) {
        if (images.rank() == 4 && (images.dim(2) < SsimWindow.SIZE || images.dim(3) < SsimWindow.SIZE)) {
            throw new ShapeException("ssim", "images of " + images.spec() + " are smaller than the window of " + SsimWindow.SIZE + " pixels");
        }
        return ssim(images, references, SsimWindow.SAMPLE);
    }

    /** SSIM of the training loss: as {@link #ssim} with population covariance. */
    public static double[] trainingSsim(Tensor images, Tensor references) {
        return ssim(images, references, 1);
    }

    private static double[] ssim(Tensor images, Tensor references, double covarianceFactor) {
        int n = check("ssim", images, references);
        double[] x = images.toDoubles();
        double[] y = references.toDoubles();
        int channels = (int) images.dim(1);
        int counted = Math.min(CHANNELS, channels);
        int height = Math.toIntExact(images.dim(2));
        int width = Math.toIntExact(images.dim(3));
        double[] sums = new double[n * counted];
        SsimWindow[] windows = new SsimWindow[Workers.count()];
        Workers.each(sums.length, (worker, task) -> {
            if (windows[worker] == null) {
                windows[worker] = new SsimWindow(height, width);
            }
            int from = (task / counted * channels + task % counted) * height * width;
            sums[task] = windows[worker].sum(java.util.Arrays.copyOfRange(x, from, from + height * width),
                    java.util.Arrays.copyOfRange(y, from, from + height * width), covarianceFactor)
                    / windows[worker].positions();
        });
        double[] out = new double[n];
        for (int i = 0; i < sums.length; i++) {
            out[i / counted] += sums[i] / counted;
        }
        return out;
    }

    /**
     * Intersection over union of foreground masks, per image: predicted where the mean over RGB of |image - background|
     * exceeds {@code threshold}, true where {@code mask} exceeds 0.5; an empty union counts as one pixel.
     *
     * @param masks [N,1,H,W]
     * @param background RGB
     */
    public static double[] maskIou(Tensor images, Tensor masks, double[] background, double threshold) {
        double[] out = new double[(int) images.dim(0)];
        long[] counts = new long[2];
        for (int i = 0; i < out.length; i++) {
            java.util.Arrays.fill(counts, 0);
            count(images, masks, background, threshold, i, counts);
            out[i] = counts[0] / (double) Math.max(1, counts[1]);
        }
        return out;
    }

    private static void count(Tensor images, Tensor masks, double[] background, double threshold, int image, long[] counts) {
        if (masks.rank() != 4 || images.rank() != 4 || images.dim(1) < CHANNELS || masks.dim(1) != 1 || masks.dim(0) != images.dim(0)
                || masks.dim(2) != images.dim(2) || masks.dim(3) != images.dim(3)) {
            throw new ShapeException("mask iou", "images " + images.spec() + " and masks " + masks.spec() + ", expected [N,3,H,W] and [N,1,H,W]");
        }
        double[] x = org.mouselift.engine.Ops.slice(images, 0, image, image + 1).toDoubles();
        double[] m = org.mouselift.engine.Ops.slice(masks, 0, image, image + 1).toDoubles();
        for (int i = 0; i < m.length; i++) {
            double difference = 0;
            for (int c = 0; c < CHANNELS; c++) {
                difference += Math.abs(x[c * m.length + i] - background[c]) / CHANNELS;
            }
            boolean predicted = difference > threshold;
            boolean wanted = m[i] > 0.5;
            counts[0] += predicted && wanted ? 1 : 0;
            counts[1] += predicted || wanted ? 1 : 0;
        }
    }

    private static int check(String name, Tensor images, Tensor references) {
        if (images.rank() != 4 || !images.shape().equals(references.shape())) {
            throw new ShapeException(name, "images " + images.spec() + " and references " + references.spec() + ", expected two of [N,C,H,W]");
        }
        return Math.toIntExact(images.dim(0));
    }
}
