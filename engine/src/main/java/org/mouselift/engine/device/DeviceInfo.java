package org.mouselift.engine.device;

import java.util.Locale;

/**
 * One device as its runtime describes it.
 *
 * @param kind programming interface: opencl, ptx or cuda
 * @param index position among the devices of its kind, from 0
 * @param name what the driver calls it
 * @param memoryBytes global memory
 * @param gpu false for a processor behind a device interface
 */
public record DeviceInfo(String kind, int index, String name, long memoryBytes, boolean gpu) {
    /** How a command line asks for it: {@code opencl:0}. */
    public String request() {
        return kind + ":" + index;
    }

    @Override
    public String toString() {
        return String.format(Locale.ROOT, "%s %s (%s, %.1f GiB)", request(), name, gpu ? "GPU" : "not a GPU", memoryBytes / (double) (1L << 30));
    }
}
