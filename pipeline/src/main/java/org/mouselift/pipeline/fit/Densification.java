package org.mouselift.pipeline.fit;

import java.util.SplittableRandom;
import org.mouselift.models.splat.GradientProbe;
import org.mouselift.models.splat.SplatCamera;

/**
 * Adaptive control of the number of Gaussians (Kerbl et al. 2023, §5): where the picture pulls strongly at a Gaussian, small
 * ones are cloned and large ones split in two; transparent and oversized ones are removed.
 */
final class Densification {
    /** Gaussians with a largest scale above this share of the extent are split rather than cloned. */
    private static final double SPLIT_SCALE = 0.01;
    private static final double MAX_SCALE = 0.1;
    private static final double MIN_OPACITY = 0.005;
    private static final double SHRINK = 1.6;

    private final double extent;
    private float[] pull = new float[0];
    private int[] seen = new int[0];

    Densification(double extent, int count) {
        this.extent = extent;
        clear(count);
    }

    private void clear(int count) {
        pull = new float[count];
        seen = new int[count];
    }

    /** Adds the 2D-mean gradients of one view: their length in normalised device units (pixels × half the image size). */
    void observe(GradientProbe probe, SplatCamera camera) {
        for (int i = 0; i < pull.length; i++) {
            double gx = probe.mean2d[2 * i] * 0.5 * camera.width(), gy = probe.mean2d[2 * i + 1] * 0.5 * camera.height();
            if (gx != 0 || gy != 0) {
                pull[i] += (float) Math.sqrt(gx * gx + gy * gy);
                seen[i]++;
            }
        }
    }

    /** Clones, splits and removes; returns the new number of Gaussians. */
    int apply(SplatModel model, double threshold, int most, SplittableRandom random) {
        int n = model.count();
        double limit = Math.log(SPLIT_SCALE * extent), remove = Math.log(MAX_SCALE * extent);
        double minLogit = Math.log(MIN_OPACITY / (1 - MIN_OPACITY));
        int[] sources = new int[2 * n];
        boolean[] fresh = new boolean[2 * n];
        byte[] kind = new byte[2 * n]; // 0 kept, 1 clone, 2 half of a split one
        int out = 0, added = 0;
        float[] logScales = model.logScales.values(), logits = model.logits.values();
        for (int i = 0; i < n; i++) {
            float largest = largest(logScales, i);
            if (logits[i] < minLogit || largest > remove) {
                continue;
            }
            boolean grow = seen[i] > 0 && pull[i] / seen[i] > threshold && n + added < most;
            sources[out] = i;
            if (!grow) {
                out++;
                continue;
            }
            added++;
            boolean split = largest > limit;
            kind[out] = (byte) (split ? 2 : 0);
            fresh[out++] = split;
            sources[out] = i;
            kind[out] = (byte) (split ? 2 : 1);
            fresh[out++] = true;
        }
        if (out == 0) {
            throw new IllegalStateException("every Gaussian became transparent or oversized: the fit diverged; lower the learning rates");
        }
        model.rebuild(java.util.Arrays.copyOf(sources, out), java.util.Arrays.copyOf(fresh, out));
        float[] means = model.means.values(), scales = model.logScales.values(), quaternions = model.quaternions.values();
        for (int j = 0; j < out; j++) {
            if (kind[j] == 2) {
                scatter(means, scales, quaternions, j, random);
            }
        }
        clear(out);
        return out;
    }

    private static float largest(float[] logScales, int i) {
        return Math.max(logScales[3 * i], Math.max(logScales[3 * i + 1], logScales[3 * i + 2]));
    }

    /** Moves a Gaussian to a random place drawn from itself and makes it smaller. */
    private static void scatter(float[] means, float[] logScales, float[] quaternions, int i, SplittableRandom random) {
        double w = quaternions[4 * i], x = quaternions[4 * i + 1], y = quaternions[4 * i + 2], z = quaternions[4 * i + 3];
        double norm = Math.max(1e-12, Math.sqrt(w * w + x * x + y * y + z * z));
        w /= norm;
        x /= norm;
        y /= norm;
        z /= norm;
        double a = random.nextGaussian() * Math.exp(logScales[3 * i]), b = random.nextGaussian() * Math.exp(logScales[3 * i + 1]);
        double c = random.nextGaussian() * Math.exp(logScales[3 * i + 2]);
        means[3 * i] += (float) ((1 - 2 * (y * y + z * z)) * a + 2 * (x * y - w * z) * b + 2 * (x * z + w * y) * c);
        means[3 * i + 1] += (float) (2 * (x * y + w * z) * a + (1 - 2 * (x * x + z * z)) * b + 2 * (y * z - w * x) * c);
        means[3 * i + 2] += (float) (2 * (x * z - w * y) * a + 2 * (y * z + w * x) * b + (1 - 2 * (x * x + y * y)) * c);
        for (int k = 0; k < 3; k++) {
            logScales[3 * i + k] -= (float) Math.log(SHRINK);
        }
    }
}
