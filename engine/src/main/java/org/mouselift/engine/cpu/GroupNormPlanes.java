package org.mouselift.engine.cpu;

import static org.mouselift.engine.cpu.VectorMath.Function.SILU;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorSpecies;
import org.mouselift.engine.DType;

/**
 * Group norm of contiguous [N, C, P] (P = height * width) in float32, optionally followed by SiLU in the same pass:
 * {@code z = (x - mean) * rstd * w_c + b_c}, {@code y = z} or {@code z * sigmoid(z)}, with the biased mean and variance of
 * each group of C/G channels. Gradient: {@code dz = dy * silu'(z)}, then as layer norm with {@code h = dz * w_c}.
 * Every group is one task in memory order, so the result does not depend on the number of threads. A group passes in blocks
 * of the first cache level: normalised, then SiLU (or its gradient) in place. Reference: {@link NormF64}.
 *
 * <p>The statistics merge the sums of short blocks (T. Chan, G. Golub, R. LeVeque, 1979), which needs one pass and does
 * not cancel.
 */
public final class GroupNormPlanes {
    private static final String KERNEL = "group norm";
    private static final VectorSpecies<Float> S = VectorWidth.F32;
    private static final int STEP = 4 * VectorWidth.LANES;
    private static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;
    /** Elements that pass through all loops at once: they and their results fit the first cache level. */
    private static final int BLOCK = 1 << 12;
    /** Elements a thread should have before it is worth waking. */
    private static final long GRAIN = 1 << 13;

    private GroupNormPlanes() {
    }

    /**
     * @param w, b [C]
     * @param mean, rstd receive the statistics [N, G]
     */
    public static void forward(long batch, long channels, long plane, long groups, double eps, boolean silu, MemorySegment x, long xOffset,
            MemorySegment w, long wOffset, MemorySegment b, long bOffset, MemorySegment y, long yOffset, MemorySegment mean, long meanOffset,
            MemorySegment rstd, long rstdOffset) {
        check(batch, channels, plane, groups, x, xOffset, "x");
        check(batch, channels, plane, groups, y, yOffset, "y");
        Bounds.writable(KERNEL, "y", y);
        Bounds.range(KERNEL, "w", w, DType.F32, wOffset, channels);
        Bounds.range(KERNEL, "b", b, DType.F32, bOffset, channels);
        Bounds.range(KERNEL, "mean", mean, DType.F32, meanOffset, batch * groups);
        Bounds.range(KERNEL, "rstd", rstd, DType.F32, rstdOffset, batch * groups);
        int each = Math.toIntExact(channels / groups);
        long size = each * plane;
        Workers.split(batch * groups, Math.max(1, GRAIN / size), (worker, begin, end) -> {
            Scratch s = Scratch.local();
            float[] lanes = s.floats(Scratch.BLOCK_0, RowSums.LANES);
            float[] scales = s.floats(Scratch.BLOCK_1, each);
            float[] shifts = s.floats(Scratch.BLOCK_2, each);
            double[] moments = new double[2];
            for (long group = begin; group < end; group++) {
                long from = xOffset + group * size;
                long to = yOffset + group * size;
                statistics(x, from, size, lanes, moments);
                double scale = 1 / Math.sqrt(moments[1] / size + eps);
                float mu = (float) moments[0];
                set(mean, meanOffset + group, mu);
                set(rstd, rstdOffset + group, (float) scale);
                long first = group % groups * each;
                for (int c = 0; c < each; c++) {
                    scales[c] = (float) (scale * get(w, wOffset + first + c));
                    shifts[c] = get(b, bOffset + first + c);
                }
                for (long i = 0; i < size;) {
                    int n = chunk(i, size, plane);
                    int run = (int) Math.min(plane, n);
                    normalise(slice(x, from + i, n), slice(y, to + i, n), n / run, run * 4, mu, scales, shifts, (int) (i / plane));
                    if (silu) {
                        VectorMath.run(SILU, y, to + i, y, to + i, n);
                    }
                    i += n;
                }
            }
        });
    }

