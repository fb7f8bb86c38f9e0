package org.mouselift.data.pickle;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.mouselift.data.camera.CalibrationFile;
import org.mouselift.data.camera.CameraFileException;
import org.mouselift.data.camera.MammalCamera;

class PickleReaderTest {
    @TempDir Path folder;

    /** Writes opcodes; strings are latin-1. */
    private static final class Assembler {
        private final ByteArrayOutputStream out = new ByteArrayOutputStream();

        Assembler op(int... bytes) {
            for (int b : bytes) {
                out.write(b);
            }
            return this;
        }

        Assembler raw(byte[] bytes) {
            out.writeBytes(bytes);
            return this;
        }

        Assembler text(String s) {
            byte[] b = s.getBytes(StandardCharsets.UTF_8);
            return op(0x8c, b.length).raw(b);
        }

        Assembler global(String module, String name) {
            return op('c').raw((module + "\n" + name + "\n").getBytes(StandardCharsets.UTF_8));
        }

        Assembler dtype(String code, String order) {
            return global("numpy", "dtype").text(code).op(0x89, 0x88, 0x87, 'R').op('(', 'K', 3).text(order).op('N', 'N', 'N', 'K', 0, 'K', 0, 'K', 0, 't', 'b');
        }

        /** A float64 array by _reconstruct. */
        Assembler array(boolean fortran, int[] shape, double... values) {
            global("numpy._core.multiarray", "_reconstruct").global("numpy", "ndarray").op('K', 0, 0x85, 'C', 1, 'b', 0x87, 'R');
            op('(', 'K', 1, '(');
            for (int d : shape) {
                op('K', d);
            }
            op('t').dtype("f8", "<").op(fortran ? 0x88 : 0x89);
            ByteBuffer b = ByteBuffer.allocate(8 * values.length).order(ByteOrder.LITTLE_ENDIAN);
            for (double v : values) {
                b.putDouble(v);
            }
            return op('C', b.capacity()).raw(b.array()).op('t', 'b');
        }

        byte[] done() {
            return op('.').out.toByteArray();
        }
    }

    private static Assembler pickle() {
        return new Assembler().op(0x80, 4);
    }

    private static Object read(byte[] bytes) throws PickleException {
        return new PickleReader(bytes, "test.pkl", NumpyGlobals.all(bytes.length)).read();
    }

    @Test
    void plainValues() throws Exception {
        byte[] bytes = pickle().op(']', 0x94, '(', 'N', 0x88, 'K', 200, 'M', 1, 2, 'J', 255, 255, 255, 255)
                .op(0x8a, 9, 0, 0, 0, 0, 0, 0, 0, 0, 1).op('G').raw(ByteBuffer.allocate(8).putDouble(-2.5).array())
                .text("é").op('C', 2, 7, 255, 'U', 1, 0xE9, 'h', 0, 'e').done();
        List<?> list = assertInstanceOf(List.class, read(bytes));
        assertEquals(Arrays.asList(null, true, 200L, 513L, -1L, BigInteger.ONE.shiftLeft(64), -2.5, "é"), list.subList(0, 8));
        assertArrayEquals(new byte[] {7, -1}, (byte[]) list.get(8));
        assertEquals("é", list.get(9), "a Python 2 byte string");
        assertSame(list, list.get(10), "a list may contain itself");
    }

    @Test
    void arraysInBothOrdersAndByteOrders() throws Exception {
        NumpyArray c = ((NumpyGlobals.Array) read(pickle().array(false, new int[] {2, 3}, 1, 2, 3, 4, 5, 6).done())).toNumpyArray();
        assertArrayEquals(new double[] {1, 2, 3, 4, 5, 6}, c.values());
        NumpyArray f = ((NumpyGlobals.Array) read(pickle().array(true, new int[] {2, 3}, 1, 4, 2, 5, 3, 6).done())).toNumpyArray();
        assertArrayEquals(c.values(), f.values());
        assertEquals(List.of(2, 3), f.shape());
        byte[] big = pickle().global("numpy.core.numeric", "_frombuffer").op('(', 'C', 4, 0x40, 0x20, 0, 0).dtype("f4", ">").op('K', 1, 0x85)
                .text("C").op('t', 'R').done();
        assertArrayEquals(new double[] {2.5}, ((NumpyGlobals.Array) read(big)).toNumpyArray().values());
    }

    @Test
    void setsScalarsAndTuplesAsKeys() throws Exception {
        assertEquals(List.of(1L, 2L), read(pickle().op(0x8f, '(', 'K', 1, 'K', 2, 0x90).done()));
        assertEquals(List.of(1L, 2L), read(pickle().op('(', 'K', 1, 'K', 2, 0x91).done()));
        assertEquals(Map.of(List.of(1L, "a"), 7L), read(pickle().op('}', 'K', 1).text("a").op(0x86, 'K', 7, 's').done()));
        for (String core : List.of("numpy.core", "numpy._core")) {
            assertEquals(1.5, read(pickle().global(core + ".multiarray", "scalar").dtype("f8", "<").op('C', 8, 0, 0, 0, 0, 0, 0, 0xf8, 0x3f, 0x86, 'R').done()));
            assertEquals(-2L, read(pickle().global(core + ".multiarray", "scalar").dtype("i2", ">").op('C', 2, 0xff, 0xfe, 0x86, 'R').done()));
            assertEquals(true, read(pickle().global(core + ".multiarray", "scalar").dtype("b1", "|").op('C', 1, 1, 0x86, 'R').done()));
        }
    }

