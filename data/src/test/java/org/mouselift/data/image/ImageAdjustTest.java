package org.mouselift.data.image;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class ImageAdjustTest {
    @Test
    void brightnessScalesColoursOnly() {
        Image8 image = new Image8(1, 2, 4, new byte[] {100, 51, (byte) 200, 77, 0, 1, (byte) 255, 78});
        assertArrayEquals(new byte[] {(byte) 150, 76, (byte) 255, 77, 0, 1, (byte) 255, 78}, ImageAdjust.brightness(image, 1.5f).data());
    }

    @Test
    void contrastPullsTowardsTheMeanGrey() {
        Image8 image = new Image8(2, 1, 3, new byte[] {10, 10, 10, 100, 100, 100});
        assertArrayEquals(new byte[] {55, 55, 55, 55, 55, 55}, ImageAdjust.contrast(image, 0).data());
        assertArrayEquals(new byte[] {0, 0, 0, (byte) 145, (byte) 145, (byte) 145}, ImageAdjust.contrast(image, 2).data());
    }

    @Test
    void quarterTurnsMovePixelsExactly() {
        Image8 image = PngTest.noise(6, 6, 3, 2);
        // Clockwise as seen: the JPEG orientation 6.
        assertArrayEquals(JpegReader.oriented(image, 6).data(), ImageAdjust.rotate(image, 90).data());
        assertArrayEquals(JpegReader.oriented(image, 3).data(), ImageAdjust.rotate(image, 180).data());
        assertArrayEquals(image.data(), ImageAdjust.flipHorizontal(ImageAdjust.flipHorizontal(image)).data());
    }

    @Test
    void whatTurnsInFromOutsideIsTransparent() {
        Image8 image = Image8.blank(20, 20, 4);
        java.util.Arrays.fill(image.data(), (byte) 255);
        Image8 turned = ImageAdjust.rotate(image, 45);
        assertEquals(0, turned.get(0, 0, 3));
        assertEquals(255, turned.get(10, 10, 3));
        assertEquals(255, turned.get(10, 10, 0));
    }
}
