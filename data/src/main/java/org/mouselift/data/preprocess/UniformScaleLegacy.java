package org.mouselift.data.preprocess;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.image.Image8;

/** The early version: every view scaled to the same size about its middle, nothing centred (mouse specification §3.3, legacy). */
public record UniformScaleLegacy(double ratio, MoveSettings settings) implements PreprocessMethod {
    public UniformScaleLegacy {
        if (!(ratio > 0 && ratio <= 1)) {
            throw new IllegalArgumentException("uniform-legacy: ratio " + ratio + ", expected 0 < ratio ≤ 1");
        }
    }

    @Override
    public String id() {
        return "uniform-legacy";
    }

    @Override
    public Contract contract() {
        return settings.contract();
    }

    @Override
    public Outcome apply(List<Image8> views, CameraRig cameras) throws PreprocessException {
        MaskStatistics[] masks = PreprocessMethod.masks(views, MaskStatistics.THRESHOLD);
        List<Placement> placements = new ArrayList<>();
        ArrayNode scales = JsonNodeFactory.instance.arrayNode();
        int size = settings.size();
        for (MaskStatistics m : masks) {
            double s = ratio / m.sizeRatio() * size / Math.sqrt((double) m.width() * m.height());
            scales.add(s);
            placements.add(UniformScale.about(s, m, size));
        }
        ObjectNode block = JsonNodeFactory.instance.objectNode().put("method", "image_based").put("target_ratio", ratio);
        block.set("scale_factors", scales);
        return Placement.move(views, cameras, placements, settings, "uniform_scale_info", block);
    }
}
