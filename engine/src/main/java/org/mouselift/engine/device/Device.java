package org.mouselift.engine.device;

import java.util.List;
import org.mouselift.engine.DType;
import org.mouselift.engine.Operation;
import org.mouselift.engine.trace.Program;

/** A device in use. Close it to free everything that was allocated through it. */
public interface Device extends AutoCloseable {
    DeviceInfo info();

    /** True if the device has a kernel of its own for an operation; pass it to {@link Program.Definition#kernels}. */
    boolean computes(Operation operation, DType dtype);

    /**
     * Prepares a program: places its buffers, checks the plan, compiles on first run.
     *
     * @throws DeviceException naming the operation that has no kernel, or the limit that the program exceeds; a
     *     {@link DeviceMemoryException} if that is the memory that is left
     */
    DeviceProgram prepare(Program program);

    /** True if what the device cannot do may be done on the CPU instead of being an error. */
    default boolean allowsCpuOperations() {
        return false;
    }

    /** Names of the libraries of the device's maker that programs prepared here may use. */
    default List<String> libraries() {
        return List.of();
    }

    /** What the factors of matrix products are rounded to. */
    default DevicePrecision precision() {
        return DevicePrecision.FP32;
    }

    /** Bytes of device memory held through this object now. */
    long allocatedBytes();

    @Override
    void close();
}
