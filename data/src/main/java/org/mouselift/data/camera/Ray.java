package org.mouselift.data.camera;

import org.apache.commons.math3.geometry.euclidean.threed.Vector3D;

/**
 * A line with a starting point and a unit direction, with its Plücker quantities (mouse specification §4.8): moment
 * {@code m = o×d}, point nearest to the world origin {@code p⊥ = o − (o·d)d}.
 */
public record Ray(Vector3D origin, Vector3D direction) {
    /** {@code o + λ·d}. */
    public Vector3D at(double lambda) {
        return origin.add(lambda, direction);
    }

    /** {@code m = o×d}. */
    public Vector3D moment() {
        return origin.crossProduct(direction);
    }

    /** {@code t0 = −(o·d)}: where on the ray the point nearest to the world origin lies (GS-LRM specification §1.5). */
    public double nearestParameter() {
        return -origin.dotProduct(direction);
    }

    /** {@code p⊥ = o + t0·d}, the point of the line nearest to the world origin. */
    public Vector3D nearest() {
        return at(nearestParameter());
    }

    /** The line with this direction and moment; it starts at {@code p⊥ = d×m}. */
    public static Ray fromMoment(Vector3D direction, Vector3D moment) {
        return new Ray(direction.crossProduct(moment), direction);
    }

    public Ray reversed() {
        return new Ray(origin, direction.negate());
    }

    /** The reciprocal product {@code d1·m2 + d2·m1}: zero exactly when the two lines meet or are parallel. */
    public double reciprocalProduct(Ray other) {
        return direction.dotProduct(other.moment()) + other.direction.dotProduct(moment());
    }

    /** The distance of the two lines, {@code |d1·m2+d2·m1| / ‖d1×d2‖}; for parallel lines the distance of the feet. */
    public double distance(Ray other) {
        Vector3D normal = direction.crossProduct(other.direction);
        double sine = normal.getNorm();
        Vector3D between = other.origin.subtract(origin);
        if (sine < 1e-12) {
            return between.subtract(between.dotProduct(direction), direction).getNorm();
        }
        // (o2−o1)·(d1×d2) is the reciprocal product without the cancellation of two long moments.
        return Math.abs(between.dotProduct(normal)) / sine;
    }

    /** The distance of a point from the line. */
    public double distance(Vector3D point) {
        return point.subtract(origin).crossProduct(direction).getNorm();
    }
}
