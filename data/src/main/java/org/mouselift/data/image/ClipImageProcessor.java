package org.mouselift.data.image;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * The picture side of CLIP (MVDiffusion specification §2.1): convert to RGB (alpha dropped), resize the shorter side,
 * centre crop, scale to [0, 1], normalise per channel.
 *
 * @param shortestEdge length of the shorter side after resizing
 * @param mean three values, {@code std} likewise
 */
public record ClipImageProcessor(int shortestEdge, int cropHeight, int cropWidth, ResampleFilter filter, double rescaleFactor, float[] mean, float[] std) {
    private static final long MAX_CONFIG_BYTES = 1 << 20;
    private static final float[] CLIP_MEAN = {0.48145466f, 0.4578275f, 0.40821073f};
    private static final float[] CLIP_STD = {0.26862954f, 0.26130258f, 0.27577711f};

    public ClipImageProcessor {
        if (shortestEdge < 1 || cropHeight < 1 || cropWidth < 1 || mean.length != 3 || std.length != 3 || !(rescaleFactor > 0)) {
            throw new IllegalArgumentException("CLIP image processor: shortest edge " + shortestEdge + ", crop " + cropHeight + "x" + cropWidth
                    + ", rescale factor " + rescaleFactor + ": all must be positive, mean and std need three values");
        }
    }

    /** Bicubic with CLIP's own mean and deviation and a square crop of the same size. */
    public static ClipImageProcessor ofSize(int size) {
        return new ClipImageProcessor(size, size, size, ResampleFilter.BICUBIC, 1.0 / 255, CLIP_MEAN, CLIP_STD);
    }

    /** Reads {@code preprocessor_config.json}, present or older form (integer {@code size} and {@code crop_size}). */
    public static ClipImageProcessor read(Path path) throws IOException {
        if (Files.size(path) > MAX_CONFIG_BYTES) {
            throw new IOException(path + ": " + Files.size(path) + " bytes, too large for a preprocessor configuration");
        }
        JsonNode config = new JsonMapper().readTree(Files.readAllBytes(path));
        for (String step : new String[] {"do_convert_rgb", "do_resize", "do_center_crop", "do_rescale", "do_normalize"}) {
            if (!config.path(step).asBoolean(true)) {
                throw new IOException(path + ": " + step + " is false; only the full CLIP processing is supported");
            }
        }
        JsonNode size = config.path("size");
        JsonNode crop = config.path("crop_size");
        try {
            return new ClipImageProcessor(size.isInt() ? size.intValue() : size.path("shortest_edge").asInt(),
                    crop.isInt() ? crop.intValue() : crop.path("height").asInt(), crop.isInt() ? crop.intValue() : crop.path("width").asInt(),
                    filter(path, config.path("resample").asInt(3)), config.path("rescale_factor").asDouble(1.0 / 255),
                    triple(path, config.path("image_mean"), CLIP_MEAN), triple(path, config.path("image_std"), CLIP_STD));
        } catch (IllegalArgumentException e) {
            throw new IOException(path + ": " + e.getMessage(), e);
        }
    }

    private static ResampleFilter filter(Path path, int code) throws IOException {
        return switch (code) {
            case 1 -> ResampleFilter.LANCZOS;
            case 2 -> ResampleFilter.BILINEAR;
            case 3 -> ResampleFilter.BICUBIC;
            default -> throw new IOException(path + ": resample " + code + " is not supported (1 Lanczos, 2 bilinear, 3 bicubic)");
        };
    }

    private static float[] triple(Path path, JsonNode node, float[] absent) throws IOException {
        if (node.isMissingNode()) {
            return absent;
        }
        if (!node.isArray() || node.size() != 3) {
            throw new IOException(path + ": expected three channel values, got " + node);
        }
        return new float[] {(float) node.get(0).asDouble(), (float) node.get(1).asDouble(), (float) node.get(2).asDouble()};
    }

    /** The picture after resize and crop, 8-bit RGB of {@code cropHeight × cropWidth}; what the crop misses is black. */
    public Image8 resizeAndCrop(Image8 image) {
        Image8 rgb = image.toRgb();
        int shorter = Math.min(rgb.width(), rgb.height());
        int longer = (int) ((long) shortestEdge * Math.max(rgb.width(), rgb.height()) / shorter);
        boolean portrait = rgb.width() <= rgb.height();
        Image8 resized = PillowResize.resize(rgb, portrait ? shortestEdge : longer, portrait ? longer : shortestEdge, filter);
        int top = Math.floorDiv(resized.height() - cropHeight, 2);
        int left = Math.floorDiv(resized.width() - cropWidth, 2);
        Image8 out = Image8.blank(cropWidth, cropHeight, 3);
        for (int y = Math.max(0, -top); y < Math.min(cropHeight, resized.height() - top); y++) {
            int x = Math.max(0, -left);
            int count = Math.min(cropWidth, resized.width() - left) - x;
            System.arraycopy(resized.data(), ((y + top) * resized.width() + x + left) * 3, out.data(), (y * cropWidth + x) * 3, count * 3);
        }
        return out;
    }

    /** The network's input: three planes of {@code cropHeight × cropWidth}. */
    public float[] process(Image8 image) {
        byte[] planes = resizeAndCrop(image).toChw();
        float[] out = new float[planes.length];
        int plane = out.length / 3;
        for (int i = 0; i < out.length; i++) {
            float unit = (float) ((planes[i] & 0xFF) * rescaleFactor);
            out[i] = (unit - mean[i / plane]) / std[i / plane];
        }
        return out;
    }

    /**
     * The training path (MVDiffusion specification §4.4): float pictures in [0, 1] straight to the crop size, antialiased,
     * then normalised.
     *
     * @param planes three planes of {@code height × width}
     */
    public float[] processFloat(float[] planes, int height, int width) {
        float[] out = FloatResize.resize(planes, 3, height, width, cropHeight, cropWidth, filter);
        normalize(out);
        return out;
    }

    /** {@code (x - mean) / std} in place on three planes. */
    public void normalize(float[] planes) {
        int plane = planes.length / 3;
        for (int i = 0; i < planes.length; i++) {
            planes[i] = (planes[i] - mean[i / plane]) / std[i / plane];
        }
    }
}
