package org.mouselift.pipeline.report;

import java.awt.Color;
import java.awt.geom.Rectangle2D;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.mouselift.data.image.Image8;
import org.mouselift.data.preprocess.GeometryConsistency;
import org.mouselift.data.preprocess.QualityGrade;
import org.mouselift.data.preprocess.QualityMetrics;

/** The charts of the quality report and of the comparison of data sets (mouse specification §3.8, §3.9). */
final class QualityCharts {
    static final Color GOOD = new Color(0x2e9e4f);
    static final Color FAIR = new Color(0xd9b310);
    static final Color WEAK = new Color(0xe07b1a);
    static final Color BAD = new Color(0xc7362f);
    private static final int BINS = 50;
    private static final int WIDTH = 620;
    private static final int HEIGHT = 400;

    private QualityCharts() {}

    /** Histograms of size and offset, the centres over the frame, the samples with their spread: 2×2. */
    static Image8 panel(QualityMetrics m) {
        Drawing d = new Drawing(2 * WIDTH, 2 * HEIGHT);
        QualityMetrics.Summary s = m.summary();
        double[] sizes = m.samples().stream().flatMap(x -> x.views().stream()).mapToDouble(QualityMetrics.View::sizeRatio).toArray();
        double[] offsets = m.samples().stream().flatMap(x -> x.views().stream()).mapToDouble(QualityMetrics.View::offset).toArray();
        histogram(d, 0, 0, sizes, text("Size ratio: std %.4f, CV %.2f %%", s.size().std(), s.size().cv()), "share of the picture's side", Drawing.COLOURS[0]);
        histogram(d, WIDTH, 0, offsets, text("Offset of the mask's centre: largest %.1f px", s.offset().max()), "pixels", Drawing.COLOURS[1]);
        scatter(d, m, s);
        samples(d, m, s);
        return d.image();
    }

    private static void histogram(Drawing d, int left, int top, double[] values, String title, String label, Color colour) {
        double low = Arrays.stream(values).min().orElseThrow();
        double high = Arrays.stream(values).max().orElseThrow();
        double span = Math.max(high - low, 1e-3 * Math.max(1e-6, Math.abs(high)));
        int[] counts = new int[BINS];
        for (double v : values) {
            counts[(int) Math.min(BINS - 1, (v - low) / span * BINS)]++;
        }
        Axes axes = new Axes(d, left, top, WIDTH, HEIGHT, low - 0.04 * span, low + 1.04 * span, 0, Math.max(6, 1.1 * Arrays.stream(counts).max().orElseThrow()))
                .frame(title, label, "views", true);
        for (int i = 0; i < BINS; i++) {
            if (counts[i] > 0) {
                axes.bar(low + span * i / BINS, low + span * (i + 1) / BINS, counts[i], Drawing.pale(colour, 200));
            }
        }
        double mean = Arrays.stream(values).average().orElseThrow();
        axes.mark(mean, Drawing.INK, text(mean < 1 ? "mean %.4f" : "mean %.2f", mean));
    }

    private static void scatter(Drawing d, QualityMetrics m, QualityMetrics.Summary s) {
        int size = m.imageSize();
        // A square frame within the panel, so that the picture is not stretched.
        Axes axes = new Axes(d, 90, HEIGHT, HEIGHT, HEIGHT, 0, size, size, 0).frame("Centres of the masks in the picture", "pixels", "pixels", true);
        axes.drawing().line(axes.x(size / 2.0), axes.y(0), axes.x(size / 2.0), axes.y(size), Drawing.GREY, 1);
        axes.drawing().line(axes.x(0), axes.y(size / 2.0), axes.x(size), axes.y(size / 2.0), Drawing.GREY, 1);
        double span = Math.max(1e-9, s.size().max() - s.size().min());
        m.samples().forEach(x -> x.views().forEach(v -> axes.dot(v.comX(), v.comY(), 2.5, Axes.ramp((v.sizeRatio() - s.size().min()) / span))));
        double x = 90 + HEIGHT + 10;
        for (int k = 0; k < 200; k++) {
            d.fill(new Rectangle2D.Double(x, HEIGHT + 60 + k * 1.2, 14, 1.7), Axes.ramp(1 - k / 199.0));
        }
        d.text(text("%.3f", s.size().max()), x + 20, HEIGHT + 70, 11, false, Drawing.GREY, Drawing.Align.LEFT);
        d.text(text("%.3f", s.size().min()), x + 20, HEIGHT + 300, 11, false, Drawing.GREY, Drawing.Align.LEFT);
        d.text("size ratio", x, HEIGHT + 50, 11, false, Drawing.INK, Drawing.Align.LEFT);
    }

