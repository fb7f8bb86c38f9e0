package org.mouselift.data.torch;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.mouselift.data.pickle.PickleException;
import org.mouselift.data.safetensors.StoredType;
import org.mouselift.data.torch.TorchBytes.Storage;

/** What files of all versions of the original framework name beside {@code _rebuild_tensor_v2}: read, or refused by name. */
class TorchGlobalsTest {
    private static final Storage SIX = new Storage("0", new float[] {0, 1, 2, 3, 4, 5});

    private static TorchBytes function(String module, String name) {
        return new TorchBytes().op('}').text("w").global(module, name).op('(');
    }

    private static TorchBytes ordered(TorchBytes b) {
        return b.global("collections", "OrderedDict").op(')', 'R');
    }

    private static TorchTensor tensor(TorchBytes b, boolean legacy) throws IOException {
        b.op('s', '.');
        try (TorchFile file = TorchBytes.open(legacy ? b.legacy() : b.zip())) {
            return file.tensors().get("w");
        }
    }

    private static String refused(TorchBytes b) {
        PickleException e = assertThrows(PickleException.class, () -> TorchBytes.open(b.op('s', '.').zip()));
        assertTrue(e.getMessage().startsWith("t.pt: archive/data.pkl: at byte "), e.getMessage());
        return e.getMessage();
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void theFirstFormOfTensors(boolean legacy) throws IOException {
        TorchTensor t = tensor(function("torch._utils", "_rebuild_tensor").storage(SIX, "torch", "FloatStorage", 6).op('K', 1).tuple(2, 2).tuple(1, 2).op('t', 'R'), legacy);
        assertArrayEquals(new float[] {1, 3, 2, 4}, t.entry().floats());
        assertTrue(refused(function("torch._utils", "_rebuild_tensor").op('t', 'R')).contains("_rebuild_tensor takes (storage, offset, size, stride), got nothing"));
    }

    /** Types that have no storage class: a storage of bytes and the type beside it. */
    @ParameterizedTest
    @CsvSource({"uint16, U16, 2", "uint32, U32, 4", "uint64, U64, 8", "float32, F32, 4", "bfloat16, BF16, 2"})
    void storagesOfBytes(String dtype, StoredType type, int width) throws IOException {
        for (String module : List.of("torch", "torch.storage")) {
            TorchBytes b = function("torch._utils", "_rebuild_tensor_v3").storage(SIX, module, "UntypedStorage", 24).op('K', 0).tuple(24 / width).tuple(1).op(0x89);
            TorchTensor t = tensor(ordered(b).global("torch", dtype).op('t', 'R'), false);
            assertEquals(type, t.type());
            assertEquals(24 / width, t.elements());
            byte[] expected = new byte[24];
            java.nio.ByteBuffer.wrap(expected).order(java.nio.ByteOrder.LITTLE_ENDIAN).asFloatBuffer().put(SIX.values());
            assertArrayEquals(expected, t.entry().data().toArray(java.lang.foreign.ValueLayout.JAVA_BYTE));
        }
        TorchBytes beyond = function("torch._utils", "_rebuild_tensor_v3").storage(SIX, "torch", "UntypedStorage", 24).op('K', 0).tuple(24 / width + 1).tuple(1).op(0x89);
        assertTrue(refused(ordered(beyond).global("torch", dtype).op('t', 'R')).contains("reaches element " + 24 / width));
    }

    @ParameterizedTest
    @ValueSource(strings = {"float8_e4m3fn", "float8_e5m2", "complex64"})
    void typesThatAreNotRead(String dtype) {
        TorchBytes b = function("torch._utils", "_rebuild_tensor_v3").storage(SIX, "torch", "UntypedStorage", 24).op('K', 0).tuple(3).tuple(1).op(0x89);
        assertTrue(refused(ordered(b).global("torch", dtype).op('t', 'R')).contains("tensors of torch." + dtype + " are not read"));
        assertTrue(refused(function("torch._utils", "_rebuild_tensor_v2").storage(SIX, "torch", "ComplexFloatStorage", 3)).contains("'torch.ComplexFloatStorage' is not allowed"));
    }

    @ParameterizedTest
    @CsvSource({"_rebuild_qtensor, dequantize", "_rebuild_sparse_tensor, to_dense", "_rebuild_nested_tensor, nested", "_rebuild_meta_tensor_no_storage, meta",
        "_rebuild_wrapper_subclass, plain tensors"})
    void otherTensorsAreRefusedWithARemedy(String function, String remedy) {
        String message = refused(function("torch._utils", function).op('t', 'R'));
        assertTrue(message.contains(function + ": ") && message.contains(remedy), message);
    }

    @Test
    void parametersAndTensorsWithAttributes() throws IOException {
        TorchBytes state = function("torch._utils", "_rebuild_parameter_with_state").tensor(SIX, 0, new long[] {6}, new long[] {1}).op(0x88);
        assertEquals(6, tensor(ordered(state).op('}').text("tag").op('K', 1, 's', 't', 'R'), false).elements());
        for (String[] kind : new String[][] {{"torch", "Tensor"}, {"torch.nn.parameter", "Parameter"}}) {
            TorchBytes b = function("torch._tensor", "_rebuild_from_type_v2").global("torch._utils", "_rebuild_tensor_v2").global(kind[0], kind[1]).op('(')
                    .storage(SIX, "torch", "FloatStorage", 6).op('K', 0).tuple(6).tuple(1).op(0x89);
            assertEquals(6, tensor(ordered(b).op('t', '}', 't', 'R'), false).elements());
        }
        // A function that is the same one, with arguments that hold themselves.
        TorchBytes endless = function("torch._tensor", "_rebuild_from_type_v2").global("torch._tensor", "_rebuild_from_type_v2").global("torch", "Tensor").op(']', 'q', 0, '(')
                .global("torch._tensor", "_rebuild_from_type_v2").global("torch", "Tensor").op('h', 0, 'N', 'e', 'N', 't', 'R');
        assertTrue(refused(endless).contains("_rebuild_from_type_v2 takes"));
    }

    /** Sizes, types, devices, sets, default dictionaries: the settings that trainings save beside their tensors. */
    @Test
    void plainValuesOfTrainings() throws IOException {
        TorchBytes b = new TorchBytes().op('}', '(');
        b.text("size").global("torch", "Size").op(']', '(', 'K', 2, 'K', 3, 'e', 0x85, 'R');
        b.text("dtype").global("torch", "float16");
        b.text("device").global("torch", "device").text("cuda").op('K', 1, 0x86, 'R');
        b.text("state").global("collections", "defaultdict").global("__builtin__", "dict").op(0x85, 'R').text("step").op('K', 7, 's');
        b.text("set").global("__builtin__", "set").op(']', '(', 'K', 5, 'e', 0x85, 'R');
        b.text("frozen").global("builtins", "frozenset").op(']', 0x85, 'R');
        b.text("bytes").global("_codecs", "encode").text("ab").text("latin1").op(0x86, 'R');
        b.text("array").global("builtins", "bytearray").op('C', 1, 9, 0x85, 'R');
        b.text("random").global("numpy.core.multiarray", "_reconstruct").global("numpy", "ndarray").op('K', 0, 0x85).text("b").op(0x87, 'R');
        b.op('(', 'K', 1, 'K', 2, 0x85).global("numpy", "dtype").text("u1").op('K', 0, 'K', 1, 0x87, 'R').op('(', 'K', 3).text("|").op('N', 'N', 'N', 'K', 0, 'K', 0, 'K', 0, 't', 'b');
        b.op(0x89).global("_codecs", "encode").text("xy").text("latin1").op(0x86, 'R', 't', 'b');
        b.text("w").tensor(SIX, 0, new long[] {6}, new long[] {1}).op('u', '.');
        try (TorchFile file = TorchBytes.open(b.zip())) {
            Map<?, ?> root = (Map<?, ?>) file.root();
            assertEquals(List.of(2L, 3L), root.get("size"));
            assertEquals("torch.float16", root.get("dtype").toString());
            assertEquals("cuda:1", root.get("device"));
            assertEquals(Map.of("step", 7L), root.get("state"));
            assertEquals(List.of(5L), root.get("set"));
            assertEquals(List.of(), root.get("frozen"));
            assertArrayEquals(new byte[] {'a', 'b'}, (byte[]) root.get("bytes"));
            assertArrayEquals(new byte[] {9}, (byte[]) root.get("array"));
            assertArrayEquals(new double[] {'x', 'y'}, ((org.mouselift.data.pickle.NumpyGlobals.Array) root.get("random")).toNumpyArray().values());
            assertEquals(List.of("w"), List.copyOf(file.tensors().keySet()));
        }
    }

    @Test
    void whatWouldRunCodeIsRefusedByName() {
        for (String[] name : new String[][] {{"os", "system"}, {"builtins", "getattr"}, {"__builtin__", "eval"}, {"operator", "attrgetter"}, {"torch.serialization", "os.system"},
                {"torch.storage", "_load_from_bytes"}, {"torch", "load"}, {"torch", "storage"}, {"functools", "partial"}, {"torch._utils", "_import_dotted_name"}, {"torch", "FloatStorage "}}) {
            String message = refused(function(name[0], name[1]).text("x").op('t', 'R'));
            assertTrue(message.contains("global '" + name[0] + "." + name[1] + "' is not allowed; nothing was executed"), message);
        }
        assertTrue(refused(function("torch", "float16").op('t', 'R')).contains("torch.float16 cannot be called"));
        assertTrue(refused(function("builtins", "dict").op('t', 'R')).contains("dict cannot be called"));
        assertTrue(refused(function("torch", "Tensor").op('t', 0x81)).contains("NEWOBJ"));
        assertTrue(refused(new TorchBytes().op('}').text("w").global("torch", "Size").op(')', '}', 0x92)).contains("NEWOBJ_EX"));
        assertTrue(refused(new TorchBytes().op('}').text("w").op(0x82, 1)).contains("opcode EXT"));
        assertTrue(refused(new TorchBytes().op('}').text("w").tensor(SIX, 0, new long[] {6}, new long[] {1}).op('}', 'b')).contains("BUILD"));
    }

    /** Sets and bytes made again and again from one list. */
    @Test
    void repetitionsDoNotMultiplyMemory() {
        for (String[] name : new String[][] {{"builtins", "set"}, {"builtins", "frozenset"}}) {
            TorchBytes b = new TorchBytes().op('}').text("w").op(']', 'q', 0, '(');
            for (int i = 0; i < 5000; i++) {
                b.op('K', 1);
            }
            b.op('e').global(name[0], name[1]).op('q', 1, '(');
            for (int i = 0; i < 5000; i++) {
                b.op('h', 1, 'h', 0, 0x85, 'R');
            }
            assertTrue(refused(b.op('t')).contains("repeats a list"));
        }
        TorchBytes b = new TorchBytes().op('}').text("w").text("x".repeat(5000)).op('q', 0).text("latin1").op('q', 1).global("_codecs", "encode").op('q', 2, '(');
        for (int i = 0; i < 5000; i++) {
            b.op('h', 2, 'h', 0, 'h', 1, 0x86, 'R');
        }
        assertTrue(refused(b.op('t')).contains("repeats them"));
    }

    /** As many tensors as no network has: opened at once, all found. */
    @Test
    void aHundredThousandTensors() throws IOException {
        TorchBytes b = new TorchBytes().op('}', '(').text("first").tensor(SIX, 0, new long[] {6}, new long[] {1});
        for (int i = 0; i < 100_000; i++) {
            b.text("layer." + i).tensor(SIX, i % 6, new long[0], new long[0]);
        }
        byte[] bytes = b.op('u', '.').zip();
        long begun = System.nanoTime();
        try (TorchFile file = TorchBytes.open(bytes)) {
            assertEquals(100_001, file.tensors().size());
            assertArrayEquals(new float[] {3}, file.tensors().get("layer.99999").entry().floats());
        }
        assertTrue(System.nanoTime() - begun < 20_000_000_000L, "not quadratic");
    }
}
