package org.mouselift.data.camera;

/** A horizontal angle that knows how it was counted. {@code degrees} is kept as given; compare with {@link #difference}. */
public record Azimuth(double degrees, AzimuthConvention convention) {
    public static Azimuth xy(double degrees) {
        return new Azimuth(degrees, AzimuthConvention.XY_CCW);
    }

    public static Azimuth clockwiseFromFront(double degrees) {
        return new Azimuth(degrees, AzimuthConvention.RELATIVE_TO_FRONT_CW);
    }

    /** The same direction counted in another convention, reduced to [0, 360). */
    public Azimuth in(AzimuthConvention other) {
        return new Azimuth(mod360(other == convention ? degrees : other.fromXy(convention.toXy(degrees))), other);
    }

    /** The angle {@code atan2(y, x)} in degrees, in [0, 360). */
    public double xyDegrees() {
        return in(AzimuthConvention.XY_CCW).degrees;
    }

    /** The angle clockwise from the front camera in degrees, in [0, 360). */
    public double clockwiseFromFrontDegrees() {
        return in(AzimuthConvention.RELATIVE_TO_FRONT_CW).degrees;
    }

    /** The counter-clockwise turn from {@code other} to this, in [−180, 180). */
    public double difference(Azimuth other) {
        return signed(xyDegrees() - other.xyDegrees());
    }

    /** Reduces an angle to [0, 360). */
    public static double mod360(double degrees) {
        double r = degrees % 360;
        if (r < 0) {
            r += 360; // rounds up to 360 itself for tiny negative angles
        }
        return r >= 360 ? 0 : r + 0.0; // + 0.0 turns −0 into 0
    }

    /** Reduces an angle to [−180, 180). */
    public static double signed(double degrees) {
        double r = mod360(degrees);
        return r >= 180 ? r - 360 : r;
    }
}
