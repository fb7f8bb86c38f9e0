package org.mouselift.tornado;

import static org.mouselift.tornado.DeviceUnderTest.check;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.mouselift.engine.DType;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.device.Device;
import org.mouselift.engine.op.Attention;
import org.mouselift.engine.op.Binary;
import org.mouselift.engine.op.Compare;
import org.mouselift.engine.op.Conv2d;
import org.mouselift.engine.op.GroupNorm;
import org.mouselift.engine.op.LayerNorm;
import org.mouselift.engine.op.Linear;
import org.mouselift.engine.op.Reduce;
import org.mouselift.engine.op.SliceScatter;
import org.mouselift.engine.op.Unary;
import org.mouselift.engine.op.UpsampleNearest;
import org.mouselift.models.optim.AdamMoments;
import org.mouselift.models.optim.AdamWStep;

/** Every kernel on a device against the float64 CPU engine, at sizes that fit no tile. */
class KernelsTest {
    private static Device device;

    @BeforeAll
    static void open() {
        device = DeviceUnderTest.open();
    }

    @AfterAll
    static void close() {
        if (device != null) {
            device.close();
        }
    }

    private static long[] s(long... dims) {
        return dims;
    }

    @Test
    void elementwiseFunctions() {
        check(device, 3e-6, in -> {
            Tensor x = in.getFirst();
            Tensor positive = Ops.affine(Ops.square(x), 1, 0.1);
            List<Tensor> out = new ArrayList<>();
            for (Unary.Kind k : Unary.Kind.values()) {
                boolean roots = k == Unary.Kind.SQRT || k == Unary.Kind.RSQRT || k == Unary.Kind.LOG || k == Unary.Kind.RECIPROCAL;
                out.add(Ops.unary(k, roots ? positive : x));
            }
            return out;
        }, s(3, 41));
    }

    @Test
    void binaryFunctionsBroadcastAndChain() {
        check(device, 3e-6, in -> {
            List<Tensor> out = new ArrayList<>();
            for (Binary.Kind k : Binary.Kind.values()) {
                Tensor a = k == Binary.Kind.POW ? Ops.affine(Ops.abs(in.get(0)), 1, 0.5) : in.get(0);
                Tensor b = k == Binary.Kind.DIV ? Ops.affine(Ops.square(in.get(1)), 1, 1) : in.get(1);
                out.add(Ops.binary(k, a, b));
                out.add(Ops.affine(Ops.silu(Ops.binary(k, b, Ops.affine(Ops.square(a), 1, 1))), 2, 1));
            }
            for (Compare.Kind k : Compare.Kind.values()) {
                out.add(Ops.cast(Ops.compare(k, in.get(0), in.get(1)), in.get(0).dtype()));
            }
            Tensor positive = Ops.compare(Compare.Kind.GT, in.get(0), Ops.constantLike(in.get(0), 0));
            out.add(Ops.where(positive, in.get(0), Ops.neg(in.get(2))));
            out.add(Ops.where(positive, Ops.exp(in.get(0)), in.get(0)));
            out.add(Ops.where(positive, in.get(0), Ops.tanh(in.get(0))));
            out.add(Ops.clamp(Ops.mul(in.get(0), in.get(2)), -0.5, 0.7));
            return out;
        }, s(5, 3, 7), s(3, 1), s(5, 1, 7));
    }

    @Test
    void nothingComparesWithNan() {
        check(device, 0, in -> {
            Tensor nan = Ops.log(Ops.affine(Ops.square(in.getFirst()), -1, -1));
            List<Tensor> out = new ArrayList<>();
            for (Compare.Kind k : Compare.Kind.values()) {
                out.add(Ops.cast(Ops.compare(k, nan, in.getFirst()), in.getFirst().dtype()));
                out.add(Ops.cast(Ops.compare(k, in.getFirst(), nan), in.getFirst().dtype()));
                out.add(Ops.cast(Ops.compare(k, in.getFirst(), in.getFirst()), in.getFirst().dtype()));
            }
            return out;
        }, s(3, 41));
    }

