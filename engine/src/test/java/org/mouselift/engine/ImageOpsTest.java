package org.mouselift.engine;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.mouselift.engine.op.Conv2d;
import org.mouselift.engine.op.UpsampleNearest;

/** Convolution, resizing and row look-up with their gradients against float64 loops, in every layout. */
@Tag("kernel")
class ImageOpsTest {
    private static final DType[] TYPES = {DType.F32, DType.F64};

    private record Case(int n, int c, int h, int w, int o, int p, int q, Conv2d.Window window) {
        int rows() {
            return (int) window.rows(h, p);
        }

        int columns() {
            return (int) window.columns(w, q);
        }
    }

    private static final List<Case> CASES = List.of(
            new Case(2, 3, 7, 9, 5, 3, 3, Conv2d.Window.of(1, 1)),
            new Case(1, 4, 6, 5, 3, 1, 1, Conv2d.Window.of(1, 0)),
            new Case(2, 2, 9, 8, 4, 3, 3, Conv2d.Window.of(2, 1)),
            new Case(1, 3, 8, 8, 2, 3, 3, new Conv2d.Window(2, 0, 1, 0, 1)),
            new Case(1, 2, 10, 12, 3, 4, 2, new Conv2d.Window(3, 2, 0, 1, 3)),
            new Case(1, 1, 3, 3, 1, 3, 3, Conv2d.Window.of(1, 0)),
            new Case(1, 17, 13, 11, 19, 3, 3, Conv2d.Window.of(1, 1)),
            new Case(1, 3, 14, 14, 6, 7, 7, Conv2d.Window.of(7, 0)));

    @Test
    void convolution() {
        try (Scope s = Scope.open("test")) {
            for (Case c : CASES) {
                Nd x = Nd.random(1, c.n, c.c, c.h, c.w);
                Nd w = Nd.random(2, c.o, c.c, c.p, c.q);
                Nd b = Nd.random(3, c.o);
                Conv2d.Window k = c.window;
                Nd want = Nd.build(i -> {
                    double sum = b.v()[i[1]];
                    for (int ch = 0; ch < c.c; ch++) {
                        for (int p = 0; p < c.p; p++) {
                            for (int q = 0; q < c.q; q++) {
                                int y = i[2] * k.stride() + p - k.top();
                                int z = i[3] * k.stride() + q - k.left();
                                if (y >= 0 && y < c.h && z >= 0 && z < c.w) {
                                    sum += x.at(i[0], ch, y, z) * w.at(i[1], ch, p, q);
                                }
                            }
                        }
                    }
                    return sum;
                }, c.n, c.o, c.rows(), c.columns());
                double size = Math.sqrt(c.c * c.p * c.q);
                for (int layout = 0; layout < Layouts.COUNT; layout++) {
                    for (DType d : TYPES) {
                        double tolerance = d == DType.F32 ? 1e-6 : 1e-13;
                        want.check(c + " " + d + " layout " + layout, Ops.conv2d(x.tensor(d, layout), w.tensor(d, (layout + 1) % Layouts.COUNT), b.tensor(d, layout), k),
                                tolerance, tolerance * size);
                        Nd.build(i -> want.at(i) - b.v()[i[1]], want.dims()).check(c + " no bias " + d, Ops.conv2d(x.tensor(d, layout), w.tensor(d, layout), null, k),
                                tolerance, tolerance * size);
                    }
                }
            }
        }
    }

