package org.mouselift.pipeline.video;

import org.mouselift.data.image.Image8;

/** Colours of a picture as 0xRRGGBB. */
final class Pixels {
    private Pixels() {}

    static int colour(Image8 picture, int x, int y) {
        return picture.get(x, y, 0) << 16 | picture.get(x, y, 1) << 8 | picture.get(x, y, 2);
    }
}
