package org.mouselift.data.image;

import java.util.Arrays;

/**
 * Resizing of 8-bit pictures that gives the bytes of the Pillow library (MVDiffusion specification §2.1, GS-LRM
 * specification §5.2): weights in 22-bit fixed point, horizontal pass first and rounded to 8 bits, then vertical;
 * pictures with alpha are premultiplied before and divided after.
 */
public final class PillowResize {
    private static final int PRECISION_BITS = 32 - 8 - 2;

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
        byte[] from = in.data();
        byte[] to = out.data();
        for (int y = 0; y < in.height(); y++) {
            int rowIn = y * in.width() * channels;
            int rowOut = y * width * channels;
            for (int x = 0; x < width; x++) {
                int[] weights = taps.weights[x];
                int start = rowIn + taps.first[x] * channels;
                for (int c = 0; c < channels; c++) {
                    int sum = 1 << (PRECISION_BITS - 1);
                    for (int j = 0, at = start + c; j < weights.length; j++, at += channels) {
                        sum += (from[at] & 0xFF) * weights[j];
                    }
                    to[rowOut + x * channels + c] = clip(sum >> PRECISION_BITS);
                }
            }
        }
        return out;
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
            Arrays.fill(sums, 1 << (PRECISION_BITS - 1));
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
