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
        // The first pixel has no left neighbour; there up and Paeth agree, and average halves.
        for (int i = 0; i < step; i++) {
            candidates[0][1 + i] = row[i];
            candidates[1][1 + i] = row[i];
            candidates[2][1 + i] = (byte) (row[i] - up[i]);
            candidates[3][1 + i] = (byte) (row[i] - ((up[i] & 0xFF) >> 1));
            candidates[4][1 + i] = (byte) (row[i] - up[i]);
        }
        System.arraycopy(row, step, candidates[0], 1 + step, row.length - step);
        for (int i = step; i < row.length; i++) {
            candidates[1][1 + i] = (byte) (row[i] - row[i - step]);
        }
        for (int i = step; i < row.length; i++) {
            candidates[2][1 + i] = (byte) (row[i] - up[i]);
        }
        for (int i = step; i < row.length; i++) {
            candidates[3][1 + i] = (byte) (row[i] - ((row[i - step] & 0xFF) + (up[i] & 0xFF) >> 1));
        }
        for (int i = step; i < row.length; i++) {
            candidates[4][1 + i] = (byte) (row[i] - PngReader.paeth(row[i - step] & 0xFF, up[i] & 0xFF, up[i - step] & 0xFF));
        }
        int best = 0;
        int bestSum = Integer.MAX_VALUE;
        for (int type = 0; type < FILTERS; type++) {
            candidates[type][0] = (byte) type;
            int sum = absoluteSum(candidates[type]);
            if (sum < bestSum) {
                bestSum = sum;
                best = type;
            }
        }
        return candidates[best];
    }

    /** Saturating, so that very long rows still have an order. */
    private static int absoluteSum(byte[] filtered) {
        long sum = 0;
        for (int i = 1; i < filtered.length; i++) {
            sum += Math.abs(filtered[i]);
        }
        return (int) Math.min(sum, Integer.MAX_VALUE - 1);
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
