package org.mouselift.models.optim;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;
import org.mouselift.engine.DType;
import org.mouselift.engine.EngineException;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tape;
import org.mouselift.engine.Tensor;

/**
 * AdamW (Loshchilov and Hutter 2019, "Decoupled Weight Decay Regularization") with the parameter groups of GS-LRM
 * specification §6.3: tensors of two or more axes decay, others do not. Per update t = 1, 2, …:
 * {@code p -= lr decay p; m = b1 m + (1-b1) g; v = b2 v + (1-b2) g²; p -= lr (m/(1-b1^t)) / (sqrt(v/(1-b2^t)) + eps)}.
 * Updates parameters and moments in place; owns the moments (close it to free them).
 */
public final class AdamW implements Optimizer {
    /**
     * @param beta1 decay of the first moment
     * @param beta2 decay of the second moment
     * @param eps added to the root of the second moment
     * @param weightDecay decoupled weight decay of group 0; group 1 has none
     */
    public record Options(double beta1, double beta2, double eps, double weightDecay) {
        /** Betas 0.9 and 0.95, eps 1e-8, weight decay 0.05. */
        public static final Options GS_LRM = new Options(0.9, 0.95, 1e-8, 0.05);
    }

    /**
     * One parameter and its state.
     *
     * @param decays true in group 0
     * @param rateFactor on the learning rate
     * @param moments [2,…]: first, then second moment
     */
    private record Slot(String name, Tensor parameter, boolean decays, double rateFactor, Tensor moments) {}

    private final Options options;
    private final Scope memory = Scope.detached("AdamW moments");
    private final List<Slot> slots = new ArrayList<>();
    private long updates;

    /** Takes the parameters with {@code requiresGrad}; {@code parameters} in state-dict order. */
    public AdamW(Map<String, Tensor> parameters, Options options) {
        this.options = options;
        for (boolean decays : new boolean[] {true, false}) {
            parameters.forEach((name, p) -> {
                if (p.rank() >= 2 == decays) {
                    add(name, p, decays, 1);
                }
            });
        }
        requireSlots();
    }

    /**
     * As the original trains its diffusion network (multi-view diffusion specification §4.5): every tensor decays, and parameters may
     * have a learning rate of their own, in a group after the others.
     *
     * @param rateFactor factor on the learning rate by name
     */
    public AdamW(Map<String, Tensor> parameters, Options options, ToDoubleFunction<String> rateFactor) {
        this.options = options;
        for (boolean first : new boolean[] {true, false}) {
            parameters.forEach((name, p) -> {
                double factor = rateFactor.applyAsDouble(name);
                if (factor == 1 == first) {
                    add(name, p, true, factor);
                }
            });
        }
        requireSlots();
    }

    private void add(String name, Tensor p, boolean decays, double rateFactor) {
        if (p.requiresGrad()) {
            long[] dims = new long[p.rank() + 1];
            dims[0] = 2;
            System.arraycopy(p.shape().dims(), 0, dims, 1, p.rank());
            slots.add(new Slot(name, p, decays, rateFactor, memory.run(() -> Tensor.zeros(p.dtype(), dims))));
        }
    }

    private void requireSlots() {
        if (slots.isEmpty()) {
            throw new EngineException("AdamW: no parameter requires a gradient (is everything frozen?)");
        }
    }

    public Options options() {
        return options;
    }

    /** Names of group 0 (weight decay) or group 1 (none), in the order of the optimiser's indices. */
    public List<String> group(int group) {
        if (group != 0 && group != 1) {
            throw new IndexOutOfBoundsException("parameter group " + group + ", expected 0 or 1");
        }
        return slots.stream().filter(s -> s.decays == (group == 0)).map(Slot::name).toList();
    }

    /** The parameters by name, group 0 first. */
    @Override
    public Map<String, Tensor> parameters() {
        Map<String, Tensor> all = new LinkedHashMap<>();
        slots.forEach(s -> all.put(s.name, s.parameter));
        return all;
    }

