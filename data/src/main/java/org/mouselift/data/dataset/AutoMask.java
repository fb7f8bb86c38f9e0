package org.mouselift.data.dataset;

import org.mouselift.data.image.Image8;

/** Where the alpha of pictures without an alpha channel comes from ({@code mouse.auto_generate_mask}). */
public enum AutoMask {
    /** No mask is made. */
    OFF,
    /** From the picture as stored, before augmentation and compositing; pictures with alpha keep theirs. */
    FROM_SOURCE,
    /**
     * As the original: from the augmented and composited picture, also when its alpha was just removed. Darkened white
     * becomes foreground, and grey or black backgrounds are never recognised. For reproduction only.
     */
    ORIGINAL;

    /** The picture with {@code alpha = 0} where all three channels are above {@code threshold}, else 255. */
    static Image8 withMask(Image8 rgb, int threshold) {
        Image8 out = rgb.toRgba();
        byte[] data = out.data();
        for (int i = 0; i < data.length; i += 4) {
            boolean background = (data[i] & 0xFF) > threshold && (data[i + 1] & 0xFF) > threshold && (data[i + 2] & 0xFF) > threshold;
            data[i + 3] = (byte) (background ? 0 : 255);
        }
        return out;
    }
}