    @Test
    void convolutionGradients() {
        try (Scope s = Scope.open("test")) {
            for (Case c : CASES) {
                Nd x = Nd.random(1, c.n, c.c, c.h, c.w);
                Nd w = Nd.random(2, c.o, c.c, c.p, c.q);
                Nd g = Nd.random(3, c.n, c.o, c.rows(), c.columns());
                Conv2d.Window k = c.window;
                double[] dx = new double[x.v().length];
                double[] dw = new double[w.v().length];
                for (int n = 0; n < c.n; n++) {
                    for (int o = 0; o < c.o; o++) {
                        for (int i = 0; i < c.rows(); i++) {
                            for (int j = 0; j < c.columns(); j++) {
                                for (int ch = 0; ch < c.c; ch++) {
                                    for (int p = 0; p < c.p; p++) {
                                        for (int q = 0; q < c.q; q++) {
                                            int y = i * k.stride() + p - k.top();
                                            int z = j * k.stride() + q - k.left();
                                            if (y >= 0 && y < c.h && z >= 0 && z < c.w) {
                                                dx[((n * c.c + ch) * c.h + y) * c.w + z] += g.at(n, o, i, j) * w.at(o, ch, p, q);
                                                dw[((o * c.c + ch) * c.p + p) * c.q + q] += g.at(n, o, i, j) * x.at(n, ch, y, z);
                                            }
                                        }
                                    }
                                }
                            }
                        }
                    }
                }
                double sizeX = Math.sqrt(c.o * c.p * c.q);
                double sizeW = Math.sqrt(c.n * c.rows() * c.columns());
                for (int layout = 0; layout < Layouts.COUNT; layout++) {
                    for (DType d : TYPES) {
                        double tolerance = d == DType.F32 ? 1e-6 : 1e-13;
                        int other = (layout + 1) % Layouts.COUNT;
                        new Nd(dx, c.n, c.c, c.h, c.w).check("input gradient " + c + " " + d + " layout " + layout,
                                Ops.apply(new Conv2d.InputGrad(k, c.h, c.w), g.tensor(d, layout), w.tensor(d, other)).getFirst(), tolerance, tolerance * sizeX);
                        new Nd(dw, c.o, c.c, c.p, c.q).check("weight gradient " + c + " " + d + " layout " + layout,
                                Ops.apply(new Conv2d.WeightGrad(k, c.p, c.q), x.tensor(d, layout), g.tensor(d, other)).getFirst(), tolerance, tolerance * sizeW);
                    }
                }
            }
        }
    }

    @Test
    void halfPrecisionWeights() {
        try (Scope s = Scope.open("test")) {
            for (DType half : List.of(DType.F16, DType.BF16)) {
                for (Case c : CASES) {
                    Tensor x = Nd.random(1, c.n, c.c, c.h, c.w).tensor(DType.F32, 0);
                    Tensor w = Nd.random(2, c.o, c.c, c.p, c.q).tensor(half, 3);
                    Tensor wide = Ops.cast(w, DType.F32);
                    Tensor y = Ops.conv2d(x, w, null, c.window);
                    assertArrayEquals(Ops.conv2d(x, wide, null, c.window).toFloats(), y.toFloats(), c + " " + half);
                    assertArrayEquals(Ops.apply(new Conv2d.InputGrad(c.window, c.h, c.w), y, wide).getFirst().toFloats(),
                            Ops.apply(new Conv2d.InputGrad(c.window, c.h, c.w), y, w).getFirst().toFloats(), c + " " + half);
                    float[] composed = new Conv2d(c.window, false).composed(List.of(x, w)).orElseThrow().getFirst().toFloats();
                    assertArrayEquals(composed, y.toFloats(), 1e-4f);
                }
            }
            assertThrows(ShapeException.class, () -> Ops.conv2d(Tensor.zeros(DType.F64, 1, 1, 3, 3), Tensor.zeros(DType.F16, 1, 1, 3, 3), null, 1, 1));
        }
    }

    @Test
    void convolutionMessages() {
        try (Scope s = Scope.open("test")) {
            Tensor x = Tensor.zeros(DType.F32, 1, 3, 4, 4);
            String channels = assertThrows(ShapeException.class, () -> Ops.conv2d(x, Tensor.zeros(DType.F32, 2, 4, 3, 3), null, 1, 1)).getMessage();
            assertTrue(channels.contains("expected weight [O,3,P,Q]"), channels);
            String small = assertThrows(ShapeException.class, () -> Ops.conv2d(x, Tensor.zeros(DType.F32, 2, 3, 5, 5), null, 1, 0)).getMessage();
            assertTrue(small.contains("does not fit"), small);
            assertThrows(ShapeException.class, () -> Ops.conv2d(x, Tensor.zeros(DType.F32, 2, 3, 3, 3), Tensor.zeros(DType.F32, 3), 1, 1));
            assertThrows(EngineException.class, () -> Conv2d.Window.of(0, 1));
            assertThrows(EngineException.class, () -> Conv2d.Window.of(1, -1));
        }
    }

