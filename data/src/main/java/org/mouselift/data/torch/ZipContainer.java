package org.mouselift.data.torch;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.mouselift.data.pickle.PickleReader;

/**
 * The container that PyTorch writes since 1.6: {@code <root>/data.pkl} and {@code <root>/data/<key>} in an uncompressed
 * zip archive. Entries that are not needed are ignored.
 */
final class ZipContainer {
    private static final String PICKLE = "/data.pkl";
    private static final int MAX_ORDER_BYTES = 16;

    private final Path path;
    private final Map<String, MemorySegment> entries;
    private final String root;
    private final Map<String, TorchStorage> storages = new HashMap<>();

    private ZipContainer(Path path, Map<String, MemorySegment> entries, String root) {
        this.path = path;
        this.entries = entries;
        this.root = root;
    }

    /** The object that was saved. */
    static Object read(Path path, MemorySegment file) throws IOException {
        Map<String, MemorySegment> entries = ZipDirectory.read(path, file);
        List<String> pickles = entries.keySet().stream().filter(name -> name.endsWith(PICKLE) && name.indexOf('/') == name.length() - PICKLE.length())
                .toList();
        if (pickles.size() != 1) {
            throw new TorchFileException(path, "zip directory", pickles.isEmpty() ? "has no <root>/data.pkl" : "has several roots: " + pickles,
                    "this is not a file of torch.save");
        }
        String pickle = pickles.get(0);
        return new ZipContainer(path, entries, pickle.substring(0, pickle.length() - PICKLE.length())).readObject(entries.get(pickle));
    }

    private Object readObject(MemorySegment pickle) throws IOException {
        MemorySegment order = entries.get(root + "/byteorder");
        if (order != null) {
            byte[] head = order.asSlice(0, Math.min(order.byteSize(), MAX_ORDER_BYTES)).toArray(ValueLayout.JAVA_BYTE);
            String text = new String(head, StandardCharsets.ISO_8859_1).strip();
            if (!text.equals("little")) {
                throw new TorchFileException(path, "entry '" + root + "/byteorder'", "says '" + text + "'; only little-endian files are read",
                        "save it again on a little-endian machine");
            }
        }
        if (pickle.byteSize() > TorchFile.MAX_PICKLE) {
            throw new TorchFileException(path, "entry '" + root + PICKLE + "'", "has " + pickle.byteSize() + " bytes, at most " + TorchFile.MAX_PICKLE
                    + " are read", "this is not a checkpoint");
        }
        PickleReader reader = new PickleReader(pickle.asByteBuffer(), path + ": " + root + PICKLE, TorchGlobals.of(path, pickle.byteSize()), this::storage);
        return reader.read();
    }

    private TorchStorage storage(Object id) {
        TorchGlobals.StorageId wanted = TorchGlobals.StorageId.of(id, Long.MAX_VALUE);
        if (wanted.view() != null) {
            throw new IllegalArgumentException("storage '" + wanted.key() + "' is a view of another; zip containers have none");
        }
        if (wanted.key().indexOf('/') >= 0 || wanted.key().indexOf('\\') >= 0) {
            throw new IllegalArgumentException("storage key '" + TorchFile.shorten(wanted.key()) + "' contains a path");
        }
        MemorySegment bytes = entries.get(root + "/data/" + wanted.key());
        if (bytes == null) {
            throw new IllegalArgumentException("storage '" + TorchFile.shorten(wanted.key()) + "' has no entry in the archive");
        }
        int width = wanted.type().bytes();
        if (bytes.byteSize() % width != 0 || wanted.count() != bytes.byteSize() / width) {
            throw new IllegalArgumentException("storage '" + wanted.key() + "' declares " + wanted.count() + " elements of " + wanted.type()
                    + ", its entry has " + bytes.byteSize() + " bytes");
        }
        TorchStorage known = storages.computeIfAbsent(wanted.key(), key -> new TorchStorage(key, wanted.type(), wanted.count(), bytes));
        return known.type() == wanted.type() ? known : new TorchStorage(wanted.key(), wanted.type(), wanted.count(), bytes);
    }
}
