package org.mouselift.pipeline.train;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.LongToDoubleFunction;
import org.mouselift.data.checkpoint.Checkpoint;
import org.mouselift.data.checkpoint.CheckpointException;
import org.mouselift.data.checkpoint.StoredTensor;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tensor;
import org.mouselift.models.optim.AdamW;
import org.mouselift.models.optim.Schedule;

/**
 * The training state of a checkpoint of the original: counters, AdamW moments and position of the learning-rate schedule
 * (GS-LRM specification §6.6), and how a run goes on from it.
 *
 * @param passes forward/backward passes done
 * @param updates parameter updates done
 * @param optimizer state of optimizer and schedule; empty for a file that holds its counters only
 */
public record OriginalResume(Path file, long passes, long updates, Optional<State> optimizer) {
    private static final String PASSES = "fwdbwd_pass_step";
    private static final String UPDATES = "param_update_step";
    private static final String TAKE_WEIGHTS = "set training.optimizer.reset_training_state true to take the weights alone";

    /**
     * What the optimizer and its schedule remember.
     *
     * @param opportunity position of the schedule ({@code last_epoch})
     * @param rate learning rate of the next update, as stored with the optimizer
     * @param base learning rate that the stored schedule multiplies
     * @param weightDecay of the group that decays
     * @param groups indices of the optimizer's states, by group; empty when read from a record
     */
    public record State(long opportunity, double rate, double base, double weightDecay, List<List<Integer>> groups) {
        public State {
            groups = groups.stream().map(List::copyOf).toList();
        }
    }

    /** What the configuration replaces: {@code optimizer.reset_lr}, {@code reset_weight_decay}, {@code reset_training_state}. */
    public record Resets(boolean rate, boolean weightDecay, boolean state) {}

    /**
     * How a run begins.
     *
     * @param opportunity position of the schedule at the first update
     * @param rates learning rate of every opportunity from there on
     * @param moments true if the moments of the checkpoint are taken
     */
    public record Plan(long passes, long updates, long opportunity, LongToDoubleFunction rates, double weightDecay, boolean moments) {}

    /** The state of a checkpoint; empty for one that holds weights alone, or counters that are zero. */
    public static Optional<OriginalResume> of(Checkpoint stored) throws CheckpointException {
        if (!(stored.root().orElse(null) instanceof Map<?, ?> root) || !root.containsKey(PASSES) && !(root.get("optimizer") instanceof Map)) {
            return Optional.empty();
        }
        Path file = stored.path();
        long passes = count(file, root, PASSES);
        long updates = count(file, root, UPDATES);
        if (root.get("optimizer") instanceof Map<?, ?> optimizer && optimizer.get("state") instanceof Map<?, ?> states && !states.isEmpty()) {
            return Optional.of(new OriginalResume(file, passes, updates, Optional.of(state(file, root, optimizer))));
        }
        return passes == 0 ? Optional.empty() : Optional.of(new OriginalResume(file, passes, updates, Optional.empty()));
    }

    private static State state(Path file, Map<?, ?> root, Map<?, ?> optimizer) throws CheckpointException {
        if (!(optimizer.get("param_groups") instanceof List<?> list) || list.size() != 2) {
            throw new CheckpointException(file, "optimizer.param_groups is not a list of two groups", "only the optimizer of the original GS-LRM can be continued; " + TAKE_WEIGHTS);
        }
        List<List<Integer>> groups = new ArrayList<>();
        for (Object group : list) {
            String field = "optimizer.param_groups." + groups.size() + ".params";
            if (!(group instanceof Map<?, ?> map) || !(map.get("params") instanceof List<?> params)) {
                throw new CheckpointException(file, field + " is no list", TAKE_WEIGHTS);
            }
            List<Integer> indices = new ArrayList<>();
            for (Object index : params) {
                indices.add((int) number(file, field, index));
            }
            groups.add(indices);
        }
        Map<?, ?> first = (Map<?, ?>) list.getFirst();
        Map<?, ?> scheduler = root.get("lr_scheduler") instanceof Map<?, ?> map ? map : Map.of();
        double rate = positive(file, "optimizer.param_groups.0.lr", first.get("lr"));
        Object base = scheduler.get("base_lrs") instanceof List<?> bases && !bases.isEmpty() ? bases.getFirst() : first.get("initial_lr");
        // Without a schedule its position is that of the updates.
        return new State(count(file, scheduler.containsKey("last_epoch") ? scheduler : root, scheduler.containsKey("last_epoch") ? "last_epoch" : UPDATES), rate, positive(file, "lr_scheduler.base_lrs", base),
                positive(file, "optimizer.param_groups.0.weight_decay", first.get("weight_decay")), groups);
    }

    private static double positive(Path file, String key, Object value) throws CheckpointException {
        double number = number(file, key, value);
        if (number < 0) {
            throw new CheckpointException(file, key + " is " + number, "expected no negative number; " + TAKE_WEIGHTS);
        }
        return number;
    }

    /** What a run remembers of this in its own checkpoints, so that it can continue when the file is gone. */
    public ObjectNode json() {
        ObjectNode json = JsonNodeFactory.instance.objectNode().put("file", file.toString()).put(PASSES, passes).put(UPDATES, updates);
        optimizer.ifPresent(s -> json.put("last_epoch", s.opportunity()).put("lr", s.rate()).put("base_lr", s.base()).put("weight_decay", s.weightDecay()));
        return json;
    }

