package org.mouselift.engine.op;

import static org.mouselift.engine.Ops.slice;

import java.util.ArrayList;
import java.util.List;
import org.mouselift.engine.Operation;
import org.mouselift.engine.Shape;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.TensorSpec;
import org.mouselift.engine.Vjp;

/** Tensors one after another along an axis; the other sizes agree. */
public record Concat(int axis) implements Operation {
    @Override
    public String name() {
        return "concat";
    }

    @Override
    public List<TensorSpec> infer(List<TensorSpec> in) {
        Check.require(name(), !in.isEmpty(), "no operands");
        TensorSpec first = in.getFirst();
        int a = first.shape().axis(axis);
        long total = 0;
        for (TensorSpec s : in) {
            Check.same(name(), first, s);
            Check.require(name(), s.shape().rank() == first.shape().rank() && s.shape().with(a, 0).equals(first.shape().with(a, 0)),
                    "operands differ outside axis " + axis + ": " + first + " and " + s);
            total += s.shape().dim(a);
        }
        Shape shape = first.shape().with(a, total);
        return List.of(new TensorSpec(first.dtype(), shape));
    }

    @Override
    public List<Tensor> vjp(Vjp v) {
        List<Tensor> out = new ArrayList<>();
        long at = 0;
        for (int i = 0; i < v.inputs().size(); i++) {
            long n = v.input(i).dim(axis);
            out.add(v.needs(i) ? slice(v.grad(), axis, at, at + n, 1) : null);
            at += n;
        }
        return out;
    }
}
