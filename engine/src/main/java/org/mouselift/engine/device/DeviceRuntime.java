package org.mouselift.engine.device;

import java.util.ArrayList;
import java.util.List;
import java.util.ServiceConfigurationError;
import java.util.ServiceLoader;

/** A library that drives devices; implementations are found by {@link ServiceLoader}, and nobody else names them. */
public interface DeviceRuntime {
    /** Name and version of the library. */
    String name();

    /**
     * All devices it can reach, possibly none.
     *
     * @throws DeviceException if the library cannot start, with the cause in words
     */
    List<DeviceInfo> devices();

    /** The libraries of its maker that a device could use, with those that are not usable and why; none where its kind offers none. */
    default List<VendorLibrary> libraries(DeviceInfo device) {
        return List.of();
    }

    /** Takes a device into use. */
    Device open(DeviceInfo device, DeviceOptions options);

    /**
     * Opens the device that a request means.
     *
     * @throws DeviceException if no runtime is present, it does not start, or it has no such device
     */
    static Device open(DeviceRequest request, DeviceOptions options) {
        List<DeviceRuntime> runtimes = installed();
        if (runtimes.isEmpty()) {
            throw new DeviceException("device '" + request + "': no device runtime is loaded. Install a TornadoVM SDK for JDK 25, set TORNADOVM_HOME to it, "
                    + "run ./mouselift build and start through ./mouselift; mouselift doctor says what it found");
        }
        List<DeviceInfo> all = new ArrayList<>();
        for (DeviceRuntime runtime : runtimes) {
            all.addAll(runtime.devices());
        }
        DeviceInfo chosen = request.choose(all);
        for (DeviceRuntime runtime : runtimes) {
            if (runtime.devices().contains(chosen)) {
                return runtime.open(chosen, options);
            }
        }
        throw new DeviceException("device '" + request + "' disappeared while it was opened");
    }

    /** The runtimes of this JVM. */
    static List<DeviceRuntime> installed() {
        List<DeviceRuntime> out = new ArrayList<>();
        try {
            for (DeviceRuntime r : ServiceLoader.load(DeviceRuntime.class, DeviceRuntime.class.getClassLoader())) {
                out.add(r);
            }
        } catch (ServiceConfigurationError | LinkageError e) {
            throw new DeviceException("a device runtime is present but does not load (" + e + "): set TORNADOVM_HOME to the SDK, run ./mouselift build, and start through"
                    + " ./mouselift, which passes the SDK's flags", e);
        }
        return out;
    }
}
