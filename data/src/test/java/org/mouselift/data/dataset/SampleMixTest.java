package org.mouselift.data.dataset;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.OptionalInt;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Shares hold in every list, and so in whatever is drawn from it. */
class SampleMixTest {
    @TempDir
    Path folder;

    private static SampleMix.Part part(String name, int samples, double share) {
        return new SampleMix.Part(new SampleList(Path.of(name), IntStream.range(0, samples).mapToObj(i -> Path.of(name, "sample_" + i)).toList()), share);
    }

    @Test
    void tenThousandDrawsHaveTheSharesWithinOnePercent() {
        SampleMix mix = new SampleMix(List.of(part("synthetic", 2000, 0.7), part("real", 600, 0.3)));
        List<Path> samples = mix.samples(OptionalInt.empty(), 7);
        assertEquals(2000, samples.size(), "all the real ones and as many synthetic ones as fit");
        assertEquals(2000, new HashSet<>(samples).size(), "no sample twice");
        SplittableRandom random = new SplittableRandom(1);
        int synthetic = 0;
        for (int i = 0; i < 10_000; i++) {
            synthetic += samples.get(random.nextInt(samples.size())).startsWith("synthetic") ? 1 : 0;
        }
        assertEquals(0.7, synthetic / 10_000.0, 0.01);
        long first = samples.subList(0, 500).stream().filter(p -> p.startsWith("real")).count();
        assertEquals(150, first, 35, "mixed, not one after the other");
        assertEquals(samples, mix.samples(OptionalInt.empty(), 7));
    }

    @Test
    void countsAddUpAndTheScarcestListDecides() {
        SampleMix mix = new SampleMix(List.of(part("a", 10, 2), part("b", 100, 1), part("c", 100, 1)));
        assertArrayEquals(new int[] {10, 5, 5}, mix.counts(OptionalInt.empty()));
        assertArrayEquals(new int[] {3, 2, 2}, mix.counts(OptionalInt.of(7)));
        String message = assertThrows(IllegalArgumentException.class, () -> mix.counts(OptionalInt.of(21))).getMessage();
        assertTrue(message.contains("expected 3 to 20"), message);
        assertThrows(IllegalArgumentException.class, () -> part("a", 3, 0));
        assertThrows(IllegalArgumentException.class, () -> new SampleMix(List.of(part("a", 3, 1))));
    }

    @Test
    void theListIsReadBackFromItsOwnFolder() throws IOException {
        for (String set : List.of("x", "y")) {
            for (int i = 0; i < 3; i++) {
                Files.createDirectories(folder.resolve(set + "/sample_00000" + i));
            }
            Files.writeString(folder.resolve(set + "/list.txt"), "sample_000000\nsample_000001\nsample_000002\n");
        }
        SampleMix mix = new SampleMix(List.of(new SampleMix.Part(SampleList.read(folder.resolve("x/list.txt")), 1), new SampleMix.Part(SampleList.read(folder.resolve("y/list.txt")), 1)));
        Path list = Files.createDirectories(folder.resolve("z")).resolve("mixed.txt");
        SampleMix.write(list, mix.samples(OptionalInt.of(4), 1));
        assertEquals(4, SampleList.read(list).samples().size());
        assertTrue(Files.readString(list).contains("../x/sample_00000"), Files.readString(list));
    }
}
