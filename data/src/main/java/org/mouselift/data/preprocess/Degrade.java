package org.mouselift.data.preprocess;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.dataset.PictureDegradation;
import org.mouselift.data.image.Image8;

/**
 * Pictures made worse: colours, blur, noise, compression, masks (mouse specification §8, K-71). Cameras stay; what is drawn depends on seed and picture
 * alone.
 */
public record Degrade(PictureDegradation degradation, long seed) implements PreprocessMethod {
    public Degrade {
        if (!degradation.changes() || degradation.poseJitter() != 0) {
            throw new IllegalArgumentException("degrade: " + (degradation.changes() ? "cameras are not made worse in a data set, only in training (mouse.augmentation.pose_jitter)"
                    : "nothing to do; give one of --noise, --blur, --jpeg, --gain, --mask-shift"));
        }
    }

    @Override
    public String id() {
        return "degrade";
    }

    @Override
    public Contract contract() {
        return Contract.EXACT;
    }

    @Override
    public Outcome apply(List<Image8> views, CameraRig cameras) throws PreprocessException {
        List<Image8> out = new ArrayList<>();
        for (int i = 0; i < views.size(); i++) {
            Image8 view = views.get(i);
            Image8 bad = degradation.apply(view.hasAlpha() ? view.toRgba() : view.toRgb(), new SplittableRandom(seed * 31 + Arrays.hashCode(view.data()) * 1009L + i));
            if (bad.hasAlpha() && MaskStatistics.of(bad).isEmpty()) {
                throw new PreprocessException("empty_mask", "view " + i + ": the mask is too thin to shrink by " + degradation.maskShift() + " pixels");
            }
            out.add(bad);
        }
        ObjectNode block = JsonNodeFactory.instance.objectNode().put("method", "degrade").put("seed", seed).put("mask_shift", degradation.maskShift());
        put(block, "gain", degradation.gain());
        put(block, "blur", degradation.blur());
        put(block, "noise", degradation.noise());
        put(block, "jpeg", degradation.jpeg());
        return new Outcome(out, cameras, "degrade_info", block, new double[views.size()]);
    }

    private static void put(ObjectNode block, String name, float[] range) {
        block.putArray(name).add(range[0]).add(range[1]);
    }

    /** Settings as text, for the record. */
    @Override
    public String toString() {
        return "Degrade[gain=" + Arrays.toString(degradation.gain()) + ", blur=" + Arrays.toString(degradation.blur()) + ", noise=" + Arrays.toString(degradation.noise()) + ", jpeg="
                + Arrays.toString(degradation.jpeg()) + ", maskShift=" + degradation.maskShift() + ", seed=" + seed + "]";
    }
}
