package org.mouselift.data.ply;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import org.mouselift.engine.DType;

/**
 * The {@code vertex} element of a PLY file by columns: ascii or binary of either byte order, any scalar types. Binary
 * files are mapped and a column is read when asked for. Row counts are checked against the bytes that are there first.
 */
public final class PlyVertices implements AutoCloseable {
    private static final int MAX_TOKEN = 64;
    private static final int BLOCK_ROWS = 1024;

    private final Path path;
    private final Arena arena;
    private final MemorySegment file;
    private final PlyHeader header;
    private final PlyHeader.Element vertex;
    private final long offset;
    /** Columns of an ascii file; null for binary ones. */
    private final float[][] parsed;

    private PlyVertices(Path path, Arena arena, MemorySegment file) throws PlyException {
        this.path = path;
        this.arena = arena;
        this.file = file;
        this.header = PlyHeader.parse(path, file);
        int index = 0;
        while (index < header.elements().size() && !header.elements().get(index).name().equals("vertex")) {
            index++;
        }
        if (index == header.elements().size()) {
            throw new PlyException(path, "header", "has no element 'vertex'", "this is not a splat or point file");
        }
        this.vertex = header.elements().get(index);
        if (vertex.hasLists()) {
            throw new PlyException(path, "header", "element 'vertex' has list properties", "splat files have scalar properties only");
        }
        if (vertex.properties().isEmpty() && vertex.count() > 0) {
            throw new PlyException(path, "header", "element 'vertex' has no properties", "the file is damaged");
        }
        boolean ascii = header.format() == PlyHeader.Format.ASCII;
        Tokens tokens = ascii ? new Tokens(header.dataOffset()) : null;
        long position = header.dataOffset();
        for (PlyHeader.Element before : header.elements().subList(0, index)) {
            if (ascii) {
                tokens.skip(before);
            } else {
                position = skip(before, position);
            }
        }
        this.offset = ascii ? tokens.position : position;
        checkCount(ascii);
        this.parsed = ascii ? tokens.columns(vertex) : null;
    }

