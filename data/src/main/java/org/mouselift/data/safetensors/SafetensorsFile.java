package org.mouselift.data.safetensors;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.mouselift.engine.DType;

/**
 * A safetensors file, memory-mapped: opening reads and checks the header only; tensor bytes are touched when used.
 * Every rule of the format is enforced before any tensor can be seen: header length within the file and at most
 * {@value #MAX_HEADER} bytes; UTF-8 JSON object; no duplicate keys; known element types; exact sizes; ranges that
 * cover the buffer from 0 to its end without hole or overlap.
 */
public final class SafetensorsFile implements AutoCloseable {
    /** Largest accepted header, in bytes. */
    public static final long MAX_HEADER = 100_000_000;

    private final Path path;
    private final Arena owned;
    private final Map<String, String> metadata;
    private final Map<String, SafetensorsEntry> entries;

    private SafetensorsFile(Path path, Arena owned, SafetensorsHeader header, MemorySegment buffer) {
        this.path = path;
        this.owned = owned;
        this.metadata = Collections.unmodifiableMap(header.metadata());
        this.entries = Collections.unmodifiableMap(header.entries(path, buffer));
    }

    /** Opens a file; {@link #close} unmaps it. */
    public static SafetensorsFile open(Path path) throws IOException {
        Arena arena = Arena.ofShared();
        try {
            return open(path, arena, true);
        } catch (IOException | RuntimeException | Error e) {
            arena.close();
            throw e;
        }
    }

    /** Opens a file whose mapping lives as long as {@code arena}; {@link #close} does nothing. */
    public static SafetensorsFile open(Path path, Arena arena) throws IOException {
        return open(path, arena, false);
    }

    /** A file that is already in memory; {@code path} names it in errors. */
    public static SafetensorsFile of(Path path, MemorySegment content) throws IOException {
        return of(path, content, null);
    }

    private static SafetensorsFile open(Path path, Arena arena, boolean own) throws IOException {
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
            return of(path, channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena), own ? arena : null);
        }
    }

    private static SafetensorsFile of(Path path, MemorySegment all, Arena owned) throws IOException {
        if (all.byteSize() < 8) {
            throw new SafetensorsException(path, "file", "has " + all.byteSize() + " bytes, shorter than the 8-byte header length",
                    "the download or copy is incomplete");
        }
        long length = all.get(DType.LE_I64, 0);
        if (length < 0 || length > MAX_HEADER) {
            throw new SafetensorsException(path, "header length", Long.toUnsignedString(length) + " bytes, allowed are at most " + MAX_HEADER,
                    "this is not a safetensors file");
        }
        if (length > all.byteSize() - 8) {
            throw new SafetensorsException(path, "header length", length + " bytes, but only " + (all.byteSize() - 8) + " follow",
                    "the file is truncated or not a safetensors file");
        }
        MemorySegment buffer = all.asSlice(8 + length);
        SafetensorsHeader header = SafetensorsHeader.parse(path, all.asSlice(8, length), buffer.byteSize());
        return new SafetensorsFile(path, owned, header, buffer);
    }

    public Path path() {
        return path;
    }

    /** The {@code __metadata__} strings; empty where the file has none. */
    public Map<String, String> metadata() {
        return metadata;
    }

    /** All tensors by name, in the order of their bytes. */
    public Map<String, SafetensorsEntry> entries() {
        return entries;
    }

    public List<String> names() {
        return List.copyOf(entries.keySet());
    }

    public boolean contains(String name) {
        return entries.containsKey(name);
    }

    /** The tensor with this name; a missing one is an error that lists the closest names. */
    public SafetensorsEntry get(String name) throws SafetensorsException {
        SafetensorsEntry entry = entries.get(name);
        if (entry == null) {
            throw new SafetensorsException(path, "tensor '" + name + "'", "is not in the file",
                    entries.isEmpty() ? "the file holds no tensors" : "closest of " + entries.size() + ": " + closest(name));
        }
        return entry;
    }

    private List<String> closest(String name) {
        List<String> names = new ArrayList<>(entries.keySet());
        names.sort(java.util.Comparator.<String>comparingInt(n -> -sharedEnds(n, name)).thenComparing(n -> n));
        return names.subList(0, Math.min(5, names.size()));
    }

    private static int sharedEnds(String a, String b) {
        int limit = Math.min(a.length(), b.length());
        int head = 0;
        while (head < limit && a.charAt(head) == b.charAt(head)) {
            head++;
        }
        int tail = 0;
        while (tail < limit - head && a.charAt(a.length() - 1 - tail) == b.charAt(b.length() - 1 - tail)) {
            tail++;
        }
        return head + tail;
    }

    @Override
    public void close() {
        if (owned != null && owned.scope().isAlive()) {
            owned.close();
        }
    }
}
