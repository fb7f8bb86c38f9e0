package org.mouselift.models.optim;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.mouselift.engine.DType;
import org.mouselift.engine.EngineException;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Philox;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tape;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.nn.Placement;
import org.mouselift.models.ReplayDevice;
import org.mouselift.models.diffusion.ExponentialMovingAverage;

/** Passes of training as programs against the same passes with the operations and the rules of the CPU. */
class TrainingProgramTest {
    private static Tensor random(long seed, long... dims) {
        Philox philox = new Philox(seed, 0);
        Tensor t = Tensor.empty(DType.F32, dims);
        float[] values = new float[(int) t.numel()];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) philox.nextGaussian();
        }
        return Tensor.of(values, dims);
    }

    /** A small network, its optimiser and averages. */
    private static final class Learner implements AutoCloseable {
        final Tensor weight = random(1, 6, 5).requiresGrad(true).named("weight");
        final Tensor bias = random(2, 6).requiresGrad(true).named("bias");
        final Tensor mix = Ops.affine(random(3, 6, 6), 0.3, 0).requiresGrad(true).named("mix");
        final Tensor kernel = Ops.affine(random(4, 6, 3, 1, 2), 0.3, 0).requiresGrad(true).named("kernel");
        final Map<String, Tensor> parameters = new java.util.LinkedHashMap<>(Map.of("weight", weight));
        final Optimizer optimiser;
        final ExponentialMovingAverage average;
        final TrainingStep step;

        /** Muon has a matrix of three parts, a square one and a kernel as large as the square. */
        Learner(boolean muon, GradientRules rules, AccumulationWindows windows) {
            parameters.put("bias", bias);
            parameters.put("mix", mix);
            parameters.put("kernel", kernel);
            Function<Map<String, Tensor>, AdamW> adamw = p -> new AdamW(p, AdamW.Options.GS_LRM, name -> name.equals("bias") ? 3 : 1);
            optimiser = muon ? new Muon(parameters, name -> true, name -> name.equals("weight") ? 3 : 1, Muon.Options.STANDARD, adamw) : adamw.apply(parameters);
            average = new ExponentialMovingAverage(parameters, ExponentialMovingAverage.Options.STANDARD);
            step = new TrainingStep(optimiser, i -> 0.02 / (i + 1), rules, windows);
            step.follow(new TrainingStep.Follower(average.shadows(), average::share, average::move));
        }

        /** One pass; the scale makes large or infinite losses. */
        TrainingStep.Result pass(long seed, double scale, List<Double> seen) {
            return step.pass(new TrainingStep.Pass() {
                @Override
                public Object kind() {
                    return "regression";
                }

                @Override
                public List<Tensor> operands() {
                    return List.of(random(100 + seed, 4, 5), random(200 + seed, 4, 6), Tensor.scalar(DType.F32, scale));
                }

                @Override
                public TrainingStep.Outcome compute(List<Tensor> in) {
                    Tensor x = Ops.linear(in.get(0), weight, bias, org.mouselift.engine.op.Linear.Activation.GELU, null);
                    Tensor y = Ops.linear(Ops.linear(x, mix), Ops.reshape(kernel, 6, 6));
                    Tensor loss = Ops.mul(Ops.mean(Ops.square(Ops.sub(y, in.get(1)))), in.get(2));
                    return new TrainingStep.Outcome(loss, Map.of("doubled", Tape.pause(() -> Ops.affine(loss, 2, 0))));
                }
            }, parameters, values -> seen.add(values.get("doubled").item()));
        }

        void moved(TrainingStep.Result r) {
            if (r.updated() && Placement.current() == null) {
                average.update();
            } else if (r.updated()) {
                average.updates(average.updates() + 1);
            }
        }

        @Override
        public void close() {
            step.close();
            optimiser.close();
            average.close();
        }
    }

    private static void near(double a, double b, String what) {
        assertTrue(Double.compare(a, b) == 0 || Math.abs(a - b) <= 1e-5 * (1 + Math.abs(a)), what + ": " + a + " and " + b);
    }

    /** Equal relative to the largest number: moments grow with the losses. */
    private static void close(Tensor a, Tensor b, String what) {
        double[] x = a.toDoubles();
        double largest = 1;
        for (double v : x) {
            largest = Math.max(largest, Math.abs(v));
        }
        assertArrayEquals(x, b.toDoubles(), 2e-6 * largest, what);
    }

    private static void same(GradientRules rules, int accumulation, boolean whole, double... scales) {
        same(rules, new AccumulationWindows(accumulation, 0), whole, scales);
    }

    private static void same(GradientRules rules, AccumulationWindows windows, boolean whole, double... scales) {
        same(false, rules, windows, whole, scales);
        same(true, rules, windows, whole, scales);
    }

    private static void same(boolean muon, GradientRules rules, AccumulationWindows windows, boolean whole, double... scales) {
        ReplayDevice device = new ReplayDevice(op -> whole || !op.getClass().getPackageName().startsWith("org.mouselift.models"));
        try (Scope scope = Scope.open("test"); Placement placement = new Placement(device)) {
            List<Double> seenHere = new ArrayList<>();
            List<Double> seenThere = new ArrayList<>();
            try (Learner here = new Learner(muon, rules, windows); Learner there = new Learner(muon, rules, windows)) {
                for (int i = 0; i < scales.length; i++) {
                    int k = i;
                    TrainingStep.Result a = here.pass(k, scales[k], seenHere);
                    here.moved(a);
                    TrainingStep.Result b = placement.during(() -> {
                        TrainingStep.Result r = there.pass(k, scales[k], seenThere);
                        there.moved(r);
                        return r;
                    });
                    assertEquals(a.skip(), b.skip(), "pass " + i);
                    assertEquals(List.of(a.pass(), a.updates(), a.rate()), List.of(b.pass(), b.updates(), b.rate()));
                    near(a.loss(), b.loss(), "loss of pass " + i);
                    near(a.gradientNorm(), b.gradientNorm(), "norm of pass " + i);
                    for (String name : here.parameters.keySet()) {
                        close(here.parameters.get(name), there.parameters.get(name), name + " after pass " + i);
                        close(here.average.shadows().get(name), there.average.shadows().get(name), "average of " + name);
                    }
                    here.optimiser.state().forEach((name, m) -> close(m, there.optimiser.state().get(name), "state of " + name));
                }
                assertNotEquals(random(1, 6, 5).toDoubles()[3], there.weight.toDoubles()[3], "nothing was learnt");
                assertEquals(1, device.programs.size(), "one program serves all passes");
            }
            assertEquals(scales.length, device.runs);
            for (int i = 0; i < scales.length; i++) {
                near(seenHere.get(i), seenThere.get(i), "value of pass " + i);
            }
            assertEquals(0, device.open);
        }
    }

    @Test
    void everyPassAnUpdate() {
        same(GradientRules.DEFAULT, 1, true, 1, 1, 1, 1, 1);
        same(GradientRules.DEFAULT, 1, false, 1, 1, 1, 1, 1);
        same(new GradientRules(0, Double.POSITIVE_INFINITY, false, true), 1, false, 1, 1, 1);
    }

    @Test
    void sumsOverSeveralPasses() {
        same(GradientRules.clipOnly(0.3), 3, false, 1, 2, 1, 0.5, 1, 1, 1, 1);
        // Windows that the end of an epoch cuts: of three, two, three, two passes.
        same(GradientRules.clipOnly(0.3), new AccumulationWindows(3, 5), false, 1, 2, 1, 0.5, 1, 1, 1, 1, 1, 1);
    }

    @Test
    void updatesAreLeftOutByTheSameRules() {
        // A norm above 20 times the clip; an infinite loss.
        same(GradientRules.DEFAULT, 1, true, 1, 1000, 1, Double.POSITIVE_INFINITY, 1);
        same(GradientRules.DEFAULT, 1, false, 1, 1000, 1, Double.POSITIVE_INFINITY, 1);
        // A bad loss inside of a window is cleaned, one at its end skips.
        same(GradientRules.DEFAULT, 2, false, 1, 1, 1, Double.POSITIVE_INFINITY, 1, 1);
    }

    @Test
    void optimisersWithoutOperationsSaySo() {
        try (Scope scope = Scope.open("test"); ReplayDevice device = new ReplayDevice(op -> true); Placement placement = new Placement(device)) {
            Tensor p = random(1, 4, 4).requiresGrad(true);
            Optimizer strange = new Optimizer() {
                @Override
                public void step(java.util.function.Function<Tensor, Tensor> gradients, double coefficient, double rate) {}

                @Override
                public Map<String, Tensor> parameters() {
                    return Map.of("p", p);
                }

                @Override
                public Map<String, Tensor> firstMoments() {
                    return Map.of();
                }

                @Override
                public Map<String, Tensor> secondMoments() {
                    return Map.of();
                }

                @Override
                public long updates() {
                    return 0;
                }

                @Override
                public void updates(long performed) {}

                @Override
                public void close() {}
            };
            try (TrainingStep step = new TrainingStep(strange, i -> 0.1, GradientRules.DEFAULT, 1)) {
                TrainingStep.Pass pass = new TrainingStep.Pass() {
                    @Override
                    public Object kind() {
                        return 1;
                    }

                    @Override
                    public List<Tensor> operands() {
                        return List.of();
                    }

                    @Override
                    public TrainingStep.Outcome compute(List<Tensor> in) {
                        return new TrainingStep.Outcome(Ops.sum(p), Map.of());
                    }
                };
                String message = assertThrows(EngineException.class, () -> placement.during(() -> step.pass(pass, Map.of("p", p), v -> { }))).getMessage();
                assertTrue(message.contains("cannot be part of a traced training step"), message);
            }
        }
    }

    /** The operations' parts against their kernels. */
    @Test
    void updatesFromPartsEqualTheKernels() {
        try (Scope scope = Scope.open("test")) {
            for (DType type : List.of(DType.F32, DType.F64)) {
                double close = type == DType.F32 ? 2e-6 : 1e-14;
                Tensor g = Ops.cast(random(3, 3, 4), type);
                for (double c : new double[] {0.7, -1}) {
                    Tensor[] moments = new Tensor[2];
                    Tensor[] p = new Tensor[2];
                    for (int i = 0; i < 2; i++) {
                        moments[i] = Ops.copy(Ops.cast(Ops.square(random(4, 2, 3, 4)), type));
                        p[i] = Ops.copy(Ops.cast(random(5, 3, 4), type));
                    }
                    Tensor coefficient = Tensor.scalar(DType.F32, c);
                    Tensor numbers = Tensor.of(new double[] {c < 0 ? -1 : 0.1, 0.3, 0.2}, 3);
                    AdamMoments move = new AdamMoments(0.9, 0.95);
                    AdamWStep update = new AdamWStep(0.05, 1e-8, 2);
                    Ops.apply(move, moments[0], g, coefficient);
                    Ops.apply(update, p[0], moments[0], numbers);
                    assertTrue(move.composed(List.of(moments[1], g, coefficient)).isPresent());
                    assertTrue(update.composed(List.of(p[1], moments[1], numbers)).isPresent());
                    assertArrayEquals(moments[0].toDoubles(), moments[1].toDoubles(), close);
                    assertArrayEquals(p[0].toDoubles(), p[1].toDoubles(), close * 10);
                    assertEquals(c < 0, java.util.Arrays.equals(p[0].toDoubles(), Ops.cast(random(5, 3, 4), type).toDoubles()));
                }
                Tensor bad = Ops.cast(Tensor.of(new double[] {1, Double.NaN, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY, -3}, 5), type);
                Tensor same = Ops.copy(bad);
                Ops.apply(new CleanGradient(), bad);
                new CleanGradient().composed(List.of(same));
                assertArrayEquals(bad.toDoubles(), same.toDoubles());
                assertArrayEquals(new double[] {1, 0, 1e-3, -1e-3, -3}, same.toDoubles(), 1e-9);
            }
        }
    }
}
