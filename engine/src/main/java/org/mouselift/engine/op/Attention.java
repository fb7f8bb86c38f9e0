package org.mouselift.engine.op;

import static org.mouselift.engine.Ops.add;
import static org.mouselift.engine.Ops.affine;
import static org.mouselift.engine.Ops.apply;
import static org.mouselift.engine.Ops.matmul;
import static org.mouselift.engine.Ops.mul;
import static org.mouselift.engine.Ops.reduce;
import static org.mouselift.engine.Ops.sub;
import static org.mouselift.engine.Ops.sum;
import static org.mouselift.engine.Ops.transpose;
import static org.mouselift.engine.Ops.unary;

import java.util.List;
import java.util.Optional;
import org.mouselift.engine.Operation;
import org.mouselift.engine.Shape;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.TensorSpec;
import org.mouselift.engine.Vjp;

/**
 * Scaled dot-product attention o = softmax(scale q k^T) v without storing the scores (Dao et al. 2022, "FlashAttention").
 * Operands q[B,H,Tq,D], k[B,H,Tk,D], v[B,H,Tk,D] with any strides. Results o[B,H,Tq,D] and the log-sum-exp of the scaled
 * scores [B,H,Tq].
 */
public record Attention(double scale) implements Operation {
    @Override
    public String name() {
        return "attention";
    }

    @Override
    public List<TensorSpec> infer(List<TensorSpec> in) {
        Check.count(name(), in, 3);
        TensorSpec q = in.get(0);
        Check.compute(name(), q);
        Check.require(name(), q.shape().rank() == 4, "q must be [B,H,T,D], it is " + q);
        TensorSpec expected = new TensorSpec(q.dtype(), q.shape().with(2, in.get(1).shape().rank() == 4 ? in.get(1).shape().dim(2) : 0));
        Check.require(name(), in.get(1).equals(expected) && in.get(2).equals(expected),
                "q " + q + " with k " + in.get(1) + " and v " + in.get(2) + " (expected both " + expected + ")");
        Check.require(name(), expected.shape().dim(2) > 0, "no keys: k is " + in.get(1));
        Shape s = q.shape();
        return List.of(q, TensorSpec.of(q.dtype(), s.dim(0), s.dim(1), s.dim(2)));
    }

    @Override
    public Optional<List<Tensor>> composed(List<Tensor> in) {
        Tensor scores = affine(matmul(in.get(0), transpose(in.get(1), -1, -2)), scale, 0);
        Tensor max = reduce(Reduce.Kind.MAX, scores, List.of(3));
        Tensor e = unary(Unary.Kind.EXP, sub(scores, max));
        Tensor total = sum(e, true, -1);
        Tensor o = org.mouselift.engine.Ops.div(matmul(e, in.get(2)), total);
        Shape q = in.getFirst().shape();
        Tensor lse = add(unary(Unary.Kind.LOG, total), max);
        return Optional.of(List.of(o, org.mouselift.engine.Ops.reshape(lse, q.dim(0), q.dim(1), q.dim(2))));
    }

    @Override
    public List<Tensor> vjp(Vjp v) {
        Check.onlyFirst(name(), v, 2);
        return apply(new AttentionGrad(scale), v.input(0), v.input(1), v.input(2), v.output(0), v.output(1), v.grad());
    }

    /**
     * dq, dk, dv from q, k, v, o, lse and do by recomputing the probabilities tile by tile: P = exp(scale q k^T - lse),
     * dv = P^T do, dS = P (do v^T - rowsum(do o)) scale, dq = dS k, dk = dS^T q.
     */
    public record AttentionGrad(double scale) implements Operation {
        @Override
        public String name() {
            return "attention_grad";
        }

        @Override
        public List<TensorSpec> infer(List<TensorSpec> in) {
            Check.count(name(), in, 6);
            return List.of(in.get(0), in.get(1), in.get(2));
        }

        @Override
        public Optional<List<Tensor>> composed(List<Tensor> in) {
            Tensor q = in.get(0);
            Tensor k = in.get(1);
            Tensor g = in.get(5);
            Shape s = q.shape();
            Tensor lse = org.mouselift.engine.Ops.reshape(in.get(4), s.dim(0), s.dim(1), s.dim(2), 1);
            Tensor p = unary(Unary.Kind.EXP, sub(affine(matmul(q, transpose(k, -1, -2)), scale, 0), lse));
            Tensor delta = sum(mul(g, in.get(3)), true, -1);
            Tensor ds = affine(mul(p, sub(matmul(g, transpose(in.get(2), -1, -2)), delta)), scale, 0);
            return Optional.of(List.of(matmul(ds, k), matmul(transpose(ds, -1, -2), q), matmul(transpose(p, -1, -2), g)));
        }

        @Override
        public List<Tensor> vjp(Vjp v) {
            throw new org.mouselift.engine.EngineException("attention_grad: second derivatives of the fused attention are not defined; use the composed form");
        }
    }
}
