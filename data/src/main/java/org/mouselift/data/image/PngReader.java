package org.mouselift.data.image;

import java.util.Arrays;
import java.util.zip.CRC32;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;

/**
 * PNG decoder (PNG specification, third edition): every colour type and bit depth, interlaced or not. Palette and 1-, 2-
 * and 4-bit grey pictures become 8-bit; a {@code tRNS} chunk becomes an alpha channel. Every check sum is verified, and
 * every size is checked against the data that is there before memory is allocated for it.
 */
final class PngReader {
    static final byte[] SIGNATURE = {(byte) 0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
    private static final int IHDR = 0x49484452;
    private static final int PLTE = 0x504C5445;
    private static final int IDAT = 0x49444154;
    private static final int IEND = 0x49454E44;
    private static final int TRNS = 0x74524E53;
    /** Deflate cannot expand by more than this factor. */
    private static final long MAX_EXPANSION = 1032;
    /** Adam7: first column, first row, column step, row step of the seven passes; one pass of step 1 when not interlaced. */
    private static final int[][] ADAM7 = {{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4}, {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}};
    private static final int[][] PROGRESSIVE = {{0, 0, 1, 1}};

    private final String source;
    private final byte[] file;
    private int width;
    private int height;
    private int depth;
    private int colourType;
    private boolean interlaced;
    private byte[] palette;
    private byte[] transparency;
    private int firstData = -1;
    private long dataBytes;

    private PngReader(String source, byte[] file) {
        this.source = source;
        this.file = file;
    }

    /** Decodes a whole file; {@code source} names it in errors. */
    static Image decode(String source, byte[] file, ImageLimits limits) throws ImageFormatException {
        return new PngReader(source, file).decode(limits);
    }

    private Image decode(ImageLimits limits) throws ImageFormatException {
        if (file.length < 8 || !Arrays.equals(file, 0, 8, SIGNATURE, 0, 8)) {
            throw fault(0, "not a PNG file: wrong signature");
        }
        readChunks(limits);
        int stored = storedChannels();
        int[][] passes = interlaced ? ADAM7 : PROGRESSIVE;
        long raw = 0;
        for (int[] pass : passes) {
            long columns = steps(width, pass[0], pass[2]);
            long rows = steps(height, pass[1], pass[3]);
            raw += columns == 0 ? 0 : rows * (1 + rowBytes(columns, stored));
        }
        if (raw > dataBytes * MAX_EXPANSION + MAX_EXPANSION) {
            throw fault(firstData, "truncated: " + width + "x" + height + " needs " + raw + " bytes of picture data, " + dataBytes
                    + " compressed bytes cannot hold them");
        }
        int samples = Image.samples(width, height, outputChannels());
        byte[] out8 = depth == 16 ? null : new byte[samples];
        short[] out16 = depth == 16 ? new short[samples] : null;
        Inflater inflater = new Inflater();
        try {
            DataStream data = new DataStream(inflater);
            for (int[] pass : passes) {
                readPass(pass, stored, data, out8, out16);
            }
            data.finish();
        } finally {
            inflater.end();
        }
        return depth == 16 ? new Image16(width, height, outputChannels(), out16) : new Image8(width, height, outputChannels(), out8);
    }

    private void readChunks(ImageLimits limits) throws ImageFormatException {
        long position = 8;
        boolean dataEnded = false;
        for (boolean first = true;; first = false) {
            if (file.length - position < 12) {
                throw fault(position, "truncated: the file ends within a chunk (it has " + file.length + " bytes)");
            }
            long length = int32(position) & 0xFFFF_FFFFL;
            int type = int32(position + 4);
            if (length > file.length - position - 12) {
                throw fault(position, "truncated: chunk " + name(type) + " of " + length + " bytes, but the file has only " + file.length + " bytes");
            }
            CRC32 crc = new CRC32();
            crc.update(file, (int) position + 4, (int) length + 4);
            if ((int) crc.getValue() != int32(position + 8 + length)) {
                throw fault(position, "damaged: check sum of chunk " + name(type) + " does not match");
            }
            if (first != (type == IHDR)) {
                throw fault(position, first ? "first chunk is " + name(type) + ", expected IHDR" : "second IHDR chunk");
            }
            int at = (int) position + 8;
            dataEnded |= firstData >= 0 && type != IDAT;
            switch (type) {
                case IHDR -> readHeader(at, (int) length, limits);
                case PLTE -> {
                    if (length % 3 != 0 || length == 0 || length > 768 || palette != null || firstData >= 0) {
                        throw fault(position, "invalid PLTE chunk of " + length + " bytes");
                    }
                    palette = Arrays.copyOfRange(file, at, at + (int) length);
                }
                case TRNS -> {
                    int expected = switch (colourType) {
                        case 0 -> 2;
                        case 2 -> 6;
                        default -> (int) length;
                    };
                    boolean misplaced = colourType == 3 ? palette == null || length > palette.length / 3 : colourType > 3;
                    if (length != expected || misplaced || transparency != null || firstData >= 0) {
                        throw fault(position, "invalid tRNS chunk of " + length + " bytes for colour type " + colourType);
                    }
                    transparency = Arrays.copyOfRange(file, at, at + (int) length);
                }
                case IDAT -> {
                    if (dataEnded) {
                        throw fault(position, "IDAT chunks are not consecutive");
                    }
                    if (firstData < 0) {
                        firstData = (int) position;
                    }
                    dataBytes += length;
                }
                case IEND -> {
                    if (firstData < 0) {
                        throw fault(position, "no picture data (IDAT) before the end");
                    }
                    if (colourType == 3 && palette == null) {
                        throw fault(position, "palette picture without a PLTE chunk");
                    }
                    return;
                }
                default -> {
                    if ((type & 0x2000_0000) == 0) {
                        throw fault(position, "unknown critical chunk " + name(type));
                    }
                }
            }
            position += 12 + length;
        }
    }

    private void readHeader(int at, int length, ImageLimits limits) throws ImageFormatException {
        if (length != 13) {
            throw fault(at, "IHDR has " + length + " bytes, expected 13");
        }
        width = int32(at);
        height = int32(at + 4);
        depth = file[at + 8];
        colourType = file[at + 9];
        interlaced = file[at + 12] == 1;
        if (width < 1 || height < 1) {
            throw fault(at, "invalid size " + (width & 0xFFFF_FFFFL) + "x" + (height & 0xFFFF_FFFFL));
        }
        if ((long) width * height > limits.maxPixels()) {
            throw fault(at, width + "x" + height + " pixels exceed the limit of " + limits.maxPixels());
        }
        boolean valid = switch (colourType) {
            case 0 -> depth == 1 || depth == 2 || depth == 4 || depth == 8 || depth == 16;
            case 3 -> depth == 1 || depth == 2 || depth == 4 || depth == 8;
            case 2, 4, 6 -> depth == 8 || depth == 16;
            default -> false;
        };
        if (!valid || file[at + 10] != 0 || file[at + 11] != 0 || file[at + 12] < 0 || file[at + 12] > 1) {
            throw fault(at, "invalid header: colour type " + colourType + ", bit depth " + depth + ", compression " + file[at + 10] + ", filter "
                    + file[at + 11] + ", interlace " + file[at + 12]);
        }
        if ((long) width * height * 4 > Integer.MAX_VALUE - 8) {
            throw fault(at, width + "x" + height + " pixels do not fit a Java array");
        }
    }

    private int storedChannels() {
        return switch (colourType) {
            case 2 -> 3;
            case 4 -> 2;
            case 6 -> 4;
            default -> 1;
        };
    }

    private int outputChannels() {
        int colours = colourType == 3 ? 3 : storedChannels();
        return colours + (transparency != null ? 1 : 0);
    }

    private static long steps(int size, int first, int step) {
        return size <= first ? 0 : (size - first + step - 1L) / step;
    }

    private long rowBytes(long columns, int stored) {
        return (columns * stored * depth + 7) / 8;
    }

    private void readPass(int[] pass, int stored, DataStream data, byte[] out8, short[] out16) throws ImageFormatException {
        int columns = (int) steps(width, pass[0], pass[2]);
        int rows = (int) steps(height, pass[1], pass[3]);
        if (columns == 0) {
            return;
        }
        int bytes = Math.toIntExact(rowBytes(columns, stored));
        int pixelBytes = Math.max(1, stored * depth / 8);
        byte[] previous = new byte[bytes];
        byte[] row = new byte[bytes];
        byte[] filter = new byte[1];
        for (int r = 0; r < rows; r++) {
            data.read(filter, 1);
            data.read(row, bytes);
            unfilter(filter[0], row, previous, pixelBytes);
            int y = pass[1] + r * pass[3];
            if (pass[2] == 1 && depth >= 8 && colourType != 3 && transparency == null) {
                copyRow(row, stored * columns, out8, out16, y * width * stored);
            } else {
                scatterRow(row, stored, columns, pass, y, out8, out16);
            }
            byte[] swap = previous;
            previous = row;
            row = swap;
        }
    }

    /** The common case: the stored samples are the picture's. */
    private static void copyRow(byte[] row, int samples, byte[] out8, short[] out16, int at) {
        if (out8 != null) {
            System.arraycopy(row, 0, out8, at, samples);
            return;
        }
        for (int i = 0; i < samples; i++) {
            out16[at + i] = (short) (row[2 * i] << 8 | row[2 * i + 1] & 0xFF);
        }
    }

    private void scatterRow(byte[] row, int stored, int columns, int[] pass, int y, byte[] out8, short[] out16) throws ImageFormatException {
        int channels = outputChannels();
        for (int k = 0; k < columns; k++) {
            int pixel = y * width + pass[0] + k * pass[2];
            if (out16 != null) {
                put16(row, k, stored, channels, out16, pixel);
            } else {
                put8(row, k, stored, channels, out8, pixel);
            }
        }
    }

    private void put16(byte[] row, int k, int stored, int channels, short[] out, int pixel) {
        boolean keyed = transparency != null;
        for (int c = 0; c < stored; c++) {
            int at = (k * stored + c) * 2;
            out[pixel * channels + c] = (short) (row[at] << 8 | row[at + 1] & 0xFF);
            keyed = keyed && row[at] == transparency[2 * c] && row[at + 1] == transparency[2 * c + 1];
        }
        if (channels > stored) {
            out[pixel * channels + stored] = keyed ? 0 : (short) 0xFFFF;
        }
    }

    private void put8(byte[] row, int k, int stored, int channels, byte[] out, int pixel) throws ImageFormatException {
        if (colourType == 3) {
            int index = sample(row, k);
            if (index * 3 >= palette.length) {
                throw fault(firstData, "pixel " + pixel + " uses palette entry " + index + " of " + palette.length / 3);
            }
            System.arraycopy(palette, index * 3, out, pixel * channels, 3);
            if (channels == 4) {
                out[pixel * 4 + 3] = index < transparency.length ? transparency[index] : (byte) 255;
            }
            return;
        }
        boolean keyed = transparency != null;
        for (int c = 0; c < stored; c++) {
            int value = sample(row, k * stored + c);
            // Scaled so that the largest sample becomes 255.
            out[pixel * channels + c] = (byte) (depth == 8 ? value : value * (255 / ((1 << depth) - 1)));
            keyed = keyed && value == ((transparency[2 * c] & 0xFF) << 8 | transparency[2 * c + 1] & 0xFF);
        }
        if (channels > stored) {
            out[pixel * channels + stored] = keyed ? 0 : (byte) 255;
        }
    }

    /** The i-th sample of a row with at most 8 bits per sample. */
    private int sample(byte[] row, int i) {
        if (depth == 8) {
            return row[i] & 0xFF;
        }
        int bit = i * depth;
        return row[bit >> 3] >> (8 - depth - (bit & 7)) & (1 << depth) - 1;
    }

    private void unfilter(int type, byte[] row, byte[] up, int step) throws ImageFormatException {
        switch (type) {
            case 0 -> { }
            case 1 -> {
                for (int i = step; i < row.length; i++) {
                    row[i] += row[i - step];
                }
            }
            case 2 -> {
                for (int i = 0; i < row.length; i++) {
                    row[i] += up[i];
                }
            }
            case 3 -> {
                for (int i = 0; i < step; i++) {
                    row[i] += (byte) ((up[i] & 0xFF) >> 1);
                }
                for (int i = step; i < row.length; i++) {
                    row[i] += (byte) ((row[i - step] & 0xFF) + (up[i] & 0xFF) >> 1);
                }
            }
            case 4 -> {
                for (int i = 0; i < step; i++) {
                    row[i] += up[i];
                }
                for (int i = step; i < row.length; i++) {
                    row[i] += (byte) paeth(row[i - step] & 0xFF, up[i] & 0xFF, up[i - step] & 0xFF);
                }
            }
            default -> throw fault(firstData, "damaged: unknown row filter " + type);
        }
    }

    /** The Paeth predictor: of left, up and upper left the one nearest to left + up - upper left. */
    static int paeth(int left, int up, int upperLeft) {
        int distanceLeft = Math.abs(up - upperLeft);
        int distanceUp = Math.abs(left - upperLeft);
        int distanceCorner = Math.abs(left + up - 2 * upperLeft);
        return distanceLeft <= distanceUp && distanceLeft <= distanceCorner ? left : distanceUp <= distanceCorner ? up : upperLeft;
    }

    /** The decompressed bytes of the consecutive IDAT chunks. */
    private final class DataStream {
        private final Inflater inflater;
        private long next = firstData;

        DataStream(Inflater inflater) {
            this.inflater = inflater;
        }

        void read(byte[] into, int count) throws ImageFormatException {
            int done = 0;
            while (done < count) {
                int got = inflate(into, done, count - done);
                if (got == 0) {
                    throw fault(Math.min(next, file.length), "truncated: the picture data ends before the last row");
                }
                done += got;
            }
        }

        /** Reads up to the stream's own check sum, which zlib verifies. Surplus data is ignored, as other readers do. */
        void finish() throws ImageFormatException {
            inflate(new byte[1], 0, 1);
        }

        /** Some bytes; 0 at the end of the stream or of the chunks. */
        private int inflate(byte[] into, int from, int count) throws ImageFormatException {
            try {
                while (true) {
                    int got = inflater.inflate(into, from, count);
                    if (got > 0 || inflater.finished()) {
                        return got;
                    }
                    if (inflater.needsDictionary()) {
                        throw fault(next, "damaged: the picture data asks for a dictionary");
                    }
                    if (int32(next + 4) != IDAT) {
                        return 0;
                    }
                    int length = int32(next);
                    inflater.setInput(file, (int) next + 8, length);
                    next += 12L + length;
                }
            } catch (DataFormatException e) {
                throw new ImageFormatException(source, next, "damaged picture data: " + e.getMessage(), e);
            }
        }
    }

    private int int32(long at) {
        int i = (int) at;
        return file[i] << 24 | (file[i + 1] & 0xFF) << 16 | (file[i + 2] & 0xFF) << 8 | file[i + 3] & 0xFF;
    }

    private static String name(int type) {
        StringBuilder text = new StringBuilder();
        for (int shift = 24; shift >= 0; shift -= 8) {
            int letter = type >> shift & 0xFF;
            text.append(Character.isLetter(letter) && letter < 128 ? String.valueOf((char) letter) : String.format("\\x%02x", letter));
        }
        return text.toString();
    }

    private ImageFormatException fault(long offset, String message) {
        return new ImageFormatException(source, offset, message);
    }
}
