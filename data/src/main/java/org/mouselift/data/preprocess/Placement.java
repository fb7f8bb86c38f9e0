package org.mouselift.data.preprocess;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import org.mouselift.data.camera.Camera;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.camera.ImageOperation;
import org.mouselift.data.camera.Intrinsics;
import org.mouselift.data.image.Image8;

/**
 * Where one view goes: {@code x' = sx·x + tx} in index coordinates (mouse specification §3.1). Both the pixels and the camera follow
 * from it, so that they cannot disagree.
 *
 * @param width  of the new picture
 * @param height of the new picture
 */
record Placement(double sx, double sy, double tx, double ty, int width, int height) {
    /** Scaled by {@code s} so that index point (x, y) lands on the nominal centre (size/2, size/2). */
    static Placement centred(double s, double x, double y, int size) {
        return new Placement(s, s, size / 2.0 - s * x, size / 2.0 - s * y, size, size);
    }

    Image8 apply(Image8 image, Resampling.Mode mode) {
        return Resampling.affine(image, sx, sy, tx, ty, width, height, mode);
    }

    /** @param halfPixel false reproduces the original, which forgot that a pixel's centre is not its corner */
    Camera apply(Camera camera, boolean halfPixel) {
        Camera exact = new ImageOperation.IndexAffine(sx, sy, tx, ty, width, height).apply(camera);
        if (halfPixel) {
            return exact;
        }
        Intrinsics k = exact.intrinsics();
        return exact.withIntrinsics(new Intrinsics(k.fx(), k.fy(), k.cx() - 0.5 * (1 - sx), k.cy() - 0.5 * (1 - sy), width, height));
    }

    /** Share of the mask pixels whose centres leave the new picture. */
    double clipped(Image8 image, int threshold) {
        long all = 0;
        long lost = 0;
        int c = image.channels();
        for (int y = 0, at = c - 1; y < image.height(); y++) {
            double v = sy * y + ty;
            for (int x = 0; x < image.width(); x++, at += c) {
                if ((image.data()[at] & 0xFF) > threshold) {
                    double u = sx * x + tx;
                    all++;
                    lost += u < -0.5 || v < -0.5 || u > width - 0.5 || v > height - 0.5 ? 1 : 0;
                }
            }
        }
        return all == 0 ? 0 : (double) lost / all;
    }

    /** Moves all views. */
    static PreprocessMethod.Outcome move(List<Image8> views, CameraRig rig, List<Placement> placements, MoveSettings settings, String blockName, ObjectNode block) {
        List<Image8> images = new ArrayList<>();
        List<Camera> cameras = new ArrayList<>();
        double[] clipped = new double[views.size()];
        for (int i = 0; i < views.size(); i++) {
            Placement p = placements.get(i);
            images.add(p.apply(views.get(i), settings.resampling()));
            clipped[i] = p.clipped(views.get(i), MaskStatistics.THRESHOLD);
            cameras.add(switch (settings.contract()) {
                case EXACT -> p.apply(rig.get(i), !settings.legacyHalfPixel());
                case FROZEN -> frozen(rig.get(i), p);
            });
        }
        block.put("intrinsics", settings.contract().id()).put("intrinsics_updated", settings.contract() == PreprocessMethod.Contract.EXACT);
        return new PreprocessMethod.Outcome(images, new CameraRig(rig.id(), cameras), blockName, block, clipped);
    }

    /** The claim of the original: numbers untouched, only resized if the picture's size changes. */
    private static Camera frozen(Camera c, Placement p) {
        Intrinsics k = c.intrinsics();
        return k.width() == p.width && k.height() == p.height ? c : c.withIntrinsics(k.resize(p.width, p.height));
    }
}
