package org.mouselift.engine.device;

/**
 * How programs are prepared for a device.
 *
 * @param allowCpuOperations operations without a device kernel run on the CPU, with transfers around them, instead of being errors
 * @param memoryBytes device memory that programs may take; 0 for what the device reports
 * @param precision what the factors of matrix products are rounded to
 * @param vendorLibraries libraries of the card's maker compute what they are better at, where they are usable
 */
public record DeviceOptions(boolean allowCpuOperations, long memoryBytes, DevicePrecision precision, boolean vendorLibraries) {
    public static final DeviceOptions DEFAULT = new DeviceOptions(false, 0);

    /** Options with float32 products, by vendor libraries where they are usable. */
    public DeviceOptions(boolean allowCpuOperations, long memoryBytes) {
        this(allowCpuOperations, memoryBytes, DevicePrecision.FP32);
    }

    /** Options with vendor libraries where they are usable. */
    public DeviceOptions(boolean allowCpuOperations, long memoryBytes, DevicePrecision precision) {
        this(allowCpuOperations, memoryBytes, precision, true);
    }

    public DeviceOptions {
        if (memoryBytes < 0) {
            throw new DeviceException("device memory limit of " + memoryBytes + " bytes, expected 0 or more");
        }
    }
}
