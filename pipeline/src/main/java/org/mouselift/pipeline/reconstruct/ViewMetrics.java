package org.mouselift.pipeline.reconstruct;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tensor;
import org.mouselift.models.metrics.ImageMetrics;

/**
 * How near a rendering is to the picture it should show (GS-LRM specification §4).
 *
 * @param psnr dB, both pictures clipped to [0,1]
 * @param ssim as scikit-image computes it; NaN for pictures smaller than its window of 11 pixels
 * @param foregroundPsnr PSNR over the pixels where the mask exceeds 0.5; NaN without a mask or without such pixels
 * @param maskIou intersection over union of what differs from white by more than 0.1 and the mask; NaN without a mask
 * @param lpips LPIPS 0.1 with VGG16 (GS-LRM specification §3.3); NaN where it was not measured
 */
public record ViewMetrics(double psnr, double ssim, double foregroundPsnr, double maskIou, double lpips) {
    private static final double[] WHITE = {1, 1, 1};
    private static final double MASK_THRESHOLD = 0.1;
    private static final int SSIM_WINDOW = 11;

    /** Without LPIPS. */
    public ViewMetrics(double psnr, double ssim, double foregroundPsnr, double maskIou) {
        this(psnr, ssim, foregroundPsnr, maskIou, Double.NaN);
    }

    public ViewMetrics withLpips(double distance) {
        return new ViewMetrics(psnr, ssim, foregroundPsnr, maskIou, distance);
    }

    /** Compares a rendering [3,H,W] with a view of the same size. */
    public static ViewMetrics of(float[] rendering, PosedView truth) {
        return of(rendering, truth.picture().toFloatChw(), truth.mask(), truth.picture().height(), truth.picture().width(), truth.name());
    }

    /**
     * Compares a rendering with a picture, both planar RGB [3,H,W].
     *
     * @param mask share of every pixel that the subject covers [H*W], or null
     * @param name of the view, for errors
     */
    public static ViewMetrics of(float[] rendering, float[] picture, float[] mask, int height, int width, String name) {
        if (rendering.length != picture.length || picture.length != 3 * height * width || mask != null && mask.length != height * width) {
            throw new IllegalArgumentException("metrics: rendering of " + rendering.length + " numbers for view " + name + " of 3x" + height + "x" + width
                    + " (" + picture.length + " numbers, mask " + (mask == null ? "none" : mask.length) + ")");
        }
        float[] shown = new float[rendering.length];
        for (int i = 0; i < shown.length; i++) {
            shown[i] = Math.clamp(rendering[i], 0f, 1f);
        }
        try (Scope scope = Scope.open("view metrics")) {
            Tensor x = Tensor.of(shown, 1, 3, height, width);
            Tensor y = Tensor.of(picture, 1, 3, height, width);
            double iou = mask == null ? Double.NaN : ImageMetrics.maskIou(x, Tensor.of(mask, 1, 1, height, width), WHITE, MASK_THRESHOLD)[0];
            double ssim = Math.min(width, height) < SSIM_WINDOW ? Double.NaN : ImageMetrics.ssim(x, y)[0];
            return new ViewMetrics(ImageMetrics.psnr(x, y)[0], ssim, foreground(shown, picture, mask), iou);
        }
    }

    /** What an empty white picture would reach (mouse specification §6.6: most of a picture is background). */
    public static ViewMetrics ofWhite(PosedView truth) {
        return ofWhite(truth.picture().toFloatChw(), truth.mask(), truth.picture().height(), truth.picture().width(), truth.name());
    }

    /** What an empty white picture would reach; arguments as in {@link #of(float[], float[], float[], int, int, String)}. */
    public static ViewMetrics ofWhite(float[] picture, float[] mask, int height, int width, String name) {
        float[] white = new float[3 * height * width];
        Arrays.fill(white, 1);
        return of(white, picture, mask, height, width, name);
    }

    private static double foreground(float[] shown, float[] wanted, float[] mask) {
        if (mask == null) {
            return Double.NaN;
        }
        double sum = 0;
        long count = 0;
        for (int p = 0; p < mask.length; p++) {
            if (mask[p] > 0.5f) {
                for (int c = 0; c < 3; c++) {
                    double d = shown[c * mask.length + p] - wanted[c * mask.length + p];
                    sum += d * d;
                }
                count += 3;
            }
        }
        return count == 0 ? Double.NaN : -10 * Math.log10(sum / count);
    }

    /** Means, each over the views where it is defined; NaN where none is. */
    public static ViewMetrics mean(List<ViewMetrics> all) {
        return combined(all, values -> Arrays.stream(values).average().orElse(Double.NaN));
    }

    /** Medians, each over the views where it is defined; NaN where none is. */
    public static ViewMetrics median(List<ViewMetrics> all) {
        return combined(all, values -> {
            Arrays.sort(values);
            int n = values.length;
            return n == 0 ? Double.NaN : (values[(n - 1) / 2] + values[n / 2]) / 2;
        });
    }

    private static ViewMetrics combined(List<ViewMetrics> all, ToDoubleFunction<double[]> how) {
        return new ViewMetrics(one(all, ViewMetrics::psnr, how), one(all, ViewMetrics::ssim, how), one(all, ViewMetrics::foregroundPsnr, how),
                one(all, ViewMetrics::maskIou, how), one(all, ViewMetrics::lpips, how));
    }

    private static double one(List<ViewMetrics> all, ToDoubleFunction<ViewMetrics> which, ToDoubleFunction<double[]> how) {
        return how.applyAsDouble(all.stream().mapToDouble(which).filter(v -> !Double.isNaN(v)).toArray());
    }

    /** By name, for reports; what is not a finite number is null, LPIPS is missing where it was not measured. */
    public Map<String, Double> numbers() {
        Map<String, Double> map = new LinkedHashMap<>();
        map.put("psnr", finite(psnr));
        map.put("ssim", finite(ssim));
        map.put("foregroundPsnr", finite(foregroundPsnr));
        map.put("maskIou", finite(maskIou));
        if (!Double.isNaN(lpips)) {
            map.put("lpips", finite(lpips));
        }
        return map;
    }

    private static Double finite(double value) {
        return Double.isFinite(value) ? value : null;
    }
}