    /** Opens a file; {@link #close} unmaps it. */
    public static PlyVertices open(Path path) throws IOException {
        Arena arena = Arena.ofShared();
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
            return new PlyVertices(path, arena, channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena));
        } catch (IOException | RuntimeException | Error e) {
            arena.close();
            throw e;
        }
    }

    /** A file that is already in memory; {@code path} names it in errors. */
    public static PlyVertices of(Path path, byte[] content) throws PlyException {
        return new PlyVertices(path, null, MemorySegment.ofArray(content));
    }

    private void checkCount(boolean ascii) throws PlyException {
        long remaining = file.byteSize() - offset;
        // An ascii value takes a digit and a separator at least; the last separator may be missing.
        long rowBytes = ascii ? 2L * vertex.properties().size() : vertex.stride();
        long available = ascii ? remaining + 1 : remaining;
        if (vertex.count() > 0 && vertex.count() > available / rowBytes) {
            throw new PlyException(path, "element 'vertex'", "declares " + vertex.count() + " rows of at least " + rowBytes + " bytes, but only " + remaining
                    + " bytes follow", "the file is truncated");
        }
        if (vertex.count() > Integer.MAX_VALUE / 64) {
            throw new PlyException(path, "element 'vertex'", "has " + vertex.count() + " rows, at most " + Integer.MAX_VALUE / 64 + " are supported", "");
        }
    }

    public Path path() {
        return path;
    }

    public int count() {
        return (int) vertex.count();
    }

    /** Names of the properties in file order. */
    public List<String> properties() {
        return vertex.properties().stream().map(PlyHeader.Property::name).toList();
    }

    public boolean has(String property) {
        return vertex.indexOf(property) >= 0;
    }

    /** Names of the file's elements. */
    List<String> elements() {
        return header.elements().stream().map(PlyHeader.Element::name).toList();
    }

    /** One column, rounded to float32. */
    public float[] column(String property) throws PlyException {
        float[] out = new float[count()];
        into(property, out, 0, 1);
        return out;
    }

    /** Asks for a property's value of row i at {@code out[first + i * step]}. */
    record Request(String property, float[] out, int first, int step) {}

    void into(String property, float[] out, int first, int step) throws PlyException {
        read(List.of(new Request(property, out, first, step)));
    }

    /** Reads several columns in one sweep: block by block, so that a row is fetched from memory once and not per column. */
    void read(List<Request> requests) throws PlyException {
        int[] indices = new int[requests.size()];
        for (int r = 0; r < indices.length; r++) {
            indices[r] = vertex.indexOf(requests.get(r).property());
            if (indices[r] < 0) {
                throw new PlyException(path, "element 'vertex'", "has no property '" + requests.get(r).property() + "'", "it has " + properties());
            }
        }
        for (int from = 0; from < count(); from += BLOCK_ROWS) {
            int to = Math.min(count(), from + BLOCK_ROWS);
            for (int r = 0; r < indices.length; r++) {
                copy(indices[r], requests.get(r), from, to);
            }
        }
    }

    private void copy(int index, Request request, int from, int to) {
        float[] out = request.out();
        int target = request.first() + from * request.step();
        if (parsed != null) {
            for (int i = from; i < to; i++, target += request.step()) {
                out[target] = parsed[index][i];
            }
            return;
        }
        boolean bigEndian = header.format() == PlyHeader.Format.BIG_ENDIAN;
        PlyType type = vertex.properties().get(index).type();
        long stride = vertex.stride();
        long at = offset + from * stride;
        for (PlyHeader.Property before : vertex.properties().subList(0, index)) {
            at += before.type().bytes;
        }
        if (type == PlyType.FLOAT32 && !bigEndian) {
            for (int i = from; i < to; i++, at += stride, target += request.step()) {
                out[target] = file.get(DType.LE_F32, at);
            }
            return;
        }
        for (int i = from; i < to; i++, at += stride, target += request.step()) {
            out[target] = (float) type.get(file, at, bigEndian);
        }
    }

    /** The end of a binary element that stands before the vertices. */
    private long skip(PlyHeader.Element element, long position) throws PlyException {
        boolean bigEndian = header.format() == PlyHeader.Format.BIG_ENDIAN;
        if (element.properties().isEmpty()) {
            return position;
        }
        if (!element.hasLists()) {
            if (element.count() > (file.byteSize() - position) / element.stride()) {
                throw beyond(element);
            }
            return position + element.count() * element.stride();
        }
        for (long row = 0; row < element.count(); row++) {
            for (PlyHeader.Property property : element.properties()) {
                long items = 1;
                if (property.isList()) {
                    if (property.count().bytes > file.byteSize() - position) {
                        throw beyond(element);
                    }
                    items = (long) property.count().get(file, position, bigEndian);
                    position += property.count().bytes;
                }
                if (items < 0 || items > (file.byteSize() - position) / property.type().bytes) {
                    throw beyond(element);
                }
                position += items * property.type().bytes;
            }
        }
        return position;
    }

    private PlyException beyond(PlyHeader.Element element) {
        return new PlyException(path, "element '" + element.name() + "'", "reaches beyond the end of the file", "the file is truncated");
    }

    /** Blank-separated values of an ascii file. */
    private final class Tokens {
        private long position;

        Tokens(long position) {
            this.position = position;
        }

        float[][] columns(PlyHeader.Element element) throws PlyException {
            float[][] columns = new float[element.properties().size()][(int) element.count()];
            for (int row = 0; row < (int) element.count(); row++) {
                for (int p = 0; p < columns.length; p++) {
                    columns[p][row] = (float) number(element, row, element.properties().get(p).name());
                }
            }
            return columns;
        }

        void skip(PlyHeader.Element element) throws PlyException {
            // An element without properties would let the count alone decide how long this runs.
            for (long row = 0; row < element.count() && !element.properties().isEmpty(); row++) {
                for (PlyHeader.Property property : element.properties()) {
                    double items = property.isList() ? number(element, row, property.name()) : 1;
                    if (!(items >= 0) || items > file.byteSize() - position) {
                        throw beyond(element);
                    }
                    for (long i = 0; i < (long) items; i++) {
                        number(element, row, property.name());
                    }
                }
            }
        }

        private double number(PlyHeader.Element element, long row, String property) throws PlyException {
            long end = file.byteSize();
            while (position < end && file.get(ValueLayout.JAVA_BYTE, position) <= ' ' && file.get(ValueLayout.JAVA_BYTE, position) >= 0) {
                position++;
            }
            long start = position;
            while (position < end && (file.get(ValueLayout.JAVA_BYTE, position) > ' ' || file.get(ValueLayout.JAVA_BYTE, position) < 0)
                    && position - start <= MAX_TOKEN) {
                position++;
            }
            if (start == position) {
                throw beyond(element);
            }
            String text = new String(file.asSlice(start, position - start).toArray(ValueLayout.JAVA_BYTE), StandardCharsets.ISO_8859_1);
            try {
                return switch (text.toLowerCase(java.util.Locale.ROOT)) {
                    case "nan", "-nan", "+nan" -> Double.NaN;
                    case "inf", "+inf", "infinity" -> Double.POSITIVE_INFINITY;
                    case "-inf", "-infinity" -> Double.NEGATIVE_INFINITY;
                    default -> Double.parseDouble(text);
                };
            } catch (NumberFormatException e) {
                throw new PlyException(path, "element '" + element.name() + "' row " + row, "property '" + property + "' is '" + text + "', not a number (byte "
                        + start + ")", "the file is damaged");
            }
        }
    }

    @Override
    public void close() {
        if (arena != null && arena.scope().isAlive()) {
            arena.close();
        }
    }
}
