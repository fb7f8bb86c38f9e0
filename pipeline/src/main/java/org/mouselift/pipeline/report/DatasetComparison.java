package org.mouselift.pipeline.report;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.mouselift.data.AtomicFile;
import org.mouselift.data.image.Image8;
import org.mouselift.data.image.PngWriter;
import org.mouselift.data.preprocess.GeometryConsistency;
import org.mouselift.data.preprocess.QualityGrade;
import org.mouselift.data.preprocess.QualityMetrics;
import org.mouselift.pipeline.mousedata.DatasetCheck;
import org.mouselift.pipeline.mousedata.PictureSet;

/** Several data sets side by side (mouse specification §3.9): table, charts, pictures, recommendation. */
public final class DatasetComparison {
    private static final int PICTURES = 5;
    private static final ObjectMapper MAPPER = new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);

    /**
     * One data set.
     *
     * @param metrics cut to as many samples as are compared
     * @param folder  with its pictures, empty when only its metrics are known
     * @param check   what is known about 3D, empty as above
     */
    public record Entry(QualityMetrics metrics, Optional<Path> folder, Optional<DatasetCheck.Report> check) {
        /** Without the prefix that all data sets of a family share. */
        String label() {
            String name = metrics.dataset();
            return name.equals("data_mouse") ? "original" : name.startsWith("data_mouse_") ? name.substring("data_mouse_".length()) : name;
        }
    }

    private DatasetComparison() {}

    /** Writes {@code comparison_report.md}, {@code comparison_metrics.json}, the three pictures and {@code comparison.html}. */
    public static void write(Path folder, List<Entry> entries, LocalDate date) throws IOException {
        Files.createDirectories(folder);
        List<QualityMetrics> metrics = entries.stream().map(Entry::metrics).toList();
        List<String> labels = entries.stream().map(Entry::label).toList();
        List<List<Image8>> pictures = new ArrayList<>();
        for (Entry e : entries) {
            pictures.add(e.folder.isPresent() ? pictures(e) : List.of());
        }
        Image8 bars = QualityCharts.bars(labels, metrics);
        Image8 grid = SamplePictures.grid(labels, pictures, metrics);
        Image8 samples = SamplePictures.samples(labels, pictures, PICTURES);
        PngWriter.write(folder.resolve("bar_chart_comparison.png"), bars);
        PngWriter.write(folder.resolve("comparison_grid.png"), grid);
        PngWriter.write(folder.resolve("multi_sample_comparison.png"), samples);
        AtomicFile.writeText(folder.resolve("comparison_report.md"), QualityMarkdown.comparison(metrics, date, geometry(entries)) + "\n" + forStage2(entries) + "\n");
        AtomicFile.writeText(folder.resolve("comparison_metrics.json"), MAPPER.writeValueAsString(json(entries)) + "\n");
        HtmlPage page = new HtmlPage("Data sets compared", date + ", the first " + metrics.stream().mapToInt(m -> m.samples().size()).max().orElse(0) + " samples of each");
        page.note(QualityMarkdown.ONLY_2D).table(List.of("data set", "samples", "size mean", "size CV", "centre offset at 512", "2D grade", "3D grade", "frontier points"),
                entries.stream().map(DatasetComparison::row).toList());
        page.paragraph(QualityMarkdown.recommendation(entries.stream().map(Entry::metrics).min(java.util.Comparator.comparing(QualityMarkdown::grade)).orElseThrow())
                .replaceAll("[*`]", "").replace("\n\n", ". ")).paragraph(forStage2(entries));
        page.picture(bars, "size CV and centre offset as bars").heading("First sample, first view").picture(grid, "first view of each data set");
        page.heading("First view of five samples").picture(samples, "five samples of each data set");
        AtomicFile.writeText(folder.resolve("comparison.html"), page.text());
    }

    /** Uniform pictures do for Stage 1; Stage 2 needs cameras that agree with them. */
    private static String forStage2(List<Entry> entries) {
        return entries.stream().filter(e -> e.check.filter(c -> !c.geometry().isEmpty() && c.grade().compareTo(GeometryConsistency.Grade.GB) <= 0).isPresent())
                .min(java.util.Comparator.comparing((Entry e) -> QualityMarkdown.grade(e.metrics)).thenComparing(e -> e.metrics.summary().sampleOffset().mean()))
                .map(e -> "For training on cameras (Stage 2): " + e.metrics.dataset() + ", " + e.check.orElseThrow().grade().text() + " in 3D.")
                .orElse("For training on cameras (Stage 2): none of them is known to agree with its cameras.");
    }

    private static List<String> row(Entry e) {
        QualityMetrics.Summary s = e.metrics.summary();
        return List.of(e.metrics.dataset(), Integer.toString(s.samples()), text("%.1f %%", 100 * s.sampleSize().mean()), text("%.2f %%", s.sampleSize().cv()),
                text("%.1f px", s.sampleOffset().mean() * 512 / e.metrics.imageSize()), QualityMarkdown.grade(e.metrics).name(), e.check.map(c -> c.grade().text()).orElse("unknown"),
                e.check.map(c -> text("%.2f px", c.meanTangency())).orElse(""));
    }

    private static List<Image8> pictures(Entry e) throws IOException {
        List<Image8> out = new ArrayList<>();
        for (QualityMetrics.Sample s : e.metrics.samples().subList(0, Math.min(PICTURES, e.metrics.samples().size()))) {
            out.add(PictureSet.read(e.folder.orElseThrow().resolve(s.name())).pictures().getFirst());
        }
        return out;
    }

    private static String geometry(List<Entry> entries) {
        StringBuilder t = new StringBuilder("| Dataset | Geometry grade | Frontier points | Smallest hull coverage |\n|---------|------|------|------|\n");
        for (Entry e : entries) {
            t.append("| ").append(e.metrics.dataset()).append(e.check.filter(c -> !c.geometry().isEmpty())
                    .map(c -> text(" | %s | %.2fpx | %.1f%% |\n", c.grade().text(), c.meanTangency(), 100 * c.minCoverage())).orElse(" | unknown | | |\n"));
        }
        return t.toString();
    }

    private static ObjectNode json(List<Entry> entries) {
        ObjectNode root = JsonNodeFactory.instance.objectNode();
        ArrayNode list = root.putArray("datasets");
        for (Entry e : entries) {
            QualityMetrics.Summary s = e.metrics.summary();
            ObjectNode o = list.addObject().put("dataset", e.metrics.dataset()).put("n_samples", s.samples()).put("size_ratio_mean", s.sampleSize().mean())
                    .put("size_ratio_std", s.sampleSize().std()).put("cv_samples", s.sampleSize().cv()).put("cv_views", s.size().cv())
                    .put("com_offset_mean", s.sampleOffset().mean()).put("com_offset_std", s.sampleOffset().std()).put("com_offset_max", s.sampleOffset().max())
                    .put("quality_grade", QualityMarkdown.grade(e.metrics).name());
            // The numbers above are those of the samples' means; these are of single views, as the report of one data set has them.
            ObjectNode views = o.putObject("views").put("count", s.views()).put("quality_grade", QualityGrade.of(s, e.metrics.imageSize()).name());
            views.putObject("size_ratio").put("mean", s.size().mean()).put("std", s.size().std()).put("cv", s.size().cv()).put("min", s.size().min()).put("max", s.size().max())
                    .put("intra_sample_cv", s.intraSizeCv());
            views.putObject("com_offset").put("mean", s.offset().mean()).put("std", s.offset().std()).put("max", s.offset().max()).put("p95", s.p95()).put("p99", s.p99())
                    .put("mean_percent", s.offsetPercent()).put("intra_sample_std", s.intraOffsetStd()).put("outliers", s.outliers());
            e.check.filter(c -> !c.geometry().isEmpty()).ifPresent(c -> o.put("geometry_grade", c.grade().text()).put("frontier_points_px", c.meanTangency())
                    .put("min_hull_coverage", c.minCoverage()));
        }
        return root;
    }

    private static String text(String format, Object... values) {
        return String.format(Locale.ROOT, format, values);
    }
}
