package org.mouselift.models.optim;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.mouselift.engine.DType;
import org.mouselift.engine.EngineException;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Philox;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tape;
import org.mouselift.engine.Tensor;
import org.mouselift.models.gslrm.GsLrm;
import org.mouselift.models.gslrm.GsLrmConfig;

class OptimTest {
    /** GS-LRM specification §10.6. */
    @Test
    void adamwOfTheSpecification() {
        for (DType t : List.of(DType.F32, DType.F64)) {
            try (Scope scope = Scope.open("adamw")) {
                Tensor p = Ops.cast(Tensor.of(new double[] {0.5}, 1, 1), t).requiresGrad(true);
                try (AdamW optimiser = new AdamW(Map.of("p", p), AdamW.Options.GS_LRM)) {
                    double[] gradients = {0.1, -0.2, 0.3};
                    double[] expected = {0.4989750, 0.4993134, 0.4989501};
                    for (int i = 0; i < 3; i++) {
                        Tensor g = Ops.cast(Tensor.of(new double[] {gradients[i]}, 1, 1), t);
                        optimiser.step(x -> g, 1, 1e-3);
                        assertEquals(expected[i], p.item(), 6e-8);
                    }
                    assertEquals(3, optimiser.updates());
                }
            }
        }
    }

    @Test
    void scheduleAndJobOfTheSpecification() {
        Schedule s = new Schedule(Schedule.Kind.COSINE, 1, 500, 21125);
        assertEquals(0, s.rate(0));
        assertEquals(0.002, s.rate(1), 1e-15);
        assertEquals(0.998, s.rate(499), 1e-15);
        assertEquals(1, s.rate(500));
        assertEquals(0.8870708, s.rate(5000), 1e-7);
        assertEquals(0.5000381, s.rate(10812), 1e-7);
        assertEquals(0, s.rate(21125), 1e-15);
        assertTrue(s.rate(25000) > 0.05, "the cosine rises again past its end");
        assertEquals(new JobPlan(16, 16, 1625, 1625, 13, 21125, 21125), JobPlan.of(26000, 2, 8, 1, 1000, 20000));
        assertEquals(new JobPlan(2, 4, 900, 450, 12, 10800, 5400), JobPlan.of(1800, 2, 1, 2, 1000, 10000));
        assertThrows(IllegalArgumentException.class, () -> JobPlan.of(0, 2, 1, 2, 1000, 10000));
    }

    /** GS-LRM specification §6.5. */
    @Test
    void freezingOfTheSpecification() {
        Map<String, org.mouselift.engine.Shape> shapes = GsLrmConfig.published().parameterShapes();
        LayerFreeze all = new LayerFreeze(true, 24, true, true);
        assertEquals(933_888, shapes.entrySet().stream().filter(e -> !all.freezes(e.getKey())).mapToLong(e -> e.getValue().numel()).sum());
        LayerFreeze most = new LayerFreeze(true, 20, true, false);
        assertEquals(252.3e6, shapes.entrySet().stream().filter(e -> most.freezes(e.getKey())).mapToLong(e -> e.getValue().numel()).sum(), 0.05e6);
        try (GsLrm model = GsLrm.initialised(GsLrmConfig.tiny(), DType.F32, 1)) {
            LayerFreeze.NONE.apply(model);
            assertEquals(193_984, model.trainable().stream().mapToLong(Tensor::numel).sum());
            model.stateDict().values().forEach(p -> p.requiresGrad(false));
            assertThrows(EngineException.class, () -> new AdamW(model.stateDict(), AdamW.Options.GS_LRM));
        }
    }

    @Test
    void cleaningMeasuringAndClipping() {
        try (Scope scope = Scope.open("clip")) {
            Tensor a = Tensor.of(new float[] {3, Float.NaN, Float.POSITIVE_INFINITY}, 3);
            Tensor b = Tensor.of(new float[] {Float.NEGATIVE_INFINITY, 4}, 2);
            GradientRules.Decision d = new GradientRules(2.5, 1.9, true, true).judge(List.of(a, b));
            assertArrayEquals(new float[] {3, 0, 1e-3f}, a.toFloats());
            assertArrayEquals(new float[] {-1e-3f, 4}, b.toFloats());
            assertEquals(5, d.norm(), 1e-6);
            assertEquals(2.5 / (5 + 1e-6), d.coefficient(), 1e-6);
            assertTrue(d.skip());
            assertFalse(new GradientRules(2.5, 2.1, true, true).judge(List.of(a, b)).skip());
            assertEquals(1, new GradientRules(0, 2, true, true).judge(List.of(a, b)).coefficient());
        }
    }

