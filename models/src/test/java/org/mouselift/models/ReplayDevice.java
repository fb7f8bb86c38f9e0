package org.mouselift.models;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;
import org.mouselift.engine.DType;
import org.mouselift.engine.Operation;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.device.Device;
import org.mouselift.engine.device.DeviceInfo;
import org.mouselift.engine.device.DeviceProgram;
import org.mouselift.engine.trace.Program;

/** A device that replays programs on the CPU: what is traced for devices, without one. */
public final class ReplayDevice implements Device {
    private final Predicate<Operation> has;
    public final List<Program> programs = new ArrayList<>();
    public int runs;
    public int open;

    /** @param has operations with kernels; the others must be taken apart */
    public ReplayDevice(Predicate<Operation> has) {
        this.has = has;
    }

    @Override
    public DeviceInfo info() {
        return new DeviceInfo("opencl", 0, "replay", 1 << 20, false);
    }

    @Override
    public boolean computes(Operation operation, DType dtype) {
        return has.test(operation);
    }

    @Override
    public DeviceProgram prepare(Program program) {
        programs.add(program);
        open++;
        return new DeviceProgram() {
            @Override
            public List<Tensor> run(List<Tensor> operands) {
                runs++;
                return program.run(operands);
            }

            @Override
            public long deviceBytes() {
                return program.plan().arenaBytes();
            }

            @Override
            public String listing() {
                return program.toString();
            }

            @Override
            public void close() {
                open--;
            }
        };
    }

    @Override
    public long allocatedBytes() {
        return open;
    }

    @Override
    public void close() {}
}
