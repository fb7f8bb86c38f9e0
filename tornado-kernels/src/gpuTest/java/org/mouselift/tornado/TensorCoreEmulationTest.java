package org.mouselift.tornado;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.mouselift.engine.DType;
import org.mouselift.engine.Elements;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tape;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.TensorSpec;
import org.mouselift.engine.device.DevicePrecision;
import org.mouselift.engine.op.Attention;
import org.mouselift.engine.op.Linear;
import org.mouselift.engine.trace.Program;
import org.mouselift.tornado.kernel.KernelCatalogue;
import org.mouselift.tornado.launch.TensorCoreAttention;
import org.mouselift.tornado.launch.TensorCoreMatmul;
import org.mouselift.tornado.plan.Block;
import org.mouselift.tornado.plan.DevicePlan;
import org.mouselift.tornado.plan.Launch;
import org.mouselift.tornado.plan.Lowering;
import org.mouselift.tornado.plan.LoweringRules;
import org.mouselift.tornado.plan.Operand;
import org.mouselift.tornado.plan.Packing;
import org.mouselift.tornado.plan.Space;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * Whole plans of half precision in an emulation of the device's work items ({@link EmulatedGroup}), against the float64 CPU engine on
 * factors that were rounded to half floats before: what remains is the rounding of float32 sums. A launch may change nothing but the
 * blocks that it says it writes.
 */
class TensorCoreEmulationTest {
    /** Arrays as on a device, full of what must not be used. */
    private static final class Memory {
        final FloatArray floats;
        final IntArray ints;

        Memory(DevicePlan plan) {
            floats = new FloatArray(Math.toIntExact(Math.max(1, plan.floats())));
            ints = new IntArray(Math.toIntExact(Math.max(1, plan.ints())));
            // Infinite, so that a factor read outside of its matrix is an overflow.
            floats.init(Float.POSITIVE_INFINITY);
            ints.init(0x7E017E01);
            if (plan.overflows() != null) {
                ints.set(Math.toIntExact(plan.overflows().word().offset()), 0);
            }
        }

        private int[] bits(Space space) {
            int[] out = new int[space == Space.FLOATS ? floats.getSize() : ints.getSize()];
            for (int i = 0; i < out.length; i++) {
                out[i] = space == Space.FLOATS ? Float.floatToRawIntBits(floats.get(i)) : ints.get(i);
            }
            return out;
        }

        void run(Launch launch, IntArray arguments, FloatArray constants, int place) {
            int[][] before = {bits(Space.FLOATS), bits(Space.INTS)};
            EmulatedGroup.run(launch.grid(), c -> KernelCatalogue.of(launch.kernel()).apply(c, floats, ints, arguments, constants, IntArray.fromElements(place), 0));
            for (Space space : Space.values()) {
                int[] was = before[space.ordinal()];
                int[] is = bits(space);
                for (Block b : new HashSet<>(launch.writes())) {
                    if (b.space() == space) {
                        int from = Math.toIntExact(b.offset());
                        System.arraycopy(is, from, was, from, Math.toIntExact(b.elements()));
                    }
                }
                int odd = Arrays.mismatch(was, is);
                assertEquals(-1, odd, launch.kernel() + " changed element " + odd + " of the " + space + ", beside what it says it writes");
            }
        }
    }

    /** What a run in half precision gave. */
    private record Run(List<Tensor> results, int overflow, Set<String> kernels) {}

    private static Run emulate(DevicePrecision precision, Function<List<Tensor>, List<Tensor>> f, List<Tensor> in) {
        Program.Definition d = Program.define("emulated").kernels(LoweringRules::covers);
        for (int i = 0; i < in.size(); i++) {
            d.input("in" + i, in.get(i).spec());
        }
        try (Program program = d.trace(f)) {
            DevicePlan plan = Lowering.of(program, false, null, precision);
            Memory memory = new Memory(plan);
            for (int i = 0; i < in.size(); i++) {
                write(memory, plan.inputs().get(i), in.get(i));
            }
            Packing packing = Packing.of(plan.steps());
            IntArray arguments = IntArray.fromArray(packing.ints());
            FloatArray constants = FloatArray.fromArray(packing.floats());
            Set<String> kernels = new HashSet<>();
            for (int i = 0; i < plan.steps().size(); i++) {
                Launch launch = (Launch) plan.steps().get(i);
                kernels.add(launch.kernel());
                memory.run(launch, arguments, constants, packing.places()[i]);
            }
            List<Tensor> out = new ArrayList<>();
            for (Operand o : plan.outputs()) {
                Tensor t = Tensor.empty(o.spec(), "emulated");
                for (int i = 0; i < t.numel(); i++) {
                    Elements.set(t, i, memory.floats.get(Math.toIntExact(o.block().offset() + o.offset() + i)));
                }
                out.add(t);
            }
            return new Run(out, plan.overflows() == null ? 0 : memory.ints.get(Math.toIntExact(plan.overflows().word().offset())), kernels);
        }
    }

