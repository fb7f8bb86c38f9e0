package org.mouselift.data.prompts;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.camera.SphericalPosition;

/**
 * The sentences of a set of prompts, one slot a camera.
 *
 * @param style name of the style
 * @param rig name of the rig
 * @param slots directions with the names that the sentences use
 * @param colour sentences of the pictures, by slot
 * @param normal sentences of the normal or depth maps, by slot; empty for a style without them
 */
public record PromptText(String style, String rig, List<PromptSlot> slots, List<String> colour, List<String> normal) {
    /**
     * How directions become names.
     *
     * @param front camera that shows the front; empty: the front of the world (−Y)
     * @param elevation degrees that all slots are said to have; empty: their cameras'
     * @param ownNames the names are the style's own list, in its order, whatever the cameras' directions
     */
    public record Options(OptionalInt front, OptionalDouble elevation, boolean ownNames) {
        /** Names by the directions of the cameras, the front being that of the world. */
        public static final Options STANDARD = new Options(OptionalInt.empty(), OptionalDouble.empty(), false);
    }

    public PromptText {
        slots = List.copyOf(slots);
        colour = List.copyOf(colour);
        normal = List.copyOf(normal);
    }

    /**
     * Makes the sentences of a style for the cameras of a rig. Names that would appear twice get their azimuth appended.
     *
     * @throws PromptTextException if two slots get the same sentence, or the style's own list has another length
     */
    public static PromptText of(PromptStyle style, CameraRig rig, Options options) {
        int n = rig.size();
        double[] clockwise = new double[n];
        double[] elevations = new double[n];
        double mean = 0;
        for (int i = 0; i < n; i++) {
            SphericalPosition p = rig.get(i).position();
            clockwise[i] = p.azimuth().clockwiseFromFrontDegrees();
            elevations[i] = options.elevation.orElse(p.elevationDegrees());
            mean += elevations[i] / n;
        }
        if (options.front.isPresent()) {
            clockwise = rig.clockwiseFromDegrees(options.front.getAsInt());
        }
        PromptWording wording = style.wording(mean);
        List<String> names = options.ownNames ? ownNames(style, wording, rig) : names(style, wording, elevations, clockwise);
        List<PromptSlot> slots = new ArrayList<>();
        List<String> colour = new ArrayList<>();
        List<String> normal = new ArrayList<>();
        for (int i = 0; i < n; i++) {
            PromptSlot slot = PromptSlot.of(names.get(i), rig.get(i));
            slots.add(new PromptSlot(slot.name(), slot.azimuth(), elevations[i], slot.distance()));
            colour.add(PromptWording.fill(wording.colour(), names.get(i), elevations[i], clockwise[i]));
            if (wording.normal().isPresent()) {
                normal.add(PromptWording.fill(wording.normal().get(), names.get(i), elevations[i], clockwise[i]));
            }
        }
        requireDifferent(style, colour);
        return new PromptText(style.id(), rig.id(), slots, colour, normal);
    }

    private static List<String> ownNames(PromptStyle style, PromptWording wording, CameraRig rig) {
        if (wording.views().size() != rig.size()) {
            throw new PromptTextException("prompt style \"" + style.id() + "\"", "has " + wording.views().size() + " views of its own, the rig " + rig.id() + " has "
                    + rig.size() + " cameras", "name the views by the cameras' directions, or use a rig with as many cameras");
        }
        return wording.views();
    }

    private static List<String> names(PromptStyle style, PromptWording wording, double[] elevations, double[] clockwise) {
        List<String> names = new ArrayList<>();
        Map<String, Integer> count = new HashMap<>();
        for (int i = 0; i < clockwise.length; i++) {
            names.add(ViewName.of(wording.height(), wording.separator(), style.words(), elevations[i], clockwise[i]));
            count.merge(names.get(i), 1, Integer::sum);
        }
        for (int i = 0; i < clockwise.length; i++) {
            if (count.get(names.get(i)) > 1) {
                names.set(i, names.get(i) + wording.separator() + PromptWording.fill("{azimuth}", "", 0, clockwise[i]));
            }
        }
        return names;
    }

    private static void requireDifferent(PromptStyle style, List<String> sentences) {
        for (int i = 0; i < sentences.size(); i++) {
            int first = sentences.indexOf(sentences.get(i));
            if (first != i) {
                throw new PromptTextException("prompt style \"" + style.id() + "\"", "gives slots " + first + " and " + i + " the same sentence: \"" + sentences.get(i) + "\"",
                        "they would be the same view; cameras that differ in height alone need the style with_angles");
            }
        }
    }
}
