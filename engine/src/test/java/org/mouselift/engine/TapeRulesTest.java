package org.mouselift.engine;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** How gradients are summed, shared and refused. */
class TapeRulesTest {
    private static Tensor v(double... values) {
        return Tensor.of(values, values.length).requiresGrad(true);
    }

    private static double[] g(Gradients g, Tensor t) {
        return g.of(t).toDoubles();
    }

    @Test
    void sharedSumIsNotAddedToInPlace() {
        try (Scope s = Scope.open("test"); Tape tape = Tape.open()) {
            Tensor x = v(1, 2);
            Tensor y = v(3, 5);
            Tensor early = Ops.square(x);
            Tensor z = Ops.add(x, y);
            // z is used twice, so its gradient is a sum; add hands the very same tensor to x and y, and x gets more later.
            Gradients g = tape.backward(Ops.sum(Ops.add(Ops.add(Ops.square(z), Ops.affine(z, 3, 0)), early)));
            assertArrayEquals(new double[] {2 * 4 + 3, 2 * 7 + 3}, g(g, y));
            assertArrayEquals(new double[] {2 * 4 + 3 + 2, 2 * 7 + 3 + 4}, g(g, x));
        }
    }

    @Test
    void sameTensorTwiceAndManyTimes() {
        try (Scope s = Scope.open("test"); Tape tape = Tape.open()) {
            Tensor x = v(2, -3);
            Tensor y = Ops.mul(x, x);
            for (int i = 0; i < 5; i++) {
                y = Ops.add(y, x);
            }
            assertArrayEquals(new double[] {2 * 2 + 5, -2 * 3 + 5}, g(tape.backward(Ops.sum(y)), x));
        }
    }

    @Test
    void seedIsLeftAlone() {
        try (Scope s = Scope.open("test"); Tape tape = Tape.open()) {
            Tensor x = v(2, -3);
            Tensor y = Ops.add(x, x);
            Tensor seed = Tensor.of(new double[] {1, 10}, 2);
            Gradients g = tape.backward(List.of(y, y), List.of(seed, seed));
            assertArrayEquals(new double[] {4, 40}, g(g, x));
            assertArrayEquals(new double[] {1, 10}, seed.toDoubles());
        }
    }

    @Test
    void unusedParameterGivesZerosAndUntrackedNothing() {
        try (Scope s = Scope.open("test"); Tape tape = Tape.open()) {
            Tensor x = v(2, -3);
            Tensor unused = v(1, 1, 1);
            Tensor frozen = Tensor.of(new double[] {5, 6}, 2);
            Tensor dead = Ops.exp(unused);
            Gradients g = tape.backward(Ops.sum(Ops.mul(x, frozen)));
            assertArrayEquals(new double[3], g(g, unused));
            assertNull(g.ofOrNull(unused));
            assertNull(g.ofOrNull(frozen));
            assertEquals(Set.of(x), g.leaves());
            assertEquals(0, tape.size());
            assertEquals(3, dead.numel());
        }
    }

    @Test
    void intermediateResultMayAskForItsGradient() {
        try (Scope s = Scope.open("test"); Tape tape = Tape.open()) {
            Tensor x = v(2, -3);
            Tensor h = Ops.square(x).requiresGrad(true);
            Gradients g = tape.backward(Ops.sum(Ops.mul(h, h)));
            assertArrayEquals(new double[] {8, 18}, g(g, h));
            assertArrayEquals(new double[] {32, -108}, g(g, x));
        }
    }

    @Test
    void onlyWhatDependsOnAParameterIsRecorded() {
        try (Scope s = Scope.open("test"); Tape tape = Tape.open()) {
            Tensor data = Tensor.of(new double[] {1, 2}, 2);
            Ops.exp(Ops.square(data));
            assertEquals(0, tape.size());
            Tensor x = v(1, 2);
            Ops.mul(x, data);
            assertEquals(1, tape.size());
            Tape.pause(() -> Ops.exp(x));
            assertEquals(1, tape.size());
            assertTrue(Tape.records(List.of(data, x)));
            assertEquals(false, Tape.records(List.of(data)));
            Ops.compare(org.mouselift.engine.op.Compare.Kind.GT, x, data);
            Tensor mask = Ops.compare(org.mouselift.engine.op.Compare.Kind.GT, x, data);
            assertEquals(false, Tape.records(List.of(mask)), "a bool result carries no gradient");
        }
        assertEquals(false, Tape.records(List.of()));
    }

    @Test
    void tapesNestAndEnd() {
        try (Scope s = Scope.open("test"); Tape outer = Tape.open()) {
            Tensor x = v(3);
            Tensor y = Ops.square(x);
            try (Tape inner = Tape.open()) {
                assertArrayEquals(new double[] {27}, g(inner.backward(Ops.sum(Ops.mul(Ops.square(x), x))), x));
            }
            assertEquals(1, outer.size());
            assertArrayEquals(new double[] {6}, g(outer.backward(Ops.sum(y)), x));
        }
        try (Scope s = Scope.open("test")) {
            assertEquals(false, Tape.records(List.of(v(1))));
        }
    }

