package org.mouselift.pipeline.fit;

import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.mouselift.data.camera.Camera;
import org.mouselift.data.camera.Rings;
import org.mouselift.data.ply.GaussianCloud;
import org.mouselift.data.synth.MouseView;
import org.mouselift.data.synth.SynthMouse;
import org.mouselift.models.splat.SplatImage;
import org.mouselift.models.splat.SplatRasterizer;
import org.mouselift.pipeline.render.SplatScene;

/** Small subjects with known views. */
final class FitScenes {
    private FitScenes() {}

    static List<Camera> cameras(int views, int size) {
        return Rings.turntable(views, 20, 2.7, 50, size, size).cameras();
    }

    /** A few opaque, coloured Gaussians around the origin. */
    static GaussianCloud blobs(int n, long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        float[] xyz = new float[3 * n], features = new float[3 * n], scaling = new float[3 * n], rotation = new float[4 * n], opacity = new float[n];
        for (int i = 0; i < n; i++) {
            for (int k = 0; k < 3; k++) {
                xyz[3 * i + k] = (float) random.nextDouble(-0.5, 0.5);
                features[3 * i + k] = (float) random.nextDouble(-1.6, 1.0);
                scaling[3 * i + k] = (float) random.nextDouble(-2.6, -1.7);
            }
            for (int k = 0; k < 4; k++) {
                rotation[4 * i + k] = (float) random.nextGaussian();
            }
            opacity[i] = 3;
        }
        return new GaussianCloud(n, 0, xyz, features, scaling, rotation, opacity);
    }

    /** The views of a cloud, rendered on white. */
    static List<FitView> views(GaussianCloud cloud, List<Camera> cameras) {
        SplatRasterizer rasterizer = new SplatRasterizer();
        List<FitView> out = new ArrayList<>();
        for (int i = 0; i < cameras.size(); i++) {
            var camera = SplatScene.camera(cameras.get(i));
            SplatImage image = SplatImage.allocate(camera.width(), camera.height());
            rasterizer.render(SplatScene.parameters(cloud), camera, new float[] {1, 1, 1}, 1, image);
            float[] rgb = image.rgbArray();
            for (int k = 0; k < rgb.length; k++) {
                rgb[k] = Math.clamp(rgb[k], 0f, 1f);
            }
            out.add(new FitView("view " + i, camera, rgb, image.alpha().toArray(ValueLayout.JAVA_FLOAT)));
        }
        return out;
    }

    /** The views of a procedural mouse on white. */
    static List<FitView> mouse(long seed, List<Camera> cameras) {
        List<FitView> out = new ArrayList<>();
        for (MouseView view : SynthMouse.of(seed, 0).render(cameras)) {
            int pixels = view.width() * view.height();
            float[] rgb = new float[3 * pixels], alpha = new float[pixels];
            for (int i = 0; i < pixels; i++) {
                alpha[i] = (view.rgba()[4 * i + 3] & 0xFF) / 255f;
                for (int c = 0; c < 3; c++) {
                    rgb[c * pixels + i] = (view.rgba()[4 * i + c] & 0xFF) / 255f * alpha[i] + 1 - alpha[i];
                }
            }
            out.add(new FitView("view " + out.size(), SplatScene.camera(cameras.get(out.size())), rgb, alpha));
        }
        return out;
    }

}
