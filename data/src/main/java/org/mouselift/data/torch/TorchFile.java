package org.mouselift.data.torch;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.mouselift.data.pickle.PickleReader;

/**
 * A file of {@code torch.save} ({@code .pt}, {@code .pth}, {@code .bin}), zip or legacy container, memory-mapped: opening
 * reads the pickle only, tensor bytes are touched when used. The pickle may hold plain data and tensors; any other global
 * is refused by name and nothing is ever executed. Memory is bounded by the size of the pickle.
 *
 * <p>Format: GS-LRM specification §1.14.
 */
public final class TorchFile implements AutoCloseable {
    /** Largest pickle that is read, in bytes. */
    static final long MAX_PICKLE = 256L << 20;
    /** Name of the only tensor of a file whose root is a tensor. */
    public static final String ROOT_TENSOR = "tensor";
    private static final int MAX_DEPTH = 64;

    private final Path path;
    private final Arena owned;
    private final boolean legacy;
    private final Object root;
    private final Map<String, TorchTensor> tensors;

    private TorchFile(Path path, Arena owned, boolean legacy, Object root, Map<String, TorchTensor> tensors) {
        this.path = path;
        this.owned = owned;
        this.legacy = legacy;
        this.root = root;
        this.tensors = Collections.unmodifiableMap(tensors);
    }

    /** Opens a file; {@link #close} unmaps it. */
    public static TorchFile open(Path path) throws IOException {
        Arena arena = Arena.ofShared();
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
            return of(path, channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena), arena);
        } catch (IOException | RuntimeException | Error e) {
            arena.close();
            throw e;
        }
    }

    /** A file that is already in memory; {@code path} names it in errors. */
    public static TorchFile of(Path path, MemorySegment content) throws IOException {
        return of(path, content, null);
    }

    private static TorchFile of(Path path, MemorySegment content, Arena owned) throws IOException {
        if (content.byteSize() < 4) {
            throw new TorchFileException(path, "file", "has " + content.byteSize() + " bytes", "the download or copy is incomplete");
        }
        byte first = content.get(java.lang.foreign.ValueLayout.JAVA_BYTE, 0);
        byte second = content.get(java.lang.foreign.ValueLayout.JAVA_BYTE, 1);
        boolean zip = first == 'P' && second == 'K';
        if (!zip && first != (byte) 0x80) {
            throw new TorchFileException(path, "file", "begins neither like a zip archive nor like a pickle", "this is not a file of torch.save");
        }
        Object root = zip ? ZipContainer.read(path, content) : LegacyContainer.read(path, content);
        if (!(root instanceof Map || root instanceof TorchTensor)) {
            throw new TorchFileException(path, "root", "is " + PickleReader.type(root) + ", expected a dictionary or a tensor", "this is not a checkpoint");
        }
        return new TorchFile(path, owned, !zip, root, new Walk(path, content.byteSize()).tensors(root));
    }

    /** Collects the tensors with their paths. Containers may be shared or contain themselves, so the walk is bounded. */
    private static final class Walk {
        private final Path path;
        private final Map<String, TorchTensor> found = new LinkedHashMap<>();
        private final Set<Object> above = Collections.newSetFromMap(new IdentityHashMap<>());
        private long visitsLeft;
        private long charactersLeft;

        Walk(Path path, long bytes) {
            this.path = path;
            this.visitsLeft = 1024 + 8 * Math.min(bytes, MAX_PICKLE);
            this.charactersLeft = 8 * visitsLeft;
        }

        Map<String, TorchTensor> tensors(Object root) throws IOException {
            visit(root, "", root instanceof TorchTensor ? ROOT_TENSOR : "");
            return found;
        }

        private void charge(long left) throws TorchFileException {
            if (left < 0) {
                throw new TorchFileException(path, "object", "its values and their names are far larger than the file",
                        "shared references are nested; this is not a checkpoint");
            }
        }

        private void visit(Object value, String prefix, Object key) throws IOException {
            charge(--visitsLeft);
            if (!(value instanceof TorchTensor || value instanceof Map || value instanceof List)) {
                return;
            }
            String name = prefix.isEmpty() ? String.valueOf(key) : prefix + "." + key;
            charge(charactersLeft -= name.length());
            if (value instanceof TorchTensor tensor) {
                if (found.put(name, tensor.named(name)) != null) {
                    throw new TorchFileException(path, "tensor '" + shorten(name) + "'", "appears twice", "two keys are written alike");
                }
                return;
            }
            if (above.size() >= MAX_DEPTH) {
                throw new TorchFileException(path, "object", "is nested deeper than " + MAX_DEPTH, "this is not a checkpoint");
            }
            if (!above.add(value)) {
                throw new TorchFileException(path, "value '" + shorten(name) + "'", "contains itself", "this is not a checkpoint");
            }
            if (value instanceof Map<?, ?> map) {
                for (Map.Entry<?, ?> entry : map.entrySet()) {
                    visit(entry.getValue(), name, entry.getKey());
                }
            } else {
                int index = 0;
                for (Object element : (List<?>) value) {
                    visit(element, name, index++);
                }
            }
            above.remove(value);
        }
    }

    static String shorten(String text) {
        return text.length() > 80 ? text.substring(0, 80) + "…" : text;
    }

    public Path path() {
        return path;
    }

    /** True for the container of PyTorch before 1.6. */
    public boolean legacy() {
        return legacy;
    }

    /**
     * What was saved: a {@link Map} or a {@link TorchTensor}. Values are null, {@link Boolean}, {@link Long},
     * {@link java.math.BigInteger}, {@link Double}, {@link String}, {@code byte[]}, {@link List} (lists and tuples),
     * {@link Map} with string or number keys, {@link TorchTensor}.
     */
    public Object root() {
        return root;
    }

    /**
     * All tensors by their path: keys and list indices joined with dots, {@code optimizer.state.0.exp_avg}. In the order
     * of the file.
     */
    public Map<String, TorchTensor> tensors() {
        return tensors;
    }

    @Override
    public void close() {
        if (owned != null && owned.scope().isAlive()) {
            owned.close();
        }
    }
}
