package org.mouselift.data.image;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

/** Properties of resizing; the bytes themselves are checked by the golden cases. */
class ResizeTest {
    @Property(tries = 200)
    void tapsLieInsideAndSumToOne(@ForAll @IntRange(min = 1, max = 90) int in, @ForAll @IntRange(min = 1, max = 90) int out, @ForAll ResampleFilter filter) {
        ResampleFilter.Taps taps = filter.taps(in, out);
        for (int i = 0; i < out; i++) {
            double sum = 0;
            for (double weight : taps.weights()[i]) {
                sum += weight;
            }
            assertEquals(1, sum, 1e-12);
            assertEquals(true, taps.first()[i] >= 0 && taps.first()[i] + taps.weights()[i].length <= in);
        }
    }

    @Property(tries = 100)
    void flatPicturesStayFlat(@ForAll @IntRange(min = 1, max = 40) int in, @ForAll @IntRange(min = 1, max = 40) int out,
            @ForAll @IntRange(min = 0, max = 255) int level, @ForAll @IntRange(min = 1, max = 4) int channels, @ForAll ResampleFilter filter) {
        Image8 flat = Image8.blank(in, in + 3, channels);
        java.util.Arrays.fill(flat.data(), (byte) level);
        if (flat.hasAlpha()) {
            for (int i = channels - 1; i < flat.data().length; i += channels) {
                flat.data()[i] = (byte) 255;
            }
        }
        Image8 resized = PillowResize.resize(flat, out, out + 1, filter);
        for (int i = 0; i < resized.data().length; i++) {
            assertEquals(flat.data()[i % channels], resized.data()[i]);
        }
    }

    @Property(tries = 60)
    void mirroringCommutesWithFloatResize(@ForAll @IntRange(min = 1, max = 30) int in, @ForAll @IntRange(min = 1, max = 30) int out,
            @ForAll ResampleFilter filter) {
        float[] row = new float[in];
        float[] mirrored = new float[in];
        for (int i = 0; i < in; i++) {
            row[i] = (float) Math.sin(i * 1.7);
            mirrored[in - 1 - i] = row[i];
        }
        float[] a = FloatResize.resize(row, 1, 1, in, 1, out, filter);
        float[] b = FloatResize.resize(mirrored, 1, 1, in, 1, out, filter);
        for (int i = 0; i < out; i++) {
            assertEquals(a[i], b[out - 1 - i], 1e-5);
        }
    }

    @Test
    void sameSizeIsTheSamePicture() {
        Image8 image = PngTest.noise(8, 6, 4, 1);
        assertSame(image, PillowResize.resize(image, 8, 6, ResampleFilter.LANCZOS));
        assertThrows(IllegalArgumentException.class, () -> PillowResize.resize(image, 0, 6, ResampleFilter.LANCZOS));
    }

    @Test
    void colourUnderTransparencyDoesNotBleed() {
        Image8 image = Image8.blank(8, 8, 4);
        for (int i = 0; i < 64; i++) {
            boolean opaque = i % 8 < 4;
            image.data()[i * 4] = opaque ? (byte) 200 : 0;
            image.data()[i * 4 + 1] = opaque ? 0 : (byte) 255;
            image.data()[i * 4 + 3] = opaque ? (byte) 255 : 0;
        }
        Image8 half = PillowResize.resize(image, 5, 5, ResampleFilter.BILINEAR);
        for (int i = 0; i < 25; i++) {
            assertEquals(0, half.data()[i * 4 + 1], "green of the invisible pixels must not appear");
        }
    }

    @Test
    void newAndOldPreprocessorConfigurationsMeanTheSame() throws IOException {
        Path golden = Path.of(System.getProperty("mouselift.shared", "missing"), "golden/mvdiffusion/image_preprocessing");
        assumeTrue(Files.isDirectory(golden), "SKIPPED: no golden files at " + golden + " (set -Dmouselift.shared)");
        ClipImageProcessor present = ClipImageProcessor.read(golden.resolve("preprocessor_config_224.json"));
        ClipImageProcessor old = ClipImageProcessor.read(golden.resolve("preprocessor_config_old_style.json"));
        Image8 image = PngTest.noise(300, 260, 3, 4);
        assertArrayEquals(present.process(image), old.process(image));
        assertArrayEquals(ClipImageProcessor.ofSize(224).process(image), present.process(image));
        assertEquals(28, ClipImageProcessor.read(golden.resolve("preprocessor_config_28.json")).shortestEdge());
    }

    @Test
    void quantizationRules() {
        float[] x = {-1, 0, 0.5f, 0.9999f, 1, 2, Float.NaN, 1.5f / 255};
        assertArrayEquals(new byte[] {0, 0, 127, (byte) 254, (byte) 255, (byte) 255, 0, 1}, Quantization.TRUNCATE.apply(x));
        assertArrayEquals(new byte[] {0, 0, (byte) 128, (byte) 255, (byte) 255, (byte) 255, 0, 2}, Quantization.ROUND.apply(x));
    }
}
