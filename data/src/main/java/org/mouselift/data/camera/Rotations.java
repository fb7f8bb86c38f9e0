package org.mouselift.data.camera;

import org.apache.commons.math3.complex.Quaternion;
import org.apache.commons.math3.geometry.euclidean.threed.Vector3D;

/** Rotation matrices from and to axis-angle, quaternions (w, x, y, z) and the six-number form. Angles in radians. */
public final class Rotations {
    private Rotations() {}

    /** Rodrigues: {@code I + sinθ·[a]× + (1−cosθ)·[a]×²} for the normalised axis, counter-clockwise. */
    public static Mat3 aboutAxis(Vector3D axis, double angle) {
        double norm = axis.getNorm();
        if (!(norm > 0) || Double.isInfinite(norm)) {
            throw new CameraException(null, "rotation axis", "is " + Pose.text(axis), "give a finite vector other than 0");
        }
        return rodrigues(new Vector3D(1 / norm, axis), Math.sin(angle), versine(angle));
    }

    /** The rotation about +Z by {@code degrees}, counter-clockwise seen from above; exact at multiples of 90°. */
    public static Mat3 aboutZ(double degrees) {
        double c = cosDegrees(degrees);
        double s = sinDegrees(degrees);
        return new Mat3(c, -s, 0, s, c, 0, 0, 0, 1);
    }

    private static double sinDegrees(double degrees) {
        double r = Azimuth.mod360(degrees);
        return r == 0 || r == 180 ? 0 : r == 90 ? 1 : r == 270 ? -1 : Math.sin(Math.toRadians(r));
    }

    private static double cosDegrees(double degrees) {
        double r = Azimuth.mod360(degrees);
        return r == 90 || r == 270 ? 0 : r == 0 ? 1 : r == 180 ? -1 : Math.cos(Math.toRadians(r));
    }

    /** {@code 1 − cosθ} without cancellation. */
    private static double versine(double angle) {
        double h = Math.sin(angle / 2);
        return 2 * h * h;
    }

    private static Mat3 rodrigues(Vector3D a, double sin, double versine) {
        Mat3 k = Mat3.cross(a);
        return Mat3.IDENTITY.plus(k.scale(sin)).plus(k.times(k).scale(versine));
    }

    /** {@code exp([v]×)}: rotation by {@code ‖v‖} about {@code v}. */
    public static Mat3 exp(Vector3D v) {
        double angle = v.getNorm();
        return angle == 0 ? Mat3.IDENTITY : aboutAxis(v, angle);
    }

    /** The rotation vector (axis · angle, angle in [0, π]) of a rotation matrix: inverse of {@link #exp}. */
    public static Vector3D log(Mat3 r) {
        Quaternion q = toQuaternion(r);
        Vector3D v = new Vector3D(q.getQ1(), q.getQ2(), q.getQ3());
        double sinHalf = v.getNorm();
        if (sinHalf == 0) {
            return Vector3D.ZERO;
        }
        double angle = 2 * Math.atan2(sinHalf, q.getQ0());
        return new Vector3D(angle / sinHalf, v);
    }

    /** The angle of a rotation matrix in [0, π]: {@code atan2(‖R−Rᵀ‖ part, trace part)}, accurate at both ends. */
    public static double angle(Mat3 r) {
        double s = 0.5 * Math.sqrt(sq(r.m21() - r.m12()) + sq(r.m02() - r.m20()) + sq(r.m10() - r.m01()));
        return Math.atan2(s, (r.trace() - 1) / 2);
    }

    /** The angle of the rotation that takes {@code a} to {@code b}: the geodesic distance, in [0, π]. */
    public static double geodesicAngle(Mat3 a, Mat3 b) {
        return angle(a.times(b.transpose()));
    }

