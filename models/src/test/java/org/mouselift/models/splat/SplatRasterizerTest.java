package org.mouselift.models.splat;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.mouselift.engine.cpu.Workers;

class SplatRasterizerTest {
    private static final float[] GREY = {0.25f, 0.5f, 0.75f};

    private record Output(SplatImage image, GaussianParameters gradients, SplatRasterizer rasterizer) {
        void assertSameBits(Output other) {
            assertArrayEquals(image.rgbArray(), other.image.rgbArray());
            assertEquals(-1, image.alpha().mismatch(other.image.alpha()));
            assertEquals(-1, image.depth().mismatch(other.image.depth()));
            assertSameGradientBits(other);
        }

        void assertSameGradientBits(Output other) {
            for (int i = 0; i < 5; i++) {
                assertEquals(-1, Scenes.segments(gradients)[i].mismatch(Scenes.segments(other.gradients)[i]), "gradient group " + i);
            }
        }
    }

    private static Output run(RasterOptions options, GaussianParameters scene, SplatCamera camera) {
        SplatRasterizer rasterizer = new SplatRasterizer(options);
        int pixels = camera.width() * camera.height();
        SplatImage image = SplatImage.allocate(camera.width(), camera.height());
        rasterizer.render(scene, camera, GREY, 1, image);
        GaussianParameters gradients = scene.zerosLike();
        rasterizer.backward(MemorySegment.ofArray(Scenes.uniform(1, 3 * pixels)), MemorySegment.ofArray(Scenes.uniform(2, pixels)),
            MemorySegment.ofArray(Scenes.uniform(3, pixels)), gradients, null);
        return new Output(image, gradients, rasterizer);
    }

    /** Enough Gaussians that every stage really splits its work. */
    private static final GaussianParameters CROWD = Scenes.random(11, 40_000, 1, 0.35, -4, -0.5);

    @Test
    void sameBitsWithOneThreadAndWithAll() {
        SplatCamera camera = Scenes.camera(150, 130, 30);
        Output parallel = run(RasterOptions.DEFAULT, CROWD, camera);
        Output[] sequential = new Output[2];
        // Inside a parallel region everything runs on the calling thread.
        Workers.each(2, (worker, task) -> {
            if (task == 0) {
                sequential[0] = run(RasterOptions.DEFAULT, CROWD, camera);
            }
        });
        parallel.assertSameBits(sequential[0]);
        assertTrue(parallel.rasterizer.visible() > 30_000);
    }

    @Test
    void reusedBuffersGiveTheSameBits() {
        SplatCamera camera = Scenes.camera(70, 50, 200);
        GaussianParameters scene = Scenes.random(4, 800, 2, 0.4, -2.6, 0);
        Output fresh = run(RasterOptions.DEFAULT, scene, camera);
        SplatRasterizer used = run(RasterOptions.DEFAULT, CROWD, Scenes.camera(150, 130, 30)).rasterizer;
        SplatImage image = SplatImage.allocate(70, 50);
        used.render(scene, camera, GREY, 1, image);
        GaussianParameters gradients = scene.zerosLike();
        used.backward(MemorySegment.ofArray(Scenes.uniform(1, 3 * 3500)), MemorySegment.ofArray(Scenes.uniform(2, 3500)),
            MemorySegment.ofArray(Scenes.uniform(3, 3500)), gradients, null);
        fresh.assertSameBits(new Output(image, gradients, used));
    }

    @Test
    void smallBandsChangeNothing() {
        SplatCamera camera = Scenes.camera(90, 75, 300);
        GaussianParameters scene = Scenes.random(5, 1500, 1, 0.4, -2.5, 0);
        Output whole = run(RasterOptions.DEFAULT, scene, camera);
        Output bands = run(RasterOptions.DEFAULT.withBands(1000, 300), scene, camera);
        assertTrue(whole.rasterizer.tileEntries() > 3000);
        assertArrayEquals(whole.image.rgbArray(), bands.image.rgbArray());
        for (int g = 0; g < 5; g++) {
            // The sum over tiles has the same order, but is cut into partial sums of different length: not even that happens here.
            assertEquals(-1, Scenes.segments(whole.gradients)[g].mismatch(Scenes.segments(bands.gradients)[g]), "group " + g);
        }
        assertArrayEquals(whole.rasterizer.inspect().tileLists(), bands.rasterizer.inspect().tileLists());
    }

