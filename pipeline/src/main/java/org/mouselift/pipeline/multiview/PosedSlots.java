package org.mouselift.pipeline.multiview;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.image.Image8;
import org.mouselift.pipeline.reconstruct.PosedView;

/** Drawn views with the cameras that their slots stand for, as the reconstructor takes them. */
public final class PosedSlots {
    private PosedSlots() {}

    /**
     * Resizes the views (Lanczos) and scales the intrinsics with them.
     *
     * @param rig camera of every slot
     * @throws IllegalArgumentException MFL-E114 if their numbers differ
     */
    public static List<PosedView> of(List<Image8> views, CameraRig rig, int size) {
        if (views.size() != rig.size()) {
            throw new IllegalArgumentException("MFL-E114: " + rig.size() + " cameras for " + views.size() + " views");
        }
        List<PosedView> out = new ArrayList<>();
        for (int i = 0; i < views.size(); i++) {
            out.add(PosedView.of(String.format(Locale.ROOT, "view_%02d.png", i), views.get(i), rig.get(i), size));
        }
        return out;
    }
}
