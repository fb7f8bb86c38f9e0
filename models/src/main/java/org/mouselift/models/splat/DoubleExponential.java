package org.mouselift.models.splat;

/**
 * exp in float64 as the projection evaluates it, scalar or in SIMD with the same bits: x = k·ln 2 + r with integer k and ln 2 in
 * two parts (Cody and Waite), a Taylor polynomial of degree 13 on |r| ≤ ½·ln 2, and the power of two in two factors.
 * Error below 2 ulp (tested); 0 and infinity where float64 ends.
 */
public final class DoubleExponential {
    private DoubleExponential() {}

    /** Arguments are clamped to ±LIMIT, where the result has long been 0 or infinity. */
    public static final double LIMIT = 760;
    public static final double LOG2E = 1 / Math.log(2), LN2_HIGH = 0x1.62e42feep-1, LN2_LOW = 0x1.a39ef35793c76p-33;
    /** Adding this rounds a small number to the nearest integer and leaves that integer in the low bits. */
    public static final double ROUNDER = 0x1.8p52;
    private static final double[] COEFFICIENTS = new double[14];

    static {
        double factorial = 1;
        for (int k = 0; k < 14; k++) {
            COEFFICIENTS[13 - k] = 1 / factorial;
            factorial *= k + 1;
        }
    }

    /** 1/k! for k = 13 … 0. */
    public static double[] coefficients() {
        return COEFFICIENTS.clone();
    }

    /** exp(x) for finite x. */
    public static double exp(double x) {
        double at = Math.max(-LIMIT, Math.min(LIMIT, x)), k = at * LOG2E + ROUNDER - ROUNDER;
        double r = Math.fma(-k, LN2_LOW, Math.fma(-k, LN2_HIGH, at)), p = COEFFICIENTS[0];
        for (int i = 1; i < 14; i++) {
            p = Math.fma(p, r, COEFFICIENTS[i]);
        }
        int whole = (int) k, half = whole >> 1;
        return p * Double.longBitsToDouble(half + 1023L << 52) * Double.longBitsToDouble(whole - half + 1023L << 52);
    }
}
