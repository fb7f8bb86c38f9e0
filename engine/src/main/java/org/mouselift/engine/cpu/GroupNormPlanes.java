package org.mouselift.engine.cpu;

import java.lang.foreign.MemorySegment;
import org.mouselift.engine.DType;

/**
 * Group norm of contiguous [N, C, P] (P = height * width) in float32, optionally followed by SiLU in the same pass:
 * {@code z = (x - mean) * rstd * w_c + b_c}, {@code y = z} or {@code z * sigmoid(z)}, with the biased mean and variance of
 * each group of C/G channels. Gradient: {@code dz = dy * silu'(z)}, then as layer norm with {@code h = dz * w_c}.
 * Every group is one task in memory order, so the result does not depend on the number of threads.
 *
 * <p>The statistics merge the sums of short blocks (T. Chan, G. Golub, R. LeVeque, 1979), which needs one pass and does
 * not cancel.
 */
public final class GroupNormPlanes {
    private static final String KERNEL = "group norm";
    private static final int BLOCK = MathBlocks.BLOCK;

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
        long each = channels / groups;
        long size = each * plane;
        Workers.split(batch * groups, 1, (worker, begin, end) -> {
            Scratch s = Scratch.local();
            float[] block = s.floats(Scratch.BLOCK_0, BLOCK);
            float[] lanes = s.floats(Scratch.BLOCK_2, RowSums.LANES);
            for (long group = begin; group < end; group++) {
                long from = xOffset + group * size;
                double mu = 0;
                double squares = 0;
                for (long i = 0; i < size; i += BLOCK) {
                    int n = (int) Math.min(BLOCK, size - i);
                    MemorySegment.copy(x, DType.LE_F32, (from + i) * 4, block, 0, n);
                    RowSums.pad(block, 0, n);
                    float near = (float) (RowSums.sum(block, 0, n, lanes) / n);
                    shift(block, n, near);
                    double rest = RowSums.sum(block, 0, n, lanes) / n;
                    double part = near + rest;
                    double partSquares = RowSums.dot(block, 0, block, 0, n, lanes) - n * rest * rest;
                    double delta = part - mu;
                    squares += partSquares + delta * delta * i * n / (i + n);
                    mu += delta * n / (i + n);
                }
                double scale = 1 / Math.sqrt(squares / size + eps);
                mean.set(DType.LE_F32, (meanOffset + group) * 4, (float) mu);
                rstd.set(DType.LE_F32, (rstdOffset + group) * 4, (float) scale);
                float mu32 = (float) mu;
                for (long i = 0; i < size;) {
                    int n = chunk(i, size, plane);
                    MemorySegment.copy(x, DType.LE_F32, (from + i) * 4, block, 0, n);
                    for (int done = 0; done < n;) {
                        int run = (int) Math.min(n - done, plane - (i + done) % plane);
                        long channel = group % groups * each + (i + done) / plane;
                        affine(block, done, run, mu32, (float) (scale * w.get(DType.LE_F32, (wOffset + channel) * 4)),
                                b.get(DType.LE_F32, (bOffset + channel) * 4));
                        done += run;
                    }
                    if (silu) {
                        MathBlocks.silu(block, 0, n);
                    }
                    MemorySegment.copy(block, 0, y, DType.LE_F32, (yOffset + group * size + i) * 4, n);
                    i += n;
                }
            }
        });
    }

    /** Elements of a group to take at once from element i on: as many whole planes as a block holds, or a part of one. */
    private static int chunk(long i, long size, long plane) {
        return (int) (plane <= BLOCK ? Math.min(BLOCK / plane * plane, size - i) : Math.min(BLOCK, plane - i % plane));
    }

    private static void shift(float[] x, int n, float by) {
        for (int i = 0; i < n; i++) {
            x[i] -= by;
        }
    }

    private static void affine(float[] x, int at, int n, float mean, float scale, float bias) {
        for (int i = at; i < at + n; i++) {
            x[i] = (x[i] - mean) * scale + bias;
        }
    }

    /** Gradients, overwritten: dx [N, C, P], dw [C], db [C]; {@code mean} and {@code rstd} from {@link #forward}. */
    public static void backward(long batch, long channels, long plane, long groups, boolean silu, MemorySegment x, long xOffset, MemorySegment w,
            long wOffset, MemorySegment b, long bOffset, MemorySegment mean, long meanOffset, MemorySegment rstd, long rstdOffset, MemorySegment dy,
            long dyOffset, MemorySegment dx, long dxOffset, MemorySegment dw, long dwOffset, MemorySegment db, long dbOffset) {
        check(batch, channels, plane, groups, x, xOffset, "x");
        check(batch, channels, plane, groups, dy, dyOffset, "dy");
        check(batch, channels, plane, groups, dx, dxOffset, "dx");
        Bounds.range(KERNEL, "w", w, DType.F32, wOffset, channels);
        Bounds.range(KERNEL, "b", b, DType.F32, bOffset, channels);
        Bounds.range(KERNEL, "mean", mean, DType.F32, meanOffset, batch * groups);
        Bounds.range(KERNEL, "rstd", rstd, DType.F32, rstdOffset, batch * groups);
        Bounds.range(KERNEL, "dw", dw, DType.F32, dwOffset, channels);
        Bounds.range(KERNEL, "db", db, DType.F32, dbOffset, channels);
        long each = channels / groups;
        long size = each * plane;
        double[] sums = new double[Math.toIntExact(2 * batch * channels)];
        Workers.split(batch * groups, 1, (worker, begin, end) -> {
            Scratch s = Scratch.local();
            float[] xh = s.floats(Scratch.BLOCK_0, BLOCK);
            float[] dz = s.floats(Scratch.BLOCK_1, BLOCK);
            float[] slope = s.floats(Scratch.BLOCK_2, BLOCK);
            float[] other = s.floats(Scratch.BLOCK_3, BLOCK);
            float[] lanes = s.floats(Scratch.TILE, RowSums.LANES);
            for (long group = begin; group < end; group++) {
                float mu = mean.get(DType.LE_F32, (meanOffset + group) * 4);
                float scale = rstd.get(DType.LE_F32, (rstdOffset + group) * 4);
                double sumH = 0;
                double sumHx = 0;
                for (int pass = 0; pass < 2; pass++) {
                    float meanH = (float) (sumH / size);
                    float meanHx = (float) (sumHx / size);
                    for (long i = 0; i < size;) {
                        int n = chunk(i, size, plane);
                        long at = group * size + i;
                        MemorySegment.copy(x, DType.LE_F32, (xOffset + at) * 4, xh, 0, n);
                        MemorySegment.copy(dy, DType.LE_F32, (dyOffset + at) * 4, dz, 0, n);
                        affine(xh, 0, n, mu, scale, 0);
                        if (silu) {
                            for (int done = 0; done < n;) {
                                int run = (int) Math.min(n - done, plane - (i + done) % plane);
                                long channel = group % groups * each + (i + done) / plane;
                                slopes(xh, done, run, w.get(DType.LE_F32, (wOffset + channel) * 4), b.get(DType.LE_F32, (bOffset + channel) * 4), slope);
                                done += run;
                            }
                            MathBlocks.siluDerivative(slope, 0, n, other, 0);
                            multiply(dz, slope, n);
                        }
                        for (int done = 0; done < n;) {
                            int run = (int) Math.min(n - done, plane - (i + done) % plane);
                            long channel = group % groups * each + (i + done) / plane;
                            float weight = w.get(DType.LE_F32, (wOffset + channel) * 4);
                            if (pass == 0) {
                                padded(dz, done, run, slope);
                                double sum = RowSums.sum(slope, 0, run, lanes);
                                padded(xh, done, run, other);
                                double dot = RowSums.dot(slope, 0, other, 0, run, lanes);
                                int slot = (int) (2 * (group / groups * channels + channel));
                                sums[slot] += sum;
                                sums[slot + 1] += dot;
                                sumH += weight * sum;
                                sumHx += weight * dot;
                            } else {
                                combine(dz, xh, done, run, weight, scale, meanH, meanHx);
                            }
                            done += run;
                        }
                        if (pass == 1) {
                            MemorySegment.copy(dz, 0, dx, DType.LE_F32, (dxOffset + at) * 4, n);
                        }
                        i += n;
                    }
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
            dw.set(DType.LE_F32, (dwOffset + c) * 4, (float) weight);
            db.set(DType.LE_F32, (dbOffset + c) * 4, (float) bias);
        }
    }

    /** A run of x at the start of another block, followed by zeros. */
    private static void padded(float[] x, int at, int n, float[] to) {
        System.arraycopy(x, at, to, 0, n);
        RowSums.pad(to, 0, n);
    }

    private static void slopes(float[] xh, int at, int n, float weight, float bias, float[] z) {
        for (int i = at; i < at + n; i++) {
            z[i] = xh[i] * weight + bias;
        }
    }

    private static void multiply(float[] x, float[] y, int n) {
        for (int i = 0; i < n; i++) {
            x[i] *= y[i];
        }
    }

    private static void combine(float[] dz, float[] xh, int at, int n, float weight, float scale, float meanH, float meanHx) {
        for (int i = at; i < at + n; i++) {
            dz[i] = scale * (dz[i] * weight - meanH - xh[i] * meanHx);
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
