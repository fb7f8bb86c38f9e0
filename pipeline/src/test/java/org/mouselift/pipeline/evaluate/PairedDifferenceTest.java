package org.mouselift.pipeline.evaluate;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Random;
import org.junit.jupiter.api.Test;

class PairedDifferenceTest {
    private static PairedDifference of(double... differences) {
        return PairedDifference.of(new double[differences.length], differences);
    }

    /** Quantiles of Student's t from tables: 4.302653 with 2 degrees of freedom, 12.706205 with 1. */
    @Test
    void intervalsAreThoseOfTheTables() {
        PairedDifference three = PairedDifference.of(new double[] {10, 20, 30}, new double[] {11, 22, 33});
        assertEquals(2, three.mean(), 1e-12);
        assertEquals(2 - 4.302653 / Math.sqrt(3), three.low(), 1e-5);
        assertEquals(2 + 4.302653 / Math.sqrt(3), three.high(), 1e-5);
        assertEquals(PairedDifference.Verdict.NOISE, three.verdict());
        PairedDifference two = of(-1, -1.1);
        assertEquals(-1.05 - 12.706205 * 0.05, two.low(), 1e-6);
        assertEquals(PairedDifference.Verdict.LESS, two.verdict());
        assertEquals(PairedDifference.Verdict.MORE, of(1, 1.1).verdict());
        assertEquals(PairedDifference.Verdict.EQUAL, of(0, 0, 0).verdict());
    }

    @Test
    void whatIsNotDefinedIsLeftOut() {
        PairedDifference d = PairedDifference.of(new double[] {1, Double.NaN, Double.POSITIVE_INFINITY, 2}, new double[] {2, 1, Double.POSITIVE_INFINITY, 3});
        assertEquals(2, d.pairs());
        assertEquals(1, d.mean());
        PairedDifference one = of(5);
        assertEquals(5, one.mean());
        assertNull(one.low());
        assertEquals(PairedDifference.Verdict.UNKNOWN, one.verdict());
        assertNull(of().mean());
        assertThrows(IllegalArgumentException.class, () -> PairedDifference.of(new double[1], new double[2]));
    }

    /** Of pairs that differ by noise alone 5 % of the intervals leave zero out. */
    @Test
    void intervalsHoldWhatTheyPromise() {
        Random random = new Random(4);
        int out = 0;
        for (int i = 0; i < 4000; i++) {
            double[] a = new double[6];
            double[] b = new double[6];
            for (int k = 0; k < 6; k++) {
                double common = 10 * random.nextGaussian();
                a[k] = common + random.nextGaussian();
                b[k] = common + random.nextGaussian();
            }
            PairedDifference.Verdict v = PairedDifference.of(a, b).verdict();
            out += v == PairedDifference.Verdict.NOISE ? 0 : 1;
        }
        assertTrue(Math.abs(out / 4000.0 - 0.05) < 0.012, "share " + out / 4000.0);
    }
}
