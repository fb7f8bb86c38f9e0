package org.mouselift.engine;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.mouselift.engine.op.Attention;
import org.mouselift.engine.op.GroupNorm;
import org.mouselift.engine.op.LayerNorm;
import org.mouselift.engine.op.Linear;

/** Matrix products, norms, attention and gated units against float64 loops, at odd sizes, in every layout. */
@Tag("kernel")
class NetworkOpsTest {
    private static final DType[] TYPES = {DType.F32, DType.F64};

    /** Tolerance relative to the size of the summed terms. */
    private static double relative(DType d) {
        return d == DType.F32 ? 1e-6 : 1e-13;
    }

    private static Nd matmul(Nd a, Nd b, int... dims) {
        int k = a.dims()[a.dims().length - 1];
        return Nd.build(i -> {
            int[] p = i.clone();
            int[] q = i.clone();
            double sum = 0;
            for (int j = 0; j < k; j++) {
                p[p.length - 1] = j;
                q[q.length - 2] = j;
                sum += a.at(p) * b.at(q);
            }
            return sum;
        }, dims);
    }

    @Test
    void matmulWithBroadcastBatches() {
        int[][][] cases = {{{3, 5}, {5, 7}, {3, 7}}, {{1, 1}, {1, 1}, {1, 1}}, {{2, 3, 17, 13}, {2, 3, 13, 19}, {2, 3, 17, 19}},
            {{4, 33, 65}, {65, 31}, {4, 33, 31}}, {{6, 5}, {3, 5, 2}, {3, 6, 2}}, {{2, 1, 4, 3}, {5, 3, 6}, {2, 5, 4, 6}}, {{37, 300}, {300, 41}, {37, 41}},
            {{1, 64}, {64, 130}, {1, 130}}};
        try (Scope s = Scope.open("test")) {
            for (int[][] c : cases) {
                Nd a = Nd.random(1, c[0]);
                Nd b = Nd.random(2, c[1]);
                Nd want = matmul(a, b, c[2]);
                double size = Math.sqrt(c[0][c[0].length - 1]);
                for (int layout = 0; layout < Layouts.COUNT; layout++) {
                    for (DType d : TYPES) {
                        want.check("matmul " + Arrays.deepToString(c) + " " + d + " layout " + layout,
                                Ops.matmul(a.tensor(d, layout), b.tensor(d, (layout + 2) % Layouts.COUNT)), relative(d), relative(d) * size);
                    }
                }
            }
            assertArrayEquals(new float[6], Ops.matmul(Tensor.zeros(DType.F32, 2, 0), Tensor.zeros(DType.F32, 0, 3)).toFloats());
            ShapeException e = assertThrows(ShapeException.class, () -> Ops.matmul(Tensor.zeros(DType.F32, 2, 3), Tensor.zeros(DType.F32, 4, 3)));
            assertTrue(e.getMessage().contains("inner dimensions differ: lhs f32[2,3], rhs f32[4,3] (expected rhs[-2] = 3)"), e.getMessage());
        }
    }

    @Test
    void linearWithBiasActivationAndResidual() {
        try (Scope s = Scope.open("test")) {
            Nd x = Nd.random(1, 3, 7, 19);
            Nd w = Nd.random(2, 13, 19);
            Nd b = Nd.random(3, 13);
            Nd r = Nd.random(4, 3, 7, 13);
            Nd wt = Nd.build(i -> w.at(i[1], i[0]), 19, 13);
            Nd z = matmul(x, wt, 3, 7, 13);
            for (Linear.Activation a : Linear.Activation.values()) {
                for (int mask = 0; mask < 4; mask++) {
                    boolean bias = (mask & 1) != 0;
                    boolean residual = (mask & 2) != 0;
                    Nd want = Nd.build(i -> {
                        double v = z.at(i) + (bias ? b.at(i) : 0);
                        v = a == Linear.Activation.NONE ? v : a == Linear.Activation.GELU ? Nd.gelu(v) : v * Nd.sigmoid(v);
                        return v + (residual ? r.at(i) : 0);
                    }, 3, 7, 13);
                    for (int layout = 0; layout < Layouts.COUNT; layout++) {
                        for (DType d : TYPES) {
                            Tensor y = Ops.linear(x.tensor(d, layout), w.tensor(d, (layout + 1) % Layouts.COUNT), bias ? b.tensor(d, layout) : null, a,
                                    residual ? r.tensor(d, (layout + 3) % Layouts.COUNT) : null);
                            want.check("linear " + a + " " + mask + " " + d + " layout " + layout, y, relative(d), 6 * relative(d));
                        }
                    }
                }
            }
            for (DType half : List.of(DType.F16, DType.BF16)) {
                Nd rounded = new Nd(w.tensor(half, 0).toDoubles(), 13, 19);
                Nd want = matmul(x, Nd.build(i -> rounded.at(i[1], i[0]), 19, 13), 3, 7, 13);
                for (int layout = 0; layout < Layouts.COUNT; layout++) {
                    want.check("linear weight " + half, Ops.linear(x.tensor(DType.F32, layout), w.tensor(half, layout)), 1e-6, 6e-6);
                }
            }
        }
    }

