package org.mouselift.models.optim;

import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Consumer;
import java.util.function.DoubleSupplier;
import java.util.function.LongToDoubleFunction;
import java.util.function.Supplier;
import org.mouselift.engine.EngineException;
import org.mouselift.engine.Gradients;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tape;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.nn.Placement;

/**
 * Forward, backward and (at the end of every accumulation window) update, with the counters of the original trainer (GS-LRM
 * specification §6.4): the schedule advances at every accumulation boundary even when the update is skipped; a NaN loss
 * skips the update only when it occurs in the boundary pass itself.
 */
public final class TrainingStep implements AutoCloseable {
    /** Why no update happened. */
    public enum Skip { NONE, ACCUMULATING, NON_FINITE_LOSS, GRADIENT_NORM }

    /**
     * What one pass did.
     *
     * @param pass number of this pass, from 1
     * @param loss loss before the update
     * @param gradientNorm global norm before clipping; NaN when not measured
     * @param rate learning rate of this opportunity
     * @param updates performed updates so far
     */
    public record Result(long pass, double loss, double gradientNorm, double rate, Skip skip, long updates) {
        public boolean updated() {
            return skip == Skip.NONE;
        }
    }

    /**
     * What a pass computes.
     *
     * @param loss rank 0
     * @param values what the caller wants to see of the pass, by name
     */
    public record Outcome(Tensor loss, Map<String, Tensor> values) {}

    /** A pass as a function of its operands, so that it can also be one program on a device. */
    public interface Pass {
        /** Passes of equal kinds compute the same function of operands of the same specs. */
        Object kind();

        /** The data of the pass. */
        List<Tensor> operands();

        /** Loss and values, from operands of which nothing may be read but the specs. */
        Outcome compute(List<Tensor> operands);
    }

    /**
     * What moves along with the weights at every update, such as averages, where a program does it.
     *
     * @param weights what it overwrites
     * @param number gives the number that {@code update} gets at the next pass
     * @param update overwrites; its number is 0 where the update is left out
     */
    public record Follower(Map<String, Tensor> weights, DoubleSupplier number, Consumer<Tensor> update) {}

    private final Optimizer optimiser;
    private final LongToDoubleFunction schedule;
    private final GradientRules rules;
    private final AccumulationWindows windows;
    private final Scope memory = Scope.detached("accumulated gradients");
    private final Map<Tensor, Tensor> sums = new IdentityHashMap<>();
    private TrainingProgram program;
    private Follower follower;
    private long passes;
    private long opportunities;
    private long updates;

    public TrainingStep(Optimizer optimiser, Schedule schedule, GradientRules rules, int accumulation) {
        this(optimiser, schedule::rate, rules, accumulation);
    }

    /** Windows of a fixed number of passes. */
    public TrainingStep(Optimizer optimiser, LongToDoubleFunction schedule, GradientRules rules, int accumulation) {
        this(optimiser, schedule, rules, new AccumulationWindows(accumulation, 0));
    }

    /** @param schedule learning rate of optimiser opportunity 0, 1, 2, … */
    public TrainingStep(Optimizer optimiser, LongToDoubleFunction schedule, GradientRules rules, AccumulationWindows windows) {
        this.optimiser = optimiser;
        this.schedule = schedule;
        this.rules = rules;
        this.windows = windows;
    }

    /** Forward/backward passes so far: the "step" of losses and logs. */
    public long passes() {
        return passes;
    }

    /** Optimiser opportunities so far: position of the schedule. */
    public long opportunities() {
        return opportunities;
    }

    /** True if no gradients are collected: at the beginning, and after every update or skipped update. */
    public boolean betweenWindows() {
        return windows.endsAfter(passes);
    }

    /** Performed updates. */
    public long updates() {
        return updates;
    }

    /** Learning rate of the next opportunity. */
    public double rate() {
        return schedule.applyAsDouble(opportunities);
    }

    /** Continues a stored run at an accumulation boundary. */
    public void resume(long storedPasses, long storedOpportunities, long storedUpdates) {
        if (storedPasses < 0 || storedOpportunities < 0 || storedUpdates < 0) {
            throw new EngineException("training: stored counters " + storedPasses + ", " + storedOpportunities + ", " + storedUpdates
                    + " must not be negative");
        }
        passes = storedPasses;
        opportunities = storedOpportunities;
        updates = storedUpdates;
    }

