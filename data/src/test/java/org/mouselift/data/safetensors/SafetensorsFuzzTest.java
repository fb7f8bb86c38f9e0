package org.mouselift.data.safetensors;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.Tag;
import net.jqwik.api.lifecycle.BeforeContainer;

/** Damaged safetensors files: tensors whose bytes lie in the file, or a typed error, nothing else. */
class SafetensorsFuzzTest {
    private static byte[] seed;

    record Mutation(int at, int value) {}

    @BeforeContainer
    static void seed() throws IOException {
        Path path = Files.createTempFile("fuzz", ".safetensors");
        new SafetensorsWriter().metadata("format", "pt").add("weight", new long[] {2, 3}, new float[6]).add("scalar", new long[] {}, new double[1])
                .add("index", new long[] {4}, new long[4]).add("picture", new long[] {3, 1}, new byte[3]).write(path);
        seed = Files.readAllBytes(path);
        Files.delete(path);
    }

    @Provide
    Arbitrary<List<Mutation>> mutations() {
        Arbitrary<Integer> values = Arbitraries.oneOf(Arbitraries.integers().between(0, 255), Arbitraries.of("0123456789-{}[],:\"eE. F".chars().boxed().toList()));
        return Combinators.combine(Arbitraries.integers().between(0, 1 << 16), values).as(Mutation::new).list().ofMaxSize(4);
    }

    @Property(tries = 3000)
    void onlyTypedErrors(@ForAll("mutations") List<Mutation> mutations, @ForAll int cut) throws IOException {
        check(mutations, cut);
    }

    @Tag("slow")
    @Property(tries = 200_000)
    void onlyTypedErrorsLong(@ForAll("mutations") List<Mutation> mutations, @ForAll int cut) throws IOException {
        check(mutations, cut);
    }

    /** A tensor of a valid file; its numbers follow from its name. */
    record Sample(String name, StoredType type, long[] shape) {
        byte[] bytes() {
            long n = type.bytes();
            for (long side : shape) {
                n *= side;
            }
            byte[] out = new byte[(int) n];
            new java.util.Random(name.hashCode()).nextBytes(out);
            return out;
        }
    }

    @Provide
    Arbitrary<List<Sample>> samples() {
        Arbitrary<String> names = Arbitraries.oneOf(Arbitraries.strings().alpha().ofMinLength(1).ofMaxLength(8), Arbitraries.strings().ofMaxLength(4)
                .filter(s -> s.codePoints().noneMatch(c -> c >= 0xD800 && c < 0xE000)));
        return Combinators.combine(names, Arbitraries.of(StoredType.class), Arbitraries.longs().between(0, 5).array(long[].class).ofMaxSize(4)).as(Sample::new)
                .list().uniqueElements(Sample::name).ofMaxSize(6);
    }

    private static byte[] written(List<Sample> samples) throws IOException {
        Path path = Files.createTempFile("fuzz", ".safetensors");
        SafetensorsWriter writer = new SafetensorsWriter().metadata("format", "pt");
        for (Sample s : samples) {
            writer.add(s.name, s.type, s.shape, MemorySegment.ofArray(s.bytes()));
        }
        writer.write(path);
        byte[] bytes = Files.readAllBytes(path);
        Files.delete(path);
        return bytes;
    }

    @Property(tries = 300)
    void validFilesReadBack(@ForAll("samples") List<Sample> samples) throws IOException {
        try (SafetensorsFile file = SafetensorsFile.of(Path.of("f.safetensors"), MemorySegment.ofArray(written(samples)))) {
            if (file.entries().size() != samples.size()) {
                throw new AssertionError(file.names().toString());
            }
            for (Sample s : samples) {
                SafetensorsEntry entry = file.entries().get(s.name);
                if (entry.type() != s.type || !Arrays.equals(entry.shape(), s.shape)
                        || !Arrays.equals(entry.data().toArray(java.lang.foreign.ValueLayout.JAVA_BYTE), s.bytes())) {
                    throw new AssertionError(entry.describe());
                }
            }
        }
    }

    @Property(tries = 1000)
    void damagedFilesAreTypedErrors(@ForAll("samples") List<Sample> samples, @ForAll("mutations") List<Mutation> mutations, @ForAll int cut) throws IOException {
        check(written(samples), mutations, cut);
    }

    private static void check(List<Mutation> mutations, int cut) throws IOException {
        check(seed.clone(), mutations, cut);
    }

    private static void check(byte[] valid, List<Mutation> mutations, int cut) throws IOException {
        byte[] bytes = valid;
        for (Mutation m : mutations) {
            bytes[m.at % bytes.length] = (byte) m.value;
        }
        if (cut % 5 == 0) {
            bytes = Arrays.copyOf(bytes, Math.floorMod(cut, bytes.length + 9));
        }
        Path path = Path.of("f.safetensors");
        try (SafetensorsFile file = SafetensorsFile.of(path, MemorySegment.ofArray(bytes))) {
            long total = 0;
            for (SafetensorsEntry entry : file.entries().values()) {
                total += entry.data().byteSize();
                if (entry.doubles().length != entry.elements()) {
                    throw new AssertionError(entry.describe());
                }
            }
            if (total > bytes.length) {
                throw new AssertionError(total + " tensor bytes from a file of " + bytes.length);
            }
        } catch (SafetensorsException expected) {
            if (!expected.getMessage().startsWith(path.toString()) || expected.field().isEmpty()) {
                throw new AssertionError("error does not name file and field: " + expected.getMessage());
            }
        }
    }
}
