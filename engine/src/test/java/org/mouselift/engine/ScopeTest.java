package org.mouselift.engine;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Who owns memory, when it is reused, and what happens to those who use it too late. */
class ScopeTest {
    @Test
    void tensorsEndWithTheirScopeAndSayWhoMadeThem() {
        Tensor y;
        Tensor view;
        try (Scope s = Scope.open("step 7")) {
            String before = ModulePath.enter("blocks.2.norm");
            y = Ops.exp(Tensor.zeros(DType.F32, 2, 3));
            ModulePath.enter(before);
            view = Ops.slice(y, 0, 1, 2);
            assertEquals(2, s.size());
        }
        for (Tensor t : List.of(y, view)) {
            for (Runnable use : List.<Runnable>of(() -> t.toFloats(), () -> t.segment(), () -> Elements.get(t, 0))) {
                String m = assertThrows(ClosedTensorException.class, use::run).getMessage();
                assertTrue(m.contains("exp in blocks.2.norm") && m.contains("'step 7'") && m.contains("moveTo"), m);
            }
        }
        try (Scope s = Scope.open("later")) {
            assertThrows(ClosedTensorException.class, () -> Ops.neg(y));
            assertThrows(ClosedTensorException.class, () -> y.moveTo(s));
        }
    }

    @Test
    void movedTensorsSurvive() {
        try (Scope outer = Scope.open("outer")) {
            Tensor kept;
            try (Scope inner = Scope.open("inner")) {
                kept = Ops.affine(Tensor.of(new float[] {1, 2, 3}, 3), 2, 0).moveTo(outer);
                assertSame(kept, kept.moveTo(outer));
                assertEquals(1, inner.size());
                assertTrue(kept.ownedBy(outer));
            }
            assertArrayEquals(new float[] {2, 4, 6}, kept.toFloats());
        }
    }

    @Test
    void detachedScopesAreClosedByHand() {
        Scope weights = Scope.detached("weights");
        Tensor w = weights.run(() -> Ops.fill(TensorSpec.of(DType.F32, 4), 3));
        try (Scope s = Scope.open("step")) {
            assertEquals(12, Ops.sum(w).item());
        }
        assertEquals(1, weights.size());
        weights.close();
        weights.close();
        assertThrows(ClosedTensorException.class, w::toFloats);
        assertThrows(EngineException.class, () -> weights.run(() -> Tensor.empty(DType.F32, 1)));
    }

    @Test
    void noScopeAndWrongOrder() {
        assertTrue(assertThrows(EngineException.class, () -> Tensor.empty(DType.F32, 1)).getMessage().contains("Scope.open"));
        Scope a = Scope.open("a");
        Scope b = Scope.open("b");
        String m = assertThrows(EngineException.class, a::close).getMessage();
        assertTrue(m.contains("'a'") && m.contains("'b'"), m);
        b.close();
        a.close();
    }

    @Test
    void freeReturnsTheBlockAtOnce() {
        try (Scope s = Scope.open("test")) {
            long live = MemoryPool.usage().liveBytes();
            Tensor t = Tensor.empty(DType.F32, 10_000);
            assertTrue(MemoryPool.usage().liveBytes() >= live + 40_000);
            t.free();
            t.free();
            assertEquals(live, MemoryPool.usage().liveBytes());
            assertEquals(0, s.size());
            assertThrows(ClosedTensorException.class, t::toFloats);
        }
    }

    @Test
    void loopMakesNoNewBlocksAfterItsSecondStep() {
        try (Scope weights = Scope.open("weights")) {
            Tensor w = GradientCheck.random(DType.F32, 1, 16, 16).requiresGrad(true);
            long created = 0;
            for (int i = 0; i < 50; i++) {
                try (Scope s = Scope.open("step"); Tape tape = Tape.open()) {
                    Tensor x = GradientCheck.random(DType.F32, 2, 33, 16);
                    Tensor loss = Ops.mean(Ops.square(Ops.layerNorm(Ops.gelu(Ops.linear(x, w)), Ops.fill(TensorSpec.of(DType.F32, 16), 1), null, 1e-5)));
                    Gradients g = tape.backward(loss);
                    Tape.pause(() -> {
                        Ops.addInto(w, Ops.affine(g.of(w), -0.1, 0));
                        return null;
                    });
                }
                if (i == 1) {
                    created = MemoryPool.usage().blocksCreated();
                }
            }
            assertEquals(created, MemoryPool.usage().blocksCreated());
            assertEquals(1, weights.size());
        }
    }

