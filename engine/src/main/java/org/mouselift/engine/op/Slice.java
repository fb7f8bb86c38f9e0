package org.mouselift.engine.op;

import static org.mouselift.engine.Ops.apply;

import java.util.List;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.TensorSpec;
import org.mouselift.engine.ViewOperation;
import org.mouselift.engine.Vjp;

/** Elements begin, begin + step, … (below end) of one axis; 0 &lt;= begin &lt;= end &lt;= size, step &gt;= 1. */
public record Slice(int axis, long begin, long end, long step) implements ViewOperation {
    @Override
    public String name() {
        return "slice";
    }

    @Override
    public List<TensorSpec> infer(List<TensorSpec> in) {
        Check.count(name(), in, 1);
        TensorSpec x = in.getFirst();
        long size = x.shape().dim(axis);
        Check.require(name(), 0 <= begin && begin <= end && end <= size && step >= 1,
                "range " + begin + ":" + end + ":" + step + " of axis " + axis + " does not fit " + x);
        return List.of(new TensorSpec(x.dtype(), x.shape().with(axis, Math.ceilDiv(end - begin, step))));
    }

    @Override
    public Tensor view(Tensor x) {
        TensorSpec spec = infer(List.of(x.spec())).getFirst();
        long[] s = x.strides();
        int a = x.shape().axis(axis);
        long offset = spec.numel() == 0 ? x.offset() : x.offset() + begin * s[a];
        s[a] *= step;
        return x.view(spec, s, offset);
    }

    @Override
    public List<Tensor> vjp(Vjp v) {
        return apply(new SliceScatter(axis, begin, step, v.input(0).shape().dim(axis)), v.grad());
    }
}
