package org.mouselift.pipeline.cli;

import java.util.concurrent.Callable;
import org.mouselift.engine.device.Device;
import org.mouselift.engine.device.DeviceException;
import org.mouselift.engine.device.DeviceOptions;
import org.mouselift.engine.device.DevicePrecision;
import org.mouselift.engine.device.DeviceRequest;
import org.mouselift.engine.device.DeviceRuntime;
import org.mouselift.engine.nn.Placement;
import picocli.CommandLine.Option;

/** {@code --device}: where a command computes its networks. The launcher looks for this option too, to start the JVM with the flags of the device's runtime. */
final class DeviceArgument {
    @Option(names = "--device", defaultValue = "cpu", paramLabel = "DEVICE",
            description = "Compute networks, training steps and pictures on cpu, opencl, ptx or cuda; opencl:1 is the second device of its kind (default: ${DEFAULT-VALUE}).")
    private String request;

    @Option(names = "--allow-cpu-ops", description = "What the device has no kernel for runs on the CPU in between; without this it is an error.")
    private boolean allowCpuOperations;

    @Option(names = "--no-vendor-libs", description = "Compute on the device with Mouselift's own kernels alone, without libraries of its maker (cuBLAS on cuda).")
    private boolean noVendorLibraries;

    @Option(names = "--device-precision", defaultValue = "fp32", paramLabel = "PRECISION",
            description = "Factors of matrix products on the device: fp32, or fp16 for tensor cores (ptx and cuda; sums stay float32; not for training; default: ${DEFAULT-VALUE}).")
    private String precision;

    /** True if something other than the CPU was asked for. */
    boolean isUsed() {
        return !DeviceRequest.CPU.kind().equals(request);
    }

    /** What was asked for. */
    String asked() {
        return request;
    }

    /** As {@link #run} for a command that trains, which half precision would harm: gradients are often smaller than what fp16 can hold. */
    <T> T train(Mouselift mouselift, Callable<T> command) throws Exception {
        if (!DevicePrecision.FP32.toString().equals(precision)) {
            throw CommandException.usage("--device-precision " + precision + ": training computes in float32, small gradients would vanish in half floats", "Leave the option out.");
        }
        return run(mouselift, command);
    }

    private DevicePrecision precision(DeviceRequest asked) {
        DevicePrecision factors;
        try {
            factors = DevicePrecision.parse(precision);
        } catch (DeviceException e) {
            throw CommandException.usage("--device-precision: " + e.getMessage(), "");
        }
        if (asked.isCpu() && factors != DevicePrecision.FP32) {
            throw CommandException.usage("--device-precision " + precision + " is for devices, the CPU computes in float32", "Add --device ptx or --device cuda, or leave it out.");
        }
        return factors;
    }

    /** Runs a command with the networks on the asked device, which is opened before and freed after it. */
    <T> T run(Mouselift mouselift, Callable<T> command) throws Exception {
        DeviceRequest asked;
        try {
            asked = DeviceRequest.parse(request);
        } catch (DeviceException e) {
            throw CommandException.usage("--device " + e.getMessage(), "");
        }
        DevicePrecision factors = precision(asked);
        if (asked.isCpu()) {
            return command.call();
        }
        try (Device device = DeviceRuntime.open(asked, new DeviceOptions(allowCpuOperations, 0, factors, !noVendorLibraries)); Placement placement = new Placement(device)) {
            mouselift.note("networks, training steps and pictures run on " + device.info());
            mouselift.note(libraries(device));
            if (factors == DevicePrecision.FP16) {
                mouselift.note("factors of linear layers, matrix products and attention are rounded to fp16 for tensor cores, everything else is float32");
            }
            T result = placement.during(command::call);
            if (placement.callsHere() > 0) {
                mouselift.note("--allow-cpu-ops: " + placement.callsHere() + " calls of modules under a tape ran on the CPU");
            }
            return result;
        }
    }

    private String libraries(Device device) {
        if (!device.libraries().isEmpty()) {
            return "large matrix products through " + String.join(", ", device.libraries()) + ", all else through Mouselift's own kernels (--no-vendor-libs: everything)";
        }
        return "all kernels are Mouselift's own: " + (noVendorLibraries ? "--no-vendor-libs" : DeviceUse.noLibrary(device.info()));
    }

    /** What a part of a command gave, and how many calls of modules it made on the device; -1 where the CPU was asked for. */
    record Part<T>(T result, long calls) {}

    /** Runs a part of a command, whose models do not outlive it, with device memory of its own. */
    static <T, E extends Exception> Part<T> apart(Placement.Body<T, E> part) throws E {
        Placement here = Placement.current();
        if (here == null) {
            return new Part<>(part.run(), -1);
        }
        try (Placement own = new Placement(here.device())) {
            T result = own.during(part);
            return new Part<>(result, own.calls());
        }
    }
}
