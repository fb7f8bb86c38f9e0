package org.mouselift.tornado;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.mouselift.engine.DType;
import org.mouselift.engine.Elements;
import org.mouselift.engine.ModulePath;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Philox;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tape;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.TensorSpec;
import org.mouselift.engine.device.DeviceException;
import org.mouselift.engine.op.Linear;
import org.mouselift.engine.trace.Program;
import org.mouselift.tornado.plan.DevicePlan;
import org.mouselift.tornado.plan.Gemm;
import org.mouselift.tornado.plan.Launch;
import org.mouselift.tornado.plan.LibraryProduct;
import org.mouselift.tornado.plan.Lowering;
import org.mouselift.tornado.plan.LoweringRules;
import org.mouselift.tornado.plan.Operand;
import org.mouselift.tornado.plan.ProductLibrary;
import org.mouselift.tornado.plan.Segments;

/** Products for a vendor's library: which there are, and that the BLAS's definition of what they ask for gives what the CPU computes. */
class LibraryProductTest {
    private static final ProductLibrary EAGER = new ProductLibrary("cuBLAS", 0);

    private static long[] s(long... dims) {
        return dims;
    }

    private static DevicePlan lower(ProductLibrary library, Function<List<Tensor>, List<Tensor>> f, long[]... shapes) {
        Program.Definition d = Program.define("p").kernels(LoweringRules::covers);
        for (int i = 0; i < shapes.length; i++) {
            d.input("in" + i, TensorSpec.of(DType.F32, shapes[i]));
        }
        try (Scope scope = Scope.open("test"); Program p = d.trace(f)) {
            return Lowering.of(p, false, library);
        }
    }

    /** Runs the only step of a plan by the BLAS's definition and compares the result with the function on the CPU in f64. */
    private static Gemm check(Function<List<Tensor>, Tensor> f, long[]... shapes) {
        DevicePlan plan = lower(EAGER, in -> List.of(f.apply(in)), shapes);
        assertEquals(1, plan.steps().size(), plan.listing());
        LibraryProduct product = assertInstanceOf(LibraryProduct.class, plan.steps().getFirst(), plan.listing());
        float[] arena = new float[Math.toIntExact(plan.floats())];
        Arrays.fill(arena, Float.NaN);
        try (Scope scope = Scope.open("test")) {
            List<Tensor> wide = new ArrayList<>();
            for (int i = 0; i < shapes.length; i++) {
                Tensor t = Tensor.empty(DType.F64, shapes[i]);
                Philox philox = new Philox(i, 3);
                int at = place(plan.inputs().get(i));
                for (int e = 0; e < t.numel(); e++) {
                    arena[at + e] = (float) philox.nextGaussian();
                    Elements.set(t, e, arena[at + e]);
                }
                wide.add(t);
            }
            double[] expected = Tape.pause(() -> Ops.contiguous(f.apply(wide)).toDoubles());
            execute(product, arena);
            int at = place(plan.outputs().getFirst());
            for (int e = 0; e < expected.length; e++) {
                assertEquals(expected[e], arena[at + e], 1e-5 * (1 + Math.abs(expected[e])), product.gemm() + ", element " + e);
            }
        }
        return product.gemm();
    }

    private static int place(Operand o) {
        return Math.toIntExact(o.block().offset() + o.offset());
    }

    private static void execute(LibraryProduct product, float[] arena) {
        int[] p = product.places();
        float[] a = Arrays.copyOfRange(arena, p[0], p[0] + p[1]);
        float[] b = Arrays.copyOfRange(arena, p[2], p[2] + p[3]);
        float[] c = new float[p[4]];
        Arrays.fill(c, Float.NaN);
        Blas.gemm(product.gemm(), a, 0, b, 0, c, 0);
        Tensor y = Tensor.empty(DType.F64, p[4]);
        for (int i = 0; i < p[4]; i++) {
            Elements.set(y, i, c[i] + (p[7] >= 0 ? (double) arena[p[7] + i % p[5]] : 0));
        }
        double[] after = (switch (Linear.Activation.values()[p[9]]) {
            case NONE -> y;
            case GELU -> Ops.gelu(y);
            case SILU -> Ops.silu(y);
        }).toDoubles();
        for (int i = 0; i < p[4]; i++) {
            arena[p[6] + i] = (float) (after[i] + (p[8] >= 0 ? arena[p[8] + i] : 0));
        }
    }

