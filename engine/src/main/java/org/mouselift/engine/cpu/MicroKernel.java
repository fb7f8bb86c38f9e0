package org.mouselift.engine.cpu;

/**
 * The inner product of every matrix kernel: a block of {@link #MR} rows by {@link #NR} columns held in registers. Chooses
 * the register tile of the configured vector width; all conditions are constants.
 */
final class MicroKernel {
    private static final boolean WIDE = VectorWidth.BITS == 512
            || (VectorWidth.BITS >= 128 && System.getProperty("os.arch").equals("aarch64"));

    /** Rows of a panel of A. */
    static final int MR = VectorWidth.SCALAR ? TilesScalar.MR : WIDE ? 12 : 6;
    /** Columns of a panel of B: two vectors. */
    static final int NR = VectorWidth.SCALAR ? TilesScalar.NR : 2 * VectorWidth.LANES;

    private MicroKernel() {
    }

    /**
     * C[rows, NR] = A[rows, kc] * B[kc, NR] (added to C when {@code add}); A interleaved: element (i, p) at
     * {@code ao + p*MR + i}. Reads all MR lanes of the A panel; writes exactly {@code rows} rows rounded up to the tile's
     * granule, so C needs room for MR rows.
     */
    static void panel(float[] a, int ao, float[] b, int bo, int kc, float[] c, int co, int ldc, int rows, boolean add) {
        if (VectorWidth.SCALAR) {
            TilesScalar.tile(a, ao, 1, MR, b, bo, kc, c, co, ldc, add);
        } else if (WIDE) {
            if (rows > 8) {
                Tiles12.panel(a, ao, b, bo, kc, c, co, ldc, add);
            } else {
                Tiles12.panel4(a, ao, b, bo, kc, c, co, ldc, add);
                if (rows > 4) {
                    Tiles12.panel4(a, ao + 4, b, bo, kc, c, co + 4 * ldc, ldc, add);
                }
            }
        } else {
            Tiles6.panel(a, ao, b, bo, kc, c, co, ldc, add);
        }
    }

    /**
     * As {@link #panel}, but row i of A starts at {@code ao + i*NR} and is contiguous: the layout in which the micro-kernel
     * itself writes blocks with {@code ldc = NR}, so that a product can be used as the left factor of the next one.
     */
    static void rows(float[] a, int ao, float[] b, int bo, int kc, float[] c, int co, int ldc, int rows, boolean add) {
        if (VectorWidth.SCALAR) {
            TilesScalar.tile(a, ao, NR, 1, b, bo, kc, c, co, ldc, add);
        } else if (WIDE) {
            if (rows > 8) {
                Tiles12.rows(a, ao, b, bo, kc, c, co, ldc, add);
            } else {
                Tiles12.rows4(a, ao, b, bo, kc, c, co, ldc, add);
                if (rows > 4) {
                    Tiles12.rows4(a, ao + 4 * NR, b, bo, kc, c, co + 4 * ldc, ldc, add);
                }
            }
        } else {
            Tiles6.rows(a, ao, b, bo, kc, c, co, ldc, add);
        }
    }
}
