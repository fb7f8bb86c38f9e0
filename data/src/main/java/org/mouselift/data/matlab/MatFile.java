package org.mouselift.data.matlab;

import java.io.BufferedInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.zip.InflaterInputStream;

/**
 * Reader of MATLAB's MAT-file level 5 (MathWorks, "MAT-File Format"): numeric arrays, text, cells and structs, plain or compressed,
 * either byte order. The file is read in one pass; numbers are kept only where they were asked for, so that memory is bounded by
 * what is wanted. HDF5 files (level 7.3) are refused.
 */
public final class MatFile {
    private static final int HEADER = 128;
    private static final int MATRIX = 14;
    private static final int COMPRESSED = 15;
    private static final int CELL = 1;
    private static final int STRUCT = 2;
    private static final int CHAR = 4;
    private static final int DOUBLE = 6;
    private static final int UINT64_CLASS = 15;
    private static final int COMPLEX = 8;
    private static final int MAX_DEPTH = 32;
    private static final int MAX_NAME = 4096;
    private static final int MAX_TEXT = 1 << 20;
    private static final int MAX_VALUES = 1 << 20;
    private static final int MAX_DIMS = 32;
    private static final int BLOCK = 1 << 16;

    private final Path file;
    private final Predicate<String> wanted;
    private long numbersLeft;
    private int valuesLeft = MAX_VALUES;
    private ByteOrder order = ByteOrder.LITTLE_ENDIAN;

    private MatFile(Path file, Predicate<String> wanted, long maxNumbers) {
        this.file = file;
        this.wanted = wanted;
        this.numbersLeft = maxNumbers;
    }

    /** True if a file begins like a MAT-file of level 5. */
    public static boolean isMat(byte[] head) {
        return new String(head, 0, Math.min(head.length, 10), StandardCharsets.ISO_8859_1).equals("MATLAB 5.0");
    }

    /**
     * Reads the variables of a file.
     *
     * @param wanted says by path whether numbers are kept: {@code name}, {@code cell{3}}, {@code struct.field}, and so on
     * @param maxNumbers most numbers that are kept in all
     */
    public static Map<String, MatValue> read(Path file, Predicate<String> wanted, long maxNumbers) throws IOException {
        try (InputStream in = new BufferedInputStream(Files.newInputStream(file), BLOCK)) {
            MatFile reader = new MatFile(file, wanted, maxNumbers);
            return reader.variables(reader.new Input(in, Files.size(file)));
        }
    }

    private Map<String, MatValue> variables(Input in) throws IOException {
        byte[] header = in.bytes(HEADER, "header");
        if (!isMat(header)) {
            throw new MatFileException(file, "header", "begins with \"" + new String(header, 0, 19, StandardCharsets.ISO_8859_1).replaceAll("\\p{Cntrl}", "?")
                    + "\", expected \"MATLAB 5.0 MAT-file\"; save level 7.3 files again with -v7");
        }
        if (header[126] == 'M' && header[127] == 'I') {
            order = ByteOrder.BIG_ENDIAN;
        } else if (header[126] != 'I' || header[127] != 'M') {
            throw new MatFileException(file, "header", "has no byte order mark");
        }
        Map<String, MatValue> out = new LinkedHashMap<>();
        while (in.left > 0) {
            Tag tag = tag(in, "variable " + out.size());
            if (tag.type == COMPRESSED) {
                Input packed = in.part(tag.size, "compressed variable");
                Input plain = new Input(new InflaterInputStream(packed), Long.MAX_VALUE / 2);
                Tag inner = tag(plain, "compressed variable");
                variable(plain, inner, out);
                in.left -= packed.taken;
                in.skip(tag.size - packed.taken, "compressed variable");
            } else {
                variable(in, tag, out);
                in.skip(Math.min(in.left, tag.padding), "padding");
            }
        }
        return out;
    }

    private void variable(Input in, Tag tag, Map<String, MatValue> out) throws IOException {
        if (tag.type != MATRIX) {
            in.skip(tag.size, "element of type " + tag.type);
            return;
        }
        Input body = in.part(tag.size, "variable");
        String[] name = new String[1];
        MatValue value = matrix(body, null, name, 0);
        body.skip(body.left, "variable");
        in.left -= tag.size;
        if (out.put(name[0], value) != null) {
            throw new MatFileException(file, "variable " + name[0], "appears twice");
        }
    }

