package org.mouselift.tornado;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.mouselift.engine.DType;
import org.mouselift.engine.ModulePath;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.TensorSpec;
import org.mouselift.engine.device.DeviceException;
import org.mouselift.engine.device.DevicePrecision;
import org.mouselift.engine.op.Attention;
import org.mouselift.engine.trace.Program;
import org.mouselift.tornado.launch.Elementwise;
import org.mouselift.tornado.plan.Block;
import org.mouselift.tornado.plan.DevicePlan;
import org.mouselift.tornado.plan.HostStep;
import org.mouselift.tornado.plan.Launch;
import org.mouselift.tornado.plan.Lowering;
import org.mouselift.tornado.plan.LoweringRules;
import org.mouselift.tornado.plan.Packing;
import org.mouselift.tornado.plan.ProductLibrary;
import org.mouselift.tornado.plan.Segments;

/** Plans without a device: launches, fusion, memory, segments, refusals. */
class LoweringTest {
    private static final TensorSpec M = TensorSpec.of(DType.F32, 6, 10);

    private static Program trace(Function<List<Tensor>, List<Tensor>> f, TensorSpec... specs) {
        Program.Definition d = Program.define("p").kernels(LoweringRules::covers);
        for (int i = 0; i < specs.length; i++) {
            d.input("in" + i, specs[i]);
        }
        return d.trace(f);
    }

    private static DevicePlan lower(Function<List<Tensor>, List<Tensor>> f, TensorSpec... specs) {
        try (Scope s = Scope.open("test"); Program p = trace(f, specs)) {
            return Lowering.of(p, false);
        }
    }

    private static List<String> kernels(DevicePlan plan) {
        return plan.steps().stream().map(s -> ((Launch) s).kernel()).toList();
    }

    @Test
    void chainsOfElementwiseOperationsAreOneLaunch() {
        DevicePlan plan = lower(in -> List.of(Ops.silu(Ops.add(Ops.affine(Ops.exp(in.get(0)), 2, 1), in.get(1)))), M, TensorSpec.of(DType.F32, 10));
        assertEquals(List.of(Elementwise.KERNEL), kernels(plan));
        // Two users, a result of its own, another shape: no chain through these.
        assertEquals(2, lower(in -> {
            Tensor e = Ops.exp(in.get(0));
            return List.of(Ops.add(Ops.neg(e), e));
        }, M).steps().size());
        assertEquals(2, lower(in -> {
            Tensor e = Ops.exp(in.get(0));
            return List.of(e, Ops.neg(e));
        }, M).steps().size());
        assertEquals(2, lower(in -> List.of(Ops.add(in.get(0), Ops.exp(in.get(1)))), M, TensorSpec.of(DType.F32, 10)).steps().size());
    }

    @Test
    void nothingMovesAcrossAnOverwrite() {
        DevicePlan plan = lower(in -> {
            Tensor e = Ops.exp(in.get(0));
            Ops.assign(in.get(0), Ops.fill(M, 3));
            return List.of(Ops.neg(e));
        }, M);
        List<String> operations = plan.steps().stream().map(org.mouselift.tornado.plan.Step::operation).toList();
        assertTrue(operations.indexOf("exp") < operations.indexOf("assign"), operations.toString());
    }

    @Test
    void memoryIsSharedByValuesThatDoNotMeetAndNeverByOthers() {
        DevicePlan plan = lower(in -> {
            Tensor x = in.getFirst();
            for (int i = 0; i < 20; i++) {
                x = Ops.matmul(x, in.get(1));
            }
            return List.of(x);
        }, TensorSpec.of(DType.F32, 64, 64), TensorSpec.of(DType.F32, 64, 64));
        assertEquals(20, plan.steps().size());
        // Two inputs and two values that alternate.
        assertEquals(4 * 64 * 64, plan.floats());
        Set<Block> written = plan.steps().stream().flatMap(s -> s.writes().stream()).collect(Collectors.toSet());
        assertEquals(20, written.size());
    }

    @Test
    void weightsTakeThePartThatIsUsed() {
        try (Scope s = Scope.open("test")) {
            Tensor table = Tensor.zeros(DType.F32, 100, 4);
            Tensor used = Ops.slice(table, 0, 10, 20).named("used");
            try (Program p = Program.define("p").input("x", TensorSpec.of(DType.F32, 10, 4)).weights(java.util.Map.of("table", table)).trace(
                    in -> List.of(Ops.add(in.getFirst(), used)))) {
                DevicePlan plan = Lowering.of(p, false);
                assertEquals(1, plan.weights().size());
                assertEquals(40, plan.weights().getFirst().block().elements());
                assertEquals(40, plan.weights().getFirst().first());
                assertFalse(plan.weights().getFirst().written());
            }
        }
    }

