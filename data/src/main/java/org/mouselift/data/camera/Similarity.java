package org.mouselift.data.camera;

import org.apache.commons.math3.geometry.euclidean.threed.Vector3D;

/**
 * A similarity of the world, {@code X' = s·Q·X + p}, and what it does to cameras: {@code R' = R·Qᵀ},
 * {@code t' = s·t − R·Qᵀ·p}, {@code C' = s·Q·C + p}. Every pixel stays, every depth is multiplied by {@code s}.
 */
public record Similarity(double scale, Mat3 rotation, Vector3D translation) {
    public static final Similarity IDENTITY = new Similarity(1, Mat3.IDENTITY, Vector3D.ZERO);

    /** {@code (x, y, z) → (x, −z, y)}: turns a Y-up world into a Z-up one. */
    public static final Similarity Y_UP_TO_Z_UP =
            new Similarity(1, new Mat3(1, 0, 0, 0, 0, -1, 0, 1, 0), Vector3D.ZERO);

    public Similarity {
        if (!(scale > 0) || Double.isInfinite(scale)) {
            throw new CameraException(null, "similarity: scale", "is " + scale, "give a positive finite number");
        }
    }

    public static Similarity scale(double s) {
        return new Similarity(s, Mat3.IDENTITY, Vector3D.ZERO);
    }

    public static Similarity rotate(Mat3 q) {
        return new Similarity(1, q, Vector3D.ZERO);
    }

    public static Similarity translate(Vector3D p) {
        return new Similarity(1, Mat3.IDENTITY, p);
    }

    /** This one first, then {@code next}. */
    public Similarity then(Similarity next) {
        return new Similarity(next.scale * scale, next.rotation.times(rotation), next.apply(translation));
    }

    public Similarity inverse() {
        Mat3 back = rotation.transpose();
        return new Similarity(1 / scale, back, back.times(translation).scalarMultiply(-1 / scale));
    }

    public Vector3D apply(Vector3D point) {
        return rotation.times(point).scalarMultiply(scale).add(translation);
    }

    public Pose apply(Pose pose) {
        Mat3 r = pose.rotation().times(rotation.transpose());
        Vector3D t = pose.translation().scalarMultiply(scale).subtract(r.times(translation));
        return Pose.of(r, t, rotation.times(pose.axes()), apply(pose.center()));
    }

    public Camera apply(Camera camera) {
        return camera.withPose(apply(camera.pose()));
    }

    public CameraRig apply(CameraRig rig) {
        return rig.map(this::apply);
    }

    public Ray apply(Ray ray) {
        return new Ray(apply(ray.origin()), rotation.times(ray.direction()));
    }
}
