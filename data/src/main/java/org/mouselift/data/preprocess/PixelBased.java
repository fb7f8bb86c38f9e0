package org.mouselift.data.preprocess;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.image.Image8;

/**
 * Every view's centre of mass in the middle and its mask scaled to the same number of pixels (mouse specification §3.4). With exact
 * intrinsics the geometry is consistent: a zoom of one view is fully described by its own focal length.
 */
public record PixelBased(double ratio, MoveSettings settings) implements PreprocessMethod {
    public PixelBased {
        if (!(ratio > 0 && ratio <= 1)) {
            throw new IllegalArgumentException("pixel-based: ratio " + ratio + ", expected 0 < ratio ≤ 1");
        }
    }

    @Override
    public String id() {
        return "pixel-based";
    }

    @Override
    public Contract contract() {
        return settings.contract();
    }

    @Override
    public Outcome apply(List<Image8> views, CameraRig cameras) throws PreprocessException {
        MaskStatistics[] masks = PreprocessMethod.masks(views, MaskStatistics.THRESHOLD);
        int size = settings.size();
        List<Placement> placements = new ArrayList<>();
        double[] scales = new double[masks.length];
        for (int i = 0; i < masks.length; i++) {
            MaskStatistics m = masks[i];
            scales[i] = ratio * size / Math.sqrt(m.pixels());
            placements.add(Placement.centred(scales[i], m.comX(), m.comY(), size));
        }
        ObjectNode block = JsonNodeFactory.instance.objectNode().put("method", "center_of_mass_and_pixel_scale").put("target_size_ratio", ratio)
                .put("output_size", size);
        Outcome out = Placement.move(views, cameras, placements, settings, "pixel_based_preprocessing", block);
        ArrayNode stats = JsonNodeFactory.instance.arrayNode();
        for (int i = 0; i < masks.length; i++) {
            MaskStatistics m = masks[i];
            MaskStatistics after = MaskStatistics.of(out.images().get(i));
            ObjectNode v = stats.addObject().put("view_idx", i).put("success", true);
            v.putArray("original_com").add(m.comX()).add(m.comY());
            v.putArray("original_bbox_center").add(m.boxCenterX()).add(m.boxCenterY());
            v.put("com_bbox_diff", Math.hypot(m.comX() - m.boxCenterX(), m.comY() - m.boxCenterY()));
            v.put("original_size_ratio", m.sizeRatio()).put("scale_factor", scales[i]);
            if (!after.isEmpty()) {
                v.putArray("output_com").add(after.comX()).add(after.comY());
            }
            v.put("output_size_ratio", after.sizeRatio());
        }
        out.block().set("view_stats", stats);
        return out;
    }
}
