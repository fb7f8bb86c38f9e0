package org.mouselift.data.preprocess;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import org.apache.commons.math3.geometry.euclidean.threed.Vector3D;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.camera.Projection;
import org.mouselift.data.camera.RigNormalization;
import org.mouselift.data.image.Image8;

/**
 * The subject's centre in 3D becomes the origin of the world and the middle of every picture, one scale for the sample, cameras exact
 * (mouse specification §3.10). The block holds the way back to the world before.
 */
public record Hull3d(double ratio, double margin, MoveSettings settings) implements PreprocessMethod {
    public Hull3d {
        if (!(ratio > 0 && ratio <= 1) || !(margin >= 0 && margin < 1) || settings.contract() != Contract.EXACT) {
            throw new IllegalArgumentException("hull3d: ratio " + ratio + ", margin " + margin + ", intrinsics " + settings.contract().id()
                    + "; expected 0 < ratio ≤ 1, 0 ≤ margin < 1 and exact intrinsics");
        }
    }

    @Override
    public String id() {
        return "hull3d";
    }

    @Override
    public Contract contract() {
        return Contract.EXACT;
    }

    @Override
    public Outcome apply(List<Image8> views, CameraRig cameras) throws PreprocessException {
        MaskStatistics[] masks = PreprocessMethod.masks(views, MaskStatistics.THRESHOLD);
        Vector3D center = SubjectCenter.ofHull(views, cameras, masks);
        int size = settings.size();
        double s = Double.POSITIVE_INFINITY;
        List<Projection> at = new ArrayList<>();
        for (int i = 0; i < masks.length; i++) {
            Projection p = cameras.get(i).project(center);
            at.add(p);
            s = Math.min(s, UniformScale.safeScale(masks[i], p.u() - 0.5, p.v() - 0.5, ratio * size / Math.sqrt(masks[i].pixels()), size, margin));
        }
        List<Placement> placements = new ArrayList<>();
        for (Projection p : at) {
            // Edge coordinate p goes to exactly size/2: the origin then lies on the middle of the picture.
            placements.add(new Placement(s, s, size / 2.0 - s * p.u() - 0.5 * (1 - s), size / 2.0 - s * p.v() - 0.5 * (1 - s), size, size));
        }
        ObjectNode block = JsonNodeFactory.instance.objectNode().put("method", "hull3d").put("target_ratio", ratio).put("safe_margin", margin)
                .put("uniform_scale", s);
        block.putArray("scene_center").add(center.getX()).add(center.getY()).add(center.getZ());
        block.put("inverse", "X_before = X + scene_center");
        return Placement.move(views, RigNormalization.recenter(cameras, center), placements, settings, "hull3d_info", block);
    }
}
