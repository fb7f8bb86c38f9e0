package org.mouselift.data.torch;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.mouselift.data.pickle.PickleGlobal;
import org.mouselift.data.pickle.PickleReader;
import org.mouselift.engine.DType;

/**
 * The container that PyTorch wrote before 1.6: pickles of a magic number, the protocol version, the machine, the object and
 * the storage keys, then for each key its element count (64 bits) and elements (GS-LRM specification §1.14).
 */
final class LegacyContainer {
    private static final BigInteger MAGIC = new BigInteger("1950a86a20f9469cfc6c", 16);
    private static final long PROTOCOL = 1001;

    private final Path path;
    private final MemorySegment file;
    private final Map<String, TorchStorage> storages = new HashMap<>();
    private long position;

    private LegacyContainer(Path path, MemorySegment file) {
        this.path = path;
        this.file = file;
    }

    /** The object that was saved. */
    static Object read(Path path, MemorySegment file) throws IOException {
        return new LegacyContainer(path, file).readObject();
    }

    private Object readObject() throws IOException {
        if (!MAGIC.equals(pickle("magic number", Map.of()))) {
            throw new TorchFileException(path, "magic number", "is not that of a PyTorch file", "this is a pickle of something else");
        }
        Object protocol = pickle("protocol version", Map.of());
        if (!Long.valueOf(PROTOCOL).equals(protocol)) {
            throw new TorchFileException(path, "protocol version", "is " + (protocol instanceof Long n ? n : PickleReader.type(protocol))
                    + ", expected " + PROTOCOL, "");
        }
        if (!(pickle("machine", Map.of()) instanceof Map<?, ?> machine) || !Boolean.TRUE.equals(machine.get("little_endian"))) {
            throw new TorchFileException(path, "machine", "is not little-endian; only little-endian files are read",
                    "save it again on a little-endian machine");
        }
        Object object = pickle("object", TorchGlobals.of(path, file.byteSize()));
        Object keys = pickle("storage keys", Map.of());
        if (!(keys instanceof List<?> list)) {
            throw new TorchFileException(path, "storage keys", "are " + PickleReader.type(keys) + ", expected a list", "the file is damaged");
        }
        findStorages(list);
        return object;
    }

    private Object pickle(String what, Map<String, PickleGlobal> globals) throws IOException {
        long length = Math.min(file.byteSize() - position, TorchFile.MAX_PICKLE);
        ByteBuffer bytes = file.asSlice(position, length).asByteBuffer();
        PickleReader reader = new PickleReader(bytes, path + ": " + what, globals, globals.isEmpty() ? null : this::storage);
        Object value = reader.read();
        position += reader.position();
        return value;
    }

    private TorchStorage storage(Object id) {
        TorchGlobals.StorageId wanted = TorchGlobals.StorageId.of(id, file.byteSize());
        if (wanted.view() != null) {
            throw new IllegalArgumentException("storage '" + TorchFile.shorten(wanted.key()) + "' is a view of another; save the file with PyTorch 0.4 or later");
        }
        TorchStorage known = storages.computeIfAbsent(wanted.key(), key -> new TorchStorage(key, wanted.type(), wanted.count(), null));
        if (known.type() != wanted.type() || known.count() != wanted.count()) {
            throw new IllegalArgumentException("storage '" + TorchFile.shorten(wanted.key()) + "' is " + known.count() + " elements of " + known.type()
                    + " and " + wanted.count() + " of " + wanted.type());
        }
        return known;
    }

    private void findStorages(List<?> keys) throws IOException {
        Set<Object> seen = new HashSet<>();
        for (Object key : keys) {
            TorchStorage storage = key instanceof String name ? storages.get(name) : null;
            if (storage == null || !seen.add(storage.key())) {
                throw new TorchFileException(path, "storage keys", (key instanceof String name ? "'" + TorchFile.shorten(name) + "'" : PickleReader.type(key))
                        + (storage == null ? " belongs to no tensor" : " appears twice"), "the file is damaged");
            }
            String field = "storage '" + TorchFile.shorten(storage.key()) + "'";
            if (file.byteSize() - position < Long.BYTES) {
                throw new TorchFileException(path, field, "the file ends before its element count", "the file is truncated");
            }
            long count = file.get(DType.LE_I64, position);
            position += Long.BYTES;
            if (count != storage.count()) {
                throw new TorchFileException(path, field, "has " + count + " elements, its tensors expect " + storage.count(), "the file is damaged");
            }
            long bytes = count * storage.type().bytes(); // count was checked against the file's size
            if (bytes > file.byteSize() - position) {
                throw new TorchFileException(path, field, "needs " + bytes + " bytes, " + (file.byteSize() - position) + " are left", "the file is truncated");
            }
            storage.found(file.asSlice(position, bytes));
            position += bytes;
        }
        for (TorchStorage storage : storages.values()) {
            if (storage.bytes() == null) {
                throw new TorchFileException(path, "storage '" + TorchFile.shorten(storage.key()) + "'", "is not in the list of storage keys",
                        "the file is damaged");
            }
        }
    }
}
