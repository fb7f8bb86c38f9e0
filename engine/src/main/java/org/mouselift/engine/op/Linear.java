package org.mouselift.engine.op;

import static org.mouselift.engine.Ops.add;
import static org.mouselift.engine.Ops.apply;
import static org.mouselift.engine.Ops.matmul;
import static org.mouselift.engine.Ops.mul;
import static org.mouselift.engine.Ops.reduce;
import static org.mouselift.engine.Ops.reshape;
import static org.mouselift.engine.Ops.transpose;
import static org.mouselift.engine.Ops.unary;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.mouselift.engine.Operation;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.TensorSpec;
import org.mouselift.engine.Vjp;

/**
 * y[…,N] = activation(x[…,K] W[N,K]^T + b[N]) + r[…,N] in one pass over memory. Operands: x, W, then b and r if present.
 * The weight may be stored as f16 or bf16 when x is f32.
 */
public record Linear(Activation activation, boolean bias, boolean residual) implements Operation {
    /** What is applied before the residual is added. */
    public enum Activation { NONE, GELU, SILU }

    @Override
    public String name() {
        return "linear";
    }

    @Override
    public List<TensorSpec> infer(List<TensorSpec> in) {
        Check.count(name(), in, 2 + (bias ? 1 : 0) + (residual ? 1 : 0));
        TensorSpec x = in.get(0);
        TensorSpec w = in.get(1);
        Check.compute(name(), x);
        Check.rankAtLeast(name(), x, 1);
        Check.weight(name(), x, w);
        Check.require(name(), w.shape().rank() == 2 && w.shape().dim(1) == x.shape().dim(-1),
                "x " + x + " and weight " + w + " (expected weight [N," + x.shape().dim(-1) + "])");
        TensorSpec y = new TensorSpec(x.dtype(), x.shape().with(-1, w.shape().dim(0)));
        if (bias) {
            Check.same(name(), x, in.get(2));
            Check.require(name(), in.get(2).shape().rank() == 1 && in.get(2).shape().dim(0) == w.shape().dim(0),
                    "bias " + in.get(2) + " for weight " + w);
        }
        if (residual) {
            Check.require(name(), in.getLast().equals(y), "residual " + in.getLast() + " (expected " + y + ")");
        }
        return List.of(y);
    }

    @Override
    public Optional<List<Tensor>> composed(List<Tensor> in) {
        Tensor y = matmul(in.get(0), transpose(in.get(1), 0, 1));
        if (bias) {
            y = add(y, in.get(2));
        }
        y = switch (activation) {
            case NONE -> y;
            case GELU -> unary(Unary.Kind.GELU, y);
            case SILU -> unary(Unary.Kind.SILU, y);
        };
        return Optional.of(List.of(residual ? add(y, in.getLast()) : y));
    }

    @Override
    public List<Tensor> vjp(Vjp v) {
        Tensor x = v.input(0);
        Tensor w = v.input(1);
        Tensor g = v.grad();
        Tensor pre = g;
        if (activation != Activation.NONE) {
            // The pre-activation is recomputed: cheaper than keeping a second copy of the hidden layer for every block.
            List<Tensor> plain = new ArrayList<>(v.inputs().subList(0, bias ? 3 : 2));
            Tensor z = org.mouselift.engine.Ops.apply(new Linear(Activation.NONE, bias, false), plain).getFirst();
            pre = apply(new Unary.Grad(activation == Activation.GELU ? Unary.Kind.GELU : Unary.Kind.SILU), z, g).getFirst();
        }
        Tensor rows = reshape(pre, -1, w.dim(0));
        List<Tensor> out = new ArrayList<>();
        out.add(v.needs(0) ? reshape(matmul(rows, org.mouselift.engine.Ops.cast(w, x.dtype())), x.shape().dims()) : null);
        out.add(v.needs(1) ? matmul(transpose(rows, 0, 1), reshape(x, -1, w.dim(1))) : null);
        if (bias) {
            out.add(v.needs(2) ? reshape(reduce(Reduce.Kind.SUM, rows, List.of(0)), w.dim(0)) : null);
        }
        if (residual) {
            out.add(g);
        }
        return out;
    }
}