    /** From {@link #json}; without the groups. */
    public static OriginalResume of(JsonNode json) {
        Optional<State> state = !json.has("last_epoch") ? Optional.empty() : Optional.of(new State(json.path("last_epoch").asLong(), json.path("lr").asDouble(),
                json.path("base_lr").asDouble(), json.path("weight_decay").asDouble(), List.of()));
        return new OriginalResume(Path.of(json.path("file").asText("")), json.path(PASSES).asLong(), json.path(UPDATES).asLong(), state);
    }

    private static long count(Path file, Map<?, ?> in, String key) throws CheckpointException {
        double value = number(file, key, in.get(key));
        if (value < 0 || value != Math.rint(value)) {
            throw new CheckpointException(file, key + " is " + value, "expected a count; " + TAKE_WEIGHTS);
        }
        return (long) value;
    }

    private static double number(Path file, String key, Object value) throws CheckpointException {
        if (value instanceof Number n && Double.isFinite(n.doubleValue())) {
            return n.doubleValue();
        }
        throw new CheckpointException(file, key + " is " + (value == null ? "missing" : value), "expected a number; " + TAKE_WEIGHTS);
    }

    /**
     * How a run goes on. The stored schedule keeps its base rate and position and takes warm-up and length from the configuration,
     * as the original builds it; the first update still has the stored rate. With a new rate the schedule starts again, over the
     * updates that are left. Counters without an optimizer go on with fresh moments.
     *
     * @param configured schedule of the configuration over all its updates
     * @param decay weight decay of the configuration
     */
    public Plan plan(Resets resets, Schedule configured, double decay) {
        if (resets.state()) {
            return new Plan(0, 0, 0, configured::rate, decay, false);
        }
        if (optimizer.isEmpty()) {
            return new Plan(passes, updates, updates, configured::rate, decay, false);
        }
        State s = optimizer.get();
        double kept = resets.weightDecay() && s.weightDecay() > 0 ? decay : s.weightDecay();
        if (resets.rate()) {
            Schedule left = new Schedule(configured.kind(), configured.baseRate(), configured.warmup(), Math.max(0, configured.total() - updates));
            return new Plan(passes, updates, 0, left::rate, kept, true);
        }
        Schedule stored = new Schedule(configured.kind(), s.base(), configured.warmup(), configured.total());
        return new Plan(passes, updates, s.opportunity(), at -> at == s.opportunity() ? s.rate() : stored.rate(at), kept, true);
    }

    /**
     * Copies the moments into an optimiser of the same parameters.
     *
     * @throws CheckpointException if the groups differ, for example because other layers are frozen, or moments are missing
     */
    public void restore(Checkpoint stored, AdamW optimiser) throws CheckpointException {
        List<List<Integer>> groups = optimizer.map(State::groups).orElse(List.of());
        try (Scope scope = Scope.open("moments of " + file)) {
            long steps = -1;
            for (int g = 0; g < groups.size(); g++) {
                List<String> names = optimiser.group(g);
                if (names.size() != groups.get(g).size()) {
                    throw new CheckpointException(file, "optimizer group " + g + " has " + groups.get(g).size() + " parameters, this run has " + names.size(),
                            "the same layers must be frozen; or " + TAKE_WEIGHTS);
                }
                for (int i = 0; i < names.size(); i++) {
                    String state = "optimizer.state." + groups.get(g).get(i) + ".";
                    copy(stored.tensor(state + "exp_avg"), optimiser.firstMoment(names.get(i)));
                    copy(stored.tensor(state + "exp_avg_sq"), optimiser.secondMoment(names.get(i)));
                    long step = step(stored, groups.get(g).get(i));
                    if (steps >= 0 && step != steps) {
                        throw new CheckpointException(file, state + "step is " + step + ", that of the others " + steps, TAKE_WEIGHTS);
                    }
                    steps = step;
                }
            }
            optimiser.updates(Math.max(0, steps));
        }
    }

    /** Updates that a parameter has had: a tensor of one element, in files of older versions a number. */
    private long step(Checkpoint stored, int index) throws CheckpointException {
        String name = "optimizer.state." + index + ".step";
        if (stored.contains(name)) {
            StoredTensor step = stored.tensor(name);
            if (step.elements() == 1) {
                return (long) number(file, name, step.doubles()[0]);
            }
            throw new CheckpointException(file, step.toString(), "expected one element; " + TAKE_WEIGHTS);
        }
        Object root = stored.root().orElse(null);
        for (Object key : List.of("optimizer", "state", (long) index, "step")) {
            root = root instanceof Map<?, ?> map ? map.get(key) : null;
        }
        return (long) number(file, name, root);
    }

    private void copy(StoredTensor from, Tensor to) throws CheckpointException {
        if (!java.util.Arrays.equals(from.shape(), to.shape().dims()) || !from.type().isFloat()) {
            throw new CheckpointException(file, from + ", the parameter has " + to.spec(), "the configuration must be the one of the checkpoint");
        }
        Ops.assign(to, Ops.cast(Tensor.of(from.floats(), from.shape()), to.dtype()));
    }

    /** Reads the state of a file; empty for weights alone and for files that are not of the original. */
    public static Optional<OriginalResume> read(Path file) throws IOException {
        try (Checkpoint stored = Checkpoint.open(file)) {
            return of(stored);
        }
    }
}
