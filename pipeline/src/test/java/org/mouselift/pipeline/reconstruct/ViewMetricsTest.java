package org.mouselift.pipeline.reconstruct;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.mouselift.data.camera.RigCatalog;
import org.mouselift.data.image.Image8;

class ViewMetricsTest {
    private static final int SIZE = 20;

    /** A red square of 10 x 10 pixels on a transparent background. */
    private static PosedView square(int channels) {
        Image8 image = Image8.blank(SIZE, SIZE, channels);
        for (int i = 0; i < SIZE * SIZE; i++) {
            boolean inside = i % SIZE >= 5 && i % SIZE < 15 && i / SIZE >= 5 && i / SIZE < 15;
            image.data()[channels * i] = (byte) 255;
            image.data()[channels * i + 1] = (byte) (inside || channels == 4 ? 0 : 255);
            image.data()[channels * i + 2] = (byte) (inside || channels == 4 ? 0 : 255);
            if (channels == 4) {
                image.data()[4 * i + 3] = (byte) (inside ? 255 : 0);
            }
        }
        return PosedView.of("square", image, RigCatalog.human6().get(0), SIZE);
    }

    @Test
    void aWhitePictureScoresByTheAreaOfTheSubject() {
        ViewMetrics white = ViewMetrics.ofWhite(square(4));
        // A quarter of the pixels is red: 2 of 3 channels are off by 1 there.
        assertEquals(-10 * Math.log10(0.25 * 2 / 3), white.psnr(), 1e-9);
        assertEquals(-10 * Math.log10(2 / 3.0), white.foregroundPsnr(), 1e-9);
        assertEquals(0, white.maskIou());
        assertTrue(white.ssim() < 0.9);
    }

    @Test
    void thePictureItselfIsPerfectAndValuesAreClipped() {
        float[] same = square(4).picture().toFloatChw();
        for (int i = 0; i < same.length; i++) {
            same[i] = same[i] == 1 ? 1.5f : same[i];
        }
        ViewMetrics m = ViewMetrics.of(same, square(4));
        assertEquals(Double.POSITIVE_INFINITY, m.psnr());
        assertEquals(1, m.ssim(), 1e-12);
        assertEquals(1, m.maskIou());
    }

    @Test
    void withoutAlphaThereIsNoForeground() {
        ViewMetrics m = ViewMetrics.ofWhite(square(3));
        assertEquals(-10 * Math.log10(0.25 * 2 / 3), m.psnr(), 1e-9);
        assertTrue(Double.isNaN(m.foregroundPsnr()) && Double.isNaN(m.maskIou()));
    }

    @Test
    void meansAndMediansSkipWhatIsNotDefined() {
        List<ViewMetrics> all = Arrays.asList(new ViewMetrics(10, 0.5, Double.NaN, 0.2), new ViewMetrics(20, 0.7, 8, 0.4), new ViewMetrics(60, 0.9, 10, 0.9));
        assertEquals(30, ViewMetrics.mean(all).psnr());
        assertEquals(9, ViewMetrics.mean(all).foregroundPsnr());
        assertEquals(20, ViewMetrics.median(all).psnr());
        assertEquals(9, ViewMetrics.median(all).foregroundPsnr());
        assertTrue(Double.isNaN(ViewMetrics.mean(List.of(all.getFirst())).foregroundPsnr()));
        assertThrows(IllegalArgumentException.class, () -> ViewMetrics.of(new float[12], square(4)));
    }
}
