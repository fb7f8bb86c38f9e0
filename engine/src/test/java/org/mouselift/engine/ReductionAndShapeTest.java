package org.mouselift.engine;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.mouselift.engine.op.Reduce;
import org.mouselift.engine.op.SliceScatter;

/** Reductions against float64 loops; the algebra of views as properties. */
class ReductionAndShapeTest {
    private static Nd reduce(Reduce.Kind kind, Nd x, List<Integer> axes) {
        int[] dims = x.dims().clone();
        axes.forEach(a -> dims[a] = 1);
        int count = axes.stream().mapToInt(a -> x.dims()[a]).reduce(1, (a, b) -> a * b);
        Nd out = Nd.build(i -> switch (kind) {
            case SUM, MEAN -> 0;
            case MAX -> Double.NEGATIVE_INFINITY;
            case MIN -> Double.POSITIVE_INFINITY;
        }, dims);
        Nd.build(i -> {
            int at = 0;
            for (int a = 0; a < dims.length; a++) {
                at = at * dims[a] + (dims[a] == 1 ? 0 : i[a]);
            }
            double v = x.at(i);
            out.v()[at] = switch (kind) {
                case SUM, MEAN -> out.v()[at] + v;
                case MAX -> Math.max(out.v()[at], v);
                case MIN -> Math.min(out.v()[at], v);
            };
            return 0;
        }, x.dims());
        return kind == Reduce.Kind.MEAN ? out.map(v -> v / count) : out;
    }

    @Tag("kernel")
    @ParameterizedTest
    @EnumSource(Reduce.Kind.class)
    void reductions(Reduce.Kind kind) {
        try (Scope s = Scope.open("test")) {
            Nd x = Nd.random(1, 3, 5, 7, 2);
            for (List<Integer> axes : List.of(List.of(0), List.of(1), List.of(2), List.of(3), List.of(0, 1), List.of(2, 3), List.of(1, 3), List.of(3, 0),
                    List.of(0, 1, 2, 3), List.<Integer>of())) {
                Nd want = reduce(kind, x, axes);
                for (int layout = 0; layout < Layouts.COUNT; layout++) {
                    want.check(kind + " " + axes + " layout " + layout, Ops.reduce(kind, x.tensor(DType.F32, layout), axes), 2e-7, 1e-7);
                    want.check(kind + " " + axes + " layout " + layout, Ops.reduce(kind, x.tensor(DType.F64, layout), axes), 1e-13, 1e-14);
                }
            }
        }
    }

    @Test
    void longSumsKeepTheirDigits() {
        try (Scope s = Scope.open("test")) {
            int n = 300_001;
            Nd x = Nd.random(2, n).map(a -> (float) (a + 10));
            double sum = Arrays.stream(x.v()).sum();
            assertEquals(sum, Ops.sum(x.tensor(DType.F32, 0)).item(), 1e-7 * sum);
            assertEquals(sum / n, Ops.mean(x.tensor(DType.F32, 3)).item(), 1e-6);
        }
    }

    @Test
    void emptyAndBroadcastReductions() {
        try (Scope s = Scope.open("test")) {
            Tensor none = Tensor.zeros(DType.F32, 0, 2);
            assertArrayEquals(new float[] {0, 0}, Ops.sum(none, false, 0).toFloats());
            assertTrue(Double.isNaN(Ops.mean(none, false, 0).toDoubles()[0]));
            assertEquals(Double.NEGATIVE_INFINITY, Ops.reduce(Reduce.Kind.MAX, none, List.of(0)).toDoubles()[1]);
            Tensor wide = Ops.expand(Tensor.of(new float[] {1, 2}, 2), 5, 2);
            assertArrayEquals(new float[] {5, 10}, Ops.sum(wide, false, 0).toFloats());
            assertThrows(ShapeException.class, () -> Ops.sum(wide, true, 0, 0));
            assertThrows(ShapeException.class, () -> Ops.sum(wide, true, 2));
        }
    }

