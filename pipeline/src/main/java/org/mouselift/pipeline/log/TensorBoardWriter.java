package org.mouselift.pipeline.log;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import java.util.zip.CRC32C;

/**
 * A TensorBoard event file: scalars and pictures over steps. The format is a sequence of TFRecords (length, masked
 * CRC-32C of the length, data, masked CRC-32C of the data, little-endian) that each hold one {@code Event} protocol
 * buffer. Records are appended whole, so that a reader of a running training sees only complete ones.
 */
public final class TensorBoardWriter implements AutoCloseable {
    private static final int CRC_MASK = 0xa282ead8;
    private static final int VARINT = 0;
    private static final int FIXED64 = 1;
    private static final int LENGTH = 2;
    private static final int FIXED32 = 5;
    private static final int RGB = 3;

    private final FileChannel channel;
    private final Path file;

    private TensorBoardWriter(Path file) throws IOException {
        this.file = file;
        this.channel = FileChannel.open(file, StandardOpenOption.WRITE, StandardOpenOption.CREATE_NEW);
    }

    /** Begins a new event file in a folder; TensorBoard joins the files of one folder to one run. */
    public static TensorBoardWriter create(Path folder) throws IOException {
        Files.createDirectories(folder);
        long millis = System.currentTimeMillis();
        TensorBoardWriter writer = new TensorBoardWriter(folder.resolve("events.out.tfevents." + millis / 1000 + ".mouselift."
                + ProcessHandle.current().pid() + "." + millis % 1000));
        writer.event(0, message -> message.text(3, "brain.Event:2"));
        return writer;
    }

    /** The event file. */
    public Path file() {
        return file;
    }

    /** Appends values of one step, as one event. */
    public void scalars(long step, Map<String, ? extends Number> values) throws IOException {
        event(step, event -> event.message(5, summary -> values.forEach((name, value) -> summary.message(1, entry -> {
            entry.text(1, name);
            entry.fixed32(2, Float.floatToRawIntBits(value.floatValue()));
        }))));
    }

    /** Appends a picture of one step. */
    public void image(long step, String name, int width, int height, byte[] png) throws IOException {
        event(step, event -> event.message(5, summary -> summary.message(1, entry -> {
            entry.text(1, name);
            entry.message(4, image -> {
                image.varint(1, height);
                image.varint(2, width);
                image.varint(3, RGB);
                image.bytes(4, png);
            });
        })));
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }

    private void event(long step, Content content) throws IOException {
        Message event = new Message();
        event.fixed64(1, Double.doubleToRawLongBits(System.currentTimeMillis() / 1000.0));
        event.varint(2, step);
        content.writeTo(event);
        byte[] data = event.bytes.toByteArray();
        ByteBuffer record = ByteBuffer.allocate(Math.addExact(data.length, 16)).order(ByteOrder.LITTLE_ENDIAN);
        record.putLong(data.length).putInt(maskedCrc(record.array(), 0, 8)).put(data).putInt(maskedCrc(data, 0, data.length)).flip();
        while (record.hasRemaining()) {
            channel.write(record);
        }
    }

    /** The checksum as TFRecord stores it: CRC-32C rotated right by 15 bits, plus a constant. */
    static int maskedCrc(byte[] data, int offset, int length) {
        CRC32C crc = new CRC32C();
        crc.update(data, offset, length);
        return Integer.rotateRight((int) crc.getValue(), 15) + CRC_MASK;
    }

    @FunctionalInterface
    private interface Content {
        void writeTo(Message message);
    }

    /** A protocol buffer message under construction. */
    private static final class Message {
        private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

        void varint(int field, long value) {
            raw((long) field << 3 | VARINT);
            raw(value);
        }

        void fixed64(int field, long value) {
            raw((long) field << 3 | FIXED64);
            for (int i = 0; i < 64; i += 8) {
                bytes.write((int) (value >>> i));
            }
        }

        void fixed32(int field, int value) {
            raw((long) field << 3 | FIXED32);
            for (int i = 0; i < 32; i += 8) {
                bytes.write(value >>> i);
            }
        }

        void text(int field, String text) {
            bytes(field, text.getBytes(StandardCharsets.UTF_8));
        }

        void message(int field, Content content) {
            Message inner = new Message();
            content.writeTo(inner);
            bytes(field, inner.bytes.toByteArray());
        }

        void bytes(int field, byte[] value) {
            raw((long) field << 3 | LENGTH);
            raw(value.length);
            bytes.writeBytes(value);
        }

        private void raw(long value) {
            long rest = value;
            while ((rest & ~0x7fL) != 0) {
                bytes.write((int) (rest & 0x7f | 0x80));
                rest >>>= 7;
            }
            bytes.write((int) rest);
        }
    }
}
