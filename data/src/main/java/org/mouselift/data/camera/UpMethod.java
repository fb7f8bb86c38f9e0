package org.mouselift.data.camera;

import org.apache.commons.math3.geometry.euclidean.threed.Vector3D;

/** Where the world's up direction comes from (mouse specification §4.4). */
public sealed interface UpMethod {
    /** The normal of the plane through at least three camera centres, on the side of the mean camera-up. */
    record Pca() implements UpMethod {}

    /** The mean of the camera-up directions; from one camera this destroys its elevation, so it must be asked for. */
    record MeanCameraUp() implements UpMethod {}

    /** A given direction, for example measured vertical lines; {@code source} is recorded in the provenance. */
    record Explicit(Vector3D up, String source) implements UpMethod {}
}
