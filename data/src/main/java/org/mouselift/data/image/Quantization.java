package org.mouselift.data.image;

/** The ways in which the originals turn float pictures into 8 bits. All work in float32. */
public enum Quantization {
    /** {@code trunc(clip(255 x, 0, 255))}: tensor input of the sampling pipeline and validation pictures. */
    TRUNCATE {
        @Override
        byte apply(float x) {
            return (byte) (int) Math.max(0, Math.min(255, x * 255));
        }
    },
    /** {@code rint(255 clip(x, 0, 1))}, ties to even: pictures that leave the sampling pipeline. */
    ROUND {
        @Override
        byte apply(float x) {
            return (byte) (int) Math.rint(Math.max(0, Math.min(1, x)) * 255);
        }
    };

    /** One sample; NaN becomes 0. */
    abstract byte apply(float x);

    /** All samples, order unchanged. */
    public byte[] apply(float[] values) {
        byte[] out = new byte[values.length];
        for (int i = 0; i < out.length; i++) {
            out[i] = apply(values[i]);
        }
        return out;
    }

    /** A picture from planes (CHW). */
    public Image8 fromChw(float[] planes, int channels, int height, int width) {
        Image8 out = Image8.blank(width, height, channels);
        if (planes.length != out.data().length) {
            throw new IllegalArgumentException("quantization: " + planes.length + " samples are not " + channels + "x" + height + "x" + width);
        }
        int plane = width * height;
        for (int c = 0; c < channels; c++) {
            for (int pixel = 0; pixel < plane; pixel++) {
                out.data()[pixel * channels + c] = apply(planes[c * plane + pixel]);
            }
        }
        return out;
    }

    /** Output of the image decoder to [0, 1]: {@code clip(y/2 + 0.5, 0, 1)} (MVDiffusion specification §3.2). */
    public static float[] decodedToUnit(float[] decoded) {
        float[] out = new float[decoded.length];
        for (int i = 0; i < out.length; i++) {
            out[i] = Math.max(0, Math.min(1, decoded[i] / 2 + 0.5f));
        }
        return out;
    }
}
