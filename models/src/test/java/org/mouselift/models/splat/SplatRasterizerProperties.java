package org.mouselift.models.splat;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.MemorySegment;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.DoubleRange;
import net.jqwik.api.constraints.IntRange;

/** The float32 renderer against the float64 one on random scenes. */
class SplatRasterizerProperties {
    @Property(tries = 60, seed = "20240917")
    void agreesWithFloat64(@ForAll long seed, @ForAll @IntRange(min = 1, max = 120) int n, @ForAll @IntRange(min = 0, max = 3) int degree,
            @ForAll @IntRange(min = 1, max = 60) int width, @ForAll @IntRange(min = 1, max = 50) int height,
            @ForAll @DoubleRange(min = -5, max = 0) double logScale, @ForAll @DoubleRange(min = -3, max = 5) double logit,
            @ForAll @IntRange(min = 0, max = 359) int azimuth) {
        GaussianParameters scene = Scenes.random(seed, n, degree, 0.5, logScale, logit);
        SplatCamera camera = Scenes.camera(width, height, azimuth);
        float[] background = {1, 0.5f, 0};
        SplatReference reference = new SplatReference(Scenes.wide(scene), camera, new double[] {1, 0.5, 0}, 1);
        SplatRasterizer rasterizer = new SplatRasterizer(RasterOptions.DEFAULT.withReferenceLists());
        SplatImage image = SplatImage.allocate(width, height);
        rasterizer.render(scene, camera, background, 1, image);
        // Pixels at a threshold (alpha 1/255, stop 1e-4) may jump in float32: by at most 1/255 of the colours; few of them.
        float[] rgb = image.rgbArray(), alpha = Scenes.narrow(image.alpha()), depth = Scenes.narrow(image.depth());
        int plane = width * height, jumps = 0;
        boolean[] jumped = new boolean[plane];
        for (int i = 0; i < plane; i++) {
            double error = Math.max(Math.abs(alpha[i] - reference.alpha[i]), Math.abs(depth[i] - reference.depth[i]) / 5);
            for (int c = 0; c < 3; c++) {
                error = Math.max(error, Math.abs(rgb[c * plane + i] - reference.rgb[c * plane + i]) / 5);
            }
            assertTrue(error < 0.02, "pixel " + i + " is off by " + error);
            if (error > 5e-6) {
                jumped[i] = true;
                jumps++;
            }
        }
        assertTrue(jumps <= 2 + plane / 200, jumps + " of " + plane + " pixels jumped");

        float[] w = Scenes.uniform(seed + 1, 3 * plane), wa = Scenes.uniform(seed + 2, plane), wd = Scenes.uniform(seed + 3, plane);
        for (int i = 0; i < plane; i++) {
            if (jumped[i]) {
                w[i] = w[plane + i] = w[2 * plane + i] = wa[i] = wd[i] = 0;
            }
        }
        GaussianParameters gradients = scene.zerosLike();
        rasterizer.backward(MemorySegment.ofArray(w), MemorySegment.ofArray(wa), MemorySegment.ofArray(wd), gradients, null);
        SplatRasterizerTest.assertGradientsClose(reference.backward(Scenes.wide(w), Scenes.wide(wa), Scenes.wide(wd)), gradients, 2e-4);
    }

    @Property(tries = 30, seed = "77")
    void manyViewsAddUp(@ForAll long seed, @ForAll @IntRange(min = 1, max = 4) int views) {
        GaussianParameters scene = Scenes.random(seed, 40, 1, 0.4, -2.5, 0);
        SplatRasterizer rasterizer = new SplatRasterizer();
        java.util.List<SplatCamera> cameras = new java.util.ArrayList<>();
        java.util.List<SplatImage> images = new java.util.ArrayList<>();
        java.util.List<MemorySegment> upstream = new java.util.ArrayList<>();
        GaussianParameters direct = scene.zerosLike(), deferred = scene.zerosLike();
        for (int v = 0; v < views; v++) {
            cameras.add(Scenes.camera(30 + v, 20, 37 * v));
            images.add(SplatImage.allocate(30 + v, 20));
            upstream.add(MemorySegment.ofArray(Scenes.uniform(v, 3 * (30 + v) * 20)));
            SplatImage image = SplatImage.allocate(30 + v, 20);
            rasterizer.render(scene, cameras.get(v), new float[] {1, 1, 1}, 1, image);
            rasterizer.backward(upstream.get(v), null, null, direct, null);
        }
        DeferredBackpropagation many = new DeferredBackpropagation(rasterizer);
        many.render(scene, cameras, new float[] {1, 1, 1}, 1, images);
        many.backward(upstream, deferred);
        for (int g = 0; g < 5; g++) {
            assertEquals(-1, Scenes.segments(direct)[g].mismatch(Scenes.segments(deferred)[g]), "group " + g);
        }
    }
}
