package org.mouselift.engine.cpu;

import java.lang.foreign.MemorySegment;
import org.mouselift.engine.DType;

/**
 * Group norm and layer norm in float64, with gradients, in the order of the formulas of {@link GroupNormPlanes} and
 * {@link LayerNormRows}; for gradient checks and as an oracle. Layer norm is seen as one group of n channels with planes
 * of a single element.
 */
public final class NormF64 {
    private static final String KERNEL = "norm f64";

    private NormF64() {
    }

    private static double at(MemorySegment x, long index) {
        return x.get(DType.LE_F64, index * 8);
    }

    private static void put(MemorySegment x, long index, double value) {
        x.set(DType.LE_F64, index * 8, value);
    }

    /** Layer norm of [rows, n]; b may be null. Statistics [rows] are always written. */
    public static void layerNorm(long rows, long n, double eps, MemorySegment x, long xOffset, MemorySegment w, long wOffset, MemorySegment b,
            long bOffset, MemorySegment y, long yOffset, MemorySegment mean, long meanOffset, MemorySegment rstd, long rstdOffset) {
        groupNorm(rows, n, 1, 1, eps, false, x, xOffset, w, wOffset, b, bOffset, y, yOffset, mean, meanOffset, rstd, rstdOffset);
    }

    /** Gradient of {@link #layerNorm}; db may be null. */
    public static void layerNormGradient(long rows, long n, MemorySegment x, long xOffset, MemorySegment w, long wOffset, MemorySegment mean,
            long meanOffset, MemorySegment rstd, long rstdOffset, MemorySegment dy, long dyOffset, MemorySegment dx, long dxOffset, MemorySegment dw,
            long dwOffset, MemorySegment db, long dbOffset) {
        groupNormGradient(rows, n, 1, 1, false, x, xOffset, w, wOffset, null, 0, mean, meanOffset, rstd, rstdOffset, dy, dyOffset, dx, dxOffset, dw,
                dwOffset, db, dbOffset);
    }

    /** Group norm of [N, C, P], optionally with SiLU. */
    public static void groupNorm(long batch, long channels, long plane, long groups, double eps, boolean silu, MemorySegment x, long xOffset,
            MemorySegment w, long wOffset, MemorySegment b, long bOffset, MemorySegment y, long yOffset, MemorySegment mean, long meanOffset,
            MemorySegment rstd, long rstdOffset) {
        check(batch, channels, plane, groups, x, xOffset, "x");
        check(batch, channels, plane, groups, y, yOffset, "y");
        Bounds.range(KERNEL, "w", w, DType.F64, wOffset, channels);
        Bounds.range(KERNEL, "mean", mean, DType.F64, meanOffset, batch * groups);
        Bounds.range(KERNEL, "rstd", rstd, DType.F64, rstdOffset, batch * groups);
        long size = channels / groups * plane;
        for (long g = 0; g < batch * groups; g++) {
            double mu = 0;
            for (long i = 0; i < size; i++) {
                mu += at(x, xOffset + g * size + i);
            }
            mu /= size;
            double squares = 0;
            for (long i = 0; i < size; i++) {
                double d = at(x, xOffset + g * size + i) - mu;
                squares += d * d;
            }
            double scale = 1 / Math.sqrt(squares / size + eps);
            put(mean, meanOffset + g, mu);
            put(rstd, rstdOffset + g, scale);
            for (long i = 0; i < size; i++) {
                long c = g % groups * (channels / groups) + i / plane;
                double z = (at(x, xOffset + g * size + i) - mu) * scale * at(w, wOffset + c) + (b == null ? 0 : at(b, bOffset + c));
                put(y, yOffset + g * size + i, silu ? z / (1 + Math.exp(-z)) : z);
            }
        }
    }

    /** Gradient of {@link #groupNorm}; dw [C] and db [C] (db may be null) are overwritten. */
    public static void groupNormGradient(long batch, long channels, long plane, long groups, boolean silu, MemorySegment x, long xOffset,
            MemorySegment w, long wOffset, MemorySegment b, long bOffset, MemorySegment mean, long meanOffset, MemorySegment rstd, long rstdOffset,
            MemorySegment dy, long dyOffset, MemorySegment dx, long dxOffset, MemorySegment dw, long dwOffset, MemorySegment db, long dbOffset) {
        check(batch, channels, plane, groups, x, xOffset, "x");
        check(batch, channels, plane, groups, dy, dyOffset, "dy");
        check(batch, channels, plane, groups, dx, dxOffset, "dx");
        Bounds.range(KERNEL, "dw", dw, DType.F64, dwOffset, channels);
        long size = channels / groups * plane;
        double[] sumW = new double[Math.toIntExact(channels)];
        double[] sumB = new double[Math.toIntExact(channels)];
        double[] dz = new double[Math.toIntExact(size)];
        for (long g = 0; g < batch * groups; g++) {
            double mu = at(mean, meanOffset + g);
            double scale = at(rstd, rstdOffset + g);
            double meanH = 0;
            double meanHx = 0;
            for (int i = 0; i < size; i++) {
                int c = (int) (g % groups * (channels / groups) + i / plane);
                double xh = (at(x, xOffset + g * size + i) - mu) * scale;
                double d = at(dy, dyOffset + g * size + i);
                if (silu) {
                    d *= VectorMath.Function.SILU_PRIME.value(xh * at(w, wOffset + c) + at(b, bOffset + c));
                }
                dz[i] = d;
                sumB[c] += d;
                sumW[c] += d * xh;
                meanH += d * at(w, wOffset + c);
                meanHx += d * at(w, wOffset + c) * xh;
            }
            meanH /= size;
            meanHx /= size;
            for (int i = 0; i < size; i++) {
                long c = g % groups * (channels / groups) + i / plane;
                double xh = (at(x, xOffset + g * size + i) - mu) * scale;
                put(dx, dxOffset + g * size + i, scale * (dz[i] * at(w, wOffset + c) - meanH - xh * meanHx));
            }
        }
        for (int c = 0; c < channels; c++) {
            put(dw, dwOffset + c, sumW[c]);
            if (db != null) {
                put(db, dbOffset + c, sumB[c]);
            }
        }
    }

    private static void check(long batch, long channels, long plane, long groups, MemorySegment x, long offset, String name) {
        Bounds.size(KERNEL, "channels", channels, 1);
        Bounds.size(KERNEL, "plane", plane, 1);
        Bounds.size(KERNEL, "groups", groups, 1);
        if (channels % groups != 0) {
            throw new IllegalArgumentException(KERNEL + ": " + channels + " channels do not divide into " + groups + " groups");
        }
        Bounds.strided(KERNEL, name, x, DType.F64, offset, batch, channels * plane, channels * plane, 1);
    }
}
