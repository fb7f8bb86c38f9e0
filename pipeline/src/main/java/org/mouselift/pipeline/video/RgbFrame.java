package org.mouselift.pipeline.video;

import java.awt.image.BufferedImage;

/**
 * One picture of a video: 8-bit sRGB, row-major, red, green, blue interleaved.
 *
 * @param width in pixels, 1 … 16384
 * @param height in pixels, 1 … 16384
 * @param rgb {@code 3 * width * height} bytes, not copied
 */
public record RgbFrame(int width, int height, byte[] rgb) {
    public static final int MAX_SIDE = 16_384;

    public RgbFrame {
        if (width < 1 || height < 1 || width > MAX_SIDE || height > MAX_SIDE) {
            throw new IllegalArgumentException("video frame " + width + "x" + height + ": expected sides from 1 to " + MAX_SIDE);
        }
        if (rgb.length != Math.multiplyExact(3, Math.multiplyExact(width, height))) {
            throw new IllegalArgumentException("video frame " + width + "x" + height + " has " + rgb.length + " bytes, expected "
                    + 3 * width * height);
        }
    }

    /**
     * Converts planar colour in [0,1], layout [3,height,width], as the original does: {@code clip(255 x, 0, 255)}
     * truncated (GS-LRM specification §2.7). NaN becomes 0.
     */
    public static RgbFrame ofPlanar(int width, int height, float[] planes) {
        int pixels = Math.multiplyExact(width, height);
        if (planes.length < 3L * pixels) {
            throw new IllegalArgumentException("picture has " + planes.length + " numbers, expected at least f32[3," + height + "," + width + "]");
        }
        byte[] rgb = new byte[3 * pixels];
        for (int i = 0; i < pixels; i++) {
            for (int c = 0; c < 3; c++) {
                rgb[3 * i + c] = (byte) (int) Math.clamp(255f * planes[c * pixels + i], 0f, 255f);
            }
        }
        return new RgbFrame(width, height, rgb);
    }

    /** A copy for the JDK's image classes. */
    public BufferedImage toImage() {
        BufferedImage image = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                image.setRGB(x, y, pixel(x, y));
            }
        }
        return image;
    }

    /** Colour of one pixel as 0xRRGGBB. */
    public int pixel(int x, int y) {
        int at = 3 * (y * width + x);
        return (rgb[at] & 255) << 16 | (rgb[at + 1] & 255) << 8 | rgb[at + 2] & 255;
    }
}
