package org.mouselift.engine.nn;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.mouselift.engine.Tape;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.TensorSpec;
import org.mouselift.engine.device.Device;
import org.mouselift.engine.device.DeviceException;
import org.mouselift.engine.device.DeviceProgram;
import org.mouselift.engine.trace.Program;

/**
 * Runs the calls of modules on a device: the first call with operands of some specs is traced and prepared, later ones only
 * run. Hooks see the same values as on the CPU, after the whole call, and may watch but not replace.
 *
 * <p>Closing it frees the programs, not the device. Modules must be taken back ({@link Module#place} with null) before.
 */
public final class Placement implements AutoCloseable {
    private record Key(Module module, List<TensorSpec> specs, List<String> listenedTo) {}

    /** A tap that somebody listens to, with the results of the program that hold its operands and value. */
    private record Observation(Module module, String tapName, String at, int firstResult, int inputs) {}

    private record Prepared(Program program, DeviceProgram onDevice, List<Observation> observations) {}

    /** What the hooks of a call would have seen while it is traced. */
    private static final class Capture {
        final List<Observation> observations = new ArrayList<>();
        final List<Tensor> results = new ArrayList<>();
    }

    private static final ThreadLocal<Capture> CAPTURE = new ThreadLocal<>();
    private static final ThreadLocal<Placement> EVERYWHERE = new ThreadLocal<>();

    private final Device device;
    private final Map<Key, Prepared> programs = new HashMap<>();
    private final Map<Object, AutoCloseable> kept = new HashMap<>();
    private long calls;
    private long callsHere;

    public Placement(Device device) {
        this.device = device;
    }

    /** Runs a body in which the calls of all modules that have no place of their own go to this one, as far as this thread makes them. */
    public <T, E extends Exception> T during(Body<T, E> body) throws E {
        Placement before = EVERYWHERE.get();
        EVERYWHERE.set(this);
        try {
            return body.run();
        } finally {
            EVERYWHERE.set(before);
        }
    }

    /** What {@link #during} runs. */
    @FunctionalInterface
    public interface Body<T, E extends Exception> {
        T run() throws E;
    }

    /** The placement of this thread's modules, or null. */
    public static Placement current() {
        return EVERYWHERE.get();
    }

    public Device device() {
        return device;
    }

    /**
     * Something that lives as long as this placement, made at the first time it is asked for.
     *
     * @param key equal for what may be shared
     */
    public <T extends AutoCloseable> T kept(Object key, Class<T> type, Supplier<T> make) {
        AutoCloseable there = kept.get(key);
        if (there == null) {
            there = make.get();
            kept.put(key, there);
        }
        return type.cast(there);
    }

    /** Notes a run of a function on the device. */
    void ran() {
        calls++;
    }

    /** Calls of modules that ran on the CPU under a tape, where that was allowed. */
    public long callsHere() {
        return callsHere;
    }

    /** True if calls of a module go to the device now. */
    boolean takes(Module module) {
        if (!Tape.isOpen()) {
            return true;
        }
        if (!device.allowsCpuOperations()) {
            throw new DeviceException("module '" + (module.path().isEmpty() ? module.getClass().getSimpleName() : module.path()) + "' is called under a tape, and "
                    + device.info().request() + " has gradients only inside of traced programs (PlacedFunction). Run on the CPU, or allow such calls to run there"
                    + " (--allow-cpu-ops)");
        }
        callsHere++;
        return false;
    }

    /** Calls of modules and functions that ran on the device so far. */
    public long calls() {
        return calls;
    }

    /** Programs prepared so far, for listings. */
    public List<DeviceProgram> programs() {
        return programs.values().stream().map(Prepared::onDevice).toList();
    }

    Tensor call(Module module, Tensor... inputs) {
        for (int i = 0; i < inputs.length; i++) {
            if (inputs[i] == null) {
                throw new DeviceException("module '" + module.path() + "' was called with operand " + i + " missing; that cannot run on a device");
            }
        }
        Key key = new Key(module, Arrays.stream(inputs).map(Tensor::spec).toList(), module.listenedTo());
        Prepared p = programs.computeIfAbsent(key, this::prepare);
        List<Tensor> results = p.onDevice.run(List.of(inputs));
        calls++;
        for (Observation o : p.observations) {
            List<Tensor> operands = results.subList(o.firstResult, o.firstResult + o.inputs);
            Tensor value = results.get(o.firstResult + o.inputs);
            if (o.module.notify(o.tapName, o.at, operands, value) != value) {
                throw new DeviceException("hook at '" + o.at + "' replaces a value that was computed on " + device.info().request()
                        + "; there hooks can only watch. Run on the CPU to replace activations");
            }
        }
        return results.getFirst();
    }

    private Prepared prepare(Key key) {
        String name = key.module.path().isEmpty() ? key.module.getClass().getSimpleName() : key.module.path();
        Program.Definition definition = Program.define(name).weights(key.module.stateDict()).kernels(device::computes);
        for (int i = 0; i < key.specs.size(); i++) {
            definition.input("in" + i, key.specs.get(i));
        }
        Capture capture = new Capture();
        Program program = definition.trace(in -> {
            CAPTURE.set(capture);
            try {
                List<Tensor> out = new ArrayList<>(List.of(key.module.compute(in.toArray(Tensor[]::new))));
                out.addAll(capture.results);
                return out;
            } finally {
                CAPTURE.remove();
            }
        });
        try {
            return new Prepared(program, device.prepare(program), List.copyOf(capture.observations));
        } catch (RuntimeException e) {
            program.close();
            throw e;
        }
    }

    /** True if a call is being traced for a device: the tap's values are noted for the hooks and stay as they are. */
    static boolean observes(Module module, String tapName, String at, List<Tensor> inputs, Tensor value) {
        Capture capture = CAPTURE.get();
        if (capture == null) {
            return false;
        }
        // The first result of the program is the module's own.
        capture.observations.add(new Observation(module, tapName, at, 1 + capture.results.size(), inputs.size()));
        capture.results.addAll(inputs);
        capture.results.add(value);
        return true;
    }

    @Override
    public void close() {
        for (Prepared p : programs.values()) {
            p.onDevice.close();
            p.program.close();
        }
        programs.clear();
        DeviceException failed = null;
        for (AutoCloseable k : kept.values()) {
            try {
                k.close();
            } catch (Exception e) {
                failed = new DeviceException("freeing what was kept on " + device.info().request() + " failed: " + e.getMessage(), e);
            }
        }
        kept.clear();
        if (failed != null) {
            throw failed;
        }
    }
}
