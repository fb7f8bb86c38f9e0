package org.mouselift.pipeline.train;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tensor;
import org.mouselift.models.gslrm.GsLrm;
import org.mouselift.models.gslrm.GsLrmOutput;
import org.mouselift.models.gslrm.ViewRenderer;
import org.mouselift.models.metrics.ImageMetrics;

/**
 * Quality of a reconstruction on given views, averaged over views (GS-LRM specification §4): PSNR and SSIM on white and, where
 * the views have alpha, foreground PSNR (mean squared error over pixels with alpha above 0.5), mask IoU and the PSNR that an
 * all-white picture would reach (mouse specification §6.6: most of a picture is background).
 *
 * @param rendering planar RGB [3,H,W] of every view
 */
public record ReconstructionMetrics(Map<String, Double> values, List<float[]> rendering) {
    private static final double IOU_THRESHOLD = 0.1;

    /** Reconstructs a scene from the input views and compares the renderings of the target views. */
    public static ReconstructionMetrics of(GsLrm model, SceneBatch batch) {
        try (Scope s = Scope.open("evaluation")) {
            GsLrmOutput out = model.reconstruct(SceneBatch.images(batch.input()), SceneBatch.c2w(batch.input()), SceneBatch.intrinsics(batch.input()));
            Scene target = batch.target().getFirst();
            Tensor images = ViewRenderer.render(out.gaussians(), SceneBatch.c2w(batch.target()), SceneBatch.intrinsics(batch.target()), target.height(),
                    target.width(), model.config().scalingModifier());
            return compare(Ops.reshape(images, target.views(), 3, target.height(), target.width()), target);
        }
    }

    /** Compares renderings [V,3,H,W] with the views of a scene. */
    public static ReconstructionMetrics compare(Tensor renderings, Scene target) {
        try (Scope s = Scope.open("metrics")) {
            Tensor truth = Tensor.of(target.images(), target.views(), target.channels(), target.height(), target.width());
            Tensor shown = Ops.clamp(renderings, 0, 1);
            Map<String, Double> out = new LinkedHashMap<>();
            Tensor colours = Ops.contiguous(Ops.slice(truth, 1, 0, 3));
            out.put("psnr", mean(ImageMetrics.psnr(shown, colours)));
            out.put("ssim", mean(ImageMetrics.ssim(shown, colours)));
            float[] values = shown.toFloats();
            if (target.channels() == 4) {
                Tensor mask = Ops.contiguous(Ops.slice(truth, 1, 3, 4));
                out.put("foreground_psnr", foreground(values, target, false));
                out.put("mask_iou", mean(ImageMetrics.maskIou(shown, mask, new double[] {1, 1, 1}, IOU_THRESHOLD)));
                out.put("white_psnr", foreground(values, target, true));
            }
            int image = 3 * target.height() * target.width();
            List<float[]> pictures = new java.util.ArrayList<>();
            for (int v = 0; v < target.views(); v++) {
                pictures.add(java.util.Arrays.copyOfRange(values, v * image, (v + 1) * image));
            }
            return new ReconstructionMetrics(out, pictures);
        }
    }

    /** Mean over views of the PSNR over foreground pixels; with {@code white}, of a white picture over all pixels. */
    private static double foreground(float[] rendering, Scene target, boolean white) {
        int plane = target.height() * target.width();
        double total = 0;
        int counted = 0;
        for (int v = 0; v < target.views(); v++) {
            int at = v * target.channels() * plane;
            double sum = 0;
            long n = 0;
            for (int p = 0; p < plane; p++) {
                if (white || target.images()[at + 3 * plane + p] > 0.5f) {
                    for (int c = 0; c < 3; c++) {
                        double d = target.images()[at + c * plane + p] - (white ? 1 : rendering[(v * 3 + c) * plane + p]);
                        sum += d * d;
                    }
                    n += 3;
                }
            }
            if (n > 0) {
                total += -10 * Math.log10(Math.max(sum / n, 1e-10));
                counted++;
            }
        }
        return counted == 0 ? Double.NaN : total / counted;
    }

    private static double mean(double[] values) {
        return java.util.Arrays.stream(values).average().orElse(Double.NaN);
    }
}
