package org.mouselift.engine.trace;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.mouselift.engine.ClosedTensorException;
import org.mouselift.engine.DType;
import org.mouselift.engine.Eager;
import org.mouselift.engine.EngineException;
import org.mouselift.engine.Executor;
import org.mouselift.engine.GradientCheck;
import org.mouselift.engine.ModulePath;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tape;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.TensorSpec;

/** What goes wrong with traced functions, one test each: either it is right or it is a named error. */
class ProgramTest {
    private static final TensorSpec V3 = TensorSpec.of(DType.F32, 3);
    private static final TensorSpec M = TensorSpec.of(DType.F32, 2, 3);

    private static Tensor v(float... values) {
        return Tensor.of(values, values.length);
    }

    private static TraceException refused(Runnable body, String... parts) {
        TraceException e = assertThrows(TraceException.class, body::run);
        for (String part : parts) {
            assertTrue(e.getMessage().contains(part), "'" + part + "' is missing in: " + e.getMessage());
        }
        return e;
    }

    private static Program trace(TensorSpec spec, Function<Tensor, Tensor> f) {
        return Program.trace("f", List.of(spec), in -> List.of(f.apply(in.getFirst())));
    }

    @Test
    void replayEqualsEagerForViewsAndArithmetic() {
        Function<List<Tensor>, List<Tensor>> f = in -> {
            Tensor t = Ops.transpose(in.get(0), 0, 1);
            Tensor s = Ops.slice(t, 0, 0, 3, 2);
            Tensor e = Ops.exp(Ops.affine(s, 0.5, -1));
            Tensor b = Ops.add(Ops.expand(in.get(1), 2, 3), in.get(0));
            return List.of(e, Ops.matmul(t, b), Ops.sum(b, false, 0), Ops.concat(0, e, e));
        };
        try (Scope s = Scope.open("test"); Program p = Program.trace("views", List.of(M, V3), f)) {
            for (int i = 0; i < 3; i++) {
                List<Tensor> in = List.of(GradientCheck.random(DType.F32, i, 2, 3), GradientCheck.random(DType.F32, 10 + i, 3));
                List<Tensor> eager = f.apply(in);
                List<Tensor> replayed = p.run(in);
                for (int k = 0; k < eager.size(); k++) {
                    assertEquals(eager.get(k).spec(), replayed.get(k).spec());
                    assertArrayEquals(eager.get(k).toFloats(), replayed.get(k).toFloats(), "result " + k);
                }
            }
        }
    }

    @Test
    void listingNamesValuesParametersTypesAndModules() {
        try (Scope s = Scope.open("test")) {
            Tensor w = GradientCheck.random(DType.F32, 1, 4, 3).requiresGrad(true).named("to_out.weight");
            Tensor state = Tensor.zeros(DType.F32, 2, 4);
            try (Program p = Program.define("demo").input("x", M).weights(Map.of("state", state)).trace(in -> {
                String before = ModulePath.enter("blocks.3.attn");
                Tensor y = Ops.linear(Ops.slice(in.getFirst(), 0, 0, 2), w);
                ModulePath.enter(before);
                Ops.addInto(state, y);
                return List.of(Ops.slice(Ops.affine(y, 2, 0), 1, 1, 3));
            })) {
                String text = p.toString();
                for (String line : List.of("program demo(%0 x: f32[2,3])", "weight to_out.weight: f32[4,3]", "weight state: f32[2,4] overwritten",
                        "%1 = linear[activation=NONE, bias=false, residual=false](%0, to_out.weight) : f32[2,4]   # blocks.3.attn",
                        "add_into(state, %1) overwrites state", "%2 = affine[scale=2.0, shift=0.0](%1) : f32[2,4]",
                        "%3 = slice[axis=1, begin=1, end=3, step=1](%2) : f32[2,2] view of %2", "return %3 : f32[2,2]")) {
                    assertTrue(text.contains(line), "'" + line + "' is missing in\n" + text);
                }
            }
        }
    }

    @Test
    void frozenConstantIsNamed() {
        try (Scope s = Scope.open("test")) {
            Tensor table = v(1, 2, 3).named("position table");
            refused(() -> trace(V3, x -> Ops.add(x, table)), "position table", "frozen", "Program.constant", "input");
            refused(() -> trace(V3, x -> Ops.add(x, Tensor.of(new float[3], 3))), "made by empty");
            refused(() -> trace(V3, x -> table), "result 0");
            refused(() -> trace(V3, x -> {
                Ops.assign(table, x);
                return x;
            }), "position table");
        }
    }

