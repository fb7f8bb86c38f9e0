package org.mouselift.engine.op;

import static org.mouselift.engine.Ops.apply;
import static org.mouselift.engine.Ops.concat;
import static org.mouselift.engine.Ops.gelu;
import static org.mouselift.engine.Ops.mul;
import static org.mouselift.engine.Ops.slice;
import static org.mouselift.engine.Ops.unary;

import java.util.List;
import java.util.Optional;
import org.mouselift.engine.EngineException;
import org.mouselift.engine.Operation;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.TensorSpec;
import org.mouselift.engine.Vjp;

/** y = a gelu(b) with x[…,2N] = (a, b) split in the middle of the last axis and the exact GELU (Shazeer 2020). */
public record Geglu() implements Operation {
    @Override
    public String name() {
        return "geglu";
    }

    @Override
    public List<TensorSpec> infer(List<TensorSpec> in) {
        Check.count(name(), in, 1);
        TensorSpec x = in.getFirst();
        Check.compute(name(), x);
        Check.rankAtLeast(name(), x, 1);
        Check.require(name(), x.shape().dim(-1) % 2 == 0, "the last axis of " + x + " is odd and cannot be halved");
        return List.of(new TensorSpec(x.dtype(), x.shape().with(-1, x.shape().dim(-1) / 2)));
    }

    private static Tensor half(Tensor x, int which) {
        long n = x.dim(-1) / 2;
        return slice(x, x.rank() - 1, which * n, (which + 1) * n);
    }

    @Override
    public Optional<List<Tensor>> composed(List<Tensor> in) {
        return Optional.of(List.of(mul(half(in.getFirst(), 0), gelu(half(in.getFirst(), 1)))));
    }

    @Override
    public List<Tensor> vjp(Vjp v) {
        return apply(new Grad(), v.input(0), v.grad());
    }

    /** (da, db) = (dy gelu(b), dy a gelu'(b)) as one tensor [...,2N]. Operands x, dy. */
    public record Grad() implements Operation {
        @Override
        public String name() {
            return "geglu_grad";
        }

        @Override
        public List<TensorSpec> infer(List<TensorSpec> in) {
            Check.count(name(), in, 2);
            TensorSpec y = new Geglu().infer(in.subList(0, 1)).getFirst();
            Check.require(name(), in.get(1).equals(y), "dy " + in.get(1) + " for x " + in.get(0) + " (expected " + y + ")");
            return in.subList(0, 1);
        }

        @Override
        public Optional<List<Tensor>> composed(List<Tensor> in) {
            Tensor x = in.get(0);
            Tensor g = in.get(1);
            Tensor b = half(x, 1);
            return Optional.of(List.of(concat(x.rank() - 1, mul(g, gelu(b)), mul(g, mul(half(x, 0), unary(Unary.Kind.GELU_PRIME, b))))));
        }

        @Override
        public List<Tensor> vjp(Vjp v) {
            throw new EngineException("geglu_grad: second derivatives of the fused GEGLU are not defined; use the composed form");
        }
    }
}
