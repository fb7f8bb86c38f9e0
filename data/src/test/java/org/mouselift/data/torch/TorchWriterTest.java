package org.mouselift.data.torch;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.mouselift.data.pickle.OrderedDict;
import org.mouselift.data.safetensors.StoredType;
import org.mouselift.engine.DType;

class TorchWriterTest {
    @TempDir Path folder;

    private static Map<Object, Object> object() {
        OrderedDict model = new OrderedDict();
        TorchValues shared = TorchValues.of(new long[] {2, 3}, 0, 1, 2, 3, 4, 5);
        model.put("a.weight", shared);
        model.put("tied.weight", shared);
        model.put("scalar", TorchValues.of(new long[0], 7));
        model.put("empty", TorchValues.of(new long[] {0, 4}));
        model.put("bytes", TorchValues.of(StoredType.U8, new long[] {3}, MemorySegment.ofArray(new byte[] {1, 2, (byte) 200})));
        // More than one block, computed as it is written.
        model.put("computed", TorchValues.of(StoredType.F32, new long[] {3, 200_000}, (first, count, block) -> {
            for (int i = 0; i < count; i++) {
                block.set(DType.LE_F32, 4L * i, first + i);
            }
        }));
        Map<Object, Object> root = new LinkedHashMap<>();
        root.put("model", model);
        Map<Object, Object> group = new LinkedHashMap<>();
        group.put("betas", new Object[] {0.9, 0.95});
        group.put("foreach", null);
        group.put("amsgrad", false);
        group.put("params", List.of(0, 1, 300, 70_000, -1, 1L << 40));
        root.put("optimizer", Map.of("param_groups", List.of(group)));
        root.put("name", "Maus ü");
        root.put("fwdbwd_pass_step", 21_125L);
        return root;
    }

    @ParameterizedTest
    @ValueSource(longs = {0xFFFF_FFFFL, 1000, 0}) // the second and third force ZIP64 records
    void whatIsWrittenIsReadBack(long zip64From) throws IOException {
        Path path = folder.resolve("ckpt_0000000000021125.pt");
        TorchWriter.write(path, object(), zip64From);
        try (TorchFile file = TorchFile.open(path)) {
            assertFalse(file.legacy());
            Map<?, ?> root = (Map<?, ?>) file.root();
            assertEquals(21_125L, root.get("fwdbwd_pass_step"));
            assertEquals("Maus ü", root.get("name"));
            Map<?, ?> group = (Map<?, ?>) ((List<?>) ((Map<?, ?>) root.get("optimizer")).get("param_groups")).get(0);
            assertEquals(List.of(0.9, 0.95), group.get("betas"));
            assertTrue(group.containsKey("foreach") && group.get("foreach") == null);
            assertEquals(false, group.get("amsgrad"));
            assertEquals(List.of(0L, 1L, 300L, 70_000L, -1L, 1L << 40), group.get("params"));
            Map<String, TorchTensor> t = file.tensors();
            assertArrayEquals(new float[] {0, 1, 2, 3, 4, 5}, t.get("model.a.weight").entry().floats());
            assertEquals(t.get("model.a.weight").storageKey(), t.get("model.tied.weight").storageKey());
            assertArrayEquals(new float[] {7}, t.get("model.scalar").entry().floats());
            assertEquals("F32[0,4]", t.get("model.empty").describe());
            assertArrayEquals(new long[] {1, 2, 200}, t.get("model.bytes").entry().longs());
            float[] computed = t.get("model.computed").entry().floats();
            for (int i = 0; i < computed.length; i++) {
                assertEquals(i, computed[i]);
            }
        }
    }

    /** The layout of the original: names, order, no compression, contents at multiples of 64, right checksums. */
    @ParameterizedTest
    @ValueSource(longs = {0xFFFF_FFFFL, 0})
    void theArchiveIsThatOfTheOriginal(long zip64From) throws IOException {
        Path path = folder.resolve("model.pt");
        TorchWriter.write(path, object(), zip64From);
        byte[] bytes = Files.readAllBytes(path);
        try (ZipFile zip = new ZipFile(path.toFile())) {
            List<? extends ZipEntry> entries = zip.stream().toList();
            assertEquals(List.of("model/data.pkl", "model/.format_version", "model/.storage_alignment", "model/byteorder", "model/data/0", "model/data/1",
                    "model/data/2", "model/data/3", "model/data/4", "model/version", "model/.data/serialization_id"), entries.stream().map(ZipEntry::getName).toList());
            for (ZipEntry e : entries) {
                assertEquals(ZipEntry.STORED, e.getMethod());
                byte[] content = zip.getInputStream(e).readAllBytes(); // checks nothing for stored entries, so:
                java.util.zip.CRC32 crc = new java.util.zip.CRC32();
                crc.update(content);
                assertEquals(e.getCrc(), crc.getValue(), e.getName());
            }
            assertEquals("3\n", new String(zip.getInputStream(zip.getEntry("model/version")).readAllBytes()));
        }
        ZipDirectory.read(path, MemorySegment.ofArray(bytes)).forEach((name, content) -> assertEquals(0, at(bytes, content) % 64, name));
    }

