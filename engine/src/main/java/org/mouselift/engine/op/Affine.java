package org.mouselift.engine.op;

import static org.mouselift.engine.Ops.affine;

import java.util.List;
import org.mouselift.engine.Operation;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.TensorSpec;
import org.mouselift.engine.Vjp;

/** y = scale x + shift with two numbers, element by element. */
public record Affine(double scale, double shift) implements Operation {
    @Override
    public String name() {
        return "affine";
    }

    @Override
    public List<TensorSpec> infer(List<TensorSpec> in) {
        Check.count(name(), in, 1);
        Check.compute(name(), in.getFirst());
        return in;
    }

    @Override
    public List<Tensor> vjp(Vjp v) {
        return List.of(affine(v.grad(), scale, 0));
    }
}
