package org.mouselift.engine;

import java.util.List;

/**
 * Where operations go: {@link Eager} computes now, a tracer records into a program. The current executor is a property
 * of the thread.
 */
public interface Executor {
    /** Runs or records one operation whose operands have been checked; {@code specs} are its results. */
    List<Tensor> execute(Operation operation, List<Tensor> inputs, List<TensorSpec> specs);

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
