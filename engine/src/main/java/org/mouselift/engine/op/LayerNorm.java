package org.mouselift.engine.op;

import static org.mouselift.engine.Ops.add;
import static org.mouselift.engine.Ops.affine;
import static org.mouselift.engine.Ops.apply;
import static org.mouselift.engine.Ops.mean;
import static org.mouselift.engine.Ops.mul;
import static org.mouselift.engine.Ops.reduce;
import static org.mouselift.engine.Ops.reshape;
import static org.mouselift.engine.Ops.square;
import static org.mouselift.engine.Ops.sub;
import static org.mouselift.engine.Ops.unary;

import java.util.List;
import java.util.Optional;
import org.mouselift.engine.Operation;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.TensorSpec;
import org.mouselift.engine.Vjp;

/**
 * y = (x - mean) / sqrt(var + eps) * w [+ b] over the last axis with the biased variance. Operands: x[…,N], w[N], b[N] if
 * {@code bias}. Results: y, mean[…,1] and 1/sqrt(var + eps) [...,1], the latter two for the gradient.
 */
public record LayerNorm(double eps, boolean bias) implements Operation {
    @Override
    public String name() {
        return "layer_norm";
    }

    @Override
    public List<TensorSpec> infer(List<TensorSpec> in) {
        Check.count(name(), in, bias ? 3 : 2);
        TensorSpec x = in.getFirst();
        Check.compute(name(), x);
        Check.rankAtLeast(name(), x, 1);
        TensorSpec affine = TensorSpec.of(x.dtype(), x.shape().dim(-1));
        for (TensorSpec p : in.subList(1, in.size())) {
            Check.require(name(), p.equals(affine), "weight or bias " + p + " for x " + x + " (expected " + affine + ")");
        }
        TensorSpec stat = new TensorSpec(x.dtype(), x.shape().with(-1, 1));
        return List.of(x, stat, stat);
    }

    @Override
    public Optional<List<Tensor>> composed(List<Tensor> in) {
        Tensor x = in.getFirst();
        Tensor mu = mean(x, true, -1);
        Tensor centred = sub(x, mu);
        Tensor r = unary(Unary.Kind.RSQRT, affine(mean(square(centred), true, -1), 1, eps));
        Tensor y = mul(mul(centred, r), in.get(1));
        return Optional.of(List.of(bias ? add(y, in.get(2)) : y, mu, r));
    }

    @Override
    public List<Tensor> vjp(Vjp v) {
        Check.onlyFirst(name(), v, 3);
        return apply(new LayerNormGrad(bias), v.input(0), v.input(1), v.output(1), v.output(2), v.grad());
    }

    /**
     * Gradients of x and w: with xh = (x - mean) r and h = dy w, dx = r (h - mean(h) - xh mean(h xh)) and dw = sum(dy xh);
     * then, if {@code bias}, that of b: db = sum(dy). Operands x, w, mean, r, dy.
     */
    public record LayerNormGrad(boolean bias) implements Operation {
        @Override
        public String name() {
            return "layer_norm_grad";
        }

        @Override
        public List<TensorSpec> infer(List<TensorSpec> in) {
            Check.count(name(), in, 5);
            return bias ? List.of(in.get(0), in.get(1), in.get(1)) : List.of(in.get(0), in.get(1));
        }

        @Override
        public Optional<List<Tensor>> composed(List<Tensor> in) {
            Tensor x = in.get(0);
            Tensor w = in.get(1);
            Tensor r = in.get(3);
            Tensor dy = in.get(4);
            Tensor xh = mul(sub(x, in.get(2)), r);
            Tensor h = mul(dy, w);
            Tensor dx = mul(r, sub(sub(h, mean(h, true, -1)), mul(xh, mean(mul(h, xh), true, -1))));
            Tensor dw = overRows(mul(dy, xh), w);
            return Optional.of(bias ? List.of(dx, dw, overRows(dy, w)) : List.of(dx, dw));
        }

        private static Tensor overRows(Tensor x, Tensor w) {
            return reshape(reduce(Reduce.Kind.SUM, reshape(x, -1, w.dim(0)), List.of(0)), w.dim(0));
        }

        @Override
        public List<Tensor> vjp(Vjp v) {
            throw new org.mouselift.engine.EngineException("layer_norm_grad: second derivatives of the fused layer norm are not defined; use the composed form");
        }
    }
}
