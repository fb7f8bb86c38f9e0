package org.mouselift.tornado;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.mouselift.engine.DType;
import org.mouselift.engine.Operation;
import org.mouselift.engine.device.Device;
import org.mouselift.engine.device.DeviceException;
import org.mouselift.engine.device.DeviceInfo;
import org.mouselift.engine.device.DeviceMemoryException;
import org.mouselift.engine.device.DeviceOptions;
import org.mouselift.engine.device.DevicePrecision;
import org.mouselift.engine.device.DeviceProgram;
import org.mouselift.engine.trace.Program;
import org.mouselift.tornado.plan.DevicePlan;
import org.mouselift.tornado.plan.Lowering;
import org.mouselift.tornado.plan.LoweringRules;
import org.mouselift.tornado.plan.ProductLibrary;
import uk.ac.manchester.tornado.api.common.TornadoDevice;

/** One device through TornadoVM, and the programs that live on it. */
final class TornadoVmDevice implements Device {
    private static final String MEMORY = "tornado.device.memory";
    /** TornadoVM's limit without that property. */
    private static final long TORNADO_DEFAULT = 4L << 30;

    private final DeviceInfo info;
    private final TornadoDevice device;
    private final DeviceOptions options;
    private final ProductLibrary products;
    private final List<PlanExecution> programs = new ArrayList<>();
    private boolean closed;

    /** @param products the library that computes the matrix products it takes, or null */
    TornadoVmDevice(DeviceInfo info, TornadoDevice device, DeviceOptions options, ProductLibrary products) {
        options.precision().require(info);
        this.products = products;
        this.info = info;
        this.device = device;
        this.options = options;
    }

    @Override
    public DeviceInfo info() {
        return info;
    }

    @Override
    public List<String> libraries() {
        return products == null ? List.of() : List.of(products.name());
    }

    TornadoDevice device() {
        return device;
    }

    @Override
    public boolean computes(Operation operation, DType dtype) {
        return LoweringRules.covers(operation, dtype);
    }

    @Override
    public boolean allowsCpuOperations() {
        return options.allowCpuOperations();
    }

    @Override
    public DevicePrecision precision() {
        return options.precision();
    }

    @Override
    public DeviceProgram prepare(Program program) {
        if (closed) {
            throw new DeviceException("device " + info.request() + " was closed");
        }
        DevicePlan plan = Lowering.of(program, options.allowCpuOperations(), products, options.precision());
        long limit = options.memoryBytes() > 0 ? options.memoryBytes() : device.getMaxGlobalMemory();
        long taken = allocatedBytes();
        if (plan.bytes() > limit - taken) {
            throw new DeviceMemoryException(String.format(Locale.ROOT, "program '%s' needs %.2f GiB on %s (weights %.2f GiB); of its limit of %.2f GiB programs hold %.2f GiB",
                    plan.name(), gib(plan.bytes()), info.request(), gib(plan.weightBytes()), gib(limit), gib(taken)));
        }
        // TornadoVM counts by itself, and stops at 4 GB unless it is told otherwise.
        if (System.getProperty(MEMORY) == null && plan.bytes() > TORNADO_DEFAULT - taken) {
            throw new DeviceException(String.format(Locale.ROOT, "program '%s' needs %.2f GiB, programs hold %.2f GiB, and TornadoVM's own limit is 4 GiB: start with -D%s=1024GB, as "
                    + "conf/device.options says (./mouselift does)", plan.name(), gib(plan.bytes()), gib(taken), MEMORY));
        }
        long block = device.getMaxAllocMemory();
        if (block > 0 && 4 * Math.max(plan.floats(), plan.ints()) + 1024 > block) {
            throw new DeviceException(String.format(Locale.ROOT, "program '%s' needs one array of %.2f GiB; %s allocates at most %.2f GiB at once", plan.name(),
                    gib(4 * Math.max(plan.floats(), plan.ints())), info.request(), gib(block)));
        }
        PlanExecution execution = new PlanExecution(this, program, plan);
        programs.add(execution);
        return execution;
    }

    void forget(PlanExecution program) {
        programs.remove(program);
    }

    @Override
    public long allocatedBytes() {
        return programs.stream().mapToLong(PlanExecution::heldBytes).sum();
    }

    private static double gib(long bytes) {
        return bytes / (double) (1L << 30);
    }

    @Override
    public void close() {
        closed = true;
        List.copyOf(programs).forEach(PlanExecution::close);
    }
}