    /** Arrays made again and again from the same bytes: a file of some kilobytes must not fill the memory. */
    @Test
    void repeatedBytesDoNotMultiplyMemory() {
        Assembler a = pickle().op(']', '(').op('B', 0, 0x40, 0, 0).raw(new byte[1 << 14]).op(0x94).dtype("u1", "|").op(0x94)
                .global("numpy.core.numeric", "_frombuffer").op(0x94);
        for (int i = 0; i < 1000; i++) {
            a.op('h', 2, '(', 'h', 0, 'h', 1, 'M', 0, 0x40, 0x85).text("C").op('t', 'R');
        }
        assertTrue(assertThrows(PickleException.class, () -> read(a.op('e').done())).getMessage().contains("the pickle repeats them"));
    }

    @Test
    void everythingElseIsRefusedByName() {
        Map<byte[], String> bad = new LinkedHashMap<>();
        bad.put(pickle().global("os", "system").text("true").op(0x85, 'R').done(), "os.system");
        bad.put(pickle().text("builtins").text("eval").op(0x93).done(), "builtins.eval");
        bad.put(pickle().global("numpy", "ndarray").op(')', 'R').done(), "cannot be called");
        bad.put(pickle().global("numpy", "ndarray").op(')', 0x81).done(), "NEWOBJ");
        bad.put(pickle().op('K', 1, 'Q').done(), "BINPERSID");
        bad.put(pickle().op(0xf0).done(), "unknown (0xf0)");
        bad.put(pickle().op('K', 1, ')', 'R').done(), "REDUCE calls an integer");
        bad.put(pickle().op('}', 'K', 1, 'b').done(), "BUILD");
        bad.put(pickle().op('}', ']', 'K', 1, 's').done(), "dictionary key");
        bad.put(pickle().op('h', 3).done(), "memo entry 3");
        bad.put(pickle().op('t').done(), "no MARK");
        bad.put(pickle().op('K', 1, 'K', 2).done(), "left on the stack");
        bad.put(pickle().done(), "stack is empty");
        bad.put(pickle().op('(').done(), "stack is empty");
        bad.put(pickle().op(0x8e, 255, 255, 255, 255, 255, 255, 255, 127).done(), "ends early");
        bad.put(pickle().op(0x8e, 255, 255, 255, 255, 255, 255, 255, 255).done(), "exceeds the file");
        bad.put(pickle().op(0x8b, 0, 0, 0, 1).done(), "an integer of");
        bad.put(pickle().op(0x8c, 1, 0xff).done(), "UTF-8");
        bad.put(pickle().dtype("O8", "|").done(), "dtype 'O8'");
        bad.put(pickle().global("numpy.core.multiarray", "scalar").text("x").op('C', 1, 1, 0x86, 'R').done(), "numpy scalar takes");
        bad.put(pickle().global("operator", "attrgetter").done(), "operator.attrgetter");
        bad.put(pickle().text("torch.serialization").text("os.system").op(0x93).done(), "torch.serialization.os.system");
        bad.put(pickle().op('}', 'K', 1, ']', 0x86, 'K', 7, 's').done(), "dictionary key is a list or tuple");
        bad.put(pickle().op(0x82, 1).done(), "opcode EXT");
        bad.put(pickle().op('(', 0x98).done(), "READONLY_BUFFER");
        bad.put(pickle().dtype("f8", "|").done(), "without a byte order");
        bad.put(pickle().array(false, new int[] {2, 2}, 1, 2, 3).done(), "24 bytes of data");
        bad.put(new byte[] {(byte) 0x80, 9, '.'}, "protocol 9");
        bad.put("(lp0\n.".getBytes(StandardCharsets.UTF_8), "not a pickle of protocol 2 to 5");
        bad.put(new byte[0], "empty");
        bad.forEach((bytes, expected) -> {
            PickleException e = assertThrows(PickleException.class, () -> read(bytes), expected);
            assertTrue(e.getMessage().contains(expected) && e.getMessage().startsWith("test.pkl: at byte"), e.getMessage());
        });
    }

    @Test
    void calibrationAndItsMutations() throws Exception {
        Assembler a = pickle().op(']', '(');
        for (int i = 0; i < 2; i++) {
            a.op('}', '(').text("K").array(false, new int[] {3, 3}, 700, 0, 250, 0, 710 + i, 260, 0, 0, 1)
                    .text("R").array(true, new int[] {3, 3}, 1, 0, 0, 0, 0, 1, 0, -1, 0).text("T").array(false, new int[] {3, 1}, 1, 2, 300).op('u');
        }
        byte[] good = a.op('e').done();
        List<MammalCamera> cameras = CalibrationFile.read(Files.write(folder.resolve("new_cam.pkl"), good), 2);
        assertEquals(711, cameras.get(1).k().m11());
        assertEquals(-1, cameras.get(0).r().m12());
        Random random = new Random(3);
        int accepted = 0;
        Path mutant = folder.resolve("mutant.pkl");
        for (int i = 0; i < 3000; i++) {
            byte[] bytes = good.clone();
            for (int k = random.nextInt(3); k >= 0; k--) {
                bytes[random.nextInt(bytes.length)] = (byte) (random.nextBoolean() ? random.nextInt(256) : ".(tRb0h]})ue".charAt(random.nextInt(12)));
            }
            if (random.nextInt(6) == 0) {
                bytes = Arrays.copyOf(bytes, random.nextInt(bytes.length));
            }
            Files.write(mutant, bytes);
            try {
                CalibrationFile.readPickle(mutant, 2);
                accepted++;
            } catch (PickleException | CameraFileException e) {
                assertTrue(e.getMessage().contains("mutant.pkl"), e.getMessage());
            } catch (IOException | RuntimeException e) {
                throw new AssertionError("untyped error for mutation " + i, e);
            }
        }
        assertTrue(accepted > 0, "some mutations only change digits");
    }
}
