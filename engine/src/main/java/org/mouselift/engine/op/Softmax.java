package org.mouselift.engine.op;

import static org.mouselift.engine.Ops.apply;
import static org.mouselift.engine.Ops.div;
import static org.mouselift.engine.Ops.exp;
import static org.mouselift.engine.Ops.log;
import static org.mouselift.engine.Ops.mul;
import static org.mouselift.engine.Ops.reduce;
import static org.mouselift.engine.Ops.sub;
import static org.mouselift.engine.Ops.sum;

import java.util.List;
import java.util.Optional;
import org.mouselift.engine.EngineException;
import org.mouselift.engine.Operation;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.TensorSpec;
import org.mouselift.engine.Vjp;

/** y_i = exp(x_i) / sum_j exp(x_j) over the last axis, or its logarithm; the maximum is subtracted first. */
public record Softmax(boolean logarithm) implements Operation {
    @Override
    public String name() {
        return logarithm ? "log_softmax" : "softmax";
    }

    @Override
    public List<TensorSpec> infer(List<TensorSpec> in) {
        Check.count(name(), in, 1);
        Check.compute(name(), in.getFirst());
        Check.rankAtLeast(name(), in.getFirst(), 1);
        Check.require(name(), in.getFirst().shape().dim(-1) > 0, "the last axis of " + in.getFirst() + " is empty");
        return in;
    }

    @Override
    public Optional<List<Tensor>> composed(List<Tensor> in) {
        Tensor x = in.getFirst();
        Tensor shifted = sub(x, reduce(Reduce.Kind.MAX, x, List.of(x.rank() - 1)));
        Tensor e = exp(shifted);
        Tensor total = sum(e, true, -1);
        return Optional.of(List.of(logarithm ? sub(shifted, log(total)) : div(e, total)));
    }

    /** For the logarithm dx = g - exp(y) sum(g). */
    @Override
    public List<Tensor> vjp(Vjp v) {
        Tensor y = v.output(0);
        Tensor g = v.grad();
        return logarithm ? List.of(sub(g, mul(exp(y), sum(g, true, -1)))) : apply(new Grad(), y, g);
    }

    /** dx = y (g - sum(g y)) over the last axis. Operands: the softmax y and its gradient g. */
    public record Grad() implements Operation {
        @Override
        public String name() {
            return "softmax_grad";
        }

        @Override
        public List<TensorSpec> infer(List<TensorSpec> in) {
            Check.count(name(), in, 2);
            Check.require(name(), in.get(0).equals(in.get(1)), "y " + in.get(0) + ", gradient " + in.get(1));
            return in.subList(0, 1);
        }

        @Override
        public Optional<List<Tensor>> composed(List<Tensor> in) {
            Tensor y = in.get(0);
            Tensor g = in.get(1);
            return Optional.of(List.of(mul(y, sub(g, sum(mul(g, y), true, -1)))));
        }

        @Override
        public List<Tensor> vjp(Vjp v) {
            throw new EngineException("softmax_grad: second derivatives of the fused softmax are not defined; use the composed form");
        }
    }
}
