package org.mouselift.engine;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import org.junit.jupiter.api.Test;

/** Philox4x32-10 against the vectors its authors publish with Random123, and the distributions made of it. */
class PhiloxTest {
    @Test
    void publishedVectors() {
        assertArrayEquals(new int[] {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}, Philox.block(0, 0, 0, 0, 0, 0));
        assertArrayEquals(new int[] {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}, Philox.block(-1, -1, -1, -1, -1, -1));
        assertArrayEquals(new int[] {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1},
                Philox.block(0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0));
    }

    @Test
    void sequenceIsTheCounterInOrder() {
        Philox rng = new Philox(0x299f31d0_a4093822L, 0x03707344_13198a2eL);
        int[] drawn = new int[12];
        for (int i = 0; i < drawn.length; i++) {
            drawn[i] = rng.nextInt();
        }
        for (int b = 0; b < 3; b++) {
            assertArrayEquals(Philox.block(b, 0, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0), Arrays.copyOfRange(drawn, 4 * b, 4 * b + 4));
        }
        assertEquals(12, rng.position());
        for (int at : new int[] {7, 0, 11, 4}) {
            rng.position(at);
            assertEquals(drawn[at], rng.nextInt(), "position " + at);
        }
        rng.position(4L * 0x1_0000_0005L + 1);
        assertEquals(Philox.block(5, 1, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0)[1], rng.nextInt(), "beyond 32 bits of counter");
        assertThrows(EngineException.class, () -> rng.position(-1));
    }

    @Test
    void moments() {
        Philox rng = new Philox(1, 2);
        int n = 200_000;
        double mean = 0;
        double square = 0;
        double fourth = 0;
        double uniform = 0;
        for (int i = 0; i < n; i++) {
            double g = rng.nextGaussian();
            mean += g / n;
            square += g * g / n;
            fourth += g * g * g * g / n;
            double u = rng.nextDouble();
            assertTrue(u >= 0 && u < 1);
            uniform += u / n;
        }
        // Five standard errors of each estimate.
        assertEquals(0, mean, 5 / Math.sqrt(n));
        assertEquals(1, square, 5 * Math.sqrt(2.0 / n));
        assertEquals(3, fourth, 5 * Math.sqrt(96.0 / n));
        assertEquals(0.5, uniform, 5 / Math.sqrt(12.0 * n));
    }

    @Test
    void boundedDrawsAndChoices() {
        Philox rng = new Philox(3, 4);
        int[] count = new int[7];
        for (int i = 0; i < 70_000; i++) {
            count[rng.below(7)]++;
        }
        for (int c : count) {
            assertEquals(10_000, c, 5 * Math.sqrt(10_000 * 6 / 7.0));
        }
        int[] all = rng.choose(50, 50);
        int[] sorted = all.clone();
        Arrays.sort(sorted);
        for (int i = 0; i < 50; i++) {
            assertEquals(i, sorted[i]);
        }
        assertTrue(!Arrays.equals(all, sorted));
        assertThrows(EngineException.class, () -> rng.below(0));
        assertThrows(EngineException.class, () -> rng.choose(3, 4));
    }
}