    @Test
    void squaredNormDoesNotRoundLikeAFloatSum() {
        try (Scope scope = Scope.open("norm")) {
            float[] v = new float[100_003];
            Philox random = new Philox(1, 1);
            double expected = 0;
            for (int i = 0; i < v.length; i++) {
                v[i] = (float) random.nextGaussian() * (i % 7 == 0 ? 1e3f : 1);
                expected += (double) v[i] * v[i];
            }
            assertEquals(expected, Ops.apply(new SquaredNorm(), Tensor.of(v, v.length)).getFirst().item(), 1e-12 * expected);
        }
    }

    /** A parameter p with loss c p, so that the gradient of a pass is c. */
    private static final class Toy implements AutoCloseable {
        final Scope scope = Scope.open("toy");
        final Tensor p = Tensor.of(new float[] {1}, 1).requiresGrad(true);
        final AdamW optimiser = new AdamW(Map.of("p", p), AdamW.Options.GS_LRM);
        final TrainingStep step;

        Toy(GradientRules rules, int accumulation) {
            this(rules, new AccumulationWindows(accumulation, 0));
        }

        Toy(GradientRules rules, AccumulationWindows windows) {
            step = new TrainingStep(optimiser, new Schedule(Schedule.Kind.CONSTANT, 0.1, 2, 0)::rate, rules, windows);
        }

        TrainingStep.Result pass(double c) {
            return step.pass(() -> Ops.sum(Ops.affine(p, c, 0)));
        }

        @Override
        public void close() {
            step.close();
            optimiser.close();
            scope.close();
        }
    }

    /** Multi-view diffusion specification §4.5: the end of an epoch ends a window; what it holds is divided by the full number. */
    @Test
    void windowsEndWithTheEpoch() {
        try (Toy toy = new Toy(GradientRules.clipOnly(100), new AccumulationWindows(3, 5))) {
            double[] norms = new double[10];
            for (int i = 0; i < norms.length; i++) {
                norms[i] = toy.pass(i + 1).gradientNorm();
                assertEquals(!Double.isNaN(norms[i]), toy.step.betweenWindows());
            }
            double[] expected = {Double.NaN, Double.NaN, (1 + 2 + 3) / 3.0, Double.NaN, (4 + 5) / 3.0, Double.NaN, Double.NaN, (6 + 7 + 8) / 3.0, Double.NaN, (9 + 10) / 3.0};
            assertArrayEquals(expected, norms, 1e-5);
            assertEquals(4, toy.step.updates());
        }
        for (int size = 1; size <= 4; size++) {
            for (int epoch = 0; epoch <= 9; epoch++) {
                AccumulationWindows windows = new AccumulationWindows(size, epoch);
                assertEquals(0, windows.passes(0));
                for (int pass = 1, collected = 0, ended = 0; pass <= 30; pass++) {
                    collected++;
                    boolean ends = collected == size || epoch > 0 && pass % epoch == 0;
                    assertEquals(ends, windows.endsAfter(pass), windows + " after " + pass);
                    ended += ends ? 1 : 0;
                    collected = ends ? 0 : collected;
                    assertEquals(ended, windows.windows(pass), windows + " after " + pass);
                    if (ends) {
                        assertEquals(pass, windows.passes(ended), windows + " after " + ended);
                    }
                }
            }
        }
        assertThrows(EngineException.class, () -> new AccumulationWindows(0, 1));
    }

    @Test
    void skippedUpdatesStillMoveTheSchedule() {
        try (Toy toy = new Toy(new GradientRules(1, 3, true, true), 1)) {
            assertEquals(new TrainingStep.Result(1, Double.NaN, Double.NaN, 0, TrainingStep.Skip.NON_FINITE_LOSS, 0), toy.pass(Double.NaN));
            TrainingStep.Result large = toy.pass(4);
            assertEquals(TrainingStep.Skip.GRADIENT_NORM, large.skip());
            assertEquals(0.05, large.rate(), 1e-12);
            assertEquals(1, toy.p.item());
            TrainingStep.Result good = toy.pass(2);
            assertTrue(good.updated());
            assertEquals(0.1, good.rate(), 1e-12);
            assertEquals(0.9, toy.p.item(), 1e-6, "Adam's first step has the size of the learning rate");
            assertEquals(List.of(3L, 3L, 1L), List.of(toy.step.passes(), toy.step.opportunities(), toy.step.updates()));
        }
    }