    private static void write(Memory memory, Operand to, Tensor t) {
        for (int i = 0; i < t.numel(); i++) {
            memory.floats.set(Math.toIntExact(to.block().offset() + to.offset() + i), (float) Elements.get(t, i));
        }
    }

    @Test
    void attentionOverOneAndTwoSources() {
        Function<List<Tensor>, List<Tensor>> one = in -> Ops.apply(new Attention(0.125), in.get(0), in.get(1), in.get(2));
        attention(one, s(1, 1, 1, 64), s(1, 1, 1, 64), s(1, 1, 1, 64));
        attention(one, s(1, 2, 17, 64), s(1, 2, 63, 64), s(1, 2, 63, 64));
        attention(one, s(2, 1, 129, 33), s(2, 1, 65, 33), s(2, 1, 65, 33));
        attention(one, s(1, 1, 130, 48), s(1, 1, 200, 48), s(1, 1, 200, 48));
        attention(in -> Ops.apply(new Attention(0.125, 2), in), s(4, 2, 31, 64), s(2, 2, 70, 64), s(2, 2, 70, 64), s(1, 2, 129, 64), s(1, 2, 129, 64));
    }

    /** Rows whose largest score grows with every tile, so that sums are rescaled, and heads that lie between tokens. */
    @Test
    void attentionWhoseReferencesChange() {
        attention(in -> {
            // Powers of two keep what rounding to half floats left.
            Tensor k = Ops.concat(1, Ops.affine(Ops.slice(in.get(1), 1, 0, 90), 0.0625, 0), Ops.affine(Ops.slice(in.get(1), 1, 90, 150), 0.5, 0),
                    Ops.slice(in.get(1), 1, 150, 200), Ops.affine(Ops.slice(in.get(1), 1, 200, 260), 2, 0));
            return Ops.apply(new Attention(1), Ops.permute(in.get(0), 0, 2, 1, 3), Ops.permute(k, 0, 2, 1, 3), Ops.permute(in.get(2), 0, 2, 1, 3));
        }, s(1, 20, 2, 64), s(1, 260, 2, 64), s(1, 260, 2, 64));
    }

    /** Where all scores are far below those of the zeros that fill the last tile. */
    @Test
    void attentionOfNegativeScores() {
        for (long keys : s(40, 70)) {
            attention(in -> Ops.apply(new Attention(1), Ops.abs(in.get(0)), Ops.neg(Ops.abs(in.get(1))), in.get(2)), s(1, 1, 9, 64), s(1, 1, keys, 64), s(1, 1, keys, 64));
        }
    }

    @Test
    void attentionKeepsNan() {
        try (Scope scope = Scope.open("emulation")) {
            List<Tensor> in = List.of(DeviceUnderTest.random(DType.F32, 1, 1, 1, 3, 64), DeviceUnderTest.random(DType.F32, 2, 1, 1, 70, 64), DeviceUnderTest.random(DType.F32, 3, 1, 1, 70, 64));
            Elements.set(in.getFirst(), 70, Double.NaN);
            double[] o = emulate(DevicePrecision.FP16, x -> Ops.apply(new Attention(0.125), x), in).results.getFirst().toDoubles();
            for (int i = 0; i < o.length; i++) {
                assertEquals(i / 64 == 1, Double.isNaN(o[i]), "element " + i);
            }
            // One of the last keys: its score is no number for all queries.
            Elements.set(in.getFirst(), 70, 0);
            Elements.set(in.get(1), 68 * 64, Double.NaN);
            o = emulate(DevicePrecision.FP16, x -> Ops.apply(new Attention(0.125), x), in).results.getFirst().toDoubles();
            assertTrue(Arrays.stream(o).allMatch(Double::isNaN));
        }
    }

    /** The weights are rounded to 11 bits: of a mean of values this is at most 2^-11 of the largest, of the log-sum-exp 2^-11. */
    private static void attention(Function<List<Tensor>, List<Tensor>> f, long[]... shapes) {
        check(TensorCoreAttention.KERNEL, 3 * 0x1p-11, shapes.length, f, shapes);
    }

    /** Checks a function whose first {@code factors} operands go to products as they are, so that rounding them first changes nothing else. */
    private static void check(int factors, Function<List<Tensor>, List<Tensor>> f, long[]... shapes) {
        check(TensorCoreMatmul.KERNEL, 4e-6, factors, f, shapes);
    }

