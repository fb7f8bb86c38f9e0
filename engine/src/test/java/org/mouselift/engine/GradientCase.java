package org.mouselift.engine;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.function.DoubleUnaryOperator;
import org.mouselift.engine.op.Attention;
import org.mouselift.engine.op.Binary;
import org.mouselift.engine.op.Conv2d;
import org.mouselift.engine.op.LayerNorm;
import org.mouselift.engine.op.Linear;
import org.mouselift.engine.op.Reduce;
import org.mouselift.engine.op.ScatterAddRows;
import org.mouselift.engine.op.SliceScatter;
import org.mouselift.engine.op.Unary;
import org.mouselift.engine.op.UpsampleNearest;
import org.mouselift.engine.trace.Program;

/** A differentiable function of random operands, one for each operation and for each of its variants. */
record GradientCase(String name, List<long[]> shapes, DoubleUnaryOperator values, Function<List<Tensor>, Tensor> f) {
    private static final DoubleUnaryOperator ANY = x -> x;
    private static final DoubleUnaryOperator POSITIVE = x -> 0.3 + Math.abs(x);

    static final List<GradientCase> ALL = all();

    Tensor operand(int i, DType dtype, int layout) {
        long[] dims = shapes.get(i);
        // Rounded to float32, so that both types see the same numbers.
        double[] v = GradientCheck.random(DType.F32, 17 * name.hashCode() + i, dims).toDoubles();
        for (int k = 0; k < v.length; k++) {
            v[k] = (float) values.applyAsDouble(v[k]);
        }
        return Layouts.of(layout, dtype, v, dims);
    }

    List<Tensor> operands(DType dtype, int layout) {
        List<Tensor> out = new ArrayList<>();
        for (int i = 0; i < shapes.size(); i++) {
            out.add(operand(i, dtype, (layout + i) % Layouts.COUNT));
        }
        return out;
    }

    @Override
    public String toString() {
        return name;
    }

    private static Tensor index() {
        return Program.constant(Tensor.of(new long[] {4, 0, 0, 2, 1, 4}, 2, 3));
    }

    private static Tensor checker() {
        return Program.constant(Tensor.of(new boolean[] {true, false, true, true, false, false, false, true, true, true, false, true}, 4, 3));
    }

    private static long[] s(long... dims) {
        return dims;
    }

