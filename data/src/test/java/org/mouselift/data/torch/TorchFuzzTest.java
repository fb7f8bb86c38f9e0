package org.mouselift.data.torch;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.EdgeCasesMode;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.Tag;
import org.mouselift.data.pickle.PickleException;

/**
 * Valid PyTorch files read back, and damaged ones: tensors whose elements lie in the file, or a typed error that names it;
 * nothing else, and no memory beyond a multiple of the file.
 */
class TorchFuzzTest {
    private static final String OPCODES = "(}])eauts.RQbcXKJMGNqhj0129\u0085\u0086\u0087\u0088\u008a\u008c\u0093\u0094\u0095\u0000\u0001";
    private static final int MAX_STORAGE = 12;
    /** What reading may allocate: a fixed part and a multiple of the file's size. */
    private static final long FIXED_BYTES = 4 << 20;
    private static final long BYTES_PER_BYTE = 2000;

    /** A view of a storage. */
    record View(int storage, int offset, long[] shape, long[] strides, int nesting) {}

    /** A valid file: storages of some sizes and views of them. */
    record Sample(List<Integer> storages, List<View> views, boolean legacy) {
        byte[] bytes() {
            TorchBytes b = new TorchBytes().op('}', '(');
            for (int v = 0; v < views.size(); v++) {
                View view = views.get(v);
                b.text("t" + v);
                for (int n = 0; n < view.nesting; n++) {
                    b.op('}').text("n");
                }
                b.tensor(storage(view.storage), view.offset, view.shape, view.strides);
                for (int n = 0; n < view.nesting; n++) {
                    b.op('s');
                }
            }
            b.op('u', '.');
            return legacy ? b.legacy() : b.zip();
        }

        private TorchBytes.Storage storage(int index) {
            float[] values = new float[storages.get(index)];
            for (int i = 0; i < values.length; i++) {
                values[i] = 100 * index + i;
            }
            return new TorchBytes.Storage(Integer.toString(index), values);
        }
    }

    record Mutation(int at, int value) {}

    @Provide
    Arbitrary<Sample> samples() {
        Arbitrary<List<Integer>> storages = Arbitraries.integers().between(1, MAX_STORAGE).list().ofMinSize(1).ofMaxSize(3);
        return storages.flatMap(sizes -> Combinators.combine(views(sizes).list().ofMaxSize(4), Arbitraries.of(true, false))
                .as((views, legacy) -> new Sample(sizes, views, legacy)));
    }

    private static Arbitrary<View> views(List<Integer> sizes) {
        Arbitrary<long[]> axes = Arbitraries.longs().between(0, 4).array(long[].class).ofMaxSize(3);
        Arbitrary<long[]> strides = Arbitraries.longs().between(0, 4).array(long[].class).ofSize(3);
        return Combinators.combine(Arbitraries.integers().between(0, sizes.size() - 1), Arbitraries.integers().between(0, MAX_STORAGE), axes, strides,
                Arbitraries.integers().between(0, 2)).as((storage, offset, shape, stride, nesting) -> {
                    long[] own = Arrays.copyOf(stride, shape.length);
                    int first = Math.min(offset, sizes.get(storage));
                    boolean empty = Arrays.stream(shape).anyMatch(n -> n == 0);
                    long last = first;
                    for (int d = 0; d < own.length; d++) { // shrink what would leave the storage
                        while (!empty && own[d] > 0 && last + (shape[d] - 1) * own[d] >= sizes.get(storage)) {
                            own[d]--;
                        }
                        last += empty ? 0 : (shape[d] - 1) * own[d];
                    }
                    return new View(storage, !empty && first >= sizes.get(storage) ? sizes.get(storage) - 1 : first, shape, own, nesting);
                }).filter(v -> fits(v, sizes));
    }

    private static boolean fits(View v, List<Integer> sizes) {
        long last = v.offset;
        for (int d = 0; d < v.shape.length; d++) {
            if (v.shape[d] == 0) {
                return true;
            }
            last += (v.shape[d] - 1) * v.strides[d];
        }
        return last < sizes.get(v.storage);
    }

    @Property(tries = 300, edgeCases = EdgeCasesMode.NONE)
    void validFilesReadBack(@ForAll("samples") Sample sample) throws IOException {
        try (TorchFile file = TorchBytes.open(sample.bytes())) {
            if (file.tensors().size() != sample.views.size()) {
                throw new AssertionError(file.tensors().keySet().toString());
            }
            for (int v = 0; v < sample.views.size(); v++) {
                View view = sample.views.get(v);
                TorchTensor tensor = file.tensors().get("t" + v + ".n".repeat(view.nesting));
                float[] expected = expected(view);
                if (!Arrays.equals(expected, tensor.entry().floats()) || !Arrays.equals(view.shape, tensor.shape())) {
                    throw new AssertionError(tensor.describe() + ": " + Arrays.toString(tensor.entry().floats()) + ", expected " + Arrays.toString(expected));
                }
            }
        }
    }