    @Test
    void constantIsASnapshotThatOutlivesItsTensor() {
        try (Scope s = Scope.open("test")) {
            Program p;
            try (Scope inner = Scope.open("inner")) {
                Tensor c = v(1, 2, 3).named("c");
                p = trace(V3, x -> Ops.add(Ops.mul(x, Program.constant(c)), Program.constant(c)));
                Ops.assign(c, v(9, 9, 9));
            }
            assertArrayEquals(new float[] {2, 6, 12}, p.run(v(1, 2, 3)).getFirst().toFloats());
            assertEquals(1, p.buffers().stream().filter(b -> b.kind() == Buffer.Kind.CONSTANT).count());
            p.close();
            assertThrows(ClosedTensorException.class, () -> p.run(v(1, 2, 3)));
            Tensor outside = v(4);
            assertSame(outside, Program.constant(outside));
        }
    }

    @Test
    void writingAConstantIsRefused() {
        try (Scope s = Scope.open("test")) {
            Tensor c = v(1, 2, 3);
            refused(() -> trace(V3, x -> {
                Ops.addInto(Program.constant(c), x);
                return x;
            }), "constant", "between runs");
        }
    }

    @Test
    void weightsAreReadAndUpdatedByEveryRun() {
        try (Scope s = Scope.open("test")) {
            Tensor w = v(1, 1, 1);
            Program p = trace(V3, x -> {
                Ops.addInto(Program.weight(w), x);
                return Ops.affine(w, 2, 0);
            });
            assertArrayEquals(new float[] {1, 1, 1}, w.toFloats(), "tracing must not run the update");
            assertArrayEquals(new float[] {4, 6, 8}, p.run(v(1, 2, 3)).getFirst().toFloats());
            Ops.assign(w, v(10, 10, 10));
            assertArrayEquals(new float[] {22, 24, 26}, p.run(v(1, 2, 3)).getFirst().toFloats());
            assertArrayEquals(new float[] {11, 12, 13}, w.toFloats());
        }
    }

    @Test
    void viewsOfDeclaredWeightsMayBeCaptured() {
        try (Scope s = Scope.open("test")) {
            Tensor w = Tensor.of(new float[] {1, 2, 3, 4, 5, 6}, 2, 3);
            Tensor row = Ops.slice(w, 0, 1, 2);
            try (Program p = Program.define("f").input("x", V3).weights(Map.of("w", w)).trace(in -> List.of(Ops.add(in.getFirst(), row)))) {
                assertArrayEquals(new float[] {5, 7, 9}, p.run(v(1, 2, 3)).getFirst().toFloats());
            }
        }
    }

    @Test
    void closedWeightIsAClearError() {
        Program p;
        try (Scope s = Scope.open("short")) {
            Tensor w = v(1, 1, 1).requiresGrad(true);
            p = trace(V3, x -> Ops.add(x, w));
        }
        try (Scope s = Scope.open("test")) {
            assertTrue(assertThrows(ClosedTensorException.class, () -> p.run(v(1, 2, 3))).getMessage().contains("'short'"));
        }
    }

    @Test
    void otherShapeTypeOrCountIsRefused() {
        try (Scope s = Scope.open("test"); Program p = trace(V3, x -> Ops.affine(x, 2, 0))) {
            refused(() -> p.run(v(1, 2)), "in0", "f32[3]", "f32[2]");
            refused(() -> p.run(Tensor.of(new double[3], 3)), "f64[3]");
            refused(() -> p.run(v(1, 2, 3), v(1, 2, 3)), "takes 1 inputs, got 2");
            refused(() -> p.run(Map.of("x", v(1, 2, 3))), "in0", "[x]");
            assertArrayEquals(new float[] {2, 4, 6}, p.run(Map.of("in0", v(1, 2, 3))).getFirst().toFloats());
        }
    }

    @Test
    void nonContiguousAndOffsetInputs() {
        try (Scope s = Scope.open("test"); Program p = trace(M, x -> Ops.exp(Ops.transpose(x, 0, 1)))) {
            Tensor big = GradientCheck.random(DType.F32, 3, 3, 5);
            Tensor x = Ops.slice(Ops.transpose(big, 0, 1), 0, 1, 5, 2);
            assertArrayEquals(Ops.exp(Ops.transpose(x, 0, 1)).toFloats(), p.run(x).getFirst().toFloats());
            Tensor rows = Ops.slice(GradientCheck.random(DType.F32, 4, 5, 3), 0, 2, 4);
            assertArrayEquals(Ops.exp(Ops.transpose(rows, 0, 1)).toFloats(), p.run(rows).getFirst().toFloats());
        }
    }