    @Test
    void everyLayoutOfTheFactors() {
        Gemm plain = check(in -> Ops.matmul(in.get(0), in.get(1)), s(7, 11), s(11, 5));
        assertEquals(new Gemm(false, false, 5, 7, 11, 1, 5, 0, 11, 0, 0, 5, 0, 1), plain);
        Gemm left = check(in -> Ops.matmul(Ops.transpose(in.get(0), 0, 1), in.get(1)), s(11, 7), s(11, 5));
        assertEquals(new Gemm(false, true, 5, 7, 11, 1, 5, 0, 7, 0, 0, 5, 0, 1), left);
        Gemm right = check(in -> Ops.matmul(in.get(0), Ops.transpose(in.get(1), 0, 1)), s(7, 11), s(5, 11));
        assertEquals(new Gemm(true, false, 5, 7, 11, 1, 11, 0, 11, 0, 0, 5, 0, 1), right);
        Gemm both = check(in -> Ops.matmul(Ops.transpose(in.get(0), 0, 1), Ops.transpose(in.get(1), 0, 1)), s(11, 7), s(5, 11));
        assertEquals(new Gemm(true, true, 5, 7, 11, 1, 11, 0, 7, 0, 0, 5, 0, 1), both);
        assertEquals("TT 5x7x11", both.toString());
    }

    @Test
    void partsOfMatricesKeepTheirLeadingDimension() {
        Gemm g = check(in -> Ops.matmul(Ops.slice(in.get(0), 1, 2, 9), Ops.slice(Ops.slice(in.get(1), 0, 3, 10), 1, 1, 4)), s(6, 13), s(12, 5));
        assertEquals(13, g.ldb());
        assertEquals(5, g.lda());
        assertEquals(7, g.k());
        check(in -> Ops.matmul(Ops.transpose(Ops.slice(in.get(0), 1, 2, 9), 0, 1), Ops.transpose(Ops.slice(in.get(1), 1, 3, 9), 0, 1)), s(6, 13), s(12, 10));
    }

    @Test
    void rowsAndColumns() {
        check(in -> Ops.matmul(in.get(0), in.get(1)), s(1, 11), s(11, 5));
        check(in -> Ops.matmul(in.get(0), in.get(1)), s(7, 11), s(11, 1));
        check(in -> Ops.matmul(in.get(0), in.get(1)), s(7, 1), s(1, 5));
        check(in -> Ops.matmul(in.get(0), in.get(1)), s(1, 1), s(1, 1));
        check(in -> Ops.matmul(Ops.transpose(in.get(0), 0, 1), in.get(1)), s(11, 1), s(11, 5));
        check(in -> Ops.matmul(in.get(0), Ops.transpose(in.get(1), 0, 1)), s(7, 11), s(1, 11));
        // A column of a matrix as a row: steps only along the other axis.
        check(in -> Ops.matmul(Ops.transpose(Ops.slice(in.get(0), 1, 3, 4), 0, 1), in.get(1)), s(11, 6), s(11, 5));
        check(in -> Ops.matmul(in.get(0), Ops.slice(in.get(1), 1, 2, 3)), s(7, 11), s(11, 5));
    }

