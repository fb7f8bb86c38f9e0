package org.mouselift.data.image;

/** Antialiased resizing of float pictures as the training path does it: same kernels, no 8-bit rounding, no clamping. */
public final class FloatResize {
    private FloatResize() {}

    /**
     * Resizes planes; along each axis the kernel is widened when shrinking (MVDiffusion specification §2.1, §4.4).
     *
     * @param planes {@code count} planes of {@code height × width} samples, one after another
     * @return {@code count} planes of {@code outHeight × outWidth} samples
     */
    public static float[] resize(float[] planes, int count, int height, int width, int outHeight, int outWidth, ResampleFilter filter) {
        if (count < 0 || height < 1 || width < 1 || outHeight < 1 || outWidth < 1 || planes.length != (long) count * height * width) {
            throw new IllegalArgumentException("resize: " + planes.length + " samples are not " + count + " planes of " + height + "x" + width
                    + ", or the target " + outHeight + "x" + outWidth + " is empty");
        }
        ResampleFilter.Taps across = filter.taps(width, outWidth);
        ResampleFilter.Taps down = filter.taps(height, outHeight);
        float[] out = new float[Math.toIntExact((long) count * outHeight * outWidth)];
        double[] rows = new double[height * outWidth];
        for (int plane = 0; plane < count; plane++) {
            for (int y = 0; y < height; y++) {
                int base = (plane * height + y) * width;
                for (int x = 0; x < outWidth; x++) {
                    double sum = 0;
                    double[] weights = across.weights()[x];
                    for (int j = 0; j < weights.length; j++) {
                        sum += weights[j] * planes[base + across.first()[x] + j];
                    }
                    rows[y * outWidth + x] = sum;
                }
            }
            for (int y = 0; y < outHeight; y++) {
                double[] weights = down.weights()[y];
                for (int x = 0; x < outWidth; x++) {
                    double sum = 0;
                    for (int j = 0; j < weights.length; j++) {
                        sum += weights[j] * rows[(down.first()[y] + j) * outWidth + x];
                    }
                    out[(plane * outHeight + y) * outWidth + x] = (float) sum;
                }
            }
        }
        return out;
    }
}
