package org.mouselift.data.preprocess;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Uniformity of a data set in 2D: how large the subject is in each view and how far from the middle (mouse specification §3.8). The
 * JSON form is that of the original's {@code <name>_metrics.json}.
 *
 * @param imageSize side of the pictures, pixels; thresholds in pixels scale with it
 */
public record QualityMetrics(String dataset, int imageSize, List<Sample> samples) {
    private static final long MAX_BYTES = 512L << 20;
    private static final ObjectMapper MAPPER = new ObjectMapper();

    /** One view; the offset is measured from (size/2, size/2) in index coordinates. */
    public record View(int index, double comX, double comY, double boxX, double boxY, double sizeRatio, double offset) {
        public static View of(int index, MaskStatistics m) {
            return new View(index, m.comX(), m.comY(), m.boxCenterX(), m.boxCenterY(), m.sizeRatio(), m.comOffset());
        }
    }

    /** The views of one sample. */
    public record Sample(String name, List<View> views) {
        public Sample {
            views = List.copyOf(views);
            if (views.isEmpty()) {
                throw new IllegalArgumentException("quality metrics: sample " + name + " has no views");
            }
        }

        public Spread size() {
            return Spread.of(views.stream().mapToDouble(View::sizeRatio).toArray());
        }

        public Spread offset() {
            return Spread.of(views.stream().mapToDouble(View::offset).toArray());
        }
    }

    /** Mean, population standard deviation and extremes. */
    public record Spread(double mean, double std, double min, double max) {
        public static Spread of(double[] v) {
            double mean = Arrays.stream(v).average().orElse(Double.NaN);
            double square = Arrays.stream(v).map(x -> (x - mean) * (x - mean)).average().orElse(Double.NaN);
            return new Spread(mean, Math.sqrt(square), Arrays.stream(v).min().orElse(Double.NaN), Arrays.stream(v).max().orElse(Double.NaN));
        }

        /** Coefficient of variation, percent; 0 when the mean is 0. */
        public double cv() {
            return mean == 0 ? 0 : 100 * std / mean;
        }
    }

    /**
     * The whole data set.
     *
     * @param size            size ratios of all views: its {@code cv()} is {@code cv_views}
     * @param offset          offsets of all views, pixels
     * @param offsetPercent   mean offset in percent of the picture
     * @param sampleSize      the mean size ratios of the samples: its {@code cv()} is {@code cv_samples}
     * @param sampleOffset    the mean offsets of the samples
     * @param intraSizeCv     mean over the samples of the size CV of their views, percent
     * @param intraOffsetStd  mean over the samples of the offset std of their views
     * @param outliers        views more than 50 px (at 512) from the middle
     */
    public record Summary(int samples, int views, Spread size, Spread offset, double p95, double p99, double offsetPercent, Spread sampleSize,
            Spread sampleOffset, double intraSizeCv, double intraOffsetStd, int outliers) {}

    public QualityMetrics {
        samples = List.copyOf(samples);
        if (samples.isEmpty()) {
            throw new IllegalArgumentException("quality metrics: data set " + dataset + " has no valid sample");
        }
    }

    /** The first {@code n} samples. */
    public QualityMetrics first(int n) {
        return new QualityMetrics(dataset, imageSize, samples.subList(0, Math.min(n, samples.size())));
    }

    public Summary summary() {
        double[] sizes = samples.stream().flatMap(s -> s.views.stream()).mapToDouble(View::sizeRatio).toArray();
        double[] offsets = samples.stream().flatMap(s -> s.views.stream()).mapToDouble(View::offset).toArray();
        Spread offset = Spread.of(offsets);
        double limit = 50.0 * imageSize / 512;
        return new Summary(samples.size(), sizes.length, Spread.of(sizes), offset, percentile(offsets, 95), percentile(offsets, 99),
                100 * offset.mean / imageSize, Spread.of(samples.stream().mapToDouble(s -> s.size().mean).toArray()),
                Spread.of(samples.stream().mapToDouble(s -> s.offset().mean).toArray()),
                samples.stream().mapToDouble(s -> s.size().cv()).average().orElseThrow(),
                samples.stream().mapToDouble(s -> s.offset().std).average().orElseThrow(),
                (int) Arrays.stream(offsets).filter(o -> o > limit).count());
    }

