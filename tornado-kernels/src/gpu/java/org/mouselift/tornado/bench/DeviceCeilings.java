package org.mouselift.tornado.bench;

import org.mouselift.tornado.kernel.CeilingKernel;
import uk.ac.manchester.tornado.api.GridScheduler;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.TaskGraph;
import uk.ac.manchester.tornado.api.TornadoExecutionPlan;
import uk.ac.manchester.tornado.api.WorkerGrid1D;
import uk.ac.manchester.tornado.api.common.TornadoDevice;
import uk.ac.manchester.tornado.api.enums.DataTransferMode;
import uk.ac.manchester.tornado.api.exceptions.TornadoExecutionPlanException;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;

/**
 * Measured ceilings of a device.
 *
 * @param teraflops float32 multiply-adds, two operations each
 * @param gigabytes bytes read plus bytes written by a copy, a second
 */
record DeviceCeilings(double teraflops, double gigabytes) {
    private static final int LOCAL = 256;
    private static final int REPEATS = 5;

    /** @param items work items and elements of the copy; @param turns loop turns of the multiply-adds */
    static DeviceCeilings measure(TornadoDevice device, int items, int turns) {
        FloatArray x = new FloatArray(items);
        FloatArray y = new FloatArray(items);
        x.set(0, 0.999f);
        x.set(1, 0.001f);
        TaskGraph sums = new TaskGraph("sums").transferToDevice(DataTransferMode.FIRST_EXECUTION, x)
                .task("k", CeilingKernel::multiplyAdds, new KernelContext(), x, y, turns).persistOnDevice(y);
        TaskGraph copies = new TaskGraph("copies").transferToDevice(DataTransferMode.FIRST_EXECUTION, x)
                .task("k", CeilingKernel::copy, new KernelContext(), x, y).persistOnDevice(y);
        WorkerGrid1D grid = new WorkerGrid1D(items);
        grid.setLocalWork(LOCAL, 1, 1);
        GridScheduler scheduler = new GridScheduler();
        scheduler.addWorkerGrid("sums.k", grid);
        scheduler.addWorkerGrid("copies.k", grid);
        try (TornadoExecutionPlan plan = new TornadoExecutionPlan(sums.snapshot(), copies.snapshot())) {
            plan.withDevice(device);
            plan.withGridScheduler(scheduler);
            double a = best(plan, 0);
            double b = best(plan, 1);
            return new DeviceCeilings(2.0 * CeilingKernel.CHAINS * turns * items / a * 1e-12, 8.0 * items / b * 1e-9);
        } catch (TornadoExecutionPlanException e) {
            throw new IllegalStateException("measuring the device failed: " + e.getMessage(), e);
        }
    }

    private static double best(TornadoExecutionPlan plan, int graph) {
        double best = Double.MAX_VALUE;
        for (int i = 0; i <= REPEATS; i++) {
            long start = System.nanoTime();
            plan.withGraph(graph).execute();
            if (i > 0) {
                best = Math.min(best, (System.nanoTime() - start) * 1e-9);
            }
        }
        return best;
    }
}