    @Test
    void partsOfTheModelBecomeSegments() {
        DevicePlan plan = lower(in -> {
            Tensor x = in.getFirst();
            for (String path : List.of("embed", "blocks.0.attn.to_q", "blocks.0.mlp.0", "blocks.1.attn.to_q", "head.norm")) {
                String before = ModulePath.enter(path);
                x = Ops.matmul(x, in.getFirst());
                ModulePath.enter(before);
            }
            return List.of(x);
        }, TensorSpec.of(DType.F32, 8, 8));
        assertEquals(List.of("-", "blocks.0", "blocks.1", "-"), Segments.of(plan.steps()).stream().map(Segments.Segment::name).toList());
        assertTrue(plan.listing().contains("segment blocks.1 (steps 3 to 3)"), plan.listing());
    }

    @Test
    void argumentsOfAllLaunchesLieOneAfterAnother() {
        DevicePlan plan = lower(in -> List.of(Ops.affine(Ops.matmul(in.get(0), Ops.affine(in.get(0), 2, 5)), 3, 7)), TensorSpec.of(DType.F32, 8, 8));
        Packing packing = Packing.of(plan.steps());
        assertEquals(3, packing.places().length);
        assertArrayEquals(new float[] {0, 2, 5, 3, 7}, packing.floats());
        assertEquals(1, packing.ints()[packing.places()[0]]);
        assertEquals(3, packing.ints()[packing.places()[2]]);
        assertEquals(plan.argumentInts() + 1, packing.ints().length);
    }

    @Test
    void whatHasNoKernelIsRefusedByNameOrRunsOnTheCpu() {
        try (Scope s = Scope.open("test"); Program p = Program.define("p").input("x", M).kernels((op, t) -> true).trace(in -> {
            ModulePath.enter("part.norm");
            List<Tensor> out = Ops.apply(new org.mouselift.engine.op.Softmax.Grad(), in.getFirst(), in.getFirst());
            ModulePath.enter("");
            return out;
        })) {
            String message = assertThrows(DeviceException.class, () -> Lowering.of(p, false)).getMessage();
            assertTrue(message.contains("softmax_grad(f32[6,10], f32[6,10]) has no kernel") && message.contains("in part.norm"), message);
            assertTrue(Lowering.of(p, true).steps().getFirst() instanceof HostStep);
        }
    }

    @Test
    void tooLargePlansAreRefusedWithTheLimit() {
        try (Scope s = Scope.open("test"); Program p = trace(in -> List.of(Ops.expand(Ops.neg(in.getFirst()), 1L << 16, 1L << 16)), TensorSpec.of(DType.F32, 1L << 16))) {
            String message = assertThrows(DeviceException.class, () -> Lowering.of(p, false)).getMessage();
            assertTrue(message.contains("device code can index 2147483631"), message);
        }
    }

    private static DevicePlan half(Function<List<Tensor>, List<Tensor>> f, TensorSpec... specs) {
        try (Scope s = Scope.open("test"); Program p = trace(f, specs)) {
            return Lowering.of(p, false, ProductLibrary.CUBLAS, DevicePrecision.FP16);
        }
    }

    @Test
    void halfPrecisionGoesToTensorCoresAndNotToLibraries() {
        DevicePlan plan = half(in -> List.of(Ops.matmul(in.get(0), in.get(1))), TensorSpec.of(DType.F32, 4096, 4096), TensorSpec.of(DType.F32, 4096, 4096));
        assertEquals(List.of("halfTiles", "halfTiles", "tensorCoreMatmul"), kernels(plan));
        assertEquals(List.of("matmul, input 'in0' (of shape [4096,4096])", "matmul, input 'in1' (of shape [4096,4096])"), plan.overflows().places());
        TensorSpec wide = TensorSpec.of(DType.F32, 1, 2, 70, 64);
        assertEquals(List.of("halfTiles", "halfTiles", "halfTiles", "tensorCoreAttention"),
                kernels(half(in -> Ops.apply(new Attention(0.125), in), wide, wide, wide)));
        TensorSpec narrow = TensorSpec.of(DType.F32, 1, 2, 70, 32);
        assertEquals(List.of("attention64"), kernels(half(in -> Ops.apply(new Attention(0.125), in), narrow, narrow, narrow)));
        assertNull(half(in -> List.of(Ops.exp(in.getFirst())), M).overflows());
        assertNull(lower(in -> List.of(Ops.matmul(in.get(0), in.get(0))), TensorSpec.of(DType.F32, 6, 6)).overflows());
    }

    @Test
    void f64IsRefused() {
        String message = assertThrows(DeviceException.class, () -> lower(in -> List.of(Ops.neg(in.getFirst())), TensorSpec.of(DType.F64, 3))).getMessage();
        assertTrue(message.contains("f64"), message);
    }
}
