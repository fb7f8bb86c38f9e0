package org.mouselift.data.torch;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.CRC32;
import org.mouselift.data.AtomicFile;

/**
 * Writes a file that {@code torch.load} reads, in the zip container of PyTorch 1.6 and later: uncompressed entries
 * {@code <root>/data.pkl}, {@code .format_version}, {@code .storage_alignment}, {@code byteorder}, {@code data/<key>},
 * {@code version}, {@code .data/serialization_id}, contents aligned to 64 bytes by the extra field {@code FB}; ZIP64 records
 * where sizes need them. Tensors are streamed through one block; the file appears under its name only when complete.
 */
public final class TorchWriter {
    private static final int ALIGNMENT = 64;
    private static final int BLOCK = 1 << 20;
    private static final long MAX_32 = 0xFFFF_FFFFL;
    private static final int UTF8 = 0x800;
    /** 1980-01-01, the least date of a zip archive. */
    private static final int DATE = 0x21;
    private static final int ZIP64_VERSION = 45;
    private static final int PLAIN_VERSION = 20;

    private record Entry(byte[] name, long header, long size, int crc) {}

    private final FileChannel channel;
    private final String root;
    /** Sizes and offsets from here on are written as ZIP64. */
    private final long zip64From;
    private final List<Entry> entries = new ArrayList<>();
    private long position;

    private TorchWriter(FileChannel channel, String root, long zip64From) {
        this.channel = channel;
        this.root = root;
        this.zip64From = zip64From;
    }

    /**
     * Writes an object.
     *
     * @param object null, {@link Boolean}, {@link Integer}, {@link Long}, {@link Double}, {@link String}, {@link List},
     *     {@code Object[]} (a tuple), {@link java.util.Map} with string or integer keys,
     *     {@link org.mouselift.data.pickle.OrderedDict}, and {@link TorchValues} (a tensor)
     */
    public static void write(Path path, Object object) throws IOException {
        write(path, object, MAX_32);
    }

    static void write(Path path, Object object, long zip64From) throws IOException {
        String file = path.getFileName().toString();
        String root = file.contains(".") ? file.substring(0, file.lastIndexOf('.')) : file;
        if (root.isEmpty()) {
            throw new IllegalArgumentException(path + ": the file needs a name before its ending");
        }
        TorchPickle.Result pickle = TorchPickle.of(object);
        AtomicFile.write(path, channel -> new TorchWriter(channel, root, zip64From).writeAll(pickle));
    }

