package org.mouselift.models.optim;

import java.util.Map;
import java.util.function.Function;
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
