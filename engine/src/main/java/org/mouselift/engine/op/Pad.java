package org.mouselift.engine.op;

import static org.mouselift.engine.Ops.slice;

import java.util.List;
import org.mouselift.engine.Operation;
import org.mouselift.engine.Shape;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.TensorSpec;
import org.mouselift.engine.Vjp;

/** x with {@code before.get(i)} zeros in front of and {@code after.get(i)} behind axis i. */
public record Pad(List<Long> before, List<Long> after) implements Operation {
    public Pad {
        before = List.copyOf(before);
        after = List.copyOf(after);
    }

    @Override
    public String name() {
        return "pad";
    }

    @Override
    public List<TensorSpec> infer(List<TensorSpec> in) {
        Check.count(name(), in, 1);
        TensorSpec x = in.getFirst();
        Shape s = x.shape();
        Check.require(name(), before.size() == s.rank() && after.size() == s.rank(),
                "padding " + before + " and " + after + " for the " + s.rank() + " axes of " + x);
        for (int i = 0; i < x.shape().rank(); i++) {
            Check.require(name(), before.get(i) >= 0 && after.get(i) >= 0, "padding " + before + " and " + after + " must not be negative");
            s = s.with(i, Math.addExact(s.dim(i), Math.addExact(before.get(i), after.get(i))));
        }
        return List.of(new TensorSpec(x.dtype(), s));
    }

    @Override
    public List<Tensor> vjp(Vjp v) {
        Tensor g = v.grad();
        for (int i = 0; i < before.size(); i++) {
            if (before.get(i) != 0 || after.get(i) != 0) {
                g = slice(g, i, before.get(i), before.get(i) + v.input(0).dim(i));
            }
        }
        return List.of(g);
    }
}
