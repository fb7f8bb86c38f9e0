package org.mouselift.data.camera;

/**
 * How a horizontal angle is counted (mouse specification §4.1). All are in degrees, in a right-handed Z-up world whose
 * subject looks toward −Y, and describe the direction of the camera centre seen from the origin.
 */
public enum AzimuthConvention {
    /** {@code atan2(y, x)}: from +X, counter-clockwise seen from above. The convention of this library. */
    XY_CCW,
    /** {@code x = sin α, y = cos α}: from +Y, clockwise seen from above; {@code α_xy = 90° − α_yx}. */
    YX_CW,
    /** From the front camera (−Y, 270° in {@link #XY_CCW}), clockwise seen from above: {@code 270° − α_xy}. */
    RELATIVE_TO_FRONT_CW;

    /** The angle in {@link #XY_CCW} that {@code degrees} means here (not reduced). */
    double toXy(double degrees) {
        return switch (this) {
            case XY_CCW -> degrees;
            case YX_CW -> 90 - degrees;
            case RELATIVE_TO_FRONT_CW -> 270 - degrees;
        };
    }

    /** The angle in this convention of an angle in {@link #XY_CCW} (not reduced). All three maps are involutions. */
    double fromXy(double degrees) {
        return toXy(degrees);
    }
}
