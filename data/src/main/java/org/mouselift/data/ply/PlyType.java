package org.mouselift.data.ply;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Optional;

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

    /** The value at a byte offset. */
    double get(MemorySegment data, long offset, ByteOrder order) {
        return switch (this) {
            case INT8 -> data.get(ValueLayout.JAVA_BYTE, offset);
            case UINT8 -> data.get(ValueLayout.JAVA_BYTE, offset) & 0xFF;
            case INT16 -> data.get(ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(order), offset);
            case UINT16 -> data.get(ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(order), offset) & 0xFFFF;
            case INT32 -> data.get(ValueLayout.JAVA_INT_UNALIGNED.withOrder(order), offset);
            case UINT32 -> data.get(ValueLayout.JAVA_INT_UNALIGNED.withOrder(order), offset) & 0xFFFF_FFFFL;
            case FLOAT32 -> data.get(ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(order), offset);
            case FLOAT64 -> data.get(ValueLayout.JAVA_DOUBLE_UNALIGNED.withOrder(order), offset);
        };
    }
}