    /** Linear interpolation between the ordered values. */
    public static double percentile(double[] values, double percent) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        double at = percent / 100 * (sorted.length - 1);
        int low = (int) Math.floor(at);
        int high = Math.min(low + 1, sorted.length - 1);
        return sorted[low] + (at - low) * (sorted[high] - sorted[low]);
    }

    /** What to do, in sentences; one line saying so when there is nothing. */
    public List<String> recommendations() {
        Summary s = summary();
        List<String> out = new ArrayList<>();
        if (s.size.cv() > 3) {
            out.add(String.format(java.util.Locale.ROOT, "Size CV is %.2f%%: repeat the preprocessing with a stricter size (pixel-based).", s.size.cv()));
        }
        if (s.offset.mean > 10.0 * imageSize / 512) {
            out.add(String.format(java.util.Locale.ROOT, "The mean offset is %.1f px: improve the centring; consider a 3D centre (hull3d).", s.offset.mean));
        }
        if (s.outliers > 0) {
            out.add(s.outliers + " views are more than 50 px (at 512) from the middle: inspect them.");
        }
        return out.isEmpty() ? List.of("Preprocessing quality is good, nothing to do.") : List.copyOf(out);
    }

    /** The file {@code <name>_metrics.json}. */
    public ObjectNode toJson() {
        Summary s = summary();
        ObjectNode root = JsonNodeFactory.instance.objectNode().put("dataset", dataset).put("data_dir", dataset).put("img_size", imageSize)
                .put("n_samples", samples.size());
        root.putObject("summary").put("size_ratio_mean", s.sampleSize.mean).put("size_ratio_std", s.size.std).put("com_offset_mean", s.sampleOffset.mean)
                .put("quality_grade", QualityGrade.of(s, imageSize).text()).put("cv_views", s.size.cv()).put("cv_samples", s.sampleSize.cv())
                .put("com_offset_p95", s.p95).put("com_offset_p99", s.p99).put("com_offset_max", s.offset.max);
        ArrayNode list = root.putArray("samples");
        for (Sample sample : samples) {
            ObjectNode o = list.addObject().put("sample_name", sample.name).put("n_views", sample.views.size());
            ArrayNode views = o.putArray("view_metrics");
            for (View v : sample.views) {
                ObjectNode n = views.addObject().put("view_idx", v.index);
                n.putArray("com").add(v.comX).add(v.comY);
                n.putArray("bbox_center").add(v.boxX).add(v.boxY);
                n.put("size_ratio", v.sizeRatio).put("com_offset_x", v.comX - imageSize / 2.0).put("com_offset_y", v.comY - imageSize / 2.0)
                        .put("com_offset_dist", v.offset).put("com_offset_pct", 100 * v.offset / imageSize);
            }
            Spread size = sample.size();
            Spread offset = sample.offset();
            o.put("size_ratio_mean", size.mean).put("size_ratio_std", size.std).put("size_ratio_cv", size.cv()).put("com_offset_mean", offset.mean)
                    .put("com_offset_std", offset.std).put("com_offset_max", offset.max);
        }
        return root;
    }

    /** Reads a metrics file, from here or from the original program (which measured 512-pixel pictures). */
    public static QualityMetrics read(Path file) throws IOException {
        if (Files.size(file) > MAX_BYTES) {
            throw new IOException(file + ": has " + Files.size(file) + " bytes, at most " + MAX_BYTES + " are read");
        }
        JsonNode root = MAPPER.readTree(Files.readAllBytes(file));
        List<Sample> samples = new ArrayList<>();
        for (JsonNode s : root.path("samples")) {
            List<View> views = new ArrayList<>();
            for (JsonNode v : s.path("view_metrics")) {
                views.add(new View(v.path("view_idx").asInt(-1), number(file, v.path("com").path(0)), number(file, v.path("com").path(1)),
                        number(file, v.path("bbox_center").path(0)), number(file, v.path("bbox_center").path(1)), number(file, v.path("size_ratio")),
                        number(file, v.path("com_offset_dist"))));
            }
            if (views.isEmpty()) {
                throw new IOException(file + ": sample " + s.path("sample_name") + " has no view_metrics; expected a quality metrics file");
            }
            samples.add(new Sample(s.path("sample_name").asText(), views));
        }
        if (samples.isEmpty()) {
            throw new IOException(file + ": lists no samples; expected a quality metrics file");
        }
        return new QualityMetrics(root.path("dataset").asText(file.getFileName().toString()), root.path("img_size").asInt(512), samples);
    }

    private static double number(Path file, JsonNode n) throws IOException {
        if (!n.isNumber()) {
            throw new IOException(file + ": a view has " + n + " where a number is expected");
        }
        return n.doubleValue();
    }
}
