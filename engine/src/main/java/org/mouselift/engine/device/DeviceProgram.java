package org.mouselift.engine.device;

import java.util.List;
import org.mouselift.engine.Tensor;

/** A program on a device. Weights go there once, and again after they were overwritten on the host. */
public interface DeviceProgram extends AutoCloseable {
    /**
     * As {@link org.mouselift.engine.trace.Program#run(List)}, on the device. Weights that the program overwrites stay there; the host
     * gets them back when somebody looks at their memory, or with {@link #close}.
     *
     * @return fresh tensors of the current scope
     */
    List<Tensor> run(List<Tensor> operands);

    /** Device memory that a run occupies. */
    long deviceBytes();

    /** The plan in words: arrays, segments, kernel launches. */
    String listing();

    @Override
    void close();
}
