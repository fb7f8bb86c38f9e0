package org.mouselift.data.dataset;

import java.util.random.RandomGenerator;
import org.mouselift.data.camera.Camera;
import org.mouselift.data.camera.ImageOperation;
import org.mouselift.data.image.Image8;
import org.mouselift.data.image.ImageAdjust;

/**
 * Augmentation of training samples (GS-LRM specification §5.5): drawn once per sample, applied to all of its views. Unlike
 * the original, flips and rotations are applied to the cameras, too, so that pictures and geometry stay in agreement.
 *
 * @param horizontalFlip mirror with probability 0.5
 * @param rotationRange degrees; turned by a uniform angle within plus and minus this
 * @param brightness range {low, high} of the factor, {@code contrast} likewise
 */
public record ViewAugmentation(boolean horizontalFlip, double rotationRange, float[] brightness, float[] contrast) {
    /** No change. */
    public static final ViewAugmentation NONE = new ViewAugmentation(false, 0, new float[] {1, 1}, new float[] {1, 1});

    public ViewAugmentation {
        if (!(rotationRange >= 0 && rotationRange <= 180)) {
            throw new IllegalArgumentException("mouse.augmentation.rotation_range: " + rotationRange + "; expected 0 to 180 degrees");
        }
        checkRange("brightness_range", brightness);
        checkRange("contrast_range", contrast);
    }

    private static void checkRange(String name, float[] range) {
        if (range.length != 2 || !(range[0] >= 0 && range[0] <= range[1]) || Float.isInfinite(range[1])) {
            throw new IllegalArgumentException("mouse.augmentation." + name + ": " + java.util.Arrays.toString(range) + "; expected [low, high] with 0 <= low <= high");
        }
    }

    /** What was drawn for one sample. */
    record Drawn(boolean flip, double degrees, float brightness, float contrast) {
        Image8 apply(Image8 image) {
            Image8 out = flip ? ImageAdjust.flipHorizontal(image) : image;
            out = ImageAdjust.rotate(out, degrees);
            out = brightness == 1 ? out : ImageAdjust.brightness(out, brightness);
            return contrast == 1 ? out : ImageAdjust.contrast(out, contrast);
        }

        /** The camera of the changed picture; its intrinsics belong to the picture's present size. */
        Camera apply(Camera camera) {
            Camera out = flip ? new ImageOperation.FlipHorizontal().apply(camera) : camera;
            return degrees == 0 ? out : new ImageOperation.Rotate(degrees).apply(out);
        }
    }

    Drawn draw(RandomGenerator random) {
        boolean flip = horizontalFlip && random.nextBoolean();
        double degrees = rotationRange == 0 ? 0 : (2 * random.nextDouble() - 1) * rotationRange;
        return new Drawn(flip, degrees, uniform(brightness, random), uniform(contrast, random));
    }

    private static float uniform(float[] range, RandomGenerator random) {
        return range[0] == range[1] ? range[0] : range[0] + random.nextFloat() * (range[1] - range[0]);
    }
}