    /**
     * Every byte but that of the object and its identity: an archive of PyTorch 2.13 is taken apart and written again with the same
     * names and contents.
     */
    @Test
    void everyHeaderIsThatOfTheOriginal() throws IOException {
        Path golden = Path.of(System.getProperty("mouselift.shared", "../../shared")).resolve("golden/gslrm/model/pt/bare_state_dict.pt");
        org.junit.jupiter.api.Assumptions.assumeTrue(Files.isRegularFile(golden), "SKIPPED: no golden files of PyTorch at " + golden);
        OrderedDict model = new OrderedDict();
        try (TorchFile file = TorchFile.open(golden)) {
            for (TorchTensor t : file.tensors().values()) {
                model.put(t.name(), TorchValues.of(t.type(), t.shape(), MemorySegment.ofArray(t.entry().data().toArray(java.lang.foreign.ValueLayout.JAVA_BYTE))));
            }
        }
        Path ours = folder.resolve("bare_state_dict.pt");
        TorchWriter.write(ours, model);
        assertEquals(shape(golden), shape(ours));
    }

    /** Local headers and descriptors of an archive, without check sums and sizes of the pickle and the identity. */
    private static List<String> shape(Path file) throws IOException {
        java.nio.ByteBuffer in = java.nio.ByteBuffer.wrap(Files.readAllBytes(file)).order(java.nio.ByteOrder.LITTLE_ENDIAN);
        List<String> all = new java.util.ArrayList<>();
        for (Map.Entry<String, MemorySegment> e : ZipDirectory.read(file, MemorySegment.ofArray(in.array())).entrySet()) {
            int content = (int) at(in.array(), e.getValue());
            int size = (int) e.getValue().byteSize();
            byte[] name = e.getKey().getBytes(java.nio.charset.StandardCharsets.UTF_8);
            int header = content - 30 - name.length;
            while (in.getInt(header) != 0x04034b50) {
                header--;
            }
            boolean varies = e.getKey().endsWith("data.pkl") || e.getKey().endsWith("serialization_id");
            byte[] fixed = Arrays.copyOfRange(in.array(), header, header + 28);
            String descriptor = size == 0 ? "none" : java.util.HexFormat.of().formatHex(in.array(), content + size, content + size + (varies ? 4 : 16));
            all.add(e.getKey() + " " + java.util.HexFormat.of().formatHex(fixed) + " FB " + (char) in.get(header + 30 + name.length) + (char) in.get(header + 31 + name.length) + " " + content % 64
                    + " " + descriptor);
        }
        return all;
    }

    private static long at(byte[] file, MemorySegment content) {
        return content.address() - MemorySegment.ofArray(file).address();
    }

    @Test
    void equalObjectsAreEqualFiles() throws IOException {
        Path a = folder.resolve("a").resolve("x.pt");
        Path b = folder.resolve("b").resolve("x.pt");
        Files.createDirectories(a.getParent());
        Files.createDirectories(b.getParent());
        TorchWriter.write(a, object());
        TorchWriter.write(b, object());
        assertTrue(Arrays.equals(Files.readAllBytes(a), Files.readAllBytes(b)));
    }

    @Test
    void whatPyTorchCannotHoldIsRefused() {
        assertThrows(IllegalArgumentException.class, () -> TorchValues.of(StoredType.U32, new long[] {1}, MemorySegment.ofArray(new byte[4])));
        assertThrows(IllegalArgumentException.class, () -> TorchValues.of(new long[] {2}, 1f));
        assertThrows(IllegalArgumentException.class, () -> TorchWriter.write(folder.resolve("x.pt"), Map.of("path", folder)));
        assertFalse(Files.exists(folder.resolve("x.pt")));
    }
}
