package org.mouselift.models.optim;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.function.ToIntFunction;
import org.mouselift.engine.DType;
import org.mouselift.engine.Eager;
import org.mouselift.engine.EngineException;
import org.mouselift.engine.Executor;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tape;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.cpu.MuonStep;
import org.mouselift.engine.cpu.NewtonSchulz;
import org.mouselift.engine.cpu.Workers;
import org.mouselift.engine.op.Compare;
import org.mouselift.engine.trace.Program;

/**
 * Muon (Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks"): the update of a hidden weight matrix is
 * its Nesterov momentum with all singular values brought near 1, so that rare directions learn as fast as common ones. Per update:
 * {@code m = mu m + g; u = g + mu m; o = orthogonal(u); w -= lr decay w; w -= lr scale o}. The scale
 * {@code factor 0.2 sqrt(max(rows, columns))} gives an update the root mean square of a typical AdamW update (Liu et al. 2025,
 * "Muon is Scalable for LLM Training"), so that both share one learning rate and schedule.
 *
 * <p>Only matrices inside the network; embeddings, heads, norms and biases stay with {@link AdamW}, as the authors advise. A
 * fused query-key-value projection is three matrices; a convolution kernel [O,I,h,w] is the matrix [O, I h w].
 */
public final class Muon implements Optimizer {
    /** Quintic Newton-Schulz coefficients of the authors: singular values in (0, 1] come to about 0.7 … 1.2 in five rounds. */
    private static final double A = 3.4445;
    private static final double B = -4.7750;
    private static final double C = 2.0315;
    /** Rounds on the Gram matrix alone. */
    private static final int GRAM_ROUNDS = 3;
    private static final double ADAMW_ROOT_MEAN_SQUARE = 0.2;
    /** Elements of matrices that an update in operations takes together: more would only need more memory. */
    private static final long MOST_TOGETHER = 1L << 24;

    /**
     * @param momentum mu in [0, 1)
     * @param rounds Newton-Schulz rounds, at least 1
     * @param factor of the update relative to an AdamW update, positive
     */
    public record Options(double momentum, int rounds, double factor) {
        /** Momentum 0.95, five rounds, factor 1. */
        public static final Options STANDARD = new Options(0.95, 5, 1);

        public Options {
            if (!(momentum >= 0 && momentum < 1) || rounds < 1 || !(factor > 0 && factor < Double.POSITIVE_INFINITY)) {
                throw new EngineException("Muon: momentum " + momentum + " (expected 0 to below 1), rounds " + rounds + " (at least 1), factor " + factor
                        + " (positive)");
            }
        }

        /** With another factor. */
        public Options factor(double other) {
            return new Options(momentum, rounds, other);
        }
    }

    /**
     * @param parts matrices stacked along the rows: 3 for a fused query-key-value projection, 2 for a gated one, else 1
     */
    private record Slot(String name, Tensor parameter, Tensor momentum, int parts) {
        /** Of one of the matrices. */
        long rows() {
            return parameter.dim(0) / parts;
        }

        long columns() {
            return parameter.numel() / parameter.dim(0);
        }
    }

    private final Options options;
    private final double weightDecay;
    private final Scope memory = Scope.detached("Muon momentum");
    private final List<Slot> slots = new ArrayList<>();
    private final AdamW rest;

    /**
     * Takes the parameters with {@code requiresGrad}.
     *
     * @param hidden whether a parameter of two or four axes is a matrix inside the network, by name
     * @param stacked how many matrices it stacks along its rows, by name
     * @param others makes AdamW for everything else; its weight decay is also Muon's
     */
    public Muon(Map<String, Tensor> parameters, Predicate<String> hidden, ToIntFunction<String> stacked, Options options,
            Function<Map<String, Tensor>, AdamW> others) {
        this.options = options;
        Map<String, Tensor> remaining = new LinkedHashMap<>();
        parameters.forEach((name, p) -> {
            if (p.requiresGrad() && (p.rank() == 2 || p.rank() == 4) && hidden.test(name)) {
                int parts = stacked.applyAsInt(name);
                if (parts < 1 || p.dim(0) % parts != 0) {
                    throw new EngineException("Muon: " + name + " " + p.spec() + " does not stack " + parts + " matrices");
                }
                slots.add(new Slot(name, p, memory.run(() -> Tensor.zeros(p.dtype(), p.shape().dims())), parts));
            } else {
                remaining.put(name, p);
            }
        });
        if (slots.isEmpty()) {
            memory.close();
            throw new EngineException("Muon: no hidden matrix requires a gradient; use AdamW");
        }
        this.rest = others.apply(remaining);
        this.weightDecay = rest.options().weightDecay();
    }

