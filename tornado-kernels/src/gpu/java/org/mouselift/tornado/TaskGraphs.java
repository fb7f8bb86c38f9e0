package org.mouselift.tornado;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.mouselift.engine.device.DeviceException;
import org.mouselift.tornado.kernel.CopyKernel;
import org.mouselift.tornado.kernel.KernelCatalogue;
import org.mouselift.tornado.kernel.LibraryProductKernel;
import org.mouselift.tornado.plan.Gemm;
import org.mouselift.tornado.plan.Grid;
import org.mouselift.tornado.plan.Launch;
import org.mouselift.tornado.plan.LibraryProduct;
import org.mouselift.tornado.plan.ProductLibrary;
import org.mouselift.tornado.plan.Segments;
import org.mouselift.tornado.plan.Segments.Segment;
import org.mouselift.tornado.plan.Step;
import uk.ac.manchester.tornado.api.GridScheduler;
import uk.ac.manchester.tornado.api.ImmutableTaskGraph;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.TaskGraph;
import uk.ac.manchester.tornado.api.TornadoExecutionPlan;
import uk.ac.manchester.tornado.api.WorkerGrid3D;
import uk.ac.manchester.tornado.api.common.TornadoDevice;
import uk.ac.manchester.tornado.api.common.TornadoFunctions.Task7;
import uk.ac.manchester.tornado.api.enums.DataTransferMode;
import uk.ac.manchester.tornado.api.exceptions.TornadoExecutionPlanException;
import uk.ac.manchester.tornado.api.exceptions.TornadoInternalError;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * The task graphs of one execution plan. A segment that occurs again (the next transformer block) runs through the graph of the
 * first one: only the places of its arguments differ, and they are data. What occurs once runs through graphs of one kernel each.
 */
final class TaskGraphs implements AutoCloseable {
    private static final String BASE = "base";
    private static final int[] STAGING = {1 << 12, 1 << 20};
    private static final int COPY_LOCAL = 128;

    /** One task graph: its index in the plan and the grids of its tasks. */
    private record Graph(int index, List<WorkerGrid3D> grids) {}

    private final FloatArray mem;
    private final IntArray ints;
    private final IntArray arguments;
    private final FloatArray constants;
    /** Places of arguments, or range of a transfer: sent with every execution. */
    private final IntArray at = new IntArray(Segments.MOST_LAUNCHES);
    private final FloatArray[] floatStaging = new FloatArray[STAGING.length];
    private final IntArray[] intStaging = new IntArray[STAGING.length];
    private final List<ImmutableTaskGraph> built = new ArrayList<>();
    private final GridScheduler scheduler = new GridScheduler();
    private final Map<List<String>, Graph> byKernels = new LinkedHashMap<>();
    private final Map<String, Graph> transfers = new LinkedHashMap<>();
    private final Map<Gemm, Graph> products = new LinkedHashMap<>();
    /** A, B and C of products that a library computes; null where it computes none. */
    private final FloatArray[] library;
    private final boolean[] ran;
    private final TornadoExecutionPlan plan;

    /**
     * @param steps those of the plan, by which graphs are made
     * @param library arrays for A, B and C of products that a library computes, or null
     */
    TaskGraphs(TornadoDevice device, FloatArray mem, IntArray ints, IntArray arguments, FloatArray constants, List<Step> steps, List<Segment> segments,
            FloatArray[] library) {
        this.library = library;
        this.mem = mem;
        this.ints = ints;
        this.arguments = arguments;
        this.constants = constants;
        TaskGraph base = new TaskGraph(BASE).transferToDevice(DataTransferMode.FIRST_EXECUTION, arguments, constants)
                .transferToDevice(DataTransferMode.EVERY_EXECUTION, at);
        FloatArray nothing = new FloatArray(1);
        base.transferToDevice(DataTransferMode.FIRST_EXECUTION, nothing);
        base.task("begin", CopyKernel::begin, new KernelContext(), mem, ints, arguments, constants, at, nothing);
        if (library == null) {
            grids(BASE, List.of("begin"));
            built.add(base.persistOnDevice(mem, ints, arguments, constants).snapshot());
        } else {
            base.task("library", LibraryProductKernel::begin, new KernelContext(), library[0], library[1], library[2], at);
            grids(BASE, List.of("begin", "library"));
            built.add(base.persistOnDevice(mem, ints, arguments, constants, library[0], library[1], library[2]).snapshot());
        }
        for (int i = 0; i < STAGING.length; i++) {
            floatStaging[i] = new FloatArray(STAGING[i]);
            intStaging[i] = new IntArray(STAGING[i]);
            transfer("floatsIn" + i, CopyKernel::floatsIn, floatStaging[i], true);
            transfer("floatsOut" + i, CopyKernel::floatsOut, floatStaging[i], false);
            transfer("intsIn" + i, CopyKernel::intsIn, intStaging[i], true);
            transfer("intsOut" + i, CopyKernel::intsOut, intStaging[i], false);
        }
        Map<List<String>, Integer> occurrences = new LinkedHashMap<>();
        for (Segment s : segments) {
            occurrences.merge(kernels(steps, s), 1, Integer::sum);
        }
        occurrences.forEach((kernels, n) -> {
            if (n > 1 && kernels.size() > 1) {
                graph(kernels);
            } else {
                kernels.forEach(k -> graph(List.of(k)));
            }
        });
        for (Step step : steps) {
            if (step instanceof LibraryProduct p && !products.containsKey(p.gemm())) {
                product(p.gemm());
            }
        }
        ran = new boolean[built.size()];
        plan = new TornadoExecutionPlan(built.toArray(ImmutableTaskGraph[]::new));
        plan.withDevice(device);
        plan.withGridScheduler(scheduler);
        execute(0);
    }