    @Test
    void softmaxAndItsLogarithm() {
        try (Scope s = Scope.open("test")) {
            for (int[] dims : new int[][] {{1}, {5, 33}, {2, 3, 130}, {4, 1}}) {
                Nd x = Nd.random(1, dims).map(v -> (float) (v * 10 + 100));
                int n = dims[dims.length - 1];
                Nd total = Nd.build(i -> {
                    int[] j = i.clone();
                    double max = Double.NEGATIVE_INFINITY;
                    for (int k = 0; k < n; k++) {
                        j[j.length - 1] = k;
                        max = Math.max(max, x.at(j));
                    }
                    double sum = 0;
                    for (int k = 0; k < n; k++) {
                        j[j.length - 1] = k;
                        sum += Math.exp(x.at(j) - max);
                    }
                    return max + Math.log(sum);
                }, dims);
                for (int layout = 0; layout < Layouts.COUNT; layout++) {
                    for (DType d : TYPES) {
                        Nd.zip((a, t) -> Math.exp(a - t), x, total, dims).check("softmax", Ops.softmax(x.tensor(d, layout)), 2 * relative(d), 1e-12);
                        Nd.zip((a, t) -> a - t, x, total, dims).check("log_softmax", Ops.logSoftmax(x.tensor(d, layout)), relative(d), relative(d));
                    }
                }
            }
            Tensor far = Ops.softmax(Tensor.of(new float[] {-1e30f, 0, 1e4f}, 3));
            assertArrayEquals(new float[] {0, 0, 1}, far.toFloats());
            assertThrows(ShapeException.class, () -> Ops.softmax(Tensor.zeros(DType.F32, 2, 0)));
        }
    }

    @Test
    void layerNormAndItsStatistics() {
        try (Scope s = Scope.open("test")) {
            int n = 67;
            Nd x = Nd.random(1, 3, 5, n).map(v -> (float) (v * 3 + 7));
            Nd w = Nd.random(2, n);
            Nd b = Nd.random(3, n);
            double eps = 1e-5;
            Nd mean = Nd.build(i -> row(x, i, n, 0), 3, 5, 1);
            Nd r = Nd.build(i -> 1 / Math.sqrt(row(x, i, n, mean.at(i)) + eps), 3, 5, 1);
            for (boolean bias : new boolean[] {true, false}) {
                Nd want = Nd.build(i -> (x.at(i) - mean.at(i)) * r.at(i) * w.at(i) + (bias ? b.at(i) : 0), 3, 5, n);
                for (int layout = 0; layout < Layouts.COUNT; layout++) {
                    for (DType d : TYPES) {
                        Tensor[] in = {x.tensor(d, layout), w.tensor(d, layout), b.tensor(d, layout)};
                        List<Tensor> y = Ops.apply(new LayerNorm(eps, bias), bias ? in : Arrays.copyOf(in, 2));
                        String what = "layer_norm " + d + " layout " + layout;
                        want.check(what, y.get(0), relative(d), 3 * relative(d));
                        mean.check(what + " mean", y.get(1), relative(d), 0);
                        r.check(what + " r", y.get(2), relative(d), 0);
                    }
                }
            }
            assertThrows(ShapeException.class, () -> Ops.layerNorm(x.tensor(DType.F32, 0), Tensor.zeros(DType.F32, 66), null, eps));
        }
    }

    /** Mean of a row, or its mean squared distance from a centre. */
    private static double row(Nd x, int[] i, int n, double centre) {
        int[] j = i.clone();
        double sum = 0;
        for (int k = 0; k < n; k++) {
            j[j.length - 1] = k;
            sum += centre == 0 ? x.at(j) : Math.pow(x.at(j) - centre, 2);
        }
        return sum / n;
    }

