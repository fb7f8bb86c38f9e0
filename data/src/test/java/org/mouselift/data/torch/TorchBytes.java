package org.mouselift.data.torch;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/** Assembles the bytes of PyTorch files by hand, valid and invalid, independently of the writer under test. */
final class TorchBytes {
    static final Path PATH = Path.of("t.pt");

    /** A storage of float32 elements. */
    record Storage(String key, float[] values) {}

    private final ByteArrayOutputStream pickle = new ByteArrayOutputStream();
    private final List<Storage> storages = new ArrayList<>();

    TorchBytes() {
        op(0x80, 2);
    }

    TorchBytes op(int... bytes) {
        for (int b : bytes) {
            pickle.write(b);
        }
        return this;
    }

    TorchBytes text(String s) {
        byte[] b = s.getBytes(StandardCharsets.UTF_8);
        op('X');
        i4(b.length);
        pickle.writeBytes(b);
        return this;
    }

    TorchBytes i4(int v) {
        return op(v & 255, (v >> 8) & 255, (v >> 16) & 255, (v >> 24) & 255);
    }

    TorchBytes integer(int v) {
        return op('J').i4(v);
    }

    TorchBytes global(String module, String name) {
        pickle.writeBytes(("c" + module + "\n" + name + "\n").getBytes(StandardCharsets.UTF_8));
        return this;
    }

    TorchBytes tuple(long... values) {
        op('(');
        for (long v : values) {
            integer((int) v);
        }
        return op('t');
    }

    /** Pushes a float32 tensor that views a storage. */
    TorchBytes tensor(Storage storage, int offset, long[] shape, long[] strides) {
        global("torch._utils", "_rebuild_tensor_v2").op('(').storage(storage, "torch", "FloatStorage", storage.values.length).integer(offset);
        return tuple(shape).tuple(strides).op(0x89).global("collections", "OrderedDict").op(')', 'R', 't', 'R');
    }

    /** Pushes a storage, as elements of a class, which lie on a graphics card. */
    TorchBytes storage(Storage storage, String module, String name, int count) {
        if (storages.stream().noneMatch(s -> s.key.equals(storage.key))) {
            storages.add(storage);
        }
        return op('(').text("storage").global(module, name).text(storage.key).text("cuda:0").integer(count).op('t', 'Q');
    }

    /** The zip container with this pickle. */
    byte[] zip() {
        return zip("archive/byteorder", "little");
    }

    byte[] zip(String extraEntry, String extraContent) {
        try {
            ByteArrayOutputStream out = new ByteArrayOutputStream();
            try (ZipOutputStream zip = new ZipOutputStream(out)) {
                zip.setMethod(ZipOutputStream.STORED);
                store(zip, "archive/data.pkl", pickle.toByteArray());
                store(zip, extraEntry, extraContent.getBytes(StandardCharsets.US_ASCII));
                for (Storage s : storages) {
                    store(zip, "archive/data/" + s.key, bytes(s.values));
                }
            }
            return out.toByteArray();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void store(ZipOutputStream zip, String name, byte[] content) throws IOException {
        ZipEntry entry = new ZipEntry(name);
        CRC32 crc = new CRC32();
        crc.update(content);
        entry.setCrc(crc.getValue());
        entry.setSize(content.length);
        zip.putNextEntry(entry);
        zip.write(content);
    }

    /** The legacy container with this pickle. */
    byte[] legacy() {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        TorchBytes head = new TorchBytes().op(0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, '.');
        head.op(0x80, 2).op('M', 0xe9, 0x03, '.');
        head.op(0x80, 2).op('}').text("little_endian").op(0x88, 's', '.');
        out.writeBytes(head.pickle.toByteArray());
        out.writeBytes(pickle.toByteArray());
        TorchBytes keys = new TorchBytes().op(']', '(');
        storages.forEach(s -> keys.text(s.key));
        out.writeBytes(keys.op('e', '.').pickle.toByteArray());
        for (Storage s : storages) {
            out.writeBytes(ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(s.values.length).array());
            out.writeBytes(bytes(s.values));
        }
        return out.toByteArray();
    }

    private static byte[] bytes(float[] values) {
        ByteBuffer buffer = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
        buffer.asFloatBuffer().put(values);
        return buffer.array();
    }

    static TorchFile open(byte[] bytes) throws IOException {
        return TorchFile.of(PATH, MemorySegment.ofArray(bytes));
    }
}
