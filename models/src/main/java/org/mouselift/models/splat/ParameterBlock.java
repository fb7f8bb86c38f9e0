package org.mouselift.models.splat;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.mouselift.models.splat.cpu.VectorProjection;

/** Heap copies of the parameters of a block of neighbouring Gaussians; one per thread. */
final class ParameterBlock {
    /** Most Gaussians. */
    static final int SIZE = 1024;

    final float[] means = new float[3 * SIZE], scales = new float[3 * SIZE], quaternions = new float[4 * SIZE], logits = new float[SIZE];
    float[] sh = new float[0];
    /** Numbers in the block of the Gaussians in the lanes of a {@link VectorProjection}. */
    final int[] lane = new int[VectorProjection.CAPACITY];
    /** Their rows in the table. */
    final int[] row = new int[VectorProjection.CAPACITY];

    /** Puts Gaussian i of the block into lane j. */
    void load(int i, VectorProjection lanes, int j) {
        lane[j] = i;
        lanes.x[j] = means[3 * i];
        lanes.y[j] = means[3 * i + 1];
        lanes.z[j] = means[3 * i + 2];
        lanes.scale0[j] = scales[3 * i];
        lanes.scale1[j] = scales[3 * i + 1];
        lanes.scale2[j] = scales[3 * i + 2];
        lanes.qw[j] = quaternions[4 * i];
        lanes.qx[j] = quaternions[4 * i + 1];
        lanes.qy[j] = quaternions[4 * i + 2];
        lanes.qz[j] = quaternions[4 * i + 3];
        lanes.opacity[j] = logits[i];
    }

    void read(GaussianParameters p, int first, int n) {
        int width = 3 * p.coefficients();
        if (sh.length < SIZE * width) {
            sh = new float[SIZE * width];
        }
        copy(p.means(), first, n, 3, means);
        copy(p.logScales(), first, n, 3, scales);
        copy(p.quaternions(), first, n, 4, quaternions);
        copy(p.opacityLogits(), first, n, 1, logits);
        copy(p.sh(), first, n, width, sh);
    }

    /** Only what decides whether a Gaussian may be visible: centres and logits. */
    void readPlaces(GaussianParameters p, int first, int n) {
        copy(p.means(), first, n, 3, means);
        copy(p.opacityLogits(), first, n, 1, logits);
    }

    void write(GaussianParameters p, int first, int n) {
        int width = 3 * p.coefficients();
        paste(means, p.means(), first, n, 3);
        paste(scales, p.logScales(), first, n, 3);
        paste(quaternions, p.quaternions(), first, n, 4);
        paste(logits, p.opacityLogits(), first, n, 1);
        paste(sh, p.sh(), first, n, width);
    }

    private static void copy(MemorySegment from, long first, int n, int width, float[] to) {
        MemorySegment.copy(from, ValueLayout.JAVA_FLOAT_UNALIGNED, first * width * 4, to, 0, n * width);
    }

    private static void paste(float[] from, MemorySegment to, long first, int n, int width) {
        MemorySegment.copy(from, 0, to, ValueLayout.JAVA_FLOAT_UNALIGNED, first * width * 4, n * width);
    }

    /** Throws for the first non-finite parameter of the block, or counts the Gaussians that have one. */
    int checkFinite(int first, int n, int shWidth, boolean reject) {
        float sum = zeroSum(means, 3 * n) + zeroSum(scales, 3 * n) + zeroSum(quaternions, 4 * n) + zeroSum(logits, n) + zeroSum(sh, shWidth * n);
        if (sum == 0) {
            return 0;
        }
        int bad = 0;
        for (int i = 0; i < n; i++) {
            if (finite(i, shWidth)) {
                continue;
            }
            bad++;
            if (reject) {
                report("means", means, first, i, 3);
                report("logScales", scales, first, i, 3);
                report("quaternions", quaternions, first, i, 4);
                report("opacityLogits", logits, first, i, 1);
                report("sh", sh, first, i, shWidth);
            }
        }
        return bad;
    }

    boolean finite(int i, int shWidth) {
        float sum = logits[i] * 0f;
        for (int k = 0; k < 3; k++) {
            sum += means[3 * i + k] * 0f + scales[3 * i + k] * 0f;
        }
        for (int k = 0; k < 4; k++) {
            sum += quaternions[4 * i + k] * 0f;
        }
        for (int k = 0; k < shWidth; k++) {
            sum += sh[shWidth * i + k] * 0f;
        }
        return sum == 0;
    }

    /** 0, or NaN when a value is not finite. */
    private static float zeroSum(float[] values, int n) {
        float a = 0, b = 0, c = 0, d = 0;
        int i = 0;
        for (; i + 3 < n; i += 4) {
            a += values[i] * 0f;
            b += values[i + 1] * 0f;
            c += values[i + 2] * 0f;
            d += values[i + 3] * 0f;
        }
        for (; i < n; i++) {
            a += values[i] * 0f;
        }
        return a + b + c + d;
    }

    private static void report(String field, float[] values, int first, int i, int width) {
        for (int k = 0; k < width; k++) {
            if (!Float.isFinite(values[width * i + k])) {
                throw new NonFiniteGaussianException(first + i, field, k, values[width * i + k]);
            }
        }
    }
}
