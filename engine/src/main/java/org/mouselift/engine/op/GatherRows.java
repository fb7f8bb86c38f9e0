package org.mouselift.engine.op;

import static org.mouselift.engine.Ops.apply;

import java.util.Arrays;
import java.util.List;
import org.mouselift.engine.DType;
import org.mouselift.engine.Operation;
import org.mouselift.engine.Shape;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.TensorSpec;
import org.mouselift.engine.Vjp;

/** y[i…,:] = table[index[i…],:] for table[R,…] and i64 or i32 indices of any shape; an index outside 0 … R-1 is an error. */
public record GatherRows() implements Operation {
    @Override
    public String name() {
        return "gather_rows";
    }

    @Override
    public List<TensorSpec> infer(List<TensorSpec> in) {
        Check.count(name(), in, 2);
        TensorSpec table = in.get(0);
        Check.rankAtLeast(name(), table, 1);
        indices(name(), in.get(1));
        return List.of(new TensorSpec(table.dtype(), join(in.get(1).shape(), table.shape(), 1)));
    }

    static void indices(String op, TensorSpec index) {
        Check.require(op, index.dtype() == DType.I64 || index.dtype() == DType.I32, "indices must be i64 or i32, they are " + index);
    }

    /** The axes of a, then those of b from {@code skip} on. */
    static Shape join(Shape a, Shape b, int skip) {
        long[] d = Arrays.copyOf(a.dims(), a.rank() + b.rank() - skip);
        for (int i = skip; i < b.rank(); i++) {
            d[a.rank() + i - skip] = b.dim(i);
        }
        return Shape.of(d);
    }

    @Override
    public List<Tensor> vjp(Vjp v) {
        return Arrays.asList(v.needs(0) ? apply(new ScatterAddRows(v.input(0).dim(0)), v.grad(), v.input(1)).getFirst() : null, null);
    }
}
