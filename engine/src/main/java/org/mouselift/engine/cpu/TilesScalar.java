package org.mouselift.engine.cpu;

/**
 * The scalar register tile, 4 rows by 4 columns in plain Java. Products and sums are rounded separately: without vector
 * hardware a fused multiply-add may be emulated in software, which is thousands of times slower. Contract as in
 * {@link Tiles12}.
 */
final class TilesScalar {
    static final int MR = 4;
    static final int NR = 4;

    private TilesScalar() {
    }

    /** C[4,4] = A * B where element (i, p) of A lies at {@code ao + i*rowStride + p*kStride}. */
    static void tile(float[] a, int ao, int rowStride, int kStride, float[] b, int bo, int kc, float[] c, int co, int ldc, boolean add) {
        float c00 = 0, c01 = 0, c02 = 0, c03 = 0;
        float c10 = 0, c11 = 0, c12 = 0, c13 = 0;
        float c20 = 0, c21 = 0, c22 = 0, c23 = 0;
        float c30 = 0, c31 = 0, c32 = 0, c33 = 0;
        for (int p = 0; p < kc; p++) {
            float b0 = b[bo + 4 * p];
            float b1 = b[bo + 4 * p + 1];
            float b2 = b[bo + 4 * p + 2];
            float b3 = b[bo + 4 * p + 3];
            int at = ao + p * kStride;
            float x = a[at];
            c00 += x * b0;
            c01 += x * b1;
            c02 += x * b2;
            c03 += x * b3;
            x = a[at + rowStride];
            c10 += x * b0;
            c11 += x * b1;
            c12 += x * b2;
            c13 += x * b3;
            x = a[at + 2 * rowStride];
            c20 += x * b0;
            c21 += x * b1;
            c22 += x * b2;
            c23 += x * b3;
            x = a[at + 3 * rowStride];
            c30 += x * b0;
            c31 += x * b1;
            c32 += x * b2;
            c33 += x * b3;
        }
        row(c, co, add, c00, c01, c02, c03);
        row(c, co + ldc, add, c10, c11, c12, c13);
        row(c, co + 2 * ldc, add, c20, c21, c22, c23);
        row(c, co + 3 * ldc, add, c30, c31, c32, c33);
    }

    private static void row(float[] c, int at, boolean add, float v0, float v1, float v2, float v3) {
        if (add) {
            c[at] += v0;
            c[at + 1] += v1;
            c[at + 2] += v2;
            c[at + 3] += v3;
        } else {
            c[at] = v0;
            c[at + 1] = v1;
            c[at + 2] = v2;
            c[at + 3] = v3;
        }
    }
}
