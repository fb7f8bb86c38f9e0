package org.mouselift.data.torch;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.mouselift.data.pickle.PickleException;
import org.mouselift.data.torch.TorchBytes.Storage;

class TorchFileTest {
    private static final Storage TWELVE = new Storage("0", new float[] {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11});

    private static String refusal(byte[] bytes) {
        IOException e = assertThrows(IOException.class, () -> TorchBytes.open(bytes));
        assertTrue(e instanceof TorchFileException || e instanceof PickleException, e.toString());
        assertTrue(e.getMessage().startsWith("t.pt: "), e.getMessage());
        return e.getMessage();
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void viewsOfOneStorage(boolean legacy) throws IOException {
        TorchBytes b = new TorchBytes().op('}', '(');
        b.text("rows").tensor(TWELVE, 0, new long[] {3, 4}, new long[] {4, 1});
        b.text("columns").tensor(TWELVE, 0, new long[] {4, 3}, new long[] {1, 4});
        b.text("every.second").tensor(TWELVE, 1, new long[] {3}, new long[] {2});
        b.text("repeated").tensor(TWELVE, 7, new long[] {2, 3}, new long[] {0, 0});
        b.text("scalar").tensor(TWELVE, 11, new long[0], new long[0]);
        b.text("empty").tensor(TWELVE, 12, new long[] {0, 5}, new long[] {5, 1});
        b.op('u', '.');
        try (TorchFile file = TorchBytes.open(legacy ? b.legacy() : b.zip())) {
            assertEquals(legacy, file.legacy());
            Map<String, TorchTensor> t = file.tensors();
            assertEquals(List.of("rows", "columns", "every.second", "repeated", "scalar", "empty"), List.copyOf(t.keySet()));
            assertArrayEquals(TWELVE.values(), t.get("rows").entry().floats());
            assertTrue(t.get("rows").isContiguous());
            assertArrayEquals(new float[] {0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11}, t.get("columns").entry().floats());
            assertFalse(t.get("columns").isContiguous());
            assertArrayEquals(new float[] {1, 3, 5}, t.get("every.second").entry().floats());
            assertArrayEquals(new float[] {7, 7, 7, 7, 7, 7}, t.get("repeated").entry().floats());
            assertArrayEquals(new float[] {11}, t.get("scalar").entry().floats());
            assertEquals(0, t.get("empty").entry().floats().length);
        }
    }

    @Test
    void nestedContainersGiveDottedPaths() throws IOException {
        TorchBytes b = new TorchBytes().op('}', '(').text("optimizer").op('}', '(').integer(3).tensor(TWELVE, 0, new long[] {2}, new long[] {1})
                .op('u').text("list").op(']', '(').text("x").tensor(TWELVE, 2, new long[] {1}, new long[] {1}).op('e').text("step").integer(5).op('u', '.');
        try (TorchFile file = TorchBytes.open(b.zip())) {
            assertEquals(List.of("optimizer.3", "list.1"), List.copyOf(file.tensors().keySet()));
            assertEquals(5L, ((Map<?, ?>) file.root()).get("step"));
        }
    }

    @Test
    void aTensorAlone() throws IOException {
        try (TorchFile file = TorchBytes.open(new TorchBytes().tensor(TWELVE, 0, new long[] {12}, new long[] {1}).op('.').legacy())) {
            assertEquals(List.of(TorchFile.ROOT_TENSOR), List.copyOf(file.tensors().keySet()));
        }
    }

    @Test
    void sharedReferencesAreNotExpanded() {
        // 40 levels of dictionaries that hold the one below twice: 2^40 paths.
        TorchBytes b = new TorchBytes().op('}', '(').text("w").tensor(TWELVE, 0, new long[] {1}, new long[] {1}).op('u', 'q', 0, '0');
        for (int level = 1; level <= 40; level++) {
            b.op('}', '(').text("a").op('h', level - 1).text("b").op('h', level - 1, 'u', 'q', level, '0');
        }
        assertTrue(refusal(b.op('h', 40, '.').zip()).contains("shared references"));
    }

    @Test
    void selfReferenceAndDeepNestingAreRefused() {
        TorchBytes self = new TorchBytes().op('}', 'q', 0).text("me").op('h', 0, 's', '.');
        assertTrue(refusal(self.zip()).contains("'me': contains itself"));
        TorchBytes deep = new TorchBytes().op('}').text("deep");
        for (int i = 0; i < 60_000; i++) {
            deep.op(']');
        }
        for (int i = 1; i < 60_000; i++) {
            deep.op('a');
        }
        assertTrue(refusal(deep.op('s', '.').zip()).contains("nested deeper than"));
    }

    @Test
    void repeatedListsDoNotMultiplyMemory() {
        TorchBytes b = new TorchBytes().op(']', 'q', 0, '(');
        for (int i = 0; i < 1000; i++) {
            b.op('K', i & 255, 'K', 1, 0x86);
        }
        b.op('e', '0').global("collections", "OrderedDict").op('q', 1, '0', '}', '(');
        for (int i = 0; i < 1000; i++) {
            b.integer(i).op('h', 1, 'h', 0, 0x85, 'R');
        }
        assertTrue(refusal(b.op('u', '.').zip()).contains("repeats a list"));
    }

    @Test
    void aPersistentIdNeedsItsStorage() {
        Storage absent = new Storage("7", new float[3]);
        byte[] bytes = new TorchBytes().tensor(absent, 0, new long[] {3}, new long[] {1}).op('.').zip();
        String text = new String(bytes, java.nio.charset.StandardCharsets.ISO_8859_1).replace("data/7", "data/8");
        assertTrue(refusal(text.getBytes(java.nio.charset.StandardCharsets.ISO_8859_1)).contains("storage '7' has no entry"));
    }

    @Test
    void otherByteOrdersAndRootsAreRefused() {
        assertTrue(refusal(new TorchBytes().op('}', '.').zip("archive/byteorder", "big")).contains("says 'big'"));
        assertTrue(refusal(new TorchBytes().op('}', '.').zip("other/data.pkl", "x")).contains("several roots"));
        assertTrue(refusal(new TorchBytes().op(']', '.').zip()).contains("expected a dictionary or a tensor"));
    }
}
