package org.mouselift.pipeline.report;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.mouselift.data.AtomicFile;
import org.mouselift.data.camera.Camera;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.camera.SphericalPosition;
import org.mouselift.data.image.PngWriter;
import org.mouselift.data.preprocess.GeometryConsistency;
import org.mouselift.data.preprocess.QualityGrade;
import org.mouselift.data.preprocess.QualityMetrics;
import org.mouselift.pipeline.mousedata.DatasetCheck;
import org.mouselift.pipeline.mousedata.PictureSet;

/** The quality report of one data set: a page for people and the files of mouse specification §3.8. */
public final class DatasetReport {
    private static final ObjectMapper MAPPER = new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);

    private final Path dataset;
    private final DatasetCheck.Report check;
    private final LocalDate date;

    /** @param check of the same data set */
    public DatasetReport(Path dataset, DatasetCheck.Report check, LocalDate date) {
        this.dataset = dataset;
        this.check = check;
        this.date = date;
    }

    private String name() {
        return dataset.toAbsolutePath().normalize().getFileName().toString();
    }

    /** {@code <name>_metrics.json}, {@code <name>_quality_report.md}, {@code <name>_quality_report.png}, {@code <name>_sample_visualization.png}. */
    public List<Path> writeFiles(Path folder) throws IOException {
        QualityMetrics m = metrics();
        Files.createDirectories(folder);
        List<Path> files = List.of(folder.resolve(name() + "_metrics.json"), folder.resolve(name() + "_quality_report.md"), folder.resolve(name() + "_quality_report.png"),
                folder.resolve(name() + "_sample_visualization.png"));
        AtomicFile.writeText(files.get(0), MAPPER.writeValueAsString(m.toJson()) + "\n");
        AtomicFile.writeText(files.get(1), QualityMarkdown.report(m, dataset.toString(), date, geometryText(check)));
        PngWriter.write(files.get(2), QualityCharts.panel(m));
        PngWriter.write(files.get(3), SamplePictures.draw(dataset, m));
        return files;
    }

    private QualityMetrics metrics() throws IOException {
        if (check.metrics() == null) {
            throw new IOException(dataset + ": no sample can be measured, the first problem: " + check.problems().getFirst());
        }
        return check.metrics();
    }

    static String geometryText(DatasetCheck.Report check) {
        return check.geometry().isEmpty() ? "Not looked at.\n" : String.format(Locale.ROOT, "| Metric | Value |%n|--------|-------|%n| Geometry grade | **%s** |%n| Frontier points, "
                + "mean error | %.2fpx |%n| Mask centres, mean reprojection | %.2fpx |%n| Smallest hull coverage | %.1f%% |%n| Samples | %d |%n", check.grade().text(),
                check.meanTangency(), check.meanReprojection(), 100 * check.minCoverage(), check.geometry().size()).replace(System.lineSeparator(), "\n");
    }

    /** Writes the page; what cannot be measured is said instead. */
    public void writePage(Path file) throws IOException {
        HtmlPage page = new HtmlPage("Data set " + name(), dataset + ", " + date + (check.chain().isEmpty() ? "" : "; made by " + String.join(" → ", check.chain())));
        page.verdict(check.trainable(), check.trainable() ? "can be trained on" : "cannot be trained on").tiles(tiles());
        if (!check.problems().isEmpty() || !check.warnings().isEmpty()) {
            page.heading("Findings").list(cut(check.problems()), cut(check.warnings()));
        }
        if (check.metrics() != null) {
            uniformity(page);
        }
        geometry(page);
        cameras(page);
        Path provenance = dataset.resolve("dataset.json");
        if (Files.isRegularFile(provenance)) {
            page.heading("Lineage").details("dataset.json", Files.readString(provenance));
        }
        AtomicFile.writeText(file, page.text());
    }

    private static List<String> cut(List<String> lines) {
        return lines.size() <= 40 ? lines : java.util.stream.Stream.concat(lines.stream().limit(40), java.util.stream.Stream.of("… and " + (lines.size() - 40) + " more")).toList();
    }

    private List<HtmlPage.Tile> tiles() {
        List<HtmlPage.Tile> tiles = new ArrayList<>();
        DatasetCheck.Counts c = check.counts();
        tiles.add(new HtmlPage.Tile(check.samples(), "samples"));
        tiles.add(new HtmlPage.Tile(check.views(), "views"));
        tiles.add(new HtmlPage.Tile(c.train() + " / " + c.validation(), "to train / to validate"));
        if (c.firstFrame() >= 0) {
            tiles.add(new HtmlPage.Tile(c.firstFrame() + " – " + c.lastFrame(), "frames of the recording"));
            tiles.add(new HtmlPage.Tile(c.distinctPoses(), "poses ½ s apart"));
        }
        if (check.metrics() != null) {
            QualityGrade g = QualityGrade.of(check.metrics().summary(), check.metrics().imageSize());
            tiles.add(new HtmlPage.Tile(g.text(), "uniformity in 2D", kind(g.ordinal())));
            tiles.add(new HtmlPage.Tile(text("%.1f %%", 100 * check.borderViews()), "views touch the border", check.borderViews() > 0.05 ? HtmlPage.Kind.BAD : HtmlPage.Kind.PLAIN));
        }
        if (!check.geometry().isEmpty()) {
            tiles.add(new HtmlPage.Tile(check.grade().text(), "agreement in 3D", kind(check.grade().ordinal())));
            tiles.add(new HtmlPage.Tile(text("%.1f %%", 100 * check.minCoverage()), "smallest hull coverage",
                    check.minCoverage() < GeometryConsistency.MIN_COVERAGE ? HtmlPage.Kind.BAD : HtmlPage.Kind.GOOD));
        }
        return tiles;
    }

    static HtmlPage.Kind kind(int grade) {
        return grade == 0 ? HtmlPage.Kind.GOOD : grade < 3 ? HtmlPage.Kind.FAIR : HtmlPage.Kind.BAD;
    }

    private void uniformity(HtmlPage page) throws IOException {
        QualityMetrics m = check.metrics();
        QualityMetrics.Summary s = m.summary();
        page.heading("How uniformly the subject fills the pictures").note(QualityMarkdown.ONLY_2D).picture(QualityCharts.panel(m), "distributions of size and centre");
        page.table(List.of("", "mean", "std", "CV", "least", "largest", "95 %", "99 %"), List.of(
                List.of("size ratio, all views", text("%.4f", s.size().mean()), text("%.4f", s.size().std()), text("%.2f %%", s.size().cv()), text("%.4f", s.size().min()),
                        text("%.4f", s.size().max()), "", ""),
                List.of("centre offset, pixels", text("%.2f", s.offset().mean()), text("%.2f", s.offset().std()), "", text("%.2f", s.offset().min()), text("%.2f", s.offset().max()),
                        text("%.2f", s.p95()), text("%.2f", s.p99())),
                List.of("within the samples", "", text("%.2f px", s.intraOffsetStd()), text("%.2f %%", s.intraSizeCv()), "", "", "", "")));
        page.table(List.of("view", "mean size ratio", "mean offset, pixels"), views(m));
        page.list(List.of(), m.recommendations());
        page.heading("Best, median and worst sample by offset").picture(SamplePictures.draw(dataset, m), "views of three samples");
    }

    private static List<List<String>> views(QualityMetrics m) {
        Map<Integer, List<QualityMetrics.View>> byView = new TreeMap<>();
        m.samples().forEach(s -> s.views().forEach(v -> byView.computeIfAbsent(v.index(), k -> new ArrayList<>()).add(v)));
        List<List<String>> rows = new ArrayList<>();
        byView.forEach((i, list) -> rows.add(List.of(Integer.toString(i), text("%.4f", list.stream().mapToDouble(QualityMetrics.View::sizeRatio).average().orElseThrow()),
                text("%.2f", list.stream().mapToDouble(QualityMetrics.View::offset).average().orElseThrow()))));
        return rows;
    }

    private void geometry(HtmlPage page) {
        if (check.geometry().isEmpty()) {
            return;
        }
        List<GeometryConsistency> all = List.copyOf(check.geometry().values());
        List<String> names = List.copyOf(check.geometry().keySet());
        page.heading("Whether pictures and cameras agree in 3D").paragraph("A plane through two cameras that touches the body touches both silhouettes; how far the touching points are "
                + "from where the other view puts them is the error of cameras and pictures, and nothing else. The centres of the masks are no images of one point: a few pixels "
                + "are normal there. Pixels at 512.").picture(QualityCharts.geometry(all, names), "frontier point errors");
        List<List<String>> rows = new ArrayList<>();
        for (int i = 0; i < all.size(); i++) {
            GeometryConsistency g = all.get(i);
            rows.add(List.of(names.get(i), g.grade().text(), text("%.2f", g.meanTangency()), text("%.2f", g.meanReprojection()), text("%.2f", g.epipolar()), text("%.1f %%", g.sizeCv()),
                    text("%.1f %%", 100 * g.minCoverage()), g.suspect().isPresent() ? "camera " + g.suspect().getAsInt() : ""));
        }
        page.table(List.of("sample", "grade", "frontier points", "mask centres", "epipolar", "size·depth CV", "hull coverage", "suspect"), rows);
    }

    private void cameras(HtmlPage page) throws IOException {
        PictureSet first = PictureSet.read(PictureSet.folders(dataset, 1).getFirst());
        if (first.cameras().isEmpty()) {
            return;
        }
        CameraRig rig = first.cameras().get();
        List<List<String>> rows = new ArrayList<>();
        for (int i = 0; i < rig.size(); i++) {
            Camera c = rig.get(i);
            SphericalPosition p = c.position();
            rows.add(List.of(Integer.toString(i), text("%.1f°", p.azimuth().xyDegrees()), text("%.1f°", p.elevationDegrees()), text("%.3f", p.distance()),
                    text("%.1f", c.intrinsics().fx()), text("%.1f°", c.intrinsics().horizontalFovDegrees()), text("%.1f, %.1f", c.intrinsics().cx(), c.intrinsics().cy())));
        }
        page.heading("Cameras of " + rig.id()).picture(RigPlot.rows(List.of(new RigPlot.Layer(rig.id(), rig))), "the cameras from above, from the side and at a slant")
                .table(List.of("camera", "azimuth", "elevation", "distance", "focal", "FOV", "middle"), rows);
    }

    private static String text(String format, Object... values) {
        return String.format(Locale.ROOT, format, values);
    }
}