    private static void samples(Drawing d, QualityMetrics m, QualityMetrics.Summary s) {
        int n = m.samples().size();
        double low = m.samples().stream().mapToDouble(x -> x.size().mean() - x.size().std()).min().orElseThrow();
        double high = m.samples().stream().mapToDouble(x -> x.size().mean() + x.size().std()).max().orElseThrow();
        double pad = Math.max(0.1 * (high - low), 1e-4);
        Axes axes = new Axes(d, WIDTH, HEIGHT, WIDTH, HEIGHT, -0.5, Math.max(6, n) - 0.5, low - pad, high + pad)
                .frame(text("Size within the samples: mean CV %.2f %%", s.intraSizeCv()), "sample", "size ratio", true);
        for (int i = 0; i < n; i++) {
            QualityMetrics.Spread z = m.samples().get(i).size();
            d.line(axes.x(i), axes.y(z.mean() - z.std()), axes.x(i), axes.y(z.mean() + z.std()), Drawing.pale(Drawing.COLOURS[2], 160), 1.2);
            axes.dot(i, z.mean(), 2.2, Drawing.COLOURS[2]);
        }
        axes.level(s.sampleSize().mean(), Drawing.INK, text("mean %.4f", s.sampleSize().mean()));
    }

    /** Frontier-point error of every view, by sample, with the limits of the geometry grades. */
    static Image8 geometry(List<GeometryConsistency> samples, List<String> names) {
        Drawing d = new Drawing(2 * WIDTH, HEIGHT);
        double high = 12;
        for (GeometryConsistency g : samples) {
            high = Math.max(high, 1.1 * Arrays.stream(g.tangency()).filter(t -> !Double.isNaN(t)).max().orElse(0));
        }
        Axes axes = new Axes(d, 0, 0, 2 * WIDTH, HEIGHT, -0.5, samples.size() - 0.5, 0, high).frame("Frontier points: where two cameras see one point of the body", "", "pixels at 512", false);
        axes.level(GeometryConsistency.Grade.GA.limit(), GOOD, "G-A");
        axes.level(GeometryConsistency.Grade.GB.limit(), FAIR, "G-B");
        axes.level(GeometryConsistency.Grade.GC.limit(), BAD, "G-C");
        for (int i = 0; i < samples.size(); i++) {
            double[] t = samples.get(i).tangency();
            for (int v = 0; v < t.length; v++) {
                if (!Double.isNaN(t[v])) {
                    axes.bar(i - 0.4 + 0.8 * v / t.length, i - 0.4 + 0.8 * (v + 0.85) / t.length, t[v], Drawing.COLOURS[v % Drawing.COLOURS.length]);
                }
            }
            if (i % Math.ceilDiv(samples.size(), 10) == 0) {
                d.text(names.get(i), axes.x(i), axes.y(0) + 16, 11, false, Drawing.GREY, Drawing.Align.CENTER);
            }
        }
        d.text("one bar for each view", 2 * WIDTH - 20, 22, 12, false, Drawing.GREY, Drawing.Align.RIGHT);
        return d.image();
    }

    /** Two bar charts, size CV and offset, coloured by the limits of the grades. @param metrics already cut to as many samples as are compared */
    static Image8 bars(List<String> names, List<QualityMetrics> metrics) {
        int width = Math.max(WIDTH, 130 * names.size() + 90);
        Drawing d = new Drawing(2 * width, HEIGHT);
        double[] cv = metrics.stream().mapToDouble(m -> m.summary().sampleSize().cv()).toArray();
        double[] offset = metrics.stream().mapToDouble(m -> m.summary().sampleOffset().mean() * 512 / m.imageSize()).toArray();
        chart(d, 0, width, "Size CV", "percent", names, metrics, cv, new double[] {1, 3, 5}, "%.2f %%");
        chart(d, width, width, "Offset of the mask's centre", "pixels at 512", names, metrics, offset, new double[] {5, 10, 20}, "%.1f px");
        return d.image();
    }

    private static void chart(Drawing d, int left, int width, String title, String label, List<String> names, List<QualityMetrics> metrics, double[] values, double[] limits,
            String format) {
        double high = Math.max(1.25 * Arrays.stream(values).max().orElseThrow(), 1.2 * limits[2]);
        Axes axes = new Axes(d, left, 0, width, HEIGHT, -0.6, names.size() - 0.4, 0, high).frame(title, "", label, false);
        Color[] colours = {GOOD, FAIR, WEAK, BAD};
        for (int i = 0; i < 3; i++) {
            axes.level(limits[i], colours[i + 1], Double.toString(limits[i]));
        }
        for (int i = 0; i < values.length; i++) {
            double v = values[i];
            axes.bar(i - 0.32, i + 0.32, v, v < limits[0] ? GOOD : v < limits[1] ? FAIR : v < limits[2] ? WEAK : BAD);
            QualityMetrics m = metrics.get(i);
            d.text(text(format, v), axes.x(i), axes.y(v) - 19, 12, false, Drawing.INK, Drawing.Align.CENTER);
            d.text(QualityGrade.ofSamples(m.summary(), m.imageSize()).name(), axes.x(i), axes.y(v) - 5, 13, true, Drawing.INK, Drawing.Align.CENTER);
            d.text(names.get(i), axes.x(i), axes.y(0) + 17, 12, false, Drawing.INK, Drawing.Align.CENTER);
        }
    }

    private static String text(String format, Object... values) {
        return String.format(Locale.ROOT, format, values);
    }
}