    @Override
    public void step(Function<Tensor, Tensor> gradients, double coefficient, double rate) {
        rest.step(gradients, coefficient, rate);
        Tape.pause(() -> {
            try (Scope scope = Scope.open("Muon update")) {
                List<Slot> small = new ArrayList<>();
                List<Tensor> theirs = new ArrayList<>();
                for (Slot s : slots) {
                    Tensor gradient = gradients.apply(s.parameter);
                    if (gradient == null) {
                        continue;
                    }
                    if (s.parameter.dtype() == DType.F32 && NewtonSchulz.suits(s.rows(), s.columns())) {
                        small.add(s);
                        theirs.add(Ops.contiguous(gradient));
                    } else {
                        try (Scope one = Scope.open("Muon update of a large matrix")) {
                            DType dtype = s.parameter.dtype();
                            move(List.of(new Moving(s, gradient)), Tensor.scalar(dtype, coefficient), Tensor.scalar(dtype, rate),
                                    identity(dtype, Math.min(s.rows(), s.columns())));
                        }
                    }
                }
                // small matrices keep one core busy each
                MuonStep step = new MuonStep(options.momentum, coefficient, rate * weightDecay, new NewtonSchulz(A, B, C, options.rounds));
                Workers.each(small.size(), (worker, i) -> fused(step, small.get(i), theirs.get(i), rate));
            }
            return null;
        });
    }

    /** Everything for one matrix while it lies in cache. */
    private void fused(MuonStep step, Slot s, Tensor gradient, double rate) {
        step.apply(s.parameter.contiguousSegment(), 0, gradient.contiguousSegment(), 0, s.momentum.contiguousSegment(), 0, Math.toIntExact(s.parameter.dim(0)),
                Math.toIntExact(s.columns()), s.parts, rate * scale(s));
    }

    /** Of an update relative to the learning rate. */
    private double scale(Slot s) {
        return options.factor * ADAMW_ROOT_MEAN_SQUARE * Math.sqrt(Math.max(s.rows(), s.columns()));
    }

    /** A matrix, or several stacked ones, and the gradient. */
    private record Moving(Slot slot, Tensor gradient) {}

    /**
     * As operations only, for tracing. Matrices of one size move together, as a batch: a device starts a kernel for all of them.
     *
     * @param numbers those of AdamW; of them the learning rate is used
     */
    @Override
    public void update(Function<Tensor, Tensor> gradients, Tensor coefficient, Tensor numbers) {
        rest.update(gradients, coefficient, numbers);
        Tape.pause(() -> {
            Map<List<Object>, List<Moving>> bySize = new LinkedHashMap<>();
            for (Slot s : slots) {
                Tensor gradient = gradients.apply(s.parameter);
                if (gradient != null) {
                    bySize.computeIfAbsent(List.of(s.parameter.dtype(), s.rows(), s.columns()), size -> new ArrayList<>()).add(new Moving(s, gradient));
                }
            }
            Map<List<Object>, Tensor> units = new HashMap<>();
            Tensor rate = Ops.reshape(Ops.slice(numbers, 0, 0, 1));
            bySize.values().forEach(all -> {
                Slot one = all.getFirst().slot;
                DType dtype = one.parameter.dtype();
                long n = Math.min(one.rows(), one.columns());
                Tensor unit = units.computeIfAbsent(List.of(dtype, n), size -> Program.constant(Executor.with(Eager.INSTANCE, () -> identity(dtype, n))));
                Tensor c = Ops.cast(coefficient, dtype);
                Tensor r = Ops.cast(rate, dtype);
                int atOnce = Math.clamp(MOST_TOGETHER / (one.parts * one.rows() * one.columns()), 1, all.size());
                for (int i = 0; i < all.size(); i += atOnce) {
                    move(all.subList(i, Math.min(all.size(), i + atOnce)), c, r, unit);
                }
            });
            return null;
        });
    }

    /**
     * The update of matrices of one size, also the definition that the kernel of small matrices is tested against.
     *
     * @param coefficient on the gradients, rank 0; negative leaves the momenta as they are
     * @param rate learning rate, rank 0; negative leaves the parameters as they are
     * @param unit identity of the shorter side
     */
    private void move(List<Moving> all, Tensor coefficient, Tensor rate, Tensor unit) {
        Slot any = all.getFirst().slot;
        Tensor counts = Ops.compare(Compare.Kind.GE, coefficient, Ops.constantLike(coefficient, 0));
        List<Tensor> directions = new ArrayList<>();
        for (Moving m : all) {
            Slot s = m.slot;
            Tensor gradient = Ops.mul(m.gradient, coefficient);
            Ops.assign(s.momentum, Ops.where(counts, Ops.add(Ops.affine(s.momentum, options.momentum, 0), gradient), s.momentum));
            directions.add(Ops.reshape(Ops.add(gradient, Ops.affine(s.momentum, options.momentum, 0)), s.parts, s.rows(), s.columns()));
        }
        Tensor moves = Ops.compare(Compare.Kind.GE, rate, Ops.constantLike(rate, 0));
        Tensor kept = Ops.affine(rate, -weightDecay, 1);
        Tensor step = Ops.affine(rate, scale(any), 0);
        Tensor orthogonal = orthogonal(directions.size() == 1 ? directions.getFirst() : Ops.concat(0, directions), options.rounds, unit);
        long at = 0;
        for (Moving m : all) {
            Slot s = m.slot;
            Tensor own = Ops.reshape(Ops.slice(orthogonal, 0, at, at + s.parts), s.parameter.shape().dims());
            at += s.parts;
            Ops.assign(s.parameter, Ops.where(moves, Ops.sub(Ops.mul(s.parameter, kept), Ops.mul(own, step)), s.parameter));
        }
    }

