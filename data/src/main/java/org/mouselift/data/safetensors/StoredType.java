package org.mouselift.data.safetensors;

import java.util.Optional;
import org.mouselift.engine.DType;

/**
 * Element types a safetensors file can name. A file may hold types the engine does not compute with; such tensors can
 * be read as numbers, but have no {@link DType}.
 */
public enum StoredType {
    BOOL(1, DType.BOOL), U8(1, DType.U8), I8(1, null), I16(2, null), U16(2, null), F16(2, DType.F16), BF16(2, DType.BF16),
    I32(4, DType.I32), U32(4, null), F32(4, DType.F32), F64(8, DType.F64), I64(8, DType.I64), U64(8, null);

    private final int bytes;
    private final DType dtype;

    StoredType(int bytes, DType dtype) {
        this.bytes = bytes;
        this.dtype = dtype;
    }

    /** Size of one element in bytes. */
    public int bytes() {
        return bytes;
    }

    /** The engine's type, where it has one. */
    public Optional<DType> dtype() {
        return Optional.ofNullable(dtype);
    }

    /** True for the floating-point types. */
    public boolean isFloat() {
        return dtype != null && dtype.isFloat();
    }

    /** The file's name for an engine type; every engine type has one. */
    public static StoredType of(DType dtype) {
        return valueOf(dtype.name());
    }

    /** The type with this name in a file, or empty. */
    static Optional<StoredType> named(String name) {
        for (StoredType type : values()) {
            if (type.name().equals(name)) {
                return Optional.of(type);
            }
        }
        return Optional.empty();
    }
}
