package org.mouselift.pipeline.verify;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.mouselift.data.golden.Comparison;
import org.mouselift.data.golden.GoldenCase;
import org.mouselift.data.golden.GoldenException;
import org.mouselift.data.golden.GoldenFolder;
import org.mouselift.data.image.ClipImageProcessor;
import org.mouselift.data.image.Composite;
import org.mouselift.data.image.FloatResize;
import org.mouselift.data.image.Image8;
import org.mouselift.data.image.PillowResize;
import org.mouselift.data.image.Quantization;
import org.mouselift.data.image.ResampleFilter;

/** Picture preparation: Pillow resizing, CLIP image processor, float resizing, conversions and compositing. */
public final class ImagePreprocessingVerifier implements CaseVerifier {
    private static final Pattern RESIZE = Pattern.compile("resize\\.(\\w+)\\.(\\w+)\\.(\\d+)x(\\d+)");
    private static final Pattern RESIZE_RED = Pattern.compile("resize_L\\.(\\w+)_red\\.(\\w+)\\.(\\d+)x(\\d+)");
    private static final Pattern CLIP = Pattern.compile("(pixel_values|uint8)\\.(\\w+)\\.\\w+");
    private static final Pattern CLIP_SIZES = Pattern.compile("size\\.shortest_edge=(\\d+), crop_size=(\\d+)x(\\d+)");
    private static final Pattern FLOAT = Pattern.compile("(resized|normalised)\\.(\\w+)\\.(\\d+)x(\\d+)");
    private static final Pattern COMPOSITE = Pattern.compile("composite\\.(\\w+)\\.(\\d+)x(\\d+)");

    @Override
    public boolean knows(GoldenFolder folder, String file) throws GoldenException {
        return folder.name().equals("image_preprocessing") && folder.kind(file).equals("case");
    }

    @Override
    public List<CheckResult> verify(GoldenCase c) throws IOException {
        List<CheckResult> checks = new ArrayList<>();
        for (String name : c.expected()) {
            checks.add(check(c, name));
        }
        return checks;
    }

    private static CheckResult check(GoldenCase c, String name) throws IOException {
        Matcher m = RESIZE.matcher(name);
        if (m.matches()) {
            return CheckResult.of(c.compareUnsigned(name, resized(image(c, "image." + m.group(1)), m).data()));
        }
        m = RESIZE_RED.matcher(name);
        if (m.matches()) {
            return CheckResult.of(c.compareUnsigned(name, resized(image(c, "image." + m.group(1)).channel(0), m).data()));
        }
        m = CLIP.matcher(name);
        if (m.matches()) {
            return CheckResult.of(clip(c, name, m));
        }
        m = FLOAT.matcher(name);
        if (m.matches()) {
            return CheckResult.of(floatResize(c, name, m));
        }
        m = COMPOSITE.matcher(name);
        if (m.matches()) {
            Image8 image = PillowResize.resize(image(c, "rgba"), Integer.parseInt(m.group(2)), Integer.parseInt(m.group(3)), ResampleFilter.LANCZOS);
            float grey = switch (m.group(1)) {
                case "white" -> 1;
                case "gray" -> 0.5f;
                case "black" -> 0;
                default -> throw new GoldenException(c + ": tensor '" + name + "': unknown background '" + m.group(1) + "'");
            };
            return CheckResult.of(c.compare(name, Composite.ontoFloat(image, new float[] {grey, grey, grey})));
        }
        return switch (name) {
            case "pipeline_input_u8" -> CheckResult.of(c.compareUnsigned(name, Quantization.TRUNCATE.apply(c.floats("float_image"))));
            case "validation_u8" -> CheckResult.of(c.compareUnsigned(name, Quantization.TRUNCATE.apply(validationSource(c))));
            case "post_pt" -> CheckResult.of(c.compare(name, Quantization.decodedToUnit(c.floats("decoded"))));
            case "post_np" -> {
                float[] unit = Quantization.decodedToUnit(c.floats("decoded"));
                long[] shape = c.shape("decoded");
                yield CheckResult.of(c.compare(name, toHwc(unit, (int) shape[1], (int) (shape[2] * shape[3]))));
            }
            case "post_u8" -> {
                long[] shape = c.shape("decoded");
                float[] unit = Quantization.decodedToUnit(c.floats("decoded"));
                yield CheckResult.of(c.compareUnsigned(name,
                        Quantization.ROUND.fromChw(unit, (int) shape[1], (int) shape[2], (int) shape[3]).data()));
            }
            default -> CheckResult.fail(name, "this verifier has no rule for a tensor of this name");
        };
    }

