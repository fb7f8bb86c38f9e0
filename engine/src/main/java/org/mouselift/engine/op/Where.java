package org.mouselift.engine.op;

import static org.mouselift.engine.Ops.fill;
import static org.mouselift.engine.Ops.sumTo;
import static org.mouselift.engine.Ops.where;

import java.util.Arrays;
import java.util.List;
import org.mouselift.engine.DType;
import org.mouselift.engine.Operation;
import org.mouselift.engine.Shape;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.TensorSpec;
import org.mouselift.engine.Vjp;

/** z = condition ? x : y, element by element, with broadcasting; the condition is bool. */
public record Where() implements Operation {
    @Override
    public String name() {
        return "where";
    }

    @Override
    public List<TensorSpec> infer(List<TensorSpec> in) {
        Check.count(name(), in, 3);
        Check.require(name(), in.get(0).dtype() == DType.BOOL, "the condition must be bool, it is " + in.get(0));
        Check.same(name(), in.get(1), in.get(2));
        Shape s = Shape.broadcast(name(), in.get(1).shape(), in.get(2).shape());
        return List.of(new TensorSpec(in.get(1).dtype(), Shape.broadcast(name(), in.get(0).shape(), s)));
    }

    @Override
    public List<Tensor> vjp(Vjp v) {
        Tensor g = v.grad();
        Tensor zero = fill(TensorSpec.of(g.dtype()), 0);
        Tensor x = v.needs(1) ? sumTo(where(v.input(0), g, zero), v.input(1).shape()) : null;
        Tensor y = v.needs(2) ? sumTo(where(v.input(0), zero, g), v.input(2).shape()) : null;
        return Arrays.asList(null, x, y);
    }
}
