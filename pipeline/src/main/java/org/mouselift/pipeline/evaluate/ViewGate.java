package org.mouselift.pipeline.evaluate;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.image.Composite;
import org.mouselift.data.image.Image8;
import org.mouselift.data.preprocess.GeometryConsistency;
import org.mouselift.data.preprocess.PreprocessException;
import org.mouselift.pipeline.reconstruct.ViewMetrics;

/**
 * Whether generated views can be trained on (mouse specification §3.11): the reference slot against the picture they were made from, the sharpness of
 * the outlines, neighbouring views, agreement with the cameras. A picture of something else than the input fails at the reference slot.
 */
public final class ViewGate {
    private static final int[] WHITE = {255, 255, 255};
    private static final double SUBJECT = 0.1;

    /** What is measured, with its limits from excellent to reject. */
    public enum Metric {
        LPIPS("LPIPS of neighbouring views", 0.15, 0.25, 0.35, 0.40),
        PSNR("PSNR of the reference slot, dB", 30, 26, 22, 20),
        SSIM("SSIM of the reference slot", 0.95, 0.90, 0.85, 0.80),
        IOU("mask IoU of the reference slot", 0.95, 0.90, 0.85, 0.80),
        SHARPNESS("sharpness of the outlines", 0.70, 0.55, 0.40, 0.30),
        EPIPOLAR("frontier point error, pixels", 2, 5, 10, 15),
        /** Not in the specification: frontier points of cameras in one plane see the subject's height only. */
        COVERAGE("hull coverage of the views", 0.95, 0.92, GeometryConsistency.MIN_COVERAGE, 0.8);

        private final String text;
        private final double[] limits;

        Metric(String text, double... limits) {
            this.text = text;
            this.limits = limits;
        }

        public String text() {
            return text;
        }

        Level level(double value) {
            boolean lower = limits[0] < limits[3];
            for (int i = 0; i < 4; i++) {
                if (lower ? value <= limits[i] : value >= limits[i]) {
                    return Level.values()[i];
                }
            }
            return Level.REJECT;
        }
    }

    /** How good a value is; {@code POOR} lies between acceptable and the limit. */
    public enum Level { EXCELLENT, GOOD, ACCEPTABLE, POOR, REJECT }

    /** What is to be done. */
    public enum Decision {
        /** Train on them. */
        READY,
        /** Train on them and watch. */
        READY_WITH_CAUTION,
        /** The pictures are not good enough: train the generator further. */
        FINETUNE_MVDIFF,
        /** Nor do they agree with the cameras: train generator and reconstructor. */
        FINETUNE_BOTH;

        public String id() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /** One value. */
    public record Finding(Metric metric, double value, Level level) {}

    /** @param rejected whether a value is beyond its limit: the views must not be used */
    public record Verdict(List<Finding> findings, Decision decision, boolean rejected) {}

    /** A distance of two planar RGB pictures in [0,1], such as LPIPS. */
    @FunctionalInterface
    public interface Distance {
        double of(float[] a, float[] b, int height, int width);
    }

    private ViewGate() {}

    /**
     * Judges the views of one sample.
     *
     * @param reference the picture the views were made from, with alpha
     * @param views     slot 0 shows the reference; of the reference's size, with alpha or on white
     * @param cameras   of the views, empty when none are claimed
     * @param lpips     empty when the network is not there: the metric is left out
     */
    public static Verdict judge(Image8 reference, List<Image8> views, Optional<CameraRig> cameras, Optional<Distance> lpips) {
        int w = reference.width();
        int h = reference.height();
        if (!reference.hasAlpha() || views.isEmpty() || views.stream().anyMatch(v -> v.width() != w || v.height() != h)) {
            throw new IllegalArgumentException("gate: needs a reference with alpha and views of its size " + w + "x" + h);
        }
        List<float[]> pictures = views.stream().map(v -> Composite.onto(v, WHITE).toFloatChw()).toList();
        float[] mask = new float[w * h];
        for (int i = 0; i < mask.length; i++) {
            mask[i] = (reference.data()[(i + 1) * reference.channels() - 1] & 0xFF) / 255f;
        }
        ViewMetrics m = ViewMetrics.of(pictures.getFirst(), Composite.onto(reference, WHITE).toFloatChw(), mask, h, w, "reference");
        List<Finding> out = new ArrayList<>();
        if (lpips.isPresent() && views.size() > 1) {
            double sum = 0;
            for (int i = 0; i < views.size(); i++) {
                sum += lpips.get().of(pictures.get(i), pictures.get((i + 1) % views.size()), h, w);
            }
            add(out, Metric.LPIPS, sum / views.size());
        }
        add(out, Metric.PSNR, m.psnr());
        add(out, Metric.SSIM, m.ssim());
        add(out, Metric.IOU, maskIou(reference, views.getFirst()));
        add(out, Metric.SHARPNESS, pictures.stream().mapToDouble(p -> sharpness(p, w, h)).average().orElseThrow());
        cameras.ifPresent(rig -> geometry(out, views, pictures, rig));
        Level worst = out.stream().map(Finding::level).max(Level::compareTo).orElseThrow();
        boolean geometry = out.stream().anyMatch(f -> f.metric.compareTo(Metric.EPIPOLAR) >= 0 && f.level.compareTo(Level.ACCEPTABLE) > 0);
        Decision decision = worst.compareTo(Level.GOOD) <= 0 ? Decision.READY : worst == Level.ACCEPTABLE ? Decision.READY_WITH_CAUTION
                : geometry ? Decision.FINETUNE_BOTH : Decision.FINETUNE_MVDIFF;
        return new Verdict(List.copyOf(out), decision, worst == Level.REJECT);
    }

