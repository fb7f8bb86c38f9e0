package org.mouselift.models.splat;

/**
 * How far the ellipse alpha ≥ 1/255 of a splat reaches, from the float32 conic that the kernels use, with room for their
 * rounding: the exponent is a difference of terms up to conic·distance², each rounded to 2⁻²⁴. Scalar; the SIMD projection
 * evaluates the same formulas with the same bits.
 */
public final class SplatExtent {
    /** Room in the exponent: absolute, and relative to the largest term. */
    public static final double ROOM = 0.02, ROUNDING = 2e-6;
    /** Room in pixels on both sides. */
    public static final double MARGIN = 0.01;
    /** Added before truncation: rounds up, except for what is less than this above a whole number. */
    public static final double CEILING = 1 - 1e-6;
    /** ln m on [1, 2) as a polynomial in m - 1 of degree 5, constant first; error below 2.3e-5, for which {@link #ROOM} has room. */
    public static final double L0 = 2.2117031200641346e-05, L1 = 0.9990104466294557, L2 = -0.4891568472023071, L3 = 0.2833043245174383,
            L4 = -0.1301194153913045, L5 = 0.030102625011692204;
    public static final double LN2 = Math.log(2);

    /** First and last pixel column and row that the ellipse can reach within the image, before truncation; empty where last < first. */
    double left, right, top, bottom;

    /** Logarithm of a finite number ≥ 0 to 2.3e-5; some very negative number for 0. */
    static double log(double y) {
        long bits = Double.doubleToRawLongBits(y);
        double m = Double.longBitsToDouble(bits & 0xFFFFFFFFFFFFFL | 0x3FF0000000000000L) - 1;
        double p = Math.fma(Math.fma(Math.fma(Math.fma(Math.fma(L5, m, L4), m, L3), m, L2), m, L1), m, L0);
        return Math.fma((bits >>> 52) - 1023, LN2, p);
    }

    /**
     * @param a conic, as are b and c
     * @param alpha opacity
     * @param radius of the reference rasterizer, pixels: tiles further away are never looked at
     */
    void of(double u, double v, double a, double b, double c, double alpha, double radius, int width, int height) {
        left = top = 0;
        right = width - 1;
        bottom = height - 1;
        double form = a * c - b * b, far = radius + 2 * TileKernel.TILE;
        double level = log(255 * alpha) * 2 + ROOM + ROUNDING * (a + c) * far * far;
        if (level < 0) {
            right = bottom = -1;
        } else if (form > 0) {
            double scale = level / form;
            double rx = Math.sqrt(scale * c) + MARGIN, ry = Math.sqrt(scale * a) + MARGIN;
            left = Math.max(u - rx, 0) + CEILING;
            right = Math.min(u + rx, right);
            top = Math.max(v - ry, 0) + CEILING;
            bottom = Math.min(v + ry, bottom);
        }
    }
}
