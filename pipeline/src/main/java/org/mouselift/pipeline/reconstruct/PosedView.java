package org.mouselift.pipeline.reconstruct;

import org.mouselift.data.camera.Camera;
import org.mouselift.data.image.Composite;
import org.mouselift.data.image.Image8;
import org.mouselift.data.image.PillowResize;
import org.mouselift.data.image.ResampleFilter;

/**
 * A picture and the camera it was taken with, as the reconstructor takes it (GS-LRM specification §5.2).
 *
 * @param name what the user calls it
 * @param picture RGB on white
 * @param mask share of every pixel that the subject covers, [H*W] in [0,1]; null where the picture has no alpha
 * @param camera with the intrinsics of {@code picture}
 */
public record PosedView(String name, Image8 picture, float[] mask, Camera camera) {
    private static final int[] WHITE = {255, 255, 255};

    /** Resizes (Lanczos), then composites on white; the intrinsics follow the size. Masks come from the alpha channel. */
    public static PosedView of(String name, Image8 stored, Camera camera, int size) {
        Image8 image = PillowResize.resize(stored.hasAlpha() ? stored.toRgba() : stored.toRgb(), size, size, ResampleFilter.LANCZOS);
        float[] mask = null;
        if (image.hasAlpha()) {
            mask = new float[size * size];
            for (int i = 0; i < mask.length; i++) {
                mask[i] = (image.data()[4 * i + 3] & 0xFF) / 255f;
            }
            image = Composite.onto(image, WHITE);
        }
        return new PosedView(name, image, mask, camera.withIntrinsics(camera.intrinsics().resize(size, size)));
    }

    public PosedView withCamera(Camera other) {
        return new PosedView(name, picture, mask, other);
    }
}
