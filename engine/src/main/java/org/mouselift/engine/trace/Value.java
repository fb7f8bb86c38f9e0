package org.mouselift.engine.trace;

import org.mouselift.engine.Overlap;
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
        return Overlap.repeats(spec.shape(), strides);
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

    /** True if writing one of two windows garbles reading the other. */
    boolean garbles(Value other) {
        return buffer == other.buffer && Overlap.garbles(spec.shape(), strides, offset, other.spec.shape(), other.strides, other.offset);
    }

    @Override
    public String toString() {
        return id >= 0 ? "%" + id : buffer.name() == null ? buffer.toString() : buffer.name();
    }
}