    @Test
    void upsamplingAndItsTranspose() {
        try (Scope s = Scope.open("test")) {
            for (int[] c : new int[][] {{2, 3, 5, 4, 10, 8}, {1, 2, 3, 37, 6, 74}, {2, 1, 4, 16, 8, 32}, {1, 2, 3, 3, 9, 6}, {1, 1, 5, 7, 8, 13}, {1, 1, 6, 4, 3, 2}, {1, 2, 1, 1, 4, 5}}) {
                Nd x = Nd.random(1, c[0], c[1], c[2], c[3]);
                Nd g = Nd.random(2, c[0], c[1], c[4], c[5]);
                Nd want = Nd.build(i -> x.at(i[0], i[1], i[2] * c[2] / c[4], i[3] * c[3] / c[5]), c[0], c[1], c[4], c[5]);
                Nd back = Nd.build(i -> {
                    double sum = 0;
                    for (int a = 0; a < c[4]; a++) {
                        for (int b = 0; b < c[5]; b++) {
                            sum += a * c[2] / c[4] == i[2] && b * c[3] / c[5] == i[3] ? g.at(i[0], i[1], a, b) : 0;
                        }
                    }
                    return sum;
                }, x.dims());
                for (int layout = 0; layout < Layouts.COUNT; layout++) {
                    for (DType d : TYPES) {
                        String what = "upsample " + Arrays.toString(c) + " " + d + " layout " + layout;
                        want.check(what, Ops.upsampleNearest(x.tensor(d, layout), c[4], c[5]), 0, 0);
                        // two float32 additions after one another, of numbers up to 4: 2 * 2^-24 * 8
                        back.check(what + " gradient", Ops.apply(new UpsampleNearest.Grad(c[2], c[3]), g.tensor(d, layout)).getFirst(), 2e-7, 1e-6);
                    }
                }
            }
            assertEquals(Shape.of(1, 6, 9), Ops.upsampleNearest(Tensor.zeros(DType.F32, 1, 2, 3), 3).shape());
            assertThrows(ShapeException.class, () -> Ops.upsampleNearest(Tensor.zeros(DType.F32, 1, 2, 3), 0));
        }
    }

    @Test
    void rowsByIndexAndTheirSums() {
        try (Scope s = Scope.open("test")) {
            Nd table = Nd.random(1, 6, 3, 5);
            Nd x = Nd.random(2, 2, 4, 3, 5);
            Nd index = new Nd(new double[] {5, 0, 0, 3, 1, 5, 5, 0}, 2, 4);
            Nd want = Nd.build(i -> table.at((int) index.at(i[0], i[1]), i[2], i[3]), 2, 4, 3, 5);
            double[] sums = new double[90];
            for (int i = 0; i < 8; i++) {
                for (int k = 0; k < 15; k++) {
                    sums[(int) index.v()[i] * 15 + k] += x.v()[i * 15 + k];
                }
            }
            for (int layout = 0; layout < Layouts.COUNT; layout++) {
                for (DType d : List.of(DType.I64, DType.I32)) {
                    Tensor at = index.tensor(d, layout);
                    want.check("gather", Ops.gatherRows(table.tensor(DType.F32, layout), at), 0, 0);
                    want.check("gather", Ops.gatherRows(table.tensor(DType.F64, (layout + 1) % Layouts.COUNT), at), 0, 0);
                    new Nd(sums, 6, 3, 5).check("scatter", Ops.scatterAddRows(x.tensor(DType.F32, layout), at, 6), 3e-7, 1e-7);
                    new Nd(sums, 6, 3, 5).check("scatter", Ops.scatterAddRows(x.tensor(DType.F64, layout), at, 6), 1e-14, 1e-14);
                }
            }
            Tensor t = Tensor.of(new float[] {1, 2, 3, 4}, 2, 2);
            assertArrayEquals(new float[] {3, 4}, Ops.gatherRows(t, Tensor.of(new long[] {1})).toFloats());
            for (long bad : new long[] {-1, 2}) {
                String m = assertThrows(EngineException.class, () -> Ops.gatherRows(t, Tensor.of(new long[] {0, bad}, 2))).getMessage();
                assertTrue(m.contains("index " + bad + " at position 1") && m.contains("0 … 1"), m);
                assertThrows(EngineException.class, () -> Ops.scatterAddRows(t, Tensor.of(new long[] {0, bad}, 2), 2));
            }
            assertThrows(ShapeException.class, () -> Ops.gatherRows(t, t));
            assertThrows(ShapeException.class, () -> Ops.scatterAddRows(t, Tensor.of(new long[] {0, 1, 1}, 3), 2));
        }
    }
}
