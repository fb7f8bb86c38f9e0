package org.mouselift.data.camera;

import java.util.Objects;
import org.apache.commons.math3.geometry.euclidean.threed.Vector3D;

/**
 * A rigid OpenCV camera pose: camera axes +x right, +y down, +z forward; {@code x_cam = R·X + t} (mouse specification
 * §4.1). What was given — {@code [R|t]} or {@code [axes|centre]} — is kept bit for bit, the other form is its inverse
 * ({@code C = −Rᵀt} for an exact rotation). Stored files have rotations that are orthonormal only to 1e-7, and their
 * inverse is not quite the transpose; the exact one is used, as by the original programs. A pose carries numbers as
 * claimed; {@link RigCheck} says whether they are a rotation.
 */
public final class Pose {
    /** Below this sine of the angle between view direction and up vector a look-at has no defined roll. */
    public static final double MIN_UP_SINE = 1e-6;
    private static final Mat3 FLIP_YZ = Mat3.diagonal(1, -1, -1);

    private final Mat3 rotation;
    private final Vector3D translation;
    private final Mat3 axes;
    private final Vector3D center;

    private Pose(Mat3 rotation, Vector3D translation, Mat3 axes, Vector3D center) {
        this.rotation = rotation;
        this.translation = translation;
        this.axes = axes;
        this.center = center;
    }

    /** Both forms at once, for transformations that compute them independently. */
    static Pose of(Mat3 rotation, Vector3D translation, Mat3 axes, Vector3D center) {
        return new Pose(rotation, translation, axes, center);
    }

    /** From world→camera {@code [R|t]}. */
    public static Pose worldToCamera(Mat3 rotation, Vector3D translation) {
        Mat3 axes = nearTranspose(rotation);
        return new Pose(rotation, translation, axes, axes.times(translation).negate());
    }

    /** From camera→world: {@code axes} has the columns right, down, forward; {@code center} is the camera centre. */
    public static Pose cameraToWorld(Mat3 axes, Vector3D center) {
        Mat3 rotation = nearTranspose(axes);
        return new Pose(rotation, rotation.times(center).negate(), axes, center);
    }

    /** The inverse of an (almost) orthonormal matrix: two Newton steps from the transpose, error (skew)⁴, no division. */
    private static Mat3 nearTranspose(Mat3 m) {
        Mat3 x = m.transpose();
        for (int i = 0; i < 2; i++) {
            x = x.times(Mat3.diagonal(2, 2, 2).minus(m.times(x)));
        }
        return x;
    }

    /** From a 3×4 or 4×4 world→camera matrix; a fourth row must be exactly 0, 0, 0, 1. */
    public static Pose worldToCamera(double[][] w2c) {
        checkShape("w2c", w2c);
        return worldToCamera(Mat3.of(w2c), new Vector3D(w2c[0][3], w2c[1][3], w2c[2][3]));
    }

    /** From a 3×4 or 4×4 camera→world matrix in OpenCV axes; a fourth row must be exactly 0, 0, 0, 1. */
    public static Pose cameraToWorld(double[][] c2w) {
        checkShape("c2w", c2w);
        return cameraToWorld(Mat3.of(c2w), new Vector3D(c2w[0][3], c2w[1][3], c2w[2][3]));
    }

    /**
     * From a camera→world matrix in OpenGL axes (x right, y up, z backward): Blender's {@code matrix_world}, the
     * {@code transform_matrix} of NeRF files. {@code c2w = M·diag(1,−1,−1,1)} (mouse specification §4.2).
     */
    public static Pose fromOpenGl(double[][] matrixWorld) {
        checkShape("matrix_world", matrixWorld);
        return cameraToWorld(Mat3.of(matrixWorld).times(FLIP_YZ),
                new Vector3D(matrixWorld[0][3], matrixWorld[1][3], matrixWorld[2][3]));
    }

