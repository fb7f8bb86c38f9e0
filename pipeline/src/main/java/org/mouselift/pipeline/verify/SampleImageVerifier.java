package org.mouselift.pipeline.verify;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.mouselift.data.dataset.BackgroundColor;
import org.mouselift.data.golden.Comparison;
import org.mouselift.data.golden.GoldenCase;
import org.mouselift.data.golden.GoldenException;
import org.mouselift.data.golden.GoldenFolder;
import org.mouselift.data.image.Composite;
import org.mouselift.data.image.Image8;
import org.mouselift.data.image.Images;
import org.mouselift.data.image.PillowResize;
import org.mouselift.data.image.ResampleFilter;

/** Pictures of the published sample: decoding of 16-bit RGBA, compositing and the loader's resizing. Needs the sample. */
public final class SampleImageVerifier implements CaseVerifier {
    private static final Pattern SAMPLE = Pattern.compile("shared/real/([\\w/.-]+)");
    private static final Pattern LANCZOS = Pattern.compile("lanczos_(\\d+)_rgba8");
    private static final Pattern COMPOSITE = Pattern.compile("composite_([a-z]+)_(box_sum|stats|\\d+)");

    @Override
    public boolean knows(GoldenFolder folder, String file) throws GoldenException {
        return folder.kind(file).equals("case") && folder.entry(file).has("file") && folder.declares(file, "rgba8_box_sum");
    }

    /** The folder of the sample that the index's title names, where the real data are present. */
    static Optional<Path> sample(GoldenFolder folder) throws GoldenException {
        Matcher m = SAMPLE.matcher(folder.index().path("title").asText());
        if (!m.find()) {
            throw new GoldenException(folder + ": the index's title names no sample (shared/real/...)");
        }
        return folder.real(m.group(1));
    }

    @Override
    public List<CheckResult> verify(GoldenCase c) throws IOException {
        Optional<Path> sample = sample(c.folder());
        if (sample.isEmpty()) {
            return c.expected().stream().map(name -> CheckResult.skipped(name, "the published sample is not present: "
                    + c.folder().index().path("title").asText())).toList();
        }
        Image8 image = Images.read(sample.get().resolve(c.entry().get("file").asText()));
        List<CheckResult> checks = new ArrayList<>();
        for (String name : c.expected()) {
            checks.add(CheckResult.of(compare(c, name, image)));
        }
        return checks;
    }

    private static Comparison compare(GoldenCase c, String name, Image8 image) throws IOException {
        if (name.equals("rgba8_box_sum")) {
            return c.compare(name, boxSums(image.toRgba(), (int) c.shape(name)[2]));
        }
        Matcher m = LANCZOS.matcher(name);
        if (m.matches()) {
            int size = Integer.parseInt(m.group(1));
            Image8 resized = PillowResize.resize(image.toRgba(), size, size, ResampleFilter.LANCZOS);
            return c.compareUnsigned(name, everyNth(resized, size / (int) c.shape(name)[2]).toChw());
        }
        m = COMPOSITE.matcher(name);
        if (!m.matches()) {
            return Comparison.failure(name, c.tolerance(name), "this verifier has no rule for a tensor of this name");
        }
        float[] colour = BackgroundColor.parse(m.group(1)).draw(new SplittableRandom(0));
        Image8 composite = Composite.onto(image, BackgroundColor.toBytes(colour));
        return switch (m.group(2)) {
            case "box_sum" -> c.compare(name, boxSums(composite, (int) c.shape(name)[2]));
            case "stats" -> c.compare(name, statistics(composite));
            default -> {
                int boxes = (int) c.shape(name)[2];
                long[] sums = boxSums(composite, boxes);
                double[] means = new double[sums.length];
                double samples = (double) (composite.width() / boxes) * (composite.height() / boxes);
                for (int i = 0; i < means.length; i++) {
                    means[i] = sums[i] / (255 * samples);
                }
                yield c.compare(name, means);
            }
        };
    }

    /** Sums over square boxes, [channels, boxes, boxes]. */
    private static long[] boxSums(Image8 image, int boxes) {
        int side = image.width() / boxes;
        int rows = image.height() / side;
        long[] sums = new long[image.channels() * rows * boxes];
        for (int y = 0; y < rows * side; y++) {
            for (int x = 0; x < boxes * side; x++) {
                for (int ch = 0; ch < image.channels(); ch++) {
                    sums[(ch * rows + y / side) * boxes + x / side] += image.get(x, y, ch);
                }
            }
        }
        return sums;
    }

    private static Image8 everyNth(Image8 image, int step) {
        int width = (image.width() + step - 1) / step;
        int height = (image.height() + step - 1) / step;
        Image8 out = Image8.blank(width, height, image.channels());
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                System.arraycopy(image.data(), (y * step * image.width() + x * step) * image.channels(), out.data(),
                        (y * width + x) * image.channels(), image.channels());
            }
        }
        return out;
    }

    /** Mean, population deviation, minimum and maximum per channel of the samples / 255, [4, channels]. */
    private static double[] statistics(Image8 image) {
        int channels = image.channels();
        double[] out = new double[4 * channels];
        int plane = image.width() * image.height();
        for (int ch = 0; ch < channels; ch++) {
            double sum = 0;
            double squares = 0;
            int min = 255;
            int max = 0;
            for (int i = 0; i < plane; i++) {
                int value = image.data()[i * channels + ch] & 0xFF;
                sum += value;
                squares += (double) value * value;
                min = Math.min(min, value);
                max = Math.max(max, value);
            }
            double mean = sum / plane;
            out[ch] = mean / 255;
            out[channels + ch] = Math.sqrt(squares / plane - mean * mean) / 255;
            out[2 * channels + ch] = min / 255.0;
            out[3 * channels + ch] = max / 255.0;
        }
        return out;
    }
}