    @Test
    void viewsConcatPadAndScatter() {
        check(device, 0, in -> {
            Tensor x = in.getFirst();
            Tensor turned = Ops.permute(x, 2, 0, 1);
            return List.of(Ops.contiguous(turned), Ops.slice(x, 1, 1, 5, 2), Ops.concat(1, x, x, Ops.slice(x, 1, 0, 2)),
                    Ops.pad(turned, s(1, 0, 2), s(0, 3, 1)), Ops.apply(new SliceScatter(1, 1, 3, 20), x).getFirst(),
                    Ops.reshape(turned, 7, -1), Ops.expand(Ops.slice(x, 0, 0, 1), 4, 6, 7), x);
        }, s(5, 6, 7));
    }

    @Test
    void matmulAtOddSizesAndStrides() {
        check(device, 2e-5, in -> List.of(Ops.matmul(in.get(0), in.get(1)), Ops.matmul(Ops.transpose(in.get(1), 0, 1), Ops.transpose(in.get(0), 0, 1))),
                s(67, 131), s(131, 70));
        check(device, 2e-5, in -> List.of(Ops.matmul(in.get(0), Ops.transpose(in.get(1), -1, -2)), Ops.matmul(in.get(2), Ops.transpose(in.get(1), -1, -2))),
                s(2, 1, 9, 17), s(2, 3, 5, 17), s(1, 17));
        check(device, 1e-6, in -> List.of(Ops.matmul(in.get(0), in.get(1))), s(1, 1), s(1, 1));
    }

    @Test
    void linearWithItsEpilogues() {
        for (Linear.Activation a : Linear.Activation.values()) {
            check(device, 2e-5, in -> List.of(Ops.linear(in.get(0), in.get(1), in.get(2), a, in.get(3)), Ops.linear(in.get(0), in.get(1))), s(3, 23, 37),
                    s(65, 37), s(65), s(3, 23, 65));
        }
    }

    @Test
    void attentionWithOneAndTwoSources() {
        for (long width : new long[] {8, 64, 72, 160}) {
            check(device, 2e-5, in -> Ops.apply(new Attention(0.2), in.get(0), in.get(1), in.get(2)), s(2, 2, 37, width), s(2, 2, 45, width),
                    s(2, 2, 45, width));
        }
        check(device, 2e-5, in -> List.of(Ops.attention(in.get(0), in.get(1), in.get(2), in.get(3), in.get(4), 0.3)), s(6, 2, 5, 16), s(2, 2, 33, 16), s(2, 2, 33, 16),
                s(6, 2, 7, 16), s(6, 2, 7, 16));
        // Heads as windows of one projection, as the models have them.
        check(device, 2e-5, in -> {
            Tensor chunks = Ops.permute(Ops.reshape(in.getFirst(), 2, 19, 9, 8), 0, 2, 1, 3);
            return List.of(Ops.attention(Ops.slice(chunks, 1, 0, 3), Ops.slice(chunks, 1, 3, 6), Ops.slice(chunks, 1, 6, 9), 0.35));
        }, s(2, 19, 72));
    }

    @Test
    void attentionGradients() {
        for (long width : new long[] {8, 64, 72, 160}) {
            check(device, 5e-5, in -> {
                List<Tensor> o = Ops.apply(new Attention(0.2), in.get(0), in.get(1), in.get(2));
                return Ops.apply(new Attention.AttentionGrad(0.2), in.get(0), in.get(1), in.get(2), o.get(0), o.get(1), in.get(3));
            }, s(2, 2, 37, width), s(2, 2, 45, width), s(2, 2, 45, width), s(2, 2, 37, width));
        }
        check(device, 5e-5, in -> {
            List<Tensor> o = Ops.apply(new Attention(0.3, 2), in.subList(0, 5));
            List<Tensor> all = new ArrayList<>(in.subList(0, 5));
            all.addAll(o);
            all.add(in.get(5));
            return Ops.apply(new Attention.AttentionGrad(0.3, 2), all);
        }, s(6, 2, 5, 16), s(2, 2, 33, 16), s(2, 2, 33, 16), s(6, 2, 7, 16), s(6, 2, 7, 16), s(6, 2, 5, 16));
    }

