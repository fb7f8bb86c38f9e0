package org.mouselift.engine.cpu;

import static org.mouselift.engine.op.Binary.Kind.ADD;
import static org.mouselift.engine.op.Binary.Kind.DIV;
import static org.mouselift.engine.op.Binary.Kind.MUL;
import static org.mouselift.engine.op.Binary.Kind.SUB;

import java.lang.foreign.MemorySegment;
import org.mouselift.engine.DType;

/**
 * Arithmetic on contiguous float32 ranges, on all threads when they are long. The result may be one of the operands.
 * Sums accumulate in double over fixed blocks, so they do not depend on the number of threads.
 */
public final class FloatRanges {
    private static final long GRAIN = 1 << 15;
    private static final String KERNEL = "float range";

    private FloatRanges() {
    }

    private static void check(String name, MemorySegment x, long offset, long n) {
        Bounds.range(KERNEL, name, x, DType.F32, offset, n);
    }

    private static void output(String name, MemorySegment x, long offset, long n) {
        check(name, x, offset, n);
        Bounds.writable(KERNEL, name, x);
    }

    /** {@code z = x + y}. */
    public static void add(MemorySegment x, long xOffset, MemorySegment y, long yOffset, MemorySegment z, long zOffset, long n) {
        check("x", x, xOffset, n);
        check("y", y, yOffset, n);
        output("z", z, zOffset, n);
        Workers.split(n, GRAIN, (worker, begin, end) -> FloatRows.apply(ADD, x, xOffset + begin, y, yOffset + begin, z, zOffset + begin, end - begin));
    }

    /** {@code z = x - y}. */
    public static void sub(MemorySegment x, long xOffset, MemorySegment y, long yOffset, MemorySegment z, long zOffset, long n) {
        check("x", x, xOffset, n);
        check("y", y, yOffset, n);
        output("z", z, zOffset, n);
        Workers.split(n, GRAIN, (worker, begin, end) -> FloatRows.apply(SUB, x, xOffset + begin, y, yOffset + begin, z, zOffset + begin, end - begin));
    }

    /** {@code z = x * y}. */
    public static void mul(MemorySegment x, long xOffset, MemorySegment y, long yOffset, MemorySegment z, long zOffset, long n) {
        check("x", x, xOffset, n);
        check("y", y, yOffset, n);
        output("z", z, zOffset, n);
        Workers.split(n, GRAIN, (worker, begin, end) -> FloatRows.apply(MUL, x, xOffset + begin, y, yOffset + begin, z, zOffset + begin, end - begin));
    }

    /** {@code z = x / y}. */
    public static void div(MemorySegment x, long xOffset, MemorySegment y, long yOffset, MemorySegment z, long zOffset, long n) {
        check("x", x, xOffset, n);
        check("y", y, yOffset, n);
        output("z", z, zOffset, n);
        Workers.split(n, GRAIN, (worker, begin, end) -> FloatRows.apply(DIV, x, xOffset + begin, y, yOffset + begin, z, zOffset + begin, end - begin));
    }

    /** {@code y = y + a * x}, the product rounded first, so that the tail agrees with the vectors. */
    public static void axpy(float a, MemorySegment x, long xOffset, MemorySegment y, long yOffset, long n) {
        check("x", x, xOffset, n);
        output("y", y, yOffset, n);
        Workers.split(n, GRAIN, (worker, begin, end) -> FloatRows.axpy(a, x, xOffset + begin, y, yOffset + begin, end - begin));
    }

    /** {@code y = a * x}. */
    public static void scale(float a, MemorySegment x, long xOffset, MemorySegment y, long yOffset, long n) {
        check("x", x, xOffset, n);
        output("y", y, yOffset, n);
        Workers.split(n, GRAIN, (worker, begin, end) -> FloatRows.applyRight(MUL, x, xOffset + begin, a, y, yOffset + begin, end - begin));
    }

    /** {@code y = value}. */
    public static void fill(float value, MemorySegment y, long yOffset, long n) {
        output("y", y, yOffset, n);
        Workers.split(n, GRAIN, (worker, begin, end) -> FloatRows.fill(value, y, yOffset + begin, end - begin));
    }

    /** {@code y = x}; the ranges must not overlap. */
    public static void copy(MemorySegment x, long xOffset, MemorySegment y, long yOffset, long n) {
        check("x", x, xOffset, n);
        output("y", y, yOffset, n);
        Workers.split(n, GRAIN, (worker, begin, end) -> MemorySegment.copy(x, (xOffset + begin) * 4, y, (yOffset + begin) * 4, (end - begin) * 4));
    }

    /** Sum of n elements. */
    public static double sum(MemorySegment x, long xOffset, long n) {
        return blocks(x, xOffset, n, false);
    }

    /** Mean of n elements; NaN when n = 0. */
    public static double mean(MemorySegment x, long xOffset, long n) {
        return sum(x, xOffset, n) / n;
    }

    /** Sum of squares of n elements, the squared L2 norm. */
    public static double sumOfSquares(MemorySegment x, long xOffset, long n) {
        return blocks(x, xOffset, n, true);
    }

    private static double blocks(MemorySegment x, long xOffset, long n, boolean squares) {
        check("x", x, xOffset, n);
        double[] partial = new double[Math.toIntExact(Math.ceilDiv(n, GRAIN))];
        Workers.split(partial.length, 1, (worker, begin, end) -> {
            for (long part = begin; part < end; part++) {
                int count = (int) Math.min(GRAIN, n - part * GRAIN);
                partial[(int) part] = RowSums.wide(x.asSlice((xOffset + part * GRAIN) * 4, count * 4L), count * 4, squares);
            }
        });
        double total = 0;
        for (double p : partial) {
            total += p;
        }
        return total;
    }

    /** Largest of n elements; NaN if there is one, -infinity when n = 0. */
    public static float max(MemorySegment x, long xOffset, long n) {
        check("x", x, xOffset, n);
        float[] partial = new float[Math.toIntExact(Math.ceilDiv(n, GRAIN))];
        Workers.split(partial.length, 1, (worker, begin, end) -> {
            for (long part = begin; part < end; part++) {
                int count = (int) Math.min(GRAIN, n - part * GRAIN);
                partial[(int) part] = RowSums.max(x.asSlice((xOffset + part * GRAIN) * 4, count * 4L), count * 4);
            }
        });
        float max = Float.NEGATIVE_INFINITY;
        for (float p : partial) {
            max = Math.max(max, p);
        }
        return max;
    }
}
