package org.mouselift.data.dataset;

import java.util.SplittableRandom;
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
 * @param degradation drawn for every view, after the rest
 */
public record ViewAugmentation(boolean horizontalFlip, double rotationRange, float[] brightness, float[] contrast, PictureDegradation degradation) {
    /** No change. */
    public static final ViewAugmentation NONE = new ViewAugmentation(false, 0, new float[] {1, 1}, new float[] {1, 1});

    /** Pictures as good as they are. */
    public ViewAugmentation(boolean horizontalFlip, double rotationRange, float[] brightness, float[] contrast) {
        this(horizontalFlip, rotationRange, brightness, contrast, PictureDegradation.NONE);
    }

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

    /** What was drawn for one sample. @param seed of what is drawn for each of its views */
    record Drawn(boolean flip, double degrees, float brightness, float contrast, PictureDegradation degradation, long seed) {
        Image8 apply(Image8 image, int view) {
            Image8 out = flip ? ImageAdjust.flipHorizontal(image) : image;
            out = ImageAdjust.rotate(out, degrees);
            out = brightness == 1 ? out : ImageAdjust.brightness(out, brightness);
            out = contrast == 1 ? out : ImageAdjust.contrast(out, contrast);
            return degradation.changes() ? degradation.apply(out, new SplittableRandom(seed + 2L * view)) : out;
        }

        /** The camera of the changed picture; its intrinsics belong to the picture's present size. */
        Camera apply(Camera camera, int view) {
            Camera out = flip ? new ImageOperation.FlipHorizontal().apply(camera) : camera;
            out = degrees == 0 ? out : new ImageOperation.Rotate(degrees).apply(out);
            return degradation.apply(out, new SplittableRandom(seed + 2L * view + 1));
        }
    }

    Drawn draw(RandomGenerator random) {
        boolean flip = horizontalFlip && random.nextBoolean();
        double degrees = rotationRange == 0 ? 0 : (2 * random.nextDouble() - 1) * rotationRange;
        float bright = uniform(brightness, random);
        float contrasty = uniform(contrast, random);
        return new Drawn(flip, degrees, bright, contrasty, degradation, degradation.changes() ? random.nextLong() : 0);
    }

    private static float uniform(float[] range, RandomGenerator random) {
        return range[0] == range[1] ? range[0] : range[0] + random.nextFloat() * (range[1] - range[0]);
    }
}
