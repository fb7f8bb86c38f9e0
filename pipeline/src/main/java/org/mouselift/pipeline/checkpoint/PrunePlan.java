package org.mouselift.pipeline.checkpoint;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Which numbered checkpoints can be cleared away, and why the others stay (mouse specification §8.1, K-03, K-09): of every
 * training the newest ones, every n-th step, tagged ones, the best, and what others were made from stay. What has no number, such
 * as exported weights, is never a candidate.
 *
 * @param decisions every numbered checkpoint, in the registry's order
 */
public record PrunePlan(List<Decision> decisions) {
    /**
     * Rules.
     *
     * @param newest how many of a training stay, by number; at least 1
     * @param every steps that are multiples of this stay; 0 for none
     * @param metric key of the provenance whose largest value is the best of a training, such as {@code val/psnr}
     * @param invalid true to clear away all that must not be used any more, whatever its number
     */
    public record Rules(int newest, long every, String metric, boolean invalid) {
        public Rules {
            if (newest < 1) {
                throw new IllegalArgumentException("at least the newest checkpoint of a training stays; asked to keep " + newest);
            }
            if (every < 0) {
                throw new IllegalArgumentException("every " + every + " steps: expected a positive number");
            }
        }
    }

    /** @param kept why it stays; empty if it goes */
    public record Decision(Artefact artefact, Optional<String> kept) {}

    /** Decides; nothing is changed. */
    public static PrunePlan of(CheckpointRegistry registry, Rules rules) throws IOException {
        Map<String, List<Artefact>> trainings = new LinkedHashMap<>();
        for (Artefact artefact : registry.artefacts()) {
            if (artefact.kind().isNumbered()) {
                trainings.computeIfAbsent(artefact.path().getParent() + " " + artefact.kind(), k -> new ArrayList<>()).add(artefact);
            }
        }
        List<Decision> decisions = new ArrayList<>();
        for (List<Artefact> training : trainings.values()) {
            Optional<Artefact> best = training.stream().filter(a -> metric(a, rules.metric).isPresent())
                    .max(Comparator.comparingDouble((Artefact a) -> metric(a, rules.metric).orElseThrow()));
            int usable = 0;
            for (Artefact artefact : training) {
                boolean refused = CheckpointRegistry.refusal(artefact).isPresent();
                boolean damaged = CheckpointRegistry.damage(artefact).isPresent();
                Optional<String> kept = protection(registry, artefact);
                if (kept.isEmpty() && !(rules.invalid && refused)) {
                    kept = reason(rules, artefact, best, usable, damaged);
                }
                // A damaged or invalidated one does not push a good one out.
                usable += damaged || refused ? 0 : 1;
                decisions.add(new Decision(artefact, kept));
            }
        }
        return new PrunePlan(decisions);
    }

    private static Optional<String> reason(Rules rules, Artefact artefact, Optional<Artefact> best, int newerUsable, boolean damaged) {
        long step = artefact.step().orElseThrow();
        if (newerUsable < rules.newest && !damaged) {
            return Optional.of(newerUsable == 0 ? "newest" : "one of the newest " + rules.newest);
        }
        if (rules.every > 0 && step % rules.every == 0) {
            return Optional.of("a multiple of " + rules.every);
        }
        if (best.isPresent() && best.get().equals(artefact)) {
            return Optional.of("best " + rules.metric);
        }
        return Optional.empty();
    }

    /** Why an artefact must stay whatever the rules are: a tag, or that a usable one elsewhere was made from it. */
    public static Optional<String> protection(CheckpointRegistry registry, Artefact artefact) throws IOException {
        if (artefact.status().isProtected()) {
            return Optional.of("tagged " + String.join(", ", artefact.status().tags()));
        }
        for (Artefact child : registry.artefacts()) {
            boolean sameTraining = child.kind() == artefact.kind() && child.path().getParent().equals(artefact.path().getParent());
            if (!sameTraining && child.isChildOf(artefact) && CheckpointRegistry.refusal(child).isEmpty()) {
                return Optional.of("parent of " + child.name());
            }
        }
        return Optional.empty();
    }

    private static Optional<Double> metric(Artefact artefact, String key) {
        JsonNode value = artefact.provenance().map(p -> p.keys().path(key)).orElse(null);
        return value != null && value.isNumber() ? Optional.of(value.asDouble()) : Optional.empty();
    }

    /** Those that go. */
    public List<Artefact> cleared() {
        return decisions.stream().filter(d -> d.kept.isEmpty()).map(Decision::artefact).toList();
    }

    /** Folder names that have a decision, for messages. */
    public List<Path> trainings() {
        return decisions.stream().map(d -> d.artefact.path().getParent()).distinct().toList();
    }
}