    @Test
    void resultsShareMemoryWithNothing() {
        try (Scope s = Scope.open("test"); Program p = Program.trace("f", List.of(V3), in -> {
            Tensor y = Ops.affine(in.getFirst(), 2, 0);
            return List.of(in.getFirst(), y, y, Ops.slice(y, 0, 1, 3), Ops.reshape(y, 3, 1));
        })) {
            Tensor x = v(1, 2, 3);
            List<Tensor> r = p.run(x);
            for (int i = 0; i < r.size(); i++) {
                assertFalse(r.get(i).sharesMemory(x), "result " + i + " aliases the input");
                for (int j = 0; j < i; j++) {
                    assertFalse(r.get(i).sharesMemory(r.get(j)), "results " + i + " and " + j);
                }
            }
            float[][] kept = r.stream().map(Tensor::toFloats).toArray(float[][]::new);
            assertArrayEquals(new float[] {1, 2, 3}, kept[0]);
            assertArrayEquals(new float[] {2, 4, 6}, kept[1]);
            assertArrayEquals(new float[] {4, 6}, kept[3]);
            p.run(v(7, 7, 7));
            Ops.assign(x, v(0, 0, 0));
            for (int i = 0; i < kept.length; i++) {
                assertArrayEquals(kept[i], r.get(i).toFloats(), "result " + i + " changed after a later run");
            }
        }
    }

    @Test
    void weightReturnedAsResultIsACopy() {
        try (Scope s = Scope.open("test")) {
            Tensor w = v(1, 2, 3).requiresGrad(true);
            try (Program p = trace(V3, x -> w)) {
                Tensor r = p.run(v(0, 0, 0)).getFirst();
                assertFalse(r.sharesMemory(w));
                assertArrayEquals(new float[] {1, 2, 3}, r.toFloats());
            }
        }
    }

    @Test
    void sameTensorTwiceIsFineUnlessWritten() {
        try (Scope s = Scope.open("test")) {
            Tensor x = v(1, 2, 3);
            try (Program sum = Program.trace("sum", List.of(V3, V3), in -> List.of(Ops.add(in.get(0), in.get(1))));
                    Program into = Program.trace("into", List.of(V3, V3), in -> {
                        Ops.addInto(in.get(0), in.get(1));
                        return List.of(in.get(0));
                    })) {
                assertArrayEquals(new float[] {2, 4, 6}, sum.run(x, x).getFirst().toFloats());
                refused(() -> into.run(x, x), "in0", "in1", "shares memory");
                assertArrayEquals(new float[] {1, 2, 3}, x.toFloats());
            }
        }
    }

    @Test
    void overwrittenInputIsTheCallersTensor() {
        try (Scope s = Scope.open("test"); Program p = trace(V3, x -> {
            Ops.addInto(x, Ops.fill(V3, 1));
            return Ops.affine(x, 10, 0);
        })) {
            assertTrue(p.writes(p.inputs().getFirst().buffer()));
            Tensor x = v(1, 2, 3);
            assertArrayEquals(new float[] {20, 30, 40}, p.run(x).getFirst().toFloats());
            assertArrayEquals(new float[] {2, 3, 4}, x.toFloats());
            Tensor strided = Ops.slice(Tensor.zeros(DType.F32, 6), 0, 0, 6, 2);
            refused(() -> p.run(strided), "contiguous");
        }
    }

    @Test
    void inputThatIsAnOverwrittenWeightIsRefused() {
        try (Scope s = Scope.open("test")) {
            Tensor w = v(1, 1, 1).named("momentum");
            try (Program p = trace(V3, x -> {
                Ops.assign(Program.weight(w), Ops.affine(x, 2, 0));
                return Ops.add(x, w);
            })) {
                refused(() -> p.run(w), "momentum", "shares memory");
            }
        }
    }

    @Test
    void nestedTraceAndRunInsideATraceAreRefused() {
        try (Scope s = Scope.open("test"); Program p = trace(V3, x -> x)) {
            refused(() -> trace(V3, x -> trace(V3, y -> y).run(x).getFirst()), "inside another trace");
            refused(() -> trace(V3, x -> p.run(x).getFirst()), "while another program is traced");
            assertSame(Eager.INSTANCE, Executor.current());
        }
    }

