package org.mouselift.pipeline.config;

import org.mouselift.data.dataset.PictureDegradation;

/** The keys of both stages that make pictures worse (mouse specification §8, K-71); ours, not the original's. Without them nothing changes. */
final class PictureDegradationKeys {
    private static final double[] ONE = {1, 1};
    private static final double[] ZERO = {0, 0};
    private static final double[] WITHOUT = {100, 100};

    private PictureDegradationKeys() {}

    /** @param cameras there are cameras that {@code pose_jitter} can turn */
    static PictureDegradation read(ConfigSection s, boolean cameras) {
        return new PictureDegradation(range(s, "gain_range", ONE, 0, 10), range(s, "blur_range", ZERO, 0, 50), range(s, "noise_range", ZERO, 0, 255),
                range(s, "jpeg_range", WITHOUT, 1, 100), s.integer("mask_shift", 0, 0, 64), cameras ? s.number("pose_jitter", 0, 0, 45) : 0);
    }

    private static float[] range(ConfigSection s, String key, double[] missing, double least, double most) {
        double[] said = s.numbers(key, missing, least, most);
        if (said[0] > said[1]) {
            s.wrong(key, "[low, high] with low <= high");
            said = missing;
        }
        return new float[] {(float) said[0], (float) said[1]};
    }
}
