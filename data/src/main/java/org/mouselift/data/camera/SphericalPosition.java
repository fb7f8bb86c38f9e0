package org.mouselift.data.camera;

import org.apache.commons.math3.geometry.euclidean.threed.Vector3D;

/**
 * A position seen from the origin of a Z-up world (mouse specification §4.1): distance {@code ‖C‖} in world units,
 * elevation {@code asin(C_z/‖C‖)} in degrees, azimuth of the horizontal part.
 */
public record SphericalPosition(double distance, double elevationDegrees, Azimuth azimuth) {
    public static SphericalPosition of(Vector3D c) {
        double horizontal = Math.hypot(c.getX(), c.getY());
        // atan2(z, √(x²+y²)) is asin(z/d) without its loss of digits near the poles.
        return new SphericalPosition(c.getNorm(), Math.toDegrees(Math.atan2(c.getZ(), horizontal)),
                Azimuth.xy(Azimuth.mod360(Math.toDegrees(Math.atan2(c.getY(), c.getX())))));
    }

    /** {@code d·(cosε·cosα, cosε·sinα, sinε)}. */
    public Vector3D toVector() {
        double a = Math.toRadians(azimuth.xyDegrees());
        double e = Math.toRadians(elevationDegrees);
        return new Vector3D(distance * Math.cos(e) * Math.cos(a), distance * Math.cos(e) * Math.sin(a),
                distance * Math.sin(e));
    }
}
