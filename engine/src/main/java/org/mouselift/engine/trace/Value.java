package org.mouselift.engine.trace;

import java.util.Arrays;
import org.mouselift.engine.Shape;
import org.mouselift.engine.TensorSpec;

/**
 * One value of a program: a typed window (shape, strides and offset in elements) on a buffer. Two values of the same
 * window are the same value.
 */
public final class Value {
    private final Buffer buffer;
    private final TensorSpec spec;
    private final long[] strides;
    private final long offset;
    private int id = -1;

    Value(Buffer buffer, TensorSpec spec, long[] strides, long offset) {
        this.buffer = buffer;
        this.spec = spec;
        this.strides = strides.clone();
        this.offset = offset;
    }

    /** Number in listings, in order of definition; -1 for weights and constants, which have names. */
    public int id() {
        return id;
    }

    void number(int newId) {
        id = newId;
    }

    public Buffer buffer() {
        return buffer;
    }

    public TensorSpec spec() {
        return spec;
    }

    /** Steps of the axes in elements. */
    public long[] strides() {
        return strides.clone();
    }

    /** First element, counted from the start of the buffer. */
    public long offset() {
        return offset;
    }

    /** True if the elements lie in row-major order without gaps. */
    public boolean isContiguous() {
        long step = 1;
        Shape shape = spec.shape();
        for (int i = strides.length - 1; i >= 0; i--) {
            if (shape.dim(i) != 1 && strides[i] != step) {
                return spec.numel() == 0;
            }
            step *= shape.dim(i);
        }
        return true;
    }

    /** True if every element of the buffer is shown, in row-major order. */
    boolean coversBuffer() {
        return offset == 0 && isContiguous() && spec.bytes() == buffer.spec().bytes();
    }

    /** True if several index tuples name the same element. */
    boolean repeatsElements() {
        for (int i = 0; i < strides.length; i++) {
            if (strides[i] == 0 && spec.shape().dim(i) > 1) {
                return true;
            }
        }
        return false;
    }

    /** One past the last byte of the buffer that the window can touch. */
    long lastByte() {
        if (spec.numel() == 0) {
            return 0;
        }
        long last = offset;
        for (int i = 0; i < strides.length; i++) {
            last += (spec.shape().dim(i) - 1) * strides[i];
        }
        return (last + 1) * spec.dtype().bytes();
    }

    private long firstByte() {
        return offset * spec.dtype().bytes();
    }

    /** True if the byte ranges of two windows meet without the windows being equal: writing one garbles reading the other. */
    boolean overlapsPartly(Value other) {
        if (buffer != other.buffer || sameWindow(other) || spec.numel() == 0 || other.spec.numel() == 0) {
            return false;
        }
        return firstByte() < other.lastByte() && other.firstByte() < lastByte();
    }

    /** True if both show the same elements at the same index. */
    boolean sameWindow(Value other) {
        return buffer == other.buffer && spec.equals(other.spec) && offset == other.offset && Arrays.equals(strides, other.strides);
    }

    @Override
    public String toString() {
        return id >= 0 ? "%" + id : buffer.name() == null ? buffer.toString() : buffer.name();
    }
}
