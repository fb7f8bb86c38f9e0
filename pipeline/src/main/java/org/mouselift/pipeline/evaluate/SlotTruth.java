package org.mouselift.pipeline.evaluate;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.apache.commons.math3.geometry.euclidean.threed.Vector3D;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.image.Image8;
import org.mouselift.pipeline.reconstruct.PosedView;
import org.mouselift.pipeline.reconstruct.ViewMetrics;

/**
 * The true pictures of the slots that a multi-view pipeline draws, and how near drawn pictures come to them.
 *
 * @param views true view of every slot, in the order of the slots
 */
public record SlotTruth(List<PosedView> views) {
    private static final double LIMIT_DEGREES = 20;

    public SlotTruth {
        views = List.copyOf(views);
    }

    /** Metrics of one slot; numbers that are not defined are null. */
    public record Slot(int slot, String truth, Map<String, Double> metrics) {}

    /**
     * Content of {@code views.json}.
     *
     * @param mean over the slots that are not the photo itself
     * @param copyInput the photo in the place of these slots
     * @param nearestSlot for every drawn slot the true slot it is nearest to
     */
    public record Report(Map<String, Double> mean, Map<String, Double> copyInput, List<Integer> nearestSlot, List<Slot> slots) {}

    /**
     * The first views of a sample, if its cameras are those of the rig.
     *
     * @param views of the sample, resized
     * @throws IllegalArgumentException MFL-E122 if a camera looks from another direction than the slot's
     */
    public static Optional<SlotTruth> of(Path sample, List<PosedView> views, CameraRig rig) {
        if (views.size() < rig.size()) {
            return Optional.empty();
        }
        for (int i = 0; i < rig.size(); i++) {
            double turn = Math.toDegrees(Vector3D.angle(views.get(i).camera().center(), rig.get(i).center()));
            if (turn > LIMIT_DEGREES) {
                throw new IllegalArgumentException(String.format(Locale.ROOT, "MFL-E122: view %d of %s looks from a direction %.0f° away from slot %d of the rig %s: its pictures "
                        + "are not the truth of what the pipeline draws", i, sample, turn, i, rig.id()));
            }
        }
        return Optional.of(new SlotTruth(views.subList(0, rig.size())));
    }

    /** Metrics of a drawn picture of a slot. */
    public ViewMetrics measure(int slot, Image8 drawn) {
        return ViewMetrics.of(drawn.toFloatChw(), views.get(slot));
    }

    /** Metrics of every slot but the first, which is the photo itself. */
    public List<ViewMetrics> unseen(List<Image8> drawn) {
        List<ViewMetrics> all = new ArrayList<>();
        for (int i = 1; i < views.size(); i++) {
            all.add(measure(i, drawn.get(i)));
        }
        return all;
    }

    /** The true slot whose picture is nearest (mean squared difference) to each drawn one; the lower one of equals. */
    public List<Integer> nearest(List<Image8> drawn) {
        List<Integer> out = new ArrayList<>();
        for (Image8 picture : drawn) {
            int best = 0;
            double least = Double.POSITIVE_INFINITY;
            for (int j = 0; j < views.size(); j++) {
                double distance = squaredDistance(picture, views.get(j).picture());
                if (distance < least) {
                    least = distance;
                    best = j;
                }
            }
            out.add(best);
        }
        return out;
    }

    /** Mean squared difference of two pictures of one size, of samples in [0,1]. */
    public static double squaredDistance(Image8 a, Image8 b) {
        if (a.width() != b.width() || a.height() != b.height() || a.channels() != b.channels()) {
            throw new IllegalArgumentException("pictures of " + a.width() + "x" + a.height() + "x" + a.channels() + " and " + b.width() + "x" + b.height() + "x"
                    + b.channels() + " samples cannot be compared");
        }
        long sum = 0;
        for (int i = 0; i < a.data().length; i++) {
            int d = (a.data()[i] & 0xFF) - (b.data()[i] & 0xFF);
            sum += (long) d * d;
        }
        return sum / (255.0 * 255.0 * a.data().length);
    }

    /** Everything about one set of drawn views. */
    public Report report(Image8 photo, List<Image8> drawn) {
        if (drawn.size() != views.size()) {
            throw new IllegalArgumentException("MFL-E114: " + drawn.size() + " drawn views for " + views.size() + " true ones");
        }
        List<Slot> slots = new ArrayList<>();
        for (int i = 0; i < drawn.size(); i++) {
            slots.add(new Slot(i, views.get(i).name(), measure(i, drawn.get(i)).numbers()));
        }
        List<Image8> copies = drawn.stream().map(d -> photo).toList();
        return new Report(ViewMetrics.mean(unseen(drawn)).numbers(), ViewMetrics.mean(unseen(copies)).numbers(), nearest(drawn), slots);
    }
}
