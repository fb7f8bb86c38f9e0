package org.mouselift.data.ply;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Optional;
import org.mouselift.engine.DType;

/** Scalar types of PLY properties under both of their names. */
enum PlyType {
    INT8(1, "char", "int8"), UINT8(1, "uchar", "uint8"), INT16(2, "short", "int16"), UINT16(2, "ushort", "uint16"),
    INT32(4, "int", "int32"), UINT32(4, "uint", "uint32"), FLOAT32(4, "float", "float32"), FLOAT64(8, "double", "float64");

    final int bytes;
    private final String name;
    private final String sizedName;

    PlyType(int bytes, String name, String sizedName) {
        this.bytes = bytes;
        this.name = name;
        this.sizedName = sizedName;
    }

    static Optional<PlyType> named(String text) {
        for (PlyType type : values()) {
            if (type.name.equals(text) || type.sizedName.equals(text)) {
                return Optional.of(type);
            }
        }
        return Optional.empty();
    }

    boolean isFloat() {
        return this == FLOAT32 || this == FLOAT64;
    }

    /** The value at a byte offset. The layouts must be constants: a layout made on the fly is read a hundred times slower. */
    double get(MemorySegment data, long offset, boolean bigEndian) {
        return switch (this) {
            case INT8 -> data.get(ValueLayout.JAVA_BYTE, offset);
            case UINT8 -> data.get(ValueLayout.JAVA_BYTE, offset) & 0xFF;
            case INT16 -> shortAt(data, offset, bigEndian);
            case UINT16 -> shortAt(data, offset, bigEndian) & 0xFFFF;
            case INT32 -> intAt(data, offset, bigEndian);
            case UINT32 -> intAt(data, offset, bigEndian) & 0xFFFF_FFFFL;
            case FLOAT32 -> Float.intBitsToFloat(intAt(data, offset, bigEndian));
            case FLOAT64 -> {
                long bits = data.get(DType.LE_I64, offset);
                yield Double.longBitsToDouble(bigEndian ? Long.reverseBytes(bits) : bits);
            }
        };
    }

    private static short shortAt(MemorySegment data, long offset, boolean bigEndian) {
        short value = data.get(DType.LE_16, offset);
        return bigEndian ? Short.reverseBytes(value) : value;
    }

    private static int intAt(MemorySegment data, long offset, boolean bigEndian) {
        int value = data.get(DType.LE_I32, offset);
        return bigEndian ? Integer.reverseBytes(value) : value;
    }
}