    /** The moments [2,…] of every parameter by name, group 0 first. */
    @Override
    public Map<String, Tensor> state() {
        Map<String, Tensor> all = new LinkedHashMap<>();
        slots.forEach(s -> all.put(s.name, s.moments));
        return all;
    }

    @Override
    public double[] numbers(double rate) {
        return new double[] {rate, 1 - Math.pow(options.beta1, updates + 1), 1 - Math.pow(options.beta2, updates + 1)};
    }

    /** Number of performed updates t. */
    @Override
    public long updates() {
        return updates;
    }

    @Override
    public void updates(long performed) {
        if (performed < 0) {
            throw new EngineException("AdamW: update count " + performed + " is negative");
        }
        updates = performed;
    }

    /** First moment of a parameter: a view of the state, in the current scope. */
    public Tensor firstMoment(String name) {
        return moment(name, 0);
    }

    /** Second moment of a parameter: a view of the state, in the current scope. */
    public Tensor secondMoment(String name) {
        return moment(name, 1);
    }

    @Override
    public Map<String, Tensor> firstMoments() {
        return moments(0);
    }

    @Override
    public Map<String, Tensor> secondMoments() {
        return moments(1);
    }

    private Map<String, Tensor> moments(int which) {
        Map<String, Tensor> all = new LinkedHashMap<>();
        slots.forEach(s -> all.put(s.name, Ops.reshape(Ops.slice(s.moments, 0, which, which + 1), s.parameter.shape().dims())));
        return all;
    }

    private Tensor moment(String name, int which) {
        for (Slot s : slots) {
            if (s.name.equals(name)) {
                return Ops.reshape(Ops.slice(s.moments, 0, which, which + 1), s.parameter.shape().dims());
            }
        }
        throw new EngineException("AdamW has no parameter '" + name + "' (frozen parameters have no moments)");
    }

    @Override
    public void step(Function<Tensor, Tensor> gradients, double coefficient, double rate) {
        updates++;
        Tape.pause(() -> {
            try (Scope scope = Scope.open("AdamW update")) {
                slots.forEach(s -> fused(s, gradients.apply(s.parameter), coefficient, rate));
            }
            return null;
        });
    }

    /** One pass over memory for moments and parameter together. */
    private void fused(Slot s, Tensor gradient, double coefficient, double rate) {
        if (gradient == null) {
            return;
        }
        if (!gradient.spec().equals(s.parameter.spec())) {
            throw new EngineException("AdamW: gradient " + gradient.spec() + " for parameter " + s.name + " " + s.parameter.spec());
        }
        org.mouselift.engine.cpu.AdamWStep kernel = new org.mouselift.engine.cpu.AdamWStep(rate * s.rateFactor, options.beta1, options.beta2, options.eps,
                s.decays ? options.weightDecay : 0, updates, coefficient);
        long n = s.parameter.numel();
        MemorySegment p = s.parameter.contiguousSegment();
        MemorySegment g = Ops.contiguous(gradient).contiguousSegment();
        MemorySegment m = s.moments.contiguousSegment();
        if (s.parameter.dtype() == DType.F32) {
            kernel.apply(p, 0, g, 0, m, 0, m, n, n);
        } else {
            kernel.applyF64(p, 0, g, 0, m, 0, m, n, n);
        }
    }

    /**
     * The update as operations only, for tracing: the same program serves every step when its inputs are given anew.
     *
     * @param coefficient rank 0; negative leaves the update out
     * @param numbers [3]: learning rate (negative leaves the update out), 1 - beta1^t, 1 - beta2^t
     */
    @Override
    public void update(Function<Tensor, Tensor> gradients, Tensor coefficient, Tensor numbers) {
        AdamMoments moments = new AdamMoments(options.beta1, options.beta2);
        Tape.pause(() -> {
            for (Slot s : slots) {
                Tensor g = gradients.apply(s.parameter);
                if (g != null) {
                    Ops.apply(moments, s.moments, Ops.contiguous(g), coefficient);
                    Ops.apply(new AdamWStep(s.decays ? options.weightDecay : 0, options.eps, s.rateFactor), s.parameter, s.moments, numbers);
                }
            }
            return null;
        });
    }

    @Override
    public void close() {
        memory.close();
    }
}
