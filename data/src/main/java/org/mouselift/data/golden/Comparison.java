package org.mouselift.data.golden;

import java.util.Arrays;
import java.util.Locale;

/**
 * The result of comparing one tensor with its reference.
 *
 * @param tensor name of the reference tensor
 * @param pass whether every element is within the tolerance
 * @param worstError largest absolute difference; infinite where one side is NaN or infinite and the other is not
 * @param ratio how much of the tolerance is used: at most 1 exactly when {@code pass}; infinite for a wrong exact value
 * @param message what was compared and, on a miss, the worst element
 */
public record Comparison(String tensor, boolean pass, double worstError, double ratio, Tolerance tolerance, String message) {

    /** Compares element by element; NaN equals NaN, and an infinity equals itself. Lengths must agree. */
    public static Comparison of(String tensor, long[] shape, double[] actual, double[] expected, Tolerance tolerance) {
        if (actual.length != expected.length) {
            return failure(tensor, tolerance, "has " + actual.length + " elements, expected " + expected.length + " " + Arrays.toString(shape));
        }
        double[] ratios = new double[actual.length];
        int worst = -1;
        double worstError = 0;
        double errorSum = 0;
        for (int i = 0; i < actual.length; i++) {
            double error = error(actual[i], expected[i]);
            double bound = tolerance.bound(expected[i]);
            // NaN bounds cannot arise: bound() is finite for every finite or infinite reference; for NaN only NaN passes.
            ratios[i] = error == 0 ? 0 : bound > 0 ? error / bound : Double.POSITIVE_INFINITY;
            errorSum += error;
            worstError = Math.max(worstError, error);
            if (worst < 0 || ratios[i] > ratios[worst]) {
                worst = i;
            }
        }
        double ratio = worst < 0 ? 0 : ratios[worst];
        String detail = "";
        if (tolerance.outlierFraction() > 0 && ratio > 1) {
            double[] sorted = ratios.clone();
            Arrays.sort(sorted);
            int allowed = (int) Math.floor(tolerance.outlierFraction() * actual.length);
            int outliers = 0;
            while (outliers < sorted.length && sorted[sorted.length - 1 - outliers] > 1) {
                outliers++;
            }
            double inliers = allowed >= sorted.length ? 0 : sorted[sorted.length - 1 - allowed];
            double outlier = worstError == 0 ? 0 : tolerance.outlierAtol() > 0 ? worstError / tolerance.outlierAtol() : Double.POSITIVE_INFINITY;
            ratio = Math.max(inliers, outlier);
            detail = ", " + outliers + " of " + allowed + " allowed outliers";
        }
        if (tolerance.meanAtol() < Double.POSITIVE_INFINITY && actual.length > 0) {
            double mean = errorSum / actual.length;
            double meanRatio = mean == 0 ? 0 : tolerance.meanAtol() > 0 ? mean / tolerance.meanAtol() : Double.POSITIVE_INFINITY;
            ratio = Math.max(ratio, meanRatio);
            detail += String.format(Locale.ROOT, ", mean error %.3g of %.3g", mean, tolerance.meanAtol());
        }
        boolean pass = ratio <= 1;
        String message = String.format(Locale.ROOT, "worst error %.3g (%s)%s", worstError, tolerance, detail);
        if (!pass && worst >= 0) {
            message += ", at " + index(shape, worst) + ": got " + actual[worst] + ", expected " + expected[worst];
        }
        return new Comparison(tensor, pass, worstError, ratio, tolerance, message);
    }

    /** A tensor that could not be compared at all. */
    public static Comparison failure(String tensor, Tolerance tolerance, String message) {
        return new Comparison(tensor, false, Double.POSITIVE_INFINITY, Double.POSITIVE_INFINITY, tolerance, message);
    }

    private static double error(double actual, double expected) {
        if (actual == expected || (Double.isNaN(actual) && Double.isNaN(expected))) {
            return 0;
        }
        double error = Math.abs(actual - expected);
        return Double.isNaN(error) ? Double.POSITIVE_INFINITY : error;
    }

    private static String index(long[] shape, long flat) {
        long[] index = new long[shape.length];
        for (int d = shape.length - 1; d >= 0; d--) {
            index[d] = flat % shape[d];
            flat /= shape[d];
        }
        return Arrays.toString(index);
    }
}
