package org.mouselift.pipeline.mousedata;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.LongConsumer;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.image.Image8;
import org.mouselift.data.preprocess.GeometryConsistency;
import org.mouselift.data.preprocess.MaskStatistics;
import org.mouselift.data.preprocess.PictureStatistics;
import org.mouselift.data.preprocess.PreprocessException;
import org.mouselift.data.preprocess.QualityMetrics;
import org.mouselift.engine.cpu.Workers;

/**
 * How far the pictures that a model will see are from those it learned from, row by row of the table of the domain gap (mouse specification §8,
 * K-71): segmentation, noise, lighting, pose. Each measure's gap is the difference of the means in units of the larger of the two spreads, but at
 * least of what matters at all; a row's score is that of its worst measure.
 */
public final class DomainGap {
    /** Scores above this are noticeable. */
    public static final double NOTICEABLE = 0.5;
    /** Scores above this are large: the model sees something it has not learned. */
    public static final double LARGE = 1.5;

    /** The rows of the table. */
    public enum Row { SEGMENTATION, NOISE, LIGHTING, POSE }

    /** One measured property: its row, its unit, and the difference below which nobody cares. */
    private enum Measure {
        RAGGED(Row.SEGMENTATION, "raggedness of the outline", 0.03),
        HALO(Row.SEGMENTATION, "halo at the edge, grey levels", 4),
        BORDER(Row.SEGMENTATION, "mask on the picture's border, share of views", 0.1),
        SIGMA(Row.NOISE, "noise, grey levels", 0.5),
        BLUR(Row.NOISE, "blur, 0 to 1", 0.02),
        LUMINANCE(Row.LIGHTING, "luminance, grey levels", 6),
        CONTRAST(Row.LIGHTING, "contrast, grey levels", 4),
        UNEVENNESS(Row.LIGHTING, "unevenness across the picture", 0.1),
        CAST(Row.LIGHTING, "colour cast, log red/blue", 0.05),
        SIZE(Row.POSE, "size ratio", 0.02),
        OFFSET(Row.POSE, "centre offset, share of the picture", 0.01),
        ELEVATION(Row.POSE, "camera elevation, degrees", 4),
        DISTANCE(Row.POSE, "camera distance", 0.2),
        FOV(Row.POSE, "field of view, degrees", 3),
        FRONTIER(Row.POSE, "frontier point error, pixels at 512", 1);

        private final Row row;
        private final String text;
        private final double floor;

        Measure(Row row, String text, double floor) {
            this.row = row;
            this.text = text;
            this.floor = floor;
        }
    }

    /** One line of the report; the gap is NaN when one side could not be measured. */
    public record Line(Row row, String measure, QualityMetrics.Spread training, QualityMetrics.Spread inference, double gap) {}

    /** @param scores worst gap of each row, in order of the rows */
    public record Report(List<Line> lines, Map<Row, Double> scores) {
        /** {@code small}, {@code noticeable} or {@code large}. */
        public static String verdict(double score) {
            return Double.isNaN(score) ? "not measured" : score > LARGE ? "large" : score > NOTICEABLE ? "noticeable" : "small";
        }
    }

    private DomainGap() {}

    /**
     * Compares two places of {@link PictureSet}s.
     *
     * @param limit samples of each at most, spread evenly
     */
    public static Report of(Path training, Path inference, int limit, LongConsumer progress) throws IOException {
        Map<Measure, List<Double>> a = measure(training, limit, progress);
        Map<Measure, List<Double>> b = measure(inference, limit, progress);
        List<Line> lines = new ArrayList<>();
        Map<Row, Double> scores = new LinkedHashMap<>();
        for (Measure m : Measure.values()) {
            QualityMetrics.Spread x = spread(a.get(m));
            QualityMetrics.Spread y = spread(b.get(m));
            double gap = Math.abs(x.mean() - y.mean()) / Math.max(m.floor, Math.max(x.std(), y.std()));
            lines.add(new Line(m.row, m.text, x, y, gap));
            scores.merge(m.row, gap, (p, q) -> Double.isNaN(p) ? q : Double.isNaN(q) ? p : Math.max(p, q));
        }
        return new Report(List.copyOf(lines), scores);
    }

