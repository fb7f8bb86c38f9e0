package org.mouselift.pipeline.verify;

import java.time.Duration;
import java.util.List;
import org.mouselift.data.golden.GoldenFolder;

/**
 * What became of one golden case.
 *
 * @param error the exception that ended the case, or null
 */
public record CaseReport(GoldenFolder folder, String file, String kind, Outcome outcome, List<CheckResult> checks, Duration time, Exception error) {
    /** {@code PASS} needs at least one passed check and no failed one; {@code UNKNOWN}: no verifier knows the case. */
    public enum Outcome { PASS, FAIL, SKIPPED, UNKNOWN }

    static CaseReport unknown(GoldenFolder folder, String file, String kind) {
        return new CaseReport(folder, file, kind, Outcome.UNKNOWN, List.of(), Duration.ZERO, null);
    }

    static CaseReport of(GoldenFolder folder, String file, String kind, List<CheckResult> checks, Duration time, Exception error) {
        boolean failed = error != null || checks.stream().anyMatch(c -> c.status() == CheckResult.Status.FAIL);
        boolean passed = checks.stream().anyMatch(c -> c.status() == CheckResult.Status.PASS);
        Outcome outcome = failed || checks.isEmpty() ? Outcome.FAIL : passed ? Outcome.PASS : Outcome.SKIPPED;
        return new CaseReport(folder, file, kind, outcome, List.copyOf(checks), time, error);
    }

    /** {@code image_preprocessing/pil_resize.safetensors}. */
    public String name() {
        return folder.name() + "/" + file;
    }

    /** Largest used part of a tolerance over all checks; infinite after an exception. */
    public double worstRatio() {
        return error != null ? Double.POSITIVE_INFINITY : checks.stream().mapToDouble(CheckResult::ratio).max().orElse(0);
    }

    /** Largest absolute difference over all checks; infinite after an exception. */
    public double worstError() {
        return error != null ? Double.POSITIVE_INFINITY : checks.stream().mapToDouble(CheckResult::worstError).max().orElse(0);
    }

    /** The checks that failed. */
    public List<CheckResult> failures() {
        return checks.stream().filter(c -> c.status() == CheckResult.Status.FAIL).toList();
    }

    /** The failed checks and the exception in words, one per line; empty for a passed case. */
    public String explanation() {
        StringBuilder text = new StringBuilder();
        for (CheckResult failure : failures()) {
            text.append(failure.name()).append(": ").append(failure.message()).append('\n');
        }
        if (error != null) {
            text.append(error).append('\n');
        }
        if (outcome == Outcome.FAIL && text.isEmpty()) {
            text.append("the verifier made no check\n");
        }
        return text.toString().stripTrailing();
    }
}
