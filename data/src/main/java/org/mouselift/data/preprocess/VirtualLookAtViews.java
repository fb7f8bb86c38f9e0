package org.mouselift.data.preprocess;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;
import org.apache.commons.math3.geometry.euclidean.threed.Vector3D;
import org.mouselift.data.camera.Camera;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.camera.Homography;
import org.mouselift.data.camera.Intrinsics;
import org.mouselift.data.camera.RigNormalization;
import org.mouselift.data.camera.VirtualLookAt;
import org.mouselift.data.image.Image8;

/**
 * Every camera turned on the spot to look at the subject, with one lens for all views and the principal point in the middle; exact,
 * because turning has no parallax (mouse specification §4.6). The subject's centre becomes the origin of the world.
 *
 * @param ratio size ratio that the largest view shall have; empty: the standard lens (50°)
 */
public record VirtualLookAtViews(OptionalDouble ratio, double margin, int size) implements PreprocessMethod {
    public VirtualLookAtViews {
        if (ratio.isPresent() && !(ratio.getAsDouble() > 0 && ratio.getAsDouble() <= 1) || !(margin >= 0 && margin < 1)) {
            throw new IllegalArgumentException("virtual-lookat: ratio " + ratio + ", margin " + margin + "; expected 0 < ratio ≤ 1, 0 ≤ margin < 1");
        }
    }

    @Override
    public String id() {
        return "virtual-lookat";
    }

    @Override
    public Contract contract() {
        return Contract.EXACT;
    }

    @Override
    public Outcome apply(List<Image8> views, CameraRig cameras) throws PreprocessException {
        MaskStatistics[] masks = PreprocessMethod.masks(views, MaskStatistics.THRESHOLD);
        Vector3D center = SubjectCenter.ofHull(views, cameras, masks);
        double focal = ratio.isPresent() ? focal(masks, views, cameras, center) : Intrinsics.standard(size).fx();
        Intrinsics k = new Intrinsics(focal, focal, size / 2.0, size / 2.0, size, size);
        List<Image8> images = new ArrayList<>();
        List<Camera> turned = new ArrayList<>();
        double[] clipped = new double[masks.length];
        for (int i = 0; i < masks.length; i++) {
            VirtualLookAt v = VirtualLookAt.of(cameras.get(i), center, k);
            images.add(Resampling.homography(views.get(i), v.toOutput(), size, size));
            turned.add(v.camera());
            clipped[i] = clipped(views.get(i), v.toOutput());
        }
        ObjectNode block = JsonNodeFactory.instance.objectNode().put("method", "virtual_lookat").put("focal", focal).put("intrinsics", "exact")
                .put("intrinsics_updated", true);
        ratio.ifPresent(r -> block.put("target_ratio", r));
        block.putArray("scene_center").add(center.getX()).add(center.getY()).add(center.getZ());
        block.put("inverse", "X_before = X + scene_center");
        return new Outcome(images, RigNormalization.recenter(new CameraRig(cameras.id(), turned), center), "virtual_lookat_info", block, clipped);
    }

    /** The longest lens with which no view exceeds the ratio or leaves the frame. */
    private double focal(MaskStatistics[] masks, List<Image8> views, CameraRig cameras, Vector3D center) {
        double focal = Double.POSITIVE_INFINITY;
        for (int i = 0; i < masks.length; i++) {
            // A lens of one pixel gives the picture in units of the tangent; everything scales with the lens from there.
            Homography unit = VirtualLookAt.of(cameras.get(i), center, new Intrinsics(1, 1, 0, 0, size, size)).toOutput();
            double reach = 0;
            double area = 0;
            Image8 image = views.get(i);
            for (int y = 0; y < image.height(); y++) {
                for (int x = 0; x < image.width(); x++) {
                    if (subject(image, x, y)) {
                        Homography.Pixel p = unit.map(x + 0.5, y + 0.5);
                        Homography.Pixel right = unit.map(x + 1.5, y + 0.5);
                        Homography.Pixel below = unit.map(x + 0.5, y + 1.5);
                        reach = Math.max(reach, Math.max(Math.abs(p.u()), Math.abs(p.v())));
                        area += Math.abs((right.u() - p.u()) * (below.v() - p.v()) - (right.v() - p.v()) * (below.u() - p.u()));
                    }
                }
            }
            focal = Math.min(focal, Math.min(ratio.orElseThrow() * size / Math.sqrt(area), size / 2.0 * (1 - margin) / reach));
        }
        return focal;
    }

    private static boolean subject(Image8 image, int x, int y) {
        int c = image.channels();
        return (image.data()[(y * image.width() + x) * c + c - 1] & 0xFF) > MaskStatistics.THRESHOLD;
    }

    private double clipped(Image8 image, Homography toOutput) {
        long all = 0;
        long lost = 0;
        for (int y = 0; y < image.height(); y++) {
            for (int x = 0; x < image.width(); x++) {
                if (subject(image, x, y)) {
                    Homography.Pixel p = toOutput.map(x + 0.5, y + 0.5);
                    all++;
                    lost += p.exists() && p.u() >= 0 && p.v() >= 0 && p.u() <= size && p.v() <= size ? 0 : 1;
                }
            }
        }
        return all == 0 ? 0 : (double) lost / all;
    }
}
