package org.mouselift.pipeline.cli;

import java.util.concurrent.Callable;
import org.mouselift.engine.device.Device;
import org.mouselift.engine.device.DeviceException;
import org.mouselift.engine.device.DeviceOptions;
import org.mouselift.engine.device.DeviceRequest;
import org.mouselift.engine.device.DeviceRuntime;
import org.mouselift.engine.nn.Placement;
import picocli.CommandLine.Option;

/** {@code --device}: where a command computes its networks. The launcher looks for this option too, to start the JVM with the flags of the device's runtime. */
final class DeviceArgument {
    @Option(names = "--device", defaultValue = "cpu", paramLabel = "DEVICE",
            description = "Compute the networks on cpu, opencl, ptx or cuda; opencl:1 is the second device of its kind (default: ${DEFAULT-VALUE}).")
    private String request;

    @Option(names = "--allow-cpu-ops", description = "Operations without a kernel for the device run on the CPU in between; without this they are errors.")
    private boolean allowCpuOperations;

    /** Runs a command with the networks on the asked device, which is opened before and freed after it. */
    <T> T run(Mouselift mouselift, Callable<T> command) throws Exception {
        DeviceRequest asked;
        try {
            asked = DeviceRequest.parse(request);
        } catch (DeviceException e) {
            throw CommandException.usage("--device " + e.getMessage(), "");
        }
        if (asked.isCpu()) {
            return command.call();
        }
        try (Device device = DeviceRuntime.open(asked, new DeviceOptions(allowCpuOperations, 0)); Placement placement = new Placement(device)) {
            mouselift.note("computing on " + device.info());
            return placement.during(command::call);
        }
    }

    /** As {@link #run}, with fresh device memory: for parts of a command whose models do not outlive them. */
    static <T, E extends Exception> T apart(Placement.Body<T, E> part) throws E {
        Placement here = Placement.current();
        if (here == null) {
            return part.run();
        }
        try (Placement own = new Placement(here.device())) {
            return own.during(part);
        }
    }
}
