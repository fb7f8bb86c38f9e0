package org.mouselift.data.camera;

import org.apache.commons.math3.geometry.euclidean.threed.Vector3D;

/** A pinhole camera: intrinsics and rigid OpenCV pose (mouse specification §4.1). */
public record Camera(Intrinsics intrinsics, Pose pose) {
    /** The camera at a spherical position that looks at the origin, world Z up. */
    public static Camera orbit(Intrinsics intrinsics, SphericalPosition position) {
        return new Camera(intrinsics, Pose.lookAt(position.toVector(), Vector3D.ZERO));
    }

    public Camera withIntrinsics(Intrinsics k) {
        return new Camera(k, pose);
    }

    public Camera withPose(Pose p) {
        return new Camera(intrinsics, p);
    }

    public Vector3D center() {
        return pose.center();
    }

    public Vector3D forward() {
        return pose.forward();
    }

    /** Distance, elevation and azimuth of the centre, seen from the world origin. */
    public SphericalPosition position() {
        return SphericalPosition.of(pose.center());
    }

    /** Depth of the world origin, {@code t_z}; positive when the camera looks toward it. */
    public double originDepth() {
        return pose.translation().getZ();
    }

    /** The pixel and depth of a world point; a point at depth ≤ 0 is flagged, never projected. */
    public Projection project(Vector3D world) {
        Vector3D c = pose.toCamera(world);
        double z = c.getZ();
        if (!(z > 0)) {
            return new Projection(Double.NaN, Double.NaN, z);
        }
        return new Projection(intrinsics.fx() * (c.getX() / z) + intrinsics.cx(),
                intrinsics.fy() * (c.getY() / z) + intrinsics.cy(), z);
    }

    /** The world point at pixel (u, v) and depth {@code z} along the optical axis. */
    public Vector3D unproject(double u, double v, double z) {
        return pose.toWorld(new Vector3D(z, pixelDirection(u, v)));
    }

    /** {@code ((u−cx)/fx, (v−cy)/fy, 1)}: the viewing direction of a pixel in camera coordinates, z-component 1. */
    public Vector3D pixelDirection(double u, double v) {
        return new Vector3D((u - intrinsics.cx()) / intrinsics.fx(), (v - intrinsics.cy()) / intrinsics.fy(), 1);
    }

    /** The ray through (u, v): origin is the centre, direction has unit length (GS-LRM specification §1.4). */
    public Ray ray(double u, double v) {
        Vector3D c = pixelDirection(u, v);
        Vector3D d = pose.axes().times(new Vector3D(1 / c.getNorm(), c));
        return new Ray(pose.center(), new Vector3D(1 / d.getNorm(), d));
    }

    /** The ray through the principal point: centre and viewing direction. */
    public Ray principalRay() {
        return new Ray(pose.center(), pose.forward());
    }

    /** {@code K·[R|t]} as a 3×4 array. */
    public double[][] projectionMatrix() {
        Mat3 kr = intrinsics.matrix().times(pose.rotation());
        Vector3D kt = intrinsics.matrix().times(pose.translation());
        return new double[][] {{kr.m00(), kr.m01(), kr.m02(), kt.getX()}, {kr.m10(), kr.m11(), kr.m12(), kt.getY()},
            {kr.m20(), kr.m21(), kr.m22(), kt.getZ()}};
    }
}