    /**
     * One pass. The body runs in a scope and on a tape of its own and returns the loss (one element); whatever else the
     * caller wants to keep it reads inside the body or moves out.
     */
    public Result pass(Supplier<Tensor> body) {
        try (Scope scope = Scope.open("training pass " + (passes + 1)); Tape tape = Tape.open()) {
            Tensor loss = body.get();
            double value = loss.item();
            int accumulation = windows.size();
            Gradients gradients = tape.backward(accumulation == 1 ? loss : Ops.affine(loss, 1.0 / accumulation, 0));
            passes++;
            double rate = rate();
            boolean boundary = betweenWindows();
            if (accumulation > 1) {
                accumulate(gradients);
            }
            if (!boundary) {
                return new Result(passes, value, Double.NaN, rate, Skip.ACCUMULATING, updates);
            }
            GradientRules.Decision decision = null;
            Skip skip = Skip.NON_FINITE_LOSS;
            if (Double.isFinite(value) || !rules.skipNonFiniteLoss()) {
                Map<Tensor, Tensor> all = accumulation > 1 ? sums : owned(gradients);
                // In the order of the parameters: the order of a map by identity differs from process to process, and with it the last bits.
                decision = rules.judge(optimiser.parameters().values().stream().map(all::get).filter(Objects::nonNull).toList());
                skip = decision.skip() ? Skip.GRADIENT_NORM : Skip.NONE;
                if (skip == Skip.NONE) {
                    optimiser.step(all::get, decision.coefficient(), rate);
                    updates++;
                }
            }
            opportunities++;
            clear();
            return new Result(passes, value, decision == null ? Double.NaN : decision.norm(), rate, skip, updates);
        }
    }

    /** Lets something move along with the weights where passes are programs; elsewhere the caller does that after each update. */
    public void follow(Follower what) {
        follower = what;
    }

    /**
     * One pass where this thread computes: with the operations of the CPU as {@link #pass(Supplier)}, or as one program on the device
     * of the current {@link Placement}. There weights and moments stay on the device until somebody looks at them.
     *
     * @param weights all that the loss depends on besides the operands
     * @param seen gets the values of the pass before they are freed
     */
    public Result pass(Pass pass, Map<String, Tensor> weights, Consumer<Map<String, Tensor>> seen) {
        if (Placement.current() == null) {
            return pass(() -> {
                Outcome outcome = pass.compute(pass.operands());
                Tape.pause(() -> {
                    seen.accept(outcome.values());
                    return null;
                });
                return outcome.loss();
            });
        }
        if (program == null) {
            program = new TrainingProgram(optimiser, rules, windows.size(), weights, follower);
        }
        try (Scope scope = Scope.open("training pass " + (passes + 1))) {
            boolean first = betweenWindows();
            boolean boundary = windows.endsAfter(passes + 1);
            double rate = rate();
            Map<String, Tensor> values = new LinkedHashMap<>();
            TrainingProgram.Done done = program.run(pass, first, boundary, rate, values);
            passes++;
            seen.accept(values);
            if (!boundary) {
                return new Result(passes, done.loss(), Double.NaN, rate, Skip.ACCUMULATING, updates);
            }
            opportunities++;
            boolean finite = Double.isFinite(done.loss()) || !rules.skipNonFiniteLoss();
            if (done.updated() && !finite) {
                throw new EngineException("training pass " + passes + ": the loss is " + done.loss() + ", and the device has changed the weights although the rules leave such an update"
                        + " out: its compiler takes NaN and infinity for impossible. Start with the flags of conf/device.options, and continue from the last checkpoint");
            }
            if (done.updated()) {
                updates++;
                optimiser.updates(optimiser.updates() + 1);
            }
            Skip skip = done.updated() ? Skip.NONE : finite ? Skip.GRADIENT_NORM : Skip.NON_FINITE_LOSS;
            return new Result(passes, done.loss(), finite ? done.norm() : Double.NaN, rate, skip, updates);
        }
    }

    /** Gives back what passes hold on a device; weights, moments and sums are on the host then, and the next pass takes them there again. */
    public void release() {
        if (program != null) {
            program.release();
        }
    }

    /** Gradients as contiguous tensors that may be overwritten. */
    private Map<Tensor, Tensor> owned(Gradients gradients) {
        return Tape.pause(() -> {
            Map<Tensor, Tensor> all = new IdentityHashMap<>();
            for (Tensor p : optimiser.parameters().values()) {
                Tensor g = gradients.ofOrNull(p);
                if (g != null) {
                    all.put(p, rules.clean() || !g.isContiguous() ? Ops.copy(g) : g);
                }
            }
            return all;
        });
    }

    private void accumulate(Gradients gradients) {
        Tape.pause(() -> {
            for (Tensor p : optimiser.parameters().values()) {
                Tensor g = gradients.ofOrNull(p);
                if (g == null) {
                    continue;
                }
                Tensor sum = sums.get(p);
                if (sum == null) {
                    sums.put(p, memory.run(() -> Ops.copy(g)));
                } else {
                    Ops.addInto(sum, g);
                }
            }
            return null;
        });
    }

    private void clear() {
        List<Tensor> done = new ArrayList<>(sums.values());
        sums.clear();
        done.forEach(Tensor::free);
    }

    @Override
    public void close() {
        if (program != null) {
            program.close();
        }
        memory.close();
    }
}
