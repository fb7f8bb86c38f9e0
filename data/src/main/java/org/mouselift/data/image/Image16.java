package org.mouselift.data.image;

/**
 * A picture with 16 unsigned bits per sample.
 *
 * @param data height × width × channels, row-major
 */
public record Image16(int width, int height, int channels, short[] data) implements Image {
    public Image16 {
        if (data.length != Image.samples(width, height, channels)) {
            throw new IllegalArgumentException("image: " + width + "x" + height + "x" + channels + " needs " + (long) width * height * channels
                    + " samples, got " + data.length);
        }
    }

    @Override
    public Image8 to8() {
        byte[] high = new byte[data.length];
        for (int i = 0; i < high.length; i++) {
            high[i] = (byte) (data[i] >> 8);
        }
        return new Image8(width, height, channels, high);
    }
}
