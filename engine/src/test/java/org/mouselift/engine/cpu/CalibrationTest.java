package org.mouselift.engine.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("kernel")
class CalibrationTest {
    /** No speed is asserted, only that both figures are physical: positive and below what any machine reaches. */
    @Test
    void figuresAreFiniteAndPlausible() {
        Calibration c = Calibration.measure();
        assertTrue(c.gflops() > 0 && c.gflops() < 1e3 * c.threads(), c.toString());
        assertTrue(c.copyGBs() > 0 && c.copyGBs() < 1e4, c.toString());
        assertEquals(Workers.count(), c.threads());
        assertEquals(VectorWidth.BITS, c.vectorBits());
    }
}
