package org.mouselift.data.preprocess;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.image.Image8;

/**
 * One scale for the whole sample, the smallest that any view can bear, each view's centre of mass in the middle (mouse specification
 * §3.3). Relative sizes between the views keep their meaning.
 *
 * @param ratio      wanted size ratio
 * @param margin     share of the half picture that stays free around the subject
 * @param fitInFrame false: scaling about the middle of the picture, whatever is cut off
 */
public record UniformScale(double ratio, double margin, boolean fitInFrame, MoveSettings settings) implements PreprocessMethod {
    public UniformScale {
        if (!(ratio > 0 && ratio <= 1) || !(margin >= 0 && margin < 1)) {
            throw new IllegalArgumentException("uniform-scale: ratio " + ratio + ", margin " + margin + "; expected 0 < ratio ≤ 1, 0 ≤ margin < 1");
        }
    }

    @Override
    public String id() {
        return "uniform-scale";
    }

    @Override
    public Contract contract() {
        return settings.contract();
    }

    @Override
    public Outcome apply(List<Image8> views, CameraRig cameras) throws PreprocessException {
        MaskStatistics[] masks = PreprocessMethod.masks(views, MaskStatistics.THRESHOLD);
        int size = settings.size();
        double s = Double.POSITIVE_INFINITY;
        int limited = 0;
        ObjectNode block = JsonNodeFactory.instance.objectNode().put("method", "sample_uniform_scale").put("target_ratio", ratio).put("safe_margin", margin);
        ArrayNode ratios = JsonNodeFactory.instance.arrayNode();
        ArrayNode scales = JsonNodeFactory.instance.arrayNode();
        for (MaskStatistics m : masks) {
            double desired = ratio / m.sizeRatio() * size / Math.sqrt((double) m.width() * m.height());
            double safe = fitInFrame ? safeScale(m, m.comX(), m.comY(), desired, size, margin) : desired;
            limited += safe < desired ? 1 : 0;
            ratios.add(m.sizeRatio());
            scales.add(safe);
            s = Math.min(s, safe);
        }
        block.put("uniform_scale", s).put("scale_limited_views", limited);
        block.set("original_ratios", ratios);
        block.set("per_view_safe_scales", scales);
        List<Placement> placements = new ArrayList<>();
        for (MaskStatistics m : masks) {
            placements.add(fitInFrame ? Placement.centred(s, m.comX(), m.comY(), size)
                    : about(s, m, size));
        }
        return Placement.move(views, cameras, placements, settings, "uniform_scale_info", block);
    }

    /** Scaling about the middle of the picture: edge coordinate w/2 goes to size/2. */
    static Placement about(double s, MaskStatistics m, int size) {
        double shift = -0.5 * (1 - s);
        return new Placement(s, s, size / 2.0 - s * m.width() / 2.0 + shift, size / 2.0 - s * m.height() / 2.0 + shift, size, size);
    }

    /** The largest scale up to {@code desired} that keeps the box inside the frame when (x, y) is put in the middle. */
    static double safeScale(MaskStatistics m, double x, double y, double desired, int size, double margin) {
        double half = size / 2.0 * (1 - margin);
        double safe = desired;
        for (double reach : new double[] {x - m.x1(), m.x2() - x, y - m.y1(), m.y2() - y}) {
            if (reach > 0) {
                safe = Math.min(safe, half / reach);
            }
        }
        return safe;
    }
}
