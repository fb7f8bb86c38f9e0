package org.mouselift.pipeline.evaluate;

import java.util.stream.IntStream;
import org.apache.commons.math3.distribution.TDistribution;

/**
 * The mean of the differences of pairs with its 95 % confidence interval, by Student's t over the pairs.
 *
 * @param pairs of which both numbers are finite
 * @param mean null without a pair
 * @param low lower end of the interval; null with fewer than two pairs
 * @param high upper end
 */
public record PairedDifference(int pairs, Double mean, Double low, Double high, Verdict verdict) {
    private static final double CONFIDENCE = 0.95;

    /** What the interval says. */
    public enum Verdict {
        /** It lies above zero. */
        MORE("more"),
        /** It lies below zero. */
        LESS("less"),
        /** It holds zero: no difference was shown. */
        NOISE("within noise"),
        /** All pairs are equal. */
        EQUAL("equal"),
        /** One pair or none: nothing can be said. */
        UNKNOWN("unknown");

        private final String text;

        Verdict(String text) {
            this.text = text;
        }

        /** For people. */
        public String text() {
            return text;
        }
    }

    /** Of {@code other[i] - base[i]}; pairs with a number that is not finite are left out. */
    public static PairedDifference of(double[] base, double[] other) {
        if (base.length != other.length) {
            throw new IllegalArgumentException("pairs: " + base.length + " numbers beside " + other.length);
        }
        double[] d = IntStream.range(0, base.length).mapToDouble(i -> other[i] - base[i]).filter(Double::isFinite).toArray();
        int n = d.length;
        if (n == 0) {
            return new PairedDifference(0, null, null, null, Verdict.UNKNOWN);
        }
        double mean = IntStream.range(0, n).mapToDouble(i -> d[i]).sum() / n;
        if (n == 1) {
            return new PairedDifference(1, mean, null, null, Verdict.UNKNOWN);
        }
        double variance = IntStream.range(0, n).mapToDouble(i -> (d[i] - mean) * (d[i] - mean)).sum() / (n - 1);
        double reach = new TDistribution(n - 1).inverseCumulativeProbability((1 + CONFIDENCE) / 2) * Math.sqrt(variance / n);
        Verdict verdict = mean == 0 && reach == 0 ? Verdict.EQUAL : mean - reach > 0 ? Verdict.MORE : mean + reach < 0 ? Verdict.LESS : Verdict.NOISE;
        return new PairedDifference(n, mean, mean - reach, mean + reach, verdict);
    }
}
