package org.mouselift.models.splat;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TileKernelTest {
    @Test
    void exponentialHasTheStatedPrecision() {
        double worst = 0;
        for (float x = 0; x > -99; x -= 0.00037f) {
            double exact = Math.pow(2, x);
            worst = Math.max(worst, Math.abs(TileKernel.exp2(x) - exact) / Math.ulp((float) exact));
        }
        // Dense near 0, where alpha decides.
        for (float x = -1e-7f; x > -2; x *= 1.0003f) {
            double exact = Math.pow(2, x);
            worst = Math.max(worst, Math.abs(TileKernel.exp2(x) - exact) / Math.ulp((float) exact));
            assertTrue(TileKernel.exp2(x) <= 1);
        }
        assertTrue(worst < 1.5, "error " + worst + " ulp");
        assertEquals(1f, TileKernel.exp2(0));
        assertEquals(TileKernel.exp2(-100), TileKernel.exp2(-1e30f));
    }

    /**
     * Prints the bits of an image and the gradients of a fixed scene; run in a JVM with the vector width under test. Renders until
     * the kernels have been through all compilers, none of which may change a bit.
     */
    static final class Probe {
        private Probe() {}

        public static void main(String[] args) {
            GaussianParameters scene = Scenes.random(21, 700, 1, 0.4, -2.6, 0.5);
            SplatCamera camera = Scenes.camera(61, 47, 33);
            SplatRasterizer rasterizer = new SplatRasterizer();
            String first = null;
            for (int i = 0; i < 150; i++) {
                SplatImage image = SplatImage.allocate(61, 47);
                rasterizer.render(scene, camera, new float[] {1, 1, 1}, 1, image);
                GaussianParameters gradients = scene.zerosLike();
                rasterizer.backward(MemorySegment.ofArray(Scenes.uniform(5, 3 * 61 * 47)), null, null, gradients, null);
                StringBuilder bits = new StringBuilder(hex(image.rgb())).append('\n');
                for (MemorySegment s : Scenes.segments(gradients)) {
                    bits.append(hex(s)).append('\n');
                }
                if (first != null && !first.contentEquals(bits)) {
                    System.out.println("rendering " + i + " differs from the first");
                    System.exit(1);
                }
                first = bits.toString();
            }
            System.out.println(rasterizer.options().kernel().name());
            System.out.print(first);
        }

        private static String hex(MemorySegment s) {
            return HexFormat.of().formatHex(s.toArray(java.lang.foreign.ValueLayout.JAVA_BYTE));
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 128, 256, 512})
    void everyVectorWidthAgrees(int bits) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(Stream.of(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString()),
            List.of("@" + Path.of(System.getProperty("mouselift.root"), "conf/jvm.options"), "-Xmx512m", "-Dmouselift.vector.bits=" + bits, "-cp", System.getProperty("java.class.path"),
                Probe.class.getName())).flatMap(List::stream).toList())
            .redirectError(ProcessBuilder.Redirect.DISCARD).start();
        String[] lines = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).split("\n");
        assertTrue(process.waitFor(120, TimeUnit.SECONDS));
        assertEquals(0, process.exitValue(), lines[0]);
        assertEquals(bits == 0 ? "scalar" : bits + "-bit", lines[0]);

        GaussianParameters scene = Scenes.random(21, 700, 1, 0.4, -2.6, 0.5);
        SplatRasterizer rasterizer = new SplatRasterizer(RasterOptions.DEFAULT.withKernel(new ScalarTileKernel()));
        SplatImage image = SplatImage.allocate(61, 47);
        rasterizer.render(scene, Scenes.camera(61, 47, 33), new float[] {1, 1, 1}, 1, image);
        GaussianParameters gradients = scene.zerosLike();
        rasterizer.backward(MemorySegment.ofArray(Scenes.uniform(5, 3 * 61 * 47)), null, null, gradients, null);
        assertEquals(Probe.hex(image.rgb()), lines[1], "image bits");
        GaussianParameters other = scene.zerosLike();
        for (int g = 0; g < 5; g++) {
            Scenes.segments(other)[g].copyFrom(MemorySegment.ofArray(HexFormat.of().parseHex(lines[2 + g])));
        }
        SplatRasterizerTest.assertGradientsClose(Scenes.wide(gradients), other, 1e-5);
    }
}
