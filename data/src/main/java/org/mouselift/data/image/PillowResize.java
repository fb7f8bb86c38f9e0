package org.mouselift.data.image;

import java.util.Arrays;

/**
 * Resizing of 8-bit pictures that gives the bytes of the Pillow library (MVDiffusion specification §2.1, GS-LRM
 * specification §5.2): weights in 22-bit fixed point, horizontal pass first and rounded to 8 bits, then vertical;
 * pictures with alpha are premultiplied before and divided after.
 */
public final class PillowResize {
    private static final int PRECISION_BITS = 32 - 8 - 2;
    /** Half a unit, so that the shift rounds. */
    private static final int HALF = 1 << (PRECISION_BITS - 1);

    private PillowResize() {}

    /** The picture at {@code width × height}; the picture itself when the size does not change. */
    public static Image8 resize(Image8 image, int width, int height, ResampleFilter filter) {
        Image.samples(width, height, image.channels());
        if (image.width() == width && image.height() == height) {
            return image;
        }
        Image8 work = image.hasAlpha() ? premultiplied(image) : image;
        if (width != work.width()) {
            work = horizontal(work, width, filter);
        }
        if (height != work.height()) {
            work = vertical(work, height, filter);
        }
        return image.hasAlpha() ? divided(work) : work;
    }

    private record FixedTaps(int[] first, int[][] weights) {
        static FixedTaps of(ResampleFilter.Taps taps) {
            int[][] fixed = new int[taps.first().length][];
            for (int i = 0; i < fixed.length; i++) {
                fixed[i] = Arrays.stream(taps.weights()[i]).mapToInt(w -> (int) (w * (1 << PRECISION_BITS) + (w < 0 ? -0.5 : 0.5))).toArray();
            }
            return new FixedTaps(taps.first(), fixed);
        }
    }

    private static Image8 horizontal(Image8 in, int width, ResampleFilter filter) {
        FixedTaps taps = FixedTaps.of(filter.taps(in.width(), width));
        int channels = in.channels();
        Image8 out = Image8.blank(width, in.height(), channels);
        // A row is unpacked once: each sample is used by several taps.
        int[] row = new int[in.width() * channels];
        for (int y = 0; y < in.height(); y++) {
            int from = y * row.length;
            for (int i = 0; i < row.length; i++) {
                row[i] = in.data()[from + i] & 0xFF;
            }
            for (int x = 0; x < width; x++) {
                int to = (y * width + x) * channels;
                switch (channels) {
                    case 4 -> four(row, taps.first[x] * 4, taps.weights[x], out.data(), to);
                    case 3 -> three(row, taps.first[x] * 3, taps.weights[x], out.data(), to);
                    default -> any(row, taps.first[x], taps.weights[x], channels, out.data(), to);
                }
            }
        }
        return out;
    }

    private static void four(int[] row, int at, int[] weights, byte[] out, int to) {
        int a = HALF;
        int b = HALF;
        int c = HALF;
        int d = HALF;
        for (int j = 0; j < weights.length; j++) {
            int weight = weights[j];
            a += row[at + 4 * j] * weight;
            b += row[at + 4 * j + 1] * weight;
            c += row[at + 4 * j + 2] * weight;
            d += row[at + 4 * j + 3] * weight;
        }
        out[to] = clip(a >> PRECISION_BITS);
        out[to + 1] = clip(b >> PRECISION_BITS);
        out[to + 2] = clip(c >> PRECISION_BITS);
        out[to + 3] = clip(d >> PRECISION_BITS);
    }

    private static void three(int[] row, int at, int[] weights, byte[] out, int to) {
        int a = HALF;
        int b = HALF;
        int c = HALF;
        for (int j = 0; j < weights.length; j++) {
            int weight = weights[j];
            a += row[at + 3 * j] * weight;
            b += row[at + 3 * j + 1] * weight;
            c += row[at + 3 * j + 2] * weight;
        }
        out[to] = clip(a >> PRECISION_BITS);
        out[to + 1] = clip(b >> PRECISION_BITS);
        out[to + 2] = clip(c >> PRECISION_BITS);
    }

    private static void any(int[] row, int first, int[] weights, int channels, byte[] out, int to) {
        for (int c = 0; c < channels; c++) {
            int sum = HALF;
            for (int j = 0; j < weights.length; j++) {
                sum += row[(first + j) * channels + c] * weights[j];
            }
            out[to + c] = clip(sum >> PRECISION_BITS);
        }
    }

    private static Image8 vertical(Image8 in, int height, ResampleFilter filter) {
        FixedTaps taps = FixedTaps.of(filter.taps(in.height(), height));
        int stride = in.width() * in.channels();
        Image8 out = Image8.blank(in.width(), height, in.channels());
        byte[] from = in.data();
        byte[] to = out.data();
        int[] sums = new int[stride];
        for (int y = 0; y < height; y++) {
            int[] weights = taps.weights[y];
            Arrays.fill(sums, HALF);
            for (int j = 0; j < weights.length; j++) {
                int weight = weights[j];
                int at = (taps.first[y] + j) * stride;
                for (int i = 0; i < stride; i++) {
                    sums[i] += (from[at + i] & 0xFF) * weight;
                }
            }
            for (int i = 0; i < stride; i++) {
                to[y * stride + i] = clip(sums[i] >> PRECISION_BITS);
            }
        }
        return out;
    }

    private static byte clip(int value) {
        return (byte) Math.max(0, Math.min(255, value));
    }

    static Image8 premultiplied(Image8 image) {
        byte[] out = image.data().clone();
        int channels = image.channels();
        for (int pixel = 0; pixel < out.length; pixel += channels) {
            int alpha = out[pixel + channels - 1] & 0xFF;
            for (int c = 0; c < channels - 1; c++) {
                int t = (out[pixel + c] & 0xFF) * alpha + 128;
                out[pixel + c] = (byte) ((t >> 8) + t >> 8);
            }
        }
        return new Image8(image.width(), image.height(), channels, out);
    }

    static Image8 divided(Image8 image) {
        byte[] out = image.data();
        int channels = image.channels();
        for (int pixel = 0; pixel < out.length; pixel += channels) {
            int alpha = out[pixel + channels - 1] & 0xFF;
            for (int c = 0; c < channels - 1 && alpha != 0 && alpha != 255; c++) {
                out[pixel + c] = (byte) Math.min(255, 255 * (out[pixel + c] & 0xFF) / alpha);
            }
        }
        return image;
    }
}
