package org.mouselift.data.dataset;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.SplittableRandom;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;
import org.mouselift.data.image.Image8;
import org.mouselift.data.image.ImageAdjust;
import org.mouselift.data.image.ImageFormatException;
import org.mouselift.data.image.Images;
import org.mouselift.data.image.PillowResize;
import org.mouselift.data.image.ResampleFilter;

/**
 * Views of objects for training the multi-view diffusion (multi-view diffusion specification §4.2, mouse specification §6.1): the
 * pictures {@code cam_000.png}, {@code cam_001.png}, … of each folder of a list, there or in {@code images/}, on one
 * background per item. Safe for use by several threads.
 */
public final class DiffusionViews {
    private static final float NO_ALPHA = 1e-8f;

    /**
     * @param views pictures of an item: the first ones
     * @param size side they are resized to
     * @param brightness range {low, high} of the factor
     * @param contrast range {low, high} of the factor about the mean of all pictures of the item, the reference twice
     * @param augmentBackground changes the composited picture as the original does, else only what covers the background
     * @param mirror which view's picture, mirrored left to right, is the view of the mirrored object; empty if objects are not mirrored
     * @param degradation what real pictures have and rendered ones lack, drawn for every view of an item before the rest; no pose jitter, as there are no cameras
     */
    public record Options(int views, int size, BackgroundColor background, float[] brightness, float[] contrast, boolean augmentBackground, List<Integer> mirror,
            PictureDegradation degradation) {
        private static final float[] NONE = {1, 1};

        public Options {
            mirror = List.copyOf(mirror);
            if (views < 1 || size < 1) {
                throw new IllegalArgumentException("n_views " + views + " and img_wh " + size + " must be positive");
            }
            for (float[] range : new float[][] {brightness, contrast}) {
                if (range.length != 2 || !(range[0] >= 0 && range[0] <= range[1]) || Float.isInfinite(range[1])) {
                    throw new IllegalArgumentException("aug_brightness or aug_contrast is " + java.util.Arrays.toString(range) + ", expected [low, high] with 0 <= low <= high");
                }
            }
            if (degradation.poseJitter() != 0) {
                throw new IllegalArgumentException("pose_jitter is " + degradation.poseJitter() + ", expected 0: stage 1 has no cameras");
            }
            if (!mirror.isEmpty() && !pairs(mirror, views)) {
                throw new IllegalArgumentException("aug_hflip is " + mirror + ", expected for each of the " + views + " views the one whose picture it shows mirrored");
            }
        }

        /** True for an order of so many views that is its own inverse, as that of views in a mirror is. */
        public static boolean pairs(List<Integer> order, int views) {
            return order.size() == views && IntStream.range(0, views).allMatch(v -> order.get(v) >= 0 && order.get(v) < views && order.get(order.get(v)) == v);
        }

        /** Pictures as they are. */
        public static Options plain(int views, int size, BackgroundColor background) {
            return new Options(views, size, background, NONE, NONE, true, List.of(), PictureDegradation.NONE);
        }

        /** True if every load of a sample, mirrored or not, gives the same pictures. */
        public boolean constant() {
            return background.kind() == BackgroundColor.Kind.FIXED && brightness[0] == 1 && brightness[1] == 1 && contrast[0] == 1 && contrast[1] == 1
                    && !degradation.changes();
        }
    }

    /**
     * The pictures of one object.
     *
     * @param images [views,3,size,size] in [0,1]
     */
    public record Item(Path sample, int views, int size, float[] images) {
        /** One picture [3,size,size]. */
        public float[] view(int v) {
            int each = 3 * size * size;
            return java.util.Arrays.copyOfRange(images, v * each, (v + 1) * each);
        }
    }

    private final SampleList samples;
    private final Options options;

    public DiffusionViews(SampleList samples, Options options) {
        this.samples = samples;
        this.options = options;
    }

    /** The first samples alone. */
    public DiffusionViews first(int n) {
        return new DiffusionViews(new SampleList(samples.source(), samples.samples().subList(0, n)), options);
    }

    /** Number of objects. */
    public int size() {
        return samples.samples().size();
    }

    public Options options() {
        return options;
    }

    /** The folder of a sample. */
    public Path sample(int index) {
        return samples.samples().get(index);
    }

    /** Fails at once, naming sample and view, if a picture of any sample is missing. */
    public void check() throws IOException {
        for (Path sample : samples.samples()) {
            for (int v = 0; v < options.views; v++) {
                picture(sample, v);
            }
        }
    }

    /** One picture of an object as its file has it, with alpha if the file has any, resized. */
    public Image8 picture(int index, int view) throws IOException {
        return read(picture(sample(index), java.util.Objects.checkIndex(view, options.views)));
    }

