package org.mouselift.data.pickle;

import java.util.List;

/** The numbers of a NumPy array in row-major order, whatever order, byte order and type it was stored in. */
public record NumpyArray(List<Integer> shape, double[] values) {
    public NumpyArray {
        shape = List.copyOf(shape);
        long n = 1;
        for (int d : shape) {
            n = Math.multiplyExact(n, (long) d);
        }
        if (n != values.length) {
            throw new IllegalArgumentException("array of shape " + shape + " has " + values.length + " values");
        }
    }
}
