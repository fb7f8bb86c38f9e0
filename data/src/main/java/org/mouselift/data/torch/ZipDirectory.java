package org.mouselift.data.torch;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import org.mouselift.engine.DType;

/**
 * The entries of a zip archive that stores them uncompressed, ZIP64 included (APPNOTE 6.3.10, §4.3). Only the central directory
 * and the local headers are read; nothing is extracted. Every range is checked against the file.
 */
final class ZipDirectory {
    private static final int LOCAL = 0x04034b50;
    private static final int CENTRAL = 0x02014b50;
    private static final int END = 0x06054b50;
    private static final int END64 = 0x06064b50;
    private static final int LOCATOR64 = 0x07064b50;
    private static final int END_BYTES = 22;
    private static final int MAX_COMMENT = 0xFFFF;

    private final Path path;
    private final MemorySegment file;
    private final Map<String, MemorySegment> entries = new LinkedHashMap<>();

    private ZipDirectory(Path path, MemorySegment file) {
        this.path = path;
        this.file = file;
    }

    /** The bytes of every entry by name, in the directory's order. */
    static Map<String, MemorySegment> read(Path path, MemorySegment file) throws IOException {
        ZipDirectory directory = new ZipDirectory(path, file);
        directory.readCentral();
        return Collections.unmodifiableMap(directory.entries);
    }

    private void readCentral() throws IOException {
        long end = findEnd();
        long count = u2(end + 10);
        long size = u4(end + 12);
        long start = u4(end + 16);
        if (u2(end + 4) != 0 || u2(end + 6) != 0) {
            throw error("zip directory", "the archive is split over several disks", "");
        }
        long limit = end;
        if (count == 0xFFFF || size == 0xFFFF_FFFFL || start == 0xFFFF_FFFFL) {
            limit = findEnd64(end);
            count = u8(limit + 32);
            size = u8(limit + 40);
            start = u8(limit + 48);
        }
        if (start < 0 || size < 0 || start > limit || size > limit - start || count < 0 || count > size / 46) {
            throw error("zip directory", count + " entries in " + size + " bytes at " + start + " do not fit the file of " + file.byteSize() + " bytes",
                    "the file is truncated or damaged");
        }
        long at = start;
        for (long i = 0; i < count; i++) {
            at = readEntry(at, start + size, start);
        }
    }

    /** The end record is the last thing in the file but for a comment of known length. */
    private long findEnd() throws IOException {
        for (long at = file.byteSize() - END_BYTES; at >= Math.max(0, file.byteSize() - END_BYTES - MAX_COMMENT); at--) {
            if (i4(at) == END && at + END_BYTES + u2(at + 20) == file.byteSize()) {
                return at;
            }
        }
        throw error("zip directory", "the end record is missing", "the file is truncated; copy it again");
    }

    private long findEnd64(long end) throws IOException {
        if (end < 20 || i4(end - 20) != LOCATOR64) {
            throw error("zip directory", "the ZIP64 locator is missing", "the file is damaged");
        }
        long at = u8(end - 12);
        if (at < 0 || at > end - 20 - 56 || i4(at) != END64) {
            throw error("zip directory", "the ZIP64 end record is not at " + at, "the file is damaged");
        }
        return at;
    }

    private long readEntry(long at, long limit, long dataLimit) throws IOException {
        if (limit - at < 46 || i4(at) != CENTRAL) {
            throw error("zip directory", "no entry at byte " + at, "the file is damaged");
        }
        int nameLength = u2(at + 28);
        int extraLength = u2(at + 30);
        long next = at + 46 + nameLength + extraLength + u2(at + 32);
        if (next > limit) {
            throw error("zip directory", "the entry at byte " + at + " leaves the directory", "the file is damaged");
        }
        String name = name(at + 46, nameLength);
        String field = "entry '" + name + "'";
        if ((u2(at + 8) & 1) != 0) {
            throw error(field, "is encrypted", "");
        }
        if (u2(at + 10) != 0) {
            throw error(field, "is compressed (method " + u2(at + 10) + ")", "PyTorch stores entries uncompressed; pack the archive again without compression");
        }
        long[] sizes = {u4(at + 24), u4(at + 20), u4(at + 42)}; // uncompressed, compressed, offset: the order of the ZIP64 field
        readExtra64(at + 46 + nameLength, extraLength, sizes, field);
        if (sizes[0] != sizes[1]) {
            throw error(field, "has " + sizes[0] + " bytes, stored as " + sizes[1], "the file is damaged");
        }
        if (entries.putIfAbsent(name, content(sizes[2], sizes[0], nameLength, at + 46, dataLimit, field)) != null) {
            throw error(field, "appears twice", "the file is damaged");
        }
        return next;
    }

    private void readExtra64(long at, int length, long[] sizes, String field) throws IOException {
        boolean needed = sizes[0] == 0xFFFF_FFFFL || sizes[1] == 0xFFFF_FFFFL || sizes[2] == 0xFFFF_FFFFL;
        for (long end = at + length; needed && end - at >= 4; at += 4 + u2(at + 2)) {
            long from = at + 4;
            long to = Math.min(end, from + u2(at + 2));
            if (u2(at) != 1) {
                continue;
            }
            for (int i = 0; i < 3; i++) {
                if (sizes[i] == 0xFFFF_FFFFL) {
                    if (to - from < 8) {
                        throw error(field, "has a ZIP64 field that is too short", "the file is damaged");
                    }
                    sizes[i] = u8(from);
                    from += 8;
                }
            }
            return;
        }
        if (needed && file.byteSize() < 0xFFFF_FFFFL) {
            throw error(field, "needs a ZIP64 field and has none", "the file is damaged");
        }
    }

    /** The local header repeats the name, and its own extra field decides where the bytes begin. */
    private MemorySegment content(long header, long size, int nameLength, long nameAt, long limit, String field) throws IOException {
        if (header < 0 || header > limit - 30 || i4(header) != LOCAL) {
            throw error(field, "has no local header at byte " + header, "the file is damaged");
        }
        long start = header + 30 + u2(header + 26) + u2(header + 28);
        if (size < 0 || start > limit || size > limit - start) {
            throw error(field, size + " bytes at " + start + " leave the archive", "the file is truncated or damaged");
        }
        if (u2(header + 26) != nameLength || MemorySegment.mismatch(file, header + 30, header + 30 + nameLength, file, nameAt, nameAt + nameLength) >= 0) {
            throw error(field, "its local header at byte " + header + " has another name", "the file is damaged");
        }
        return file.asSlice(start, size);
    }

    private String name(long at, int length) throws IOException {
        ByteBuffer bytes = ByteBuffer.wrap(file.asSlice(at, length).toArray(ValueLayout.JAVA_BYTE));
        try {
            return StandardCharsets.UTF_8.newDecoder().decode(bytes).toString();
        } catch (CharacterCodingException e) {
            throw error("zip directory", "the name of the entry at byte " + at + " is not UTF-8", "the file is damaged");
        }
    }

    private int u2(long at) {
        return file.get(DType.LE_16, at) & 0xFFFF;
    }

    private int i4(long at) {
        return file.get(DType.LE_I32, at);
    }

    private long u4(long at) {
        return i4(at) & 0xFFFF_FFFFL;
    }

    private long u8(long at) {
        return file.get(DType.LE_I64, at);
    }

    private TorchFileException error(String field, String fault, String remedy) {
        return new TorchFileException(path, field, fault, remedy);
    }
}
