package org.mouselift.engine.nn;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.TensorSpec;
import org.mouselift.engine.device.Device;
import org.mouselift.engine.device.DeviceException;
import org.mouselift.engine.device.DeviceProgram;
import org.mouselift.engine.trace.Program;

/**
 * A function of tensors that is computed where this thread computes: on the CPU operation by operation, or on the device of the
 * current {@link Placement} as one program, traced at the first call with operands of some specs. What the function does besides its
 * results is to overwrite weights; a tape it opens is part of it, so that whole training steps run on devices.
 *
 * <p>Close it before the placement, or have it {@linkplain Placement#kept kept} there.
 */
public final class PlacedFunction implements AutoCloseable {
    private record Key(Device device, List<TensorSpec> specs) {}

    private record Prepared(Program program, DeviceProgram onDevice) {}

    private final String name;
    private final Map<String, Tensor> weights;
    private final Function<List<Tensor>, List<Tensor>> body;
    private final Map<Key, Prepared> programs = new HashMap<>();

    /**
     * @param name in messages and listings
     * @param weights what the body uses besides its operands
     * @param body always the same computation for operands of the same specs
     */
    public PlacedFunction(String name, Map<String, Tensor> weights, Function<List<Tensor>, List<Tensor>> body) {
        this.name = name;
        this.weights = new LinkedHashMap<>(weights);
        this.body = body;
    }

    /**
     * Computes the results, fresh tensors of the current scope.
     *
     * @throws DeviceException naming the operation that the device cannot do
     */
    public List<Tensor> apply(List<Tensor> operands) {
        Placement placement = Placement.current();
        if (placement == null || Program.isTracing()) {
            return body.apply(operands);
        }
        Key key = new Key(placement.device(), operands.stream().map(Tensor::spec).toList());
        Prepared prepared = programs.get(key);
        if (prepared == null) {
            prepared = prepare(key);
            programs.put(key, prepared);
        }
        List<Tensor> results = prepared.onDevice.run(operands);
        placement.ran();
        return results;
    }

    private Prepared prepare(Key key) {
        Program.Definition definition = Program.define(name).weights(weights).kernels(key.device::computes);
        for (int i = 0; i < key.specs.size(); i++) {
            definition.input("in" + i, key.specs.get(i));
        }
        Program program = definition.trace(body);
        try {
            return new Prepared(program, key.device.prepare(program));
        } catch (RuntimeException e) {
            program.close();
            throw e;
        }
    }

    /** Programs prepared so far, for listings. */
    public List<DeviceProgram> programs() {
        return programs.values().stream().map(Prepared::onDevice).toList();
    }

    /** Frees the programs; weights that were overwritten are on the host then. */
    @Override
    public void close() {
        List<Prepared> all = new ArrayList<>(programs.values());
        programs.clear();
        for (Prepared p : all) {
            p.onDevice.close();
            p.program.close();
        }
    }
}