    /** @param path null for a variable, whose name is its path and goes to {@code name} */
    private MatValue matrix(Input in, String path, String[] name, int depth) throws IOException {
        if (--valuesLeft < 0 || depth > MAX_DEPTH) {
            throw new MatFileException(file, String.valueOf(path), "holds more than " + MAX_VALUES + " values or is nested deeper than " + MAX_DEPTH);
        }
        if (in.left == 0) {
            return new MatValue.Skipped(new long[] {0, 0});
        }
        ByteBuffer flags = element(in, "array flags", 8);
        int first = flags.remaining() < 4 ? 0 : flags.getInt();
        int kind = first & 0xFF;
        ByteBuffer sizes = element(in, "dimensions", 4 * MAX_DIMS);
        long[] dims = new long[sizes.remaining() / 4];
        long count = 1;
        for (int i = 0; i < dims.length; i++) {
            dims[i] = sizes.getInt();
            if (dims[i] < 0) {
                throw new MatFileException(file, String.valueOf(path), "has dimensions " + Arrays.toString(dims));
            }
            count = Math.min(Math.multiplyExact(Math.min(count, 1L << 31), dims[i]), 1L << 50);
        }
        ByteBuffer label = element(in, "name", MAX_NAME);
        String own = StandardCharsets.ISO_8859_1.decode(label).toString();
        name[0] = own;
        String at = path == null ? own : path;
        return switch (kind) {
            case CELL -> new MatValue.Cell(dims, cells(in, at, count, depth));
            case STRUCT -> new MatValue.Struct(dims, structs(in, at, count, depth));
            case CHAR -> text(in, dims, at);
            default -> kind >= DOUBLE && kind <= UINT64_CLASS && wanted.test(at) ? numbers(in, dims, count, (first >> 8 & COMPLEX) != 0, at) : skipped(in, dims);
        };
    }

    private static MatValue skipped(Input in, long[] dims) throws IOException {
        in.skip(in.left, "value");
        return new MatValue.Skipped(dims);
    }

    private MatValue child(Input in, String path, int depth) throws IOException {
        Tag tag = tag(in, path);
        if (tag.type != MATRIX) {
            throw new MatFileException(file, path, "element of type " + tag.type + ", expected a matrix");
        }
        Input body = in.part(tag.size, path);
        MatValue value = matrix(body, path, new String[1], depth + 1);
        body.skip(body.left, path);
        in.left -= tag.size;
        in.skip(Math.min(in.left, tag.padding), path);
        return value;
    }

    private List<MatValue> cells(Input in, String path, long count, int depth) throws IOException {
        List<MatValue> out = new ArrayList<>();
        for (long i = 0; i < count; i++) {
            out.add(child(in, path + "{" + i + "}", depth));
        }
        return out;
    }

    private List<Map<String, MatValue>> structs(Input in, String path, long count, int depth) throws IOException {
        ByteBuffer width = element(in, path + " (field name length)", 8);
        int length = width.remaining() < 4 ? 0 : width.getInt();
        ByteBuffer names = element(in, path + " (field names)", BLOCK);
        if (length < 1 && names.hasRemaining() || length > 0 && names.remaining() % length != 0) {
            throw new MatFileException(file, path, "field names of " + length + " characters in " + names.remaining() + " bytes");
        }
        List<String> fields = new ArrayList<>();
        while (names.hasRemaining()) {
            byte[] one = new byte[length];
            names.get(one);
            fields.add(new String(one, StandardCharsets.ISO_8859_1).replaceFirst("\0.*", ""));
        }
        List<Map<String, MatValue>> out = new ArrayList<>();
        for (long i = 0; i < count && !fields.isEmpty(); i++) {
            Map<String, MatValue> one = new LinkedHashMap<>();
            for (String field : fields) {
                one.put(field, child(in, path + (count > 1 ? "(" + i + ")" : "") + "." + field, depth));
            }
            out.add(one);
        }
        return out;
    }

    private MatValue text(Input in, long[] dims, String path) throws IOException {
        Tag tag = tag(in, path);
        if (tag.size > MAX_TEXT) {
            return skipped(in, dims);
        }
        ByteBuffer data = content(in, tag, path, MAX_TEXT);
        boolean wide = tag.type == 4 || tag.type == 17;
        StringBuilder text = new StringBuilder();
        while (data.remaining() >= (wide ? 2 : 1)) {
            text.append(wide ? data.getChar() : (char) (data.get() & 0xFF));
        }
        return new MatValue.Text(dims, text.toString());
    }

