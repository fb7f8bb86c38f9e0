package org.mouselift.models.splat;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Arrays;
import java.util.Comparator;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TileBinsTest {
    private static final int GX = 9, GY = 7;

    /** Small rectangles are sorted list by list, large ones come in depth order; both must give the lists of the definition. */
    @ParameterizedTest
    @CsvSource({"300,1", "40000,1", "40000,2", "300,9", "40000,9"})
    void listsAreInDepthOrder(int rows, int size) {
        Random random = new Random(rows + size);
        float[] depths = new float[rows];
        int[] rects = new int[2 * rows];
        int visible = 0;
        for (int i = 0; i < rows; i++) {
            if (random.nextInt(5) == 0) {
                continue; // not visible: depth 0, no tiles
            }
            visible++;
            depths[i] = random.nextBoolean() ? 1 + random.nextInt(4) : 0.2f + random.nextFloat();
            int x0 = random.nextInt(GX), y0 = random.nextInt(GY);
            TileBins.pack(rects, i, x0, y0, Math.min(GX, x0 + 1 + random.nextInt(size)), Math.min(GY, y0 + 1 + random.nextInt(size)));
        }
        TileBins bins = new TileBins();
        bins.count(GX, GY, rows, visible, depths, rects);
        long sum = 0;
        for (int limit : new int[] {1 << 24, 1000}) {
            for (int tile = 0; tile < GX * GY; tile++) {
                int tx = tile % GX, ty = tile / GX;
                int[] expected = IntStream.range(0, rows).filter(i -> tx >= TileBins.low(rects[2 * i]) && tx < TileBins.high(rects[2 * i])
                    && ty >= TileBins.low(rects[2 * i + 1]) && ty < TileBins.high(rects[2 * i + 1])).boxed().sorted(Comparator.comparingDouble(i -> depths[i]))
                    .mapToInt(i -> i).toArray();
                bins.ensure(tile, limit);
                assertEquals(expected.length, bins.count(tile));
                assertArrayEquals(expected, Arrays.copyOfRange(bins.list(), bins.start(tile), bins.start(tile) + bins.count(tile)), "tile " + tile);
                sum += expected.length;
            }
        }
        assertEquals(2 * bins.entries(), sum);
    }
}
