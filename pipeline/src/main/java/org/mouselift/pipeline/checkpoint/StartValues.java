package org.mouselift.pipeline.checkpoint;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.mouselift.data.safetensors.StoredType;
import org.mouselift.engine.DType;
import org.mouselift.engine.MemoryPool;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Shape;
import org.mouselift.engine.Tensor;

/**
 * Start values of one tensor of a network, made while they are written: memory outside the heap holds the tensor that is being
 * written, and nothing before and after.
 */
public final class StartValues {
    /** Fills a contiguous f32 tensor. */
    @FunctionalInterface
    public interface Rule {
        /** @param stream position of the tensor in the state dict, from 0 */
        void fill(String name, Tensor value, long stream);
    }

    private final String name;
    private final Shape shape;
    private final StoredType type;
    private final long stream;
    private final Rule rule;
    private Scope scope;
    private MemorySegment values;

    private StartValues(String name, Shape shape, StoredType type, long stream, Rule rule) {
        this.name = name;
        this.shape = shape;
        this.type = type;
        this.stream = stream;
        this.rule = rule;
    }

    /**
     * Those of a whole network.
     *
     * @param shapes in state-dict order
     * @param type F32 or F16
     */
    public static List<StartValues> of(Map<String, Shape> shapes, StoredType type, Rule rule) {
        if (type != StoredType.F32 && type != StoredType.F16) {
            throw new IllegalArgumentException("start values are stored as F32 or F16, not " + type);
        }
        List<StartValues> all = new ArrayList<>();
        shapes.forEach((name, shape) -> all.add(new StartValues(name, shape, type, all.size(), rule)));
        return all;
    }

    public String name() {
        return name;
    }

    public Shape shape() {
        return shape;
    }

    public StoredType type() {
        return type;
    }

    /** Copies elements in the stored type; blocks are asked for in order, once each. */
    public void copy(long first, int count, MemorySegment block) {
        if (first == 0) {
            close();
            scope = Scope.detached("start values of " + name);
            Tensor tensor = scope.run(() -> Tensor.empty(DType.F32, shape.dims()));
            rule.fill(name, tensor, stream);
            values = tensor.contiguousSegment();
        }
        if (type == StoredType.F32) {
            MemorySegment.copy(values, 4 * first, block, 0, 4L * count);
        } else {
            for (int i = 0; i < count; i++) {
                block.set(DType.LE_16, 2L * i, Float.floatToFloat16(values.get(DType.LE_F32, 4 * (first + i))));
            }
        }
        if (first + count == shape.numel()) {
            close();
            // The next tensor has another size: kept blocks would add up to a large part of the network.
            MemoryPool.trim();
        }
    }

    /** Frees what a writing that failed has left. */
    void close() {
        if (scope != null) {
            scope.close();
            scope = null;
            values = null;
        }
    }
}
