package org.mouselift.data.camera;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Whether cameras stand where the views were generated for (mouse specification §5.6, MFL-E121 … E123): the elevations of
 * the slots, their azimuths up to one common turn about Z, and the sense in which the slots run.
 */
public final class DirectionCheck {
    /** Largest difference of the mean elevations, degrees. */
    public static final double MAX_MEAN_ELEVATION = 8;
    /** Largest difference of the elevation of one slot, degrees. */
    public static final double MAX_SLOT_ELEVATION = 12;
    /** Largest difference of the azimuth of one slot after the best common turn, degrees. */
    public static final double MAX_AZIMUTH = 20;

    /** What one slot is supposed to show. */
    public record Direction(String name, double elevationDegrees, Azimuth azimuth) {}

    /** One mismatch: {@code MFL-E114}, {@code E121}, {@code E122} or {@code E123}; the message ends with the remedy. */
    public record Finding(String code, String message) {}

    private DirectionCheck() {}

    /** The directions of a rig's cameras, to check another rig against it. */
    public static List<Direction> directions(CameraRig rig) {
        List<Direction> out = new ArrayList<>();
        for (int i = 0; i < rig.size(); i++) {
            SphericalPosition p = rig.get(i).position();
            out.add(new Direction("slot " + i, p.elevationDegrees(), p.azimuth()));
        }
        return out;
    }

    /**
     * All mismatches; empty when the cameras fit.
     *
     * @param source   what the directions describe, for example the prompt set
     * @param expected one direction per slot
     * @param cameras  the cameras in slot order
     */
    public static List<Finding> compare(String source, List<Direction> expected, CameraRig cameras) {
        int n = expected.size();
        if (n != cameras.size()) {
            return List.of(new Finding("MFL-E114", "MFL-E114: " + cameras.size() + " cameras for " + n
                    + " images; supply one camera per slot"));
        }
        if (n == 0) {
            return List.of();
        }
        List<Finding> out = new ArrayList<>();
        double[] elevations = cameras.elevationsDegrees();
        Azimuth[] azimuths = cameras.azimuths();
        elevation(source, expected, cameras, elevations, out);
        double[] direct = new double[n];
        double[] mirrored = new double[n];
        for (int i = 0; i < n; i++) {
            direct[i] = azimuths[i].difference(expected.get(i).azimuth());
            mirrored[i] = azimuths[i].difference(Azimuth.xy(-expected.get(i).azimuth().xyDegrees()));
        }
        double[] rest = afterCommonTurn(direct);
        if (largest(rest) > MAX_AZIMUTH) {
            if (largest(afterCommonTurn(mirrored)) < largest(rest) && n > 2) {
                out.add(new Finding("MFL-E123", "MFL-E123: Camera order of rig " + cameras.id() + " runs the other way round "
                        + "(clockwise vs counter-clockwise) than " + source + "; reverse the camera order, slot 0 stays"));
            }
            StringBuilder table = new StringBuilder("MFL-E122: slot | " + source + " | camera | difference (degrees, after the "
                    + "best common turn)");
            for (int i = 0; i < n; i++) {
                table.append(String.format(java.util.Locale.ROOT, "%n  %s | %.1f | %.1f | %.1f", expected.get(i).name(),
                        expected.get(i).azimuth().xyDegrees(), azimuths[i].xyDegrees(), rest[i]));
            }
            out.add(new Finding("MFL-E122", table + "\nViews are posed wrongly; check the slot order"));
        }
        return List.copyOf(out);
    }

    private static void elevation(String source, List<Direction> expected, CameraRig cameras, double[] elevations,
            List<Finding> out) {
        double a = expected.stream().mapToDouble(Direction::elevationDegrees).average().orElseThrow();
        double b = Arrays.stream(elevations).average().orElseThrow();
        double slot = 0;
        for (int i = 0; i < elevations.length; i++) {
            slot = Math.max(slot, Math.abs(elevations[i] - expected.get(i).elevationDegrees()));
        }
        if (Math.abs(a - b) > MAX_MEAN_ELEVATION || slot > MAX_SLOT_ELEVATION) {
            out.add(new Finding("MFL-E121", String.format(java.util.Locale.ROOT, "MFL-E121: %s describes elevation %.1f° but "
                    + "the cameras of rig %s have elevation %.1f° (largest slot difference %.1f°). This is the "
                    + "horizontal/elevated mismatch; use prompts for %.0f° or cameras at %.0f°", source, a, cameras.id(), b,
                    slot, b, a)));
        }
    }

    /** The differences minus the turn that makes the largest of them smallest: the middle of the shortest arc. */
    static double[] afterCommonTurn(double[] differences) {
        double[] sorted = Arrays.stream(differences).map(Azimuth::mod360).sorted().toArray();
        int n = sorted.length;
        double widest = -1;
        double start = 0;
        for (int i = 0; i < n; i++) {
            double next = i + 1 < n ? sorted[i + 1] : sorted[0] + 360;
            if (next - sorted[i] > widest) {
                widest = next - sorted[i];
                start = next; // the arc that holds all differences begins after the widest gap
            }
        }
        double turn = start + (360 - widest) / 2;
        return Arrays.stream(differences).map(d -> Azimuth.signed(d - turn)).toArray();
    }

    private static double largest(double[] values) {
        return Arrays.stream(values).map(Math::abs).max().orElse(0);
    }
}
