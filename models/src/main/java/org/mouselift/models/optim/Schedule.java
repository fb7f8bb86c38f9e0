package org.mouselift.models.optim;

/**
 * Learning rate over optimiser opportunities s = 0, 1, 2, … (GS-LRM specification §6.3): s / max(1, warmup) during the
 * warm-up, then the rule of {@code kind}. The first update has factor 0 when there is a warm-up, and the cosine rises
 * again past {@code total}; both as in the original.
 *
 * @param baseRate learning rate at factor 1
 * @param warmup length of the warm-up
 * @param total planned number of updates T
 */
public record Schedule(Kind kind, double baseRate, long warmup, long total) {
    /** Rule after the warm-up, with progress q = (s - warmup) / max(1, T - warmup). */
    public enum Kind {
        /** max(0, (1 + cos(pi q)) / 2). */
        COSINE,
        /** max(0, 1 - q). */
        LINEAR,
        /** 1. */
        CONSTANT
    }

    public Schedule {
        if (!(baseRate >= 0) || warmup < 0 || total < 0) {
            throw new IllegalArgumentException("schedule: learning rate " + baseRate + ", warm-up " + warmup + " and total " + total
                    + " must not be negative");
        }
    }

    /** Factor on the base rate. */
    public double factor(long s) {
        if (s < warmup) {
            return (double) s / Math.max(1, warmup);
        }
        double span = Math.max(1, total - warmup);
        return switch (kind) {
            case COSINE -> Math.max(0, 0.5 * (1 + Math.cos(Math.PI * ((s - warmup) / span))));
            case LINEAR -> Math.max(0, (total - s) / span);
            case CONSTANT -> 1;
        };
    }

    /** Learning rate. */
    public double rate(long s) {
        return baseRate * factor(s);
    }
}
