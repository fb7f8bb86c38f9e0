package org.mouselift.data.image;

/** A decoded picture: 1 (grey), 2 (grey, alpha), 3 (RGB) or 4 (RGBA) interleaved channels of 8 or 16 bits. Alpha is not premultiplied. */
public sealed interface Image permits Image8, Image16 {
    int width();

    int height();

    /** 1 to 4. */
    int channels();

    /** The 8-bit form; 16-bit samples keep their high byte ({@code value >> 8}), as the original's image library does. */
    Image8 to8();

    /** True for 2 and 4 channels. */
    default boolean hasAlpha() {
        return channels() == 2 || channels() == 4;
    }

    /** Checks the shape of a picture and returns its number of samples. */
    static int samples(int width, int height, int channels) {
        if (width < 1 || height < 1 || channels < 1 || channels > 4) {
            throw new IllegalArgumentException("image: size " + width + "x" + height + " with " + channels
                    + " channels; expected at least 1x1 and 1 to 4 channels");
        }
        long samples = (long) width * height * channels;
        if (samples > Integer.MAX_VALUE - 8) {
            throw new IllegalArgumentException("image: " + width + "x" + height + "x" + channels + " samples exceed a Java array");
        }
        return (int) samples;
    }
}
