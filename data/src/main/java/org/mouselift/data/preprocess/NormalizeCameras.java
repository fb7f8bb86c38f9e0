package org.mouselift.data.preprocess;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import org.apache.commons.math3.geometry.euclidean.threed.Vector3D;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.camera.RigNormalization;
import org.mouselift.data.image.Image8;

/** Cameras brought to the models' distance, pictures untouched (mouse specification §3.7, §4.4). Equal cameras give equal results. */
public record NormalizeCameras(RigNormalization normalization) implements PreprocessMethod {
    public NormalizeCameras {
        if (normalization.mode().warpsImages()) {
            throw new IllegalArgumentException("normalize-cameras: geometry mode " + normalization.mode().id() + " changes pictures; use --method virtual-lookat");
        }
    }

    @Override
    public String id() {
        return "normalize-cameras";
    }

    @Override
    public Contract contract() {
        return normalization.mode().exact() ? Contract.EXACT : Contract.FROZEN;
    }

    @Override
    public Outcome apply(List<Image8> views, CameraRig cameras) {
        RigNormalization.Result r = normalization.apply(cameras);
        ObjectNode block = JsonNodeFactory.instance.objectNode().put("original_avg_distance", cameras.meanDistance())
                .put("target_distance", normalization.targetDistance()).put("scale_factor", r.similarity().scale());
        // The translation is applied after turn and scale: it carries the centre to the origin.
        Vector3D c = r.similarity().inverse().apply(Vector3D.ZERO);
        block.putArray("scene_center").add(c.getX()).add(c.getY()).add(c.getZ());
        var p = r.similarity().translation();
        block.putArray("translation").add(p.getX()).add(p.getY()).add(p.getZ());
        block.set("steps", r.steps());
        return new Outcome(views, r.rig(), "normalization_info", block, new double[views.size()]);
    }
}