    @Test
    void overwritingWhatIsDifferentiatedIsRefused() {
        try (Scope s = Scope.open("test"); Tape tape = Tape.open()) {
            Tensor x = v(1, 2).named("w");
            Tensor one = Tensor.of(new double[] {1, 1}, 2);
            for (Runnable r : List.<Runnable>of(() -> Ops.addInto(x, one), () -> Ops.assign(x, one), () -> Ops.assign(Ops.exp(x), one),
                    () -> Ops.assign(one, Ops.exp(x)))) {
                assertTrue(assertThrows(EngineException.class, r::run).getMessage().contains("Tape.pause"));
            }
            assertArrayEquals(new double[] {1, 2}, x.toDoubles(), "nothing may be written before the refusal");
            assertArrayEquals(new double[] {1, 1}, one.toDoubles(), "nothing may be written before the refusal");
        }
    }

    @Test
    void writesBetweenForwardAndBackwardAreDetected() {
        try (Scope s = Scope.open("test")) {
            Tensor w = v(2, 3);
            Tensor data = Tensor.of(new double[] {5, 6}, 2).named("data");
            Tensor one = Tensor.of(new double[] {1, 1}, 2);
            try (Tape tape = Tape.open()) {
                Tensor loss = Ops.sum(Ops.mul(w, data));
                Ops.addInto(Ops.slice(data, 0, 0, 1), Ops.slice(one, 0, 0, 1));
                EngineException e = assertThrows(EngineException.class, () -> tape.backward(loss));
                assertTrue(e.getMessage().contains("mul") && e.getMessage().contains("data") && e.getMessage().contains("in place"), e.getMessage());
            }
            try (Tape tape = Tape.open()) {
                Tensor loss = Ops.sum(Ops.square(w));
                Tape.pause(() -> {
                    Ops.addInto(w, one);
                    return null;
                });
                assertThrows(EngineException.class, () -> tape.backward(loss));
            }
            try (Tape tape = Tape.open()) {
                Ops.addInto(data, one);
                assertArrayEquals(new double[] {7, 7}, g(tape.backward(Ops.sum(Ops.mul(w, data))), w));
            }
        }
    }

    @Test
    void badSeedsAreRefused() {
        try (Scope s = Scope.open("test"); Tape tape = Tape.open()) {
            Tensor y = Ops.square(v(1, 2));
            assertTrue(assertThrows(EngineException.class, () -> tape.backward(y)).getMessage().contains("one element"));
            assertThrows(ShapeException.class, () -> tape.backward(List.of(y), List.of(Tensor.zeros(DType.F64, 3))));
        }
    }

    @Test
    void gradientMemoryIsFreedWhileTheTapeIsWalked() {
        try (Scope s = Scope.open("test"); Tape tape = Tape.open()) {
            Tensor x = GradientCheck.random(DType.F32, 1, 10_000).requiresGrad(true);
            Tensor y = x;
            for (int i = 0; i < 30; i++) {
                y = Ops.tanh(y);
            }
            Tensor loss = Ops.sum(y);
            MemoryPool.resetPeak();
            long live = MemoryPool.usage().liveBytes();
            tape.backward(loss);
            long extra = MemoryPool.usage().peakBytes() - live;
            // tanh' makes y^2, 1 - y^2 and the product: without freeing it would be 90 tensors of 40 kB.
            assertTrue(extra < 6L * 40_000, extra + " bytes");
        }
    }

    @Test
    void statisticsOfFusedOperationsHaveNoSilentGradient() {
        try (Scope s = Scope.open("test"); Tape tape = Tape.open()) {
            Tensor x = GradientCheck.random(DType.F32, 1, 3, 8).requiresGrad(true);
            List<Tensor> y = Ops.apply(new org.mouselift.engine.op.LayerNorm(1e-5, false), x, Ops.fill(TensorSpec.of(DType.F32, 8), 1));
            EngineException e = assertThrows(EngineException.class, () -> tape.backward(Ops.sum(y.get(1))));
            assertTrue(e.getMessage().contains("layer_norm") && e.getMessage().contains("result 1"), e.getMessage());
        }
    }

    @Test
    void primitivesOfAFusedOperationAreFreed() {
        try (Scope s = Scope.open("test")) {
            Tensor x = GradientCheck.random(DType.F64, 1, 30, 40);
            int before = s.size();
            Tensor y = Ops.softmax(x);
            assertEquals(before + 1, s.size(), "only the result stays");
            assertEquals(30, Ops.sum(y).item(), 1e-12);
        }
    }

    @Test
    void intermediateCapturedByACheckpointIsDetected() {
        try (Scope s = Scope.open("test"); Tape tape = Tape.open()) {
            Tensor w = v(2, 3);
            Tensor h = Ops.square(w).named("hidden");
            Tensor y = Ops.sum(Checkpoint.run(t -> Ops.mul(t, h), v(1, 1), List.of()));
            EngineException e = assertThrows(EngineException.class, () -> tape.backward(y));
            assertTrue(e.getMessage().contains("hidden"), e.getMessage());
        }
    }

    @Test
    void checkpointPassesInputsThroughAndSkipsUnusedOnes() {
        try (Scope s = Scope.open("test"); Tape tape = Tape.open()) {
            Tensor a = v(2, 3);
            Tensor b = v(5, 7);
            Tensor unused = v(1);
            List<Tensor> r = Checkpoint.run(in -> List.of(in.get(0), Ops.mul(in.get(0), in.get(1))), List.of(a, b, unused), List.of());
            Gradients g = tape.backward(Ops.sum(Ops.add(Ops.square(r.get(0)), r.get(1))));
            assertArrayEquals(new double[] {4 + 5, 6 + 7}, g(g, a));
            assertArrayEquals(new double[] {2, 3}, g(g, b));
            assertArrayEquals(new double[1], g(g, unused));
        }
    }
}
