package org.mouselift.tornado.bench;

import org.mouselift.engine.device.Device;
import org.mouselift.engine.device.DeviceOptions;
import org.mouselift.engine.device.DeviceRequest;
import org.mouselift.engine.device.DeviceRuntime;
import org.mouselift.tornado.kernel.KernelCatalogue;
import uk.ac.manchester.tornado.api.GridScheduler;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.TaskGraph;
import uk.ac.manchester.tornado.api.TornadoExecutionPlan;
import uk.ac.manchester.tornado.api.WorkerGrid1D;
import uk.ac.manchester.tornado.api.common.TornadoDevice;
import uk.ac.manchester.tornado.api.enums.DataTransferMode;
import uk.ac.manchester.tornado.api.exceptions.TornadoExecutionPlanException;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Compiles every kernel for a device and runs none. Argument: device. */
public final class KernelCompilation {
    private static final int LOCAL = 32;

    private KernelCompilation() {}

    public static void main(String[] args) {
        if (args.length != 1) {
            throw new IllegalArgumentException("usage: KernelCompilation DEVICE");
        }
        try (Device device = DeviceRuntime.open(DeviceRequest.parse(args[0]), DeviceOptions.DEFAULT)) {
            TornadoDevice compiler = DeviceBench.device(device.info());
            for (String kernel : KernelCatalogue.names()) {
                compile(compiler, kernel);
            }
        }
    }

    private static void compile(TornadoDevice device, String kernel) {
        FloatArray mem = new FloatArray(LOCAL);
        IntArray ints = new IntArray(LOCAL);
        IntArray arguments = new IntArray(LOCAL);
        FloatArray constants = new FloatArray(LOCAL);
        IntArray at = new IntArray(1);
        TaskGraph graph = new TaskGraph("compile").transferToDevice(DataTransferMode.FIRST_EXECUTION, mem, ints, arguments, constants, at)
                .task(kernel, KernelCatalogue.of(kernel), new KernelContext(), mem, ints, arguments, constants, at, 0).persistOnDevice(mem, ints);
        WorkerGrid1D grid = new WorkerGrid1D(LOCAL);
        grid.setLocalWork(LOCAL, 1, 1);
        GridScheduler scheduler = new GridScheduler();
        scheduler.addWorkerGrid("compile." + kernel, grid);
        try (TornadoExecutionPlan plan = new TornadoExecutionPlan(graph.snapshot())) {
            plan.withDevice(device);
            plan.withGridScheduler(scheduler);
            plan.withPreCompilation();
        } catch (TornadoExecutionPlanException e) {
            throw new IllegalStateException("compiling " + kernel + " failed: " + e.getMessage(), e);
        }
    }
}
