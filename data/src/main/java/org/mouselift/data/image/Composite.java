package org.mouselift.data.image;

/** Laying pictures with alpha on a solid background: the two rules of the original data sets. */
public final class Composite {
    private Composite() {}

    /**
     * Reconstructor rule (GS-LRM specification §5.2): 8-bit with rounding, {@code t = c a + bg (255 - a) + 128;
     * (t + (t >> 8)) >> 8}. Grey is expanded to RGB.
     *
     * @param background three values 0..255
     * @return RGB
     */
    public static Image8 onto(Image8 image, int[] background) {
        if (!image.hasAlpha()) {
            return image.toRgb();
        }
        Image8 rgba = image.toRgba();
        Image8 out = Image8.blank(image.width(), image.height(), 3);
        for (int pixel = 0, to = 0; pixel < rgba.data().length; pixel += 4) {
            int alpha = rgba.data()[pixel + 3] & 0xFF;
            for (int c = 0; c < 3; c++) {
                int t = (rgba.data()[pixel + c] & 0xFF) * alpha + background[c] * (255 - alpha) + 128;
                out.data()[to++] = (byte) ((t >> 8) + t >> 8);
            }
        }
        return out;
    }

    /**
     * Diffusion rule (MVDiffusion specification §4.2): float32, {@code rgb a + bg (1 - a)} with samples / 255.
     *
     * @param background three values in [0, 1]
     * @return height × width × 3, row-major, in [0, 1]
     */
    public static float[] ontoFloat(Image8 image, float[] background) {
        Image8 rgba = image.toRgba();
        float[] out = new float[image.width() * image.height() * 3];
        for (int pixel = 0, to = 0; pixel < rgba.data().length; pixel += 4) {
            float alpha = (rgba.data()[pixel + 3] & 0xFF) / 255f;
            for (int c = 0; c < 3; c++) {
                out[to++] = (rgba.data()[pixel + c] & 0xFF) / 255f * alpha + background[c] * (1 - alpha);
            }
        }
        return out;
    }
}
