package org.mouselift.engine.op;

import static org.mouselift.engine.Ops.apply;

import java.util.Arrays;
import java.util.List;
import org.mouselift.engine.Operation;
import org.mouselift.engine.Shape;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.TensorSpec;
import org.mouselift.engine.Vjp;

/**
 * y[r,:] = sum of x[i…,:] over all i with index[i…] = r, zero where there is none: the transpose of {@link GatherRows}.
 * Operands x[i…,…] and index[i…] (i64 or i32, 0 … rows-1); the sums run in index order.
 */
public record ScatterAddRows(long rows) implements Operation {
    @Override
    public String name() {
        return "scatter_add_rows";
    }

    @Override
    public List<TensorSpec> infer(List<TensorSpec> in) {
        Check.count(name(), in, 2);
        TensorSpec x = in.get(0);
        Check.compute(name(), x);
        GatherRows.indices(name(), in.get(1));
        Shape index = in.get(1).shape();
        Check.require(name(), rows >= 0, rows + " rows");
        Check.require(name(), x.shape().rank() >= index.rank()
                && Shape.of(Arrays.copyOf(x.shape().dims(), index.rank())).equals(index), "x " + x + " does not begin with the axes of the indices " + in.get(1));
        return List.of(new TensorSpec(x.dtype(), GatherRows.join(Shape.of(rows), x.shape(), index.rank())));
    }

    @Override
    public List<Tensor> vjp(Vjp v) {
        return Arrays.asList(v.needs(0) ? apply(new GatherRows(), v.grad(), v.input(1)).getFirst() : null, null);
    }
}
