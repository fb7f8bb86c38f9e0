package org.mouselift.engine;

import java.util.List;
import java.util.Optional;

/**
 * One operation of the engine: a record whose components are its parameters. It knows shapes and gradients, not how to
 * compute: kernels are looked up by (operation class, element type of the first input) in {@link Kernels}.
 */
public interface Operation {
    /** Name in error messages and program listings, lower case: {@code matmul}. */
    String name();

    /**
     * Checks the operands and says what comes out.
     *
     * @throws ShapeException if shapes or types do not fit, naming the operands and the expectation
     */
    List<TensorSpec> infer(List<TensorSpec> inputs);

    /**
     * Vector-Jacobian product: the gradient of each input (null where none flows or none is wanted), written in other
     * operations so that it runs on every executor. Gradients have the shape of their input.
     */
    List<Tensor> vjp(Vjp v);

    /**
     * The same result from more primitive operations, for fused operations: the oracle of the kernels and the path taken
     * when no kernel exists for an element type. Gradients then follow the primitives. An operation that overwrites returns an
     * empty list when its parts have done so.
     */
    default Optional<List<Tensor>> composed(List<Tensor> inputs) {
        return Optional.empty();
    }

    /** Index of the input that is overwritten, or -1. Such an operation has no outputs and no gradient. */
    default int overwrites() {
        return -1;
    }
}
