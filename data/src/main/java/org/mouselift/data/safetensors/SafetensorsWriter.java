package org.mouselift.data.safetensors;

import com.fasterxml.jackson.core.io.JsonStringEncoder;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.mouselift.data.AtomicFile;
import org.mouselift.engine.DType;

/**
 * Writes a safetensors file the way the original library does: metadata first, tensors by descending element size, then by
 * name, header padded with blanks to a multiple of 8. Tensor bytes are streamed from where they lie through one
 * staging block; nothing is held twice. The file appears under its name only when complete.
 *
 * <p>The tensors are read during {@link #write}: arrays and segments passed in must not change before.
 */
public final class SafetensorsWriter {
    private static final int STAGE_BYTES = 1 << 20;

    /** Copies the elements from {@code first} into a little-endian block that holds {@code count} of them. */
    @FunctionalInterface
    public interface Source {
        void copy(long first, int count, MemorySegment stage);
    }

    private record Tensor(String name, StoredType type, long[] shape, long bytes, Source source) {}

    private final Map<String, String> metadata = new TreeMap<>();
    private final List<Tensor> tensors = new ArrayList<>();
    private final Set<String> names = new HashSet<>();

    /** Adds one {@code __metadata__} string. */
    public SafetensorsWriter metadata(String key, String value) {
        metadata.put(key, value);
        return this;
    }

    /** Adds a tensor whose little-endian, row-major bytes lie in {@code data}. */
    public SafetensorsWriter add(String name, DType dtype, long[] shape, MemorySegment data) {
        return add(name, StoredType.of(dtype), shape, data);
    }

    /** Adds a tensor of any storable type whose little-endian, row-major bytes lie in {@code data}. */
    public SafetensorsWriter add(String name, StoredType type, long[] shape, MemorySegment data) {
        int width = type.bytes();
        return add(name, type, shape, data.byteSize(), width,
                (first, count, stage) -> MemorySegment.copy(data, first * width, stage, 0, (long) count * width));
    }

    /** Adds a tensor whose elements are computed when they are written. Blocks are asked for in order, once each, one tensor after the other. */
    public SafetensorsWriter add(String name, StoredType type, long[] shape, Source source) {
        long elements = 1;
        for (long size : shape) {
            elements = Math.multiplyExact(elements, size);
        }
        return add(name, type, shape, elements, 1, source);
    }

    /** Adds an F32 tensor. */
    public SafetensorsWriter add(String name, long[] shape, float[] data) {
        return add(name, StoredType.F32, shape, data.length, 1,
                (first, count, stage) -> MemorySegment.copy(data, (int) first, stage, DType.LE_F32, 0, count));
    }

    /** Adds an F64 tensor. */
    public SafetensorsWriter add(String name, long[] shape, double[] data) {
        return add(name, StoredType.F64, shape, data.length, 1,
                (first, count, stage) -> MemorySegment.copy(data, (int) first, stage, DType.LE_F64, 0, count));
    }

    /** Adds an I64 tensor. */
    public SafetensorsWriter add(String name, long[] shape, long[] data) {
        return add(name, StoredType.I64, shape, data.length, 1,
                (first, count, stage) -> MemorySegment.copy(data, (int) first, stage, DType.LE_I64, 0, count));
    }

    /** Adds an I32 tensor. */
    public SafetensorsWriter add(String name, long[] shape, int[] data) {
        return add(name, StoredType.I32, shape, data.length, 1,
                (first, count, stage) -> MemorySegment.copy(data, (int) first, stage, DType.LE_I32, 0, count));
    }

    /** Adds a U8 tensor. */
    public SafetensorsWriter add(String name, long[] shape, byte[] data) {
        return add(name, StoredType.U8, shape, data.length, 1,
                (first, count, stage) -> MemorySegment.copy(data, (int) first, stage, ValueLayout.JAVA_BYTE, 0, count));
    }