    private void writeAll(TorchPickle.Result pickle) throws IOException {
        entry("data.pkl", pickle.bytes());
        entry(".format_version", text("1"));
        entry(".storage_alignment", text(Integer.toString(ALIGNMENT)));
        entry("byteorder", text("little"));
        CRC32 all = new CRC32();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment block = arena.allocate(BLOCK, ALIGNMENT);
            for (int key = 0; key < pickle.storages().size(); key++) {
                tensor("data/" + key, pickle.storages().get(key), block);
                all.update(ByteBuffer.allocate(Integer.BYTES).putInt(entries.getLast().crc()).flip());
            }
        }
        entry("version", text("3\n"));
        all.update(pickle.bytes());
        // The same content has the same identity, so that equal checkpoints are equal files.
        entry(".data/serialization_id", text(String.format("%020d%020d", all.getValue(), (long) pickle.bytes().length)));
        directory();
    }

    private static byte[] text(String s) {
        return s.getBytes(StandardCharsets.US_ASCII);
    }

    private void entry(String name, byte[] content) throws IOException {
        CRC32 crc = new CRC32();
        crc.update(content);
        header(name, content.length, (int) crc.getValue());
        put(ByteBuffer.wrap(content));
    }

    private void tensor(String name, TorchValues tensor, MemorySegment block) throws IOException {
        header(name, tensor.bytes(), 0);
        Entry begun = entries.removeLast();
        CRC32 crc = new CRC32();
        int width = tensor.type().bytes();
        for (long first = 0; first < tensor.elements(); ) {
            int count = (int) Math.min(BLOCK / width, tensor.elements() - first);
            tensor.copy(first, count, block);
            ByteBuffer bytes = block.asSlice(0, (long) count * width).asByteBuffer();
            crc.update(bytes.duplicate());
            put(bytes);
            first += count;
        }
        ByteBuffer checksum = little(Integer.BYTES).putInt((int) crc.getValue()).flip();
        long at = begun.header() + 14;
        while (checksum.hasRemaining()) {
            at += channel.write(checksum, at);
        }
        entries.add(new Entry(begun.name(), begun.header(), begun.size(), (int) crc.getValue()));
    }

    /** Local header, with an extra field that moves the content to a multiple of 64. */
    private void header(String name, long size, int crc) throws IOException {
        byte[] full = (root + "/" + name).getBytes(StandardCharsets.UTF_8);
        boolean wide = size >= zip64From;
        int before = 30 + full.length + (wide ? 20 : 0) + 4;
        int padding = (int) Math.floorMod(-(position + before), (long) ALIGNMENT);
        ByteBuffer out = little(before + padding);
        out.putInt(0x04034b50).putShort((short) (wide ? ZIP64_VERSION : PLAIN_VERSION)).putShort((short) UTF8).putShort((short) 0).putShort((short) 0)
                .putShort((short) DATE).putInt(crc).putInt((int) (wide ? MAX_32 : size)).putInt((int) (wide ? MAX_32 : size))
                .putShort((short) full.length).putShort((short) (before + padding - 30 - full.length)).put(full);
        if (wide) {
            out.putShort((short) 1).putShort((short) 16).putLong(size).putLong(size);
        }
        out.put((byte) 'F').put((byte) 'B').putShort((short) padding);
        while (out.hasRemaining()) {
            out.put((byte) 'Z');
        }
        entries.add(new Entry(full, position, size, crc));
        put(out.flip());
    }

    private void directory() throws IOException {
        long start = position;
        for (Entry e : entries) {
            boolean wide = e.size() >= zip64From || e.header() >= zip64From;
            ByteBuffer out = little(46 + e.name().length + (wide ? 28 : 0));
            short version = (short) (wide ? ZIP64_VERSION : PLAIN_VERSION);
            out.putInt(0x02014b50).putShort(version).putShort(version).putShort((short) UTF8).putShort((short) 0).putShort((short) 0)
                    .putShort((short) DATE).putInt(e.crc()).putInt((int) (wide ? MAX_32 : e.size())).putInt((int) (wide ? MAX_32 : e.size()))
                    .putShort((short) e.name().length).putShort((short) (wide ? 28 : 0)).putShort((short) 0).putShort((short) 0).putShort((short) 0)
                    .putInt(0).putInt((int) (wide ? MAX_32 : e.header())).put(e.name());
            if (wide) {
                out.putShort((short) 1).putShort((short) 24).putLong(e.size()).putLong(e.size()).putLong(e.header());
            }
            put(out.flip());
        }
        long size = position - start;
        boolean wide = start >= zip64From || size >= zip64From || entries.size() >= Math.min(0xFFFF, zip64From);
        if (wide) {
            long end64 = position;
            put(little(56).putInt(0x06064b50).putLong(44).putShort((short) ZIP64_VERSION).putShort((short) ZIP64_VERSION).putInt(0).putInt(0)
                    .putLong(entries.size()).putLong(entries.size()).putLong(size).putLong(start).flip());
            put(little(20).putInt(0x07064b50).putInt(0).putLong(end64).putInt(1).flip());
        }
        put(little(22).putInt(0x06054b50).putShort((short) 0).putShort((short) 0).putShort((short) (wide ? 0xFFFF : entries.size()))
                .putShort((short) (wide ? 0xFFFF : entries.size())).putInt((int) (wide ? MAX_32 : size)).putInt((int) (wide ? MAX_32 : start))
                .putShort((short) 0).flip());
    }

    private static ByteBuffer little(int bytes) {
        return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    private void put(ByteBuffer bytes) throws IOException {
        position += bytes.remaining();
        while (bytes.hasRemaining()) {
            channel.write(bytes);
        }
    }
}