    @Test
    void scalarAndVectorKernelsGiveTheSameImageBits() {
        SplatCamera camera = Scenes.camera(67, 45, 77);
        GaussianParameters scene = Scenes.random(6, 1200, 3, 0.4, -2.7, 1);
        Output vector = run(RasterOptions.DEFAULT, scene, camera), scalar = run(RasterOptions.DEFAULT.withKernel(new ScalarTileKernel()), scene, camera);
        assertArrayEquals(scalar.image.rgbArray(), vector.image.rgbArray());
        assertEquals(-1, scalar.image.depth().mismatch(vector.image.depth()));
        assertGradientsClose(Scenes.wide(scalar.gradients), vector.gradients, 2e-5);
    }

    static void assertGradientsClose(SplatReference.Scene expected, GaussianParameters actual, double relativeToLargest) {
        double[][] e = {expected.means(), expected.logScales(), expected.quaternions(), expected.logits(), expected.sh()};
        for (int g = 0; g < 5; g++) {
            float[] a = Scenes.narrow(Scenes.segments(actual)[g]);
            double largest = Arrays.stream(e[g]).map(Math::abs).max().orElse(0);
            for (int i = 0; i < a.length; i++) {
                assertEquals(e[g][i], a[i], relativeToLargest * largest, "group " + g + ", element " + i);
            }
        }
    }

    @Test
    void contributorsAddUpToThePixelBitByBit() {
        SplatCamera camera = Scenes.camera(40, 35, 120);
        GaussianParameters scene = Scenes.random(8, 400, 1, 0.35, -2.2, 1.5);
        for (RasterOptions options : List.of(RasterOptions.DEFAULT, RasterOptions.DEFAULT.withReferenceLists())) {
            Output out = run(options, scene, camera);
            float[] rgb = out.image.rgbArray(), depth = Scenes.narrow(out.image.depth());
            int most = 0;
            for (int y = 0; y < 35; y++) {
                for (int x = 0; x < 40; x++) {
                    float r = 0, g = 0, b = 0, z = 0;
                    List<Contributor> list = out.rasterizer.contributors(x, y);
                    most = Math.max(most, list.size());
                    float last = 0;
                    for (Contributor c : list) {
                        assertTrue(c.depth() >= last);
                        last = c.depth();
                        r = Math.fma(c.weight(), c.red(), r);
                        g = Math.fma(c.weight(), c.green(), g);
                        b = Math.fma(c.weight(), c.blue(), b);
                        z = Math.fma(c.weight(), c.depth(), z);
                    }
                    float t = out.rasterizer.transmittance(x, y);
                    int i = y * 40 + x, plane = 40 * 35;
                    assertEquals(rgb[i], Math.fma(t, GREY[0], r));
                    assertEquals(rgb[plane + i], Math.fma(t, GREY[1], g));
                    assertEquals(rgb[2 * plane + i], Math.fma(t, GREY[2], b));
                    assertEquals(depth[i], z);
                }
            }
            assertTrue(most > 10);
        }
    }

    @Test
    void referenceListsAndShortListsRenderTheSameBits() {
        SplatCamera camera = Scenes.camera(80, 64, 10);
        GaussianParameters scene = Scenes.random(9, 900, 0, 0.5, -3, -2);
        Output tight = run(RasterOptions.DEFAULT, scene, camera), exact = run(RasterOptions.DEFAULT.withReferenceLists(), scene, camera);
        assertTrue(tight.rasterizer.tileEntries() < exact.rasterizer.tileEntries());
        tight.assertSameBits(exact);
    }