    @Test
    void batches() {
        Gemm g = check(in -> Ops.matmul(in.get(0), in.get(1)), s(3, 7, 11), s(3, 11, 5));
        assertEquals(new Gemm(false, false, 5, 7, 11, 1, 5, 55, 11, 77, 0, 5, 35, 3), g);
        check(in -> Ops.matmul(Ops.transpose(in.get(0), 1, 2), Ops.transpose(in.get(1), 1, 2)), s(3, 11, 7), s(3, 5, 11));
        // Two batch axes that lie one after another are one.
        assertEquals(6, check(in -> Ops.matmul(in.get(0), in.get(1)), s(2, 3, 7, 11), s(2, 3, 11, 5)).batch());
        // Heads beside each other: the batch steps inside of the rows.
        Gemm heads = check(in -> Ops.matmul(Ops.permute(in.get(0), 1, 0, 2), Ops.permute(in.get(1), 1, 2, 0)), s(7, 3, 11), s(5, 3, 11));
        assertEquals(new Gemm(true, false, 5, 7, 11, 1, 33, 11, 33, 11, 0, 5, 35, 3), heads);
        // The same right factor for all: rows follow rows.
        Gemm shared = check(in -> Ops.matmul(in.get(0), in.get(1)), s(3, 7, 11), s(11, 5));
        assertEquals(1, shared.batch());
        assertEquals(21, shared.n());
        // Columns of transposed square matrices follow each other, too, but not their rows.
        assertEquals(3, check(in -> Ops.matmul(Ops.transpose(in.get(0), 1, 2), in.get(1)), s(3, 7, 7), s(7, 5)).batch());
        // The same left factor for all, and the same right one for rows with gaps.
        assertEquals(0, check(in -> Ops.matmul(in.get(0), in.get(1)), s(7, 11), s(3, 11, 5)).strideB());
        assertEquals(0, check(in -> Ops.matmul(Ops.slice(in.get(0), 1, 0, 7), in.get(1)), s(3, 9, 11), s(11, 5)).strideA());
    }

    @Test
    void linearLayersWithWhatFollowsThem() {
        Gemm g = check(in -> Ops.linear(in.get(0), in.get(1)), s(2, 7, 11), s(5, 11));
        assertEquals(new Gemm(true, false, 5, 14, 11, 1, 11, 0, 11, 0, 0, 5, 0, 1), g);
        for (Linear.Activation activation : Linear.Activation.values()) {
            check(in -> Ops.linear(in.get(0), in.get(1), in.get(2), activation, null), s(7, 11), s(5, 11), s(5));
            check(in -> Ops.linear(in.get(0), in.get(1), in.get(2), activation, in.get(3)), s(7, 11), s(5, 11), s(5), s(7, 5));
            check(in -> Ops.linear(in.get(0), in.get(1), null, activation, in.get(2)), s(7, 11), s(5, 11), s(7, 5));
        }
    }

    @Test
    void whatTheLibraryCannotTakeStaysWithOurKernel() {
        // Batch axes that do not merge, gaps along both axes, operands that are the same for a whole axis, nothing to sum.
        onlyLaunches(in -> Ops.matmul(in.get(0), in.get(1)), s(2, 1, 7, 11), s(1, 3, 11, 5));
        onlyLaunches(in -> Ops.matmul(Ops.slice(in.get(0), 1, 0, 11, 2), in.get(1)), s(7, 11), s(6, 5));
        onlyLaunches(in -> Ops.matmul(Ops.expand(in.get(0), 7, 11), in.get(1)), s(1, 11), s(11, 5));
    }

    @Test
    void operandsOfLinearLayersWithGapsAreCopied() {
        DevicePlan plan = lower(EAGER, in -> List.of(Ops.linear(Ops.transpose(in.get(0), 0, 1), in.get(1))), s(11, 7), s(5, 11));
        assertEquals(2, plan.steps().size());
        assertInstanceOf(Launch.class, plan.steps().getFirst());
        assertEquals(plan.steps().getFirst().writes().getFirst(), assertInstanceOf(LibraryProduct.class, plan.steps().getLast()).b().block());
    }

    private static void onlyLaunches(Function<List<Tensor>, Tensor> f, long[]... shapes) {
        DevicePlan plan = lower(EAGER, in -> List.of(f.apply(in)), shapes);
        assertTrue(plan.steps().stream().allMatch(Launch.class::isInstance), plan.listing());
        assertArrayEquals(new long[3], plan.libraryElements());
    }

