package org.mouselift.data.ply;

import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * Which Gaussians are kept before export (GS-LRM specification §1.17). A filter that is not asked for is null. They run
 * in this order, each on what the ones before left:
 *
 * @param opacity keeps {@code sigmoid(logit) > opacity}
 * @param scaling keeps {@code max(scale) < scaling} or {@code z > 0}
 * @param floater drops {@code |x| > f} and {@code |y| > f} and {@code z < -f}: four corner columns below
 * @param crop keeps {@code x0 <= x <= x1} and so on: {x0, x1, y0, y1, z0, z1}
 * @param distances drops points too near to or too far from any camera
 */
public record GaussianFilter(float opacity, Float scaling, Float floater, float[] crop, CameraDistances distances) {
    private static final float[] INFERENCE_BOX = {-0.91f, 0.91f, -0.91f, 0.91f, -1, 1};

    /** Single-image inference. */
    public static final GaussianFilter INFERENCE = new GaussianFilter(0.04f, 0.1f, 0.6f, INFERENCE_BOX, null);
    /** The original's web page. */
    public static final GaussianFilter WEB = new GaussianFilter(0.04f, 0.2f, 0.75f, INFERENCE_BOX, null);
    /** Pictures written during training. */
    public static final GaussianFilter TRAINING_VISUALS = evaluation(0.91f);
    /** Validation and evaluation without a bounding box. */
    public static final GaussianFilter EVALUATION = new GaussianFilter(0.02f, null, null, null, null);

    /**
     * Per camera, the quantiles of the distances of all points bound what is kept.
     *
     * @param origins camera centres, [C][3]
     * @param near quantile below which a point is dropped, {@code far} the one above
     */
    public record CameraDistances(float[][] origins, double near, double far) {
        public CameraDistances {
            if (!(near >= 0 && near <= far && far <= 1)) {
                throw new IllegalArgumentException("gaussian filter: quantiles near " + near + ", far " + far + "; expected 0 <= near <= far <= 1");
            }
        }
    }

    public GaussianFilter {
        if (crop != null && crop.length != 6) {
            throw new IllegalArgumentException("gaussian filter: crop has " + crop.length + " values, expected x0, x1, y0, y1, z0, z1");
        }
    }

    /** Validation and evaluation with a cube of this half side. */
    public static GaussianFilter evaluation(float halfSide) {
        return new GaussianFilter(0.02f, null, null, new float[] {-halfSide, halfSide, -halfSide, halfSide, -halfSide, halfSide}, null);
    }

    /** Indices of the Gaussians that stay, ascending. */
    public int[] kept(GaussianCloud cloud) {
        float[] xyz = cloud.xyz();
        int[] kept = IntStream.range(0, cloud.count()).filter(i -> cloud.opacityOf(i) > opacity).toArray();
        if (scaling != null) {
            kept = Arrays.stream(kept).filter(i -> xyz[3 * i + 2] > 0 || largestScale(cloud, i) < scaling).toArray();
        }
        if (floater != null) {
            kept = Arrays.stream(kept).filter(i -> !(Math.abs(xyz[3 * i]) > floater && Math.abs(xyz[3 * i + 1]) > floater && xyz[3 * i + 2] < -floater)).toArray();
        }
        if (crop != null) {
            kept = inBox(xyz, kept, crop);
        }
        if (distances != null && kept.length > 0) {
            kept = withinDistances(xyz, kept);
        }
        return kept;
    }

    /** The Gaussians that stay. */
    public GaussianCloud apply(GaussianCloud cloud) {
        return cloud.select(kept(cloud));
    }

    /** Indices within the box between the quantiles {@code drop} and {@code 1 - drop} of each coordinate. */
    public static int[] keptByShrinking(GaussianCloud cloud, double drop) {
        int[] all = IntStream.range(0, cloud.count()).toArray();
        if (all.length == 0) {
            return all;
        }
        float[] box = new float[6];
        for (int axis = 0; axis < 3; axis++) {
            float[] values = new float[all.length];
            for (int i = 0; i < values.length; i++) {
                values[i] = cloud.xyz()[3 * i + axis];
            }
            Arrays.sort(values);
            box[2 * axis] = quantile(values, drop);
            box[2 * axis + 1] = quantile(values, 1 - drop);
        }
        return inBox(cloud.xyz(), all, box);
    }

    private static float largestScale(GaussianCloud cloud, int i) {
        float[] s = cloud.scaling();
        return (float) Math.exp(Math.max(s[3 * i], Math.max(s[3 * i + 1], s[3 * i + 2])));
    }

    private static int[] inBox(float[] xyz, int[] candidates, float[] box) {
        return Arrays.stream(candidates).filter(i -> {
            for (int axis = 0; axis < 3; axis++) {
                float value = xyz[3 * i + axis];
                if (!(value >= box[2 * axis] && value <= box[2 * axis + 1])) {
                    return false;
                }
            }
            return true;
        }).toArray();
    }

    private int[] withinDistances(float[] xyz, int[] candidates) {
        boolean[] drop = new boolean[candidates.length];
        for (float[] origin : distances.origins) {
            float[] values = new float[candidates.length];
            for (int n = 0; n < values.length; n++) {
                double sum = 0;
                for (int axis = 0; axis < 3; axis++) {
                    double difference = xyz[3 * candidates[n] + axis] - origin[axis];
                    sum += difference * difference;
                }
                values[n] = (float) Math.sqrt(sum);
            }
            float[] sorted = values.clone();
            Arrays.sort(sorted);
            float low = quantile(sorted, distances.near);
            float high = quantile(sorted, distances.far);
            for (int n = 0; n < values.length; n++) {
                drop[n] |= values[n] < low || values[n] > high;
            }
        }
        return IntStream.range(0, candidates.length).filter(n -> !drop[n]).map(n -> candidates[n]).toArray();
    }

    /** Linearly interpolated quantile of sorted values. */
    private static float quantile(float[] sorted, double q) {
        double rank = q * (sorted.length - 1);
        int below = (int) Math.floor(rank);
        int above = Math.min(below + 1, sorted.length - 1);
        return (float) (sorted[below] + (rank - below) * ((double) sorted[above] - sorted[below]));
    }
}