    @Test
    void exceptionInsideATraceRestoresEverything() {
        try (Scope s = Scope.open("test"); Tape tape = Tape.open()) {
            Tensor w = v(1, 2, 3).requiresGrad(true);
            assertThrows(IllegalStateException.class, () -> trace(V3, x -> {
                ModulePath.enter("broken");
                Ops.mul(x, w);
                Tape.open();
                throw new IllegalStateException("boom");
            }));
            assertSame(Eager.INSTANCE, Executor.current());
            assertEquals("", ModulePath.current());
            assertEquals(0, tape.size());
            Tensor y = Ops.sum(Ops.square(w));
            assertEquals(14, y.item());
            assertArrayEquals(new float[] {2, 4, 6}, tape.backward(y).of(w).toFloats());
        }
    }

    @Test
    void outerTapeDoesNotSeeTheTraceAndRefusesARun() {
        try (Scope s = Scope.open("test"); Tape tape = Tape.open()) {
            Tensor w = v(1, 2, 3).requiresGrad(true);
            try (Program p = trace(V3, x -> Ops.mul(x, w))) {
                assertEquals(0, tape.size());
                refused(() -> p.run(v(1, 1, 1)), "tape");
                assertArrayEquals(new float[] {1, 2, 3}, Tape.pause(() -> p.run(v(1, 1, 1))).getFirst().toFloats());
            }
        }
    }

    @Test
    void symbolicTensorAfterTheTrace() {
        try (Scope s = Scope.open("test")) {
            Tensor[] leaked = new Tensor[1];
            Program p = trace(V3, x -> leaked[0] = Ops.affine(x, 2, 0));
            Tensor y = leaked[0];
            for (Runnable use : List.<Runnable>of(() -> Ops.affine(y, 3, 0), () -> Ops.slice(y, 0, 0, 1), y::toFloats)) {
                String message = assertThrows(EngineException.class, use::run).getMessage();
                assertTrue(message.contains("Program.run"), message);
            }
            refused(() -> p.run(y), "symbolic");
            refused(() -> trace(V3, x -> Ops.add(x, y)), "another trace");
        }
    }

    @Test
    void readingContentsWhileTracingIsRefused() {
        try (Scope s = Scope.open("test")) {
            EngineException e = assertThrows(EngineException.class, () -> trace(TensorSpec.of(DType.F32), x -> Ops.affine(x, x.item(), 0)));
            assertTrue(e.getMessage().contains("not known while a program is traced"), e.getMessage());
        }
    }

    @Test
    void shapeErrorsWhileTracingAreTheSameAsEager() {
        try (Scope s = Scope.open("test")) {
            String eager = assertThrows(EngineException.class, () -> Ops.matmul(Tensor.zeros(DType.F32, 2, 3), Tensor.zeros(DType.F32, 2, 3))).getMessage();
            String traced = assertThrows(EngineException.class, () -> trace(M, x -> Ops.matmul(x, x))).getMessage();
            assertEquals(eager, traced);
        }
    }

    @Test
    void inPlaceHazards() {
        TensorSpec v4 = TensorSpec.of(DType.F32, 4);
        Function<Tensor, Tensor> shift = x -> {
            Tensor y = Ops.affine(x, 1.5, 0);
            Ops.assign(Ops.slice(y, 0, 0, 3), Ops.slice(y, 0, 1, 4));
            return y;
        };
        Function<Tensor, Tensor> spread = x -> {
            Tensor y = Ops.affine(Ops.slice(x, 0, 0, 1), 1.5, 0);
            Ops.assign(Ops.expand(y, 3), Ops.fill(V3, 1));
            return y;
        };
        Function<Tensor, Tensor> disjoint = x -> {
            Tensor y = Ops.affine(x, 1.5, 0);
            Ops.assign(Ops.slice(y, 0, 0, 4, 2), Ops.slice(y, 0, 1, 4, 2));
            return y;
        };
        try (Scope s = Scope.open("test")) {
            Tensor x = v(2, 4, 6, 8);
            for (boolean traced : new boolean[] {false, true}) {
                String a = assertThrows(EngineException.class, () -> (traced ? trace(v4, shift) : shift.apply(x)).toString()).getMessage();
                assertTrue(a.contains("in-place hazard") && a.contains("overlaps"), a);
                String b = assertThrows(EngineException.class, () -> (traced ? trace(v4, spread) : spread.apply(x)).toString()).getMessage();
                assertTrue(b.contains("expanded view"), b);
            }
            assertArrayEquals(new float[] {6, 6, 12, 12}, disjoint.apply(x).toFloats());
            assertArrayEquals(new float[] {6, 6, 12, 12}, trace(v4, disjoint).run(x).getFirst().toFloats());
        }
    }