    /** Of the alphas; of what is not white where the view has none: then the same is asked of the reference, whose belly may be white, too. */
    private static double maskIou(Image8 reference, Image8 view) {
        int n = view.width() * view.height();
        float[] a = Composite.onto(reference, WHITE).toFloatChw();
        float[] b = Composite.onto(view, WHITE).toFloatChw();
        int both = 0;
        int any = 0;
        for (int p = 0; p < n; p++) {
            boolean first = view.hasAlpha() ? alpha(reference, p) : fromWhite(a, p, n) > SUBJECT;
            boolean second = view.hasAlpha() ? alpha(view, p) : fromWhite(b, p, n) > SUBJECT;
            both += first && second ? 1 : 0;
            any += first || second ? 1 : 0;
        }
        return any == 0 ? Double.NaN : (double) both / any;
    }

    private static boolean alpha(Image8 image, int p) {
        return (image.data()[(p + 1) * image.channels() - 1] & 0xFF) > 127;
    }

    private static void add(List<Finding> out, Metric metric, double value) {
        if (!Double.isNaN(value)) {
            out.add(new Finding(metric, value, metric.level(value)));
        }
    }

    /** Without a common body the views contradict the cameras completely. */
    private static void geometry(List<Finding> out, List<Image8> views, List<float[]> pictures, CameraRig rig) {
        List<Image8> rgba = new ArrayList<>();
        for (int i = 0; i < views.size(); i++) {
            Image8 v = views.get(i).toRgba();
            if (!views.get(i).hasAlpha()) {
                for (int p = 0; p < v.width() * v.height(); p++) {
                    v.data()[4 * p + 3] = (byte) (fromWhite(pictures.get(i), p, v.width() * v.height()) > SUBJECT ? 255 : 0);
                }
            }
            rgba.add(v);
        }
        try {
            GeometryConsistency g = GeometryConsistency.of(rgba, rig);
            add(out, Metric.EPIPOLAR, g.meanTangency());
            add(out, Metric.COVERAGE, g.minCoverage());
        } catch (PreprocessException e) {
            add(out, Metric.EPIPOLAR, Double.POSITIVE_INFINITY);
        }
    }

    private static double fromWhite(float[] picture, int p, int n) {
        return 1 - Math.min(picture[p], Math.min(picture[n + p], picture[2 * n + p]));
    }

    /**
     * The largest step between neighbouring pixels relative to the whole step, across the outline (from three pixels inside to three outside), median
     * over the outline: 1 for an outline between two pixels, less for a soft one; 0 without an outline.
     */
    static double sharpness(float[] picture, int w, int h) {
        int n = w * h;
        double[] values = new double[2 * n];
        int count = 0;
        for (int y = 3; y < h - 3; y++) {
            for (int x = 3; x < w - 3; x++) {
                for (int step : new int[] {1, w}) {
                    int i = y * w + x;
                    boolean here = fromWhite(picture, i, n) > SUBJECT;
                    if (here != fromWhite(picture, i + step, n) > SUBJECT) {
                        double inside = fromWhite(picture, here ? i - 2 * step : i + 3 * step, n);
                        double outside = fromWhite(picture, here ? i + 3 * step : i - 2 * step, n);
                        double largest = 0;
                        for (int k = -2; k < 3; k++) {
                            largest = Math.max(largest, Math.abs(fromWhite(picture, i + (k + 1) * step, n) - fromWhite(picture, i + k * step, n)));
                        }
                        if (inside - outside > SUBJECT) {
                            values[count++] = Math.min(1, largest / (inside - outside));
                        }
                    }
                }
            }
        }
        double[] sorted = Arrays.copyOf(values, count);
        Arrays.sort(sorted);
        return count == 0 ? 0 : sorted[count / 2];
    }
}
