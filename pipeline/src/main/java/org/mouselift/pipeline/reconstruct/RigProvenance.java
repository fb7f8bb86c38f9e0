package org.mouselift.pipeline.reconstruct;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.DoubleSummaryStatistics;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.ToDoubleFunction;
import org.mouselift.data.camera.Azimuth;
import org.mouselift.data.camera.Camera;

/**
 * The input cameras that a model was trained with, for the check MFL-E125 (mouse specification §5.6): pictures from cameras of
 * another kind give a result that looks like a bad model. Every number is the mean over the input cameras of one sample; the
 * ranges are over samples.
 *
 * @param samples samples that were looked at, spread over the list
 * @param views input cameras a sample
 * @param elevation degrees above the horizon of the world
 * @param distance from the world's origin
 * @param fov horizontal field of view, degrees
 * @param azimuths of the cameras of a sample from its first one, counter-clockwise in [0,360), ascending; empty where samples
 *     differ by more than 2°
 */
public record RigProvenance(int samples, int views, Range elevation, Range distance, Range fov, List<Double> azimuths) {
    /** Code of the check. */
    public static final String CODE = "MFL-E125";

    private static final String KEY = "rig";
    private static final double ELEVATION_LIMIT = 8;
    private static final double DISTANCE_LIMIT = 0.15;
    private static final double FOV_LIMIT = 0.10;
    /** After the best common rotation, as in MFL-E122. */
    private static final double AZIMUTH_LIMIT = 20;
    private static final double SAME_AZIMUTHS = 2;

    /** Least, mean and largest value. */
    public record Range(double least, double mean, double largest) {
        public Range {
            if (!(least <= mean && mean <= largest && Double.isFinite(least) && Double.isFinite(largest))) {
                throw new IllegalArgumentException("range " + least + ", " + mean + ", " + largest + ": expected finite numbers in ascending order");
            }
        }

        private static Range of(DoubleSummaryStatistics values) {
            // A mean of equal numbers may differ from them in the last bit.
            return new Range(values.getMin(), Math.clamp(values.getAverage(), values.getMin(), values.getMax()), values.getMax());
        }

        private boolean holds(double value, double below, double above) {
            return value >= least - below && value <= largest + above;
        }

        private String text(String unit) {
            return largest - least < 0.005 ? String.format(Locale.ROOT, "%.2f%s", mean, unit) : String.format(Locale.ROOT, "%.2f to %.2f%s", least, largest, unit);
        }
    }

    /** From the input cameras of some samples, in the model's world. */
    public static RigProvenance of(List<List<Camera>> samples) {
        if (samples.isEmpty() || samples.stream().anyMatch(List::isEmpty)) {
            throw new IllegalArgumentException("rig provenance: no cameras");
        }
        return new RigProvenance(samples.size(), samples.getFirst().size(), over(samples, RigProvenance::elevation), over(samples, RigProvenance::distance),
                over(samples, RigProvenance::fov), commonAzimuths(samples));
    }

    private static List<Double> commonAzimuths(List<List<Camera>> samples) {
        double[] first = azimuths(samples.getFirst());
        boolean same = samples.stream().map(RigProvenance::azimuths).allMatch(other -> other.length == first.length && worstTurn(first, other) <= SAME_AZIMUTHS);
        return same ? Arrays.stream(first).boxed().toList() : List.of();
    }

    /** Azimuths seen from the first camera, ascending. */
    private static double[] azimuths(List<Camera> cameras) {
        double from = cameras.getFirst().position().azimuth().xyDegrees();
        return cameras.stream().mapToDouble(c -> Azimuth.mod360(c.position().azimuth().xyDegrees() - from)).sorted().toArray();
    }

    /** Largest difference of two sets of directions after the common rotation and the assignment (a cyclic one) that make it smallest, degrees. */
    private static double worstTurn(double[] a, double[] b) {
        double best = 360;
        for (int shift = 0; shift < a.length; shift++) {
            double least = 0;
            double largest = 0;
            double start = b[shift] - a[0];
            for (int i = 0; i < a.length; i++) {
                double turn = Azimuth.mod360(b[(i + shift) % a.length] - a[i] - start + 180) - 180;
                least = Math.min(least, turn);
                largest = Math.max(largest, turn);
            }
            best = Math.min(best, (largest - least) / 2);
        }
        return best;
    }

    private static Range over(List<List<Camera>> samples, ToDoubleFunction<List<Camera>> what) {
        return Range.of(samples.stream().mapToDouble(what).summaryStatistics());
    }

    private static double elevation(List<Camera> cameras) {
        return cameras.stream().mapToDouble(c -> c.position().elevationDegrees()).average().orElseThrow();
    }