    @Test
    void groupNormWithAndWithoutSilu() {
        try (Scope s = Scope.open("test")) {
            for (int[] dims : new int[][] {{2, 6, 5, 7}, {3, 4, 9}, {1, 8, 1, 1}, {2, 6}}) {
                int c = dims[1];
                int groups = 2;
                double eps = 1e-6;
                Nd x = Nd.random(1, dims).map(v -> (float) (v * 2 - 3));
                Nd w = Nd.random(2, c);
                Nd b = Nd.random(3, c);
                int per = Nd.size(dims) / dims[0] / groups;
                double[] mean = new double[dims[0] * groups];
                double[] r = new double[dims[0] * groups];
                for (int g = 0; g < mean.length; g++) {
                    for (int k = 0; k < per; k++) {
                        mean[g] += x.v()[g * per + k] / per;
                    }
                    double var = 0;
                    for (int k = 0; k < per; k++) {
                        var += Math.pow(x.v()[g * per + k] - mean[g], 2) / per;
                    }
                    r[g] = 1 / Math.sqrt(var + eps);
                }
                for (boolean silu : new boolean[] {false, true}) {
                    Nd want = Nd.build(i -> {
                        int g = i[0] * groups + i[1] / (c / groups);
                        double z = (x.at(i) - mean[g]) * r[g] * w.v()[i[1]] + b.v()[i[1]];
                        return silu ? z * Nd.sigmoid(z) : z;
                    }, dims);
                    for (int layout = 0; layout < Layouts.COUNT; layout++) {
                        for (DType d : TYPES) {
                            List<Tensor> y = Ops.apply(new GroupNorm(groups, eps, silu), x.tensor(d, layout), w.tensor(d, layout), b.tensor(d, layout));
                            String what = "group_norm " + Arrays.toString(dims) + " " + silu + " " + d + " layout " + layout;
                            want.check(what, y.get(0), 2 * relative(d), 6 * relative(d));
                            new Nd(mean, dims[0], groups).check(what + " mean", y.get(1), relative(d), 0);
                            new Nd(r, dims[0], groups).check(what + " r", y.get(2), relative(d), 0);
                        }
                    }
                }
            }
            ShapeException e = assertThrows(ShapeException.class, () -> Ops.groupNorm(Tensor.zeros(DType.F32, 1, 6, 2, 2), Tensor.zeros(DType.F32, 6),
                    Tensor.zeros(DType.F32, 6), 4, 1e-5));
            assertTrue(e.getMessage().contains("6 channels of f32[1,6,2,2] do not divide into 4 groups"), e.getMessage());
        }
    }

    @Test
    void attentionAndItsLogSumExp() {
        try (Scope s = Scope.open("test")) {
            for (int[] c : new int[][] {{2, 3, 17, 17, 8}, {1, 2, 5, 70, 64}, {1, 1, 130, 1, 40}}) {
                Nd q = Nd.random(1, c[0], c[1], c[2], c[4]);
                Nd k = Nd.random(2, c[0], c[1], c[3], c[4]);
                Nd v = Nd.random(3, c[0], c[1], c[3], c[4]);
                double scale = 1 / Math.sqrt(c[4]);
                Nd score = Nd.build(i -> {
                    double sum = 0;
                    for (int d = 0; d < c[4]; d++) {
                        sum += q.at(i[0], i[1], i[2], d) * k.at(i[0], i[1], i[3], d);
                    }
                    return sum * scale;
                }, c[0], c[1], c[2], c[3]);
                Nd lse = Nd.build(i -> {
                    double sum = 0;
                    for (int t = 0; t < c[3]; t++) {
                        sum += Math.exp(score.at(i[0], i[1], i[2], t));
                    }
                    return Math.log(sum);
                }, c[0], c[1], c[2]);
                Nd want = Nd.build(i -> {
                    double sum = 0;
                    for (int t = 0; t < c[3]; t++) {
                        sum += Math.exp(score.at(i[0], i[1], i[2], t) - lse.at(i[0], i[1], i[2])) * v.at(i[0], i[1], t, i[3]);
                    }
                    return sum;
                }, c[0], c[1], c[2], c[4]);
                for (int layout = 0; layout < Layouts.COUNT; layout++) {
                    for (DType d : TYPES) {
                        List<Tensor> o = Ops.apply(new Attention(scale), q.tensor(d, layout), k.tensor(d, (layout + 1) % Layouts.COUNT), v.tensor(d, layout));
                        String what = "attention " + Arrays.toString(c) + " " + d + " layout " + layout;
                        want.check(what, o.get(0), 3 * relative(d), 3 * relative(d));
                        lse.check(what + " lse", o.get(1), 2 * relative(d), 2 * relative(d));
                    }
                }
            }
        }
    }

    @Test
    void geglu() {
        try (Scope s = Scope.open("test")) {
            Nd x = Nd.random(1, 5, 3, 38);
            Nd want = Nd.build(i -> x.at(i) * Nd.gelu(x.at(i[0], i[1], i[2] + 19)), 5, 3, 19);
            for (int layout = 0; layout < Layouts.COUNT; layout++) {
                for (DType d : TYPES) {
                    want.check("geglu " + d + " layout " + layout, Ops.geglu(x.tensor(d, layout)), relative(d), relative(d));
                }
            }
            assertThrows(ShapeException.class, () -> Ops.geglu(Tensor.zeros(DType.F32, 3)));
        }
    }

    /** A row axis of length one that a permutation left with a foreign step: rows must still be found. */
    @Tag("kernel")
    @Test
    void axesOfLengthOneHaveNoStepOfTheirOwn() {
        try (Scope s = Scope.open("test")) {
            Nd x = Nd.random(5, 4, 3, 1);
            Nd w = Nd.random(6, 2, 3);
            for (DType t : new DType[] {DType.F32, DType.F64}) {
                Tensor turned = Ops.permute(x.tensor(t, 0), 0, 2, 1);
                Tensor plain = Ops.reshape(x.tensor(t, 0), 4, 1, 3);
                assertArrayEquals(Ops.linear(plain, w.tensor(t, 0)).toDoubles(), Ops.linear(turned, w.tensor(t, 0)).toDoubles());
                assertArrayEquals(new long[] {3, 3, 1}, turned.strides());
            }
        }
    }
}
