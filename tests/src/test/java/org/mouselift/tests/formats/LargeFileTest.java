package org.mouselift.tests.formats;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.mouselift.data.checkpoint.Checkpoint;
import org.mouselift.data.checkpoint.StoredTensor;

/** Files as large as the published UNet open in less than a second and without memory: nothing but headers is read. The files are sparse. */
class LargeFileTest {
    /** 3.6 GB. */
    private static final long ELEMENTS = 900_000_000L;
    private static final long BYTES = 4 * ELEMENTS;
    private static final double SECONDS = 1;
    private static final long HEAP = 8 << 20;

    @TempDir Path folder;

    private static void put(FileChannel channel, long at, ByteBuffer bytes) throws IOException {
        for (long to = at; bytes.hasRemaining(); ) {
            to += channel.write(bytes, to);
        }
    }

    private static ByteBuffer little(int bytes) {
        return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    private static void opens(Path file, String format) throws IOException {
        assertTrue(Files.size(file) > 3_500_000_000L);
        Checkpoint.open(file).close(); // the classes are there
        var threads = (com.sun.management.ThreadMXBean) java.lang.management.ManagementFactory.getThreadMXBean();
        long heap = threads.getCurrentThreadAllocatedBytes();
        long begin = System.nanoTime();
        try (Checkpoint stored = Checkpoint.open(file)) {
            double seconds = (System.nanoTime() - begin) * 1e-9;
            long used = threads.getCurrentThreadAllocatedBytes() - heap;
            StoredTensor tensor = stored.tensors().values().iterator().next();
            assertEquals("w: F32[900000,1000]", tensor.toString());
            assertTrue(tensor.isMapped());
            assertEquals(BYTES, tensor.data().byteSize());
            assertEquals(42, tensor.data().get(java.lang.foreign.ValueLayout.JAVA_BYTE, BYTES - 1), "the last byte is that of the file");
            System.out.printf("%s of %,d bytes opens in %.1f ms with %,d bytes of heap%n", format, Files.size(file), seconds * 1e3, used);
            assertTrue(seconds < SECONDS, seconds + " s");
            assertTrue(used < HEAP, used + " bytes");
        }
    }

    @Test
    void safetensors() throws IOException {
        byte[] header = ("{\"w\":{\"dtype\":\"F32\",\"shape\":[900000,1000],\"data_offsets\":[0," + BYTES + "]}}").getBytes(StandardCharsets.UTF_8);
        Path file = folder.resolve("model.safetensors");
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE, StandardOpenOption.SPARSE)) {
            put(channel, 0, little(8 + header.length).putLong(header.length).put(header).flip());
            put(channel, 8 + header.length + BYTES - 1, ByteBuffer.wrap(new byte[] {42}));
        }
        opens(file, "safetensors");
    }

    @Test
    void torch() throws IOException {
        Path file = folder.resolve("model.pt");
        byte[] pickle = pickle();
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE, StandardOpenOption.SPARSE)) {
            byte[][] names = {"m/data.pkl".getBytes(StandardCharsets.UTF_8), "m/data/0".getBytes(StandardCharsets.UTF_8)};
            long[] sizes = {pickle.length, BYTES};
            long[] at = new long[2];
            long position = 0;
            for (int i = 0; i < 2; i++) {
                at[i] = position;
                put(channel, position, little(30 + names[i].length).putInt(0x04034b50).putShort((short) 20).putShort((short) 0).putShort((short) 0).putInt(0).putInt(0)
                        .putInt((int) sizes[i]).putInt((int) sizes[i]).putShort((short) names[i].length).putShort((short) 0).put(names[i]).flip());
                position += 30 + names[i].length;
                put(channel, i == 0 ? position : position + BYTES - 1, ByteBuffer.wrap(i == 0 ? pickle : new byte[] {42}));
                position += sizes[i];
            }
            long directory = position;
            for (int i = 0; i < 2; i++) {
                put(channel, position, little(46 + names[i].length).putInt(0x02014b50).putShort((short) 20).putShort((short) 20).putShort((short) 0).putShort((short) 0).putInt(0).putInt(0)
                        .putInt((int) sizes[i]).putInt((int) sizes[i]).putShort((short) names[i].length).putShort((short) 0).putShort((short) 0).putShort((short) 0)
                        .putShort((short) 0).putInt(0).putInt((int) at[i]).put(names[i]).flip());
                position += 46 + names[i].length;
            }
            put(channel, position, little(22).putInt(0x06054b50).putInt(0).putShort((short) 2).putShort((short) 2).putInt((int) (position - directory)).putInt((int) directory)
                    .putShort((short) 0).flip());
        }
        opens(file, "PyTorch zip");
    }

    /** {@code {'w': tensor}}, protocol 2. */
    private static byte[] pickle() {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.writeBytes(new byte[] {(byte) 0x80, 2, '}'});
        text(out, "w");
        out.writeBytes("ctorch._utils\n_rebuild_tensor_v2\n((".getBytes(StandardCharsets.US_ASCII));
        text(out, "storage");
        out.writeBytes("ctorch\nFloatStorage\n".getBytes(StandardCharsets.US_ASCII));
        text(out, "0");
        text(out, "cpu");
        number(out, (int) ELEMENTS);
        out.writeBytes(new byte[] {'t', 'Q', 'K', 0});
        number(out, 900_000);
        number(out, 1000);
        out.write(0x86);
        number(out, 1000);
        number(out, 1);
        out.writeBytes(new byte[] {(byte) 0x86, (byte) 0x89});
        out.writeBytes("ccollections\nOrderedDict\n)RtRs.".getBytes(StandardCharsets.US_ASCII));
        return out.toByteArray();
    }

    private static void text(ByteArrayOutputStream out, String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        out.write('X');
        out.writeBytes(little(4).putInt(bytes.length).array());
        out.writeBytes(bytes);
    }

    private static void number(ByteArrayOutputStream out, int value) {
        out.write('J');
        out.writeBytes(little(4).putInt(value).array());
    }
}
