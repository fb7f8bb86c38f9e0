package org.mouselift.data.matlab;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.zip.DeflaterOutputStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class MatFileTest {
    @TempDir
    Path folder;

    /** Writes the format byte by byte. */
    private static final class Mat {
        private final ByteOrder order;

        Mat(ByteOrder order) {
            this.order = order;
        }

        byte[] element(int type, byte[] data) {
            boolean small = data.length <= 4 && data.length > 0;
            ByteBuffer out = ByteBuffer.allocate(small ? 8 : 8 + (data.length + 7) / 8 * 8).order(order);
            if (small) {
                out.putInt(data.length << 16 | type).put(data);
            } else {
                out.putInt(type).putInt(data.length).put(data);
            }
            return out.array();
        }

        byte[] ints(int type, int... values) {
            ByteBuffer out = ByteBuffer.allocate(4 * values.length).order(order);
            for (int v : values) {
                out.putInt(v);
            }
            return element(type, out.array());
        }

        byte[] matrix(int kind, int[] dims, String name, byte[]... parts) {
            ByteArrayOutputStream body = new ByteArrayOutputStream();
            body.writeBytes(ints(6, kind, 0));
            body.writeBytes(ints(5, dims));
            body.writeBytes(element(1, name.getBytes(StandardCharsets.ISO_8859_1)));
            for (byte[] part : parts) {
                body.writeBytes(part);
            }
            byte[] data = body.toByteArray();
            ByteBuffer out = ByteBuffer.allocate(8 + data.length).order(order);
            return out.putInt(14).putInt(data.length).put(data).array();
        }

        byte[] doubles(String name, int[] dims, double... values) {
            ByteBuffer out = ByteBuffer.allocate(8 * values.length).order(order);
            for (double v : values) {
                out.putDouble(v);
            }
            return matrix(6, dims, name, element(9, out.array()));
        }

        byte[] text(String text) {
            return matrix(4, new int[] {1, text.length()}, "", element(16, text.getBytes(StandardCharsets.UTF_8)));
        }

        byte[] file(boolean compressed, byte[]... variables) throws IOException {
            ByteArrayOutputStream out = new ByteArrayOutputStream();
            byte[] header = new byte[128];
            byte[] text = "MATLAB 5.0 MAT-file, made by a test".getBytes(StandardCharsets.ISO_8859_1);
            System.arraycopy(text, 0, header, 0, text.length);
            header[124] = (byte) (order == ByteOrder.LITTLE_ENDIAN ? 0 : 1);
            header[125] = (byte) (order == ByteOrder.LITTLE_ENDIAN ? 1 : 0);
            header[126] = (byte) (order == ByteOrder.LITTLE_ENDIAN ? 'I' : 'M');
            header[127] = (byte) (order == ByteOrder.LITTLE_ENDIAN ? 'M' : 'I');
            out.writeBytes(header);
            for (byte[] variable : variables) {
                if (compressed) {
                    ByteArrayOutputStream packed = new ByteArrayOutputStream();
                    try (DeflaterOutputStream deflate = new DeflaterOutputStream(packed)) {
                        deflate.write(variable);
                    }
                    out.writeBytes(ByteBuffer.allocate(8).order(order).putInt(15).putInt(packed.size()).array());
                    out.writeBytes(packed.toByteArray());
                } else {
                    out.writeBytes(variable);
                }
            }
            return out.toByteArray();
        }
    }

    private static byte[] example(ByteOrder order, boolean compressed) throws IOException {
        Mat m = new Mat(order);
        byte[] names = new byte[16];
        System.arraycopy("type".getBytes(StandardCharsets.ISO_8859_1), 0, names, 0, 4);
        System.arraycopy("weights".getBytes(StandardCharsets.ISO_8859_1), 0, names, 8, 7);
        byte[] layer = m.matrix(2, new int[] {1, 1}, "", m.ints(5, 8), m.element(1, names), m.text("conv"),
                m.matrix(1, new int[] {1, 2}, "", m.doubles("", new int[] {2, 3}, 1, 2, 3, 4, 5, 6), m.doubles("", new int[] {1, 1}, -0.5)));
        byte[] bytes = m.matrix(9, new int[] {1, 3}, "small", m.element(2, new byte[] {1, 2, (byte) 255}));
        return m.file(compressed, m.matrix(1, new int[] {1, 2}, "layers", layer, m.doubles("", new int[] {0, 0})), bytes);
    }

    @ParameterizedTest
    @CsvSource({"LITTLE_ENDIAN, false", "LITTLE_ENDIAN, true", "BIG_ENDIAN, false", "BIG_ENDIAN, true"})
    void cellsStructsTextAndNumbers(String order, boolean compressed) throws IOException {
        Path file = Files.write(folder.resolve("a.mat"), example(order.equals("BIG_ENDIAN") ? ByteOrder.BIG_ENDIAN : ByteOrder.LITTLE_ENDIAN, compressed));
        Map<String, MatValue> all = MatFile.read(file, path -> !path.endsWith("{1}"), 9);
        assertEquals(List.of("layers", "small"), List.copyOf(all.keySet()));
        MatValue.Cell layers = assertInstanceOf(MatValue.Cell.class, all.get("layers"));
        Map<String, MatValue> layer = assertInstanceOf(MatValue.Struct.class, layers.values().getFirst()).elements().getFirst();
        assertEquals("conv", assertInstanceOf(MatValue.Text.class, layer.get("type")).text());
        MatValue.Cell weights = assertInstanceOf(MatValue.Cell.class, layer.get("weights"));
        MatValue.Numbers numbers = assertInstanceOf(MatValue.Numbers.class, weights.values().getFirst());
        assertArrayEquals(new long[] {2, 3}, numbers.dims());
        assertArrayEquals(new float[] {1, 2, 3, 4, 5, 6}, numbers.values());
        assertInstanceOf(MatValue.Skipped.class, weights.values().get(1), "nobody asked for layers{0}.weights{1}");
        assertArrayEquals(new float[] {1, 2, 255}, assertInstanceOf(MatValue.Numbers.class, all.get("small")).values());
        MatFileException e = assertThrows(MatFileException.class, () -> MatFile.read(file, path -> true, 8));
        assertTrue(e.getMessage().contains("more numbers"), e.getMessage());
    }

    @Test
    void otherFilesAreRefused() throws IOException {
        refused(new byte[60], "ends early");
        byte[] hdf = new byte[200];
        System.arraycopy("MATLAB 7.3 MAT-file".getBytes(StandardCharsets.ISO_8859_1), 0, hdf, 0, 19);
        refused(hdf, "-v7");
        byte[] twice = new Mat(ByteOrder.LITTLE_ENDIAN).file(false, new Mat(ByteOrder.LITTLE_ENDIAN).doubles("x", new int[] {1, 1}, 1),
                new Mat(ByteOrder.LITTLE_ENDIAN).doubles("x", new int[] {1, 1}, 1));
        refused(twice, "appears twice");
    }

    private void refused(byte[] content, String message) throws IOException {
        Path file = Files.write(folder.resolve("bad.mat"), content);
        MatFileException e = assertThrows(MatFileException.class, () -> MatFile.read(file, path -> true, 100));
        assertTrue(e.getMessage().contains(message) && e.getMessage().contains("bad.mat"), e.getMessage());
    }

    /** Whatever the bytes, there is a value or an exception of ours, and no more numbers than allowed. */
    @Test
    void damagedFilesGiveOnlyTypedExceptions() throws IOException {
        damage(4000);
    }

    @Tag("slow")
    @Test
    void manyDamagedFilesGiveOnlyTypedExceptions() throws IOException {
        damage(120_000);
    }

    private void damage(int files) throws IOException {
        SplittableRandom random = new SplittableRandom(5);
        List<byte[]> seeds = List.of(example(ByteOrder.LITTLE_ENDIAN, false), example(ByteOrder.LITTLE_ENDIAN, true), example(ByteOrder.BIG_ENDIAN, false));
        int failures = 0;
        for (int i = 0; i < files; i++) {
            byte[] bytes = seeds.get(i % seeds.size()).clone();
            for (int k = 1 + random.nextInt(3); k > 0; k--) {
                bytes[128 + random.nextInt(bytes.length - 128)] = (byte) random.nextInt(256);
            }
            if (random.nextInt(4) == 0) {
                bytes = java.util.Arrays.copyOf(bytes, 128 + random.nextInt(bytes.length - 128));
            }
            Path file = Files.write(folder.resolve("mutant.mat"), bytes);
            long before = allocated();
            try {
                MatFile.read(file, path -> true, 1000);
            } catch (MatFileException e) {
                assertTrue(e.getMessage().contains("mutant.mat"), e.getMessage());
                failures++;
            }
            long used = allocated() - before;
            assertTrue(used < (8 << 20) + 4000L * bytes.length, used + " bytes allocated for a file of " + bytes.length);
        }
        assertTrue(failures > files / 4, failures + " of " + files + " were refused");
    }

    private static long allocated() {
        return ((com.sun.management.ThreadMXBean) java.lang.management.ManagementFactory.getThreadMXBean()).getCurrentThreadAllocatedBytes();
    }
}
