package org.mouselift.models.unet;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.mouselift.engine.DType;
import org.mouselift.engine.Gradients;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Philox;
import org.mouselift.engine.Scope;
import org.mouselift.engine.ShapeException;
import org.mouselift.engine.Tape;
import org.mouselift.engine.Tensor;

class ReferenceAttentionTest {
    private static Tensor random(long stream, long... dims) {
        Philox r = new Philox(3, stream);
        long n = 1;
        for (long d : dims) {
            n *= d;
        }
        double[] v = new double[(int) n];
        java.util.Arrays.setAll(v, i -> r.nextGaussian());
        return Tensor.of(v, dims);
    }

    /** The definition: keys of the reference view, then of the view itself, one softmax over both. */
    private static Tensor concatenated(Tensor q, Tensor k, Tensor v, int views, int heads, double scale) {
        Tensor kk = doubled(k, views);
        Tensor vv = doubled(v, views);
        Tensor p = Ops.softmax(Ops.affine(Ops.matmul(split(q, heads), Ops.transpose(split(kk, heads), 2, 3)), scale, 0));
        return Ops.reshape(Ops.permute(Ops.matmul(p, split(vv, heads)), 0, 2, 1, 3), q.shape().dims());
    }

    private static Tensor split(Tensor x, int heads) {
        return Ops.permute(Ops.reshape(x, x.dim(0), x.dim(1), heads, x.dim(2) / heads), 0, 2, 1, 3);
    }

    private static Tensor doubled(Tensor x, int views) {
        long b = x.dim(0) / views;
        Tensor s = Ops.reshape(x, b, views, x.dim(1), x.dim(2));
        Tensor first = Ops.expand(Ops.slice(s, 1, 0, 1), b, views, x.dim(1), x.dim(2));
        return Ops.reshape(Ops.concat(2, first, s), x.dim(0), 2 * x.dim(1), x.dim(2));
    }

    @Test
    void equalsTheConcatenatedKeysInValueAndGradient() {
        for (int[] size : new int[][] {{2, 3, 2, 5, 4}, {1, 6, 1, 1, 3}, {3, 1, 2, 4, 2}, {1, 4, 3, 7, 5}, {2, 2, 1, 1, 8}}) {
            int views = size[1];
            int heads = size[2];
            for (DType type : List.of(DType.F64, DType.F32)) {
                try (Scope scope = Scope.open("reference")) {
                    long[] dims = {(long) size[0] * views, size[3], (long) heads * size[4]};
                    Tensor[] a = new Tensor[3];
                    Tensor[] b = new Tensor[3];
                    for (int i = 0; i < 3; i++) {
                        a[i] = Ops.cast(random(i, dims), type).requiresGrad(true);
                        b[i] = random(i, dims).requiresGrad(true);
                    }
                    Tensor seed = random(9, dims);
                    double scale = 1 / Math.sqrt(size[4]);
                    Gradients got;
                    Tensor out;
                    try (Tape tape = Tape.open()) {
                        out = Ops.apply(new ReferenceAttention(views, heads, scale), a).getFirst();
                        got = tape.backward(List.of(out), List.of(Ops.cast(seed, type)));
                    }
                    try (Tape tape = Tape.open()) {
                        Tensor want = concatenated(b[0], b[1], b[2], views, heads, scale);
                        Gradients expected = tape.backward(List.of(want), List.of(seed));
                        double tolerance = type == DType.F64 ? 1e-12 : 5e-5;
                        assertArrayEquals(want.toDoubles(), out.toDoubles(), tolerance);
                        for (int i = 0; i < 3; i++) {
                            assertArrayEquals(expected.of(b[i]).toDoubles(), got.of(a[i]).toDoubles(), tolerance, "operand " + i);
                        }
                    }
                }
            }
        }
    }

    @Test
    void wrongSizesAreRefused() {
        try (Scope scope = Scope.open("reference")) {
            Tensor x = random(0, 5, 2, 4);
            assertThrows(ShapeException.class, () -> Ops.apply(new ReferenceAttention(2, 2, 1), x, x, x));
            assertThrows(ShapeException.class, () -> Ops.apply(new ReferenceAttention(5, 3, 1), x, x, x));
            assertThrows(ShapeException.class, () -> Ops.apply(new ReferenceAttention(5, 2, 1), x, x, random(0, 5, 3, 4)));
        }
    }
}
