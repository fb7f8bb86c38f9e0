package org.mouselift.data.preprocess;

import java.util.Arrays;
import org.mouselift.data.image.Image8;

/**
 * What makes pictures of a subject look real or rendered: noise, blur, light, the mask's edge (the rows of the domain gap, mouse specification §8,
 * K-71). Only pixels of the subject count; NaN where there are too few.
 *
 * @param noise      standard deviation of the noise, grey levels: median absolute response to the mask 1 −2 1 ⊗ 1 −2 1, which cancels planes (Immerkær 1996),
 *                   so that texture and edges, which are rarer than noise, do not count
 * @param blur       0 sharp … 1 blurred: the share of the variation that a further blur leaves (Crete et al. 2007)
 * @param luminance  mean, grey levels
 * @param contrast   standard deviation of the luminance, grey levels
 * @param unevenness change of brightness of a plane fitted to the subject, from one side of the picture to the other, relative to its mean
 * @param cast       mean red over mean blue, natural logarithm: 0 is neutral
 * @param ragged     outline length relative to that of the mask smoothed by a 5×5 majority; 1 is smooth
 * @param halo       mean absolute difference of luminance between the outermost two pixels of the subject and those four to six pixels inside, grey levels
 */
public record PictureStatistics(double noise, double blur, double luminance, double contrast, double unevenness, double cast, double ragged, double halo) {
    private static final int FEW = 200;
    /** Response of the noise mask to noise of deviation 1 is 6; the median of |x| of a normal x is 0.6745 deviations. */
    private static final double NOISE_SCALE = 6 * 0.6745;
    private static final int BLUR = 4;
    private static final int DEEP = 6;

    /** @param image RGBA */
    public static PictureStatistics of(Image8 image) {
        if (!image.hasAlpha() || image.channels() != 4) {
            throw new IllegalArgumentException("picture statistics: the picture has " + image.channels() + " channels, expected RGBA");
        }
        int w = image.width();
        int h = image.height();
        double[] grey = new double[w * h];
        boolean[] mask = new boolean[w * h];
        double red = 0;
        double blue = 0;
        for (int i = 0; i < grey.length; i++) {
            int r = image.data()[4 * i] & 0xFF;
            int g = image.data()[4 * i + 1] & 0xFF;
            int b = image.data()[4 * i + 2] & 0xFF;
            grey[i] = 0.299 * r + 0.587 * g + 0.114 * b;
            mask[i] = (image.data()[4 * i + 3] & 0xFF) > 127;
            red += mask[i] ? r : 0;
            blue += mask[i] ? b : 0;
        }
        int[] depth = depth(mask, w, h);
        double[] inside = new double[w * h];
        int n = 0;
        for (int i = 0; i < grey.length; i++) {
            if (mask[i]) {
                inside[n++] = grey[i];
            }
        }
        if (n < FEW) {
            return new PictureStatistics(Double.NaN, Double.NaN, Double.NaN, Double.NaN, Double.NaN, Double.NaN, Double.NaN, Double.NaN);
        }
        QualityMetrics.Spread spread = QualityMetrics.Spread.of(Arrays.copyOf(inside, n));
        return new PictureStatistics(noise(grey, depth, w, h), blur(grey, depth, w, h), spread.mean(), spread.std(), unevenness(grey, mask, w, h) / Math.max(1, spread.mean()),
                Math.log((red + 1) / (blue + 1)), (double) outline(mask, w, h) / outline(majority(mask, w, h), w, h), halo(grey, depth));
    }

    /** Steps (of eight neighbours) to the nearest pixel outside, at most {@link #DEEP}+1; 0 outside. */
    private static int[] depth(boolean[] mask, int w, int h) {
        int[] depth = new int[mask.length];
        for (int i = 0; i < mask.length; i++) {
            depth[i] = mask[i] ? 1 : 0;
        }
        for (int d = 1; d <= DEEP; d++) {
            int[] next = depth.clone();
            for (int y = 1; y < h - 1; y++) {
                for (int x = 1; x < w - 1; x++) {
                    int i = y * w + x;
                    boolean all = depth[i] == d;
                    for (int k = 0; k < 9 && all; k++) {
                        all = depth[i + (k / 3 - 1) * w + k % 3 - 1] >= d;
                    }
                    next[i] = all ? d + 1 : depth[i];
                }
            }
            depth = next;
        }
        return depth;
    }