    private static float get(MemorySegment x, long index) {
        return x.get(DType.LE_F32, index * 4);
    }

    private static void set(MemorySegment x, long index, float value) {
        x.set(DType.LE_F32, index * 4, value);
    }

    private static MemorySegment slice(MemorySegment x, long at, int n) {
        return x.asSlice(at * 4, n * 4L);
    }

    private static FloatVector load(MemorySegment x, int at) {
        return FloatVector.fromMemorySegment(S, x, at, LE);
    }

    /** Elements of a group to take at once from element i on: as many whole planes as a block holds, or a part of one. */
    private static int chunk(long i, long size, long plane) {
        return (int) (plane <= BLOCK ? Math.min(BLOCK / plane * plane, size - i) : Math.min(BLOCK, plane - i % plane));
    }

    /** Mean, and sum of the squared distances from it. */
    private static void statistics(MemorySegment x, long from, long size, float[] lanes, double[] moments) {
        double mu = 0;
        double squares = 0;
        for (long i = 0; i < size; i += BLOCK) {
            int n = (int) Math.min(BLOCK, size - i);
            MemorySegment block = slice(x, from + i, n);
            float near = (float) (RowSums.sum(block, n * 4, lanes) / n);
            RowSums.moments(block, n * 4, near, lanes);
            double rest = RowSums.across(lanes, 0) / n;
            double part = near + rest;
            double partSquares = RowSums.across(lanes, RowSums.SECOND) - n * rest * rest;
            double delta = part - mu;
            squares += partSquares + delta * delta * i * n / (i + n);
            mu += delta * n / (i + n);
        }
        moments[0] = mu;
        moments[1] = squares;
    }

    /** {@code y = (x - mean) scale + shift} for runs of some channels, one after another, from channel {@code first} of the arrays on. */
    private static void normalise(MemorySegment x, MemorySegment y, int channels, int runBytes, float mean, float[] scales, float[] shifts, int first) {
        if (VectorWidth.SCALAR) {
            for (int c = 0; c < channels; c++) {
                for (int i = c * runBytes; i < (c + 1) * runBytes; i += 4) {
                    y.set(DType.LE_F32, i, (x.get(DType.LE_F32, i) - mean) * scales[first + c] + shifts[first + c]);
                }
            }
            return;
        }
        int whole = runBytes - runBytes % STEP;
        VectorMask<Float> rest = S.indexInRange(0, (runBytes - whole) / 4);
        for (int c = 0; c < channels; c++) {
            int at = c * runBytes;
            FloatVector scale = FloatVector.broadcast(S, scales[first + c]);
            FloatVector shift = FloatVector.broadcast(S, shifts[first + c]);
            for (int i = at; i < at + whole; i += STEP) {
                load(x, i).sub(mean).fma(scale, shift).intoMemorySegment(y, i, LE);
            }
            if (whole < runBytes) {
                FloatVector v = FloatVector.fromMemorySegment(S, x, at + whole, LE, rest);
                v.sub(mean).fma(scale, shift).intoMemorySegment(y, at + whole, LE, rest);
            }
        }
    }