    @Test
    void noGaussiansGiveTheBackground() {
        GaussianParameters none = Scenes.random(1, 0, 1, 1, 0, 0);
        Output out = run(RasterOptions.DEFAULT, none, Scenes.camera(21, 17, 0));
        float[] rgb = out.image.rgbArray();
        for (int i = 0; i < rgb.length; i++) {
            assertEquals(GREY[i / (21 * 17)], rgb[i]);
        }
        assertEquals(0, out.image.alpha().get(ValueLayout.JAVA_FLOAT, 0));
        assertEquals(0, out.rasterizer.inspect().tileLists().length);
    }

    @Test
    void nonFiniteParametersAreNamedOrLeftOut() {
        SplatCamera camera = Scenes.camera(40, 30, 0);
        GaussianParameters good = Scenes.random(2, 50, 1, 0.3, -2, 0), bad = Scenes.random(2, 50, 1, 0.3, -2, 0);
        bad.logScales().setAtIndex(ValueLayout.JAVA_FLOAT, 3 * 17 + 1, Float.NaN);
        bad.sh().setAtIndex(ValueLayout.JAVA_FLOAT, 12 * 30 + 5, Float.POSITIVE_INFINITY);
        SplatRasterizer rasterizer = new SplatRasterizer();
        NonFiniteGaussianException e = assertThrows(NonFiniteGaussianException.class,
            () -> rasterizer.render(bad, camera, GREY, 1, SplatImage.allocate(40, 30)));
        assertEquals(17, e.index());
        assertTrue(e.getMessage().contains("Gaussian 17") && e.getMessage().contains("logScales[1]") && e.getMessage().contains("NaN"), e.getMessage());
        assertThrows(IllegalStateException.class, () -> rasterizer.contributors(0, 0));

        Output culled = run(RasterOptions.DEFAULT.withNonFinite(RasterOptions.NonFinite.CULL), bad, camera);
        assertEquals(2, culled.rasterizer.nonFinite());
        // The same as pushing these two Gaussians behind the camera.
        for (int i : new int[] {17, 30}) {
            good.opacityLogits().setAtIndex(ValueLayout.JAVA_FLOAT, i, -50);
        }
        culled.assertSameBits(run(RasterOptions.DEFAULT, good, camera));
    }

    @Test
    void absurdButFiniteParametersNeverPoisonTheImage() {
        SplatCamera camera = Scenes.camera(40, 30, 0);
        GaussianParameters scene = Scenes.random(3, 64, 1, 0.3, -2, 0);
        float[] extremes = {88, 200, 700, 1e30f, -88, -700, -1e30f, 40, 20, 10};
        for (int i = 0; i < extremes.length; i++) {
            scene.logScales().setAtIndex(ValueLayout.JAVA_FLOAT, 3 * i, extremes[i]);
            scene.means().setAtIndex(ValueLayout.JAVA_FLOAT, 3 * (i + 10), extremes[i]);
            scene.opacityLogits().setAtIndex(ValueLayout.JAVA_FLOAT, i + 20, extremes[i]);
            scene.sh().setAtIndex(ValueLayout.JAVA_FLOAT, 12 * (i + 30), extremes[i] * 1e8f);
        }
        for (int i = 0; i < 4; i++) {
            scene.quaternions().setAtIndex(ValueLayout.JAVA_FLOAT, 4 * 40 + i, 0);
            scene.quaternions().setAtIndex(ValueLayout.JAVA_FLOAT, 4 * 41 + i, 1e30f);
            scene.quaternions().setAtIndex(ValueLayout.JAVA_FLOAT, 4 * 42 + i, 1e-30f);
        }
        Output out = run(RasterOptions.DEFAULT, scene, camera);
        for (float v : out.image.rgbArray()) {
            assertTrue(Float.isFinite(v));
        }
        for (MemorySegment s : Scenes.segments(out.gradients)) {
            for (float v : Scenes.narrow(s)) {
                assertTrue(!Float.isNaN(v));
            }
        }
        assertTrue(out.rasterizer.degenerate() > 0);
    }

