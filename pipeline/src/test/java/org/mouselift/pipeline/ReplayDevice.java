package org.mouselift.pipeline;

import java.util.ArrayList;
import java.util.List;
import org.mouselift.engine.DType;
import org.mouselift.engine.Operation;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.device.Device;
import org.mouselift.engine.device.DeviceInfo;
import org.mouselift.engine.device.DeviceMemoryException;
import org.mouselift.engine.device.DeviceProgram;
import org.mouselift.engine.trace.Program;

/** A device that replays programs on the CPU, counts them, and has room for so many at a time. */
public final class ReplayDevice implements Device {
    private final int room;
    /** Names of all programs in the order in which they were prepared. */
    public final List<String> names = new ArrayList<>();
    public int prepared;
    public int runs;
    public int open;

    public ReplayDevice() {
        this(Integer.MAX_VALUE);
    }

    /** @param room programs that fit */
    public ReplayDevice(int room) {
        this.room = room;
    }

    @Override
    public DeviceInfo info() {
        return new DeviceInfo("opencl", 0, "replay", 1 << 20, false);
    }

    @Override
    public boolean computes(Operation operation, DType dtype) {
        return true;
    }

    @Override
    public DeviceProgram prepare(Program program) {
        if (open >= room) {
            throw new DeviceMemoryException("no room for '" + program.name() + "'");
        }
        names.add(program.name());
        prepared++;
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