    /** Validation pictures come out of the sampling pipeline, already in [0, 1]. */
    private static float[] validationSource(GoldenCase c) throws IOException {
        return Quantization.decodedToUnit(c.floats("decoded"));
    }

    private static Comparison clip(GoldenCase c, String name, Matcher m) throws IOException {
        String meaning = c.tensorEntry("pixel_values" + name.substring(m.group(1).length())).path("meaning").asText();
        Matcher sizes = CLIP_SIZES.matcher(meaning);
        if (!sizes.find()) {
            throw new GoldenException(c + ": tensor '" + name + "': its meaning names no size.shortest_edge and crop_size: " + meaning);
        }
        ClipImageProcessor processor = new ClipImageProcessor(Integer.parseInt(sizes.group(1)), Integer.parseInt(sizes.group(2)),
                Integer.parseInt(sizes.group(3)), ResampleFilter.BICUBIC, 1.0 / 255, floats(c, "image_mean"), floats(c, "image_std"));
        Image8 image = image(c, "image." + m.group(2));
        return m.group(1).equals("uint8") ? c.compareUnsigned(name, processor.resizeAndCrop(image).toChw()) : c.compare(name, processor.process(image));
    }

    private static Comparison floatResize(GoldenCase c, String name, Matcher m) throws IOException {
        String input = "image." + m.group(2);
        long[] shape = c.shape(input);
        int height = Integer.parseInt(m.group(3));
        int width = Integer.parseInt(m.group(4));
        if (m.group(1).equals("resized")) {
            return c.compare(name, FloatResize.resize(c.floats(input), (int) (shape[0] * shape[1]), (int) shape[2], (int) shape[3], height, width,
                    ResampleFilter.BICUBIC));
        }
        ClipImageProcessor clip = ClipImageProcessor.ofSize(1);
        ClipImageProcessor processor = new ClipImageProcessor(height, height, width, clip.filter(), clip.rescaleFactor(), clip.mean(), clip.std());
        return c.compare(name, processor.processFloat(c.floats(input), (int) shape[2], (int) shape[3]));
    }

    private static Image8 resized(Image8 image, Matcher m) {
        return PillowResize.resize(image, Integer.parseInt(m.group(3)), Integer.parseInt(m.group(4)),
                ResampleFilter.valueOf(m.group(2).toUpperCase(Locale.ROOT)));
    }

    private static Image8 image(GoldenCase c, String name) throws IOException {
        long[] shape = c.shape(name);
        return new Image8((int) shape[1], (int) shape[0], shape.length == 2 ? 1 : (int) shape[2], c.tensor(name).bytes());
    }

    private static float[] floats(GoldenCase c, String key) throws GoldenException {
        if (c.entry().path(key).size() != 3) {
            throw new GoldenException(c + ": index.json gives no three values '" + key + "'");
        }
        float[] out = new float[3];
        for (int i = 0; i < 3; i++) {
            out[i] = (float) c.entry().get(key).get(i).asDouble();
        }
        return out;
    }

    private static float[] toHwc(float[] planes, int channels, int plane) {
        float[] out = new float[planes.length];
        for (int c = 0; c < channels; c++) {
            for (int i = 0; i < plane; i++) {
                out[i * channels + c] = planes[c * plane + i];
            }
        }
        return out;
    }
}
