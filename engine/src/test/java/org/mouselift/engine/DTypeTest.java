package org.mouselift.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;

class DTypeTest {
    @Property
    void bf16RoundsToNearest(@ForAll float x) {
        float back = DType.bf16ToFloat(DType.floatToBf16(x));
        if (Float.isFinite(back)) {
            assertTrue(Math.abs(back - x) <= Math.max(Math.abs(x) * 0x1p-8, 0x1p-133), x + " -> " + back);
        } else {
            assertTrue(Math.abs(x) > 3.38e38f);
        }
    }

    @Test
    void tiesGoToEven() {
        assertEquals(1.0f, DType.bf16ToFloat(DType.floatToBf16(1.0f + 0x1p-8f)));
        assertEquals(1.0f + 0x1p-6f, DType.bf16ToFloat(DType.floatToBf16(1.0f + 3 * 0x1p-8f)));
        assertTrue(Float.isNaN(DType.bf16ToFloat(DType.floatToBf16(Float.NaN))));
    }
}
