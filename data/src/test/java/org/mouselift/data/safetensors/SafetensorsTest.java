package org.mouselift.data.safetensors;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.mouselift.engine.DType;

class SafetensorsTest {
    @TempDir
    Path folder;

    private Path file(String header, int dataBytes) throws IOException {
        byte[] text = header.getBytes(StandardCharsets.UTF_8);
        return Files.write(folder.resolve("x.safetensors"), ByteBuffer.allocate(8 + text.length + dataBytes).order(ByteOrder.LITTLE_ENDIAN)
                .putLong(text.length).put(text).array());
    }

    private String refusal(String header, int dataBytes) throws IOException {
        Path path = file(header, dataBytes);
        String message = assertThrows(SafetensorsException.class, () -> SafetensorsFile.open(path)).getMessage();
        assertTrue(message.contains("x.safetensors"), message);
        return message;
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}} x|8|valid JSON",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}} {}|8|after the JSON object",
        "{\"a\":{\"dtype\":\"Q7\",\"shape\":[2],\"data_offsets\":[0,8]}}|8|'Q7'",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}|9|follow the last tensor",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}|7|truncated",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,8]}}|8|needs 12 bytes",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[1,9]}}|9|a hole",
        "{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[1,3]}}|3|overlap",
        "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1,2]}}|2|uplicate",
        "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1],\"shape\":[1]}}|1|uplicate",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,8]}}|8|overflows",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[99999999999999999999],\"data_offsets\":[0,8]}}|8|valid JSON",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[-2],\"data_offsets\":[0,8]}}|8|negative",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[2.0],\"data_offsets\":[0,8]}}|8|not an integer",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,0]}}|8|not a range",
        "{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,8]}}|8|lacks shape",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}|8|valid JSON",
        "{\"__metadata__\":{\"k\":1}}|0|is not a string",
        "[1]|0|begin with",
    })
    void refuses(String header, int dataBytes, String expected) throws IOException {
        String message = refusal(header, dataBytes);
        assertTrue(message.contains(expected), message);
    }

    @Test
    void refusesHeaderLengthsBeyondFileAndLimit() throws IOException {
        for (long length : new long[] {1L << 60, -1, SafetensorsFile.MAX_HEADER + 1, 9, Long.MIN_VALUE}) {
            Path path = Files.write(folder.resolve("h.safetensors"),
                    ByteBuffer.allocate(16).order(ByteOrder.LITTLE_ENDIAN).putLong(length).put("{}      ".getBytes(StandardCharsets.UTF_8)).array());
            assertThrows(SafetensorsException.class, () -> SafetensorsFile.open(path), "length " + length);
        }
        Path shorter = Files.write(folder.resolve("s.safetensors"), new byte[7]);
        assertThrows(SafetensorsException.class, () -> SafetensorsFile.open(shorter));
    }

    @Test
    void refusesInvalidUtf8() throws IOException {
        byte[] text = "{\"?\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}".getBytes(StandardCharsets.UTF_8);
        text[2] = (byte) 0xFF;
        Path path = Files.write(folder.resolve("u.safetensors"),
                ByteBuffer.allocate(8 + text.length).order(ByteOrder.LITTLE_ENDIAN).putLong(text.length).put(text).array());
        assertTrue(assertThrows(SafetensorsException.class, () -> SafetensorsFile.open(path)).getMessage().contains("UTF-8"));
    }

    @Test
    void roundTripKeepsNamesTypesShapesBytesAndMetadata() throws IOException {
        Path path = folder.resolve("r.safetensors");
        byte[] many = new byte[(1 << 20) + 4097];
        for (int i = 0; i < many.length; i++) {
            many[i] = (byte) (i * 31 >> 3);
        }
        short[] halves = {Float.floatToFloat16(1.5f), Float.floatToFloat16(-65504f)};
        new SafetensorsWriter().metadata("k\"ey", "line\nbreak é")
                .add("b.f32", new long[] {2, 2}, new float[] {1, -0.0f, Float.NaN, Float.NEGATIVE_INFINITY})
                .add("a.f32", new long[] {}, new float[] {7})
                .add("wide", new long[] {3}, new long[] {Long.MIN_VALUE, -1, Long.MAX_VALUE})
                .add("ints", new long[] {2}, new int[] {Integer.MIN_VALUE, 5})
                .add("double \"quoted\" \\ ü", new long[] {1}, new double[] {Math.PI})
                .add("bytes", new long[] {many.length}, many)
                .add("half", DType.F16, new long[] {2}, MemorySegment.ofArray(halves))
                .add("none", new long[] {0, 3}, new float[0]).write(path);
        try (SafetensorsFile file = SafetensorsFile.open(path)) {
            assertEquals("line\nbreak é", file.metadata().get("k\"ey"));
            assertEquals(List.of("double \"quoted\" \\ ü", "wide", "a.f32", "b.f32", "ints", "none", "half", "bytes"), headerOrder(path));
            assertArrayEquals(new float[] {1, -0.0f, Float.NaN, Float.NEGATIVE_INFINITY}, file.get("b.f32").floats());
            assertArrayEquals(new long[] {}, file.get("a.f32").shape());
            assertArrayEquals(new long[] {Long.MIN_VALUE, -1, Long.MAX_VALUE}, file.get("wide").longs());
            assertArrayEquals(new double[] {Integer.MIN_VALUE, 5}, file.get("ints").doubles());
            assertArrayEquals(new double[] {Math.PI}, file.get("double \"quoted\" \\ ü").doubles());
            assertArrayEquals(new float[] {1.5f, -65504f}, file.get("half").floats());
            assertArrayEquals(many, file.get("bytes").bytes());
            assertEquals(0, file.get("none").elements());
            assertEquals(DType.F16, file.get("half").dtype());
            assertTrue(assertThrows(SafetensorsException.class, () -> file.get("c.f32")).getMessage().contains("b.f32"));
        }
    }

    /** Tensor names as they follow each other in the header's text. */
    private static List<String> headerOrder(Path path) throws IOException {
        ByteBuffer all = ByteBuffer.wrap(Files.readAllBytes(path)).order(ByteOrder.LITTLE_ENDIAN);
        int length = (int) all.getLong();
        assertEquals(0, length % 8);
        List<String> names = new ArrayList<>();
        new JsonMapper().readTree(new String(all.array(), 8, length, StandardCharsets.UTF_8)).fieldNames().forEachRemaining(names::add);
        assertEquals("__metadata__", names.removeFirst());
        return names;
    }

    @Test
    void typesTheEngineLacksAreReadableAsNumbersAndRefusedAsTensors() throws IOException {
        Path path = folder.resolve("t.safetensors");
        new SafetensorsWriter().add("i8", StoredType.I8, new long[] {2}, MemorySegment.ofArray(new byte[] {-128, 127}))
                .add("u16", StoredType.U16, new long[] {1}, MemorySegment.ofArray(new byte[] {(byte) 0xFE, (byte) 0xFF}))
                .add("u64", StoredType.U64, new long[] {1}, MemorySegment.ofArray(new byte[] {-1, -1, -1, -1, -1, -1, -1, -1})).write(path);
        try (SafetensorsFile file = SafetensorsFile.open(path)) {
            assertArrayEquals(new long[] {-128, 127}, file.get("i8").longs());
            assertArrayEquals(new double[] {65534}, file.get("u16").doubles());
            assertArrayEquals(new float[] {0x1p64f}, file.get("u64").floats());
            assertThrows(IllegalArgumentException.class, () -> file.get("u64").longs());
            assertTrue(assertThrows(IllegalArgumentException.class, () -> file.get("i8").dtype()).getMessage().contains("I8"));
        }
    }

    @Test
    void fractionsAreNotIntegers() throws IOException {
        Path path = folder.resolve("f.safetensors");
        new SafetensorsWriter().add("a", new long[] {1}, new float[] {1.5f}).add("b", new long[] {1}, new double[] {0x1p63}).write(path);
        try (SafetensorsFile file = SafetensorsFile.open(path)) {
            assertThrows(IllegalArgumentException.class, () -> file.get("a").longs());
            assertThrows(IllegalArgumentException.class, () -> file.get("b").longs());
        }
    }

    @Test
    void writerRefusesWrongLengthsAndDoubleNamesAndLeavesNoTemporaryFile() throws IOException {
        SafetensorsWriter writer = new SafetensorsWriter().add("a", new long[] {2}, new float[2]);
        assertThrows(IllegalArgumentException.class, () -> writer.add("a", new long[] {2}, new float[2]));
        assertThrows(IllegalArgumentException.class, () -> writer.add("b", new long[] {3}, new float[2]));
        assertThrows(IllegalArgumentException.class, () -> writer.add("__metadata__", new long[] {2}, new float[2]));
        assertThrows(IOException.class, () -> writer.write(folder.resolve("missing/x.safetensors")));
        writer.write(folder.resolve("ok.safetensors"));
        try (Stream<Path> files = Files.list(folder)) {
            assertEquals(List.of("ok.safetensors"), files.map(p -> p.getFileName().toString()).toList());
        }
    }

    @Test
    void rewritingGoldensKeepsOrderAndBytes() throws IOException {
        Path golden = Path.of(System.getProperty("mouselift.shared", "missing"), "golden", "gslrm", "model");
        assumeTrue(Files.isDirectory(golden), "SKIPPED: no golden files at " + golden + " (set -Dmouselift.shared)");
        for (String name : List.of("ckpt/model.safetensors", "pt/bf16_weights.safetensors", "pt/dtypes_expected.safetensors")) {
            Path copy = folder.resolve("copy.safetensors");
            try (SafetensorsFile file = SafetensorsFile.open(golden.resolve(name))) {
                SafetensorsWriter writer = new SafetensorsWriter();
                file.entries().values().forEach(e -> writer.add(e.name(), e.type(), e.shape(), e.data()));
                file.metadata().forEach(writer::metadata);
                writer.write(copy);
                try (SafetensorsFile again = SafetensorsFile.open(copy)) {
                    assertEquals(file.names(), again.names(), name);
                    for (SafetensorsEntry e : file.entries().values()) {
                        assertEquals(-1, e.data().mismatch(again.get(e.name()).data()), name + " " + e.name());
                        assertTrue(Arrays.equals(e.shape(), again.get(e.name()).shape()));
                    }
                }
            }
        }
    }
}
