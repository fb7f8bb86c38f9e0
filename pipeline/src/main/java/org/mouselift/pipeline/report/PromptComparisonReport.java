package org.mouselift.pipeline.report;

import java.awt.Color;
import java.awt.geom.Rectangle2D;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.CategoryChart;
import org.knowm.xchart.CategoryChartBuilder;
import org.knowm.xchart.CategorySeries;
import org.knowm.xchart.style.Styler.LegendPosition;
import org.mouselift.data.AtomicFile;
import org.mouselift.data.image.Image8;
import org.mouselift.data.image.PngWriter;
import org.mouselift.pipeline.evaluate.MultiViewEvaluation;
import org.mouselift.pipeline.evaluate.PairedDifference;
import org.mouselift.pipeline.evaluate.PromptCandidate;
import org.mouselift.pipeline.evaluate.PromptComparison;
import org.mouselift.pipeline.reconstruct.Pictures;

/** A {@link PromptComparison} for people: {@code report.md}, its charts and its contact sheets. */
public final class PromptComparisonReport {
    private static final int CELL = 56;
    private static final int LABEL = 130;
    private static final int CAPTION = 26;

    private PromptComparisonReport() {}

    /**
     * Pictures of one sample.
     *
     * @param truth true view of every slot
     * @param drawn views of every slot, by candidate
     */
    public record Sheet(String sample, List<Image8> truth, Map<String, List<Image8>> drawn) {
        public Sheet {
            drawn = new LinkedHashMap<>(drawn);
        }
    }

    /** Writes {@code report.md}, {@code differences.png}, {@code embeddings.png} and {@code sheet_NAME.png}; returns the files. */
    public static List<Path> write(Path folder, PromptComparison.Report report, List<Sheet> sheets) throws IOException {
        Files.createDirectories(folder);
        List<Path> files = new ArrayList<>(List.of(folder.resolve("differences.png"), folder.resolve("embeddings.png")));
        PngWriter.write(files.get(0), differences(report));
        PngWriter.write(files.get(1), embeddings(report.candidates()));
        for (Sheet sheet : sheets) {
            files.add(folder.resolve("sheet_" + sheet.sample() + ".png"));
            PngWriter.write(files.getLast(), contacts(sheet));
        }
        files.addFirst(folder.resolve("report.md"));
        AtomicFile.writeText(files.getFirst(), markdown(report, files.subList(1, files.size())));
        return files;
    }

    private static List<String> values(PromptComparison.Report r, boolean views) {
        return r.differences().stream().map(views ? PromptComparison.Line::view : PromptComparison.Line::metric).distinct().toList();
    }

    private static PairedDifference of(PromptComparison.Report r, String candidate, String view, String metric) {
        return r.differences().stream().filter(l -> l.candidate().equals(candidate) && l.view().equals(view) && l.metric().equals(metric)).findFirst().orElseThrow().difference();
    }

    /** Differences from the first candidate with their intervals, a chart for each metric. */
    private static Image8 differences(PromptComparison.Report r) {
        List<Image8> charts = new ArrayList<>();
        List<String> views = values(r, true);
        for (String metric : values(r, false)) {
            CategoryChart chart = new CategoryChartBuilder().width(900).height(270).title(metric + ": difference from " + r.candidates().getFirst().name()
                    + ", 95 % intervals over " + r.samples() + " samples").build();
            chart.getStyler().setDefaultSeriesRenderStyle(CategorySeries.CategorySeriesRenderStyle.Scatter).setPlotGridLinesColor(new Color(0xe0e0e0))
                    .setLegendPosition(LegendPosition.OutsideE).setChartBackgroundColor(Color.WHITE).setLegendBorderColor(Color.WHITE);
            double reach = 1e-6;
            for (int k = 1; k < r.candidates().size(); k++) {
                String name = r.candidates().get(k).name();
                List<PairedDifference> d = views.stream().map(view -> of(r, name, view, metric)).toList();
                List<Double> means = d.stream().map(x -> x.mean() == null ? 0 : x.mean()).toList();
                List<Double> errors = d.stream().map(x -> x.high() == null ? 0 : x.high() - x.mean()).toList();
                for (int i = 0; i < means.size(); i++) {
                    reach = Math.max(reach, Math.abs(means.get(i)) + errors.get(i));
                }
                Color colour = Drawing.COLOURS[(k - 1) % Drawing.COLOURS.length];
                chart.addSeries(name, views, means, errors).setMarkerColor(colour).setLineColor(colour);
            }
            chart.getStyler().setYAxisMin(-1.1 * reach).setYAxisMax(1.1 * reach);
            charts.add(Pictures.of(BitmapEncoder.getBufferedImage(chart)));
        }
        return Pictures.stack(charts);
    }