    private static List<String> kernels(List<Step> steps, Segment s) {
        List<String> out = new ArrayList<>();
        for (Step step : steps.subList(s.first(), s.end())) {
            if (step instanceof Launch l) {
                out.add(l.kernel());
            }
        }
        return out;
    }

    private void graph(List<String> kernels) {
        if (kernels.isEmpty() || byKernels.containsKey(kernels)) {
            return;
        }
        String name = "g" + built.size();
        TaskGraph g = consuming(name).transferToDevice(DataTransferMode.EVERY_EXECUTION, at);
        List<String> tasks = new ArrayList<>();
        for (int i = 0; i < kernels.size(); i++) {
            String task = "t" + i + kernels.get(i);
            tasks.add(task);
            g.task(task, KernelCatalogue.of(kernels.get(i)), new KernelContext(), mem, ints, arguments, constants, at, i);
        }
        byKernels.put(kernels, new Graph(built.size(), grids(name, tasks)));
        built.add(g.snapshot());
    }

    /** Factors out of the device array, the library's task, the result back. */
    private void product(Gemm gemm) {
        String name = "g" + built.size();
        TaskGraph g = consuming(name).transferToDevice(DataTransferMode.EVERY_EXECUTION, at);
        g.task("a", LibraryProductKernel::factor, new KernelContext(), mem, at, library[0], 0);
        g.task("b", LibraryProductKernel::factor, new KernelContext(), mem, at, library[1], 2);
        g.libraryTask("product", x -> CublasTask.of(x, library[0], library[1], library[2]), gemm);
        g.task("c", LibraryProductKernel::result, new KernelContext(), mem, at, library[2]);
        products.put(gemm, new Graph(built.size(), grids(name, List.of("a", "b", "c"))));
        built.add(g.snapshot());
    }

    /** Runs a product in the library. */
    void run(LibraryProduct product) {
        Graph g = products.get(product.gemm());
        int[] places = product.places();
        for (int i = 0; i < places.length; i++) {
            at.set(i, places[i]);
        }
        set(g.grids.get(0), Grid.items(places[1], COPY_LOCAL));
        set(g.grids.get(1), Grid.items(places[3], COPY_LOCAL));
        set(g.grids.get(2), Grid.items(places[4], COPY_LOCAL));
        execute(g.index);
    }

    private TaskGraph consuming(String name) {
        // TornadoVM takes the arrays over from the graph that ran last, whichever is named: every graph has to know all of them.
        TaskGraph g = new TaskGraph(name).consumeFromDevice(BASE, mem, ints, arguments, constants);
        return library == null ? g : g.consumeFromDevice(BASE, library[0], library[1], library[2]);
    }

    private <A> void transfer(String name, Task7<KernelContext, FloatArray, IntArray, IntArray, FloatArray, IntArray, A> kernel, A staging, boolean in) {
        TaskGraph g = consuming(name).transferToDevice(DataTransferMode.EVERY_EXECUTION, at);
        if (in) {
            g.transferToDevice(DataTransferMode.EVERY_EXECUTION, staging);
        }
        g.task("copy", kernel, new KernelContext(), mem, ints, arguments, constants, at, staging);
        if (!in) {
            g.transferToHost(DataTransferMode.EVERY_EXECUTION, staging);
        }
        transfers.put(name, new Graph(built.size(), grids(name, List.of("copy"))));
        built.add(g.snapshot());
    }

