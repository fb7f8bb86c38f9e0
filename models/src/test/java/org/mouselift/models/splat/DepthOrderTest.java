package org.mouselift.models.splat;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import java.util.Arrays;
import java.util.Comparator;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DepthOrderTest {
    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2, 1000, 100_000})
    void sortsStablyAndLeavesOutInvisible(int n) {
        Random random = new Random(n);
        float[] depths = new float[n + 10];
        Arrays.fill(depths, n, n + 10, 1); // beyond the count: must be ignored
        for (int i = 0; i < n; i++) {
            depths[i] = switch (random.nextInt(4)) {
                case 0 -> 0;
                case 1 -> 1 + random.nextInt(5); // many ties
                case 2 -> (float) Math.exp(40 * random.nextGaussian());
                default -> 0.2f + random.nextFloat();
            };
            if (Float.isInfinite(depths[i])) {
                depths[i] = Float.MAX_VALUE;
            }
        }
        DepthOrder order = new DepthOrder();
        order.sort(new float[] {3, 0, 2}, 3);
        assertArrayEquals(new int[] {2, 0}, Arrays.copyOf(order.ids(), order.size()));
        order.sort(depths, n);
        int[] expected = IntStream.range(0, n).filter(i -> depths[i] > 0).boxed().sorted(Comparator.comparingDouble(i -> depths[i])).mapToInt(i -> i).toArray();
        assertArrayEquals(expected, Arrays.copyOf(order.ids(), order.size()));
    }
}
