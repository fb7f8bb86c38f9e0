package org.mouselift.data.torch;

import java.lang.foreign.MemorySegment;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import org.mouselift.data.safetensors.StoredType;

/** The elements that one or several tensors of a file share. Its bytes lie in the mapped file. */
final class TorchStorage {
    private static final Map<String, StoredType> CLASSES = new LinkedHashMap<>();

    static {
        CLASSES.put("DoubleStorage", StoredType.F64);
        CLASSES.put("FloatStorage", StoredType.F32);
        CLASSES.put("HalfStorage", StoredType.F16);
        CLASSES.put("BFloat16Storage", StoredType.BF16);
        CLASSES.put("LongStorage", StoredType.I64);
        CLASSES.put("IntStorage", StoredType.I32);
        CLASSES.put("ShortStorage", StoredType.I16);
        CLASSES.put("CharStorage", StoredType.I8);
        CLASSES.put("ByteStorage", StoredType.U8);
        CLASSES.put("BoolStorage", StoredType.BOOL);
    }

    private final String key;
    private final StoredType type;
    private final long count;
    private final TorchStorage base;
    private MemorySegment bytes;

    /** @param bytes the elements, or null where they are found later (legacy container) */
    TorchStorage(String key, StoredType type, long count, MemorySegment bytes) {
        this(key, type, count, bytes, null);
    }

    private TorchStorage(String key, StoredType type, long count, MemorySegment bytes, TorchStorage base) {
        this.key = key;
        this.type = type;
        this.count = count;
        this.bytes = bytes;
        this.base = base;
    }

    /** The same bytes as elements of another type. */
    TorchStorage as(StoredType other) {
        return other == type ? this : new TorchStorage(key, other, count * type.bytes() / other.bytes(), null, this);
    }

    /** Storage classes of the {@code torch} module by name. */
    static Map<String, StoredType> classes() {
        return CLASSES;
    }

    /** The name of the class that stores elements of this type; PyTorch has none for U16, U32 and U64. */
    static Optional<String> className(StoredType type) {
        return CLASSES.entrySet().stream().filter(e -> e.getValue() == type).map(Map.Entry::getKey).findFirst();
    }

    String key() {
        return key;
    }

    StoredType type() {
        return type;
    }

    /** Number of elements. */
    long count() {
        return count;
    }

    /** Little-endian elements; null until found. */
    MemorySegment bytes() {
        return base == null ? bytes : base.bytes();
    }

    void found(MemorySegment where) {
        bytes = where;
    }
}