    private static void check(String kernel, double tolerance, int factors, Function<List<Tensor>, List<Tensor>> f, long[]... shapes) {
        try (Scope scope = Scope.open("emulation")) {
            List<Tensor> narrow = new ArrayList<>();
            List<Tensor> wide = new ArrayList<>();
            for (int i = 0; i < shapes.length; i++) {
                Tensor x = DeviceUnderTest.random(DType.F32, 100 + i, shapes[i]);
                Tensor y = Tensor.empty(new TensorSpec(DType.F64, x.shape()), "rounded");
                for (int e = 0; e < x.numel(); e++) {
                    float v = (float) Elements.get(x, e);
                    Elements.set(y, e, i < factors ? Float.float16ToFloat(Float.floatToFloat16(v)) : v);
                }
                narrow.add(x);
                wide.add(y);
            }
            List<Tensor> expected = Tape.pause(() -> f.apply(wide));
            Run run = emulate(DevicePrecision.FP16, f, narrow);
            assertTrue(run.kernels.contains(kernel), "launched " + run.kernels);
            assertEquals(0, run.overflow);
            assertEquals(expected.size(), run.results.size());
            for (int i = 0; i < expected.size(); i++) {
                DeviceUnderTest.compare("result " + i, expected.get(i), run.results.get(i), tolerance);
            }
        }
    }

    private static long[] s(long... dims) {
        return dims;
    }

    @Test
    void productsThatFitNoTile() {
        Function<List<Tensor>, List<Tensor>> product = in -> List.of(Ops.matmul(in.get(0), in.get(1)));
        check(2, product, s(1, 1), s(1, 1));
        check(2, product, s(17, 63), s(63, 129));
        check(2, product, s(129, 17), s(17, 1));
        check(2, product, s(130, 65), s(65, 257));
        check(2, product, s(127, 9), s(9, 256));
        check(2, product, s(128, 9), s(9, 255));
        check(2, product, s(128, 32), s(32, 128));
        check(2, product, s(256, 96), s(96, 128));
    }

    @Test
    void transposedFactorsAndBatches() {
        check(2, in -> List.of(Ops.matmul(Ops.transpose(in.get(0), 0, 1), in.get(1))), s(63, 17), s(63, 129));
        check(2, in -> List.of(Ops.matmul(in.get(0), Ops.transpose(in.get(1), 0, 1))), s(17, 63), s(129, 63));
        check(2, in -> List.of(Ops.matmul(Ops.transpose(in.get(0), 0, 1), Ops.transpose(in.get(1), 0, 1))), s(33, 131), s(5, 33));
        check(2, in -> List.of(Ops.matmul(in.get(0), in.get(1))), s(3, 2, 19, 40), s(2, 40, 21));
        check(2, in -> List.of(Ops.matmul(in.get(0), Ops.permute(in.get(1), 2, 0, 1))), s(1, 9, 33), s(33, 7, 4));
    }

    @Test
    void linearLayersWithAllTheyHave() {
        for (Linear.Activation a : Linear.Activation.values()) {
            check(2, in -> List.of(Ops.linear(in.get(0), in.get(1), in.get(2), a, in.get(3))), s(2, 65, 33), s(129, 33), s(129), s(2, 65, 129));
        }
        check(2, in -> List.of(Ops.linear(in.get(0), in.get(1)), Ops.linear(in.get(0), in.get(1), in.get(2), Linear.Activation.NONE, null)), s(128, 48), s(256, 48), s(256));
    }

    @Test
    void infinitiesThatRoundingMakesAreReported() {
        try (Scope scope = Scope.open("emulation")) {
            Tensor x = DeviceUnderTest.random(DType.F32, 1, 7, 40);
            Tensor w = DeviceUnderTest.random(DType.F32, 2, 40, 5);
            Function<List<Tensor>, List<Tensor>> product = in -> List.of(Ops.matmul(in.get(0), in.get(1)));
            Elements.set(x, 3, 65519.9);
            Elements.set(w, 199, Double.NaN);
            assertEquals(0, emulate(DevicePrecision.FP16, product, List.of(x, w)).overflow);
            Elements.set(w, 199, -65520);
            assertEquals(2, emulate(DevicePrecision.FP16, product, List.of(x, w)).overflow);
            Elements.set(w, 199, 0);
            Elements.set(x, 279, 1e6);
            assertEquals(1, emulate(DevicePrecision.FP16, product, List.of(x, w)).overflow);
        }
    }

    /** The emulation itself, on a kernel that a device has run. */
    @Test
    void ordinaryKernelsRunInTheEmulationToo() {
        try (Scope scope = Scope.open("emulation")) {
            List<Tensor> in = List.of(DeviceUnderTest.random(DType.F32, 1, 3, 70, 11), DeviceUnderTest.random(DType.F32, 2, 11, 65));
            Function<List<Tensor>, List<Tensor>> product = x -> List.of(Ops.matmul(x.get(0), x.get(1)));
            Run run = emulate(DevicePrecision.FP32, product, in);
            assertEquals(Set.of("matmul"), run.kernels);
            DeviceUnderTest.compare("product", Tape.pause(() -> product.apply(in)).getFirst(), run.results.getFirst(), 4e-6);
        }
    }
}
