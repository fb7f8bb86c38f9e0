package org.mouselift.pipeline.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.mouselift.data.image.Image8;
import org.mouselift.data.preprocess.QualityMetrics;

class QualityReportTest {
    private static final Path REPORTS = Path.of(System.getProperty("mouselift.shared", "missing"), "real/reports");
    private static final LocalDate DATE = LocalDate.of(2026, 1, 2);

    @TempDir
    Path folder;

    private static QualityMetrics published(String name) throws IOException {
        Path file = REPORTS.resolve("preprocessing_quality/" + name + "_metrics.json");
        Assumptions.assumeTrue(Files.exists(file), () -> "SKIPPED: no " + file);
        return QualityMetrics.read(file);
    }

    private static List<String> tableRows(String markdown) {
        return markdown.lines().filter(l -> l.startsWith("|") && !l.contains("Dataset Path")).toList();
    }

    /** Every row of every table of the published reports, from the published metrics. */
    @Test
    void theTablesOfThePublishedReportsAreReproduced() throws IOException {
        for (String name : List.of("data_mouse_pixel_based", "data_mouse_uniform_v2")) {
            List<String> ours = tableRows(QualityMarkdown.report(published(name), name, DATE, ""));
            String original = Files.readString(REPORTS.resolve("preprocessing_quality/" + name + "_quality_report.md"));
            assertEquals(tableRows(original), ours, name);
        }
    }

    @Test
    void theRowsOfThePublishedComparisonAreReproduced() throws IOException {
        List<QualityMetrics> sets = List.of(published("data_mouse_uniform_v2").first(50), published("data_mouse_pixel_based").first(50));
        String ours = QualityMarkdown.comparison(sets, DATE, "");
        String original = Files.readString(REPORTS.resolve("preprocessing_comparison/comparison_report.md"));
        List<String> expected = original.lines().filter(l -> l.startsWith("| data_mouse_pixel_based ") || l.startsWith("| data_mouse_uniform_v2 ")).toList();
        assertEquals(expected, ours.lines().filter(l -> l.startsWith("| data_mouse")).toList(), "the better grade first");
        for (String section : List.of("data_mouse_pixel_based", "data_mouse_uniform_v2")) {
            String part = original.substring(original.indexOf("### " + section + "\n"));
            part = part.substring(0, part.indexOf("\n#", 4)).strip();
            assertTrue(ours.contains(part), () -> "section of " + section);
        }
        assertTrue(ours.contains("**Recommended Dataset**: `data_mouse_pixel_based` (Grade A)"), ours);
    }

    private static QualityMetrics made(String name, double size, double offset) {
        List<QualityMetrics.Sample> samples = new ArrayList<>();
        for (int i = 0; i < 7; i++) {
            List<QualityMetrics.View> views = new ArrayList<>();
            for (int v = 0; v < 6; v++) {
                views.add(new QualityMetrics.View(v, 256 + offset, 256, 256, 256, size + 0.001 * v + 0.002 * i, offset));
            }
            samples.add(new QualityMetrics.Sample("sample_00000" + i, views));
        }
        return new QualityMetrics(name, 512, samples);
    }

    @Test
    void aComparisonOfMetricsAloneHasAllFiles() throws IOException {
        List<DatasetComparison.Entry> entries = List.of(new DatasetComparison.Entry(made("data_mouse", 0.2, 80), Optional.empty(), Optional.empty()),
                new DatasetComparison.Entry(made("data_mouse_<b>", 0.3, 2), Optional.empty(), Optional.empty()));
        DatasetComparison.write(folder, entries, DATE);
        JsonNode json = new ObjectMapper().readTree(folder.resolve("comparison_metrics.json").toFile());
        assertEquals(List.of("D", "B"), List.of(json.at("/datasets/0/quality_grade").asText(), json.at("/datasets/1/quality_grade").asText()));
        String page = Files.readString(folder.resolve("comparison.html"));
        assertTrue(page.contains("none of them is known to agree with its cameras") && page.contains("data_mouse_&lt;b&gt;") && !page.contains("<b>data"), "names are escaped");
        assertFalse(page.matches("(?s).*(src|href)=\"(?!data:).*"), "the page refers to nothing outside itself");
        assertEquals("original", entries.getFirst().label());
    }

    /** Marks stand where the data say: the bar chart has a red column of the right height for the bad set, a green one for the good set. */
    @Test
    void barsAreAsHighAsTheirValues() {
        Image8 bars = QualityCharts.bars(List.of("good", "bad"), List.of(made("good", 0.3, 4), made("bad", 0.3, 40)));
        int good = 0;
        int bad = 0;
        for (int y = 0; y < bars.height(); y++) {
            for (int x = bars.width() / 2; x < bars.width(); x++) {
                int rgb = bars.get(x, y, 0) << 16 | bars.get(x, y, 1) << 8 | bars.get(x, y, 2);
                good += rgb == (QualityCharts.GOOD.getRGB() & 0xFFFFFF) ? 1 : 0;
                bad += rgb == (QualityCharts.BAD.getRGB() & 0xFFFFFF) ? 1 : 0;
            }
        }
        assertEquals(10, (double) bad / good, 0.5, "40 px against 4 px");
    }

    @Test
    void ticksAreRoundAndInside() {
        assertEquals(List.of(0.0, 2.0, 4.0, 6.0, 8.0, 10.0), Axes.ticks(0, 11).stream().map(v -> Math.rint(v * 1e9) / 1e9).toList());
        assertTrue(Axes.ticks(-3.7, 1.2).stream().allMatch(v -> v >= -3.7 && v <= 1.2));
    }
}
