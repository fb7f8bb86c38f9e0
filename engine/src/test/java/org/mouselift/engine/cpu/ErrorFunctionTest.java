package org.mouselift.engine.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.mouselift.engine.cpu.TestArrays.near;

import java.math.BigDecimal;
import java.math.MathContext;
import org.junit.jupiter.api.Test;

class ErrorFunctionTest {
    private static final MathContext MC = new MathContext(60);
    private static final BigDecimal TWO_OVER_SQRT_PI = BigDecimal.valueOf(2)
            .divide(new BigDecimal("3.14159265358979323846264338327950288419716939937510582097494459").sqrt(MC), MC);

    /** Taylor series with 60 digits; cancellation costs about 0.87 x² digits, so 40 are left at x = 5. */
    private static BigDecimal exact(double x) {
        BigDecimal z = new BigDecimal(x).pow(2);
        BigDecimal power = new BigDecimal(x);
        BigDecimal sum = power;
        for (int n = 1; n < 400; n++) {
            power = power.multiply(z, MC).negate().divide(BigDecimal.valueOf(n), MC);
            sum = sum.add(power.divide(BigDecimal.valueOf(2L * n + 1), MC), MC);
        }
        return sum.multiply(TWO_OVER_SQRT_PI, MC);
    }

    @Test
    void agreesWithTheSeries() {
        for (double x = 1e-9; x < 5.5; x = x * 1.07 + 1e-3) {
            double want = exact(x).doubleValue();
            assertTrue(Math.abs(ErrorFunction.erf(x) - want) <= 1e-15 * want, "erf(" + x + ") = " + ErrorFunction.erf(x) + ", expected " + want);
            assertEquals(-ErrorFunction.erf(x), ErrorFunction.erf(-x));
            double complement = BigDecimal.ONE.subtract(exact(x)).doubleValue();
            assertTrue(Math.abs(ErrorFunction.erfc(x) - complement) <= 2e-15 * complement, "erfc(" + x + ") = " + ErrorFunction.erfc(x) + ", expected " + complement);
        }
    }

    @Test
    void limits() {
        assertEquals(0.0, ErrorFunction.erf(0));
        assertEquals(1.0, ErrorFunction.erf(Double.POSITIVE_INFINITY));
        assertEquals(-1.0, ErrorFunction.erf(Double.NEGATIVE_INFINITY));
        assertEquals(0.0, ErrorFunction.erfc(Double.POSITIVE_INFINITY));
        assertEquals(2.0, ErrorFunction.erfc(Double.NEGATIVE_INFINITY));
        assertTrue(Double.isNaN(ErrorFunction.erf(Double.NaN)));
        assertTrue(Double.isNaN(ErrorFunction.geluDerivative(Double.NaN)));
        // a known value far out in the tail: erfc(20)
        near(5.3958656116079005e-176, ErrorFunction.erfc(20), 1e-189, "erfc(20)");
        near(1, ErrorFunction.geluDerivative(50), 1e-15, "gelu'");
        near(0, ErrorFunction.geluDerivative(Double.NEGATIVE_INFINITY), 1e-15, "gelu'");
    }
}
