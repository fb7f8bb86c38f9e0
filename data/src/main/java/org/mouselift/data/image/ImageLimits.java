package org.mouselift.data.image;

/**
 * What a reader accepts before it allocates anything.
 *
 * @param maxPixels largest width × height
 * @param maxFileBytes largest file
 */
public record ImageLimits(long maxPixels, long maxFileBytes) {
    /** 8192 × 8192 pixels, 1 GiB. */
    public static final ImageLimits DEFAULT = new ImageLimits(1L << 26, 1L << 30);
}