    private List<WorkerGrid3D> grids(String graph, List<String> tasks) {
        List<WorkerGrid3D> out = new ArrayList<>();
        for (String task : tasks) {
            WorkerGrid3D grid = new WorkerGrid3D(1, 1, 1);
            grid.setLocalWork(1, 1, 1);
            scheduler.addWorkerGrid(graph + "." + task, grid);
            out.add(grid);
        }
        return out;
    }

    private void execute(int graph) {
        ran[graph] = true;
        try {
            plan.withGraph(graph).execute();
        } catch (RuntimeException | TornadoInternalError e) {
            Throwable cause = e;
            while (cause.getCause() != null) {
                cause = cause.getCause();
            }
            String kernels = byKernels.entrySet().stream().filter(g -> g.getValue().index == graph).map(g -> g.getKey().toString()).findFirst()
                    .or(() -> products.entrySet().stream().filter(g -> g.getValue().index == graph).map(g -> ProductLibrary.CUBLAS.name() + " " + g.getKey()
                            + " (--no-vendor-libs runs Mouselift's own kernels)").findFirst()).orElse("transfers");
            throw new DeviceException("TornadoVM failed to run " + kernels + ": " + cause.getClass().getSimpleName() + ": "
                    + String.valueOf(cause.getMessage()).replaceAll("\u001B\\[[0-9;]*m", ""), e);
        }
    }

    /** Runs the launches of a segment whose arguments begin at the given places. */
    void run(List<Launch> launches, int[] argumentPlaces) {
        List<String> kernels = launches.stream().map(Launch::kernel).toList();
        Graph whole = byKernels.get(kernels);
        if (whole != null) {
            run(whole, launches, argumentPlaces, 0);
            return;
        }
        for (int i = 0; i < launches.size(); i++) {
            run(byKernels.get(kernels.subList(i, i + 1)), launches.subList(i, i + 1), argumentPlaces, i);
        }
    }

    private void run(Graph g, List<Launch> launches, int[] argumentPlaces, int first) {
        for (int i = 0; i < launches.size(); i++) {
            Grid grid = launches.get(i).grid();
            at.set(i, argumentPlaces[first + i]);
            set(g.grids.get(i), grid);
        }
        execute(g.index);
    }

    private static void set(WorkerGrid3D worker, Grid grid) {
        worker.setGlobalWork(grid.x(), grid.y(), grid.z());
        worker.setLocalWork(grid.localX(), 1, 1);
    }

    /** Largest number of elements that one transfer carries. */
    static int largestTransfer() {
        return STAGING[STAGING.length - 1];
    }

    /** The float staging array for n elements. */
    FloatArray floatStaging(int n) {
        return floatStaging[size(n)];
    }

    /** The int staging array for n elements. */
    IntArray intStaging(int n) {
        return intStaging[size(n)];
    }

    private static int size(int n) {
        return n <= STAGING[0] ? 0 : 1;
    }

    /** Moves n elements between a device array, from {@code first} on, and the start of its staging array. */
    void transfer(String direction, long first, int n) {
        Graph g = transfers.get(direction + size(n));
        at.set(0, Math.toIntExact(first));
        at.set(1, n);
        set(g.grids.getFirst(), Grid.items(n, COPY_LOCAL));
        execute(g.index);
    }

    /** Kernels that were compiled so far, those of transfers left out: each task of a graph once, however often the graph runs. */
    int compilations() {
        return byKernels.entrySet().stream().filter(g -> ran[g.getValue().index]).mapToInt(g -> g.getKey().size()).sum();
    }

    /** Device bytes beside the two arrays. */
    long stagingBytes() {
        long bytes = 4L * (arguments.getSize() + constants.getSize());
        for (int n : STAGING) {
            bytes += 8L * n;
        }
        return bytes;
    }

    @Override
    public void close() {
        // Each graph frees what it transferred itself; a graph that never ran holds nothing.
        for (int i = 0; i < ran.length; i++) {
            if (ran[i]) {
                plan.withGraph(i).freeDeviceMemory();
            }
        }
        try {
            plan.close();
        } catch (TornadoExecutionPlanException e) {
            throw new DeviceException("freeing device memory failed: " + e.getMessage(), e);
        }
    }
}
