package org.mouselift.engine.nn;

import java.util.List;
import org.mouselift.engine.Tensor;

/**
 * Watches or changes what a module (or a named tap inside it) computes. Works in eager and traced mode; gradients flow
 * through a replacement.
 */
@FunctionalInterface
public interface Hook {
    /**
     * @param path state-dict path of the module, or of the tap
     * @param inputs operands of the call; empty for a tap
     * @param output what was computed
     * @return {@code output} to only watch, or another tensor of the same spec to be used instead
     */
    Tensor on(String path, List<Tensor> inputs, Tensor output);

    /** Removes the hook again. */
    @FunctionalInterface
    interface Handle extends AutoCloseable {
        @Override
        void close();
    }
}
