package org.mouselift.engine.cpu;

import java.lang.foreign.MemorySegment;
import org.mouselift.engine.DType;

/** Argument checks at the entry of a kernel: once, exact, with a message that names the argument. */
final class Bounds {
    private Bounds() {
    }

    static void size(String kernel, String name, long value, long least) {
        if (value < least) {
            throw new IllegalArgumentException(kernel + ": " + name + " = " + value + ", expected at least " + least);
        }
    }

    /** Checks that a contiguous range of {@code n} elements lies inside the segment. */
    static void range(String kernel, String name, MemorySegment data, DType type, long offset, long n) {
        size(kernel, "number of elements of " + name, n, 0);
        strided(kernel, name, data, type, offset, n, 1);
    }

    /**
     * Checks that {@code offset + sum((extent_d - 1) * stride_d)} lies inside the segment for extents and strides given in
     * pairs. An extent of 0 means nothing is touched.
     */
    static void strided(String kernel, String name, MemorySegment data, DType type, long offset, long... extentsAndStrides) {
        if (data == null) {
            throw new IllegalArgumentException(kernel + ": " + name + " is missing");
        }
        if (offset < 0) {
            throw new IllegalArgumentException(kernel + ": " + name + " has a negative offset " + offset);
        }
        long last = offset;
        for (int d = 0; d < extentsAndStrides.length; d += 2) {
            long extent = extentsAndStrides[d];
            long stride = extentsAndStrides[d + 1];
            if (extent < 0 || stride < 0) {
                throw new IllegalArgumentException(kernel + ": " + name + " has a negative size or stride (size " + extent + ", stride " + stride + ")");
            }
            if (extent == 0) {
                return;
            }
            try {
                last = Math.addExact(last, Math.multiplyExact(extent - 1, stride));
            } catch (ArithmeticException e) {
                throw new IllegalArgumentException(kernel + ": " + name + " has size " + extent + " and stride " + stride + ", which overflows 64 bits", e);
            }
        }
        long available = data.byteSize() / type.bytes();
        if (last >= available) {
            throw new IllegalArgumentException(kernel + ": " + name + " reaches element " + last + " of a segment with " + available + " elements of "
                    + type.label());
        }
    }

    static void writable(String kernel, String name, MemorySegment data) {
        if (data.isReadOnly()) {
            throw new IllegalArgumentException(kernel + ": " + name + " is read-only memory");
        }
    }
}
