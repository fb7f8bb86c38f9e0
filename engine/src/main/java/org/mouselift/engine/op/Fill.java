package org.mouselift.engine.op;

import java.util.List;
import org.mouselift.engine.Operation;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.TensorSpec;
import org.mouselift.engine.Vjp;

/** A tensor with one value everywhere. */
public record Fill(TensorSpec spec, double value) implements Operation {
    @Override
    public String name() {
        return "fill";
    }

    @Override
    public List<TensorSpec> infer(List<TensorSpec> in) {
        Check.count(name(), in, 0);
        return List.of(spec);
    }

    @Override
    public List<Tensor> vjp(Vjp v) {
        return List.of();
    }
}