    @Test
    void gradientsAreAddedToOffHeapMemory() {
        SplatCamera camera = Scenes.camera(40, 30, 0);
        GaussianParameters scene = Scenes.random(2, 50, 1, 0.3, -2, 0);
        Output once = run(RasterOptions.DEFAULT, scene, camera);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment[] from = Scenes.segments(scene), copies = new MemorySegment[5], sums = new MemorySegment[5];
            for (int i = 0; i < 5; i++) {
                copies[i] = arena.allocate(from[i].byteSize(), 64).copyFrom(from[i]);
                sums[i] = arena.allocate(from[i].byteSize(), 64);
            }
            GaussianParameters off = new GaussianParameters(50, 1, copies[0], copies[1], copies[2], copies[3], copies[4]);
            GaussianParameters total = new GaussianParameters(50, 1, sums[0], sums[1], sums[2], sums[3], sums[4]);
            SplatRasterizer rasterizer = new SplatRasterizer();
            SplatImage image = SplatImage.allocate(40, 30);
            rasterizer.render(off, camera, GREY, 1, image);
            for (int i = 0; i < 2; i++) {
                rasterizer.backward(MemorySegment.ofArray(Scenes.uniform(1, 3600)), MemorySegment.ofArray(Scenes.uniform(2, 1200)),
                    MemorySegment.ofArray(Scenes.uniform(3, 1200)), total, null);
            }
            assertArrayEquals(once.image.rgbArray(), image.rgbArray());
            float[] twice = Scenes.narrow(total.means()), single = Scenes.narrow(once.gradients.means());
            for (int i = 0; i < twice.length; i++) {
                assertEquals(2 * single[i], twice[i]);
            }
            assertNotEquals(0, twice[0]);
        }
    }

    @Test
    void wrongSizesAreRefusedByName() {
        GaussianParameters scene = Scenes.random(2, 5, 0, 0.3, -2, 0);
        SplatRasterizer rasterizer = new SplatRasterizer();
        assertThrows(IllegalStateException.class, () -> rasterizer.inspect());
        IllegalArgumentException e = assertThrows(IllegalArgumentException.class,
            () -> new GaussianParameters(5, 1, scene.means(), scene.logScales(), scene.quaternions(), scene.opacityLogits(), scene.sh()));
        assertTrue(e.getMessage().contains("sh") && e.getMessage().contains("f32[5,12]"), e.getMessage());
        assertThrows(IllegalArgumentException.class, () -> rasterizer.render(scene, Scenes.camera(9, 9, 0), GREY, 1, SplatImage.allocate(9, 8)));
        double[] transposed = Scenes.camera(9, 9, 0).c2w();
        transposed[14] = 2.7;
        assertThrows(IllegalArgumentException.class, () -> new SplatCamera(9, 9, 9, 9, 4, 4, transposed));
    }

    @Test
    void expectedDepthIsAlphaWeighted() {
        // One Gaussian with opacity near 1 in the middle: alpha-weighted depth = alpha * z, normalised = z.
        GaussianParameters one = GaussianParameters.of(0, new float[3], new float[] {-2, -2, -2}, new float[] {1, 0, 0, 0}, new float[] {1}, new float[3]);
        Output out = run(RasterOptions.DEFAULT, one, Scenes.camera(33, 33, 0));
        float[] normalised = out.image.normalisedDepth(), alpha = Scenes.narrow(out.image.alpha());
        int covered = 0;
        for (int i = 0; i < normalised.length; i++) {
            assertEquals(alpha[i] > 0 ? 2.7 : 0, normalised[i], 5e-5);
            covered += alpha[i] > 0 ? 1 : 0;
        }
        assertTrue(covered > 20);
    }
}
