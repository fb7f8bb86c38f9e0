package org.mouselift.pipeline.report;

import java.io.IOException;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.mouselift.data.AtomicFile;
import org.mouselift.data.image.Image8;
import org.mouselift.data.preprocess.GeometryConsistency;
import org.mouselift.pipeline.mousedata.CalibrationStudy;

/** The accuracy of a calibration as a page: errors camera by camera, and what known errors would do. */
public final class CalibrationPage {
    private static final int WIDTH = 420;
    private static final int HEIGHT = 300;

    private CalibrationPage() {}

    public static void write(Path file, Path dataset, CalibrationStudy.Report report, LocalDate date) throws IOException {
        HtmlPage page = new HtmlPage("Calibration", dataset + ", " + report.samples() + " samples, " + date);
        boolean good = report.suspect().isEmpty() && report.meanError() < GeometryConsistency.Grade.GB.limit();
        page.verdict(good, report.suspect().isPresent() ? "camera " + report.suspect().getAsInt() + " contradicts the others" : good ? "the cameras agree with the silhouettes"
                : "the cameras disagree with the silhouettes");
        page.paragraph("A plane through two cameras that touches the body touches both silhouettes: how far the touching points are from where the other cameras put them, in pixels at 512, "
                + "is the error of the calibration and of the masks. A median over all samples forgives single bad masks.");
        page.heading("Camera by camera").table(List.of("camera", "frontier points, median", "worst sample", "samples in which it is the suspect"), report.cameras().stream()
                .map(c -> List.of(Integer.toString(c.camera()), text("%.2f px", c.error()), text("%.2f px", c.worst()), c.suspected() + " of " + report.samples())).toList());
        if (!report.levels().isEmpty()) {
            page.heading("What errors of known size would do").paragraph("Put into one camera after the other. Where the lines part, the wrong camera can be told from the others; "
                    + "errors below are hidden in the masks.").picture(charts(report.levels()), "frontier point error against the size of the error");
            List<List<String>> rows = new ArrayList<>();
            report.levels().forEach(l -> rows.add(List.of(l.defect().text(), text("%.4g", l.size()), text("%.2f px", l.own()), text("%.2f px", l.others()), text("%.0f %%", 100 * l.found()))));
            page.table(List.of("error", "size", "the wrong camera", "the others", "named rightly"), rows);
        }
        if (!report.skipped().isEmpty()) {
            page.heading("Left out").list(List.of(), report.skipped());
        }
        AtomicFile.writeText(file, page.text());
    }

    private static Image8 charts(List<CalibrationStudy.Level> levels) {
        CalibrationStudy.Defect[] kinds = CalibrationStudy.Defect.values();
        Drawing d = new Drawing(kinds.length * WIDTH, HEIGHT + 26);
        double top = levels.stream().mapToDouble(CalibrationStudy.Level::own).filter(v -> !Double.isNaN(v)).max().orElse(1);
        for (int k = 0; k < kinds.length; k++) {
            CalibrationStudy.Defect kind = kinds[k];
            List<CalibrationStudy.Level> own = levels.stream().filter(l -> l.defect() == kind).toList();
            Axes axes = new Axes(d, k * WIDTH, 0, WIDTH, HEIGHT, 0, 1.05 * own.getLast().size(), 0, 1.1 * top).frame("", kind.text(), "pixels at 512", true);
            line(d, axes, own, true);
            line(d, axes, own, false);
        }
        d.text("the wrong camera", 70, HEIGHT + 18, 13, true, Drawing.COLOURS[1], Drawing.Align.LEFT);
        d.text("the others", 210, HEIGHT + 18, 13, true, Drawing.COLOURS[0], Drawing.Align.LEFT);
        return d.image();
    }

    private static void line(Drawing d, Axes axes, List<CalibrationStudy.Level> levels, boolean wrong) {
        double x = Double.NaN;
        double y = Double.NaN;
        for (CalibrationStudy.Level l : levels) {
            double v = wrong ? l.own() : l.others();
            if (!Double.isNaN(v)) {
                axes.dot(l.size(), v, 3.5, Drawing.COLOURS[wrong ? 1 : 0]);
                if (!Double.isNaN(x)) {
                    d.line(axes.x(x), axes.y(y), axes.x(l.size()), axes.y(v), Drawing.COLOURS[wrong ? 1 : 0], 1.6);
                }
                x = l.size();
                y = v;
            }
        }
    }

    private static String text(String format, Object... values) {
        return String.format(Locale.ROOT, format, values);
    }
}
