package org.mouselift.engine.op;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.mouselift.engine.DType;
import org.mouselift.engine.Operation;
import org.mouselift.engine.Shape;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.TensorSpec;
import org.mouselift.engine.Vjp;

/** bool z = x (relation) y, element by element, with broadcasting; no gradient. Comparisons with NaN are false, NE true. */
public record Compare(Kind kind) implements Operation {
    /** The relation. */
    public enum Kind { LT, LE, GT, GE, EQ, NE }

    @Override
    public String name() {
        return kind.name().toLowerCase(Locale.ROOT);
    }

    @Override
    public List<TensorSpec> infer(List<TensorSpec> in) {
        Check.count(name(), in, 2);
        Check.same(name(), in.get(0), in.get(1));
        return List.of(new TensorSpec(DType.BOOL, Shape.broadcast(name(), in.get(0).shape(), in.get(1).shape())));
    }

    @Override
    public List<Tensor> vjp(Vjp v) {
        return Arrays.asList(null, null);
    }
}
