package org.mouselift.data.torch;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.mouselift.data.safetensors.StoredType;
import org.mouselift.engine.DType;

/**
 * Elements of a tensor that is to be written: contiguous, row-major. They are asked for while the file is written, a block
 * at a time, so that a tensor need never exist as a whole.
 */
public final class TorchValues {
    /** Puts the elements from {@code first} on, {@code count} of them, little-endian into {@code block}. */
    @FunctionalInterface
    public interface Source {
        void copy(long first, int count, MemorySegment block);
    }

    private final StoredType type;
    private final long[] shape;
    private final long elements;
    private final Source source;

    private TorchValues(StoredType type, long[] shape, Source source) {
        if (TorchStorage.className(type).isEmpty()) {
            throw new IllegalArgumentException("PyTorch has no storage class for " + type);
        }
        long count = 1;
        for (long side : shape) {
            if (side < 0) {
                throw new IllegalArgumentException("negative size in shape " + Arrays.toString(shape));
            }
            count = Math.multiplyExact(count, side);
        }
        Math.multiplyExact(count, (long) type.bytes());
        this.type = type;
        this.shape = shape.clone();
        this.elements = count;
        this.source = source;
    }

    /** Elements that are computed when they are written. Blocks are asked for in order, once each. */
    public static TorchValues of(StoredType type, long[] shape, Source source) {
        return new TorchValues(type, shape, source);
    }

    /** Elements in memory: little-endian, contiguous. They must not change before they are written. */
    public static TorchValues of(StoredType type, long[] shape, MemorySegment data) {
        int width = type.bytes();
        TorchValues values = new TorchValues(type, shape, (first, count, block) -> MemorySegment.copy(data, first * width, block, 0, (long) count * width));
        if (data.byteSize() != values.elements * width) {
            throw new IllegalArgumentException(type + Arrays.toString(shape) + " needs " + values.elements * width + " bytes, got " + data.byteSize());
        }
        return values;
    }

    /** Float32 elements. */
    public static TorchValues of(long[] shape, float... data) {
        TorchValues values = new TorchValues(StoredType.F32, shape, (first, count, block) -> MemorySegment.copy(data, (int) first, block, DType.LE_F32, 0, count));
        if (data.length != values.elements) {
            throw new IllegalArgumentException("shape " + Arrays.toString(shape) + " needs " + values.elements + " elements, got " + data.length);
        }
        return values;
    }

    StoredType type() {
        return type;
    }

    long[] shape() {
        return shape;
    }

    long elements() {
        return elements;
    }

    long bytes() {
        return elements * type.bytes();
    }

    void copy(long first, int count, MemorySegment block) {
        source.copy(first, count, block);
    }
}
