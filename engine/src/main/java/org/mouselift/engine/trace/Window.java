package org.mouselift.engine.trace;

import java.util.List;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.TensorSpec;
import org.mouselift.engine.ViewOperation;
import org.mouselift.engine.Vjp;

/**
 * A view that was made directly with {@link Tensor#view} while tracing, not by an operation of its own: the given shape,
 * strides and offset (in elements from the start of the buffer).
 */
public record Window(TensorSpec spec, List<Long> strides, long offset) implements ViewOperation {
    @Override
    public String name() {
        return "window";
    }

    @Override
    public List<TensorSpec> infer(List<TensorSpec> in) {
        return List.of(spec);
    }

    @Override
    public Tensor view(Tensor input) {
        return input.view(spec, strides.stream().mapToLong(Long::longValue).toArray(), offset);
    }

    @Override
    public List<Tensor> vjp(Vjp v) {
        throw new TraceException("window: a raw view has no gradient; use slice, permute, reshape or expand");
    }
}
