package org.mouselift.pipeline.verify;

import org.mouselift.data.golden.Comparison;

/**
 * One check of a golden case: usually one tensor.
 *
 * @param name the expected tensor, or what else was checked
 * @param worstError largest absolute difference (0 for checks without numbers that pass)
 * @param ratio used part of the tolerance, at most 1 when it passes; infinite for failed exact checks
 */
public record CheckResult(String name, Status status, double worstError, double ratio, String message) {
    /** Outcome of a check; {@code SKIPPED} means that something the check needs is not present (stated in the message). */
    public enum Status { PASS, FAIL, SKIPPED }

    /** The outcome of comparing a tensor. */
    public static CheckResult of(Comparison comparison) {
        return new CheckResult(comparison.tensor(), comparison.pass() ? Status.PASS : Status.FAIL, comparison.worstError(), comparison.ratio(),
                comparison.message());
    }

    /** A passed check without numbers. */
    public static CheckResult pass(String name, String message) {
        return new CheckResult(name, Status.PASS, 0, 0, message);
    }

    /** A failed check without numbers. */
    public static CheckResult fail(String name, String message) {
        return new CheckResult(name, Status.FAIL, Double.POSITIVE_INFINITY, Double.POSITIVE_INFINITY, message);
    }

    /** {@code pass} or {@code fail}. */
    public static CheckResult check(String name, boolean condition, String message) {
        return condition ? pass(name, message) : fail(name, message);
    }

    /** A check that could not be made because something optional is not present. */
    public static CheckResult skipped(String name, String reason) {
        return new CheckResult(name, Status.SKIPPED, 0, 0, reason);
    }
}
