package org.mouselift.engine.cpu;

import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * Sums over array rows in a fixed order: four vectors of partial sums, added up lane by lane in double. (The reduction
 * offered by the Vector API leaves the order of additions open, so it may change when a method gets compiled.) Rows are
 * padded with zeros to whole vectors by the caller.
 */
final class RowSums {
    private static final VectorSpecies<Float> S = VectorWidth.F32;
    private static final int L = VectorWidth.LANES;
    /** Floats the caller provides for the lanes of the partial sums. */
    static final int LANES = 4 * L;

    private RowSums() {
    }

    /** n rounded up to whole vectors. */
    static int padded(int n) {
        return Math.ceilDiv(n, L) * L;
    }

    /** Zeroes the padding behind n elements. */
    static void pad(float[] x, int at, int n) {
        Arrays.fill(x, at + n, at + padded(n), 0f);
    }

    private static double total(float[] lanes) {
        double sum = 0;
        for (int i = 0; i < LANES; i++) {
            sum += lanes[i];
        }
        return sum;
    }

    static double sum(float[] x, int at, int n, float[] lanes) {
        if (VectorWidth.SCALAR) {
            double sum = 0;
            for (int i = at; i < at + n; i++) {
                sum += x[i];
            }
            return sum;
        }
        FloatVector s0 = FloatVector.zero(S);
        FloatVector s1 = s0;
        FloatVector s2 = s0;
        FloatVector s3 = s0;
        int i = at;
        int end = at + padded(n);
        for (; i <= end - 4 * L; i += 4 * L) {
            s0 = s0.add(FloatVector.fromArray(S, x, i));
            s1 = s1.add(FloatVector.fromArray(S, x, i + L));
            s2 = s2.add(FloatVector.fromArray(S, x, i + 2 * L));
            s3 = s3.add(FloatVector.fromArray(S, x, i + 3 * L));
        }
        for (; i < end; i += L) {
            s0 = s0.add(FloatVector.fromArray(S, x, i));
        }
        s0.intoArray(lanes, 0);
        s1.intoArray(lanes, L);
        s2.intoArray(lanes, 2 * L);
        s3.intoArray(lanes, 3 * L);
        return total(lanes);
    }

    /** Sum of x[i] * y[i]. */
    static double dot(float[] x, int at, float[] y, int yAt, int n, float[] lanes) {
        if (VectorWidth.SCALAR) {
            double sum = 0;
            for (int i = 0; i < n; i++) {
                sum += (double) x[at + i] * y[yAt + i];
            }
            return sum;
        }
        FloatVector s0 = FloatVector.zero(S);
        FloatVector s1 = s0;
        FloatVector s2 = s0;
        FloatVector s3 = s0;
        int i = 0;
        int end = padded(n);
        for (; i <= end - 4 * L; i += 4 * L) {
            s0 = FloatVector.fromArray(S, x, at + i).fma(FloatVector.fromArray(S, y, yAt + i), s0);
            s1 = FloatVector.fromArray(S, x, at + i + L).fma(FloatVector.fromArray(S, y, yAt + i + L), s1);
            s2 = FloatVector.fromArray(S, x, at + i + 2 * L).fma(FloatVector.fromArray(S, y, yAt + i + 2 * L), s2);
            s3 = FloatVector.fromArray(S, x, at + i + 3 * L).fma(FloatVector.fromArray(S, y, yAt + i + 3 * L), s3);
        }
        for (; i < end; i += L) {
            s0 = FloatVector.fromArray(S, x, at + i).fma(FloatVector.fromArray(S, y, yAt + i), s0);
        }
        s0.intoArray(lanes, 0);
        s1.intoArray(lanes, L);
        s2.intoArray(lanes, 2 * L);
        s3.intoArray(lanes, 3 * L);
        return total(lanes);
    }

    /** Largest of n elements (the padding is not looked at); NaN if there is one. */
    static float max(float[] x, int at, int n) {
        float max = Float.NEGATIVE_INFINITY;
        int i = at;
        if (!VectorWidth.SCALAR && n >= L) {
            FloatVector m = FloatVector.fromArray(S, x, at);
            for (i = at + L; i <= at + n - L; i += L) {
                m = m.max(FloatVector.fromArray(S, x, i));
            }
            max = m.reduceLanes(VectorOperators.MAX);
        }
        for (; i < at + n; i++) {
            max = Math.max(max, x[i]);
        }
        return max;
    }
}
