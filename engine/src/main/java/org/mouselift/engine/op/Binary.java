package org.mouselift.engine.op;

import static org.mouselift.engine.Ops.affine;
import static org.mouselift.engine.Ops.cast;
import static org.mouselift.engine.Ops.compare;
import static org.mouselift.engine.Ops.div;
import static org.mouselift.engine.Ops.log;
import static org.mouselift.engine.Ops.mul;
import static org.mouselift.engine.Ops.pow;
import static org.mouselift.engine.Ops.sumTo;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.mouselift.engine.Operation;
import org.mouselift.engine.Shape;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.TensorSpec;
import org.mouselift.engine.Vjp;

/** z = f(x, y), element by element, with broadcasting. At ties of MAX and MIN the gradient goes to x. */
public record Binary(Kind kind) implements Operation {
    /** The function. */
    public enum Kind { ADD, SUB, MUL, DIV, MAX, MIN, POW }

    @Override
    public String name() {
        return kind.name().toLowerCase(Locale.ROOT);
    }

    @Override
    public List<TensorSpec> infer(List<TensorSpec> in) {
        Check.count(name(), in, 2);
        TensorSpec a = in.get(0);
        TensorSpec b = in.get(1);
        Check.compute(name(), a);
        Check.same(name(), a, b);
        return List.of(new TensorSpec(a.dtype(), Shape.broadcast(name(), a.shape(), b.shape())));
    }

    @Override
    public List<Tensor> vjp(Vjp v) {
        Tensor g = v.grad();
        Tensor a = v.input(0);
        Tensor b = v.input(1);
        Tensor ga = null;
        Tensor gb = null;
        if (v.needs(0)) {
            ga = switch (kind) {
                case ADD, SUB -> g;
                case MUL -> mul(g, b);
                case DIV -> div(g, b);
                case MAX -> mul(g, cast(compare(Compare.Kind.GE, a, b), g.dtype()));
                case MIN -> mul(g, cast(compare(Compare.Kind.LE, a, b), g.dtype()));
                case POW -> mul(g, mul(b, pow(a, affine(b, 1, -1))));
            };
        }
        if (v.needs(1)) {
            gb = switch (kind) {
                case ADD -> g;
                case SUB -> affine(g, -1, 0);
                case MUL -> mul(g, a);
                case DIV -> affine(mul(g, div(v.output(0), b)), -1, 0);
                case MAX -> mul(g, cast(compare(Compare.Kind.LT, a, b), g.dtype()));
                case MIN -> mul(g, cast(compare(Compare.Kind.GT, a, b), g.dtype()));
                case POW -> mul(g, mul(v.output(0), log(a)));
            };
        }
        return Arrays.asList(ga == null ? null : sumTo(ga, a.shape()), gb == null ? null : sumTo(gb, b.shape()));
    }
}
