package org.mouselift.tests.camera;

import static org.junit.jupiter.api.Assertions.assertTrue;

import org.apache.commons.math3.geometry.euclidean.threed.Vector3D;
import org.mouselift.data.camera.Mat3;
import org.mouselift.data.camera.Pose;
import org.mouselift.data.camera.Projection;

/** Comparisons at the relative tolerance of the camera specification: 1e-9 of the quantity's natural size. */
final class Near {
    static final double RELATIVE = 1e-9;

    private Near() {}

    /** {@code scale} is the natural size of the quantity: values of that size carry 1e-9 of it. */
    static void near(double expected, double actual, double scale) {
        assertTrue(Math.abs(expected - actual) <= RELATIVE * scale,
                () -> "expected " + expected + ", was " + actual + ", difference " + (actual - expected) + ", scale " + scale);
    }

    static void near(double expected, double actual) {
        near(expected, actual, Math.max(1, Math.abs(expected)));
    }

    static void near(Vector3D expected, Vector3D actual, double scale) {
        assertTrue(expected.distance(actual) <= RELATIVE * scale,
                () -> "expected " + expected + ", was " + actual + ", distance " + expected.distance(actual));
    }

    static void near(Vector3D expected, Vector3D actual) {
        near(expected, actual, Math.max(1, expected.getNorm()));
    }

    static void near(Mat3 expected, Mat3 actual) {
        double scale = Math.max(1, expected.maxAbs());
        assertTrue(expected.maxAbsDifference(actual) <= RELATIVE * scale,
                () -> "expected " + expected + ", was " + actual + ", difference " + expected.maxAbsDifference(actual));
    }

    static void near(Pose expected, Pose actual) {
        near(expected.rotation(), actual.rotation());
        near(expected.axes(), actual.axes());
        near(expected.center(), actual.center());
        near(expected.translation(), actual.translation());
    }

    /** Pixel positions, with the size of the image and of the position as scale. */
    static void pixel(double u, double v, Projection actual) {
        assertTrue(actual.inFront(), () -> "not in front: " + actual);
        near(u, actual.u(), Math.max(1000, Math.abs(u)));
        near(v, actual.v(), Math.max(1000, Math.abs(v)));
    }

    static void proper(Mat3 rotation) {
        assertTrue(rotation.orthonormalityError() <= RELATIVE, () -> "not orthonormal: " + rotation);
        near(1, rotation.determinant());
    }
}
