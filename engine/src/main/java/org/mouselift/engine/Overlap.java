package org.mouselift.engine;

import java.util.Arrays;

/** Whether two strided windows on one block of memory (same element type) get in each other's way. */
public final class Overlap {
    private Overlap() {}

    /** True if several index tuples of a window name the same element, as in an expanded view. */
    public static boolean repeats(Shape shape, long[] strides) {
        if (shape.numel() == 0) {
            return false;
        }
        for (int i = 0; i < strides.length; i++) {
            if (strides[i] == 0 && shape.dim(i) > 1) {
                return true;
            }
        }
        return false;
    }

    /**
     * True if writing one window element by element could change what is still to be read through the other: they share
     * an element that has different indices in both. Exact for windows of the same shape and strides; others count as
     * overlapping when their ranges meet.
     */
    public static boolean garbles(Shape shape, long[] strides, long offset, Shape otherShape, long[] otherStrides, long otherOffset) {
        if (shape.numel() == 0 || otherShape.numel() == 0) {
            return false;
        }
        if (shape.equals(otherShape) && Arrays.equals(strides, otherStrides)) {
            return offset != otherOffset && reachable(shape, strides, otherOffset - offset);
        }
        return offset <= last(otherShape, otherStrides, otherOffset) && otherOffset <= last(shape, strides, offset);
    }

    private static long last(Shape shape, long[] strides, long offset) {
        long at = offset;
        for (int i = 0; i < strides.length; i++) {
            at += (shape.dim(i) - 1) * strides[i];
        }
        return at;
    }

    /** True if a distance is a sum of k_i strides_i with |k_i| below the sizes. */
    private static boolean reachable(Shape shape, long[] strides, long distance) {
        Integer[] axes = new Integer[strides.length];
        Arrays.setAll(axes, i -> i);
        Arrays.sort(axes, (a, b) -> Long.compare(strides[b], strides[a]));
        long[] s = new long[axes.length];
        long[] n = new long[axes.length];
        for (int i = 0; i < axes.length; i++) {
            s[i] = strides[axes[i]];
            n[i] = shape.dim(axes[i]) - 1;
        }
        return reachable(s, n, 0, distance);
    }

    private static boolean reachable(long[] strides, long[] most, int axis, long distance) {
        if (axis == strides.length) {
            return distance == 0;
        }
        if (strides[axis] == 0) {
            return distance == 0;
        }
        long rest = 0;
        for (int i = axis + 1; i < strides.length; i++) {
            rest += most[i] * strides[i];
        }
        long low = Math.max(-most[axis], Math.ceilDiv(distance - rest, strides[axis]));
        long high = Math.min(most[axis], Math.floorDiv(distance + rest, strides[axis]));
        for (long k = low; k <= high; k++) {
            if (reachable(strides, most, axis + 1, distance - k * strides[axis])) {
                return true;
            }
        }
        return false;
    }
}
