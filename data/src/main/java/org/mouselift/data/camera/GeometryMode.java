package org.mouselift.data.camera;

import java.util.Arrays;
import java.util.stream.Collectors;

/** How a rig is brought to the models' distance (mouse specification §4.4 step 5). */
public enum GeometryMode {
    /** Nothing is scaled. */
    NONE("none", true),
    /** All centres times one factor, mean distance becomes the target: exact. */
    SIMILARITY("similarity", true),
    /** Every centre moved to the target distance by itself: the views contradict each other. For reproduction only. */
    PER_CAMERA_LEGACY("per_camera_legacy", false),
    /** As before, with the focal lengths scaled alike: exact only in the fronto-parallel plane through the origin. */
    PER_CAMERA_DOLLY("per_camera_dolly", false),
    /** Similarity, and every picture warped so that the camera looks at the subject with standard intrinsics: exact. */
    VIRTUAL_LOOKAT("virtual_lookat", true),
    /** The previous, then dolly. */
    VIRTUAL_LOOKAT_DOLLY("virtual_lookat+dolly", false);

    private final String id;
    private final boolean exact;

    GeometryMode(String id, boolean exact) {
        this.id = id;
        this.exact = exact;
    }

    /** The name in configurations and provenance blocks. */
    public String id() {
        return id;
    }

    /** Whether pictures and cameras agree exactly afterwards. */
    public boolean exact() {
        return exact;
    }

    /** Whether the pictures must be warped, too. */
    public boolean warpsImages() {
        return this == VIRTUAL_LOOKAT || this == VIRTUAL_LOOKAT_DOLLY;
    }

    public static GeometryMode of(String id) {
        return Arrays.stream(values()).filter(m -> m.id.equals(id)).findFirst()
                .orElseThrow(() -> new CameraException(null, "geometry mode \"" + id + "\"", "is unknown", "available: "
                        + Arrays.stream(values()).map(GeometryMode::id).collect(Collectors.joining(", "))));
    }
}