    /**
     * Loads an object.
     *
     * @param mirrored the object as a mirror shows it; needs {@link Options#mirror}
     * @param random background and augmentation
     * @param reference view that is the input, which counts twice in the mean of the contrast
     */
    public Item load(int index, boolean mirrored, RandomGenerator random, int reference) throws IOException {
        if (mirrored && options.mirror.isEmpty()) {
            throw new IllegalArgumentException("a mirrored object was asked for, but no order of its views is given");
        }
        Path sample = samples.samples().get(java.util.Objects.checkIndex(index, size()));
        float[] background = options.background.draw(random);
        float brightness = uniform(options.brightness, random);
        float contrast = uniform(options.contrast, random);
        long degraded = options.degradation.changes() ? random.nextLong() : 0;
        int plane = options.size * options.size;
        int each = 3 * plane;
        float[] colours = new float[Math.multiplyExact(options.views, each)];
        float[] cover = new float[options.views * plane];
        for (int v = 0; v < options.views; v++) {
            Path file = picture(sample, mirrored ? options.mirror.get(v) : v);
            Image8 image = mirrored ? ImageAdjust.flipHorizontal(read(file).toRgba()) : read(file).toRgba();
            if (options.degradation.changes()) {
                image = degraded(image, degraded + 2L * v);
            }
            float sum = 0;
            for (int p = 0; p < plane; p++) {
                float a = (image.data()[4 * p + 3] & 0xFF) / 255f;
                cover[v * plane + p] = a;
                sum += a;
                for (int c = 0; c < 3; c++) {
                    colours[v * each + c * plane + p] = (image.data()[4 * p + c] & 0xFF) / 255f;
                }
            }
            if (sum <= NO_ALPHA) {
                throw new DatasetException("MFL-D05", file, "picture of view " + v + " is wholly transparent", "make it again, or remove the sample from the list");
            }
        }
        float[] images = options.augmentBackground
                ? augmented(composited(colours, cover, background), brightness, contrast, composited(colours, cover, background), reference)
                : composited(augmented(colours, brightness, contrast, composited(colours, cover, background), reference), cover, background);
        return new Item(sample, options.views, options.size, images);
    }

    /** A mask that is too thin to shrink stays as it is. */
    private Image8 degraded(Image8 image, long seed) {
        Image8 out = options.degradation.apply(image, new SplittableRandom(seed));
        if (options.degradation.maskShift() > 0 && IntStream.range(0, out.width() * out.height()).allMatch(i -> out.data()[4 * i + 3] == 0)) {
            for (int i = 3; i < out.data().length; i += 4) {
                out.data()[i] = image.data()[i];
            }
        }
        return out;
    }

    private static float uniform(float[] range, RandomGenerator random) {
        return range[0] == range[1] ? range[0] : range[0] + random.nextFloat() * (range[1] - range[0]);
    }

    private float[] composited(float[] colours, float[] cover, float[] background) {
        int plane = options.size * options.size;
        float[] out = new float[colours.length];
        for (int i = 0; i < out.length; i++) {
            float a = cover[i / (3 * plane) * plane + i % plane];
            out[i] = colours[i] * a + background[i / plane % 3] * (1 - a);
        }
        return out;
    }

    /** {@code clamp((clamp(b x) - m) c + m)} with m of the composited pictures. */
    private float[] augmented(float[] x, float brightness, float contrast, float[] shown, int reference) {
        if (brightness == 1 && contrast == 1) {
            return x;
        }
        int each = 3 * options.size * options.size;
        double sum = 0;
        for (int i = 0; i < shown.length; i++) {
            sum += Math.clamp(shown[i] * brightness, 0f, 1f) * (i / each == reference ? 2.0 : 1.0);
        }
        float mean = (float) (sum / (shown.length + each));
        float[] out = new float[x.length];
        for (int i = 0; i < x.length; i++) {
            out[i] = Math.clamp((Math.clamp(x[i] * brightness, 0f, 1f) - mean) * contrast + mean, 0f, 1f);
        }
        return out;
    }

    private static Path picture(Path sample, int view) throws IOException {
        String name = String.format("cam_%03d.png", view);
        for (Path place : new Path[] {sample.resolve("images").resolve(name), sample.resolve(name)}) {
            if (Files.isRegularFile(place)) {
                return place;
            }
        }
        throw new DatasetException("MFL-D01", sample, "has no picture " + name + ", neither in images/ nor in the folder itself", "supply all n_views pictures");
    }

    private Image8 read(Path path) throws IOException {
        Image8 image;
        try {
            image = Images.read(path);
        } catch (NoSuchFileException e) {
            throw new DatasetException("MFL-D01", path, "does not exist", "supply it", e);
        } catch (ImageFormatException e) {
            throw new DatasetException("MFL-D05", path, "cannot be read: " + e.getMessage(), "make it again", e);
        }
        if (image.width() != image.height()) {
            throw new DatasetException("MFL-D03", path, "has " + image.width() + "x" + image.height() + " pixels, expected a square", "crop or pad it first");
        }
        return PillowResize.resize(image.hasAlpha() ? image.toRgba() : image.toRgb(), options.size, options.size, ResampleFilter.LANCZOS);
    }
}
