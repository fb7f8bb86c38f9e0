package org.mouselift.engine;

import java.util.Arrays;

/** An immutable tensor shape; sizes are non-negative, rank 0 is a scalar. */
public final class Shape {
    /** Rank 0. */
    public static final Shape SCALAR = new Shape(new long[0]);

    private final long[] dims;
    private final long numel;

    private Shape(long[] dims) {
        this.dims = dims;
        long n = 1;
        for (long d : dims) {
            if (d < 0) {
                throw new EngineException("shape " + Arrays.toString(dims) + ": sizes must be 0 or more");
            }
            try {
                n = Math.multiplyExact(n, d);
            } catch (ArithmeticException e) {
                throw new EngineException("shape " + Arrays.toString(dims) + ": number of elements exceeds 2^63-1", e);
            }
        }
        this.numel = n;
    }

    public static Shape of(long... dims) {
        return dims.length == 0 ? SCALAR : new Shape(dims.clone());
    }

    public int rank() {
        return dims.length;
    }

    /** Size of an axis; negative axes count from the end. */
    public long dim(int axis) {
        return dims[axis(axis)];
    }

    /** Normalises a possibly negative axis to {@code [0, rank)}. */
    public int axis(int axis) {
        int a = axis < 0 ? axis + dims.length : axis;
        if (a < 0 || a >= dims.length) {
            throw new ShapeException("axis", "axis " + axis + " is out of range for shape " + this);
        }
        return a;
    }

    /** Number of elements. */
    public long numel() {
        return numel;
    }

    public long[] dims() {
        return dims.clone();
    }

    /** Row-major strides in elements. */
    public long[] contiguousStrides() {
        long[] s = new long[dims.length];
        long step = 1;
        for (int i = dims.length - 1; i >= 0; i--) {
            s[i] = step;
            step *= Math.max(1, dims[i]);
        }
        return s;
    }

    /** This shape with the size of one axis replaced. */
    public Shape with(int axis, long size) {
        long[] d = dims.clone();
        d[axis(axis)] = size;
        return new Shape(d);
    }

    /** The common shape of two operands under the usual broadcasting rule (sizes equal or 1, aligned at the end). */
    public static Shape broadcast(String operation, Shape a, Shape b) {
        int rank = Math.max(a.rank(), b.rank());
        long[] d = new long[rank];
        for (int i = 1; i <= rank; i++) {
            long x = i <= a.rank() ? a.dims[a.rank() - i] : 1;
            long y = i <= b.rank() ? b.dims[b.rank() - i] : 1;
            if (x != y && x != 1 && y != 1) {
                throw new ShapeException(operation, "shapes " + a + " and " + b + " do not broadcast (sizes " + x + " and " + y
                        + " at axis " + -i + ")");
            }
            d[rank - i] = x == 1 ? y : x;
        }
        return new Shape(d);
    }

    @Override
    public boolean equals(Object o) {
        return o instanceof Shape s && Arrays.equals(dims, s.dims);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(dims);
    }

    @Override
    public String toString() {
        StringBuilder b = new StringBuilder("[");
        for (int i = 0; i < dims.length; i++) {
            b.append(i == 0 ? "" : ",").append(dims[i]);
        }
        return b.append(']').toString();
    }
}
