package org.mouselift.models.optim;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.mouselift.engine.DType;
import org.mouselift.engine.Gradients;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tape;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.TensorSpec;
import org.mouselift.engine.nn.PlacedFunction;
import org.mouselift.engine.op.Compare;
import org.mouselift.models.optim.TrainingStep.Follower;
import org.mouselift.models.optim.TrainingStep.Outcome;
import org.mouselift.models.optim.TrainingStep.Pass;

/**
 * A pass of training as one program: loss, gradients, their sum over the accumulated passes, clipping, the decision to leave the
 * update out, and the update. Weights, moments and sums stay where the program runs; every number that changes from pass to pass is
 * an operand, so that one program serves the whole run. The same rules as in {@link GradientRules} and {@link TrainingStep}, in f32; a norm that is no
 * number leaves the update out, whatever the rules allow.
 */
final class TrainingProgram implements AutoCloseable {
    /** Largest f32; what is not below it in size is infinite or NaN. */
    private static final double LARGEST = Float.MAX_VALUE;

    /** What the host gives a pass besides its data: 1 or 0 in the first two. */
    private static final int BOUNDARY = 0;
    private static final int FIRST = 1;
    private static final int FOLLOWER = 2;
    private static final int OPTIMISER = 3;

    private final Optimizer optimiser;
    private final GradientRules rules;
    private final int accumulation;
    private final Map<String, Tensor> weights;
    private final Follower follower;
    private final Scope memory = Scope.detached("gradient sums");
    private final Map<String, Tensor> sums = new LinkedHashMap<>();
    private final Map<Object, Prepared> byKind = new HashMap<>();

    /** A function and the names of what it returns after loss, norm and decision. */
    private record Prepared(PlacedFunction function, List<String> names) {}

    /** Results of a pass as the host sees them. */
    record Done(double loss, double norm, boolean updated) {}

    /** @param weights all that the loss depends on besides the operands */
    TrainingProgram(Optimizer optimiser, GradientRules rules, int accumulation, Map<String, Tensor> weights, Follower follower) {
        this.optimiser = optimiser;
        this.rules = rules;
        this.accumulation = accumulation;
        this.follower = follower;
        this.weights = new LinkedHashMap<>(weights);
        optimiser.parameters().forEach((name, p) -> this.weights.putIfAbsent(name, p));
        optimiser.state().forEach((name, t) -> this.weights.put("optimiser." + name, t));
        if (accumulation > 1) {
            optimiser.parameters().forEach((name, p) -> sums.put(name, memory.run(() -> Tensor.empty(p.spec(), "gradient sum").fillZero())));
            sums.forEach((name, t) -> this.weights.put("sums." + name, t));
        }
        if (follower != null) {
            follower.weights().forEach((name, t) -> this.weights.put("follower." + name, t));
        }
    }

    /**
     * One pass.
     *
     * @param first the first of its accumulation window
     * @param boundary the last of it
     * @param results takes the numbers and values of the pass, on the host
     */
    Done run(Pass pass, boolean first, boolean boundary, double rate, Map<String, Tensor> results) {
        Prepared p = byKind.get(pass.kind());
        if (p == null) {
            // Kinds follow one another (warm-ups end): the memory of the one before is free for the next.
            release();
            p = prepare(pass);
            byKind.put(pass.kind(), p);
        }
        double[] own = optimiser.numbers(rate);
        float[] numbers = new float[OPTIMISER + own.length];
        numbers[BOUNDARY] = boundary ? 1 : 0;
        numbers[FIRST] = first ? 1 : 0;
        numbers[FOLLOWER] = follower == null ? 0 : (float) follower.number().getAsDouble();
        for (int i = 0; i < own.length; i++) {
            numbers[OPTIMISER + i] = (float) own[i];
        }
        List<Tensor> operands = new ArrayList<>(pass.operands());
        operands.add(Tensor.of(numbers, numbers.length));
        List<Tensor> out = p.function.apply(operands);
        for (int i = 0; i < p.names.size(); i++) {
            results.put(p.names.get(i), out.get(3 + i));
        }
        return new Done(out.get(0).item(), rules.clipNorm() > 0 ? out.get(1).item() : Double.NaN, out.get(2).item() != 0);
    }

    private Prepared prepare(Pass pass) {
        List<String> names = new ArrayList<>();
        Function<List<Tensor>, List<Tensor>> body = in -> {
            names.clear();
            return step(pass, in.subList(0, in.size() - 1), in.getLast(), names);
        };
        return new Prepared(new PlacedFunction("training step", weights, body), names);
    }

