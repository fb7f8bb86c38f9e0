package org.mouselift.engine.op;

import static org.mouselift.engine.Ops.permute;

import java.util.ArrayList;
import java.util.List;
import org.mouselift.engine.Shape;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.TensorSpec;
import org.mouselift.engine.ViewOperation;
import org.mouselift.engine.Vjp;

/** Axes in another order: axis i of the result is axis {@code order[i]} of the operand. */
public record Permute(List<Integer> order) implements ViewOperation {
    @Override
    public String name() {
        return "permute";
    }

    @Override
    public List<TensorSpec> infer(List<TensorSpec> in) {
        Check.count(name(), in, 1);
        TensorSpec x = in.getFirst();
        Check.require(name(), order.stream().sorted().toList().equals(java.util.stream.IntStream.range(0, x.shape().rank()).boxed().toList()),
                "order " + order + " does not name every axis of " + x + " once");
        long[] d = new long[order.size()];
        for (int i = 0; i < d.length; i++) {
            d[i] = x.shape().dim(order.get(i));
        }
        return List.of(new TensorSpec(x.dtype(), Shape.of(d)));
    }

    @Override
    public Tensor view(Tensor x) {
        long[] s = new long[order.size()];
        for (int i = 0; i < s.length; i++) {
            s[i] = x.stride(order.get(i));
        }
        return x.view(infer(List.of(x.spec())).getFirst(), s, x.offset());
    }

    @Override
    public List<Tensor> vjp(Vjp v) {
        List<Integer> inverse = new ArrayList<>(order);
        for (int i = 0; i < order.size(); i++) {
            inverse.set(order.get(i), i);
        }
        return List.of(permute(v.grad(), inverse.stream().mapToInt(Integer::intValue).toArray()));
    }
}
