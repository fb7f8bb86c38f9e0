package org.mouselift.pipeline.fit;

import org.mouselift.models.splat.SplatCamera;

/**
 * One calibrated view of the subject.
 *
 * @param name how reports call it, for example the picture's file name
 * @param rgb picture on white, [3,H,W] in [0,1]
 * @param alpha mask of the subject, [H,W] in [0,1]
 */
public record FitView(String name, SplatCamera camera, float[] rgb, float[] alpha) {
    public FitView {
        int pixels = camera.width() * camera.height();
        if (rgb.length != 3 * pixels || alpha.length != pixels) {
            throw new IllegalArgumentException("view " + name + ": " + rgb.length + " colour and " + alpha.length + " alpha values for a camera of "
                + camera.width() + "x" + camera.height() + " pixels, expected " + 3 * pixels + " and " + pixels);
        }
    }

    public int width() {
        return camera.width();
    }

    public int height() {
        return camera.height();
    }
}
