package org.mouselift.data.preprocess;

import org.mouselift.data.image.Image8;

/**
 * Size and place of the subject in one view (mouse specification §3.1), in pixel-index coordinates (pixel centres at integers).
 *
 * @param width     of the picture
 * @param height    of the picture
 * @param pixels    number of mask pixels
 * @param comX      centre of mass, mean x of the mask pixels; NaN for an empty mask, as everything below
 * @param comY      mean y
 * @param x1        left column of the box around the mask, inclusive; −1 for an empty mask, as the other three
 * @param y1        top row
 * @param x2        right column
 * @param y2        bottom row
 * @param onBorder  mask pixels in the outermost rows and columns
 */
public record MaskStatistics(int width, int height, long pixels, double comX, double comY, int x1, int y1, int x2, int y2, int onBorder) {
    /** A pixel belongs to the subject when its alpha is larger. */
    public static final int THRESHOLD = 10;

    /** Statistics of the alpha channel, {@code alpha > threshold}. */
    public static MaskStatistics of(Image8 image, int threshold) {
        if (!image.hasAlpha()) {
            throw new IllegalArgumentException("mask statistics: the picture has " + image.channels() + " channels, none of them alpha");
        }
        int c = image.channels();
        int w = image.width();
        int h = image.height();
        long n = 0;
        long sx = 0;
        long sy = 0;
        int x1 = w;
        int y1 = h;
        int x2 = -1;
        int y2 = -1;
        int border = 0;
        byte[] data = image.data();
        for (int y = 0, at = c - 1; y < h; y++) {
            for (int x = 0; x < w; x++, at += c) {
                if ((data[at] & 0xFF) > threshold) {
                    n++;
                    sx += x;
                    sy += y;
                    x1 = Math.min(x1, x);
                    x2 = Math.max(x2, x);
                    y1 = Math.min(y1, y);
                    y2 = y;
                    border += x == 0 || y == 0 || x == w - 1 || y == h - 1 ? 1 : 0;
                }
            }
        }
        return n == 0 ? new MaskStatistics(w, h, 0, Double.NaN, Double.NaN, -1, -1, -1, -1, 0)
                : new MaskStatistics(w, h, n, (double) sx / n, (double) sy / n, x1, y1, x2, y2, border);
    }


    public static MaskStatistics of(Image8 image) {
        return of(image, THRESHOLD);
    }

    public boolean isEmpty() {
        return pixels == 0;
    }

    /** sqrt(mask pixels / all pixels): a linear measure, 0 … 1. */
    public double sizeRatio() {
        return Math.sqrt((double) pixels / ((double) width * height));
    }

    public double boxCenterX() {
        return (x1 + x2) / 2.0;
    }

    public double boxCenterY() {
        return (y1 + y2) / 2.0;
    }

    /** The larger of {@code x2 − x1} and {@code y2 − y1}. */
    public int boxSide() {
        return Math.max(x2 - x1, y2 - y1);
    }

    /** Distance of the centre of mass from (width/2, height/2), the nominal centre of all reports. */
    public double comOffset() {
        return Math.hypot(comX - width / 2.0, comY - height / 2.0);
    }
}