    private static QualityMetrics.Spread spread(List<Double> values) {
        return QualityMetrics.Spread.of(values.stream().mapToDouble(Double::doubleValue).filter(v -> !Double.isNaN(v)).toArray());
    }

    private static Map<Measure, List<Double>> measure(Path place, int limit, LongConsumer progress) throws IOException {
        List<Path> folders = PictureSet.folders(place, limit);
        List<Map<Measure, List<Double>>> parts = new ArrayList<>();
        for (int i = 0; i < folders.size(); i++) {
            parts.add(empty());
        }
        IOException[] failures = new IOException[folders.size()];
        Workers.each(folders.size(), (worker, i) -> {
            try {
                sample(PictureSet.read(folders.get(i)), parts.get(i));
            } catch (IOException e) {
                failures[i] = e;
            }
            progress.accept(1);
        });
        for (IOException e : failures) {
            if (e != null) {
                throw e;
            }
        }
        Map<Measure, List<Double>> all = empty();
        parts.forEach(p -> p.forEach((m, values) -> all.get(m).addAll(values)));
        return all;
    }

    private static Map<Measure, List<Double>> empty() {
        Map<Measure, List<Double>> out = new LinkedHashMap<>();
        for (Measure m : Measure.values()) {
            out.put(m, new ArrayList<>());
        }
        return out;
    }

    private static void sample(PictureSet set, Map<Measure, List<Double>> out) throws MouseDataException {
        List<Image8> pictures = new ArrayList<>();
        for (int i = 0; i < set.pictures().size(); i++) {
            Image8 p = set.pictures().get(i);
            pictures.add(p.hasAlpha() ? p.toRgba() : withMask(p, set.masks().get(i).pixels()));
        }
        for (Image8 p : pictures) {
            MaskStatistics m = MaskStatistics.of(p);
            if (m.isEmpty()) {
                throw new MouseDataException(set.folder(), "a view shows no subject", "remove the sample or mend its mask");
            }
            PictureStatistics s = PictureStatistics.of(p);
            out.get(Measure.RAGGED).add(s.ragged());
            out.get(Measure.HALO).add(s.halo());
            out.get(Measure.BORDER).add(m.onBorder() > 0 ? 1.0 : 0.0);
            out.get(Measure.SIGMA).add(s.noise());
            out.get(Measure.BLUR).add(s.blur());
            out.get(Measure.LUMINANCE).add(s.luminance());
            out.get(Measure.CONTRAST).add(s.contrast());
            out.get(Measure.UNEVENNESS).add(s.unevenness());
            out.get(Measure.CAST).add(s.cast());
            out.get(Measure.SIZE).add(m.sizeRatio());
            out.get(Measure.OFFSET).add(m.comOffset() / p.width());
        }
        if (set.cameras().isPresent()) {
            CameraRig rig = set.cameras().get();
            rig.cameras().forEach(c -> {
                out.get(Measure.ELEVATION).add(c.position().elevationDegrees());
                out.get(Measure.DISTANCE).add(c.center().getNorm());
                out.get(Measure.FOV).add(c.intrinsics().horizontalFovDegrees());
            });
            if (rig.size() > 2) {
                try {
                    for (double t : GeometryConsistency.of(pictures, rig).tangency()) {
                        out.get(Measure.FRONTIER).add(t);
                    }
                } catch (PreprocessException e) {
                    throw new MouseDataException(set.folder(), e.getMessage(), "mouselift data check says more");
                }
            }
        }
    }

    private static Image8 withMask(Image8 picture, boolean[] mask) {
        Image8 out = picture.toRgba();
        for (int i = 0; i < mask.length; i++) {
            out.data()[4 * i + 3] = (byte) (mask[i] ? 255 : 0);
        }
        return out;
    }
}
