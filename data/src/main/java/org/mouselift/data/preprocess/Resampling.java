package org.mouselift.data.preprocess;

import org.mouselift.data.camera.Homography;
import org.mouselift.data.image.Image8;

/**
 * Moves RGBA pictures (mouse specification §3.1). {@link Mode#EXACT}: colours weighted by alpha, shrinking averages over the area of
 * the target pixel, enlarging uses Lanczos-4, alpha is cut at one half. {@link Mode#LEGACY}: as the original's image library does it,
 * bilinear when shrinking, colours not weighted, alpha left soft. Outside the source everything is white and transparent.
 */
public final class Resampling {
    /** What the pixels are made of. */
    public enum Mode { EXACT, LEGACY }

    private static final int LANCZOS = 4;
    private static final int MAX_SUBSAMPLES = 8;

    private Resampling() {}

    /** First source index and weights (sum 1, source pixels outside included) of every target index along one axis. */
    private record Taps(int[] first, float[][] weights) {
        static Taps of(int size, double s, double t, Mode mode) {
            int[] first = new int[size];
            float[][] weights = new float[size][];
            for (int x = 0; x < size; x++) {
                double centre = (x - t) / s;
                double reach = s > 1 ? LANCZOS : mode == Mode.LEGACY ? 1 : 0.5 / s + 0.5;
                int from = (int) Math.ceil(centre - reach);
                int to = (int) Math.floor(centre + reach);
                double[] w = new double[to - from + 1];
                double sum = 0;
                for (int j = from; j <= to; j++) {
                    double d = j - centre;
                    w[j - from] = s > 1 ? lanczos(d) : mode == Mode.LEGACY ? Math.max(0, 1 - Math.abs(d)) : overlap(d, 0.5 / s);
                    sum += w[j - from];
                }
                first[x] = from;
                weights[x] = new float[w.length];
                for (int j = 0; j < w.length; j++) {
                    weights[x][j] = (float) (w[j] / sum);
                }
            }
            return new Taps(first, weights);
        }

        /** Length of the common part of [d − ½, d + ½] and [−half, half]. */
        private static double overlap(double d, double half) {
            return Math.max(0, Math.min(d + 0.5, half) - Math.max(d - 0.5, -half));
        }

        private static double lanczos(double d) {
            if (d == 0) {
                return 1;
            }
            double p = Math.PI * d;
            return Math.abs(d) >= LANCZOS ? 0 : LANCZOS * Math.sin(p) * Math.sin(p / LANCZOS) / (p * p);
        }
    }

    /** {@code x' = sx·x + tx}, {@code y' = sy·y + ty} in index coordinates, to {@code width × height} pixels; 4 channels. */
    public static Image8 affine(Image8 rgba, double sx, double sy, double tx, double ty, int width, int height, Mode mode) {
        float[] in = samples(rgba, mode);
        int w = rgba.width();
        int h = rgba.height();
        Taps across = Taps.of(width, sx, tx, mode);
        Taps down = Taps.of(height, sy, ty, mode);
        float[] outside = mode == Mode.LEGACY ? new float[] {255, 255, 255, 0} : new float[4];
        float[] rows = new float[4 * width * h];
        for (int y = 0; y < h; y++) {
            for (int x = 0; x < width; x++) {
                float[] weights = across.weights[x];
                for (int j = 0; j < weights.length; j++) {
                    int from = across.first[x] + j;
                    boolean inside = from >= 0 && from < w;
                    for (int c = 0; c < 4; c++) {
                        rows[4 * (y * width + x) + c] += weights[j] * (inside ? in[4 * (y * w + from) + c] : outside[c]);
                    }
                }
            }
        }
        float[] out = new float[4 * width * height];
        for (int y = 0; y < height; y++) {
            float[] weights = down.weights[y];
            for (int j = 0; j < weights.length; j++) {
                int from = down.first[y] + j;
                boolean inside = from >= 0 && from < h;
                for (int i = 0; i < 4 * width; i++) {
                    out[4 * y * width + i] += weights[j] * (inside ? rows[4 * from * width + i] : outside[i & 3]);
                }
            }
        }
        return picture(out, width, height, mode);
    }