    /** The matrix of a quaternion, which is normalised first; {@code q} and {@code −q} give the same matrix. */
    public static Mat3 fromQuaternion(Quaternion q) {
        double n = Math.sqrt(sq(q.getQ0()) + sq(q.getQ1()) + sq(q.getQ2()) + sq(q.getQ3()));
        if (!(n > 0) || Double.isInfinite(n)) {
            throw new CameraException(null, "quaternion", "is " + q, "give a finite quaternion other than 0");
        }
        double w = q.getQ0() / n;
        double x = q.getQ1() / n;
        double y = q.getQ2() / n;
        double z = q.getQ3() / n;
        return new Mat3(
                1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y),
                2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x),
                2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y));
    }

    /** The unit quaternion (w ≥ 0) of a rotation matrix, by the largest of the four diagonal combinations. */
    public static Quaternion toQuaternion(Mat3 r) {
        double[] q = new double[4];
        double t = r.trace();
        if (t >= r.m00() && t >= r.m11() && t >= r.m22()) {
            q[0] = 1 + t;
            q[1] = r.m21() - r.m12();
            q[2] = r.m02() - r.m20();
            q[3] = r.m10() - r.m01();
        } else if (r.m00() >= r.m11() && r.m00() >= r.m22()) {
            q[0] = r.m21() - r.m12();
            q[1] = 1 + r.m00() - r.m11() - r.m22();
            q[2] = r.m01() + r.m10();
            q[3] = r.m02() + r.m20();
        } else if (r.m11() >= r.m22()) {
            q[0] = r.m02() - r.m20();
            q[1] = r.m01() + r.m10();
            q[2] = 1 - r.m00() + r.m11() - r.m22();
            q[3] = r.m12() + r.m21();
        } else {
            q[0] = r.m10() - r.m01();
            q[1] = r.m02() + r.m20();
            q[2] = r.m12() + r.m21();
            q[3] = 1 - r.m00() - r.m11() + r.m22();
        }
        double n = Math.sqrt(sq(q[0]) + sq(q[1]) + sq(q[2]) + sq(q[3]));
        double s = (q[0] < 0 ? -1 : 1) / n;
        return new Quaternion(s * q[0], s * q[1], s * q[2], s * q[3]);
    }

    /** The first two columns of a rotation, six numbers: column 0, then column 1. */
    public static double[] toSixNumbers(Mat3 r) {
        return new double[] {r.m00(), r.m10(), r.m20(), r.m01(), r.m11(), r.m21()};
    }

    /** Gram–Schmidt on two columns, third column by the cross product. */
    public static Mat3 fromSixNumbers(double[] six) {
        if (six.length != 6) {
            throw new CameraException(null, "6-D rotation", "has " + six.length + " numbers", "give two columns of three");
        }
        Vector3D a = new Vector3D(six[0], six[1], six[2]);
        Vector3D b = new Vector3D(six[3], six[4], six[5]);
        if (!(a.crossProduct(b).getNorm() > 0)) {
            throw new CameraException(null, "6-D rotation", "has parallel columns " + Pose.text(a) + " and "
                    + Pose.text(b), "give two independent columns");
        }
        Vector3D x = new Vector3D(1 / a.getNorm(), a);
        Vector3D rest = b.subtract(b.dotProduct(x), x);
        Vector3D y = new Vector3D(1 / rest.getNorm(), rest);
        y = y.subtract(y.dotProduct(x), x); // second pass: nearly parallel columns lose digits in the first
        y = new Vector3D(1 / y.getNorm(), y);
        return Mat3.columns(x, y, x.crossProduct(y));
    }

    /**
     * The smallest rotation that takes the direction {@code from} to {@code to} (Rodrigues about {@code from×to}); the
     * identity, bit for bit, for equal directions; {@code diag(1,−1,−1)} conjugated to the pair for opposite ones
     * (exactly {@code diag(1,−1,−1)} when the target is +Y or +Z; mouse specification §4.4).
     */
    public static Mat3 between(Vector3D from, Vector3D to) {
        double lengths = from.getNorm() * to.getNorm();
        if (!(lengths > 0) || Double.isInfinite(lengths)) {
            throw new CameraException(null, "alignment", "has no direction: " + Pose.text(from) + " → " + Pose.text(to),
                    "give two finite vectors other than 0");
        }
        Vector3D u = new Vector3D(1 / from.getNorm(), from);
        Vector3D t = new Vector3D(1 / to.getNorm(), to);
        Vector3D axis = u.crossProduct(t);
        double sin = axis.getNorm();
        double cos = u.dotProduct(t);
        if (sin == 0) {
            return cos > 0 ? Mat3.IDENTITY : halfTurn(t);
        }
        if (cos > -0.5) {
            // I + [v]× + [v]×²/(1+cos): no division by the sine.
            Mat3 k = Mat3.cross(axis);
            return Mat3.IDENTITY.plus(k).plus(k.times(k).scale(1 / (1 + cos)));
        }
        // Towards a half turn the cross product loses its digits. The product of the half turns about u and about the
        // middle of u and t is the same rotation; the middle is made exactly perpendicular to t − u.
        Vector3D d = t.subtract(u);
        d = new Vector3D(1 / d.getNorm(), d);
        Vector3D middle = u.add(t);
        for (int pass = 0; pass < 2; pass++) {
            middle = middle.subtract(middle.dotProduct(d), d);
            if (middle.getNorm() == 0) {
                return halfTurn(t);
            }
            middle = new Vector3D(1 / middle.getNorm(), middle);
        }
        return halfTurnAbout(middle).times(halfTurnAbout(u));
    }

    private static Mat3 halfTurnAbout(Vector3D unit) {
        return Mat3.outer(unit, unit).scale(2).minus(Mat3.IDENTITY);
    }

    /** A half turn that reverses {@code t}: about X unless {@code t} is nearer to X than 45°. */
    private static Mat3 halfTurn(Vector3D t) {
        Vector3D side = Math.abs(t.getX()) < 0.7 ? Vector3D.PLUS_I : Vector3D.PLUS_J;
        Vector3D axis = side.subtract(side.dotProduct(t), t);
        return halfTurnAbout(new Vector3D(1 / axis.getNorm(), axis));
    }

    private static double sq(double x) {
        return x * x;
    }
}
