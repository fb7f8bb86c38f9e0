package org.mouselift.data.synth;

/**
 * One rendered view of a mouse.
 *
 * @param width  pixels
 * @param height pixels
 * @param rgba   8-bit RGBA, row-major, 4 bytes per pixel; straight alpha, alpha = share of the pixel that is covered
 * @param depth  distance along the camera's z axis of the surface at the pixel's centre, world units; 0 where the ray through
 *               the centre misses the mouse
 */
public record MouseView(int width, int height, byte[] rgba, float[] depth) {
    /** Mask: 255 where more than half of the pixel is covered, else 0; one byte per pixel. */
    public byte[] mask() {
        byte[] mask = new byte[width * height];
        for (int i = 0; i < mask.length; i++) {
            mask[i] = (byte) ((rgba[4 * i + 3] & 0xFF) > 127 ? 255 : 0);
        }
        return mask;
    }

    /** The image as floats in [0, 1], four planes [4, height, width] in the order R, G, B, alpha; straight alpha. */
    public float[] planes() {
        int n = width * height;
        float[] planes = new float[4 * n];
        for (int i = 0; i < n; i++) {
            for (int c = 0; c < 4; c++) {
                planes[c * n + i] = (rgba[4 * i + c] & 0xFF) / 255f;
            }
        }
        return planes;
    }
}