    @Override
    public double[] numbers(double rate) {
        return rest.numbers(rate);
    }

    /** The momenta of the matrices and the moments of everything else. */
    @Override
    public Map<String, Tensor> state() {
        Map<String, Tensor> all = new LinkedHashMap<>();
        slots.forEach(s -> all.put(s.name, s.momentum));
        all.putAll(rest.state());
        return all;
    }

    /** One matrix [rows, columns], contiguous. */
    static Tensor orthogonal(Tensor matrix, int rounds) {
        return orthogonal(matrix, rounds, identity(matrix.dtype(), Math.min(matrix.dim(0), matrix.dim(1))));
    }

    /**
     * Matrices with their singular values brought near 1: for x = U S Vᵀ about U Vᵀ, by {@code x = p(xxᵀ) x} with
     * {@code p(g) = A + B g + C g²} on the matrix divided by its Frobenius norm.
     *
     * <p>All p of a long matrix commute with its Gram matrix g, so that a round is also {@code q = p(g) q; g = p(g) g p(g)} with
     * square matrices only, and {@code x = q x} at the end. Small singular values lose digits in that g: after
     * {@value #GRAM_ROUNDS} rounds it is computed anew, which keeps the result as exact as the plain rounds.
     *
     * @param matrices [..., rows, columns], contiguous
     * @param unit identity of the shorter side
     */
    private static Tensor orthogonal(Tensor matrices, int rounds, Tensor unit) {
        int last = matrices.rank() - 1;
        boolean tall = matrices.dim(-2) > matrices.dim(-1);
        Tensor x = tall ? Ops.contiguous(Ops.transpose(matrices, -2, -1)) : matrices;
        Tensor norm = Ops.sqrt(Ops.sum(Ops.sum(Ops.square(x), true, last), true, last - 1));
        // The small number keeps a zero gradient at zero.
        x = Ops.div(x, Ops.affine(norm, 1, 1e-12));
        int atOnce = x.dim(-1) >= 2 * x.dim(-2) ? GRAM_ROUNDS : 1;
        for (int i = 0; i < rounds; i += atOnce) {
            x = Ops.matmul(polynomials(Ops.matmul(x, Ops.transpose(x, -2, -1)), unit, Math.min(atOnce, rounds - i)), x);
        }
        return tall ? Ops.contiguous(Ops.transpose(x, -2, -1)) : x;
    }

    /** What some rounds multiply matrices with, from their Gram matrices. */
    private static Tensor polynomials(Tensor gram, Tensor unit, int rounds) {
        Tensor g = gram;
        Tensor product = null;
        for (int i = 0; i < rounds; i++) {
            Tensor p = Ops.add(Ops.add(Ops.affine(g, B, 0), Ops.affine(Ops.matmul(g, g), C, 0)), Ops.affine(unit, A, 0));
            product = product == null ? p : Ops.matmul(p, product);
            if (i + 1 < rounds) {
                g = Ops.matmul(Ops.matmul(p, g), p);
            }
        }
        return product;
    }

    private static Tensor identity(DType dtype, long n) {
        Tensor unit = Tensor.zeros(dtype, n, n);
        for (long i = 0; i < n; i++) {
            if (dtype == DType.F32) {
                unit.contiguousSegment().set(DType.LE_F32, i * (n + 1) * 4, 1);
            } else {
                unit.contiguousSegment().set(DType.LE_F64, i * (n + 1) * 8, 1);
            }
        }
        return unit;
    }

    @Override
    public Map<String, Tensor> parameters() {
        Map<String, Tensor> all = new LinkedHashMap<>();
        slots.forEach(s -> all.put(s.name, s.parameter));
        all.putAll(rest.parameters());
        return all;
    }

    @Override
    public Map<String, Tensor> firstMoments() {
        Map<String, Tensor> all = new LinkedHashMap<>();
        slots.forEach(s -> all.put(s.name, s.momentum));
        all.putAll(rest.firstMoments());
        return all;
    }

    @Override
    public Map<String, Tensor> secondMoments() {
        return rest.secondMoments();
    }

    @Override
    public long updates() {
        return rest.updates();
    }

    @Override
    public void updates(long performed) {
        rest.updates(performed);
    }

    @Override
    public void close() {
        rest.close();
        memory.close();
    }
}
