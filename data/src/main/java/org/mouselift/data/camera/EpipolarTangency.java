package org.mouselift.data.camera;

import java.util.OptionalDouble;
import org.apache.commons.math3.geometry.euclidean.threed.Vector3D;

/**
 * Whether two silhouettes can belong to one body. A plane through both camera centres that touches the body touches both silhouettes: the
 * touching point (frontier point) is one point of the body, seen by both cameras. Unlike centres of mass, which are no images of one point,
 * frontier points of exact cameras and masks agree to the size of a pixel (Cipolla and Giblin, Visual Motion of Curves and Surfaces).
 */
public final class EpipolarTangency {
    /** A silhouette that spans a wider angle around the baseline surrounds the epipole: no plane touches it. */
    private static final double MAX_SPAN = 0.9 * Math.PI;

    /** The outline of one view: centres of its outermost mask pixels, edge coordinates. */
    public record Outline(Camera camera, double[] u, double[] v) {
        public Outline {
            if (u.length != v.length || u.length == 0) {
                throw new CameraException(null, "outline", "has " + u.length + " and " + v.length + " coordinates", "give at least one point");
            }
        }

        /** The mask pixels that have a neighbour (of four) outside the mask or the picture; null for an empty mask. */
        public static Outline of(Camera camera, boolean[] mask, int width, int height) {
            if (mask.length != Math.multiplyExact(width, height)) {
                throw new CameraException(null, "outline", "has " + mask.length + " pixels", "expected " + width + "×" + height);
            }
            int n = 0;
            double[] u = new double[mask.length];
            double[] v = new double[mask.length];
            for (int y = 0; y < height; y++) {
                for (int x = 0; x < width; x++) {
                    int i = y * width + x;
                    if (mask[i] && !(x > 0 && mask[i - 1] && x < width - 1 && mask[i + 1] && y > 0 && mask[i - width] && y < height - 1 && mask[i + width])) {
                        u[n] = x + 0.5;
                        v[n++] = y + 0.5;
                    }
                }
            }
            return n == 0 ? null : new Outline(camera, java.util.Arrays.copyOf(u, n), java.util.Arrays.copyOf(v, n));
        }

        private boolean onBorder(int i) {
            return u[i] < 1 || v[i] < 1 || u[i] > camera.intrinsics().width() - 1 || v[i] > camera.intrinsics().height() - 1;
        }
    }

    /** Angles of the outermost planes of a pencil, and the points that they touch. */
    private record Extremes(double low, double high, int lowPoint, int highPoint) {}

    private EpipolarTangency() {}

    /**
     * The distances, in pixels of the two pictures, of the two touching points of each silhouette from the plane that touches the other one.
     *
     * @return up to two values, each the mean of both pictures; empty where a point lies on a picture's border or the epipole within a silhouette
     */
    public static OptionalDouble[] distances(Outline a, Outline b) {
        Vector3D base = b.camera.center().subtract(a.camera.center());
        if (!(base.getNorm() > 0)) {
            throw new CameraException(null, "epipolar tangency", "needs two centres, both are " + Pose.text(a.camera.center()), "use cameras that stand apart");
        }
        Vector3D first = base.normalize().orthogonal();
        Vector3D second = base.normalize().crossProduct(first);
        double start = meanAngle(a, first, second);
        Extremes x = extremes(a, first, second, start);
        Extremes y = extremes(b, first, second, start);
        if (x.high - x.low > MAX_SPAN || y.high - y.low > MAX_SPAN) {
            return new OptionalDouble[] {OptionalDouble.empty(), OptionalDouble.empty()};
        }
        return new OptionalDouble[] {
            distance(a, b, x.lowPoint, y.lowPoint, normal(base, first, second, start + x.low), normal(base, first, second, start + y.low)),
            distance(a, b, x.highPoint, y.highPoint, normal(base, first, second, start + x.high), normal(base, first, second, start + y.high))};
    }

    private static OptionalDouble distance(Outline a, Outline b, int i, int j, Vector3D planeOfA, Vector3D planeOfB) {
        return a.onBorder(i) || b.onBorder(j) ? OptionalDouble.empty()
                : OptionalDouble.of(0.5 * (fromLine(a.camera, planeOfB, a.u[i], a.v[i]) + fromLine(b.camera, planeOfA, b.u[j], b.v[j])));
    }

    private static Vector3D normal(Vector3D base, Vector3D first, Vector3D second, double angle) {
        return base.crossProduct(new Vector3D(Math.cos(angle), first, Math.sin(angle), second));
    }

    /** Distance of a pixel from the line in which a plane through the camera's centre cuts the picture. */
    private static double fromLine(Camera c, Vector3D normal, double u, double v) {
        Vector3D line = c.intrinsics().inverseMatrix().transpose().times(c.pose().rotation().times(normal));
        return Math.abs(line.getX() * u + line.getY() * v + line.getZ()) / Math.hypot(line.getX(), line.getY());
    }

    private static double angle(Outline o, int i, Vector3D first, Vector3D second) {
        Vector3D d = o.camera.pose().axes().times(o.camera.pixelDirection(o.u[i], o.v[i]));
        return Math.atan2(d.dotProduct(second), d.dotProduct(first));
    }

    private static double meanAngle(Outline o, Vector3D first, Vector3D second) {
        double x = 0;
        double y = 0;
        for (int i = 0; i < o.u.length; i++) {
            double t = angle(o, i, first, second);
            x += Math.cos(t);
            y += Math.sin(t);
        }
        return Math.atan2(y, x);
    }

    private static Extremes extremes(Outline o, Vector3D first, Vector3D second, double start) {
        double low = Double.POSITIVE_INFINITY;
        double high = Double.NEGATIVE_INFINITY;
        int lowPoint = -1;
        int highPoint = -1;
        for (int i = 0; i < o.u.length; i++) {
            double t = Math.IEEEremainder(angle(o, i, first, second) - start, 2 * Math.PI);
            if (t < low) {
                low = t;
                lowPoint = i;
            }
            if (t > high) {
                high = t;
                highPoint = i;
            }
        }
        return new Extremes(low, high, lowPoint, highPoint);
    }
}