    /** Cosine of every two slots, a matrix for each set. */
    private static Image8 embeddings(List<PromptCandidate> candidates) {
        int slots = candidates.stream().mapToInt(c -> c.cosines().length).max().orElseThrow();
        double least = candidates.stream().flatMap(c -> Arrays.stream(c.cosines())).flatMapToDouble(Arrays::stream).min().orElse(0);
        int panel = Math.max(slots * CELL + 60, 330);
        Drawing d = new Drawing(candidates.size() * panel + 20, slots * CELL + 110);
        for (int k = 0; k < candidates.size(); k++) {
            PromptCandidate c = candidates.get(k);
            int left = 20 + k * panel;
            d.text(c.name() + " (" + c.told().text() + ")", left + 20, 24, 15, true, Drawing.INK, Drawing.Align.LEFT);
            for (int i = 0; i < c.cosines().length; i++) {
                for (int j = 0; j < c.cosines().length; j++) {
                    double t = (c.cosines()[i][j] - least) / Math.max(1e-9, 1 - least);
                    d.fill(new Rectangle2D.Double(left + 20 + j * CELL, 50 + i * CELL, CELL, CELL), Axes.ramp(t));
                    d.text(String.format(Locale.ROOT, "%.3f", c.cosines()[i][j]), left + 20 + (j + 0.5) * CELL, 54 + (i + 0.5) * CELL, 13, false, t > 0.5 ? Drawing.INK : Color.WHITE,
                            Drawing.Align.CENTER);
                }
                d.text(Integer.toString(i), left + 14, 54 + (i + 0.5) * CELL, 12, false, Drawing.GREY, Drawing.Align.RIGHT);
                d.text(Integer.toString(i), left + 20 + (i + 0.5) * CELL, 46, 12, false, Drawing.GREY, Drawing.Align.CENTER);
            }
            d.text("rank correlation with the angle: " + number(c.angleCorrelation(), 3), left + 20, slots * CELL + 76, 13, false, Drawing.INK, Drawing.Align.LEFT);
        }
        d.text("cosine of every two slots' embeddings", 40, slots * CELL + 98, 12, false, Drawing.GREY, Drawing.Align.LEFT);
        return d.image();
    }

    private static Image8 contacts(Sheet sheet) {
        int side = sheet.truth().getFirst().width();
        int height = sheet.truth().getFirst().height();
        Drawing d = new Drawing(LABEL + side * sheet.truth().size(), CAPTION + height * (1 + sheet.drawn().size()));
        d.text(sheet.sample(), 8, 18, 13, true, Drawing.INK, Drawing.Align.LEFT);
        IntStream.range(0, sheet.truth().size()).forEach(i -> d.text("slot " + i, LABEL + (i + 0.5) * side, 18, Drawing.Align.CENTER));
        row(d, 0, "truth", sheet.truth());
        int at = 1;
        for (Map.Entry<String, List<Image8>> e : sheet.drawn().entrySet()) {
            row(d, at++, e.getKey(), e.getValue());
        }
        return d.image();
    }