    private SafetensorsWriter add(String name, StoredType type, long[] shape, long available, int unit, Source source) {
        if (name.equals("__metadata__") || !names.add(name)) {
            throw new IllegalArgumentException("safetensors: tensor name '" + name + "' is "
                    + (name.equals("__metadata__") ? "reserved" : "used twice"));
        }
        long elements = 1;
        for (long size : shape) {
            if (size < 0) {
                throw new IllegalArgumentException("safetensors: tensor '" + name + "': negative size in shape " + Arrays.toString(shape));
            }
            elements = Math.multiplyExact(elements, size);
        }
        long expected = unit == 1 ? elements : Math.multiplyExact(elements, (long) unit);
        if (available != expected) {
            throw new IllegalArgumentException("safetensors: tensor '" + name + "': shape " + Arrays.toString(shape) + " needs " + expected
                    + (unit == 1 ? " elements" : " bytes") + ", got " + available);
        }
        tensors.add(new Tensor(name, type, shape.clone(), Math.multiplyExact(elements, (long) type.bytes()), source));
        return this;
    }

    /** Writes the file; it appears under its name only when complete. */
    public void write(Path path) throws IOException {
        List<Tensor> ordered = new ArrayList<>(tensors);
        ordered.sort(Comparator.comparingInt((Tensor t) -> -t.type().bytes()).thenComparing(Tensor::name));
        byte[] header = header(path, ordered);
        AtomicFile.write(path, channel -> {
            writeAll(channel, ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(header.length).flip());
            writeAll(channel, ByteBuffer.wrap(header));
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment stage = arena.allocate(STAGE_BYTES, 64);
                for (Tensor tensor : ordered) {
                    stream(tensor, stage, channel);
                }
            }
        });
    }

    private static void stream(Tensor tensor, MemorySegment stage, FileChannel channel) throws IOException {
        int width = tensor.type().bytes();
        long elements = tensor.bytes() / width;
        int block = STAGE_BYTES / width;
        for (long first = 0; first < elements; first += block) {
            int count = (int) Math.min(block, elements - first);
            tensor.source().copy(first, count, stage);
            writeAll(channel, stage.asSlice(0, (long) count * width).asByteBuffer());
        }
    }

    private byte[] header(Path path, List<Tensor> ordered) throws SafetensorsException {
        StringBuilder json = new StringBuilder("{");
        if (!metadata.isEmpty()) {
            json.append("\"__metadata__\":{");
            metadata.forEach((key, value) -> {
                quote(json, key).append(':');
                quote(json, value).append(',');
            });
            json.setCharAt(json.length() - 1, '}');
            json.append(',');
        }
        long position = 0;
        for (Tensor tensor : ordered) {
            quote(json, tensor.name()).append(":{\"dtype\":\"").append(tensor.type()).append("\",\"shape\":")
                    .append(Arrays.toString(tensor.shape()).replace(" ", "")).append(",\"data_offsets\":[").append(position).append(',');
            position = Math.addExact(position, tensor.bytes());
            json.append(position).append("]},");
        }
        if (json.length() > 1) {
            json.setLength(json.length() - 1);
        }
        json.append('}');
        byte[] text = json.toString().getBytes(StandardCharsets.UTF_8);
        byte[] padded = Arrays.copyOf(text, (text.length + 7) / 8 * 8);
        Arrays.fill(padded, text.length, padded.length, (byte) ' ');
        if (padded.length > SafetensorsFile.MAX_HEADER) {
            throw new SafetensorsException(path, "header", padded.length + " bytes exceed the format's limit of "
                    + SafetensorsFile.MAX_HEADER, "write fewer tensors or less metadata");
        }
        return padded;
    }

    private static StringBuilder quote(StringBuilder json, String text) {
        return json.append('"').append(JsonStringEncoder.getInstance().quoteAsString(text)).append('"');
    }

    private static void writeAll(FileChannel channel, ByteBuffer buffer) throws IOException {
        while (buffer.hasRemaining()) {
            channel.write(buffer);
        }
    }
}
