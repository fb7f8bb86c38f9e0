package org.mouselift.engine;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Element access by type; the slow, always right way that readers, printers and reference kernels use. */
public final class Elements {
    /** Receives the row-major index of an element and its position in the block, in elements. */
    @FunctionalInterface
    public interface Visitor {
        void visit(long index, long position);
    }

    private Elements() {}

    /** Value at an element position of the tensor's block. */
    public static double get(Tensor t, long position) {
        MemorySegment s = t.segment();
        return switch (t.dtype()) {
            case F64 -> s.get(DType.LE_F64, position * 8);
            case F32 -> s.get(DType.LE_F32, position * 4);
            case F16 -> Float.float16ToFloat(s.get(DType.LE_16, position * 2));
            case BF16 -> DType.bf16ToFloat(s.get(DType.LE_16, position * 2));
            default -> getLong(t, position);
        };
    }

    /** Integer value at an element position of the tensor's block. */
    public static long getLong(Tensor t, long position) {
        MemorySegment s = t.segment();
        return switch (t.dtype()) {
            case I64 -> s.get(DType.LE_I64, position * 8);
            case I32 -> s.get(DType.LE_I32, position * 4);
            case U8 -> s.get(ValueLayout.JAVA_BYTE, position) & 0xFF;
            case BOOL -> s.get(ValueLayout.JAVA_BYTE, position) == 0 ? 0 : 1;
            default -> (long) get(t, position);
        };
    }

    /** Stores a value at an element position, converted to the tensor's type (floats to integers: truncated, saturating). */
    public static void set(Tensor t, long position, double value) {
        MemorySegment s = t.segment();
        switch (t.dtype()) {
            case F64 -> s.set(DType.LE_F64, position * 8, value);
            case F32 -> s.set(DType.LE_F32, position * 4, (float) value);
            case F16 -> s.set(DType.LE_16, position * 2, Float.floatToFloat16((float) value));
            case BF16 -> s.set(DType.LE_16, position * 2, DType.floatToBf16((float) value));
            default -> setLong(t, position, (long) value);
        }
    }

    /** Stores an integer at an element position, converted to the tensor's type; smaller integer types saturate. */
    public static void setLong(Tensor t, long position, long value) {
        MemorySegment s = t.segment();
        switch (t.dtype()) {
            case I64 -> s.set(DType.LE_I64, position * 8, value);
            case I32 -> s.set(DType.LE_I32, position * 4, Math.clamp(value, Integer.MIN_VALUE, Integer.MAX_VALUE));
            case U8 -> s.set(ValueLayout.JAVA_BYTE, position, (byte) Math.clamp(value, 0, 255));
            case BOOL -> s.set(ValueLayout.JAVA_BYTE, position, (byte) (value == 0 ? 0 : 1));
            default -> set(t, position, (double) value);
        }
    }

    /** Visits all elements in row-major order. */
    public static void forEach(Tensor t, Visitor visitor) {
        long n = t.numel();
        if (n == 0) {
            return;
        }
        int rank = t.rank();
        long[] dims = t.shape().dims();
        long[] strides = t.strides();
        long[] index = new long[rank];
        long at = t.offset();
        for (long i = 0; i < n; i++) {
            visitor.visit(i, at);
            for (int a = rank - 1; a >= 0; a--) {
                at += strides[a];
                if (++index[a] < dims[a]) {
                    break;
                }
                at -= strides[a] * dims[a];
                index[a] = 0;
            }
        }
    }
}
