package org.mouselift.data.checkpoint;

import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.function.Supplier;
import org.mouselift.data.safetensors.SafetensorsEntry;
import org.mouselift.data.safetensors.StoredType;
import org.mouselift.data.torch.TorchTensor;
import org.mouselift.engine.DType;

/**
 * A tensor of a checkpoint of any format. Its elements are touched when asked for; they are a view of the mapped file, or
 * a copy where the file stores them with gaps or transposed. Valid until the {@link Checkpoint} is closed.
 */
public final class StoredTensor {
    private final Path file;
    private final String name;
    private final StoredType type;
    private final long[] shape;
    private final long elements;
    private final boolean mapped;
    private final Supplier<SafetensorsEntry> entry;

    private StoredTensor(Path file, String name, StoredType type, long[] shape, long elements, boolean mapped, Supplier<SafetensorsEntry> entry) {
        this.file = file;
        this.name = name;
        this.type = type;
        this.shape = shape;
        this.elements = elements;
        this.mapped = mapped;
        this.entry = entry;
    }

    static StoredTensor of(SafetensorsEntry stored) {
        return new StoredTensor(stored.file(), stored.name(), stored.type(), stored.shape().clone(), stored.elements(), true, () -> stored);
    }

    static StoredTensor of(Path file, TorchTensor stored) {
        return new StoredTensor(file, stored.name(), stored.type(), stored.shape(), stored.elements(), stored.isContiguous(), stored::entry);
    }

    StoredTensor named(String newName) {
        return new StoredTensor(file, newName, type, shape, elements, mapped, entry);
    }

    /** The file it lies in: of a sharded checkpoint, the shard. */
    public Path file() {
        return file;
    }

    public String name() {
        return name;
    }

    /** Element type of the file. */
    public StoredType type() {
        return type;
    }

    /** The engine's element type; refused with the type's name where the engine has none (I8, I16, U16, U32, U64). */
    public DType dtype() {
        return type.dtype().orElseThrow(() -> new IllegalArgumentException(file + ": tensor '" + name + "': element type " + type
                + " has no tensor type in the engine (read it with floats() or longs())"));
    }

    public long[] shape() {
        return shape.clone();
    }

    /** Number of elements (1 for rank 0). */
    public long elements() {
        return elements;
    }

    /** Size of the elements in bytes. */
    public long byteSize() {
        return elements * type.bytes();
    }

    /** True if {@link #data} is a view of the file and copies nothing. */
    public boolean isMapped() {
        return mapped;
    }

    /** The elements, little-endian, row-major, possibly unaligned; read-only. */
    public MemorySegment data() {
        return contiguous().data();
    }

    /** The tensor with contiguous elements under its name here. */
    public SafetensorsEntry contiguous() {
        SafetensorsEntry stored = entry.get();
        return stored.name().equals(name) ? stored : new SafetensorsEntry(stored.file(), name, stored.type(), stored.shape(), stored.data());
    }

    /** All elements as float32; see {@link SafetensorsEntry#floats}. */
    public float[] floats() {
        return contiguous().floats();
    }

    /** All elements as float64; see {@link SafetensorsEntry#doubles}. */
    public double[] doubles() {
        return contiguous().doubles();
    }

    /** All elements as integers; see {@link SafetensorsEntry#longs}. */
    public long[] longs() {
        return contiguous().longs();
    }

    /**
     * SHA-256 of type, shape and elements ({@link #describe}, a zero byte, the little-endian row-major bytes), in hexadecimal.
     * Equal for equal tensors whatever file, name or strides they are stored with.
     */
    public String sha256() {
        MessageDigest digest = ContentHash.digest();
        digest.update(describe().getBytes(StandardCharsets.UTF_8));
        digest.update((byte) 0);
        ContentHash.update(digest, data());
        return ContentHash.hex(digest);
    }

    /** {@code F32[2,3]}. */
    public String describe() {
        return type + java.util.Arrays.toString(shape).replace(" ", "");
    }

    @Override
    public String toString() {
        return name + ": " + describe();
    }
}
