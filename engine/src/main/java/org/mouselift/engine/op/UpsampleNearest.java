package org.mouselift.engine.op;

import static org.mouselift.engine.Ops.apply;

import java.util.List;
import org.mouselift.engine.Operation;
import org.mouselift.engine.Shape;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.TensorSpec;
import org.mouselift.engine.Vjp;

/** Image resizing by repetition: y[…,i,j] = x[…,floor(i H / height),floor(j W / width)] for x[…,H,W]. */
public record UpsampleNearest(long height, long width) implements Operation {
    @Override
    public String name() {
        return "upsample_nearest";
    }

    @Override
    public List<TensorSpec> infer(List<TensorSpec> in) {
        Check.count(name(), in, 1);
        TensorSpec x = in.getFirst();
        Check.compute(name(), x);
        Check.rankAtLeast(name(), x, 2);
        Shape s = x.shape();
        Check.require(name(), s.dim(-2) > 0 && s.dim(-1) > 0 && height > 0 && width > 0, x + " to " + height + " x " + width + ": sizes must be positive");
        return List.of(new TensorSpec(x.dtype(), s.with(-2, height).with(-1, width)));
    }

    @Override
    public List<Tensor> vjp(Vjp v) {
        return apply(new Grad(v.input(0).dim(-2), v.input(0).dim(-1)), v.grad());
    }

    /** The transpose: each pixel of the small image [height,width] sums the pixels of dy that were copied from it. */
    public record Grad(long height, long width) implements Operation {
        @Override
        public String name() {
            return "upsample_nearest_grad";
        }

        @Override
        public List<TensorSpec> infer(List<TensorSpec> in) {
            Check.count(name(), in, 1);
            TensorSpec g = in.getFirst();
            Check.compute(name(), g);
            Check.rankAtLeast(name(), g, 2);
            Check.require(name(), height > 0 && width > 0, "image of " + height + " x " + width + ": sizes must be positive");
            return List.of(new TensorSpec(g.dtype(), g.shape().with(-2, height).with(-1, width)));
        }

        @Override
        public List<Tensor> vjp(Vjp v) {
            return apply(new UpsampleNearest(v.input(0).dim(-2), v.input(0).dim(-1)), v.grad());
        }
    }
}
