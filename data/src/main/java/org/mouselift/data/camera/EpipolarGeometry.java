package org.mouselift.data.camera;

import org.apache.commons.math3.geometry.euclidean.threed.Vector3D;

/** The fundamental matrix of two cameras: {@code x2ᵀ·F·x1 = 0} for the two pixels (u, v, 1) of one world point. */
public record EpipolarGeometry(Mat3 fundamental) {
    /** {@code F = K2⁻ᵀ·[t]×·R·K1⁻¹} with (R, t) the motion from camera 1 to camera 2. */
    public static EpipolarGeometry of(Camera first, Camera second) {
        Mat3 r = second.pose().rotation().times(first.pose().axes());
        Vector3D t = second.pose().toCamera(first.center());
        if (!(t.getNorm() > 0)) {
            throw new CameraException(null, "epipolar geometry", "needs two centres, both are " + Pose.text(first.center()),
                    "use a homography for cameras that only turn");
        }
        return new EpipolarGeometry(second.intrinsics().inverseMatrix().transpose().times(Mat3.cross(t)).times(r)
                .times(first.intrinsics().inverseMatrix()));
    }

    /** The line (a, b, c), {@code a·u + b·v + c = 0}, of pixel (u, v) of camera 1 in image 2. */
    public Vector3D lineInSecond(double u, double v) {
        return fundamental.times(new Vector3D(u, v, 1));
    }

    /** The line of pixel (u, v) of camera 2 in image 1. */
    public Vector3D lineInFirst(double u, double v) {
        return fundamental.transpose().times(new Vector3D(u, v, 1));
    }

    /** The mean of the two distances, in pixels, between a pixel and the other's epipolar line. */
    public double symmetricDistance(double u1, double v1, double u2, double v2) {
        return 0.5 * (distance(lineInSecond(u1, v1), u2, v2) + distance(lineInFirst(u2, v2), u1, v1));
    }

    private static double distance(Vector3D line, double u, double v) {
        return Math.abs(line.getX() * u + line.getY() * v + line.getZ()) / Math.hypot(line.getX(), line.getY());
    }
}
