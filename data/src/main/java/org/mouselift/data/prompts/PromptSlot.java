package org.mouselift.data.prompts;

import org.mouselift.data.camera.Azimuth;
import org.mouselift.data.camera.Camera;
import org.mouselift.data.camera.DirectionCheck;
import org.mouselift.data.camera.SphericalPosition;

/**
 * What one row of prompt embeddings stands for.
 *
 * @param name view in words
 * @param azimuth degrees, {@code atan2(y, x)} in the rig's world
 * @param elevation degrees
 * @param distance from the world's origin; 0 where it is not known
 */
public record PromptSlot(String name, double azimuth, double elevation, double distance) {
    public PromptSlot {
        if (!Double.isFinite(azimuth) || !Double.isFinite(elevation) || !Double.isFinite(distance)) {
            throw new IllegalArgumentException("prompt slot " + name + ": azimuth " + azimuth + ", elevation " + elevation + ", distance " + distance + ": expected finite numbers");
        }
    }

    /** The slot of a camera. */
    public static PromptSlot of(String name, Camera camera) {
        SphericalPosition p = camera.position();
        return new PromptSlot(name, p.azimuth().xyDegrees(), p.elevationDegrees(), p.distance());
    }

    /** For the checks of directions. */
    public DirectionCheck.Direction direction() {
        return new DirectionCheck.Direction(name, elevation, Azimuth.xy(azimuth));
    }
}
