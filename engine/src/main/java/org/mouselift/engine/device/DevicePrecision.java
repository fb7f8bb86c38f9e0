package org.mouselift.engine.device;

import java.util.Arrays;
import java.util.Locale;

/** What the factors of matrix products, those of attention among them, are rounded to on a device. Sums, and everything else, are float32 in any case. */
public enum DevicePrecision {
    /** Not rounded: the kernels that every device has. */
    FP32,
    /**
     * IEEE binary16, multiplied by tensor cores: 11 bits, largest value {@link #LARGEST_HALF}. Devices of the kinds ptx and cuda with
     * compute capability 8.0 or more. A factor that does not fit is an error after the run, never an infinity that goes unnoticed.
     */
    FP16;

    /** Largest finite binary16. */
    public static final float LARGEST_HALF = 65504f;

    /** @throws DeviceException if the text names no precision */
    public static DevicePrecision parse(String text) {
        return Arrays.stream(values()).filter(p -> p.toString().equals(text)).findFirst()
                .orElseThrow(() -> new DeviceException("device precision '" + text + "', expected fp32 or fp16"));
    }

    /** True if a kind of device has kernels of this precision. */
    public boolean reachedBy(String kind) {
        return this == FP32 || kind.equals("ptx") || kind.equals("cuda");
    }

    /** @throws DeviceException if a kind of device has no kernels of this precision */
    public void require(DeviceInfo device) {
        if (!reachedBy(device.kind())) {
            throw new DeviceException("precision fp16 multiplies on tensor cores, which " + device + " does not reach; use fp32, or --device ptx or cuda");
        }
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
