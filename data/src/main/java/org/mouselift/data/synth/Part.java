package org.mouselift.data.synth;

import java.util.List;

/**
 * One primitive of a mouse before it is compiled into a {@link MouseShape}. The primitive lives in its own frame (origin,
 * three orthonormal axes, a scale along each); its distance in that frame is multiplied by the smallest scale, which keeps it
 * a lower bound of the true distance.
 *
 * @param kind     form of the primitive
 * @param origin   origin of the frame: first end of the cone, or centre of the bowl's sphere
 * @param axisX    frame axis x
 * @param axisY    frame axis y
 * @param axisZ    frame axis z: direction of the cone, or of the bowl's opening
 * @param scaleX   stretch along x
 * @param scaleY   stretch along y
 * @param scaleZ   stretch along z
 * @param length   cone: distance of the two sphere centres (0: sphere); bowl: signed height of the rim plane
 * @param radiusA  cone: radius at the origin; bowl: radius of the sphere the bowl is cut from
 * @param radiusB  cone: radius at the far end; bowl: half thickness
 * @param blend    width of the smooth union with everything before it, 0 for a hard union
 * @param tissue   what the surface is made of
 * @param dorsal   unit vector from belly to back at this part
 */
record Part(Kind kind, Vec3 origin, Vec3 axisX, Vec3 axisY, Vec3 axisZ, double scaleX, double scaleY, double scaleZ,
            double length, double radiusA, double radiusB, double blend, Tissue tissue, Vec3 dorsal) {
    enum Kind { ROUND_CONE, BOWL }

    enum Tissue { FUR, SKIN, TAIL, NOSE, EAR, EYE }

    /** Convex hull of two spheres. */
    static Part cone(Vec3 a, double radiusA, Vec3 b, double radiusB, double blend, Tissue tissue, Vec3 dorsal) {
        Vec3 d = b.minus(a);
        double length = d.norm();
        if (length <= Math.abs(radiusA - radiusB) + 1e-9) {
            return radiusA >= radiusB ? ball(a, radiusA, blend, tissue, dorsal) : ball(b, radiusB, blend, tissue, dorsal);
        }
        Vec3 z = d.times(1 / length);
        Vec3 x = anyOrthogonal(z);
        return new Part(Kind.ROUND_CONE, a, x, z.cross(x), z, 1, 1, 1, length, radiusA, radiusB, blend, tissue, dorsal);
    }

    static Part ball(Vec3 centre, double radius, double blend, Tissue tissue, Vec3 dorsal) {
        return new Part(Kind.ROUND_CONE, centre, new Vec3(1, 0, 0), new Vec3(0, 1, 0), Vec3.UP, 1, 1, 1, 0, radius, radius, blend,
                tissue, dorsal);
    }

    /** Ellipsoid with the half axes {@code rx, ry, rz} along {@code x, y, x × y}. */
    static Part ellipsoid(Vec3 centre, Vec3 x, Vec3 y, double rx, double ry, double rz, double blend, Tissue tissue, Vec3 dorsal) {
        return new Part(Kind.ROUND_CONE, centre, x, y, x.cross(y), rx, ry, rz, 0, 1, 1, blend, tissue, dorsal);
    }

    /** The same part, flattened by {@code factor} along the direction {@code flat} (made orthogonal to the cone's axis). */
    Part flattened(Vec3 flat, double factor) {
        Vec3 y = flat.orthogonalTo(axisZ);
        return new Part(kind, origin, y.cross(axisZ), y, axisZ, scaleX, factor, scaleZ, length, radiusA, radiusB, blend, tissue, dorsal);
    }

    /**
     * Part of a sphere's shell below the plane at {@code rim} (negative: shallower than a half shell), open towards
     * {@code opening}; {@code tall} is stretched by {@code stretch}.
     */
    static Part bowl(Vec3 sphereCentre, Vec3 opening, Vec3 tall, double stretch, double radius, double rim, double halfThickness,
                     double blend, Vec3 dorsal) {
        Vec3 y = tall.orthogonalTo(opening);
        return new Part(Kind.BOWL, sphereCentre, y.cross(opening), y, opening, 1, stretch, 1, rim, radius, halfThickness, blend, Tissue.EAR,
                dorsal);
    }

    /** The part after {@code p → scale · Rz(yaw) · p + shift}. */
    Part moved(double scale, double yaw, Vec3 shift) {
        Vec3 o = origin.rotated(Vec3.UP, yaw).times(scale).plus(shift);
        return new Part(kind, o, axisX.rotated(Vec3.UP, yaw), axisY.rotated(Vec3.UP, yaw), axisZ.rotated(Vec3.UP, yaw),
                scale * scaleX, scale * scaleY, scale * scaleZ, length, radiusA, radiusB, scale * blend, tissue,
                dorsal.rotated(Vec3.UP, yaw));
    }

    /** World half extent, along the world axis {@code axis} (0, 1, 2), of a sphere of radius 1 in the part's frame. */
    double extent(int axis) {
        double a = component(axisX, axis) * scaleX;
        double b = component(axisY, axis) * scaleY;
        double c = component(axisZ, axis) * scaleZ;
        return Math.sqrt(a * a + b * b + c * c);
    }

    /** Far end of a cone (its origin for a bowl). */
    Vec3 end() {
        return kind == Kind.BOWL ? origin : origin.plus(length * scaleZ, axisZ);
    }

    double minScale() {
        return Math.min(scaleX, Math.min(scaleY, scaleZ));
    }

    /** Range of the parts along a world axis, with room for the bulge of the smooth unions (at most a quarter of the width each). */
    static double[] range(List<Part> parts, int axis) {
        double lo = Double.POSITIVE_INFINITY;
        double hi = Double.NEGATIVE_INFINITY;
        for (Part p : parts) {
            double e = p.extent(axis);
            double swell = p.blend() / 4;
            double a = Part.component(p.origin(), axis);
            double b = Part.component(p.end(), axis);
            double ra = e * (p.kind() == Kind.BOWL ? p.radiusA() + p.radiusB() : p.radiusA()) + swell;
            double rb = p.kind() == Kind.BOWL ? ra : e * p.radiusB() + swell;
            lo = Math.min(lo, Math.min(a - ra, b - rb));
            hi = Math.max(hi, Math.max(a + ra, b + rb));
        }
        return new double[] {lo, hi};
    }

    static double component(Vec3 v, int axis) {
        return axis == 0 ? v.x() : axis == 1 ? v.y() : v.z();
    }

    private static Vec3 anyOrthogonal(Vec3 z) {
        Vec3 a = Math.abs(z.x()) < 0.7 ? new Vec3(1, 0, 0) : new Vec3(0, 1, 0);
        return a.orthogonalTo(z);
    }
}
