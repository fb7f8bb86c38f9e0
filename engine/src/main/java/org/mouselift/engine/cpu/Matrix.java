package org.mouselift.engine.cpu;

import java.lang.foreign.MemorySegment;
import org.mouselift.engine.DType;

/**
 * A strided matrix inside a segment: element (i, j) is element {@code offset + i*rowStride + j*colStride} of {@code data}
 * counted in elements of {@code type}. Strides may be 0 (broadcast) but not negative.
 *
 * @param data      little-endian storage, off-heap, mapped or a heap {@code float[]}
 * @param type      F32, F16 or BF16 (F64 only for {@link GemmF64})
 * @param offset    first element
 * @param rowStride elements from one row to the next
 * @param colStride elements from one column to the next
 */
public record Matrix(MemorySegment data, DType type, long offset, long rowStride, long colStride) {
    /** Row-major F32 matrix with the given row stride. */
    public static Matrix rowMajor(MemorySegment data, long offset, long rowStride) {
        return new Matrix(data, DType.F32, offset, rowStride, 1);
    }

    /** The same storage read as the transposed matrix. */
    public Matrix transposed() {
        return new Matrix(data, type, offset, colStride, rowStride);
    }

    /** The same matrix starting {@code elements} later. */
    Matrix shifted(long elements) {
        return elements == 0 ? this : new Matrix(data, type, offset + elements, rowStride, colStride);
    }
}
