package org.mouselift.engine;

import java.lang.foreign.ValueLayout;

/**
 * Element types of tensors. Storage is little-endian. {@code F16} and {@code BF16} are storage types of weights and
 * files; arithmetic runs in {@code F32} or {@code F64}.
 */
public enum DType {
    F64(8, "f64"), F32(4, "f32"), F16(2, "f16"), BF16(2, "bf16"), I64(8, "i64"), I32(4, "i32"), U8(1, "u8"), BOOL(1, "bool");

    /** Unaligned little-endian accessors: mapped files give no alignment guarantee. */
    public static final ValueLayout.OfDouble LE_F64 = ValueLayout.JAVA_DOUBLE_UNALIGNED.withOrder(java.nio.ByteOrder.LITTLE_ENDIAN);
    public static final ValueLayout.OfFloat LE_F32 = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(java.nio.ByteOrder.LITTLE_ENDIAN);
    public static final ValueLayout.OfShort LE_16 = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(java.nio.ByteOrder.LITTLE_ENDIAN);
    public static final ValueLayout.OfInt LE_I32 = ValueLayout.JAVA_INT_UNALIGNED.withOrder(java.nio.ByteOrder.LITTLE_ENDIAN);
    public static final ValueLayout.OfLong LE_I64 = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(java.nio.ByteOrder.LITTLE_ENDIAN);

    private final int bytes;
    private final String label;

    DType(int bytes, String label) {
        this.bytes = bytes;
        this.label = label;
    }

    /** Size of one element in bytes. */
    public int bytes() {
        return bytes;
    }

    /** True for the four floating-point types. */
    public boolean isFloat() {
        return ordinal() <= BF16.ordinal();
    }

    /** Short lower-case name, as printed in shapes and errors: {@code f32[2,3]}. */
    public String label() {
        return label;
    }

    /** Value of a bfloat16 bit pattern. */
    public static float bf16ToFloat(short bits) {
        return Float.intBitsToFloat(bits << 16);
    }

    /** Nearest bfloat16 (ties to even); NaN stays NaN. */
    public static short floatToBf16(float value) {
        int bits = Float.floatToRawIntBits(value);
        if (Float.isNaN(value)) {
            return (short) ((bits >>> 16) | 0x40);
        }
        return (short) ((bits + 0x7FFF + ((bits >>> 16) & 1)) >>> 16);
    }
}
