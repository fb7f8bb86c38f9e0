package org.mouselift.data.camera;

import java.util.ArrayList;
import java.util.List;

/**
 * Cameras on horizontal circles that look at the origin, world Z up (mouse specification §4.2, GS-LRM specification
 * §2.7).
 */
public final class Rings {
    /** Distance of the human models' cameras from the subject. */
    public static final double STANDARD_DISTANCE = 2.7;
    /** Azimuth {@code atan2(y, x)} of the front camera: the subject faces −Y. */
    public static final Azimuth FRONT = Azimuth.xy(270);

    private Rings() {}

    /** The sense in which a ring's index runs, seen from above (+Z). */
    public enum Sense { COUNTER_CLOCKWISE, CLOCKWISE }

    /**
     * {@code n} cameras at equal steps: {@code C_k = d·(cosε·cosα_k, cosε·sinα_k, sinε)}, {@code α_k = start ± 360k/n}.
     *
     * @param elevationDegrees in (−90, 90)
     */
    public static CameraRig ring(String id, int n, double elevationDegrees, double distance, Azimuth start, Sense sense,
            Intrinsics intrinsics) {
        if (n < 1) {
            throw new CameraException(null, "ring " + id + ": number of cameras", "is " + n, "give at least 1");
        }
        check(id, elevationDegrees, distance);
        List<Camera> cameras = new ArrayList<>(n);
        double first = start.xyDegrees();
        for (int k = 0; k < n; k++) {
            double turn = 360.0 * k / n;
            double azimuth = sense == Sense.COUNTER_CLOCKWISE ? first + turn : first - turn;
            cameras.add(orbit(intrinsics, distance, elevationDegrees, Azimuth.xy(azimuth)));
        }
        return new CameraRig(id, cameras);
    }

    /** The renderer's turntable: counter-clockwise from the front, square pixels from the horizontal field of view. */
    public static CameraRig turntable(int n, double elevationDegrees, double distance, double horizontalFovDegrees,
            int width, int height) {
        return ring("turntable(" + n + ")", n, elevationDegrees, distance, FRONT, Sense.COUNTER_CLOCKWISE,
                Intrinsics.fromFov(horizontalFovDegrees, width, height));
    }

    /** Turntable with the original's defaults: 50°, distance 2.7, square image. */
    public static CameraRig turntable(int n, double elevationDegrees, int size) {
        return turntable(n, elevationDegrees, STANDARD_DISTANCE, Intrinsics.STANDARD_FOV_DEGREES, size, size);
    }

    /** One camera of a ring. */
    public static Camera orbit(Intrinsics intrinsics, double distance, double elevationDegrees, Azimuth azimuth) {
        check("orbit", elevationDegrees, distance);
        return Camera.orbit(intrinsics, new SphericalPosition(distance, elevationDegrees, azimuth));
    }

    private static void check(String id, double elevationDegrees, double distance) {
        if (!(distance > 0) || Double.isInfinite(distance)) {
            throw new CameraException(null, "ring " + id + ": distance", "is " + distance, "give a positive number");
        }
        if (!(elevationDegrees > -90 && elevationDegrees < 90)) {
            throw new CameraException(null, "ring " + id + ": elevation", "is " + elevationDegrees + "°",
                    "give an angle between −90° and 90° (straight above or below the roll is undefined)");
        }
    }
}
