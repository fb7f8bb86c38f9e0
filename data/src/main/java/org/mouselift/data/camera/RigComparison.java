package org.mouselift.data.camera;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.OptionalDouble;
import org.apache.commons.math3.geometry.euclidean.threed.Vector3D;

/**
 * Two rigs side by side (mouse specification §7.10): what each is like, how their cameras correspond, and whether a model made for the first can be
 * used with the second. Angles are those of a Z-up world.
 *
 * @param rows     camera by camera, when both have as many; else empty
 * @param nearest  for each camera of the second rig the camera of the first that looks from nearly the same direction
 * @param verdicts distance, elevation, field of view and directions, in words
 */
public record RigComparison(Summary first, Summary second, List<Row> rows, List<Nearest> nearest, List<Verdict> verdicts) {
    /**
     * One rig.
     *
     * @param planarity 1 when all centres lie in one plane, 0 when in none; empty with fewer than three cameras
     * @param normal    of that plane, upward
     * @param fov       mean horizontal field of view, degrees
     * @param focal     mean focal length for pictures 512 wide, pixels
     */
    public record Summary(String id, int cameras, Range distance, Range elevation, double fov, double focal, double largestGap, Vector3D up, OptionalDouble planarity,
            Vector3D normal) {
        public static Summary of(CameraRig rig) {
            OptionalDouble planarity = OptionalDouble.empty();
            Vector3D normal = rig.meanUp();
            if (rig.size() >= 3) {
                UpAlignment plane = UpAlignment.of(rig, new UpMethod.Pca());
                planarity = plane.planarity();
                normal = plane.up();
            }
            return new Summary(rig.id(), rig.size(), Range.of(rig.distances()), Range.of(rig.elevationsDegrees()),
                    rig.cameras().stream().mapToDouble(c -> c.intrinsics().horizontalFovDegrees()).average().orElseThrow(),
                    rig.cameras().stream().mapToDouble(c -> c.intrinsics().fx() * 512 / c.intrinsics().width()).average().orElseThrow(),
                    Arrays.stream(rig.azimuthGapsDegrees()).max().orElseThrow(), rig.meanUp(), planarity, normal);
        }
    }

    /** Mean and extremes. */
    public record Range(double mean, double min, double max) {
        static Range of(double[] v) {
            return new Range(Arrays.stream(v).average().orElseThrow(), Arrays.stream(v).min().orElseThrow(), Arrays.stream(v).max().orElseThrow());
        }
    }

    /**
     * One pair of cameras.
     *
     * @param azimuthDifference degrees, after the one turn about Z that makes the largest difference smallest
     */
    public record Row(int camera, SphericalPosition first, SphericalPosition second, double azimuthDifference, double firstFov, double secondFov) {}

    /** @param angle degrees between the two directions from the origin */
    public record Nearest(int camera, int other, double angle) {}

    /** How far two rigs agree in one respect. */
    public enum Agreement { MATCH, CLOSE, DIFFERENT }

    public record Verdict(String topic, Agreement agreement, String text) {}

    public static RigComparison of(CameraRig a, CameraRig b) {
        Summary first = Summary.of(a);
        Summary second = Summary.of(b);
        List<Row> rows = a.size() == b.size() ? rows(a, b) : List.of();
        List<Nearest> nearest = new ArrayList<>();
        for (int i = 0; i < b.size(); i++) {
            int best = 0;
            for (int j = 1; j < a.size(); j++) {
                best = angle(a.get(j), b.get(i)) < angle(a.get(best), b.get(i)) ? j : best;
            }
            nearest.add(new Nearest(i, best, angle(a.get(best), b.get(i))));
        }
        List<Verdict> verdicts = new ArrayList<>();
        double d = Math.abs(first.distance.mean - second.distance.mean);
        verdicts.add(new Verdict("distance", d <= 0.1 ? Agreement.MATCH : d <= 0.3 ? Agreement.CLOSE : Agreement.DIFFERENT,
                text("mean %.3f and %.3f", first.distance.mean, second.distance.mean)));
        double spread = Math.max(Math.abs(second.elevation.min - first.elevation.mean), Math.abs(second.elevation.max - first.elevation.mean));
        verdicts.add(new Verdict("elevation", spread <= 5 ? Agreement.MATCH : Math.abs(first.elevation.mean - second.elevation.mean) <= DirectionCheck.MAX_MEAN_ELEVATION
                ? Agreement.CLOSE : Agreement.DIFFERENT, text("mean %.1f° and %.1f°, the second from %.1f° to %.1f°", first.elevation.mean, second.elevation.mean,
                second.elevation.min, second.elevation.max)));
        double f = Math.abs(first.focal - second.focal);
        verdicts.add(new Verdict("focal length", f <= 1 ? Agreement.MATCH : f <= 0.1 * first.focal ? Agreement.CLOSE : Agreement.DIFFERENT,
                text("mean %.1f and %.1f px at width 512 (%.1f° and %.1f°)", first.focal, second.focal, first.fov, second.fov)));
        List<DirectionCheck.Finding> findings = DirectionCheck.compare(a.id(), DirectionCheck.directions(a), b);
        double largest = rows.stream().mapToDouble(r -> Math.abs(r.azimuthDifference)).max().orElse(Double.NaN);
        verdicts.add(new Verdict("directions", findings.isEmpty() ? largest <= 5 ? Agreement.MATCH : Agreement.CLOSE : Agreement.DIFFERENT,
                findings.isEmpty() ? text("slot azimuths within %.1f° after the best common turn", largest)
                        : String.join("\n", findings.stream().map(DirectionCheck.Finding::message).toList())));
        return new RigComparison(first, second, List.copyOf(rows), List.copyOf(nearest), List.copyOf(verdicts));
    }

    private static List<Row> rows(CameraRig a, CameraRig b) {
        double[] differences = new double[a.size()];
        for (int i = 0; i < differences.length; i++) {
            differences[i] = b.get(i).position().azimuth().difference(a.get(i).position().azimuth());
        }
        double[] rest = DirectionCheck.afterCommonTurn(differences);
        List<Row> rows = new ArrayList<>();
        for (int i = 0; i < rest.length; i++) {
            rows.add(new Row(i, a.get(i).position(), b.get(i).position(), rest[i], a.get(i).intrinsics().horizontalFovDegrees(),
                    b.get(i).intrinsics().horizontalFovDegrees()));
        }
        return rows;
    }

    private static double angle(Camera a, Camera b) {
        return Math.toDegrees(Vector3D.angle(a.center(), b.center()));
    }

    private static String text(String format, Object... values) {
        return String.format(Locale.ROOT, format, values);
    }
}
