package org.mouselift.models.optim;

import org.mouselift.engine.EngineException;

/**
 * Which passes an update of the weights collects: {@code size} after each other, and fewer before the end of an epoch, where a
 * window ends in any case (multi-view diffusion specification §4.5).
 *
 * @param size passes of a whole window; the gradients of every pass are divided by it, also in a shorter window
 * @param epoch passes of an epoch; 0 if windows go on across epochs
 */
public record AccumulationWindows(int size, long epoch) {
    public AccumulationWindows {
        if (size < 1 || epoch < 0) {
            throw new EngineException("training: accumulation of " + size + " passes in epochs of " + epoch + ", expected at least 1 pass, and epochs of none or more");
        }
    }

    /** True if a window ends after so many passes since the beginning; so does 0. */
    public boolean endsAfter(long passes) {
        return epoch == 0 ? passes % size == 0 : passes % epoch == 0 || passes % epoch % size == 0;
    }

    /** Windows that ended within so many passes. */
    public long windows(long passes) {
        return epoch == 0 ? passes / size : Math.addExact(Math.multiplyExact(passes / epoch, perEpoch()), passes % epoch / size);
    }

    /** Passes of the first windows. */
    public long passes(long windows) {
        return epoch == 0 ? Math.multiplyExact(windows, size)
                : Math.addExact(Math.multiplyExact(windows / perEpoch(), epoch), Math.multiplyExact(windows % perEpoch(), size));
    }

    private long perEpoch() {
        return epoch / size + (epoch % size == 0 ? 0 : 1);
    }
}
