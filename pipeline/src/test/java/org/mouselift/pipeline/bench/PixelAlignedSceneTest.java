package org.mouselift.pipeline.bench;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.mouselift.data.camera.Camera;
import org.mouselift.data.synth.MouseView;
import org.mouselift.data.synth.SynthMouse;
import org.mouselift.engine.Scope;
import org.mouselift.models.splat.GaussianParameters;
import org.mouselift.models.splat.SplatImage;
import org.mouselift.models.splat.SplatRasterizer;
import org.mouselift.pipeline.render.SplatScene;

/** The Gaussians that the renderer is timed with look like what a network makes. */
class PixelAlignedSceneTest {
    private static final int SIDE = 96;

    private static float[][] numbers(PixelAlignedScene.Stage stage) {
        try (Scope s = Scope.open("test")) {
            return PixelAlignedScene.of(stage, 6, SIDE).gaussians().stream().map(t -> {
                double[] wide = t.toDoubles();
                float[] narrow = new float[wide.length];
                for (int i = 0; i < wide.length; i++) {
                    narrow[i] = (float) wide[i];
                }
                return narrow;
            }).toArray(float[][]::new);
        }
    }

    @Test
    void theTrainedSceneShowsTheMouseToUnseenCameras() {
        float[][] g = numbers(PixelAlignedScene.Stage.TRAINED);
        GaussianParameters p = GaussianParameters.of(0, g[0], g[2], g[3], g[4], g[1]);
        SplatRasterizer rasterizer = new SplatRasterizer();
        List<Camera> cameras = PixelAlignedScene.between(3, SIDE);
        List<MouseView> truth = SynthMouse.of(7, 3).render(cameras);
        for (int v = 0; v < 3; v++) {
            SplatImage image = SplatImage.allocate(SIDE, SIDE);
            rasterizer.render(p, SplatScene.camera(cameras.get(v)), new float[] {1, 1, 1}, 1, image);
            byte[] mask = truth.get(v).mask();
            float[] alpha = image.alpha().toArray(java.lang.foreign.ValueLayout.JAVA_FLOAT);
            int both = 0, either = 0;
            for (int i = 0; i < mask.length; i++) {
                boolean in = mask[i] != 0, seen = alpha[i] > 0.5;
                both += in && seen ? 1 : 0;
                either += in || seen ? 1 : 0;
            }
            assertTrue(both > 0.7 * either, "camera " + v + ": " + both + " of " + either);
        }
        double opaque = share(g[4], 3), usable = share(g[4], Math.log(0.04 / 0.96));
        assertTrue(usable > 0.2 && usable < 0.5 && opaque > 0.01 && opaque < 0.1, usable + " above 0.04, " + opaque + " nearly opaque");
    }

    private static double share(float[] logits, double above) {
        int n = 0;
        for (float logit : logits) {
            n += logit > above ? 1 : 0;
        }
        return (double) n / logits.length;
    }

    @Test
    void theUntrainedSceneHasTheScalesAndOpacitiesOfInitialisation() {
        float[][] g = numbers(PixelAlignedScene.Stage.UNTRAINED);
        assertEquals(6 * SIDE * SIDE, g[4].length);
        double scale = 0, opacity = 0;
        for (int i = 0; i < g[4].length; i++) {
            scale += Math.exp(g[2][3 * i]) / g[4].length;
            opacity += 1 / (1 + Math.exp(-g[4][i])) / g[4].length;
        }
        assertEquals(0.1003, scale, 0.001);
        assertEquals(0.1192, opacity, 0.001);
    }

    @Test
    void sameNumbersEveryTime() {
        float[][] a = numbers(PixelAlignedScene.Stage.TRAINED), b = numbers(PixelAlignedScene.Stage.TRAINED);
        for (int i = 0; i < 5; i++) {
            assertArrayEquals(a[i], b[i]);
        }
        float[] sorted = a[4].clone();
        Arrays.sort(sorted);
        assertTrue(sorted[sorted.length - 1] > sorted[0], "not all the same");
    }
}