    @Test
    void concatAndScatterInEveryLayout() {
        try (Scope s = Scope.open("test")) {
            Nd a = Nd.random(1, 3, 2, 5);
            Nd b = Nd.random(2, 3, 4, 5);
            Nd want = Nd.build(i -> i[1] < 2 ? a.at(i) : b.at(i[0], i[1] - 2, i[2]), 3, 6, 5);
            Nd spread = Nd.build(i -> i[1] >= 1 && (i[1] - 1) % 3 == 0 && (i[1] - 1) / 3 < 2 ? a.at(i[0], (i[1] - 1) / 3, i[2]) : 0, 3, 8, 5);
            Nd padded = Nd.build(i -> {
                int p = i[0] - 1;
                int q = i[1];
                int r = i[2] - 2;
                return p >= 0 && p < 3 && q < 2 && r >= 0 && r < 5 ? a.at(p, q, r) : 0;
            }, 4, 5, 7);
            for (int layout = 0; layout < Layouts.COUNT; layout++) {
                for (DType d : List.of(DType.F32, DType.F64)) {
                    want.check("concat", Ops.concat(1, a.tensor(d, layout), b.tensor(d, (layout + 1) % Layouts.COUNT)), 0, 0);
                    spread.check("slice_scatter", Ops.apply(new SliceScatter(1, 1, 3, 8), a.tensor(d, layout)).getFirst(), 0, 0);
                    padded.check("pad", Ops.pad(a.tensor(d, layout), new long[] {1, 0, 2}, new long[] {0, 3, 0}), 0, 0);
                    a.check("contiguous", Ops.contiguous(a.tensor(d, layout)), 0, 0);
                    a.check("copy", Ops.copy(a.tensor(d, layout)), 0, 0);
                }
            }
            Tensor x = Tensor.zeros(DType.F32, 3);
            assertThrows(ShapeException.class, () -> Ops.pad(x, new long[] {1, 1}, new long[] {1, 1}));
            assertThrows(ShapeException.class, () -> Ops.pad(x, new long[] {-1}, new long[] {0}));
            assertThrows(ShapeException.class, () -> Ops.concat(0, x, Tensor.zeros(DType.F32, 3, 1)));
            assertThrows(ShapeException.class, () -> Ops.concat(0, x, Tensor.zeros(DType.F64, 3)));
        }
    }

    // ---- properties ----------------------------------------------------------------------------------------------

    private static int[] dims(Philox rng, int maxRank) {
        int[] d = new int[rng.below(maxRank + 1)];
        Arrays.setAll(d, i -> 1 + rng.below(5));
        return d;
    }

    @Property(tries = 150)
    void permuteThenInverseIsIdentity(@ForAll @IntRange(max = 1_000_000) int seed) {
        try (Scope s = Scope.open("test")) {
            Philox rng = new Philox(seed, 1);
            int[] d = dims(rng, 5);
            Nd x = Nd.random(seed, d);
            int[] order = rng.choose(d.length, d.length);
            int[] inverse = new int[d.length];
            for (int i = 0; i < d.length; i++) {
                inverse[order[i]] = i;
            }
            Tensor t = x.tensor(DType.F32, rng.below(Layouts.COUNT));
            Tensor p = Ops.permute(t, order);
            assertTrue(p.sharesMemory(t));
            int[] pd = Arrays.stream(order).map(a -> d[a]).toArray();
            Nd.build(i -> {
                int[] j = new int[d.length];
                for (int a = 0; a < d.length; a++) {
                    j[order[a]] = i[a];
                }
                return x.at(j);
            }, pd).check("permute", p, 0, 0);
            Tensor back = Ops.permute(p, inverse);
            assertArrayEquals(t.strides(), back.strides());
            x.check("inverse", back, 0, 0);
        }
    }

    @Property(tries = 150)
    void slicesConcatenateToTheWhole(@ForAll @IntRange(max = 1_000_000) int seed) {
        try (Scope s = Scope.open("test")) {
            Philox rng = new Philox(seed, 2);
            int[] d = dims(rng, 4);
            if (d.length == 0) {
                return;
            }
            int axis = rng.below(d.length);
            Nd x = Nd.random(seed, d);
            Tensor t = x.tensor(DType.F32, rng.below(Layouts.COUNT));
            List<Tensor> parts = new ArrayList<>();
            int at = 0;
            while (at < d[axis]) {
                int end = at + 1 + rng.below(d[axis] - at);
                parts.add(Ops.slice(t, axis, at, end));
                at = end;
            }
            x.check("concat of slices", Ops.concat(axis, parts), 0, 0);
            int step = 1 + rng.below(3);
            int begin = rng.below(d[axis] + 1);
            int n = Math.ceilDiv(d[axis] - begin, step);
            int[] sd = d.clone();
            sd[axis] = n;
            int b = begin;
            Nd.build(i -> {
                int[] j = i.clone();
                j[axis] = b + i[axis] * step;
                return x.at(j);
            }, sd).check("slice", Ops.slice(t, axis, begin, d[axis], step), 0, 0);
        }
    }

