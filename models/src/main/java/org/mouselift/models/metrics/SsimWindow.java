package org.mouselift.models.metrics;

import org.mouselift.models.metrics.cpu.RowFilter;

/**
 * Structural similarity of one image plane with an 11 x 11 Gaussian window of sigma 1.5, "valid" borders (Wang et al. 2004;
 * GS-LRM specification §3.5): mean of (2 mx my + C1)/(mx² + my² + C1) (2 sxy + C2)/(sx + sy + C2) with C1 = 0.01²,
 * C2 = 0.03². Computes in double: E[x²] - E[x]² cancels badly in float. Along a side shorter than the window the blur is
 * skipped. One instance serves planes of one size and is not shared between threads.
 */
public final class SsimWindow {
    /** Side of the window. */
    public static final int SIZE = 11;
    /** Factor on variances and covariance that makes them sample statistics of the 121 pixels. */
    public static final double SAMPLE = 121.0 / 120.0;

    private static final double SIGMA = 1.5;
    /** Keeps the quotient of means finite. */
    public static final double C1 = 0.01 * 0.01;
    /** Keeps the quotient of variances finite. */
    public static final double C2 = 0.03 * 0.03;
    private static final double[] WINDOW = window();
    private static final double[] IDENTITY = {1};

    private final int height;
    private final int width;
    private final int outHeight;
    private final int outWidth;
    private final double[] columnWeights;
    private final double[] rowWeights;
    private final double[] product;
    private final double[] rows;
    /** A row of window positions with zeros on both sides. */
    private final double[] padded;
    private final double[][] maps = new double[5][];

    public SsimWindow(int height, int width) {
        if (height < 1 || width < 1) {
            throw new IllegalArgumentException("SSIM of an image of " + width + "x" + height + " pixels");
        }
        this.height = height;
        this.width = width;
        columnWeights = height < SIZE ? IDENTITY : WINDOW;
        rowWeights = width < SIZE ? IDENTITY : WINDOW;
        outHeight = height - columnWeights.length + 1;
        outWidth = width - rowWeights.length + 1;
        product = new double[Math.multiplyExact(height, width)];
        rows = new double[height * outWidth];
        padded = new double[outWidth + 2 * (rowWeights.length - 1)];
        for (int i = 0; i < maps.length; i++) {
            maps[i] = new double[outHeight * outWidth];
        }
    }

    private static double[] window() {
        double[] w = new double[SIZE];
        double sum = 0;
        for (int i = 0; i < SIZE; i++) {
            double d = i - SIZE / 2;
            w[i] = Math.exp(-d * d / (2 * SIGMA * SIGMA));
            sum += w[i];
        }
        for (int i = 0; i < SIZE; i++) {
            w[i] /= sum;
        }
        return w;
    }

    /** Weights of the window along a side of some pixels: {@link #SIZE} of them, or a single 1 for a side shorter than the window. */
    public static double[] weights(int side) {
        return (side < SIZE ? IDENTITY : WINDOW).clone();
    }

    /** Number of window positions. */
    public int positions() {
        return outHeight * outWidth;
    }

    /**
     * Sum of the local similarities over all window positions.
     *
     * @param x plane, row-major, height x width
     * @param covarianceFactor 1 for population statistics, {@link #SAMPLE} for sample statistics
     */
    public double sum(double[] x, double[] y, double covarianceFactor) {
        moments(x, y);
        double sum = 0;
        for (int i = 0; i < positions(); i++) {
            double mx = maps[0][i];
            double my = maps[1][i];
            double sx = covarianceFactor * (maps[2][i] - mx * mx);
            double sy = covarianceFactor * (maps[3][i] - my * my);
            double sxy = covarianceFactor * (maps[4][i] - mx * my);
            sum += (2 * mx * my + C1) / (mx * mx + my * my + C1) * ((2 * sxy + C2) / (sx + sy + C2));
        }
        return sum;
    }

    /**
     * Gradient of {@code factor * sum(x, y, 1)} with respect to x, written to {@code gradient}: factor (G'(e0) + 2x G'(e1) +
     * y G'(e2)) with G' the transposed blur.
     *
     * @return {@code sum(x, y, 1)}
     */
    public double gradient(double[] x, double[] y, double factor, double[] gradient) {
        moments(x, y);
        double sum = 0;
        for (int i = 0; i < positions(); i++) {
            double mx = maps[0][i];
            double my = maps[1][i];
            double a1 = 2 * mx * my + C1;
            double a2 = 2 * (maps[4][i] - mx * my) + C2;
            double b1 = mx * mx + my * my + C1;
            double b2 = maps[2][i] - mx * mx + maps[3][i] - my * my + C2;
            double s = a1 * a2 / (b1 * b2);
            sum += s;
            double e1 = -s / b2;
            double e2 = 2 * a1 / (b1 * b2);
            maps[0][i] = 2 * my * a2 / (b1 * b2) - 2 * mx * s / b1 - 2 * mx * e1 - my * e2;
            maps[1][i] = e1;
            maps[2][i] = e2;
        }
        spread(maps[0]);
        for (int i = 0; i < product.length; i++) {
            gradient[i] = factor * product[i];
        }
        spread(maps[1]);
        for (int i = 0; i < product.length; i++) {
            gradient[i] += factor * 2 * x[i] * product[i];
        }
        spread(maps[2]);
        for (int i = 0; i < product.length; i++) {
            gradient[i] += factor * y[i] * product[i];
        }
        return sum;
    }

    private void moments(double[] x, double[] y) {
        blur(x, maps[0]);
        blur(y, maps[1]);
        multiply(x, x);
        blur(product, maps[2]);
        multiply(y, y);
        blur(product, maps[3]);
        multiply(x, y);
        blur(product, maps[4]);
    }

    private void multiply(double[] a, double[] b) {
        for (int i = 0; i < product.length; i++) {
            product[i] = a[i] * b[i];
        }
    }

    private void blur(double[] plane, double[] out) {
        for (int y = 0; y < height; y++) {
            RowFilter.sum(rowWeights, 0, rowWeights.length, plane, y * width, 1, rows, y * outWidth, outWidth);
        }
        for (int y = 0; y < outHeight; y++) {
            RowFilter.sum(columnWeights, 0, columnWeights.length, rows, y * outWidth, outWidth, out, y * outWidth, outWidth);
        }
    }

    /** Transposed blur of a map of window positions into {@link #product}; the weights are symmetric. */
    private void spread(double[] map) {
        int above = columnWeights.length - 1, left = rowWeights.length - 1;
        for (int y = 0; y < height; y++) {
            int first = Math.max(0, above - y), last = Math.min(above, above + outHeight - 1 - y);
            RowFilter.sum(columnWeights, first, last - first + 1, map, (y - above + first) * outWidth, outWidth, padded, left, outWidth);
            RowFilter.sum(rowWeights, 0, rowWeights.length, padded, 0, 1, product, y * width, width);
        }
    }
}
