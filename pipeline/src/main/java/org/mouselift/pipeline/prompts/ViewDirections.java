package org.mouselift.pipeline.prompts;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.mouselift.data.camera.Azimuth;
import org.mouselift.data.camera.Camera;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.camera.OpencvCameraFile;
import org.mouselift.data.camera.RigCatalog;
import org.mouselift.data.prompts.PromptSlot;
import org.mouselift.data.prompts.ViewName;

/**
 * Where the views of a data set stand: what a stage 1 training puts on record, so that its views can be posed.
 *
 * @param rig name of the built-in rig that has these cameras; empty if none has
 * @param slots one a view; empty if not known
 */
public record ViewDirections(String rig, List<PromptSlot> slots) {
    /** Nothing known. */
    public static final ViewDirections UNKNOWN = new ViewDirections("", List.of());
    private static final int SAMPLES = 32;
    private static final double SAME_DEGREES = 2;
    private static final double SAME_SHARE = 0.02;

    public ViewDirections {
        slots = List.copyOf(slots);
    }

    /**
     * The first cameras of samples, if all that are looked at (32, spread over the list) have a camera file and agree within 2°;
     * {@link #UNKNOWN} otherwise.
     *
     * @param views cameras a sample
     */
    public static ViewDirections of(List<Path> samples, int views) throws IOException {
        List<Camera> first = List.of();
        int looked = Math.min(SAMPLES, samples.size());
        for (int i = 0; i < looked; i++) {
            Path file = samples.get((int) ((long) i * samples.size() / looked)).resolve(OpencvCameraFile.FILE_NAME);
            if (!Files.isRegularFile(file)) {
                return UNKNOWN;
            }
            List<Camera> cameras = OpencvCameraFile.read(file, OpencvCameraFile.Options.RIG).rig(file.toString()).cameras();
            if (cameras.size() < views) {
                return UNKNOWN;
            }
            cameras = cameras.subList(0, views);
            first = first.isEmpty() ? cameras : first;
            if (!sameDirections(first, cameras)) {
                return UNKNOWN;
            }
        }
        return of(first);
    }

    /** Of cameras. */
    public static ViewDirections of(List<Camera> cameras) {
        List<PromptSlot> slots = new ArrayList<>();
        for (Camera c : cameras) {
            double clockwise = c.position().azimuth().clockwiseFromFrontDegrees();
            slots.add(PromptSlot.of(ViewName.of(ViewName.Height.BY_ELEVATION, "-", Map.of(), c.position().elevationDegrees(), clockwise), c));
        }
        String rig = RigCatalog.builtIn().entries().stream().filter(e -> same(e.rig(), cameras)).map(RigCatalog.Entry::id).findFirst().orElse("");
        return new ViewDirections(rig, slots);
    }

    /**
     * False if the cameras are known and the mirror image of camera {@code order[v]}, in any one upright mirror through the subject, does
     * not stand where camera v does, within 2°.
     */
    public boolean mirrors(List<Integer> order) {
        if (slots.isEmpty() || order.isEmpty()) {
            return true;
        }
        double twice = slots.getFirst().azimuth() + slots.get(order.getFirst()).azimuth();
        for (int i = 0; i < slots.size(); i++) {
            PromptSlot slot = slots.get(i);
            PromptSlot source = slots.get(order.get(i));
            if (Math.abs(Azimuth.signed(slot.azimuth() + source.azimuth() - twice)) > SAME_DEGREES || Math.abs(slot.elevation() - source.elevation()) > SAME_DEGREES
                    || !close(slot.distance(), source.distance())) {
                return false;
            }
        }
        return true;
    }

    private static boolean same(CameraRig rig, List<Camera> cameras) {
        boolean same = rig.size() == cameras.size() && sameDirections(rig.cameras(), cameras);
        for (int i = 0; same && i < cameras.size(); i++) {
            Camera a = rig.get(i);
            Camera b = cameras.get(i);
            same = close(a.center().getNorm(), b.center().getNorm()) && close(a.intrinsics().horizontalFovDegrees(), b.intrinsics().horizontalFovDegrees());
        }
        return same;
    }

    private static boolean close(double a, double b) {
        return Math.abs(a - b) <= SAME_SHARE * Math.abs(a);
    }

    private static boolean sameDirections(List<Camera> a, List<Camera> b) {
        for (int i = 0; i < a.size(); i++) {
            Azimuth azimuth = a.get(i).position().azimuth();
            if (Math.abs(azimuth.difference(b.get(i).position().azimuth())) > SAME_DEGREES
                    || Math.abs(a.get(i).position().elevationDegrees() - b.get(i).position().elevationDegrees()) > SAME_DEGREES) {
                return false;
            }
        }
        return true;
    }
}
