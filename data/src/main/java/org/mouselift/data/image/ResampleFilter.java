package org.mouselift.data.image;

/** Interpolation kernels of picture resizing. */
public enum ResampleFilter {
    /** {@code 1 - |x|}. */
    BILINEAR(1) {
        @Override
        double weight(double x) {
            double distance = Math.abs(x);
            return distance < 1 ? 1 - distance : 0;
        }
    },
    /** Cubic convolution with a = -0.5. */
    BICUBIC(2) {
        @Override
        double weight(double x) {
            double a = -0.5;
            double d = Math.abs(x);
            if (d < 1) {
                return ((a + 2) * d - (a + 3)) * d * d + 1;
            }
            return d < 2 ? (((d - 5) * d + 8) * d - 4) * a : 0;
        }
    },
    /** {@code sinc(x) sinc(x/3)}. */
    LANCZOS(3) {
        @Override
        double weight(double x) {
            return x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0;
        }
    };

    private final double support;

    ResampleFilter(double support) {
        this.support = support;
    }

    /** The kernel at distance {@code x} in source pixels. */
    abstract double weight(double x);

    /**
     * The taps of every output sample along one axis (MVDiffusion specification §2.1): output i looks at source samples
     * {@code first[i] .. first[i] + weights[i].length - 1}; the weights of each sum to 1. When shrinking, the kernel is
     * widened by the scale.
     */
    Taps taps(int in, int out) {
        double scale = (double) in / out;
        double widening = Math.max(scale, 1);
        double reach = support * widening;
        double inverse = 1 / widening;
        int[] first = new int[out];
        double[][] weights = new double[out][];
        for (int i = 0; i < out; i++) {
            double centre = (i + 0.5) * scale;
            int low = Math.max((int) (centre - reach + 0.5), 0);
            int high = Math.min((int) (centre + reach + 0.5), in);
            double[] row = new double[high - low];
            double sum = 0;
            for (int j = 0; j < row.length; j++) {
                row[j] = weight((j + low - centre + 0.5) * inverse);
                sum += row[j];
            }
            for (int j = 0; j < row.length && sum != 0; j++) {
                row[j] /= sum;
            }
            first[i] = low;
            weights[i] = row;
        }
        return new Taps(first, weights);
    }

    /** See {@link #taps}. */
    record Taps(int[] first, double[][] weights) {}

    private static double sinc(double x) {
        return x == 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI);
    }
}
