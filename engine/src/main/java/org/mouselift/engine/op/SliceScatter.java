package org.mouselift.engine.op;

import static org.mouselift.engine.Ops.slice;

import java.util.List;
import org.mouselift.engine.Operation;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.TensorSpec;
import org.mouselift.engine.Vjp;

/** Zeros of size {@code size} along an axis, with x at begin, begin + step, …: the transpose of {@link Slice}. */
public record SliceScatter(int axis, long begin, long step, long size) implements Operation {
    @Override
    public String name() {
        return "slice_scatter";
    }

    @Override
    public List<TensorSpec> infer(List<TensorSpec> in) {
        Check.count(name(), in, 1);
        TensorSpec x = in.getFirst();
        long n = x.shape().dim(axis);
        Check.require(name(), begin >= 0 && step >= 1 && (n == 0 || begin + (n - 1) * step < size),
                n + " elements from " + begin + " with step " + step + " do not fit into " + size);
        return List.of(new TensorSpec(x.dtype(), x.shape().with(axis, size)));
    }

    @Override
    public List<Tensor> vjp(Vjp v) {
        long n = v.input(0).shape().dim(axis);
        long end = n == 0 ? begin : begin + (n - 1) * step + 1;
        return List.of(slice(v.grad(), axis, begin, end, step));
    }
}
