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
    /** Sizes and check sum stand behind the content. */
    private static final int DESCRIPTOR = 8;
    private static final int ZIP64_VERSION = 45;

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
        Entry begun = header(name, content.length);
        put(ByteBuffer.wrap(content));
        CRC32 crc = new CRC32();
        crc.update(content);
        end(begun, crc);
    }

    private void tensor(String name, TorchValues tensor, MemorySegment block) throws IOException {
        Entry begun = header(name, tensor.bytes());
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
        end(begun, crc);
    }

    private boolean isWide(long size, long at) {
        return size >= zip64From || at >= zip64From;
    }

    /**
     * Local header without sizes, and an extra field that moves the content to a multiple of 64. PyTorch can compute offsets instead of
     * reading headers, so that every byte counts: fields, their order, and the descriptor behind the content.
     */
    private Entry header(String name, long size) throws IOException {
        byte[] full = (root + "/" + name).getBytes(StandardCharsets.UTF_8);
        long at = position;
        int fields = (size >= zip64From ? 16 : 0) + (at >= zip64From ? 8 : 0);
        int before = 30 + full.length + (isWide(size, at) ? 4 + fields : 0) + 4;
        int padding = (int) Math.floorMod(-(at + before), (long) ALIGNMENT);
        ByteBuffer out = little(before + padding);
        out.putInt(0x04034b50).putShort((short) 0).putShort(flags(size)).putShort((short) 0).putInt(0).putInt(0).putInt(0).putInt(0)
                .putShort((short) full.length).putShort((short) (before + padding - 30 - full.length)).put(full);
        if (isWide(size, at)) {
            out.putShort((short) 1).putShort((short) fields);
            if (size >= zip64From) {
                out.putLong(size).putLong(size);
            }
            if (at >= zip64From) {
                out.putLong(at);
            }
        }
        out.put((byte) 'F').put((byte) 'B').putShort((short) padding);
        while (out.hasRemaining()) {
            out.put((byte) 'Z');
        }
        put(out.flip());
        return new Entry(full, at, size, 0);
    }

    private static short flags(long size) {
        return (short) (size > 0 ? UTF8 | DESCRIPTOR : UTF8);
    }

    /** The descriptor with check sum and sizes; none behind nothing. */
    private void end(Entry begun, CRC32 crc) throws IOException {
        int sum = (int) crc.getValue();
        if (begun.size() > 0) {
            ByteBuffer out = little(24).putInt(0x08074b50).putInt(sum);
            if (isWide(begun.size(), begun.header())) {
                out.putLong(begun.size()).putLong(begun.size());
            } else {
                out.putInt((int) begun.size()).putInt((int) begun.size());
            }
            put(out.flip());
        }
        entries.add(new Entry(begun.name(), begun.header(), begun.size(), sum));
    }

    private void directory() throws IOException {
        long start = position;
        for (Entry e : entries) {
            boolean wide = isWide(e.size(), e.header());
            ByteBuffer out = little(46 + e.name().length + (wide ? 28 : 0));
            out.putInt(0x02014b50).putShort((short) 0).putShort((short) 0).putShort(flags(e.size())).putShort((short) 0).putInt(0).putInt(e.crc()).putInt((int) (wide ? MAX_32 : e.size())).putInt((int) (wide ? MAX_32 : e.size()))
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
