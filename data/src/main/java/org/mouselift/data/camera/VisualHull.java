package org.mouselift.data.camera;

import java.util.BitSet;
import java.util.List;
import org.apache.commons.math3.geometry.euclidean.threed.Vector3D;

/**
 * What the silhouettes of several views allow: the points that every camera sees inside its silhouette. A point behind a
 * camera or outside its image is outside the hull.
 */
public record VisualHull(List<View> views) {
    /** Which pixels belong to the subject, in edge coordinates. */
    @FunctionalInterface
    public interface Silhouette {
        boolean contains(double u, double v);

        /** A mask picture {@code [height][width]}, row by row; a pixel covers [j, j+1) × [i, i+1). */
        static Silhouette of(boolean[] mask, int width, int height) {
            if (mask.length != Math.multiplyExact(width, height)) {
                throw new CameraException(null, "silhouette", "has " + mask.length + " pixels", "expected " + width + "×"
                        + height);
            }
            return (u, v) -> u >= 0 && v >= 0 && u < width && v < height && mask[(int) v * width + (int) u];
        }
    }

    /** One camera and its silhouette. */
    public record View(Camera camera, Silhouette silhouette) {
        boolean sees(Vector3D point) {
            Projection p = camera.project(point);
            return p.inside(camera.intrinsics()) && silhouette.contains(p.u(), p.v());
        }
    }

    public VisualHull {
        views = List.copyOf(views);
    }

    public boolean contains(Vector3D point) {
        for (View v : views) {
            if (!v.sees(point)) {
                return false;
            }
        }
        return true;
    }

    /** Voxel centres of an {@code n³} grid over [−half, half]³ that lie in the hull; index {@code (z·n + y)·n + x}. */
    public BitSet carve(int n, double half) {
        return carve(n, half, Vector3D.ZERO);
    }

    /** The same for a grid around another point. */
    public BitSet carve(int n, double half, Vector3D center) {
        BitSet inside = new BitSet(Math.multiplyExact(Math.multiplyExact(n, n), n));
        for (int z = 0; z < n; z++) {
            for (int y = 0; y < n; y++) {
                for (int x = 0; x < n; x++) {
                    if (contains(voxel(n, half, x, y, z).add(center))) {
                        inside.set((z * n + y) * n + x);
                    }
                }
            }
        }
        return inside;
    }

    /** The centre of a voxel of {@link #carve}. */
    public static Vector3D voxel(int n, double half, int x, int y, int z) {
        double s = 2 * half / n;
        return new Vector3D((x + 0.5) * s - half, (y + 0.5) * s - half, (z + 0.5) * s - half);
    }
}
