package org.mouselift.engine.op;

import static org.mouselift.engine.Ops.cast;
import static org.mouselift.engine.Ops.compare;
import static org.mouselift.engine.Ops.mul;

import java.util.List;
import org.mouselift.engine.Operation;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.TensorSpec;
import org.mouselift.engine.Vjp;

/** y = min(max(x, low), high); the gradient is 1 where low &lt;= x &lt;= high, else 0. Either bound may be infinite. */
public record Clamp(double low, double high) implements Operation {
    @Override
    public String name() {
        return "clamp";
    }

    @Override
    public List<TensorSpec> infer(List<TensorSpec> in) {
        Check.count(name(), in, 1);
        Check.compute(name(), in.getFirst());
        Check.require(name(), low <= high, "low " + low + " is above high " + high);
        return in;
    }

    @Override
    public List<Tensor> vjp(Vjp v) {
        // x is inside the closed interval exactly where clamping did not change it.
        Tensor inside = compare(Compare.Kind.EQ, v.input(0), v.output(0));
        return List.of(mul(v.grad(), cast(inside, v.grad().dtype())));
    }
}
