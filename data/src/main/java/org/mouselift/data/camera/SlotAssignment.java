package org.mouselift.data.camera;

import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * Which camera of a physical rig fills which slot of the multi-view batch (mouse specification §4.5): slot i is filled by
 * camera {@code cameras.get(i)}. Stored in the Stage-1 checkpoint and used by every consumer.
 */
public record SlotAssignment(Kind kind, List<Integer> cameras) {
    /** How the order was found. */
    public enum Kind { INDEX, ANGULAR, EXPLICIT }

    public SlotAssignment {
        cameras = List.copyOf(cameras);
        if (cameras.stream().distinct().count() != cameras.size() || cameras.stream().anyMatch(i -> i < 0)) {
            throw new CameraException(null, "slot assignment", "is " + cameras, "name every camera at most once, from 0");
        }
    }

    /** Slot i = camera i. */
    public static SlotAssignment index(int n) {
        return new SlotAssignment(Kind.INDEX, IntStream.range(0, n).boxed().toList());
    }

    /** The reference camera in slot 0, the others in clockwise order seen from above (ties: index order). */
    public static SlotAssignment angular(CameraRig rig, int reference) {
        double[] turn = rig.clockwiseFromDegrees(reference);
        return new SlotAssignment(Kind.ANGULAR, IntStream.range(0, rig.size()).boxed()
                .sorted(Comparator.comparingDouble((Integer i) -> i == reference ? -1 : turn[i])).toList());
    }

    public static SlotAssignment explicit(List<Integer> cameras) {
        return new SlotAssignment(Kind.EXPLICIT, cameras);
    }

    /** {@code index}, {@code angular} or a list such as {@code 0,4,2,1,3,5}. */
    public static SlotAssignment parse(String text, CameraRig rig, int reference) {
        return switch (text.strip()) {
            case "index" -> index(rig.size());
            case "angular" -> angular(rig, reference);
            default -> {
                try {
                    yield explicit(Arrays.stream(text.replaceAll("[\\[\\]\\s]", "").split(",")).map(Integer::valueOf).toList());
                } catch (NumberFormatException e) {
                    throw new CameraException(null, "view_assignment", "is \"" + text + "\"",
                            "write index, angular or a list of camera numbers");
                }
            }
        };
    }

    /** The rig in slot order. */
    public CameraRig apply(CameraRig rig) {
        return rig.select(cameras.stream().mapToInt(Integer::intValue).toArray());
    }

    /**
     * The exchange of slots that makes a horizontal flip of all pictures legal: slot i of the flipped set is the flipped
     * picture of slot {@code result[i]}. Mirroring in x takes azimuth α to 180° − α (human6: 1↔5, 2↔4). Empty when the
     * mirrored rig is not the rig itself: then flipping is illegal.
     *
     * @param toleranceDegrees how far azimuths and elevations may differ
     */
    public static Optional<List<Integer>> mirrorExchange(CameraRig rig, double toleranceDegrees) {
        Integer[] partner = new Integer[rig.size()];
        boolean[] used = new boolean[rig.size()];
        for (int i = 0; i < rig.size(); i++) {
            SphericalPosition p = rig.get(i).position();
            Azimuth mirrored = Azimuth.xy(180 - p.azimuth().xyDegrees());
            for (int j = 0; j < rig.size() && partner[i] == null; j++) {
                SphericalPosition q = rig.get(j).position();
                if (!used[j] && Math.abs(q.azimuth().difference(mirrored)) <= toleranceDegrees
                        && Math.abs(q.elevationDegrees() - p.elevationDegrees()) <= toleranceDegrees) {
                    partner[i] = j;
                    used[j] = true;
                }
            }
            if (partner[i] == null) {
                return Optional.empty();
            }
        }
        return Optional.of(List.of(partner));
    }
}
