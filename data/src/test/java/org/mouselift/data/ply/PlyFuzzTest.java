package org.mouselift.data.ply;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
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

/** Damaged PLY files: Gaussians or a typed error, nothing else. */
class PlyFuzzTest {
    private static List<byte[]> seeds;

    record Mutation(int at, int value) {}

    @BeforeContainer
    static void seeds() throws IOException {
        Path path = Files.createTempFile("fuzz", ".ply");
        SplatPly.write(path, SplatPlyTest.random(3, 1, 1), SplatPly.Padding.NONE);
        byte[] binary = Files.readAllBytes(path);
        Files.delete(path);
        String names = "x y z f_dc_0 f_dc_1 f_dc_2 opacity scale_0 scale_1 scale_2 rot_0 rot_1 rot_2 rot_3";
        String properties = "property float " + names.replace(" ", "\nproperty double ") + "\n";
        byte[] ascii = ("ply\nformat ascii 1.0\nelement face 1\nproperty list uchar int i\nelement vertex 2\n" + properties + "end_header\n3 1 2 3\n"
                + "1 2 3 4 5 6 7 8 9 10 11 12 13 14\n".repeat(2)).getBytes(StandardCharsets.US_ASCII);
        byte[] big = ("ply\nformat binary_big_endian 1.0\nelement face 1\nproperty list uchar int i\nelement vertex 1\n" + properties + "end_header\n")
                .getBytes(StandardCharsets.US_ASCII);
        int header = big.length;
        big = Arrays.copyOf(big, header + 1 + 8 + 4 + 13 * 8);
        big[header] = 2;
        big[header + 9 + 4 + 9 * 8] = 63;
        seeds = List.of(binary, ascii, big);
    }

    @Provide
    Arbitrary<List<Mutation>> mutations() {
        Arbitrary<Integer> values = Arbitraries.oneOf(Arbitraries.integers().between(0, 255), Arbitraries.of((int) '9', (int) '-', (int) ' ', (int) '\n', (int) '0'));
        return Combinators.combine(Arbitraries.integers().between(0, 1 << 16), values).as(Mutation::new).list().ofMaxSize(4);
    }

    @Property(tries = 3000)
    void onlyTypedErrors(@ForAll("mutations") List<Mutation> mutations, @ForAll int which, @ForAll int cut) throws IOException {
        check(mutations, which, cut);
    }

    @Tag("slow")
    @Property(tries = 200_000)
    void onlyTypedErrorsLong(@ForAll("mutations") List<Mutation> mutations, @ForAll int which, @ForAll int cut) throws IOException {
        check(mutations, which, cut);
    }

    private static void check(List<Mutation> mutations, int which, int cut) throws IOException {
        byte[] file = seeds.get(Math.floorMod(which, seeds.size())).clone();
        for (Mutation m : mutations) {
            file[m.at % file.length] = (byte) m.value;
        }
        if (mutations.isEmpty() || cut % 4 == 0) {
            file = Arrays.copyOf(file, Math.floorMod(cut, file.length + 1));
        }
        Path path = Path.of("f.ply");
        for (SplatPly.Invalid invalid : SplatPly.Invalid.values()) {
            try (PlyVertices vertices = PlyVertices.of(path, file)) {
                GaussianCloud cloud = SplatPly.read(vertices, -1, invalid);
                if (cloud.count() * 14L > file.length) {
                    throw new AssertionError(cloud.count() + " Gaussians from " + file.length + " bytes");
                }
            } catch (PlyException expected) {
                if (!expected.getMessage().startsWith(path.toString())) {
                    throw new AssertionError("error does not name the file: " + expected.getMessage());
                }
            }
        }
    }
}