    private static void row(Drawing d, int row, String name, List<Image8> views) {
        int side = views.getFirst().width();
        int height = views.getFirst().height();
        d.text(name, 8, CAPTION + (row + 0.5) * height, Drawing.Align.LEFT);
        for (int i = 0; i < views.size(); i++) {
            d.picture(views.get(i), LABEL + i * side, CAPTION + row * height, side, height);
        }
    }

    private static String markdown(PromptComparison.Report r, List<Path> pictures) {
        StringBuilder md = new StringBuilder("# Prompts compared: " + r.candidates().stream().map(PromptCandidate::name).collect(Collectors.joining(", ")) + "\n\n");
        md.append(String.format(Locale.ROOT, "%d samples, seeds %s, %d steps, guidance %s, eta %s, views of %d pixels, rig %s. Every candidate drew the views of the same photos from the same noises.%n%n",
                r.samples(), r.seeds(), r.steps(), r.guidance(), r.eta(), r.size(), r.rig()));
        md.append("## What it says\n\n");
        r.statements().forEach(s -> md.append("* ").append(s).append('\n'));
        md.append("\n## Candidates\n\n| candidate | says directions with | prompts | network |\n|---|---|---|---|\n");
        for (PromptCandidate c : r.candidates()) {
            md.append("| ").append(String.join(" | ", c.name(), c.told().text() + (c.cameras() ? ", and its cameras" : ""), c.origin(),
                    c.pipeline() + ", weights " + c.unetSha256().substring(0, 12))).append(" |\n");
        }
        for (PromptCandidate c : r.candidates()) {
            IntStream.range(0, c.sentences().size()).forEach(i -> md.append(i == 0 ? "\n" + c.name() + ":\n\n" : "").append(i).append(". ").append(c.sentences().get(i)).append('\n'));
        }
        md.append("\n## Means\n\n| views | ");
        List<String> metrics = values(r, false);
        md.append(String.join(" | ", metrics)).append(" |\n|---|").append("---|".repeat(metrics.size())).append('\n');
        r.results().forEach((name, result) -> {
            md.append("| **").append(name).append("** |");
            metrics.forEach(m -> md.append(' ').append(number(m.equals(PromptComparison.DIRECTIONS) ? Double.valueOf(result.directions()) : result.views().get("generated").mean().get(m), 3)).append(" |"));
            md.append('\n');
            for (MultiViewEvaluation.SlotResult slot : result.slots()) {
                md.append("| ").append(name).append(", ").append(slot.slot()).append(' ').append(slot.direction()).append(" |");
                metrics.forEach(m -> md.append(' ').append(number(m.equals(PromptComparison.DIRECTIONS) ? Double.valueOf(slot.directions()) : slot.mean().get(m), 3)).append(" |"));
                md.append('\n');
            }
        });
        md.append("\n## Differences from ").append(r.candidates().getFirst().name()).append("\n\nMean of the differences of the samples (each with the mean over its seeds), and the 95 % interval by Student's t.\n\n");
        md.append("| views | ").append(String.join(" | ", metrics)).append(" |\n|---|").append("---|".repeat(metrics.size())).append('\n');
        for (PromptCandidate c : r.candidates().subList(1, r.candidates().size())) {
            for (String view : values(r, true)) {
                md.append("| ").append(c.name()).append(", ").append(view).append(" | ");
                md.append(metrics.stream().map(m -> PromptComparison.text(of(r, c.name(), view, m))).collect(Collectors.joining(" | "))).append(" |\n");
            }
        }
        md.append('\n');
        pictures.forEach(p -> md.append("![").append(p.getFileName()).append("](").append(p.getFileName()).append(")\n\n"));
        return md.toString();
    }

    private static String number(Double value, int digits) {
        return value == null ? "–" : String.format(Locale.ROOT, "%." + digits + "f", value);
    }
}