    private static double noise(double[] g, int[] depth, int w, int h) {
        double[] out = new double[g.length];
        int n = 0;
        for (int y = 1; y < h - 1; y++) {
            for (int x = 1; x < w - 1; x++) {
                int i = y * w + x;
                if (depth[i] > 2) {
                    out[n++] = Math.abs(g[i - w - 1] - 2 * g[i - w] + g[i - w + 1] - 2 * g[i - 1] + 4 * g[i] - 2 * g[i + 1] + g[i + w - 1] - 2 * g[i + w] + g[i + w + 1]);
                }
            }
        }
        return n < FEW / 2 ? Double.NaN : QualityMetrics.percentile(Arrays.copyOf(out, n), 50) / NOISE_SCALE;
    }

    private static double blur(double[] g, int[] depth, int w, int h) {
        return Math.max(blur(g, depth, w, h, 1), blur(g, depth, w, h, w));
    }

    /** Along one direction: 1 − (variation that a box of nine removes) / variation. */
    private static double blur(double[] g, int[] depth, int w, int h, int step) {
        double variation = 0;
        double lost = 0;
        for (int y = BLUR + 1; y < h - BLUR - 1; y++) {
            for (int x = BLUR + 1; x < w - BLUR - 1; x++) {
                int i = y * w + x;
                if (depth[i] > DEEP - 1) {
                    double sharp = Math.abs(g[i] - g[i - step]);
                    double soft = Math.abs(g[i + BLUR * step] - g[i - (BLUR + 1) * step]) / (2 * BLUR + 1);
                    variation += sharp;
                    lost += Math.max(0, sharp - soft);
                }
            }
        }
        return variation > 0 ? 1 - lost / variation : Double.NaN;
    }

    /** Least-squares plane through the luminance of the subject: length of its gradient times the picture's width. */
    private static double unevenness(double[] g, boolean[] mask, int w, int h) {
        double n = 0;
        double sx = 0;
        double sy = 0;
        double sg = 0;
        for (int i = 0; i < g.length; i++) {
            if (mask[i]) {
                n++;
                sx += i % w;
                sy += i / w;
                sg += g[i];
            }
        }
        double xx = 0;
        double yy = 0;
        double xy = 0;
        double xg = 0;
        double yg = 0;
        for (int i = 0; i < g.length; i++) {
            if (mask[i]) {
                double x = i % w - sx / n;
                double y = i / w - sy / n;
                double v = g[i] - sg / n;
                xx += x * x;
                yy += y * y;
                xy += x * y;
                xg += x * v;
                yg += y * v;
            }
        }
        double det = xx * yy - xy * xy;
        return det <= 0 ? 0 : Math.hypot((xg * yy - yg * xy) / det, (yg * xx - xg * xy) / det) * w;
    }

    private static long outline(boolean[] mask, int w, int h) {
        long count = 0;
        for (int i = 0; i < mask.length; i++) {
            if (mask[i]) {
                count += i % w == 0 || !mask[i - 1] ? 1 : 0;
                count += i % w == w - 1 || !mask[i + 1] ? 1 : 0;
                count += i < w || !mask[i - w] ? 1 : 0;
                count += i >= w * (h - 1) || !mask[i + w] ? 1 : 0;
            }
        }
        return Math.max(1, count);
    }

    private static boolean[] majority(boolean[] mask, int w, int h) {
        boolean[] out = new boolean[mask.length];
        for (int y = 0; y < h; y++) {
            for (int x = 0; x < w; x++) {
                int count = 0;
                for (int k = 0; k < 25; k++) {
                    int u = x + k % 5 - 2;
                    int v = y + k / 5 - 2;
                    count += u >= 0 && v >= 0 && u < w && v < h && mask[v * w + u] ? 1 : 0;
                }
                out[y * w + x] = count > 12;
            }
        }
        return out;
    }

    private static double halo(double[] g, int[] depth) {
        double outer = 0;
        double inner = 0;
        int m = 0;
        int n = 0;
        for (int i = 0; i < g.length; i++) {
            if (depth[i] == 1 || depth[i] == 2) {
                outer += g[i];
                m++;
            } else if (depth[i] >= 4 && depth[i] <= DEEP) {
                inner += g[i];
                n++;
            }
        }
        return m == 0 || n == 0 ? Double.NaN : Math.abs(outer / m - inner / n);
    }
}
