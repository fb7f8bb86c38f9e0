package org.mouselift.data.synth;

/** A vector or point in three dimensions, world units; used while a mouse is assembled, not while it is rendered. */
record Vec3(double x, double y, double z) {
    static final Vec3 UP = new Vec3(0, 0, 1);

    Vec3 plus(Vec3 o) {
        return new Vec3(x + o.x, y + o.y, z + o.z);
    }

    Vec3 plus(double s, Vec3 o) {
        return new Vec3(x + s * o.x, y + s * o.y, z + s * o.z);
    }

    Vec3 minus(Vec3 o) {
        return new Vec3(x - o.x, y - o.y, z - o.z);
    }

    Vec3 times(double s) {
        return new Vec3(s * x, s * y, s * z);
    }

    double dot(Vec3 o) {
        return x * o.x + y * o.y + z * o.z;
    }

    Vec3 cross(Vec3 o) {
        return new Vec3(y * o.z - z * o.y, z * o.x - x * o.z, x * o.y - y * o.x);
    }

    double norm() {
        return Math.sqrt(dot(this));
    }

    Vec3 unit() {
        return times(1 / norm());
    }

    /** The unit vector nearest to this one that is orthogonal to the unit vector {@code axis}. */
    Vec3 orthogonalTo(Vec3 axis) {
        return plus(-dot(axis), axis).unit();
    }

    Vec3 lerp(Vec3 o, double w) {
        return new Vec3(x + w * (o.x - x), y + w * (o.y - y), z + w * (o.z - z));
    }

    /** Rotated by {@code angle} (radians, right-handed) about the unit vector {@code axis} (Rodrigues). */
    Vec3 rotated(Vec3 axis, double angle) {
        double c = Math.cos(angle);
        return times(c).plus(Math.sin(angle), axis.cross(this)).plus((1 - c) * dot(axis), axis);
    }
}
