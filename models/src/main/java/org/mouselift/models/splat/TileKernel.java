package org.mouselift.models.splat;

/**
 * Composites one 16×16 tile front to back and walks it back for the gradients (GS-LRM specification §2.4, §2.5). A splat is
 * a record of {@link #STRIDE} floats; a tile has a list of splat numbers in depth order. Two implementations: straight Java
 * ({@link ScalarTileKernel}) and SIMD ({@link org.mouselift.models.splat.cpu.VectorTileKernel}); their forward results are
 * bit-identical, because every pixel sees the same operations in the same order.
 *
 * <p>The exponential: G = exp(pw) = 2^(pw·log₂e) with the conic scaled by log₂e beforehand; 2^x by splitting off the nearest
 * integer and a polynomial of degree 6 on [-½, ½]; exact at 0, never above 1 for pw ≤ 0, relative error below 2 ulp plus the
 * rounding of the exponent (tested).
 */
public interface TileKernel {
    /** Side of a tile in pixels. */
    int TILE = 16;
    /** Pixels of a tile. */
    int PIXELS = TILE * TILE;

    /** Floats of a splat record. */
    int STRIDE = 14;
    /** Floats that must follow the last record of an array, so that kernels can read records in whole vectors. */
    int PADDING = 2;
    /** Offsets in a splat record: 2D mean, conic × (-½, -1, -½)·log₂e, opacity, colour, view depth, first and last pixel column and row. */
    int U = 0, V = 1, HALF_A = 2, NEG_B = 3, HALF_C = 4, OPACITY = 5, RED = 6, GREEN = 7, BLUE = 8, DEPTH = 9, X_LO = 10, X_HI = 11, Y_LO = 12, Y_HI = 13;

    /** Numbers that the backward pass leaves for every list entry; see {@link ProjectionGradient#compute}. */
    int MOMENTS = 10;
    /** Distance of the moments of neighbouring list entries in {@link Pixels#moments}; what lies between is undefined. */
    int MOMENT_STRIDE = 16;

    float LOG2E = (float) (1 / Math.log(2));
    /** Adding this to |x| < 2^22 rounds x to the nearest integer and leaves that integer in the low bits. */
    float ROUNDER = 12_582_912f;
    float P1 = 0.6931471824645996f, P2 = 0.24022647738456726f, P3 = 0.055503323674201965f, P4 = 0.00961843691766262f,
        P5 = 0.0013398875016719103f, P6 = 0.00015353361959569156f;
    /** Below this base-2 exponent alpha is under 1/255 for any opacity ≤ 1; keeps the bit arithmetic in range. */
    float EXPONENT_FLOOR = -100f;

    float MIN_ALPHA = 1f / 255f;
    float MAX_ALPHA = 0.99f;
    float MIN_TRANSMITTANCE = 1e-4f;

    /** Pixels of the tile that is being worked on; one per worker thread. */
    final class Pixels {
        /** Transmittance; negative = stopped (its magnitude is the final transmittance) or outside the image. */
        public final float[] t = new float[PIXELS];
        public final float[] red = new float[PIXELS], green = new float[PIXELS], blue = new float[PIXELS], depth = new float[PIXELS];
        /** Position in the tile list at which the pixel stopped, or the list length. */
        public final int[] stop = new int[PIXELS];
        /** Upstream gradients dL/d(red, green, blue, depth). */
        public final float[] gradRed = new float[PIXELS], gradGreen = new float[PIXELS], gradBlue = new float[PIXELS], gradDepth = new float[PIXELS];
        /** Colour behind the current splat, dotted with the upstream gradient. */
        public final float[] behind = new float[PIXELS];
        /** Backward output, {@link #MOMENTS} numbers per list entry, {@link #MOMENT_STRIDE} apart. */
        public float[] moments = new float[1024 * MOMENT_STRIDE];
        /** Whether {@link #depth} is wanted, or {@link #gradDepth} is not all zeros. */
        public boolean withDepth;
        /** Working memory of kernels. */
        public final float[] local = new float[64 * 16];
        public final long[] marks = new long[TILE + 1];
    }

    /** Name for reports, for example "512-bit". */
    String name();

    /**
     * Blends the splats {@code list[begin … end)} into {@code pixels}, which the caller has initialised (t = 1 or negative
     * outside the image, colours 0, stop = end - begin).
     *
     * @param px image column of the first pixel of the tile
     * @param py image row of the first pixel of the tile
     */
    void forward(float[] splats, int[] list, int begin, int end, int px, int py, Pixels pixels);

    /**
     * Writes the moments of the list entries {@code begin … begin + used - 1}; {@code pixels.t} holds the final transmittance,
     * {@code pixels.behind} that of the background term, {@code pixels.stop} and the upstream gradients are set.
     */
    void backward(float[] splats, int[] list, int begin, int used, int px, int py, Pixels pixels);

    /** 2^x for x ≤ 0 as the kernels evaluate it. */
    static float exp2(float x) {
        float e = Math.max(x, EXPONENT_FLOOR);
        float n = e + ROUNDER;
        float r = e - (n - ROUNDER);
        float p = Math.fma(Math.fma(Math.fma(Math.fma(Math.fma(Math.fma(P6, r, P5), r, P4), r, P3), r, P2), r, P1), r, 1f);
        return Float.intBitsToFloat(Float.floatToRawIntBits(p) + (Float.floatToRawIntBits(n) << 23));
    }
}