    @Property(tries = 150)
    void reshapeKeepsRowMajorOrder(@ForAll @IntRange(max = 1_000_000) int seed) {
        try (Scope s = Scope.open("test")) {
            Philox rng = new Philox(seed, 3);
            int[] d = dims(rng, 4);
            Nd x = Nd.random(seed, d);
            Tensor t = x.tensor(DType.F32, rng.below(Layouts.COUNT));
            Tensor flat = Ops.reshape(t, -1);
            assertArrayEquals(x.v(), flat.toDoubles());
            assertEquals(t.isContiguous() || t.rank() == 1, flat.sharesMemory(t), "a copy only where it is needed");
            x.check("back", Ops.reshape(flat, x.longDims()), 0, 0);
        }
    }

    @Property(tries = 150)
    void broadcastingIsExpandingFirst(@ForAll @IntRange(max = 1_000_000) int seed) {
        try (Scope s = Scope.open("test")) {
            Philox rng = new Philox(seed, 4);
            int[] d = dims(rng, 4);
            int skip = rng.below(d.length + 1);
            int[] e = Arrays.copyOfRange(d, skip, d.length);
            for (int i = 0; i < e.length; i++) {
                e[i] = rng.below(2) == 0 ? 1 : e[i];
            }
            Nd x = Nd.random(seed, d);
            Nd y = Nd.random(seed + 1, e);
            Tensor a = x.tensor(DType.F32, rng.below(Layouts.COUNT));
            Tensor b = y.tensor(DType.F32, rng.below(Layouts.COUNT));
            Tensor wide = Ops.expand(b, x.longDims());
            assertTrue(wide.sharesMemory(b));
            Nd.build(y::at, d).check("expand", wide, 0, 0);
            assertArrayEquals(Ops.sub(a, wide).toFloats(), Ops.sub(a, b).toFloats());
            assertArrayEquals(Ops.sub(wide, a).toFloats(), Ops.sub(b, a).toFloats());
            // The transpose of broadcasting: <expand b, x> = <b, sumTo x>.
            double left = Ops.sum(Ops.mul(wide, a)).item();
            double right = Ops.sum(Ops.mul(b, Ops.sumTo(a, b.shape()))).item();
            assertEquals(left, right, 1e-4 * (1 + Math.abs(left)));
        }
    }

    /** The hazard test against all pairs of elements, for windows of equal shape and strides. */
    @Property(tries = 300)
    void overlapIsExactForEqualStrides(@ForAll @IntRange(max = 1_000_000) int seed) {
        Philox rng = new Philox(seed, 5);
        int rank = 1 + rng.below(3);
        long[] dims = new long[rank];
        long[] strides = new long[rank];
        for (int i = 0; i < rank; i++) {
            dims[i] = 1 + rng.below(4);
            strides[i] = 1 + rng.below(9);
        }
        Shape shape = Shape.of(dims);
        long a = rng.below(10);
        long b = rng.below(30);
        java.util.Map<Long, Long> first = new java.util.HashMap<>();
        boolean repeated = false;
        boolean meet = false;
        for (int pass = 0; pass < 2; pass++) {
            for (long i = 0; i < shape.numel(); i++) {
                long rest = i;
                long at = pass == 0 ? a : b;
                for (int k = rank - 1; k >= 0; k--) {
                    at += rest % dims[k] * strides[k];
                    rest /= dims[k];
                }
                if (pass == 0) {
                    repeated |= first.put(at, i) != null;
                } else {
                    meet |= first.containsKey(at);
                }
            }
        }
        net.jqwik.api.Assume.that(!repeated);
        assertEquals(a != b && meet, Overlap.garbles(shape, strides, a, shape, strides, b));
    }

    @Test
    void badViewsAreRefused() {
        try (Scope s = Scope.open("test")) {
            Tensor x = Tensor.zeros(DType.F32, 2, 3);
            assertThrows(ShapeException.class, () -> Ops.permute(x, 0, 0));
            assertThrows(ShapeException.class, () -> Ops.permute(x, 0));
            assertThrows(ShapeException.class, () -> Ops.slice(x, 1, 2, 4));
            assertThrows(ShapeException.class, () -> Ops.slice(x, 1, 2, 1));
            assertThrows(ShapeException.class, () -> Ops.slice(x, 2, 0, 1));
            assertThrows(ShapeException.class, () -> Ops.reshape(x, 4));
            assertThrows(ShapeException.class, () -> Ops.reshape(x, -1, 4));
            assertThrows(ShapeException.class, () -> Ops.reshape(x, -1, -1));
            assertThrows(ShapeException.class, () -> Ops.expand(x, 2, 4));
            assertThrows(ShapeException.class, () -> Ops.expand(x, 3));
            assertFalse(Ops.slice(x, 1, 0, 2).isContiguous());
        }
    }
}
