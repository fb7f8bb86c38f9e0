package org.mouselift.data.golden;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Locale;
import java.util.Optional;

/**
 * How far a value may be from the reference: {@code |x - e| <= atol + rtol |e|} for every element, except the fraction
 * {@code outlierFraction}, which may differ by up to {@code outlierAtol}; {@code meanAtol} bounds the mean absolute
 * difference (infinite where it is not asked for).
 */
public record Tolerance(double atol, double rtol, double meanAtol, double outlierFraction, double outlierAtol) {
    /** Bit-exact values. */
    public static final Tolerance EXACT = new Tolerance(0, 0);

    public Tolerance(double atol, double rtol) {
        this(atol, rtol, Double.POSITIVE_INFINITY, 0, 0);
    }

    public Tolerance {
        if (!(atol >= 0) || !(rtol >= 0) || !(meanAtol >= 0) || !(outlierFraction >= 0 && outlierFraction < 1) || !(outlierAtol >= 0)) {
            throw new IllegalArgumentException("tolerance: values must be >= 0 and the outlier fraction below 1: atol " + atol + ", rtol " + rtol
                    + ", mean_atol " + meanAtol + ", allowed_outlier_fraction " + outlierFraction + ", outlier_atol " + outlierAtol);
        }
    }

    /** The tolerance of an index entry; empty where it states none (such tensors are information, not checks). */
    static Optional<Tolerance> of(JsonNode entry) {
        if (!entry.has("atol") && !entry.has("rtol")) {
            return Optional.empty();
        }
        return Optional.of(new Tolerance(entry.path("atol").asDouble(0), entry.path("rtol").asDouble(0),
                entry.path("mean_atol").asDouble(Double.POSITIVE_INFINITY),
                entry.path("allowed_outlier_fraction").asDouble(0), entry.path("outlier_atol").asDouble(0)));
    }

    /** True if only equal values pass. */
    public boolean exact() {
        return atol == 0 && rtol == 0 && outlierFraction == 0;
    }

    /** The bound for one element. */
    public double bound(double expected) {
        return rtol == 0 || Double.isInfinite(expected) ? atol : atol + rtol * Math.abs(expected);
    }

    @Override
    public String toString() {
        if (exact()) {
            return "exact";
        }
        StringBuilder text = new StringBuilder(String.format(Locale.ROOT, "atol %.3g", atol));
        if (rtol > 0) {
            text.append(String.format(Locale.ROOT, ", rtol %.3g", rtol));
        }
        if (outlierFraction > 0) {
            text.append(String.format(Locale.ROOT, ", %.3g of the elements up to %.3g", outlierFraction, outlierAtol));
        }
        return text.toString();
    }
}