    /** Gradients, overwritten: dx [N, C, P], dw [C], db [C]; {@code mean} and {@code rstd} from {@link #forward}. */
    public static void backward(long batch, long channels, long plane, long groups, boolean silu, MemorySegment x, long xOffset, MemorySegment w,
            long wOffset, MemorySegment b, long bOffset, MemorySegment mean, long meanOffset, MemorySegment rstd, long rstdOffset, MemorySegment dy,
            long dyOffset, MemorySegment dx, long dxOffset, MemorySegment dw, long dwOffset, MemorySegment db, long dbOffset) {
        check(batch, channels, plane, groups, x, xOffset, "x");
        check(batch, channels, plane, groups, dy, dyOffset, "dy");
        check(batch, channels, plane, groups, dx, dxOffset, "dx");
        Bounds.writable(KERNEL, "dx", dx);
        Bounds.range(KERNEL, "w", w, DType.F32, wOffset, channels);
        Bounds.range(KERNEL, "b", b, DType.F32, bOffset, channels);
        Bounds.range(KERNEL, "mean", mean, DType.F32, meanOffset, batch * groups);
        Bounds.range(KERNEL, "rstd", rstd, DType.F32, rstdOffset, batch * groups);
        Bounds.range(KERNEL, "dw", dw, DType.F32, dwOffset, channels);
        Bounds.range(KERNEL, "db", db, DType.F32, dbOffset, channels);
        int each = Math.toIntExact(channels / groups);
        long size = each * plane;
        // sums of dz and of dz (x - mean) of every plane
        double[] sums = new double[Math.toIntExact(2 * batch * channels)];
        Workers.split(batch * groups, Math.max(1, GRAIN / size), (worker, begin, end) -> {
            Scratch s = Scratch.local();
            float[] lanes = s.floats(Scratch.BLOCK_0, RowSums.LANES);
            float[] scales = s.floats(Scratch.BLOCK_1, each);
            float[] shifts = s.floats(Scratch.BLOCK_2, each);
            for (long group = begin; group < end; group++) {
                float mu = get(mean, meanOffset + group);
                float scale = get(rstd, rstdOffset + group);
                long first = group % groups * each;
                int slot = (int) (2 * group * each);
                for (int c = 0; c < each; c++) {
                    scales[c] = scale * get(w, wOffset + first + c);
                    shifts[c] = get(b, bOffset + first + c);
                }
                // dz stands in dx between the two passes
                MemorySegment dz = silu ? dx : dy;
                long dzOffset = silu ? dxOffset : dyOffset;
                for (long i = 0; i < size;) {
                    int n = chunk(i, size, plane);
                    int run = (int) Math.min(plane, n);
                    long at = group * size + i;
                    if (silu) {
                        normalise(slice(x, xOffset + at, n), slice(dx, dxOffset + at, n), n / run, run * 4, mu, scales, shifts, (int) (i / plane));
                        VectorMath.runGradient(SILU, dx, dxOffset + at, dy, dyOffset + at, dx, dxOffset + at, n);
                    }
                    addSums(slice(x, xOffset + at, n), slice(dz, dzOffset + at, n), n / run, run * 4, mu, lanes, sums, slot + (int) (2 * (i / plane)));
                    i += n;
                }
                double sumH = 0;
                double sumHx = 0;
                for (int c = 0; c < each; c++) {
                    sums[slot + 2 * c + 1] *= scale;
                    sumH += sums[slot + 2 * c] * get(w, wOffset + first + c);
                    sumHx += sums[slot + 2 * c + 1] * get(w, wOffset + first + c);
                }
                float shift = (float) (-scale * sumH / size);
                float slope = (float) (-scale * scale * sumHx / size);
                for (long i = 0; i < size;) {
                    int n = chunk(i, size, plane);
                    int run = (int) Math.min(plane, n);
                    long at = group * size + i;
                    combine(slice(x, xOffset + at, n), slice(dz, dzOffset + at, n), slice(dx, dxOffset + at, n), n / run, run * 4, mu, slope, shift, scales,
                            (int) (i / plane));
                    i += n;
                }
            }
        });
        for (int c = 0; c < channels; c++) {
            double bias = 0;
            double weight = 0;
            for (int i = 0; i < batch; i++) {
                bias += sums[(int) (2 * (i * channels + c))];
                weight += sums[(int) (2 * (i * channels + c) + 1)];
            }
            set(dw, dwOffset + c, (float) weight);
            set(db, dbOffset + c, (float) bias);
        }
    }