    private List<Tensor> step(Pass pass, List<Tensor> operands, Tensor numbers, List<String> names) {
        try (Tape tape = Tape.open()) {
            Outcome outcome = pass.compute(operands);
            Gradients gradients = tape.backward(accumulation == 1 ? outcome.loss() : Ops.affine(outcome.loss(), 1.0 / accumulation, 0));
            return Tape.pause(() -> {
                Map<Tensor, Tensor> all = owned(gradients, number(numbers, FIRST));
                Tensor norm = norm(all.values());
                Tensor loss = Ops.cast(outcome.loss(), DType.F32);
                Tensor goes = number(numbers, BOUNDARY);
                if (rules.skipNonFiniteLoss()) {
                    goes = Ops.mul(goes, truth(Compare.Kind.LE, Ops.abs(loss), LARGEST));
                }
                Tensor coefficient = Ops.fill(TensorSpec.of(DType.F32), 1);
                if (rules.clipNorm() > 0) {
                    coefficient = Ops.min(coefficient, Ops.div(Ops.fill(TensorSpec.of(DType.F32), rules.clipNorm()), Ops.affine(norm, 1, 1e-6)));
                    goes = Ops.mul(goes, truth(Compare.Kind.LE, norm, Math.min(LARGEST, rules.clipNorm() * rules.allowedFactor())));
                }
                Tensor update = Ops.compare(Compare.Kind.GT, goes, Ops.constantLike(goes, 0.5));
                Tensor none = Ops.fill(TensorSpec.of(DType.F32), -1);
                Tensor own = Ops.slice(numbers, 0, OPTIMISER, numbers.dim(0));
                Tensor rate = Ops.where(update, number(numbers, OPTIMISER), none);
                Tensor rest = Ops.slice(own, 0, 1, own.dim(0));
                optimiser.update(all::get, Ops.where(update, coefficient, none), own.dim(0) == 1 ? Ops.reshape(rate, 1) : Ops.concat(0, Ops.reshape(rate, 1), rest));
                if (follower != null) {
                    follower.update().accept(Ops.mul(number(numbers, FOLLOWER), goes));
                }
                List<Tensor> out = new ArrayList<>(List.of(loss, norm, goes));
                outcome.values().forEach((name, t) -> {
                    names.add(name);
                    out.add(t);
                });
                return out;
            });
        }
    }

    /** Gradients that may be overwritten, summed over the passes of the window. */
    private Map<Tensor, Tensor> owned(Gradients gradients, Tensor first) {
        Tensor fresh = Ops.compare(Compare.Kind.GT, first, Ops.constantLike(first, 0.5));
        Map<Tensor, Tensor> all = new LinkedHashMap<>();
        optimiser.parameters().forEach((name, p) -> {
            Tensor g = gradients.ofOrNull(p);
            if (g == null) {
                return;
            }
            Tensor sum = sums.get(name);
            if (sum != null) {
                Ops.assign(sum, Ops.where(fresh, g, Ops.add(sum, g)));
                g = sum;
            }
            if (rules.clean()) {
                g = Ops.copy(g);
                Ops.apply(new CleanGradient(), g);
            }
            all.put(p, g);
        });
        return all;
    }

    /** Global L2 norm: rows first, so that devices add many of them at a time. */
    private static Tensor norm(Iterable<Tensor> gradients) {
        Tensor sum = null;
        for (Tensor g : gradients) {
            Tensor squares = Ops.square(Ops.cast(g, DType.F32));
            Tensor own = g.rank() > 1 ? Ops.sum(Ops.sum(squares, false, g.rank() - 1)) : Ops.sum(squares);
            sum = sum == null ? own : Ops.add(sum, own);
        }
        return Ops.sqrt(sum);
    }

    private static Tensor truth(Compare.Kind relation, Tensor x, double bound) {
        return Ops.cast(Ops.compare(relation, x, Ops.constantLike(x, bound)), DType.F32);
    }

    private static Tensor number(Tensor numbers, int i) {
        return Ops.reshape(Ops.slice(numbers, 0, i, i + 1));
    }

    /** Frees the programs; what they overwrote is on the host then. */
    void release() {
        byKind.values().forEach(p -> p.function.close());
        byKind.clear();
    }

    @Override
    public void close() {
        release();
        memory.close();
    }
}
