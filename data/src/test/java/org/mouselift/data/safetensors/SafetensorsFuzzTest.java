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

    private static void check(List<Mutation> mutations, int cut) throws IOException {
        byte[] bytes = seed.clone();
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
