package org.mouselift.engine;

import java.util.List;

/**
 * Where operations go: {@link Eager} computes now, a tracer records into a program. The current executor is a property
 * of the thread.
 */
public interface Executor {
    /** Runs or records one operation whose operands have been checked; {@code specs} are its results. */
    List<Tensor> execute(Operation operation, List<Tensor> inputs, List<TensorSpec> specs);

    /**
     * True if this executor has a kernel of its own for an operation; otherwise fused operations are taken apart with
     * {@link Operation#composed}. The default is what the CPU can do, so that a traced program takes the same path as
     * eager execution.
     */
    default boolean computes(Operation operation, DType dtype) {
        return Kernels.has(operation.getClass(), dtype);
    }

    /** The executor of this thread. */
    static Executor current() {
        return CurrentExecutor.get();
    }

    /** Runs a body with another executor. */
    static <T> T with(Executor executor, java.util.function.Supplier<T> body) {
        Executor before = CurrentExecutor.get();
        CurrentExecutor.set(executor);
        try {
            return body.get();
        } finally {
            CurrentExecutor.set(before);
        }
    }
}
