package org.mouselift.data.image;

/**
 * A picture with 8 unsigned bits per sample.
 *
 * @param data height × width × channels, row-major
 */
public record Image8(int width, int height, int channels, byte[] data) implements Image {
    public Image8 {
        if (data.length != Image.samples(width, height, channels)) {
            throw new IllegalArgumentException("image: " + width + "x" + height + "x" + channels + " needs " + (long) width * height * channels
                    + " samples, got " + data.length);
        }
    }

    /** A picture of zeros. */
    public static Image8 blank(int width, int height, int channels) {
        return new Image8(width, height, channels, new byte[Image.samples(width, height, channels)]);
    }

    /** The sample at column x, row y, channel c: 0..255. */
    public int get(int x, int y, int c) {
        return data[(y * width + x) * channels + c] & 0xFF;
    }

    @Override
    public Image8 to8() {
        return this;
    }

    /** Three channels: grey is repeated, alpha is simply dropped (no compositing). */
    public Image8 toRgb() {
        return channels == 3 ? this : remap(3, channels < 3 ? new int[] {0, 0, 0} : new int[] {0, 1, 2});
    }

    /** Four channels; pictures without alpha become opaque. */
    public Image8 toRgba() {
        return switch (channels) {
            case 1 -> remap(4, 0, 0, 0, -1);
            case 2 -> remap(4, 0, 0, 0, 1);
            case 3 -> remap(4, 0, 1, 2, -1);
            default -> this;
        };
    }

    /** One channel as a grey picture. */
    public Image8 channel(int c) {
        if (c < 0 || c >= channels) {
            throw new IllegalArgumentException("image: channel " + c + " of " + channels);
        }
        return remap(1, c);
    }

    /** Channels picked by index; -1 stands for opaque (255). */
    private Image8 remap(int count, int... from) {
        byte[] out = new byte[Image.samples(width, height, count)];
        for (int pixel = 0, to = 0; pixel < data.length; pixel += channels) {
            for (int c = 0; c < count; c++) {
                out[to++] = from[c] < 0 ? (byte) 255 : data[pixel + from[c]];
            }
        }
        return new Image8(width, height, count, out);
    }

    /** The part of {@code w × h} pixels whose top left corner is (x, y); it must lie inside. */
    public Image8 crop(int x, int y, int w, int h) {
        if (x < 0 || y < 0 || w < 1 || h < 1 || w > width - x || h > height - y) {
            throw new IllegalArgumentException("image: crop " + w + "x" + h + " at (" + x + ", " + y + ") leaves the " + width + "x" + height + " picture");
        }
        Image8 out = blank(w, h, channels);
        for (int row = 0; row < h; row++) {
            System.arraycopy(data, ((y + row) * width + x) * channels, out.data, row * w * channels, w * channels);
        }
        return out;
    }

    /** The planes one after another (CHW), each sample divided by 255 in float32: [0, 1]. */
    public float[] toFloatChw() {
        float[] out = new float[data.length];
        int plane = width * height;
        for (int pixel = 0; pixel < plane; pixel++) {
            for (int c = 0; c < channels; c++) {
                out[c * plane + pixel] = (data[pixel * channels + c] & 0xFF) / 255f;
            }
        }
        return out;
    }

    /** The samples in CHW order, unchanged. */
    public byte[] toChw() {
        byte[] out = new byte[data.length];
        int plane = width * height;
        for (int pixel = 0; pixel < plane; pixel++) {
            for (int c = 0; c < channels; c++) {
                out[c * plane + pixel] = data[pixel * channels + c];
            }
        }
        return out;
    }
}
