package org.mouselift.pipeline.log;

import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.style.Styler.LegendPosition;
import org.knowm.xchart.style.markers.SeriesMarkers;
import org.mouselift.data.image.Image8;
import org.mouselift.data.image.PngWriter;
import org.mouselift.pipeline.log.MetricsLog.Row;

/**
 * Curves of a run as pictures: one chart for each metric, with its training and validation values together. Many points
 * are drawn pale with their running mean on top; a positive metric that spans more than two decades gets a logarithmic axis.
 */
public final class MetricCurves {
    private static final int MANY = 200;
    private static final Color[] COLOURS = {new Color(0x1f77b4), new Color(0xd95f02), new Color(0x1b9e77), new Color(0x7570b3), new Color(0xe7298a), new Color(0x666666),
        new Color(0x8c564b)};

    private record Curve(String name, List<Double> steps, List<Double> values) {}

    private MetricCurves() {}

    /** Draws all metrics of {@code rows} into {@code folder}, as {@code <metric>.png}; returns the files. */
    public static List<Path> write(List<Row> rows, Path folder) throws IOException {
        TreeMap<String, TreeMap<String, Curve>> metrics = new TreeMap<>();
        for (Row row : rows) {
            row.values().forEach((name, value) -> {
                if (Double.isFinite(value)) {
                    String metric = name.substring(name.lastIndexOf('/') + 1);
                    Curve curve = metrics.computeIfAbsent(metric, key -> new TreeMap<>())
                            .computeIfAbsent(name, key -> new Curve(key, new ArrayList<>(), new ArrayList<>()));
                    curve.steps.add((double) row.step());
                    curve.values.add(value);
                }
            });
        }
        Files.createDirectories(folder);
        List<Path> files = new ArrayList<>();
        for (var metric : metrics.entrySet()) {
            Path file = folder.resolve(metric.getKey().replaceAll("[^A-Za-z0-9_.-]", "_") + ".png");
            PngWriter.write(file, picture(BitmapEncoder.getBufferedImage(chart(metric.getKey(), List.copyOf(metric.getValue().values())))));
            files.add(file);
        }
        return files;
    }

    private static Image8 picture(BufferedImage image) {
        Image8 picture = Image8.blank(image.getWidth(), image.getHeight(), 3);
        int[] colours = image.getRGB(0, 0, image.getWidth(), image.getHeight(), null, 0, image.getWidth());
        for (int i = 0; i < colours.length; i++) {
            for (int c = 0; c < 3; c++) {
                picture.data()[3 * i + c] = (byte) (colours[i] >> 16 - 8 * c);
            }
        }
        return picture;
    }

    private static XYChart chart(String metric, List<Curve> curves) {
        XYChart chart = new XYChartBuilder().width(900).height(540).title(metric).xAxisTitle("step").build();
        chart.getStyler().setPlotGridLinesColor(new Color(0xe0e0e0)).setChartBackgroundColor(Color.WHITE).setLegendBorderColor(Color.WHITE)
                .setLegendPosition(LegendPosition.OutsideS);
        chart.getStyler().setXAxisTickMarkSpacingHint(100);
        boolean logarithmic = curves.stream().flatMap(curve -> curve.values.stream()).allMatch(value -> value > 0) && ratio(curves) > 100;
        chart.getStyler().setYAxisLogarithmic(logarithmic);
        for (int i = 0; i < curves.size(); i++) {
            Curve curve = curves.get(i);
            Color colour = COLOURS[i % COLOURS.length];
            boolean many = curve.values.size() > MANY;
            if (many) {
                series(chart, curve.name + " (every step)", curve.steps, curve.values, new Color(colour.getRed(), colour.getGreen(), colour.getBlue(), 60), 1)
                        .setShowInLegend(false);
            }
            series(chart, curve.name, curve.steps, many ? runningMean(curve.values) : curve.values, colour, 2);
        }
        return chart;
    }

    private static XYSeries series(XYChart chart, String name, List<Double> steps, List<Double> values, Color colour, float width) {
        XYSeries series = chart.addSeries(name, steps, values);
        series.setLineColor(colour).setLineStyle(new BasicStroke(width));
        series.setMarker(steps.size() < 40 ? SeriesMarkers.CIRCLE : SeriesMarkers.NONE).setMarkerColor(colour);
        return series;
    }

    private static double ratio(List<Curve> curves) {
        double least = Double.MAX_VALUE;
        double most = Double.MIN_VALUE;
        for (Curve curve : curves) {
            for (double value : curve.values) {
                least = Math.min(least, value);
                most = Math.max(most, value);
            }
        }
        return most / least;
    }

    /** Mean over a window of 2 % of the points around each point. */
    private static List<Double> runningMean(List<Double> values) {
        int half = Math.max(1, values.size() / 100);
        double[] sums = new double[values.size() + 1];
        for (int i = 0; i < values.size(); i++) {
            sums[i + 1] = sums[i] + values.get(i);
        }
        List<Double> means = new ArrayList<>();
        for (int i = 0; i < values.size(); i++) {
            int begin = Math.max(0, i - half);
            int end = Math.min(values.size(), i + half + 1);
            means.add((sums[end] - sums[begin]) / (end - begin));
        }
        return means;
    }
}