    /**
     * The camera at {@code center} that looks at {@code target} without roll: {@code f = (P−C)/‖P−C‖}, {@code r = f×up}
     * normalised, {@code c2w = [r, f×r, f, C]} (mouse specification §4.2).
     *
     * @throws CameraException if the two points coincide, or {@code up} is (nearly) parallel to the view direction
     */
    public static Pose lookAt(Vector3D center, Vector3D target, Vector3D up) {
        Vector3D view = target.subtract(center);
        double length = view.getNorm();
        if (!(length > 0) || Double.isInfinite(length)) {
            throw new CameraException(null, "look-at", "has no direction: centre " + text(center) + ", target "
                    + text(target), "give two different finite points");
        }
        double upLength = up.getNorm();
        if (!(upLength > 0) || Double.isInfinite(upLength)) {
            throw new CameraException(null, "look-at: up", "is " + text(up), "give a finite vector other than 0");
        }
        Vector3D f = new Vector3D(1 / length, view);
        Vector3D r = f.crossProduct(new Vector3D(1 / upLength, up));
        double sine = r.getNorm();
        if (sine < MIN_UP_SINE) {
            throw new CameraException(null, "look-at: up " + text(up), "is parallel to the view direction " + text(f)
                    + " (sine " + sine + ")", "give an up vector that is not along the line of sight, for example the "
                    + "direction that shall point up in the picture");
        }
        r = new Vector3D(1 / sine, r);
        // Near the pole the cross product has lost digits: make r perpendicular to f again.
        r = r.subtract(f.dotProduct(r), f);
        r = new Vector3D(1 / r.getNorm(), r);
        return cameraToWorld(Mat3.columns(r, f.crossProduct(r), f), center);
    }

    /** Look-at with the world's up, +Z. */
    public static Pose lookAt(Vector3D center, Vector3D target) {
        return lookAt(center, target, Vector3D.PLUS_K);
    }

    /** World→camera rotation {@code R}. */
    public Mat3 rotation() {
        return rotation;
    }

    /** World→camera translation {@code t}. */
    public Vector3D translation() {
        return translation;
    }

    /** Camera→world rotation; its columns are right, down, forward. */
    public Mat3 axes() {
        return axes;
    }

    /** The camera centre {@code C} in world coordinates. */
    public Vector3D center() {
        return center;
    }

    public Vector3D right() {
        return axes.column(0);
    }

    public Vector3D down() {
        return axes.column(1);
    }

    /** The camera-up direction in world coordinates, {@code −c2w[:,1]}. */
    public Vector3D up() {
        return down().negate();
    }

    /** The viewing direction: third column of c2w, third row of {@code R}. */
    public Vector3D forward() {
        return axes.column(2);
    }

    /** World point → camera coordinates. */
    public Vector3D toCamera(Vector3D world) {
        return rotation.times(world).add(translation);
    }

    /** Camera coordinates → world point. */
    public Vector3D toWorld(Vector3D camera) {
        return axes.times(camera).add(center);
    }

    /** A fresh 4×4 world→camera matrix. */
    public double[][] w2c() {
        return matrix(rotation, translation);
    }

    /** A fresh 4×4 camera→world matrix (inverse of {@link #w2c()}). */
    public double[][] c2w() {
        return matrix(axes, center);
    }

    /** A fresh 4×4 camera→world matrix in OpenGL axes: the inverse of {@link #fromOpenGl}. */
    public double[][] openGl() {
        return matrix(axes.times(FLIP_YZ), center);
    }

    /** {@code (c2w_this)⁻¹·c2w_other}: the other camera in this camera's coordinates, as a camera→world pose. */
    public Pose relative(Pose other) {
        return cameraToWorld(rotation.times(other.axes), toCamera(other.center));
    }

    private static double[][] matrix(Mat3 r, Vector3D t) {
        return new double[][] {{r.m00(), r.m01(), r.m02(), t.getX()}, {r.m10(), r.m11(), r.m12(), t.getY()},
            {r.m20(), r.m21(), r.m22(), t.getZ()}, {0, 0, 0, 1}};
    }

    private static void checkShape(String name, double[][] m) {
        if (m.length != 3 && m.length != 4) {
            throw new CameraException(null, name, "has " + m.length + " rows", "pass a 3×4 or 4×4 matrix");
        }
        for (double[] row : m) {
            if (row.length != 4) {
                throw new CameraException(null, name, "has a row of " + row.length + " numbers", "pass rows of 4 numbers");
            }
        }
        if (m.length == 4 && !(m[3][0] == 0 && m[3][1] == 0 && m[3][2] == 0 && m[3][3] == 1)) {
            throw new CameraException(null, name, "has the last row " + java.util.Arrays.toString(m[3]),
                    "expected exactly 0, 0, 0, 1 (is the matrix transposed?)");
        }
    }

    static String text(Vector3D v) {
        return "(" + v.getX() + ", " + v.getY() + ", " + v.getZ() + ")";
    }

    @Override
    public boolean equals(Object o) {
        return o instanceof Pose p && rotation.equals(p.rotation) && translation.equals(p.translation)
                && axes.equals(p.axes) && center.equals(p.center);
    }

    @Override
    public int hashCode() {
        return Objects.hash(rotation, translation, axes, center);
    }

    @Override
    public String toString() {
        return "Pose[center=" + text(center) + ", right=" + text(right()) + ", down=" + text(down()) + ", forward="
                + text(forward()) + "]";
    }
}