    private static double distance(List<Camera> cameras) {
        return cameras.stream().mapToDouble(c -> c.center().getNorm()).average().orElseThrow();
    }

    private static double fov(List<Camera> cameras) {
        return cameras.stream().mapToDouble(c -> c.intrinsics().horizontalFovDegrees()).average().orElseThrow();
    }

    /** Writes it into the {@code provenance.json} of a folder of weights. */
    public void into(ObjectNode provenance) {
        ObjectNode node = JsonNodeFactory.instance.objectNode().put("samples", samples).put("views", views);
        node.set("elevation", json(elevation));
        node.set("distance", json(distance));
        node.set("fov", json(fov));
        azimuths.forEach(node.putArray("azimuths")::add);
        provenance.set(KEY, node);
    }

    private static ObjectNode json(Range range) {
        return JsonNodeFactory.instance.objectNode().put("least", range.least).put("mean", range.mean).put("largest", range.largest);
    }

    /**
     * What a {@code provenance.json} says; empty where it says nothing.
     *
     * @throws WeightsException MFL-E202 naming the field if what it says cannot be understood
     */
    public static Optional<RigProvenance> of(ObjectNode provenance, Path file) throws WeightsException {
        JsonNode node = provenance.get(KEY);
        if (node == null) {
            return Optional.empty();
        }
        return Optional.of(new RigProvenance((int) number(node, file, "/samples"), (int) number(node, file, "/views"), range(node, file, "/elevation"),
                range(node, file, "/distance"), range(node, file, "/fov"), directions(node, file)));
    }

    private static List<Double> directions(JsonNode node, Path file) throws WeightsException {
        List<Double> out = new ArrayList<>();
        for (int i = 0; i < node.path("azimuths").size(); i++) {
            out.add(number(node, file, "/azimuths/" + i));
        }
        return List.copyOf(out);
    }

    private static Range range(JsonNode node, Path file, String field) throws WeightsException {
        try {
            return new Range(number(node, file, field + "/least"), number(node, file, field + "/mean"), number(node, file, field + "/largest"));
        } catch (IllegalArgumentException e) {
            throw new WeightsException("MFL-E202", file, "field " + KEY + field + ": " + e.getMessage(), "restore the file", e);
        }
    }

    private static double number(JsonNode node, Path file, String field) throws WeightsException {
        JsonNode value = node.at(field);
        if (!value.isNumber()) {
            throw new WeightsException("MFL-E202", file, "field " + KEY + field + " is " + (value.isMissingNode() ? "missing" : value.toString()) + ", expected a number",
                    "restore the file");
        }
        return value.doubleValue();
    }

    /**
     * Compares with the input cameras of a reconstruction: mean elevation within 8° of the range of the training, mean distance
     * within 15 %, field of view within 10 %; where all samples of the training shared their azimuths, these within 20° after a
     * common rotation.
     *
     * @param weights the model, for the message
     * @param supplied the cameras, for the message
     * @return the message of MFL-E125, empty if they fit
     */
    public Optional<String> mismatch(String weights, String supplied, List<Camera> cameras) {
        double e = elevation(cameras);
        double d = distance(cameras);
        double f = fov(cameras);
        boolean fits = elevation.holds(e, ELEVATION_LIMIT, ELEVATION_LIMIT)
                && distance.holds(d, distance.least * DISTANCE_LIMIT, distance.largest * DISTANCE_LIMIT)
                && fov.holds(f, fov.least * FOV_LIMIT, fov.largest * FOV_LIMIT);
        if (fits && azimuths.size() == cameras.size()) {
            double[] wanted = azimuths.stream().mapToDouble(Double::doubleValue).toArray();
            double[] seen = azimuths(cameras);
            double worst = worstTurn(wanted, seen);
            return worst <= AZIMUTH_LIMIT ? Optional.empty() : Optional.of(String.format(Locale.ROOT, "%s: %s was trained with cameras at azimuths %s from the first; "
                    + "%s has %s, up to %.0f° off", CODE, weights, degrees(wanted), supplied, degrees(seen), worst));
        }
        return fits ? Optional.empty() : Optional.of(String.format(Locale.ROOT, "%s: %s was trained with cameras at elevation %s, distance %s, field of view %s; %s has "
                + "elevation %.2f°, distance %.2f, field of view %.2f°", CODE, weights, elevation.text("°"), distance.text(""), fov.text("°"), supplied, e, d, f));
    }

    private static String degrees(double[] values) {
        return Arrays.stream(values).mapToObj(v -> String.format(Locale.ROOT, "%.0f°", v)).toList().toString();
    }
}