    /** Element by element from its index: the rule of strides, without the reader's shortcuts. */
    private static float[] expected(View view) {
        int count = 1;
        for (long n : view.shape) {
            count *= (int) n;
        }
        float[] out = new float[count];
        for (int i = 0; i < count; i++) {
            long at = view.offset;
            long rest = i;
            for (int d = view.shape.length - 1; d >= 0; d--) {
                at += rest % view.shape[d] * view.strides[d];
                rest /= view.shape[d];
            }
            out[i] = 100 * view.storage + at;
        }
        return out;
    }

    @Provide
    Arbitrary<List<Mutation>> mutations() {
        // Opcodes and small numbers hit deeper than random bytes.
        Arbitrary<Integer> values = Arbitraries.oneOf(Arbitraries.integers().between(0, 255),
                Arbitraries.of("(}])eauts.RQbcXKJMGNqhj0129".chars().boxed().toList()), Arbitraries.of(0x85, 0x86, 0x87, 0x88, 0x8a, 0x8c, 0x93, 0x94, 0x95, 0, 1, 255));
        return Combinators.combine(Arbitraries.integers().between(0, 1 << 16), values).as(Mutation::new).list().ofMinSize(1).ofMaxSize(4);
    }

    @Property(tries = 1000, edgeCases = EdgeCasesMode.NONE)
    void damagedFilesAreTypedErrors(@ForAll("samples") Sample sample, @ForAll("mutations") List<Mutation> mutations, @ForAll int cut) throws IOException {
        check(sample, mutations, cut);
    }

    /** Many more damaged files, without the cost of generating each anew. */
    @Tag("slow")
    @Example
    void damagedFilesAreTypedErrorsLong() throws IOException {
        Random random = new Random(4);
        List<byte[]> seeds = new ArrayList<>();
        for (boolean legacy : new boolean[] {false, true}) {
            seeds.add(new Sample(List.of(12, 3), List.of(new View(0, 1, new long[] {3, 2}, new long[] {1, 4}, 0), new View(1, 0, new long[] {3}, new long[] {1}, 2),
                    new View(0, 5, new long[0], new long[0], 1)), legacy).bytes());
            seeds.add(new Sample(List.of(1), List.of(new View(0, 0, new long[] {2, 0}, new long[] {1, 1}, 0)), legacy).bytes());
        }
        for (int i = 0; i < 240_000; i++) { // half of them zip, half legacy
            byte[] bytes = seeds.get(i % seeds.size()).clone();
            for (int m = random.nextInt(1, 5); m > 0; m--) {
                bytes[random.nextInt(bytes.length)] = (byte) (random.nextBoolean() ? random.nextInt(256) : OPCODES.charAt(random.nextInt(OPCODES.length())));
            }
            check(i % 7 == 0 ? Arrays.copyOf(bytes, random.nextInt(bytes.length + 9)) : bytes);
        }
    }

    private static void check(Sample sample, List<Mutation> mutations, int cut) throws IOException {
        byte[] bytes = sample.bytes();
        for (Mutation m : mutations) {
            bytes[m.at % bytes.length] = (byte) m.value;
        }
        if (cut % 7 == 0) {
            bytes = Arrays.copyOf(bytes, Math.floorMod(cut, bytes.length + 9));
        }
        check(bytes);
    }

    private static void check(byte[] bytes) throws IOException {
        long before = allocated();
        try (TorchFile file = TorchBytes.open(bytes)) {
            for (TorchTensor tensor : file.tensors().values()) {
                if (tensor.elements() <= 1 << 16 && tensor.entry().doubles().length != tensor.elements()) {
                    throw new AssertionError(tensor.describe());
                }
            }
        } catch (TorchFileException | PickleException expected) {
            if (!expected.getMessage().startsWith(TorchBytes.PATH.toString())) {
                throw new AssertionError("the error does not name the file: " + expected.getMessage());
            }
        }
        long used = allocated() - before;
        if (used > FIXED_BYTES + BYTES_PER_BYTE * bytes.length) {
            throw new AssertionError(used + " bytes allocated for a file of " + bytes.length);
        }
    }

    private static long allocated() {
        return ((com.sun.management.ThreadMXBean) java.lang.management.ManagementFactory.getThreadMXBean()).getCurrentThreadAllocatedBytes();
    }
}