    private static List<GradientCase> all() {
        List<GradientCase> c = new ArrayList<>();
        for (Unary.Kind k : Unary.Kind.values()) {
            if (k == Unary.Kind.SIGN) {
                continue;
            }
            boolean positive = k == Unary.Kind.SQRT || k == Unary.Kind.RSQRT || k == Unary.Kind.LOG || k == Unary.Kind.RECIPROCAL;
            // Away from the kinks of ABS and RELU by more than the finite step.
            boolean kink = k == Unary.Kind.ABS || k == Unary.Kind.RELU;
            c.add(new GradientCase("unary " + k, List.of(s(3, 7)), positive ? POSITIVE : kink ? x -> x + Math.copySign(0.1, x) : ANY, p -> Ops.unary(k, p.getFirst())));
        }
        for (Binary.Kind k : Binary.Kind.values()) {
            DoubleUnaryOperator v = k == Binary.Kind.DIV || k == Binary.Kind.POW ? POSITIVE : ANY;
            c.add(new GradientCase("binary " + k, List.of(s(3, 1, 5), s(4, 1)), v, p -> Ops.binary(k, p.get(0), p.get(1))));
            c.add(new GradientCase("binary " + k + " same shape", List.of(s(6), s(6)), v, p -> Ops.binary(k, p.get(0), p.get(1))));
        }
        c.add(new GradientCase("affine", List.of(s(5)), ANY, p -> Ops.affine(p.getFirst(), -2.5, 3)));
        c.add(new GradientCase("clamp", List.of(s(40)), x -> Math.abs(Math.abs(x) - 0.5) < 0.01 ? 0 : x, p -> Ops.clamp(p.getFirst(), -0.5, 0.5)));
        c.add(new GradientCase("where", List.of(s(4, 3), s(3)), ANY,
                p -> Ops.where(checker(), p.get(0), p.get(1))));
        c.add(new GradientCase("cast", List.of(s(5)), ANY, p -> Ops.cast(Ops.cast(p.getFirst(), p.getFirst().dtype()), p.getFirst().dtype())));
        for (Reduce.Kind k : Reduce.Kind.values()) {
            c.add(new GradientCase("reduce " + k, List.of(s(3, 4, 5)), ANY, p -> Ops.reduce(k, p.getFirst(), List.of(0, 2))));
        }
        c.add(new GradientCase("permute, reshape, slice, expand", List.of(s(3, 4, 5)), ANY, p -> {
            Tensor t = Ops.permute(p.getFirst(), 2, 0, 1);
            Tensor r = Ops.reshape(t, 5, 12);
            return Ops.expand(Ops.reshape(Ops.slice(r, 1, 1, 12, 3), 5, 1, 4), 5, 3, 4);
        }));
        c.add(new GradientCase("concat", List.of(s(2, 3), s(2, 1), s(2, 4)), ANY, p -> Ops.concat(1, p)));
        c.add(new GradientCase("contiguous", List.of(s(2, 3)), ANY, p -> Ops.copy(Ops.transpose(p.getFirst(), 0, 1))));
        c.add(new GradientCase("slice_scatter", List.of(s(3, 2)), ANY, p -> Ops.apply(new SliceScatter(0, 1, 2, 7), p.getFirst()).getFirst()));
        c.add(new GradientCase("pad", List.of(s(3, 2)), ANY, p -> Ops.pad(p.getFirst(), new long[] {1, 0}, new long[] {2, 3})));
        c.add(new GradientCase("matmul", List.of(s(2, 1, 3, 4), s(5, 4, 2)), ANY, p -> Ops.matmul(p.get(0), p.get(1))));
        c.add(new GradientCase("matmul shared", List.of(s(4, 4)), ANY, p -> Ops.matmul(p.getFirst(), Ops.transpose(p.getFirst(), 0, 1))));
        for (Linear.Activation a : Linear.Activation.values()) {
            c.add(new GradientCase("linear " + a, List.of(s(2, 3, 5), s(4, 5), s(4), s(2, 3, 4)), ANY, p -> Ops.linear(p.get(0), p.get(1), p.get(2), a, p.get(3))));
            c.add(new GradientCase("linear no bias " + a, List.of(s(7, 5), s(4, 5)), ANY, p -> Ops.linear(p.get(0), p.get(1), null, a, null)));
        }
        c.add(new GradientCase("layer_norm", List.of(s(2, 3, 9), s(9), s(9)), ANY, p -> Ops.layerNorm(p.get(0), p.get(1), p.get(2), 1e-5)));
        c.add(new GradientCase("layer_norm no bias", List.of(s(4, 17), s(17)), ANY,
                p -> Ops.apply(new LayerNorm(1e-5, false), p.get(0), p.get(1)).getFirst()));
        c.add(new GradientCase("group_norm", List.of(s(2, 6, 3, 4), s(6), s(6)), ANY, p -> Ops.groupNorm(p.get(0), p.get(1), p.get(2), 3, 1e-5)));
        c.add(new GradientCase("group_norm silu", List.of(s(2, 4, 7), s(4), s(4)), ANY, p -> Ops.groupNormSilu(p.get(0), p.get(1), p.get(2), 2, 1e-5)));
        c.add(new GradientCase("softmax", List.of(s(3, 7)), ANY, p -> Ops.softmax(p.getFirst())));
        c.add(new GradientCase("log_softmax", List.of(s(3, 7)), ANY, p -> Ops.logSoftmax(p.getFirst())));
        c.add(new GradientCase("attention", List.of(s(2, 2, 5, 4), s(2, 2, 9, 4), s(2, 2, 9, 4)), ANY, p -> Ops.attention(p.get(0), p.get(1), p.get(2), 0.5)));
        c.add(new GradientCase("attention of itself", List.of(s(1, 2, 6, 8)), ANY, p -> Ops.attention(p.getFirst(), p.getFirst(), p.getFirst(), 0.3)));
        c.add(new GradientCase("attention shared source", List.of(s(6, 2, 5, 4), s(2, 2, 13, 4), s(2, 2, 13, 4), s(6, 2, 7, 4), s(6, 2, 7, 4)), ANY,
                p -> Ops.attention(p.get(0), p.get(1), p.get(2), p.get(3), p.get(4), 0.5)));
        c.add(new GradientCase("attention three sources", List.of(s(4, 1, 3, 5), s(2, 1, 4, 5), s(2, 1, 4, 5), s(4, 1, 2, 5), s(4, 1, 2, 5), s(1, 1, 9, 5),
                s(1, 1, 9, 5)), ANY, p -> Ops.apply(new Attention(0.5, 3), p).getFirst()));
        c.add(new GradientCase("geglu", List.of(s(3, 2, 10)), ANY, p -> Ops.geglu(p.getFirst())));
        List<Conv2d.Window> windows = List.of(Conv2d.Window.of(1, 1), new Conv2d.Window(2, 0, 1, 0, 1), new Conv2d.Window(3, 2, 1, 0, 2));
        for (Conv2d.Window w : windows) {
            c.add(new GradientCase("conv2d " + w, List.of(s(2, 3, 6, 7), s(4, 3, 3, 3), s(4)), ANY, p -> Ops.conv2d(p.get(0), p.get(1), p.get(2), w)));
            c.add(new GradientCase("conv2d input gradient " + w, List.of(s(2, 4, w.rows(6, 3), w.columns(7, 2)), s(4, 3, 3, 2)), ANY,
                    p -> Ops.apply(new Conv2d.InputGrad(w, 6, 7), p).getFirst()));
            c.add(new GradientCase("conv2d weight gradient " + w, List.of(s(2, 3, 6, 7), s(2, 4, w.rows(6, 3), w.columns(7, 2))), ANY,
                    p -> Ops.apply(new Conv2d.WeightGrad(w, 3, 2), p).getFirst()));
        }
        c.add(new GradientCase("conv2d 1x1", List.of(s(2, 3, 4, 5), s(4, 3, 1, 1)), ANY, p -> Ops.conv2d(p.get(0), p.get(1), null, 1, 0)));
        c.add(new GradientCase("upsample_nearest", List.of(s(2, 3, 4)), ANY, p -> Ops.upsampleNearest(p.getFirst(), 2)));
        c.add(new GradientCase("upsample_nearest to size", List.of(s(2, 3, 4)), ANY, p -> Ops.upsampleNearest(p.getFirst(), 7, 5)));
        c.add(new GradientCase("upsample_nearest gradient", List.of(s(2, 7, 5)), ANY, p -> Ops.apply(new UpsampleNearest.Grad(3, 4), p.getFirst()).getFirst()));
        c.add(new GradientCase("gather_rows", List.of(s(5, 3)), ANY, p -> Ops.gatherRows(p.getFirst(), index())));
        c.add(new GradientCase("scatter_add_rows", List.of(s(2, 3, 4)), ANY,
                p -> Ops.apply(new ScatterAddRows(5), p.getFirst(), index()).getFirst()));
        c.add(new GradientCase("constant beside a variable", List.of(s(3)), ANY, p -> Ops.mul(p.getFirst(), Ops.constantLike(p.getFirst(), 3))));
        c.add(new GradientCase("diamond", List.of(s(3, 3)), ANY, p -> {
            Tensor x = p.getFirst();
            Tensor h = Ops.tanh(x);
            Tensor z = Ops.add(Ops.add(Ops.mul(h, x), Ops.unary(Unary.Kind.SIN, h)), h);
            return Ops.add(Ops.matmul(z, h), Ops.add(z, z));
        }));
        c.add(new GradientCase("sum of sums used twice", List.of(s(4), s(4)), ANY, p -> {
            Tensor z = Ops.add(p.get(0), p.get(1));
            Tensor u = Ops.add(Ops.square(z), Ops.affine(z, 3, 0));
            return Ops.add(u, Ops.mul(p.get(0), u));
        }));
        return List.copyOf(c);
    }
}