    @Test
    void theLibraryGetsWhatOutweighsTheCopies() {
        Function<List<Tensor>, List<Tensor>> product = in -> List.of(Ops.matmul(in.get(0), in.get(1)));
        // n / 12 operations for each byte copied.
        assertTrue(lower(ProductLibrary.CUBLAS, product, s(384, 384), s(384, 384)).steps().getFirst() instanceof LibraryProduct);
        assertTrue(lower(ProductLibrary.CUBLAS, product, s(383, 383), s(383, 383)).steps().getFirst() instanceof Launch);
        assertTrue(lower(ProductLibrary.CUBLAS, product, s(4096, 64), s(64, 4096)).steps().getFirst() instanceof Launch);
        assertTrue(lower(null, product, s(384, 384), s(384, 384)).steps().getFirst() instanceof Launch);
    }

    @Test
    void plansCountTheLibrarysArraysAndCutAroundIt() {
        Function<List<Tensor>, List<Tensor>> twice = in -> {
            String before = ModulePath.enter("blocks.0.mlp");
            Tensor y = Ops.linear(Ops.exp(in.get(0)), in.get(1));
            Tensor z = Ops.neg(Ops.linear(y, in.get(2)));
            ModulePath.enter(before);
            return List.of(z);
        };
        DevicePlan with = lower(EAGER, twice, s(7, 11), s(32, 11), s(3, 32));
        DevicePlan without = lower(null, twice, s(7, 11), s(32, 11), s(3, 32));
        assertArrayEquals(new long[] {32 * 11, 7 * 32, 7 * 32}, with.libraryElements());
        assertEquals(without.bytes() + 4 * (32 * 11 + 7 * 32 + 7 * 32), with.bytes());
        assertEquals(List.of(1, 1, 1, 1), Segments.of(with.steps()).stream().map(g -> g.end() - g.first()).toList());
        assertEquals(1, Segments.of(without.steps()).size());
        assertTrue(with.listing().contains("linear: cuBLAS TN 32x7x11; in blocks.0.mlp"), with.listing());
        assertFalse(without.listing().contains("cuBLAS"), without.listing());
    }

    @Test
    void productsThatTheBlasRefusesAreRefusedHere() {
        for (Runnable wrong : List.<Runnable>of(
                () -> new Gemm(false, false, 5, 7, 11, 1, 4, 0, 11, 0, 0, 5, 0, 1),
                () -> new Gemm(true, false, 5, 7, 11, 1, 5, 0, 11, 0, 0, 5, 0, 1),
                () -> new Gemm(false, true, 5, 7, 11, 1, 5, 0, 6, 0, 0, 5, 0, 1),
                () -> new Gemm(false, false, 5, 7, 11, 1, 5, 0, 11, 0, 0, 4, 0, 1),
                () -> new Gemm(false, false, 5, 7, 11, 1, 5, 0, 11, 0, 0, 5, 34, 2),
                () -> new Gemm(false, false, 5, 7, 0, 1, 5, 0, 11, 0, 0, 5, 0, 1))) {
            assertThrows(DeviceException.class, wrong::run);
        }
    }

    @Test
    void theDefinitionScalesAndAdds() {
        // 2 [1 3; 2 4] [5; 6] + 3 [7; 8], by hand; C is not read with beta 0.
        float[] c = {7, 8};
        Blas.gemm(new Gemm(false, false, 2, 1, 2, 2, 2, 0, 2, 0, 3, 2, 0, 1), new float[] {1, 2, 3, 4}, 0, new float[] {5, 6}, 0, c, 0);
        assertArrayEquals(new float[] {67, 92}, c);
        float[] fresh = {Float.NaN, Float.NaN};
        Blas.gemm(new Gemm(true, false, 2, 1, 2, 2, 2, 0, 2, 0, 0, 2, 0, 1), new float[] {1, 2, 3, 4}, 0, new float[] {5, 6}, 0, fresh, 0);
        assertArrayEquals(new float[] {34, 78}, fresh);
    }
}
