package org.mouselift.engine.op;

import static org.mouselift.engine.Ops.cast;

import java.util.Collections;
import java.util.List;
import org.mouselift.engine.DType;
import org.mouselift.engine.Operation;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.TensorSpec;
import org.mouselift.engine.Vjp;

/** The same values in another element type: floats round to nearest even, floats to integers truncate and saturate. */
public record Cast(DType to) implements Operation {
    @Override
    public String name() {
        return "cast";
    }

    @Override
    public List<TensorSpec> infer(List<TensorSpec> in) {
        Check.count(name(), in, 1);
        return List.of(new TensorSpec(to, in.getFirst().shape()));
    }

    @Override
    public List<Tensor> vjp(Vjp v) {
        return Collections.singletonList(v.input(0).dtype().isFloat() ? cast(v.grad(), v.input(0).dtype()) : null);
    }
}
