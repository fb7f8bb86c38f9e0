package org.mouselift.data.preprocess;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.image.Image8;

/**
 * Every view's box moved to the centre, one scale for the sample: the largest side of all boxes becomes {@code ratio} of the picture
 * (mouse specification §3.2).
 *
 * @param anchorFirst all views get the shift of view 0 instead of their own
 */
public record CenterAlign(double ratio, boolean anchorFirst, MoveSettings settings) implements PreprocessMethod {
    public CenterAlign {
        if (!(ratio > 0 && ratio <= 1)) {
            throw new IllegalArgumentException("center-align: ratio " + ratio + ", expected 0 < ratio ≤ 1");
        }
    }

    @Override
    public String id() {
        return "center-align";
    }

    @Override
    public Contract contract() {
        return settings.contract();
    }

    @Override
    public Outcome apply(List<Image8> views, CameraRig cameras) throws PreprocessException {
        MaskStatistics[] masks = PreprocessMethod.masks(views, 0);
        int side = 0;
        for (MaskStatistics m : masks) {
            side = Math.max(side, m.boxSide());
        }
        int size = settings.size();
        double s = ratio * size / Math.max(1, side);
        List<Placement> placements = new ArrayList<>();
        for (int i = 0; i < masks.length; i++) {
            MaskStatistics m = masks[anchorFirst ? 0 : i];
            int w = Math.max(1, (int) (masks[i].width() * s));
            int h = Math.max(1, (int) (masks[i].height() * s));
            double sx = (double) w / masks[i].width();
            double sy = (double) h / masks[i].height();
            // Truncation toward zero, as the original pastes; in edge coordinates the picture is scaled and then shifted by whole pixels.
            int ox = offset(m.boxCenterX(), s, sx, size);
            int oy = offset(m.boxCenterY(), s, sy, size);
            placements.add(new Placement(sx, sy, ox - 0.5 * (1 - sx), oy - 0.5 * (1 - sy), size, size));
        }
        ObjectNode block = JsonNodeFactory.instance.objectNode().put("method", "center_align_all_views").put("target_ratio", ratio).put("scale", s)
                .put("anchor", anchorFirst ? "first" : "each");
        return Placement.move(views, cameras, placements, settings, "center_align_info", block);
    }

    /** The original cuts halves off and forgets that pixel centres move by half of the enlargement: its boxes are up to two pixels off the middle. */
    private int offset(double center, double wanted, double scale, int size) {
        return settings.contract() == Contract.FROZEN ? (int) (size / 2.0 - center * wanted) : (int) Math.round(size / 2.0 - center * scale - 0.5 * (scale - 1));
    }
}