    /** A projective map of old pixels to new ones, in edge coordinates; always {@link Mode#EXACT}. */
    public static Image8 homography(Image8 rgba, Homography toOutput, int width, int height) {
        float[] in = samples(rgba, Mode.EXACT);
        Homography back = toOutput.inverse();
        int n = subsamples(back, width, height);
        float[] out = new float[4 * width * height];
        float[] pixel = new float[4];
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                java.util.Arrays.fill(pixel, 0);
                for (int k = 0; k < n * n; k++) {
                    Homography.Pixel p = back.map(x + (k % n + 0.5) / n, y + (k / n + 0.5) / n);
                    if (p.exists()) {
                        bilinear(in, rgba.width(), rgba.height(), p.u() - 0.5, p.v() - 0.5, pixel);
                    }
                }
                for (int c = 0; c < 4; c++) {
                    out[4 * (y * width + x) + c] = pixel[c] / (n * n);
                }
            }
        }
        return picture(out, width, height, Mode.EXACT);
    }

    /** Enough samples a side that neighbouring ones are at most a source pixel apart in the middle of the picture. */
    private static int subsamples(Homography back, int width, int height) {
        Homography.Pixel a = back.map(width / 2.0, height / 2.0);
        Homography.Pixel b = back.map(width / 2.0 + 1, height / 2.0);
        double step = a.exists() && b.exists() ? Math.hypot(b.u() - a.u(), b.v() - a.v()) : 1;
        return (int) Math.clamp(Math.ceil(step), 2, MAX_SUBSAMPLES);
    }

    private static void bilinear(float[] in, int w, int h, double x, double y, float[] sum) {
        int x0 = (int) Math.floor(x);
        int y0 = (int) Math.floor(y);
        if (x0 < -1 || y0 < -1 || x0 >= w || y0 >= h) {
            return;
        }
        for (int k = 0; k < 4; k++) {
            int px = x0 + (k & 1);
            int py = y0 + (k >> 1);
            if (px >= 0 && py >= 0 && px < w && py < h) {
                double wx = (k & 1) == 0 ? x0 + 1 - x : x - x0;
                double wy = k < 2 ? y0 + 1 - y : y - y0;
                for (int c = 0; c < 4; c++) {
                    sum[c] += (float) (wx * wy * in[4 * (py * w + px) + c]);
                }
            }
        }
    }

    /** RGBA floats 0 … 255, colours times alpha in exact mode. */
    private static float[] samples(Image8 image, Mode mode) {
        Image8 rgba = image.toRgba();
        float[] out = new float[rgba.data().length];
        for (int i = 0; i < out.length; i += 4) {
            int alpha = rgba.data()[i + 3] & 0xFF;
            float weight = mode == Mode.EXACT ? alpha / 255f : 1;
            for (int c = 0; c < 3; c++) {
                out[i + c] = (rgba.data()[i + c] & 0xFF) * weight;
            }
            out[i + 3] = alpha;
        }
        return out;
    }

    private static Image8 picture(float[] samples, int width, int height, Mode mode) {
        byte[] out = new byte[samples.length];
        for (int i = 0; i < out.length; i += 4) {
            float alpha = samples[i + 3];
            boolean exact = mode == Mode.EXACT;
            for (int c = 0; c < 3; c++) {
                float v = !exact ? samples[i + c] : alpha >= 127.5f ? samples[i + c] * 255f / alpha : 255f;
                out[i + c] = (byte) Math.clamp(Math.round(v), 0, 255);
            }
            out[i + 3] = (byte) (exact ? alpha >= 127.5f ? 255 : 0 : Math.clamp(Math.round(alpha), 0, 255));
        }
        return new Image8(width, height, 4, out);
    }
}
