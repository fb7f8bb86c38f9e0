package org.mouselift.models.nn;

import org.mouselift.engine.DType;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.TensorSpec;

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

    /**
     * A parameter that enters sums and not products, such as an embedding of positions: it has the type that the network computes in,
     * however it is stored.
     */
    default Tensor summand(String name, long... dims) {
        return parameter(name, dims);
    }

    /** The source of the parameters below a prefix: {@code at("attn1").parameter("to_q.weight")} is {@code attn1.to_q.weight}. */
    default ParameterSource at(String prefix) {
        ParameterSource all = this;
        return new ParameterSource() {
            @Override
            public Tensor parameter(String name, long... dims) {
                return all.parameter(prefix + "." + name, dims);
            }

            @Override
            public Tensor summand(String name, long... dims) {
                return all.summand(prefix + "." + name, dims);
            }
        };
    }

    /** Names and shapes alone: every parameter looks at the same zero of the current scope, whatever its shape. */
    static ParameterSource shapesOnly() {
        Tensor one = Tensor.zeros(DType.F32, 1);
        return (name, dims) -> one.view(TensorSpec.of(DType.F32, dims), new long[dims.length], 0);
    }

    /** New trainable parameters of one type, not yet filled, in the current scope. */
    static ParameterSource fresh(DType dtype) {
        return (name, dims) -> Tensor.empty(dtype, dims).requiresGrad(true);
    }
}
