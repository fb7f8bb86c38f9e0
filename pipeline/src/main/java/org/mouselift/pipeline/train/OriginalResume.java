package org.mouselift.pipeline.train;

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
 * @param opportunity position of the schedule ({@code last_epoch})
 * @param rate learning rate of the next update, as stored with the optimizer
 * @param base learning rate that the stored schedule multiplies
 * @param weightDecay of the group that decays
 * @param groups indices of the optimizer's states, by group
 */
public record OriginalResume(Path file, long passes, long updates, long opportunity, double rate, double base, double weightDecay, List<List<Integer>> groups) {
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

    public OriginalResume {
        groups = groups.stream().map(List::copyOf).toList();
    }

    /** The state of a checkpoint; empty for one that holds weights alone. */
    public static Optional<OriginalResume> of(Checkpoint stored) throws CheckpointException {
        if (!(stored.root().orElse(null) instanceof Map<?, ?> root) || !(root.get("optimizer") instanceof Map<?, ?> optimizer)) {
            return Optional.empty();
        }
        Path file = stored.path();
        if (!(optimizer.get("param_groups") instanceof List<?> list) || list.size() != 2) {
            throw new CheckpointException(file, "optimizer.param_groups is not a list of two groups", "only the optimizer of the original GS-LRM can be continued; set"
                    + " reset_training_state: true to take the weights alone");
        }
        List<List<Integer>> groups = new ArrayList<>();
        for (Object group : list) {
            if (!(group instanceof Map<?, ?> map) || !(map.get("params") instanceof List<?> params)) {
                throw new CheckpointException(file, "optimizer.param_groups." + groups.size() + " has no list 'params'", "");
            }
            List<Integer> indices = new ArrayList<>();
            for (Object index : params) {
                indices.add((int) number(file, "optimizer.param_groups." + groups.size() + ".params", index));
            }
            groups.add(indices);
        }
        Map<?, ?> first = (Map<?, ?>) list.getFirst();
        Map<?, ?> scheduler = root.get("lr_scheduler") instanceof Map<?, ?> map ? map : Map.of();
        double rate = number(file, "optimizer.param_groups.0.lr", first.get("lr"));
        Object base = scheduler.get("base_lrs") instanceof List<?> bases && !bases.isEmpty() ? bases.getFirst() : first.get("initial_lr");
        return Optional.of(new OriginalResume(file, count(file, root, "fwdbwd_pass_step"), count(file, root, "param_update_step"), count(file, scheduler, "last_epoch"), rate,
                number(file, "lr_scheduler.base_lrs", base), number(file, "optimizer.param_groups.0.weight_decay", first.get("weight_decay")), groups));
    }

    private static long count(Path file, Map<?, ?> in, String key) throws CheckpointException {
        double value = number(file, key, in.get(key));
        if (value < 0 || value != Math.rint(value)) {
            throw new CheckpointException(file, key + " is " + value, "expected a count");
        }
        return (long) value;
    }

    private static double number(Path file, String key, Object value) throws CheckpointException {
        if (value instanceof Number n && Double.isFinite(n.doubleValue())) {
            return n.doubleValue();
        }
        throw new CheckpointException(file, key + " is " + value, "expected a number; set reset_training_state: true to take the weights alone");
    }

    /**
     * How a run goes on. The stored schedule keeps its base rate and position and takes warm-up and length from the configuration,
     * as the original builds it; the first update still has the stored rate. With a new rate the schedule starts again, over the
     * updates that are left.
     *
     * @param configured schedule of the configuration over all its updates
     * @param decay weight decay of the configuration
     */
    public Plan plan(Resets resets, Schedule configured, double decay) {
        if (resets.state()) {
            return new Plan(0, 0, 0, configured::rate, decay, false);
        }
        double kept = resets.weightDecay() && weightDecay > 0 ? decay : weightDecay;
        if (resets.rate()) {
            Schedule left = new Schedule(configured.kind(), configured.baseRate(), configured.warmup(), Math.max(0, configured.total() - updates));
            return new Plan(passes, updates, 0, left::rate, kept, true);
        }
        Schedule stored = new Schedule(configured.kind(), base, configured.warmup(), configured.total());
        return new Plan(passes, updates, opportunity, s -> s == opportunity ? rate : stored.rate(s), kept, true);
    }

    /**
     * Copies the moments into an optimiser of the same parameters.
     *
     * @throws CheckpointException if the groups differ, for example because other layers are frozen, or moments are missing
     */
    public void restore(Checkpoint stored, AdamW optimiser) throws CheckpointException {
        try (Scope scope = Scope.open("moments of " + file)) {
            long steps = -1;
            for (int g = 0; g < groups.size(); g++) {
                List<String> names = optimiser.group(g);
                if (names.size() != groups.get(g).size()) {
                    throw new CheckpointException(file, "optimizer group " + g + " has " + groups.get(g).size() + " parameters, this run has " + names.size(),
                            "the same layers must be frozen; or set reset_training_state: true to take the weights alone");
                }
                for (int i = 0; i < names.size(); i++) {
                    String state = "optimizer.state." + groups.get(g).get(i) + ".";
                    copy(stored.tensor(state + "exp_avg"), optimiser.firstMoment(names.get(i)));
                    copy(stored.tensor(state + "exp_avg_sq"), optimiser.secondMoment(names.get(i)));
                    long step = (long) stored.tensor(state + "step").doubles()[0];
                    if (steps >= 0 && step != steps) {
                        throw new CheckpointException(file, state + "step is " + step + ", that of the others " + steps, "set reset_training_state: true to take the weights alone");
                    }
                    steps = step;
                }
            }
            optimiser.updates(Math.max(0, steps));
        }
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
