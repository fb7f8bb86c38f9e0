package org.mouselift.engine.cpu;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.util.Arrays;
import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;
import org.mouselift.engine.DType;

/**
 * Sums over rows in a fixed order: up to four vectors of partial sums, added up lane by lane in double. (The reduction
 * offered by the Vector API leaves the order of additions open, so it may change when a method gets compiled.) Array rows are
 * padded with zeros to whole vectors by the caller.
 */
final class RowSums {
    private static final VectorSpecies<Float> S = VectorWidth.F32;
    private static final VectorSpecies<Double> D = switch (VectorWidth.BITS) {
        case 0 -> null;
        case 128 -> DoubleVector.SPECIES_128;
        case 256 -> DoubleVector.SPECIES_256;
        default -> DoubleVector.SPECIES_512;
    };
    private static final int L = VectorWidth.LANES;
    /** Floats the caller provides for the lanes of the partial sums. */
    static final int LANES = 4 * L;
    /** Where a second vector of partial sums stands. */
    static final int SECOND = L;

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

    /** The sum of the lanes of one vector that was stored to {@code lanes} at a place, in four chains of double additions. */
    static double across(float[] lanes, int at) {
        if (VectorWidth.SCALAR) {
            return lanes[at];
        }
        double a = 0;
        double b = 0;
        double c = 0;
        double d = 0;
        for (int i = at; i < at + L; i += 4) {
            a += lanes[i];
            b += lanes[i + 1];
            c += lanes[i + 2];
            d += lanes[i + 3];
        }
        return (a + b) + (c + d);
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

    private static FloatVector load(MemorySegment x, int at) {
        return FloatVector.fromMemorySegment(S, x, at, ByteOrder.LITTLE_ENDIAN);
    }

    /** Sum of the first {@code bytes / 4} floats of a segment. */
    static double sum(MemorySegment x, int bytes, float[] lanes) {
        if (VectorWidth.SCALAR) {
            double sum = 0;
            for (int i = 0; i < bytes; i += 4) {
                sum += x.get(DType.LE_F32, i);
            }
            return sum;
        }
        int step = 4 * L;
        int whole = bytes - bytes % step;
        FloatVector s0 = FloatVector.zero(S);
        FloatVector s1 = s0;
        FloatVector s2 = s0;
        FloatVector s3 = s0;
        int i = 0;
        for (; i <= whole - 4 * step; i += 4 * step) {
            s0 = s0.add(load(x, i));
            s1 = s1.add(load(x, i + step));
            s2 = s2.add(load(x, i + 2 * step));
            s3 = s3.add(load(x, i + 3 * step));
        }
        for (; i < whole; i += step) {
            s0 = s0.add(load(x, i));
        }
        if (whole < bytes) {
            s1 = s1.add(FloatVector.fromMemorySegment(S, x, whole, ByteOrder.LITTLE_ENDIAN, S.indexInRange(0, (bytes - whole) / 4)));
        }
        s0.add(s1).add(s2.add(s3)).intoArray(lanes, 0);
        return across(lanes, 0);
    }

    /**
     * Sums of {@code x - centre} and of its square over the first {@code bytes / 4} floats of a segment: {@link #across} of
     * the lanes at 0 and at {@link #SECOND}.
     */
    static void moments(MemorySegment x, int bytes, float centre, float[] lanes) {
        if (VectorWidth.SCALAR) {
            Arrays.fill(lanes, 0, LANES, 0f);
            double sum = 0;
            double squares = 0;
            for (int i = 0; i < bytes; i += 4) {
                double d = x.get(DType.LE_F32, i) - centre;
                sum += d;
                squares += d * d;
            }
            lanes[0] = (float) sum;
            lanes[SECOND] = (float) squares;
            return;
        }
        int step = 4 * L;
        int whole = bytes - bytes % step;
        FloatVector s0 = FloatVector.zero(S);
        FloatVector s1 = s0;
        FloatVector q0 = s0;
        FloatVector q1 = s0;
        int i = 0;
        for (; i <= whole - 2 * step; i += 2 * step) {
            FloatVector d0 = load(x, i).sub(centre);
            FloatVector d1 = load(x, i + step).sub(centre);
            s0 = s0.add(d0);
            s1 = s1.add(d1);
            q0 = d0.fma(d0, q0);
            q1 = d1.fma(d1, q1);
        }
        if (i < whole) {
            FloatVector d = load(x, i).sub(centre);
            s0 = s0.add(d);
            q0 = d.fma(d, q0);
        }
        if (whole < bytes) {
            VectorMask<Float> rest = S.indexInRange(0, (bytes - whole) / 4);
            FloatVector d = FloatVector.fromMemorySegment(S, x, whole, ByteOrder.LITTLE_ENDIAN, rest).sub(centre, rest);
            s1 = s1.add(d);
            q1 = d.fma(d, q1);
        }
        s0.add(s1).intoArray(lanes, 0);
        q0.add(q1).intoArray(lanes, SECOND);
    }

    /** Sum of x[i] * y[i] over the first {@code bytes / 4} floats of two segments. */
    static double dot(MemorySegment x, MemorySegment y, int bytes, float[] lanes) {
        double sum = 0;
        int whole = VectorWidth.SCALAR ? 0 : bytes - bytes % (4 * L);
        if (whole > 0) {
            FloatVector s0 = FloatVector.zero(S);
            FloatVector s1 = s0;
            int i = 0;
            for (; i <= whole - 8 * L; i += 8 * L) {
                s0 = load(x, i).fma(load(y, i), s0);
                s1 = load(x, i + 4 * L).fma(load(y, i + 4 * L), s1);
            }
            if (i < whole) {
                s0 = load(x, i).fma(load(y, i), s0);
            }
            s0.add(s1).intoArray(lanes, 0);
            sum = across(lanes, 0);
        }
        for (int i = whole; i < bytes; i += 4) {
            sum += (double) x.get(DType.LE_F32, i) * y.get(DType.LE_F32, i);
        }
        return sum;
    }

    /**
     * Sum of the first {@code bytes / 4} floats of a segment, or of their squares, every addition in double: the square of a
     * float may overflow or vanish.
     */
    static double wide(MemorySegment x, int bytes, boolean squares) {
        double sum = 0;
        int whole = VectorWidth.SCALAR ? 0 : bytes - bytes % (4 * L);
        if (whole > 0) {
            DoubleVector low = DoubleVector.zero(D);
            DoubleVector high = low;
            if (squares) {
                for (int i = 0; i < whole; i += 4 * L) {
                    FloatVector v = load(x, i);
                    DoubleVector a = (DoubleVector) v.convertShape(VectorOperators.F2D, D, 0);
                    DoubleVector b = (DoubleVector) v.convertShape(VectorOperators.F2D, D, 1);
                    low = a.fma(a, low);
                    high = b.fma(b, high);
                }
            } else {
                for (int i = 0; i < whole; i += 4 * L) {
                    FloatVector v = load(x, i);
                    low = low.add(v.convertShape(VectorOperators.F2D, D, 0));
                    high = high.add(v.convertShape(VectorOperators.F2D, D, 1));
                }
            }
            low = low.add(high);
            for (int i = 0; i < D.length(); i++) {
                sum += low.lane(i);
            }
        }
        for (int i = whole; i < bytes; i += 4) {
            double v = x.get(DType.LE_F32, i);
            sum += squares ? v * v : v;
        }
        return sum;
    }

    /** Largest of the first {@code bytes / 4} floats of a segment; NaN if there is one, -infinity if there are none. */
    static float max(MemorySegment x, int bytes) {
        float max = Float.NEGATIVE_INFINITY;
        int whole = VectorWidth.SCALAR ? 0 : bytes - bytes % (4 * L);
        if (whole > 0) {
            FloatVector m0 = load(x, 0);
            FloatVector m1 = m0;
            int i = 4 * L;
            for (; i <= whole - 8 * L; i += 8 * L) {
                m0 = m0.max(load(x, i));
                m1 = m1.max(load(x, i + 4 * L));
            }
            if (i < whole) {
                m0 = m0.max(load(x, i));
            }
            max = m0.max(m1).reduceLanes(VectorOperators.MAX);
        }
        for (int i = whole; i < bytes; i += 4) {
            max = Math.max(max, x.get(DType.LE_F32, i));
        }
        return max;
    }
}
