package org.mouselift.data.image;

/** Augmentations of 8-bit pictures with the arithmetic of the Pillow library (GS-LRM specification §5.5). */
public final class ImageAdjust {
    private ImageAdjust() {}

    /** Colour channels times {@code factor}, clipped and truncated; alpha unchanged. */
    public static Image8 brightness(Image8 image, float factor) {
        return blend(image, 0, factor);
    }

    /** Colours pulled from (or, above 1, pushed away from) the mean grey level; alpha unchanged. RGB and RGBA only. */
    public static Image8 contrast(Image8 image, float factor) {
        if (image.channels() < 3) {
            throw new IllegalArgumentException("contrast: needs RGB or RGBA, got " + image.channels() + " channels");
        }
        byte[] data = image.data();
        long sum = 0;
        for (int i = 0; i < data.length; i += image.channels()) {
            sum += (19595 * (data[i] & 0xFF) + 38470 * (data[i + 1] & 0xFF) + 7471 * (data[i + 2] & 0xFF) + 32768) >> 16;
        }
        int mean = (int) ((double) sum / ((long) image.width() * image.height()) + 0.5);
        return blend(image, mean, factor);
    }

    /** {@code trunc(clip(m + f (c - m)))}. */
    private static Image8 blend(Image8 image, int middle, float factor) {
        byte[] out = image.data().clone();
        int colours = image.hasAlpha() ? image.channels() - 1 : image.channels();
        for (int i = 0; i < out.length; i++) {
            if (i % image.channels() < colours) {
                out[i] = (byte) (int) Math.max(0, Math.min(255, middle + factor * ((out[i] & 0xFF) - middle)));
            }
        }
        return new Image8(image.width(), image.height(), image.channels(), out);
    }

    /** Left and right exchanged. */
    public static Image8 flipHorizontal(Image8 image) {
        return JpegReader.oriented(image, 2);
    }

    /** Turned clockwise by quarter turns, without resampling. */
    public static Image8 turned(Image8 image, int quarterTurns) {
        return JpegReader.oriented(image, switch (Math.floorMod(quarterTurns, 4)) {
            case 0 -> 1;
            case 1 -> 6;
            case 2 -> 3;
            default -> 8;
        });
    }

    /**
     * The picture turned about its centre, clockwise as seen, size kept, outside filled with zeros; bilinear, pictures
     * with alpha premultiplied meanwhile.
     */
    public static Image8 rotate(Image8 image, double degrees) {
        if (degrees == 0) {
            return image;
        }
        Image8 in = image.hasAlpha() ? PillowResize.premultiplied(image) : image;
        Image8 out = Image8.blank(in.width(), in.height(), in.channels());
        double cos = roundTo15Decimals(Math.cos(Math.toRadians(degrees)));
        double sin = roundTo15Decimals(Math.sin(Math.toRadians(degrees)));
        double midX = in.width() / 2.0;
        double midY = in.height() / 2.0;
        for (int y = 0; y < in.height(); y++) {
            for (int x = 0; x < in.width(); x++) {
                double dx = x + 0.5 - midX;
                double dy = y + 0.5 - midY;
                sample(in, cos * dx + sin * dy + midX, -sin * dx + cos * dy + midY, out.data(), (y * in.width() + x) * in.channels());
            }
        }
        return image.hasAlpha() ? PillowResize.divided(out) : out;
    }

    /** So that quarter turns are exact. */
    private static double roundTo15Decimals(double value) {
        return Math.rint(value * 1e15) / 1e15;
    }

    /** Bilinear value at (u, v) in edge coordinates; zero outside, border pixels repeated within half a pixel of the edge. */
    private static void sample(Image8 in, double u, double v, byte[] out, int at) {
        if (u < 0 || u >= in.width() || v < 0 || v >= in.height()) {
            return;
        }
        int x0 = (int) Math.floor(u - 0.5);
        int y0 = (int) Math.floor(v - 0.5);
        double fx = u - 0.5 - x0;
        double fy = v - 0.5 - y0;
        int xa = Math.max(0, x0);
        int xb = Math.min(in.width() - 1, x0 + 1);
        int ya = Math.max(0, y0);
        int yb = Math.min(in.height() - 1, y0 + 1);
        for (int c = 0; c < in.channels(); c++) {
            double top = in.get(xa, ya, c) + fx * (in.get(xb, ya, c) - in.get(xa, ya, c));
            double bottom = in.get(xa, yb, c) + fx * (in.get(xb, yb, c) - in.get(xa, yb, c));
            out[at + c] = (byte) (int) (top + fy * (bottom - top));
        }
    }
}