    @Test
    void countersAndTrim() {
        MemoryPool.trim();
        assertEquals(0, MemoryPool.usage().pooledBytes());
        MemoryPool.resetPeak();
        long live = MemoryPool.usage().liveBytes();
        long created = MemoryPool.usage().blocksCreated();
        for (int i = 0; i < 3; i++) {
            try (Scope s = Scope.open("test")) {
                Tensor.empty(DType.F32, 1000);
                Tensor.empty(DType.F32, 1000);
            }
        }
        assertEquals(created + 2, MemoryPool.usage().blocksCreated());
        assertEquals(live, MemoryPool.usage().liveBytes());
        assertEquals(MemoryPool.usage().pooledBytes(), MemoryPool.usage().peakBytes() - live);
        assertTrue(MemoryPool.usage().pooledBytes() >= 8000 && MemoryPool.usage().pooledBytes() <= 9000, MemoryPool.usage().toString());
    }

    @Test
    void leakWatchNamesOperationModuleAndScope() {
        MemoryPool.watchLeaks();
        assertEquals(List.of(), MemoryPool.leaks());
        try (Scope keep = Scope.open("cache")) {
            try (Scope s = Scope.open("step")) {
                String before = ModulePath.enter("up.1.attn");
                Ops.exp(Tensor.zeros(DType.F32, 3)).moveTo(keep);
                ModulePath.enter(before);
            }
            List<String> leaks = MemoryPool.leaks();
            assertEquals(1, leaks.size(), leaks.toString());
            assertTrue(leaks.getFirst().contains("exp in up.1.attn") && leaks.getFirst().contains("'cache'"), leaks.toString());
        }
        assertEquals(List.of(), MemoryPool.leaks());
    }

    @Test
    void wrappedMemoryBelongsToItsOwner() {
        try (Arena arena = Arena.ofConfined(); Scope s = Scope.open("test")) {
            var memory = arena.allocate(64, 64);
            memory.set(DType.LE_F32, 4, 2.5f);
            Tensor t = Tensor.wrap(memory, DType.F32, 3);
            t.free();
            t = Tensor.wrap(memory, DType.F32, 3);
            assertArrayEquals(new float[] {0, 2.5f, 0}, t.toFloats());
            Scope other = Scope.detached("other");
            t.moveTo(other);
            other.close();
            assertEquals(2.5, Elements.get(t, 1));
            assertThrows(EngineException.class, () -> Tensor.wrap(memory, DType.F64, 9));
        }
    }

    @Test
    void blocksAreAlignedAndContentsStrict() {
        try (Scope s = Scope.open("test")) {
            for (int n : new int[] {0, 1, 17, 1000}) {
                assertEquals(0, Tensor.empty(DType.F32, n).segment().address() % 64);
            }
            assertThrows(EngineException.class, () -> Tensor.of(new float[] {1, 2}, 3));
            assertThrows(EngineException.class, () -> Tensor.empty(DType.F32, -1));
            assertThrows(EngineException.class, () -> Tensor.empty(DType.F32, 1L << 40, 1L << 40));
            assertThrows(EngineException.class, () -> Tensor.of(new float[] {1, 2}, 2).item());
            assertThrows(EngineException.class, () -> Tensor.of(new long[] {1}, 1).requiresGrad(true));
            assertThrows(EngineException.class, () -> Ops.transpose(Tensor.zeros(DType.F32, 2, 3), 0, 1).contiguousSegment());
        }
    }

    /** A chain keeps two neighbours at most; what others own, the first operand or a value put in its place, stays theirs. */
    @Test
    void aChainHoldsOneResultAtATime() {
        int each = 1 << 16;
        try (Scope outer = Scope.open("outer")) {
            Tensor first = Tensor.zeros(DType.F32, each);
            Tensor foreign = Ops.affine(first, 1, 7);
            long before = MemoryPool.usage().liveBytes();
            MemoryPool.resetPeak();
            java.util.List<java.util.function.UnaryOperator<Tensor>> steps = new java.util.ArrayList<>();
            for (int i = 0; i < 9; i++) {
                int step = i;
                steps.add(x -> step == 5 ? foreign : step == 3 ? x : Ops.affine(Ops.affine(x, 1, 0.5), 1, 0.5));
            }
            Tensor last = Scope.chain("steps", first, steps);
            assertTrue(last.ownedBy(outer));
            assertEquals(before + 4L * each, MemoryPool.usage().liveBytes(), "only the last result is left");
            assertTrue(MemoryPool.usage().peakBytes() <= before + 3 * 4L * each, "operand, what is between, result");
            assertEquals(7 + 3, last.toFloats()[0], "three steps after the foreign value");
            assertEquals(0, first.toFloats()[each - 1]);
            assertEquals(7, foreign.toFloats()[each - 1]);
            assertEquals(first, Scope.chain("none", first, java.util.List.of()));
            assertThrows(IllegalStateException.class, () -> Scope.chain("fails", first, java.util.List.of(x -> Ops.affine(x, 2, 0), x -> {
                throw new IllegalStateException("step");
            })));
            assertEquals(before + 4L * each, MemoryPool.usage().liveBytes(), "a failed chain leaves nothing");
        }
    }
}
