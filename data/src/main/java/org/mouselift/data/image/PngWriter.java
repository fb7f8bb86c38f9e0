package org.mouselift.data.image;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.zip.CRC32;
import java.util.zip.Deflater;
import org.mouselift.data.AtomicFile;

/** PNG encoder: 8 and 16 bits, 1 to 4 channels, not interlaced, row filter chosen by the least sum of absolute values. */
public final class PngWriter {
    private static final int FILTERS = 5;
    private static final int[] COLOUR_TYPE = {0, 0, 4, 2, 6};

    private PngWriter() {}

    /** Writes the file; it appears under its name only when complete. */
    public static void write(Path path, Image image) throws java.io.IOException {
        ByteBuffer bytes = ByteBuffer.wrap(encode(image));
        AtomicFile.write(path, channel -> {
            while (bytes.hasRemaining()) {
                channel.write(bytes);
            }
        });
    }

    /** The complete file in memory. */
    public static byte[] encode(Image image) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.writeBytes(PngReader.SIGNATURE);
        int depth = image instanceof Image16 ? 16 : 8;
        chunk(out, "IHDR", ByteBuffer.allocate(13).putInt(image.width()).putInt(image.height()).put((byte) depth)
                .put((byte) COLOUR_TYPE[image.channels()]).put(new byte[3]).array(), 13);
        Deflater deflater = new Deflater(6);
        try {
            byte[] block = new byte[1 << 16];
            int pixelBytes = image.channels() * depth / 8;
            byte[] previous = new byte[image.width() * pixelBytes];
            byte[] row = new byte[previous.length];
            byte[][] candidates = new byte[FILTERS][1 + row.length];
            for (int y = 0; y < image.height(); y++) {
                copyRow(image, y, row);
                deflater.setInput(filtered(row, previous, pixelBytes, candidates));
                while (!deflater.needsInput()) {
                    chunk(out, "IDAT", block, deflater.deflate(block));
                }
                byte[] swap = previous;
                previous = row;
                row = swap;
            }
            deflater.finish();
            while (!deflater.finished()) {
                chunk(out, "IDAT", block, deflater.deflate(block));
            }
        } finally {
            deflater.end();
        }
        chunk(out, "IEND", new byte[0], 0);
        return out.toByteArray();
    }

    private static void copyRow(Image image, int y, byte[] row) {
        switch (image) {
            case Image8 i -> System.arraycopy(i.data(), y * row.length, row, 0, row.length);
            case Image16 i -> {
                int samples = row.length / 2;
                for (int s = 0; s < samples; s++) {
                    short value = i.data()[y * samples + s];
                    row[2 * s] = (byte) (value >> 8);
                    row[2 * s + 1] = (byte) value;
                }
            }
        }
    }

    private static byte[] filtered(byte[] row, byte[] up, int step, byte[][] candidates) {
        int best = 0;
        long bestSum = Long.MAX_VALUE;
        for (int type = 0; type < FILTERS; type++) {
            byte[] out = candidates[type];
            out[0] = (byte) type;
            long sum = 0;
            for (int i = 0; i < row.length; i++) {
                int left = i < step ? 0 : row[i - step] & 0xFF;
                int above = up[i] & 0xFF;
                int predicted = switch (type) {
                    case 0 -> 0;
                    case 1 -> left;
                    case 2 -> above;
                    case 3 -> left + above >> 1;
                    default -> PngReader.paeth(left, above, i < step ? 0 : up[i - step] & 0xFF);
                };
                out[1 + i] = (byte) (row[i] - predicted);
                sum += Math.abs(out[1 + i]);
            }
            if (sum < bestSum) {
                bestSum = sum;
                best = type;
            }
        }
        return candidates[best];
    }

    private static void chunk(ByteArrayOutputStream out, String type, byte[] data, int length) {
        if (length == 0 && type.equals("IDAT")) {
            return;
        }
        byte[] name = type.getBytes(StandardCharsets.US_ASCII);
        CRC32 crc = new CRC32();
        crc.update(name);
        crc.update(data, 0, length);
        out.writeBytes(ByteBuffer.allocate(4).putInt(length).array());
        out.writeBytes(name);
        out.write(data, 0, length);
        out.writeBytes(ByteBuffer.allocate(4).putInt((int) crc.getValue()).array());
    }
}
