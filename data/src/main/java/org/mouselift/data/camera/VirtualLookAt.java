package org.mouselift.data.camera;

import org.apache.commons.math3.geometry.euclidean.threed.Vector3D;

/**
 * A camera turned, on the spot, to look exactly at the subject with new intrinsics; exact because a turn has no parallax
 * (mouse specification §4.6).
 *
 * @param camera   the new camera: same centre, exact pose and intrinsics
 * @param toOutput old pixels → new pixels; a new pixel q takes its colour from the old image at {@code toOutput⁻¹(q)}
 */
public record VirtualLookAt(Camera camera, Homography toOutput) {
    /** @param up the direction that shall point up in the picture: +Z for no roll, the camera's own up to keep the roll */
    public static VirtualLookAt of(Camera source, Vector3D subject, Vector3D up, Intrinsics intrinsics) {
        Camera turned = new Camera(intrinsics, Pose.lookAt(source.center(), subject, up));
        return new VirtualLookAt(turned, Homography.turn(source, turned));
    }

    public static VirtualLookAt of(Camera source, Vector3D subject, Intrinsics intrinsics) {
        return of(source, subject, Vector3D.PLUS_K, intrinsics);
    }

    /** Where output pixel (u, v) samples the original picture. */
    public Homography.Pixel source(double u, double v) {
        return toOutput.inverse().map(u, v);
    }
}
