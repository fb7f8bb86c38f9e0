package org.mouselift.models.optim;

import java.util.Map;
import java.util.function.Function;
import org.mouselift.engine.EngineException;
import org.mouselift.engine.Tensor;

/** Updates parameters in place from their gradients, and owns the state that this needs (close it to free it). */
public interface Optimizer extends AutoCloseable {
    /**
     * One update of every parameter.
     *
     * @param gradients gradient of a parameter, or null if the loss does not depend on it (it is then left as it is)
     * @param coefficient factor on all gradients, from clipping
     * @param rate learning rate
     */
    void step(Function<Tensor, Tensor> gradients, double coefficient, double rate);

    /**
     * One update as operations only, for tracing: the same program serves every step when its numbers are given anew. Does not
     * count the update.
     *
     * @param gradients as in {@link #step}
     * @param coefficient factor on all gradients, rank 0; negative leaves the update out
     * @param numbers those of {@link #numbers}, [n]; a negative first one leaves the update out
     * @throws EngineException if this rule has no form in operations
     */
    default void update(Function<Tensor, Tensor> gradients, Tensor coefficient, Tensor numbers) {
        throw new EngineException(getClass().getSimpleName() + " cannot be part of a traced training step; train with AdamW there, or on the CPU");
    }

    /** What the next update depends on besides gradients, the learning rate first. */
    default double[] numbers(double rate) {
        throw new EngineException(getClass().getSimpleName() + " cannot be part of a traced training step; train with AdamW there, or on the CPU");
    }

    /** The memory that an update overwrites besides the parameters, by name. */
    default Map<String, Tensor> state() {
        throw new EngineException(getClass().getSimpleName() + " cannot be part of a traced training step; train with AdamW there, or on the CPU");
    }

    /** The parameters by name. */
    Map<String, Tensor> parameters();

    /** Momentum of every parameter by name: views of the state, in the current scope. */
    Map<String, Tensor> firstMoments();

    /** Mean squared gradients of the parameters that have them, by name: views of the state, in the current scope. */
    Map<String, Tensor> secondMoments();

    /** Number of performed updates. */
    long updates();

    /** Continues after a stored update. */
    void updates(long performed);

    @Override
    void close();
}