    @Test
    void oneProgramOnSeveralThreads() throws InterruptedException {
        Function<Tensor, Tensor> f = x -> Ops.softmax(Ops.matmul(Ops.gelu(x), Ops.transpose(x, 0, 1)));
        try (Program p = trace(TensorSpec.of(DType.F32, 20, 30), f)) {
            List<Throwable> failures = java.util.Collections.synchronizedList(new java.util.ArrayList<>());
            List<Thread> threads = new java.util.ArrayList<>();
            for (int t = 0; t < 3; t++) {
                int stream = t;
                threads.add(Thread.ofPlatform().start(() -> {
                    for (int i = 0; i < 20; i++) {
                        try (Scope s = Scope.open("thread " + stream)) {
                            Tensor x = GradientCheck.random(DType.F32, 100 * stream + i, 20, 30);
                            assertArrayEquals(f.apply(x).toFloats(), p.run(x).getFirst().toFloats());
                        } catch (RuntimeException | AssertionError e) {
                            failures.add(e);
                        }
                    }
                }));
            }
            for (Thread t : threads) {
                t.join();
            }
            assertEquals(List.of(), failures);
        }
    }

    @Test
    void writesThroughViewsAreOrdered() {
        Function<Tensor, List<Tensor>> f = x -> {
            Tensor y = Ops.affine(x, 2, 0);
            Tensor before = Ops.affine(y, 1, 1);
            Ops.addInto(Ops.slice(y, 0, 1, 3), Ops.slice(x, 0, 0, 2));
            Tensor after = Ops.affine(y, 1, 1);
            Ops.assign(Ops.slice(y, 0, 0, 1), Ops.slice(after, 0, 2, 3));
            return List.of(before, after, y);
        };
        try (Scope s = Scope.open("test"); Program p = Program.trace("writes", List.of(V3), in -> f.apply(in.getFirst()))) {
            Tensor x = v(1, 2, 3);
            List<Tensor> eager = f.apply(x);
            List<Tensor> traced = p.run(x);
            for (int i = 0; i < 3; i++) {
                assertArrayEquals(eager.get(i).toFloats(), traced.get(i).toFloats(), "result " + i);
            }
            assertArrayEquals(new float[] {9, 5, 8}, traced.get(2).toFloats());
        }
    }

    @Test
    void deadNodesAreDroppedButUpdatesStay() {
        try (Scope s = Scope.open("test")) {
            Tensor w = v(0, 0, 0);
            try (Program p = trace(V3, x -> {
                Ops.exp(Ops.affine(x, 3, 0));
                Tensor scratch = Ops.affine(x, 4, 0);
                Ops.addInto(scratch, x);
                Ops.assign(Program.weight(w), Ops.affine(x, 5, 0));
                return Ops.affine(x, 2, 0);
            })) {
                assertEquals(List.of("affine", "assign", "affine"), p.nodes().stream().map(n -> n.operation().name()).toList());
                p.run(v(1, 2, 3));
                assertArrayEquals(new float[] {5, 10, 15}, w.toFloats());
            }
        }
    }

    @Test
    void chainNeedsTwoBuffersAndResultsStayOutOfTheArena() {
        TensorSpec spec = TensorSpec.of(DType.F32, 1000);
        try (Scope s = Scope.open("test"); Program p = trace(spec, x -> {
            Tensor y = x;
            for (int i = 0; i < 20; i++) {
                y = Ops.affine(y, 1.1, i);
            }
            return y;
        })) {
            long one = 4032;
            assertEquals(2 * one, p.plan().arenaBytes());
            assertEquals(2 * one, p.plan().peakLiveBytes());
            assertEquals(20 * 4000, p.plan().localBytes());
            assertEquals(4000, p.plan().resultBytes());
        }
    }

    @Test
    void emptyTensors() {
        try (Scope s = Scope.open("test"); Program p = trace(TensorSpec.of(DType.F32, 0, 3), x -> Ops.sum(Ops.affine(x, 2, 1), false, 0))) {
            assertArrayEquals(new float[3], p.run(Tensor.zeros(DType.F32, 0, 3)).getFirst().toFloats());
        }
    }
}
