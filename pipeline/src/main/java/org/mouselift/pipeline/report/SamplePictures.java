package org.mouselift.pipeline.report;

import java.awt.Color;
import java.awt.geom.Ellipse2D;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.mouselift.data.image.Image8;
import org.mouselift.data.preprocess.QualityMetrics;
import org.mouselift.pipeline.mousedata.PictureSet;

/** Views of samples with the mask's centre and the picture's (mouse specification §3.8, sample visualisation). */
final class SamplePictures {
    private static final int TILE = 180;
    private static final int LABEL = 22;
    private static final int SIDE = 150;
    private static final Color COM = new Color(0xd62728);
    private static final Color CENTER = new Color(0x1f4fd6);

    private SamplePictures() {}

    /** The best, the median (index n/2) and the worst sample by their mean offset. */
    static Map<String, QualityMetrics.Sample> extremes(QualityMetrics m) {
        List<QualityMetrics.Sample> sorted = m.samples().stream().sorted(Comparator.comparingDouble(s -> s.offset().mean())).toList();
        Map<String, QualityMetrics.Sample> out = new LinkedHashMap<>();
        out.put("best", sorted.getFirst());
        out.put("median", sorted.get(sorted.size() / 2));
        out.put("worst", sorted.getLast());
        return out;
    }

    /** One row for each of {@link #extremes}. RGB. */
    static Image8 draw(Path dataset, QualityMetrics m) throws IOException {
        Map<String, QualityMetrics.Sample> rows = extremes(m);
        int views = rows.values().stream().mapToInt(s -> s.views().size()).max().orElseThrow();
        Drawing d = new Drawing(SIDE + views * TILE, 40 + rows.size() * (TILE + LABEL));
        d.text("Red: centre of the mask. Blue: centre of the picture.", SIDE, 24, Drawing.Align.LEFT);
        int row = 0;
        for (var entry : rows.entrySet()) {
            QualityMetrics.Sample s = entry.getValue();
            int top = 40 + row++ * (TILE + LABEL);
            d.text(entry.getKey(), 12, top + LABEL + 60, 16, true, Drawing.INK, Drawing.Align.LEFT);
            d.text(s.name(), 12, top + LABEL + 80, 12, false, Drawing.GREY, Drawing.Align.LEFT);
            d.text(String.format(Locale.ROOT, "mean %.1f px", s.offset().mean()), 12, top + LABEL + 98, 12, false, Drawing.GREY, Drawing.Align.LEFT);
            List<Image8> pictures = PictureSet.read(dataset.resolve(s.name())).pictures();
            for (QualityMetrics.View v : s.views()) {
                int left = SIDE + v.index() * TILE;
                Image8 p = pictures.get(v.index());
                d.picture(p, left + 2, top + LABEL, TILE - 4, TILE - 4);
                double scale = (TILE - 4.0) / p.width();
                d.outline(new java.awt.geom.Rectangle2D.Double(left + 2, top + LABEL, TILE - 4, TILE - 4), Drawing.PALE, 1);
                double cx = left + 2 + (TILE - 4) / 2.0;
                double cy = top + LABEL + (TILE - 4) / 2.0;
                d.line(cx - 5, cy - 5, cx + 5, cy + 5, CENTER, 2);
                d.line(cx - 5, cy + 5, cx + 5, cy - 5, CENTER, 2);
                d.fill(new Ellipse2D.Double(left + 2 + scale * (v.comX() + 0.5) - 4, top + LABEL + scale * (v.comY() + 0.5) - 4, 8, 8), COM);
                d.text(String.format(Locale.ROOT, "view %d: %.1f px", v.index(), v.offset()), left + TILE / 2.0, top + LABEL - 6, 11, false, Drawing.INK, Drawing.Align.CENTER);
            }
        }
        return d.image();
    }

    /** View 0 of the first samples of each data set, side by side; a data set without pictures gets empty tiles. RGB. */
    static Image8 samples(List<String> names, List<List<Image8>> pictures, int count) {
        Drawing d = new Drawing(SIDE + count * TILE, 20 + names.size() * (TILE + 8));
        for (int r = 0; r < names.size(); r++) {
            int top = 12 + r * (TILE + 8);
            d.text(names.get(r), 12, top + TILE / 2.0, 13, true, Drawing.INK, Drawing.Align.LEFT);
            for (int c = 0; c < count; c++) {
                int left = SIDE + c * TILE;
                if (c < pictures.get(r).size()) {
                    d.picture(pictures.get(r).get(c), left + 2, top, TILE - 4, TILE - 4);
                }
                d.outline(new java.awt.geom.Rectangle2D.Double(left + 2, top, TILE - 4, TILE - 4), Drawing.PALE, 1);
            }
            if (pictures.get(r).isEmpty()) {
                d.text("only metrics are known, no pictures", SIDE + 14, top + TILE / 2.0, 12, false, Drawing.GREY, Drawing.Align.LEFT);
            }
        }
        return d.image();
    }

    /** For each data set the first picture with centre lines, and its two measures as bars: size CV of 5 % and offset of 50 px are full. RGB. */
    static Image8 grid(List<String> names, List<List<Image8>> pictures, List<QualityMetrics> metrics) {
        int columns = Math.min(3, names.size());
        int height = TILE + 110;
        int width = TILE + 60;
        Drawing d = new Drawing(columns * width + 20, Math.ceilDiv(names.size(), columns) * height + 20);
        for (int i = 0; i < names.size(); i++) {
            int left = 10 + i % columns * width + 30;
            int top = 10 + i / columns * height + 26;
            d.text(names.get(i), left + TILE / 2.0, top - 8, 13, true, Drawing.INK, Drawing.Align.CENTER);
            if (!pictures.get(i).isEmpty()) {
                d.picture(pictures.get(i).getFirst(), left, top, TILE, TILE);
            }
            d.outline(new java.awt.geom.Rectangle2D.Double(left, top, TILE, TILE), Drawing.PALE, 1);
            d.line(left + TILE / 2.0, top, left + TILE / 2.0, top + TILE, COM, 1);
            d.line(left, top + TILE / 2.0, left + TILE, top + TILE / 2.0, COM, 1);
            QualityMetrics.Summary s = metrics.get(i).summary();
            bar(d, left, top + TILE + 10, "CV", s.sampleSize().cv() / 5);
            bar(d, left, top + TILE + 32, "offset", s.sampleOffset().mean() * 512 / metrics.get(i).imageSize() / 50);
        }
        return d.image();
    }

    private static void bar(Drawing d, double left, double top, String name, double value) {
        double room = TILE - 50;
        d.text(name, left, top + 12, 12, false, Drawing.INK, Drawing.Align.LEFT);
        d.fill(new java.awt.geom.Rectangle2D.Double(left + 50, top, room, 14), new Color(0xf0f0f0));
        d.fill(new java.awt.geom.Rectangle2D.Double(left + 50, top, room * Math.min(1, value), 14),
                value < 0.2 ? QualityCharts.GOOD : value < 0.5 ? QualityCharts.FAIR : QualityCharts.BAD);
    }
}
