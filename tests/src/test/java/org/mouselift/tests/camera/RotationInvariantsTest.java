package org.mouselift.tests.camera;

import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.mouselift.tests.camera.Near.near;
import static org.mouselift.tests.camera.Near.proper;

import net.jqwik.api.EdgeCasesMode;
import net.jqwik.api.ForAll;
import net.jqwik.api.GenerationMode;
import net.jqwik.api.Property;
import net.jqwik.api.PropertyDefaults;
import net.jqwik.api.constraints.DoubleRange;
import net.jqwik.api.constraints.Scale;
import net.jqwik.api.domains.Domain;
import net.jqwik.api.domains.DomainContext;
import org.apache.commons.math3.complex.Quaternion;
import org.apache.commons.math3.geometry.euclidean.threed.Rotation;
import org.apache.commons.math3.geometry.euclidean.threed.RotationConvention;
import org.apache.commons.math3.geometry.euclidean.threed.Vector3D;
import org.apache.commons.math3.linear.EigenDecomposition;
import org.mouselift.data.camera.Mat3;
import org.mouselift.data.camera.Rotations;
import org.mouselift.tests.camera.CameraDomain.Direction;

/** Camera invariants C-61 … C-65: rotations. The oracle is Commons Math. */
@Domain(CameraDomain.class)
@Domain(DomainContext.Global.class)
@PropertyDefaults(tries = 1000, generation = GenerationMode.RANDOMIZED, edgeCases = EdgeCasesMode.NONE)
class RotationInvariantsTest {
    @Property
    void c61_quaternions(@ForAll Mat3 a, @ForAll Mat3 b, @ForAll @DoubleRange(min = 0.001, max = 1000) @Scale(6) double length) {
        Quaternion q = Rotations.toQuaternion(a);
        near(1, q.getNorm());
        near(a, Rotations.fromQuaternion(q));
        near(a, Rotations.fromQuaternion(q.multiply(-1)));
        near(a, Rotations.fromQuaternion(q.multiply(length)));
        near(a.transpose(), Rotations.fromQuaternion(q.getConjugate()));
        Quaternion p = Rotations.toQuaternion(b);
        near(a.times(b), Rotations.fromQuaternion(q.multiply(p)));
        Quaternion back = Rotations.toQuaternion(Rotations.fromQuaternion(p));
        near(1, Math.abs(Quaternion.dotProduct(p, back)));
        // Commons Math stores the inverse convention: (q0, −v).
        near(Mat3.of(new Rotation(q.getQ0(), -q.getQ1(), -q.getQ2(), -q.getQ3(), true).getMatrix()), a);
    }

    @Property
    void c62_rodrigues(@ForAll Direction axis, @ForAll @DoubleRange(min = -6, max = 6) @Scale(9) double theta,
            @ForAll @DoubleRange(min = -6, max = 6) @Scale(9) double phi, @ForAll @DoubleRange(max = 3.14159) @Scale(9) double angle) {
        Vector3D a = axis.vector();
        Mat3 r = Rotations.aboutAxis(a, theta);
        proper(r);
        near(a, r.times(a));
        near(1 + 2 * Math.cos(theta), r.trace());
        near(Rotations.aboutAxis(a, theta + phi), r.times(Rotations.aboutAxis(a, phi)));
        near(Mat3.of(new Rotation(a, theta, RotationConvention.VECTOR_OPERATOR).getMatrix()), r);
        for (double t : new double[] {angle, angle * 1e-6, angle * 1e-12, Math.PI - angle * 1e-7}) {
            if (t < Math.PI) {
                // Near a half turn the axis sign flips within 1e-9 of π: compare as rotations there.
                near(Rotations.exp(a.scalarMultiply(t)), Rotations.exp(Rotations.log(Rotations.exp(a.scalarMultiply(t)))));
                if (t < Math.PI - 1e-8) {
                    near(a.scalarMultiply(t), Rotations.log(Rotations.exp(a.scalarMultiply(t))), 10);
                }
            }
        }
    }

    @Property
    void c63_sixNumbers(@ForAll Mat3 r, @ForAll @DoubleRange(min = 0.001, max = 100) @Scale(6) double stretch,
            @ForAll @DoubleRange(min = -50, max = 50) @Scale(6) double shear) {
        double[] six = Rotations.toSixNumbers(r);
        near(r, Rotations.fromSixNumbers(six));
        // Gram–Schmidt: lengths and a component of the first column in the second do not matter.
        double[] raw = six.clone();
        for (int i = 0; i < 3; i++) {
            raw[i] *= stretch;
            raw[3 + i] = 0.5 * six[3 + i] + shear * six[i];
        }
        Mat3 back = Rotations.fromSixNumbers(raw);
        proper(back);
        near(r, back);
    }

    @Property
    void c64_gaussianCovariance(@ForAll Mat3 r, @ForAll Mat3 world, @ForAll @DoubleRange(min = 0.001, max = 2) @Scale(6) double sx,
            @ForAll @DoubleRange(min = 0.001, max = 2) @Scale(6) double sy, @ForAll @DoubleRange(min = 0.001, max = 2) @Scale(6) double sz) {
        Quaternion q = Rotations.toQuaternion(r);
        Mat3 s = Mat3.diagonal(sx * sx, sy * sy, sz * sz);
        Mat3 sigma = covariance(q, s);
        near(sigma, sigma.transpose());
        near(sx * sx * sy * sy * sz * sz, sigma.determinant(), Math.pow(Math.max(sx, Math.max(sy, sz)), 6));
        for (double e : new EigenDecomposition(sigma.plus(sigma.transpose()).scale(0.5).toRealMatrix()).getRealEigenvalues()) {
            assertTrue(e >= -1e-12);
        }
        near(sigma, covariance(q.multiply(-1), s));
        near(world.times(sigma).times(world.transpose()), covariance(Rotations.toQuaternion(world).multiply(q), s));
    }

    private static Mat3 covariance(Quaternion q, Mat3 squaredScales) {
        Mat3 r = Rotations.fromQuaternion(q);
        return r.times(squaredScales).times(r.transpose());
    }

    @Property
    void c65_geodesicAngleIsAMetric(@ForAll Mat3 a, @ForAll Mat3 b, @ForAll Mat3 c, @ForAll @DoubleRange(max = 3.1415) @Scale(9) double angle, @ForAll Direction axis) {
        double ab = Rotations.geodesicAngle(a, b);
        near(ab, Rotations.geodesicAngle(b, a));
        near(0, Rotations.geodesicAngle(a, a));
        assertTrue(ab >= 0 && ab <= Math.PI);
        assertTrue(Rotations.geodesicAngle(a, c) <= ab + Rotations.geodesicAngle(b, c) + 1e-9);
        near(ab, Rotations.geodesicAngle(c.times(a), c.times(b)), 10);
        near(angle, Rotations.geodesicAngle(a, Rotations.aboutAxis(axis.vector(), angle).times(a)), 10);
    }
}
