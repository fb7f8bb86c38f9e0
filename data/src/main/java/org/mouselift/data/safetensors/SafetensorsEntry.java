package org.mouselift.data.safetensors;

import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Arrays;
import org.mouselift.engine.DType;

/**
 * One tensor of a file: its type, shape and bytes (a read-only view of the mapped file, little-endian, row-major,
 * possibly unaligned; valid until the file's arena closes). The readers convert from any type.
 */
public record SafetensorsEntry(Path file, String name, StoredType type, long[] shape, MemorySegment data) {

    /** The engine's element type; refused with the type's name where the engine has none (I8, I16, U16, U32, U64). */
    public DType dtype() {
        return type.dtype().orElseThrow(() -> new IllegalArgumentException(file + ": tensor '" + name + "': element type "
                + type + " has no tensor type in the engine (convert it to F32, I32 or I64, or read it with floats()/longs())"));
    }

    /** Number of elements (1 for rank 0). */
    public long elements() {
        return data.byteSize() / type.bytes();
    }

    /** All elements as float32: exact from F16, BF16, F32 and small integers, rounded from F64 and wide integers. */
    public float[] floats() {
        float[] out = new float[arrayLength()];
        if (type == StoredType.F32) {
            MemorySegment.copy(data, DType.LE_F32, 0, out, 0, out.length);
            return out;
        }
        for (int i = 0; i < out.length; i++) {
            out[i] = type.isFloat() || type.bytes() < 8 ? (float) real(i) : wideToFloat(i);
        }
        return out;
    }

    /** All elements as float64: exact from every type but I64 and U64 beyond 2^53. */
    public double[] doubles() {
        double[] out = new double[arrayLength()];
        if (type == StoredType.F64) {
            MemorySegment.copy(data, DType.LE_F64, 0, out, 0, out.length);
            return out;
        }
        for (int i = 0; i < out.length; i++) {
            out[i] = real(i);
        }
        return out;
    }

    /**
     * All elements as integers.
     *
     * @throws IllegalArgumentException for a fractional, infinite or out-of-range element
     */
    public long[] longs() {
        long[] out = new long[arrayLength()];
        for (int i = 0; i < out.length; i++) {
            if (type.isFloat()) {
                double value = real(i);
                if (!(Math.abs(value) < 0x1p63) || value != Math.rint(value)) {
                    throw new IllegalArgumentException(file + ": tensor '" + name + "': element " + i + " is " + value
                            + ", not an integer (read it with doubles())");
                }
                out[i] = (long) value;
            } else {
                out[i] = integer(i);
                if (type == StoredType.U64 && out[i] < 0) {
                    throw new IllegalArgumentException(file + ": tensor '" + name + "': element " + i + " is "
                            + Long.toUnsignedString(out[i]) + ", beyond 2^63 - 1");
                }
            }
        }
        return out;
    }

    /** The raw bytes, copied. */
    public byte[] bytes() {
        if (data.byteSize() > Integer.MAX_VALUE - 8) {
            throw tooLarge();
        }
        return data.toArray(java.lang.foreign.ValueLayout.JAVA_BYTE);
    }

    /** {@code F32[2,3]}. */
    public String describe() {
        return type + Arrays.toString(shape).replace(" ", "");
    }

    private double real(long i) {
        return switch (type) {
            case F64 -> data.get(DType.LE_F64, i * 8);
            case F32 -> data.get(DType.LE_F32, i * 4);
            case F16 -> Float.float16ToFloat(data.get(DType.LE_16, i * 2));
            case BF16 -> DType.bf16ToFloat(data.get(DType.LE_16, i * 2));
            case U64 -> unsignedToDouble(integer(i));
            default -> integer(i);
        };
    }

    private long integer(long i) {
        return switch (type) {
            case BOOL, U8 -> data.get(java.lang.foreign.ValueLayout.JAVA_BYTE, i) & 0xFF;
            case I8 -> data.get(java.lang.foreign.ValueLayout.JAVA_BYTE, i);
            case I16 -> data.get(DType.LE_16, i * 2);
            case U16 -> data.get(DType.LE_16, i * 2) & 0xFFFF;
            case I32 -> data.get(DType.LE_I32, i * 4);
            case U32 -> data.get(DType.LE_I32, i * 4) & 0xFFFF_FFFFL;
            case I64, U64 -> data.get(DType.LE_I64, i * 8);
            case F64, F32, F16, BF16 -> throw new IllegalStateException(type + " is not an integer type");
        };
    }

    /** Straight from the integer, so that the value is rounded once. */
    private float wideToFloat(long i) {
        long value = integer(i);
        return type == StoredType.U64 && value < 0 ? new java.math.BigInteger(Long.toUnsignedString(value)).floatValue() : (float) value;
    }

    private static double unsignedToDouble(long value) {
        return value >= 0 ? value : new java.math.BigInteger(Long.toUnsignedString(value)).doubleValue();
    }

    private int arrayLength() {
        if (elements() > Integer.MAX_VALUE - 8) {
            throw tooLarge();
        }
        return (int) elements();
    }

    private IllegalArgumentException tooLarge() {
        return new IllegalArgumentException(file + ": tensor '" + name + "' " + describe()
                + " does not fit a Java array (use data())");
    }
}
