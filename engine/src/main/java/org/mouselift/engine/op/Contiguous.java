package org.mouselift.engine.op;

import java.util.List;
import org.mouselift.engine.Operation;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.TensorSpec;
import org.mouselift.engine.Vjp;

/** A row-major copy. */
public record Contiguous() implements Operation {
    @Override
    public String name() {
        return "contiguous";
    }

    @Override
    public List<TensorSpec> infer(List<TensorSpec> in) {
        Check.count(name(), in, 1);
        return in;
    }

    @Override
    public List<Tensor> vjp(Vjp v) {
        return List.of(v.grad());
    }
}
