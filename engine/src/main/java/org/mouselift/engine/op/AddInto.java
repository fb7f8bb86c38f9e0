package org.mouselift.engine.op;

import java.util.List;
import org.mouselift.engine.Operation;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.TensorSpec;
import org.mouselift.engine.Vjp;

/** Adds the second operand to the first, in place; the first is contiguous. No result, no gradient. */
public record AddInto() implements Operation {
    @Override
    public String name() {
        return "add_into";
    }

    @Override
    public List<TensorSpec> infer(List<TensorSpec> in) {
        Check.count(name(), in, 2);
        Check.compute(name(), in.get(0));
        Check.require(name(), in.get(0).equals(in.get(1)), "target " + in.get(0) + ", value " + in.get(1));
        return List.of();
    }

    @Override
    public int overwrites() {
        return 0;
    }

    @Override
    public List<Tensor> vjp(Vjp v) {
        throw new org.mouselift.engine.EngineException("add_into has no gradient: use add");
    }
}
