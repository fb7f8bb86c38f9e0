package org.mouselift.models.optim;

import java.util.Collection;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tape;
import org.mouselift.engine.Tensor;

/**
 * What happens to gradients before an update (GS-LRM specification §6.4).
 *
 * @param clipNorm largest global L2 norm; 0 or less does not clip, measure or skip
 * @param allowedFactor an update is skipped when the norm before clipping exceeds {@code clipNorm * allowedFactor};
 *     infinite never skips
 * @param clean replaces NaN by 0 and infinities by ±1e-3 first
 * @param skipNonFiniteLoss skips the update when the loss of its own pass is NaN or infinite
 */
public record GradientRules(double clipNorm, double allowedFactor, boolean clean, boolean skipNonFiniteLoss) {
    /** Largest norm 1, skipping at 20 times that. */
    public static final GradientRules DEFAULT = new GradientRules(1, 20, true, true);

    /** The rules of the mouse trainer: always clip, nothing else. */
    public static GradientRules clipOnly(double clipNorm) {
        return new GradientRules(clipNorm, Double.POSITIVE_INFINITY, false, false);
    }

    /**
     * Outcome for one set of gradients.
     *
     * @param norm global L2 norm before clipping; NaN when it was not measured
     * @param coefficient factor that clips all gradients
     * @param skip true if the update must be left out
     */
    public record Decision(double norm, double coefficient, boolean skip) {}

    /** Cleans the gradients in place, measures them and decides. */
    public Decision judge(Collection<Tensor> gradients) {
        return Tape.pause(() -> {
            try (Scope scope = Scope.open("gradient norm")) {
                if (clean) {
                    gradients.forEach(g -> Ops.apply(new CleanGradient(), g));
                }
                if (clipNorm <= 0) {
                    return new Decision(Double.NaN, 1, false);
                }
                double sum = 0;
                for (Tensor g : gradients) {
                    sum += Ops.apply(new SquaredNorm(), g).getFirst().item();
                }
                double norm = Math.sqrt(sum);
                return new Decision(norm, Math.min(1, clipNorm / (norm + 1e-6)), norm > clipNorm * allowedFactor);
            }
        });
    }
}
