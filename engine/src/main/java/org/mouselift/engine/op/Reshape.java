package org.mouselift.engine.op;

import static org.mouselift.engine.Ops.reshape;

import java.util.List;
import org.mouselift.engine.EngineException;
import org.mouselift.engine.Shape;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.TensorSpec;
import org.mouselift.engine.ViewOperation;
import org.mouselift.engine.Vjp;

/** The same elements in the same row-major order with another shape; the operand is contiguous. */
public record Reshape(Shape shape) implements ViewOperation {
    @Override
    public String name() {
        return "reshape";
    }

    @Override
    public List<TensorSpec> infer(List<TensorSpec> in) {
        Check.count(name(), in, 1);
        TensorSpec x = in.getFirst();
        Check.require(name(), x.numel() == shape.numel(), x + " has " + x.numel() + " elements, shape " + shape + " has " + shape.numel());
        return List.of(new TensorSpec(x.dtype(), shape));
    }

    @Override
    public Tensor view(Tensor x) {
        if (!x.isContiguous()) {
            throw new EngineException("reshape: " + x + " is not contiguous");
        }
        return x.view(new TensorSpec(x.dtype(), shape), shape.contiguousStrides(), x.offset());
    }

    @Override
    public List<Tensor> vjp(Vjp v) {
        return List.of(reshape(v.grad(), v.input(0).shape().dims()));
    }
}