    /** Adds to {@code sums[slot]} the sum of dz and to the next element that of {@code dz (x - mean)}, channel by channel. */
    private static void addSums(MemorySegment x, MemorySegment dz, int channels, int runBytes, float mean, float[] lanes, double[] sums, int slot) {
        if (VectorWidth.SCALAR) {
            for (int c = 0; c < channels; c++) {
                for (int i = c * runBytes; i < (c + 1) * runBytes; i += 4) {
                    float g = dz.get(DType.LE_F32, i);
                    sums[slot + 2 * c] += g;
                    sums[slot + 2 * c + 1] += (double) g * (x.get(DType.LE_F32, i) - mean);
                }
            }
            return;
        }
        int whole = runBytes - runBytes % STEP;
        VectorMask<Float> rest = S.indexInRange(0, (runBytes - whole) / 4);
        for (int c = 0; c < channels; c++) {
            int at = c * runBytes;
            FloatVector s0 = FloatVector.zero(S);
            FloatVector s1 = s0;
            FloatVector t0 = s0;
            FloatVector t1 = s0;
            int i = at;
            for (; i <= at + whole - 2 * STEP; i += 2 * STEP) {
                FloatVector g0 = load(dz, i);
                FloatVector g1 = load(dz, i + STEP);
                s0 = s0.add(g0);
                s1 = s1.add(g1);
                t0 = g0.fma(load(x, i).sub(mean), t0);
                t1 = g1.fma(load(x, i + STEP).sub(mean), t1);
            }
            if (i < at + whole) {
                FloatVector g = load(dz, i);
                s0 = s0.add(g);
                t0 = g.fma(load(x, i).sub(mean), t0);
            }
            if (whole < runBytes) {
                FloatVector g = FloatVector.fromMemorySegment(S, dz, at + whole, LE, rest);
                s1 = s1.add(g);
                t1 = g.fma(FloatVector.fromMemorySegment(S, x, at + whole, LE, rest).sub(mean), t1);
            }
            s0.add(s1).intoArray(lanes, 0);
            t0.add(t1).intoArray(lanes, RowSums.SECOND);
            sums[slot + 2 * c] += RowSums.across(lanes, 0);
            sums[slot + 2 * c + 1] += RowSums.across(lanes, RowSums.SECOND);
        }
    }

    /** {@code dx = dz scale + (x - mean) slope + shift}, channel by channel. */
    private static void combine(MemorySegment x, MemorySegment dz, MemorySegment dx, int channels, int runBytes, float mean, float slope, float shift,
            float[] scales, int first) {
        if (VectorWidth.SCALAR) {
            for (int c = 0; c < channels; c++) {
                for (int i = c * runBytes; i < (c + 1) * runBytes; i += 4) {
                    dx.set(DType.LE_F32, i, dz.get(DType.LE_F32, i) * scales[first + c] + ((x.get(DType.LE_F32, i) - mean) * slope + shift));
                }
            }
            return;
        }
        int whole = runBytes - runBytes % STEP;
        VectorMask<Float> rest = S.indexInRange(0, (runBytes - whole) / 4);
        FloatVector slopes = FloatVector.broadcast(S, slope);
        FloatVector shifts = FloatVector.broadcast(S, shift);
        for (int c = 0; c < channels; c++) {
            int at = c * runBytes;
            FloatVector scale = FloatVector.broadcast(S, scales[first + c]);
            for (int i = at; i < at + whole; i += STEP) {
                load(dz, i).fma(scale, load(x, i).sub(mean).fma(slopes, shifts)).intoMemorySegment(dx, i, LE);
            }
            if (whole < runBytes) {
                FloatVector g = FloatVector.fromMemorySegment(S, dz, at + whole, LE, rest);
                FloatVector v = FloatVector.fromMemorySegment(S, x, at + whole, LE, rest);
                g.fma(scale, v.sub(mean).fma(slopes, shifts)).intoMemorySegment(dx, at + whole, LE, rest);
            }
        }
    }

    private static void check(long batch, long channels, long plane, long groups, MemorySegment x, long offset, String name) {
        Bounds.size(KERNEL, "batch", batch, 0);
        Bounds.size(KERNEL, "channels", channels, 1);
        Bounds.size(KERNEL, "plane", plane, 1);
        Bounds.size(KERNEL, "groups", groups, 1);
        if (channels % groups != 0) {
            throw new IllegalArgumentException(KERNEL + ": " + channels + " channels do not divide into " + groups + " groups");
        }
        Bounds.strided(KERNEL, name, x, DType.F32, offset, batch, channels * plane, channels, plane, plane, 1);
    }
}
