package org.mouselift.pipeline.cli;

import java.util.List;
import java.util.stream.Collectors;
import org.mouselift.engine.device.DeviceInfo;
import org.mouselift.engine.device.DeviceRuntime;
import org.mouselift.engine.device.VendorLibrary;
import org.mouselift.engine.nn.Placement;

/**
 * The device that computed the networks, as records of results keep it.
 *
 * @param device as {@link DeviceInfo} describes it
 * @param precision of the factors of matrix products: fp32 or fp16
 * @param vendorLibraries of its maker that large matrix products went to; empty where all kernels were ours
 */
record DeviceUse(String device, String precision, List<String> vendorLibraries) {
    /** Of the command that runs now; null on the CPU. */
    static DeviceUse now() {
        Placement here = Placement.current();
        return here == null ? null : new DeviceUse(here.device().info().toString(), here.device().precision().toString(), here.device().libraries());
    }

    /** Why a device has no usable library of its maker. */
    static String noLibrary(DeviceInfo device) {
        List<VendorLibrary> known = DeviceRuntime.installed().stream().flatMap(r -> r.libraries(device).stream()).toList();
        if (known.isEmpty()) {
            return device.kind() + " devices offer no vendor libraries";
        }
        List<VendorLibrary> missing = known.stream().filter(l -> !l.usable()).toList();
        return missing.isEmpty() ? "vendor libraries get float32 products only" : missing.stream().map(VendorLibrary::toString).collect(Collectors.joining("; "));
    }
}
