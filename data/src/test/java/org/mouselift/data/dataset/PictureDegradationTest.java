package org.mouselift.data.dataset;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.mouselift.data.camera.Camera;
import org.mouselift.data.camera.RigCatalog;
import org.mouselift.data.camera.Rotations;
import org.mouselift.data.image.Image8;
import org.mouselift.data.preprocess.MaskStatistics;

/** Each way to make a picture worse does what it says, as strongly as it says, and nothing else. */
class PictureDegradationTest {
    private static final int SIZE = 96;
    private static final float[] OFF = {0, 0};
    private static final float[] ONE = {1, 1};
    private static final float[] WHOLE = {100, 100};

    /** A grey picture with a disc as mask, of radius 30; a step of brightness in its middle. */
    private static Image8 disc() {
        Image8 image = Image8.blank(SIZE, SIZE, 4);
        for (int i = 0; i < SIZE * SIZE; i++) {
            double r = Math.hypot(i % SIZE - 47.5, i / SIZE - 47.5);
            for (int c = 0; c < 3; c++) {
                image.data()[4 * i + c] = (byte) (i % SIZE < 48 ? 80 : 120);
            }
            image.data()[4 * i + 3] = (byte) (r < 30 ? 255 : 0);
        }
        return image;
    }

    private static PictureDegradation of(float[] gain, float[] blur, float[] noise, float[] jpeg, int shift, double jitter) {
        return new PictureDegradation(gain, blur, noise, jpeg, shift, jitter);
    }

    private static Image8 apply(PictureDegradation d, long seed) {
        return d.apply(disc(), new SplittableRandom(seed));
    }

    private static double[] meanAndDeviation(Image8 image, int channel, int from, int to) {
        double sum = 0;
        double square = 0;
        int n = 0;
        for (int y = 8; y < SIZE - 8; y++) {
            for (int x = from; x < to; x++) {
                double v = image.get(x, y, channel);
                sum += v;
                square += v * v;
                n++;
            }
        }
        return new double[] {sum / n, Math.sqrt(square / n - sum / n * sum / n)};
    }

    @Test
    void nothingChangesNothing() {
        assertArrayEquals(disc().data(), apply(PictureDegradation.NONE, 1).data());
        Camera camera = RigCatalog.human6().get(0);
        assertSame(camera, PictureDegradation.NONE.apply(camera, new SplittableRandom(1)));
    }

    @Test
    void noiseHasItsDeviationAndLeavesTheMaskAlone() {
        Image8 noisy = apply(of(ONE, OFF, new float[] {6, 6}, WHOLE, 0, 0), 3);
        double[] m = meanAndDeviation(noisy, 1, 4, 44);
        assertEquals(80, m[0], 0.5);
        assertEquals(6, m[1], 0.3);
        assertArrayEquals(disc().channel(3).data(), noisy.channel(3).data());
        assertArrayEquals(noisy.data(), apply(of(ONE, OFF, new float[] {6, 6}, WHOLE, 0, 0), 3).data(), "equal seeds, equal pictures");
    }

    @Test
    void blurSpreadsAStepByItsDeviation() {
        Image8 soft = apply(of(ONE, new float[] {2, 2}, OFF, WHOLE, 0, 0), 1);
        // The derivative of a blurred step is the Gaussian itself.
        double sum = 0;
        double square = 0;
        for (int x = 30; x < 66; x++) {
            double slope = soft.get(x + 1, 48, 0) - soft.get(x, 48, 0);
            sum += slope;
            square += slope * (x + 0.5 - 47.5) * (x + 0.5 - 47.5);
        }
        assertEquals(40, sum, 1);
        assertEquals(2, Math.sqrt(square / sum), 0.25);
    }

    @Test
    void colourFactorsAreDrawnForEachChannelWithinTheRange() {
        boolean differ = false;
        for (int seed = 0; seed < 20; seed++) {
            Image8 tinted = apply(of(new float[] {0.8f, 1.2f}, OFF, OFF, WHOLE, 0, 0), seed);
            double red = meanAndDeviation(tinted, 0, 4, 44)[0] / 80;
            double blue = meanAndDeviation(tinted, 2, 4, 44)[0] / 80;
            assertTrue(red > 0.79 && red < 1.21 && blue > 0.79 && blue < 1.21, red + " " + blue);
            differ |= Math.abs(red - blue) > 0.1;
        }
        assertTrue(differ);
    }

    @Test
    void strongerCompressionIsFartherFromThePicture() {
        long mild = difference(apply(of(ONE, OFF, OFF, new float[] {90, 90}, 0, 0), 1));
        long strong = difference(apply(of(ONE, OFF, OFF, new float[] {8, 8}, 0, 0), 1));
        assertTrue(strong > 2 * mild, mild + " and " + strong);
    }

    private static long difference(Image8 image) {
        long sum = 0;
        for (int i = 0; i < image.data().length; i++) {
            sum += Math.abs((image.data()[i] & 0xFF) - (disc().data()[i] & 0xFF));
        }
        return sum;
    }

    @Test
    void masksGrowAndShrinkByUpToTheShiftNearlyRound() {
        int grown = 0;
        int shrunk = 0;
        for (int seed = 0; seed < 40; seed++) {
            MaskStatistics m = MaskStatistics.of(apply(of(ONE, OFF, OFF, WHOLE, 3, 0), seed));
            double radius = Math.sqrt(m.pixels() / Math.PI);
            assertTrue(radius > 26.4 && radius < 33.9, "radius " + radius);
            grown += radius > 32 ? 1 : 0;
            shrunk += radius < 28 ? 1 : 0;
        }
        assertTrue(grown > 2 && shrunk > 2, "all shifts are drawn: " + grown + ", " + shrunk);
        byte[] three = PictureDegradation.moved(disc().channel(3).data(), SIZE, SIZE, 3);
        assertEquals(255, three[48 * SIZE + 48 + 32] & 0xFF, "three pixels beyond the border, straight");
        assertEquals(0, three[48 * SIZE + 48 + 33] & 0xFF);
    }

    @Test
    void posesTurnAboutTheirOwnCentreByTheDeviation() {
        Camera camera = RigCatalog.human6().get(1);
        SplittableRandom random = new SplittableRandom(4);
        double square = 0;
        for (int i = 0; i < 400; i++) {
            Camera turned = of(ONE, OFF, OFF, WHOLE, 0, 1.5).apply(camera, random);
            assertEquals(0, turned.center().distance(camera.center()), 1e-9);
            square += Math.pow(Math.toDegrees(Rotations.geodesicAngle(turned.pose().rotation(), camera.pose().rotation())), 2) / 400;
        }
        assertEquals(1.5, Math.sqrt(square), 0.15);
    }

    @Test
    void strengthsOutsideTheirRangeAreRefused() {
        assertThrows(IllegalArgumentException.class, () -> of(ONE, OFF, new float[] {3, 2}, WHOLE, 0, 0));
        assertThrows(IllegalArgumentException.class, () -> of(ONE, OFF, OFF, new float[] {0, 50}, 0, 0));
        assertThrows(IllegalArgumentException.class, () -> of(ONE, new float[] {Float.NaN, 1}, OFF, WHOLE, 0, 0));
        assertThrows(IllegalArgumentException.class, () -> of(ONE, OFF, OFF, WHOLE, -1, 0));
    }
}
