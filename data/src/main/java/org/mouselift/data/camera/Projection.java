package org.mouselift.data.camera;

/**
 * A projected world point: pixel (u, v) in edge coordinates and depth along the optical axis. A point at or behind the
 * camera plane has no image: {@code u} and {@code v} are NaN and {@link #inFront()} is false.
 */
public record Projection(double u, double v, double depth) {
    public boolean inFront() {
        return depth > 0;
    }

    /** Whether the point lies in front and inside an image of this size. */
    public boolean inside(Intrinsics k) {
        return inFront() && u >= 0 && u <= k.width() && v >= 0 && v <= k.height();
    }
}
