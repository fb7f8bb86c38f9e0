package org.mouselift.engine.op;

import java.util.List;
import org.mouselift.engine.Operation;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.TensorSpec;
import org.mouselift.engine.Vjp;

/** Overwrites the first operand with the second (same shape and type). No result, no gradient. */
public record Assign() implements Operation {
    @Override
    public String name() {
        return "assign";
    }

    @Override
    public List<TensorSpec> infer(List<TensorSpec> in) {
        Check.count(name(), in, 2);
        Check.require(name(), in.get(0).equals(in.get(1)), "target " + in.get(0) + ", value " + in.get(1));
        return List.of();
    }

    @Override
    public int overwrites() {
        return 0;
    }

    @Override
    public List<Tensor> vjp(Vjp v) {
        throw new org.mouselift.engine.EngineException("assign has no gradient: differentiate functions of the value instead");
    }
}
