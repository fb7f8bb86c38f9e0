package org.mouselift.models.nn;

import org.mouselift.engine.DType;
import org.mouselift.engine.Tensor;

/** Where the layers of a network take their parameters from: fresh memory, or tensors that exist already. */
@FunctionalInterface
public interface ParameterSource {
    /**
     * The parameter of a state-dict name.
     *
     * @param name relative to this source
     * @param dims its shape
     */
    Tensor parameter(String name, long... dims);

    /** The source of the parameters below a prefix: {@code at("attn1").parameter("to_q.weight")} is {@code attn1.to_q.weight}. */
    default ParameterSource at(String prefix) {
        return (name, dims) -> parameter(prefix + "." + name, dims);
    }

    /** New trainable parameters of one type, not yet filled, in the current scope. */
    static ParameterSource fresh(DType dtype) {
        return (name, dims) -> Tensor.empty(dtype, dims).requiresGrad(true);
    }
}