    @Test
    void norms() {
        for (long n : new long[] {1, 7, 130, 1025}) {
            check(device, 2e-5, in -> Ops.apply(new LayerNorm(1e-5, true), in.get(0), in.get(1), in.get(2)), s(5, 3, n), s(n), s(n));
            check(device, 2e-5, in -> List.of(Ops.layerNorm(in.get(0), in.get(1), null, 1e-5), Ops.softmax(in.get(0)), Ops.logSoftmax(in.get(0))), s(4, n), s(n));
        }
        for (boolean silu : new boolean[] {false, true}) {
            check(device, 2e-5, in -> Ops.apply(new GroupNorm(3, 1e-5, silu), in.get(0), in.get(1), in.get(2)), s(2, 9, 5, 7), s(9), s(9));
        }
    }

    @Test
    void geglu() {
        check(device, 3e-6, in -> List.of(Ops.geglu(in.getFirst())), s(3, 5, 34));
    }

    @Test
    void reductions() {
        for (Reduce.Kind k : Reduce.Kind.values()) {
            check(device, 1e-5, in -> List.of(Ops.reduce(k, in.get(0), List.of(1)), Ops.reduce(k, in.get(0), List.of(0, 2)), Ops.reduce(k, in.get(0), List.of(0, 1, 2)),
                    Ops.reduce(k, Ops.permute(in.get(0), 2, 1, 0), List.of(0))), s(5, 71, 3));
        }
        check(device, 2e-4, in -> List.of(Ops.sum(in.getFirst())), s(100_001));
    }

    @Test
    void rowsByIndex() {
        check(device, 1e-6, in -> {
            Tensor index = Ops.cast(Ops.clamp(Ops.affine(in.get(1), 2, 3), 0, 5), DType.I32);
            return List.of(Ops.gatherRows(in.get(0), index), Ops.scatterAddRows(in.get(2), index, 6));
        }, s(6, 5), s(4, 3), s(4, 3, 2));
    }

    @Test
    void convolutionsAndTheirGradients() {
        for (Conv2d.Window w : Arrays.asList(Conv2d.Window.of(1, 1), Conv2d.Window.of(2, 1), new Conv2d.Window(2, 0, 1, 0, 1), Conv2d.Window.of(1, 0))) {
            int k = w.bottom() == 0 && w.top() == 0 ? 1 : 3;
            check(device, 3e-5, in -> {
                Tensor y = Ops.conv2d(in.get(0), in.get(1), in.get(2), w);
                Tensor g = Ops.affine(y, 0.3, 0.1);
                return List.of(y, Ops.apply(new Conv2d.InputGrad(w, 9, 11), g, in.get(1)).getFirst(), Ops.apply(new Conv2d.WeightGrad(w, k, k), in.get(0), g).getFirst());
            }, s(2, 5, 9, 11), s(7, 5, k, k), s(7));
        }
    }

    @Test
    void upsamplingAndItsGradient() {
        for (long[] size : new long[][] {{6, 10}, {7, 9}, {3, 5}}) {
            check(device, 1e-6, in -> {
                Tensor y = Ops.upsampleNearest(in.getFirst(), size[0], size[1]);
                return List.of(y, Ops.apply(new UpsampleNearest.Grad(3, 5), y).getFirst());
            }, s(2, 3, 3, 5));
        }
    }

    @Test
    void optimiserUpdates() {
        for (double sign : new double[] {1, -1}) {
            check(device, 1e-5, in -> {
                Tensor moments = Ops.copy(Ops.abs(in.get(0)));
                Tensor parameter = Ops.copy(in.get(1));
                Tensor coefficient = Ops.reshape(Ops.affine(Ops.slice(Ops.abs(in.get(3)), 0, 0, 1), sign, 0.2 * sign));
                Ops.apply(new AdamMoments(0.9, 0.95), moments, in.get(2), coefficient);
                Ops.apply(new AdamWStep(0.05, 1e-8, 2), parameter, moments, Ops.affine(Ops.abs(in.get(3)), sign, 0.1 * sign));
                return List.of(moments, parameter);
            }, s(2, 7, 19), s(7, 19), s(7, 19), s(3));
        }
    }
}
