package org.mouselift.data.camera;

import org.apache.commons.math3.geometry.euclidean.threed.Vector3D;

/** A projective map of pixels in edge coordinates. */
public record Homography(Mat3 matrix) {
    /** A pixel position in edge coordinates; NaN where there is none. */
    public record Pixel(double u, double v) {
        public boolean exists() {
            return !Double.isNaN(u) && !Double.isNaN(v);
        }
    }

    /** {@code H = K'·R'·Rᵀ·K⁻¹}: old pixels → new pixels of a camera that only turned and zoomed (any depth). */
    public static Homography turn(Camera from, Camera to) {
        if (from.center().distance(to.center()) > 1e-9 * Math.max(1, from.center().getNorm())) {
            throw new CameraException(null, "homography", "needs two cameras with one centre, got "
                    + Pose.text(from.center()) + " and " + Pose.text(to.center()),
                    "a moved camera has parallax and cannot be warped");
        }
        return new Homography(to.intrinsics().matrix().times(to.pose().rotation())
                .times(from.pose().axes()).times(from.intrinsics().inverseMatrix()));
    }

    /** Where the pixel goes; NaN when its viewing ray points behind the new image plane. */
    public Pixel map(double u, double v) {
        Vector3D p = matrix.times(new Vector3D(u, v, 1));
        double w = p.getZ();
        return w > 0 ? new Pixel(p.getX() / w, p.getY() / w) : new Pixel(Double.NaN, Double.NaN);
    }

    public Homography inverse() {
        return new Homography(matrix.inverse());
    }

    /** Scaled so that the last entry is 1. */
    public Homography normalized() {
        return new Homography(matrix.scale(1 / matrix.m22()));
    }
}
