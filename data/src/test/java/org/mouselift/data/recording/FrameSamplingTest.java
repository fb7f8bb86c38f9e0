package org.mouselift.data.recording;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.BitSet;
import java.util.HashSet;
import java.util.OptionalInt;
import java.util.Set;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.DoubleRange;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

class FrameSamplingTest {
    private static FrameSampling of(FrameSampling.Policy policy, BitSet skip) {
        return new FrameSampling(policy, 0, OptionalInt.empty(), skip);
    }

    @Test
    void theNumbersOfTheSpecification() {
        int[] uniform = of(new FrameSampling.Policy.Uniform(2000), new BitSet()).indices(18_000);
        assertEquals(2000, uniform.length);
        assertArrayEquals(new int[] {900, 908, 916, 924, 932, 940, 948, 956, 964, 972, 981}, Arrays.copyOf(uniform, 11));
        int[] interval = of(new FrameSampling.Policy.Interval(5, OptionalInt.empty()), FrameSampling.parseSkip(FrameSampling.JUMP_FRAMES)).indices(18_000);
        assertEquals(3597, interval.length);
        assertTrue(Arrays.stream(interval).noneMatch(f -> f == 5900 || f == 11800 || f == 17700));
        assertThrows(IllegalArgumentException.class, () -> FrameSampling.parseSkip("12-x"));
    }

    @Property(tries = 200)
    void splitsKeepEverySampleOnceAndTheGuardApart(@ForAll @IntRange(min = 1, max = 400) int n, @ForAll @DoubleRange(min = 0, max = 0.5) double ratio,
            @ForAll DatasetSplit.Kind kind, @ForAll @IntRange(min = 0, max = 3) int guard) {
        DatasetSplit.Parts parts = new DatasetSplit(kind, ratio, 42, guard).split(n);
        Set<Integer> all = new HashSet<>(parts.train());
        all.addAll(parts.validation());
        assertEquals(parts.train().size() + parts.validation().size(), all.size());
        int validation = kind == DatasetSplit.Kind.LAST ? Math.min(n - 1, Math.min(100, Math.max(10, n / 20))) : (int) Math.floor(n * ratio + 1e-9);
        assertEquals(validation, parts.validation().size());
        if (kind == DatasetSplit.Kind.RANDOM || guard == 0) {
            assertEquals(n, all.size());
        } else {
            Set<Integer> train = new HashSet<>(parts.train());
            assertTrue(parts.validation().stream().noneMatch(v -> train.contains(v - guard) || train.contains(v + guard)));
        }
    }
}
