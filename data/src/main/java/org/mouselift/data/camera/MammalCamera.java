package org.mouselift.data.camera;

import org.apache.commons.math3.geometry.euclidean.threed.Vector3D;

/**
 * A camera of the source calibration: {@code pixel ~ K·(R·X + T)} in source units (mouse specification §2.2). Converting
 * to a {@link Camera} and back returns the same bits.
 */
public record MammalCamera(Mat3 k, Mat3 r, Vector3D t) {
    /** @param width width of the frames the calibration was made for, in pixels; taken from the images, not assumed */
    public Camera toCamera(int width, int height) {
        return new Camera(Intrinsics.fromMatrix(k, width, height), Pose.worldToCamera(r, t));
    }

    public static MammalCamera of(Camera camera) {
        return new MammalCamera(camera.intrinsics().matrix(), camera.pose().rotation(), camera.pose().translation());
    }
}
