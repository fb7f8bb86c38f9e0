package org.mouselift.engine.op;

import static org.mouselift.engine.Ops.sumTo;

import java.util.List;
import org.mouselift.engine.Shape;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.TensorSpec;
import org.mouselift.engine.ViewOperation;
import org.mouselift.engine.Vjp;

/** Repeats axes of size 1 (and adds leading ones) up to a shape, with stride 0. */
public record Expand(Shape shape) implements ViewOperation {
    @Override
    public String name() {
        return "expand";
    }

    @Override
    public List<TensorSpec> infer(List<TensorSpec> in) {
        Check.count(name(), in, 1);
        TensorSpec x = in.getFirst();
        Check.require(name(), Shape.broadcast(name(), x.shape(), shape).equals(shape), x + " does not expand to " + shape);
        return List.of(new TensorSpec(x.dtype(), shape));
    }

    @Override
    public Tensor view(Tensor x) {
        long[] s = new long[shape.rank()];
        int lead = shape.rank() - x.rank();
        for (int i = 0; i < x.rank(); i++) {
            s[lead + i] = x.dim(i) == 1 && shape.dim(lead + i) != 1 ? 0 : x.stride(i);
        }
        return x.view(new TensorSpec(x.dtype(), shape), s, x.offset());
    }

    @Override
    public List<Tensor> vjp(Vjp v) {
        return List.of(sumTo(v.grad(), v.input(0).shape()));
    }
}