    private MatValue numbers(Input in, long[] dims, long count, boolean complex, String path) throws IOException {
        Tag tag = tag(in, path);
        int width = switch (tag.type) {
            case 1, 2 -> 1;
            case 3, 4 -> 2;
            case 5, 6, 7 -> 4;
            case 9, 12, 13 -> 8;
            default -> throw new MatFileException(file, path, "numbers of type " + tag.type);
        };
        if (complex || count > Integer.MAX_VALUE / 8 || tag.size != count * width || tag.small == null && tag.size > in.left) {
            throw new MatFileException(file, path, complex ? "complex numbers" : tag.size + " bytes for " + Arrays.toString(dims) + " numbers of " + width + " bytes");
        }
        if ((numbersLeft -= count) < 0) {
            throw new MatFileException(file, path, "more numbers than a file of this kind has");
        }
        float[] values = new float[0];
        int done = 0;
        // Grows with what is really there: a compressed file may promise more than it holds.
        while (done < count) {
            int now = (int) Math.min(BLOCK, count - done);
            ByteBuffer data = ByteBuffer.wrap(tag.small != null ? tag.small : in.bytes(now * width, path)).order(order);
            if (values.length < done + now) {
                values = Arrays.copyOf(values, (int) Math.min(count, Math.max(done + now, 2L * values.length)));
            }
            for (int i = 0; i < now; i++) {
                values[done + i] = one(data, tag.type);
            }
            done += now;
        }
        in.skip(in.left, path);
        return new MatValue.Numbers(dims, values);
    }

    private static float one(ByteBuffer data, int type) {
        return switch (type) {
            case 1 -> data.get();
            case 2 -> data.get() & 0xFF;
            case 3 -> data.getShort();
            case 4 -> data.getShort() & 0xFFFF;
            case 5 -> data.getInt();
            case 6 -> data.getInt() & 0xFFFFFFFFL;
            case 7 -> data.getFloat();
            case 9 -> (float) data.getDouble();
            case 12 -> data.getLong();
            default -> (float) ((data.getLong() >>> 1) * 2.0);
        };
    }

    /** @param padding bytes after the content, up to a multiple of eight */
    private record Tag(int type, long size, int padding, byte[] small) {}

    private Tag tag(Input in, String where) throws IOException {
        ByteBuffer head = ByteBuffer.wrap(in.bytes(8, where)).order(order);
        int type = head.getInt();
        if (type >>> 16 != 0) {
            int size = type >>> 16;
            if (size > 4) {
                throw new MatFileException(file, where, "a small element of " + size + " bytes");
            }
            byte[] small = new byte[size];
            head.get(small);
            return new Tag(type & 0xFFFF, size, 0, small);
        }
        long size = head.getInt() & 0xFFFFFFFFL;
        return new Tag(type, size, (int) (-size & 7), null);
    }

    private ByteBuffer element(Input in, String where, int most) throws IOException {
        return content(in, tag(in, where), where, most);
    }

    private ByteBuffer content(Input in, Tag tag, String where, int most) throws IOException {
        if (tag.small != null) {
            return ByteBuffer.wrap(tag.small).order(order);
        }
        if (tag.size > most) {
            throw new MatFileException(file, where, tag.size + " bytes, at most " + most + " are expected");
        }
        ByteBuffer data = ByteBuffer.wrap(in.bytes((int) tag.size, where)).order(order);
        in.skip(Math.min(in.left, tag.padding), where);
        return data;
    }

    /** Bytes of the file or of one element; knows how many are left. */
    private final class Input extends InputStream {
        private final InputStream in;
        private long left;
        private long taken;

        Input(InputStream in, long size) {
            this.in = in;
            this.left = size;
        }

        /** The next bytes as an input of their own; the caller takes them from {@link #left}. */
        Input part(long size, String where) throws IOException {
            if (size > left) {
                throw new MatFileException(file, where, size + " bytes, but only " + left + " are left");
            }
            return new Input(in, size);
        }

        byte[] bytes(int n, String where) throws IOException {
            if (n > left) {
                throw new MatFileException(file, where, "ends early: " + n + " bytes expected, " + left + " are left");
            }
            byte[] out;
            try {
                out = in.readNBytes(n);
            } catch (EOFException | java.util.zip.ZipException e) {
                throw new MatFileException(file, where, "cannot be decompressed: " + e.getMessage(), e);
            }
            if (out.length < n) {
                throw new MatFileException(file, where, "ends early");
            }
            left -= n;
            return out;
        }

        void skip(long n, String where) throws IOException {
            for (long todo = n; todo > 0;) {
                int now = (int) Math.min(BLOCK, todo);
                bytes(now, where);
                todo -= now;
            }
        }

        @Override
        public int read() throws IOException {
            byte[] one = new byte[1];
            return read(one, 0, 1) < 0 ? -1 : one[0] & 0xFF;
        }

        @Override
        public int read(byte[] to, int from, int length) throws IOException {
            if (length == 0) {
                return 0;
            }
            int n = left == 0 ? -1 : in.read(to, from, (int) Math.min(length, left));
            if (n > 0) {
                left -= n;
                taken += n;
            }
            return n;
        }
    }
}