    /** An earlier NaN pass of the window does not skip the update; its gradients count as zero. */
    @Test
    void accumulationAddsAndForgives() {
        try (Toy toy = new Toy(new GradientRules(100, 20, true, true), 2)) {
            assertEquals(TrainingStep.Skip.ACCUMULATING, toy.pass(1).skip());
            TrainingStep.Result both = toy.pass(3);
            assertEquals(2, both.gradientNorm(), 1e-6, "mean of the two passes");
            assertEquals(TrainingStep.Skip.ACCUMULATING, toy.pass(Double.NaN).skip());
            TrainingStep.Result afterNan = toy.pass(3);
            assertTrue(afterNan.updated());
            assertEquals(0, afterNan.gradientNorm(), 0, "NaN + number is NaN, cleaned to zero");
            toy.pass(5);
            assertEquals(TrainingStep.Skip.NON_FINITE_LOSS, toy.pass(Double.NaN).skip());
            toy.pass(1);
            assertEquals(1, toy.pass(1).gradientNorm(), 1e-6, "nothing is left of a skipped window");
        }
    }

    @Test
    void clippingScalesWhatAdamSees() {
        try (Scope scope = Scope.open("clip"); Toy a = new Toy(new GradientRules(0.5, 100, true, true), 1)) {
            a.pass(2);
            Tensor m = a.optimiser.firstMoment("p");
            assertEquals(0.1 * 0.5, m.item(), 1e-6);
            assertEquals(0.05 * 0.25, a.optimiser.secondMoment("p").item(), 1e-6);
        }
    }

    /** Least squares with AdamW must find the solution. */
    @Test
    void trainingConverges() {
        Philox random = new Philox(9, 9);
        double[] x = new double[64 * 4];
        Arrays.setAll(x, i -> random.nextGaussian());
        double[] truth = {1, -2, 0.5, 3};
        double[] y = new double[64];
        for (int i = 0; i < 64; i++) {
            for (int j = 0; j < 4; j++) {
                y[i] += x[4 * i + j] * truth[j];
            }
        }
        try (Scope scope = Scope.open("fit")) {
            Tensor p = Tensor.zeros(DType.F64, 4).requiresGrad(true);
            Tensor inputs = Tensor.of(x, 64, 4);
            Tensor targets = Tensor.of(y, 64, 1);
            try (AdamW optimiser = new AdamW(Map.of("p", p), AdamW.Options.GS_LRM);
                    TrainingStep step = new TrainingStep(optimiser, new Schedule(Schedule.Kind.COSINE, 0.1, 5, 300), GradientRules.DEFAULT, 1)) {
                for (int i = 0; i < 300; i++) {
                    step.pass(() -> Ops.mean(Ops.square(Ops.sub(Ops.matmul(inputs, Ops.reshape(p, 4, 1)), targets))));
                }
            }
            assertArrayEquals(truth, p.toDoubles(), 1e-2);
        }
    }

    @Test
    void updatesStayOffTheTape() {
        try (Scope scope = Scope.open("tape"); Tape tape = Tape.open()) {
            Tensor p = Tensor.of(new float[] {1}, 1).requiresGrad(true);
            Tensor moments = Tensor.zeros(DType.F32, 2, 1);
            Tensor numbers = Tensor.of(new double[] {0.1, 1, 1}, 3);
            assertThrows(EngineException.class, () -> Ops.apply(new AdamWStep(0, 1e-8, 1), p, moments, numbers));
            try (AdamW optimiser = new AdamW(Map.of("p", p), AdamW.Options.GS_LRM)) {
                optimiser.step(t -> Tensor.of(new float[] {1}, 1), 1, 0.1);
                assertEquals(0.9, p.item(), 1e-6);
                assertThrows(EngineException.class, () -> optimiser.step(t -> Tensor.of(new float[] {1, 2}, 2), 1, 0.1));
            }
        }
    }
}
