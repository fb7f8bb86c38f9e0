package org.mouselift.engine.cpu;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * Dot products of a few rows with a few columns, all contiguous along the sum: for products with so few rows that packing the
 * other operand into panels would cost more than the product. The lanes of the 12 sums are added in a fixed order.
 */
final class DotTiles {
    private static final VectorSpecies<Float> S = VectorWidth.F32;
    private static final int L = VectorWidth.LANES;

    static final int ROWS = 3;
    static final int COLUMNS = 4;

    private DotTiles() {
    }

    /** Floats of a row or column of {@code depth} elements with the zeros that fill its last vector. */
    static int pitch(int depth) {
        return Math.ceilDiv(depth, L) * L;
    }

    /**
     * {@code c[co + i*ldc + j] (+)= sum over p < pitch of a[ao + i*aPitch + p] * b[bo + j*pitch + p]} for 3 rows i and 4 columns j.
     *
     * @param pitch a multiple of the vector length; what lies behind the sum's end must be zero in both operands
     * @param lanes working memory of 12 vectors
     */
    static void tile(float[] a, int ao, int aPitch, float[] b, int bo, int pitch, float[] c, int co, int ldc, boolean add, float[] lanes) {
        FloatVector c00 = FloatVector.zero(S), c01 = FloatVector.zero(S), c02 = FloatVector.zero(S), c03 = FloatVector.zero(S);
        FloatVector c10 = FloatVector.zero(S), c11 = FloatVector.zero(S), c12 = FloatVector.zero(S), c13 = FloatVector.zero(S);
        FloatVector c20 = FloatVector.zero(S), c21 = FloatVector.zero(S), c22 = FloatVector.zero(S), c23 = FloatVector.zero(S);
        for (int p = 0; p < pitch; p += L) {
            FloatVector b0 = FloatVector.fromArray(S, b, bo + p);
            FloatVector b1 = FloatVector.fromArray(S, b, bo + pitch + p);
            FloatVector b2 = FloatVector.fromArray(S, b, bo + 2 * pitch + p);
            FloatVector b3 = FloatVector.fromArray(S, b, bo + 3 * pitch + p);
            FloatVector x = FloatVector.fromArray(S, a, ao + p);
            c00 = x.fma(b0, c00);
            c01 = x.fma(b1, c01);
            c02 = x.fma(b2, c02);
            c03 = x.fma(b3, c03);
            x = FloatVector.fromArray(S, a, ao + aPitch + p);
            c10 = x.fma(b0, c10);
            c11 = x.fma(b1, c11);
            c12 = x.fma(b2, c12);
            c13 = x.fma(b3, c13);
            x = FloatVector.fromArray(S, a, ao + 2 * aPitch + p);
            c20 = x.fma(b0, c20);
            c21 = x.fma(b1, c21);
            c22 = x.fma(b2, c22);
            c23 = x.fma(b3, c23);
        }
        c00.intoArray(lanes, 0);
        c01.intoArray(lanes, L);
        c02.intoArray(lanes, 2 * L);
        c03.intoArray(lanes, 3 * L);
        c10.intoArray(lanes, 4 * L);
        c11.intoArray(lanes, 5 * L);
        c12.intoArray(lanes, 6 * L);
        c13.intoArray(lanes, 7 * L);
        c20.intoArray(lanes, 8 * L);
        c21.intoArray(lanes, 9 * L);
        c22.intoArray(lanes, 10 * L);
        c23.intoArray(lanes, 11 * L);
        add(lanes, c, co, ldc, add);
    }

    private static void add(float[] lanes, float[] c, int co, int ldc, boolean add) {
        for (int half = L / 2; half >= 1; half /= 2) {
            for (int v = 0; v < ROWS * COLUMNS * L; v += L) {
                for (int i = v; i < v + half; i++) {
                    lanes[i] += lanes[i + half];
                }
            }
        }
        for (int i = 0; i < ROWS; i++) {
            for (int j = 0; j < COLUMNS; j++) {
                int at = co + i * ldc + j;
                float sum = lanes[(i * COLUMNS + j) * L];
                c[at] = add ? c[at] + sum : sum;
            }
        }
    }
}
