package org.mouselift.engine.op;

import static org.mouselift.engine.Ops.affine;
import static org.mouselift.engine.Ops.cast;
import static org.mouselift.engine.Ops.compare;
import static org.mouselift.engine.Ops.div;
import static org.mouselift.engine.Ops.expand;
import static org.mouselift.engine.Ops.mul;
import static org.mouselift.engine.Ops.reduce;

import java.util.List;
import java.util.Locale;
import org.mouselift.engine.Operation;
import org.mouselift.engine.Shape;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.TensorSpec;
import org.mouselift.engine.Vjp;

/**
 * Reduces the given axes (distinct, non-negative) to size 1; sums accumulate in double. An empty reduction gives 0 for SUM,
 * NaN for MEAN, infinities for MAX and MIN. The gradient of MAX and MIN is shared equally among ties.
 */
public record Reduce(Kind kind, List<Integer> axes) implements Operation {
    /** The reduction. */
    public enum Kind { SUM, MEAN, MAX, MIN }

    @Override
    public String name() {
        return "reduce_" + kind.name().toLowerCase(Locale.ROOT);
    }

    @Override
    public List<TensorSpec> infer(List<TensorSpec> in) {
        Check.count(name(), in, 1);
        TensorSpec x = in.getFirst();
        Check.compute(name(), x);
        Shape s = x.shape();
        for (int a : axes) {
            Check.require(name(), a >= 0 && a < s.rank() && axes.indexOf(a) == axes.lastIndexOf(a), "axes " + axes + " do not fit " + x);
            s = s.with(a, 1);
        }
        return List.of(new TensorSpec(x.dtype(), s));
    }

    @Override
    public List<Tensor> vjp(Vjp v) {
        Tensor x = v.input(0);
        long[] full = x.shape().dims();
        return List.of(switch (kind) {
            case SUM -> expand(v.grad(), full);
            case MEAN -> expand(affine(v.grad(), (double) v.output(0).numel() / x.numel(), 0), full);
            case MAX, MIN -> {
                Tensor hit = cast(compare(Compare.Kind.EQ, x, v.output(0)), x.dtype());
                yield mul(hit, div(v.grad(), reduce(Kind.SUM, hit, axes)));
            }
        });
    }
}
