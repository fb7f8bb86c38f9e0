package org.mouselift.data.synth;

import org.mouselift.data.camera.Camera;
import org.mouselift.data.camera.Intrinsics;
import org.mouselift.data.camera.Mat3;

/**
 * Renders one {@link MouseShape} by sphere tracing (Hart 1996): a ray advances by the distance function, which never exceeds the
 * true distance, until it is within the hit tolerance. Pixels at silhouettes, and where colour or depth jumps, are
 * supersampled; alpha is the share of the pixel's samples that hit, colour the mean over those hits (straight alpha).
 *
 * <p>An instance renders one image and belongs to one thread.
 */
final class SphereTracer {
    /** A ray has hit when the distance bound falls below this, world units. */
    static final double TOLERANCE = 3e-4;
    private static final int MAX_STEPS = 400;
    private static final double COLOUR_EDGE = 0.10;
    private static final double DEPTH_EDGE = 0.08;
    /** Samples of one pixel closer than this along the ray share their occlusion and shadow, world units. */
    private static final double SAME_LIGHT = 0.02;
    /** Sample positions in a pixel (each row and each column of an 8×8 lattice once). */
    private static final double[][] SAMPLES = {
        {1, 3}, {3, 7}, {5, 1}, {7, 5}, {9, 13}, {11, 9}, {13, 15}, {15, 11}};

    private final MouseShape shape;
    private final MouseSurface surface;
    private final double fx;
    private final double fy;
    private final double cx;
    private final double cy;
    private final Mat3 rotation;
    private final int width;
    private final int height;
    private final double ox;
    private final double oy;
    private final double oz;
    private final double pixelAngle;

    private double dx;
    private double dy;
    private double dz;
    private double perDepth;
    /** Smallest ratio of distance to surface and distance along the last ray: the half angle of the cone it leaves free. */
    private double clearance;

    private final float[] colour = new float[3];

    SphereTracer(MouseShape shape, MouseParameters parameters, Camera camera) {
        this.shape = shape;
        Intrinsics k = camera.intrinsics();
        width = k.width();
        height = k.height();
        fx = k.fx();
        fy = k.fy();
        cx = k.cx();
        cy = k.cy();
        rotation = camera.pose().rotation();
        ox = camera.center().getX();
        oy = camera.center().getY();
        oz = camera.center().getZ();
        pixelAngle = 1 / Math.min(fx, fy);
        surface = new MouseSurface(shape, parameters, Math.sqrt(ox * ox + oy * oy + oz * oz) * pixelAngle);
    }

    MouseView render() {
        int n = width * height;
        float[] depth = new float[n];
        float[] rgb = new float[3 * n];
        boolean[] edge = new boolean[n];
        for (int v = 0; v < height; v++) {
            for (int u = 0; u < width; u++) {
                int p = v * width + u;
                double t = trace(u + 0.5, v + 0.5);
                if (t >= 0) {
                    depth[p] = (float) (t * perDepth);
                    surface.shade(ox + t * dx, oy + t * dy, oz + t * dz, false, colour);
                    System.arraycopy(colour, 0, rgb, 3 * p, 3);
                } else {
                    // The pixel's half diagonal is 0.71 pixels wide; a wider free cone cannot touch the surface.
                    edge[p] = clearance < 0.75 * pixelAngle;
                }
            }
        }
        markJumps(rgb, depth, edge);
        byte[] rgba = new byte[4 * n];
        for (int v = 0; v < height; v++) {
            for (int u = 0; u < width; u++) {
                int p = v * width + u;
                if (edge[p]) {
                    supersample(u, v, rgba, 4 * p);
                } else if (depth[p] > 0) {
                    for (int c = 0; c < 3; c++) {
                        rgba[4 * p + c] = quantise(rgb[3 * p + c]);
                    }
                    rgba[4 * p + 3] = (byte) 255;
                }
            }
        }
        return new MouseView(width, height, rgba, depth);
    }

    private void markJumps(float[] rgb, float[] depth, boolean[] edge) {
        for (int v = 0; v < height; v++) {
            for (int u = 0; u < width; u++) {
                int p = v * width + u;
                if (u + 1 < width && jump(rgb, depth, p, p + 1)) {
                    edge[p] = true;
                    edge[p + 1] = true;
                }
                if (v + 1 < height && jump(rgb, depth, p, p + width)) {
                    edge[p] = true;
                    edge[p + width] = true;
                }
            }
        }
    }

    private static boolean jump(float[] rgb, float[] depth, int a, int b) {
        if (depth[a] == 0 && depth[b] == 0) {
            return false;
        }
        if (Math.abs(depth[a] - depth[b]) > DEPTH_EDGE) {
            return true;
        }
        return Math.abs(rgb[3 * a] - rgb[3 * b]) > COLOUR_EDGE || Math.abs(rgb[3 * a + 1] - rgb[3 * b + 1]) > COLOUR_EDGE
                || Math.abs(rgb[3 * a + 2] - rgb[3 * b + 2]) > COLOUR_EDGE;
    }

    private void supersample(int u, int v, byte[] rgba, int at) {
        int hits = 0;
        float r = 0;
        float g = 0;
        float b = 0;
        double shaded = Double.NEGATIVE_INFINITY;
        for (double[] s : SAMPLES) {
            double t = trace(u + s[0] / 16, v + s[1] / 16);
            if (t >= 0) {
                surface.shade(ox + t * dx, oy + t * dy, oz + t * dz, Math.abs(t - shaded) < SAME_LIGHT, colour);
                shaded = t;
                r += colour[0];
                g += colour[1];
                b += colour[2];
                hits++;
            }
        }
        if (hits > 0) {
            rgba[at] = quantise(r / hits);
            rgba[at + 1] = quantise(g / hits);
            rgba[at + 2] = quantise(b / hits);
            rgba[at + 3] = (byte) ((255 * hits + SAMPLES.length / 2) / SAMPLES.length);
        }
    }

    private static byte quantise(float v) {
        return (byte) (int) (255 * Math.max(0, Math.min(1, v)) + 0.5f);
    }

    /**
     * Distance along the ray through the image point (pixel units, the first pixel's centre is (0.5, 0.5)) to the surface, -1 for
     * a miss. Leaves the ray in dx, dy, dz, the depth per unit length in perDepth and the clearance of a miss.
     */
    double trace(double u, double v) {
        double x = (u - cx) / fx;
        double y = (v - cy) / fy;
        perDepth = 1 / Math.sqrt(x * x + y * y + 1);
        Mat3 r = rotation;
        dx = perDepth * (r.m00() * x + r.m10() * y + r.m20());
        dy = perDepth * (r.m01() * x + r.m11() * y + r.m21());
        dz = perDepth * (r.m02() * x + r.m12() * y + r.m22());
        return march();
    }

    private double march() {
        double near = 0;
        double far = Double.POSITIVE_INFINITY;
        for (int axis = 0; axis < 3; axis++) {
            double o = axis == 0 ? ox : axis == 1 ? oy : oz;
            double d = axis == 0 ? dx : axis == 1 ? dy : dz;
            double lo = shape.low(axis) - o;
            double hi = shape.high(axis) - o;
            if (Math.abs(d) < 1e-12) {
                if (lo > 0 || hi < 0) {
                    clearance = Double.POSITIVE_INFINITY;
                    return -1;
                }
                continue;
            }
            double a = lo / d;
            double b = hi / d;
            near = Math.max(near, Math.min(a, b));
            far = Math.min(far, Math.max(a, b));
        }
        clearance = Double.POSITIVE_INFINITY;
        // Where the octree promises this much room, neither a hit nor a grazing pixel is possible.
        double free = Math.max(0.25 * shape.cellSize(), pixelAngle * far);
        double t = near + 1e-9;
        for (int i = 0; i < MAX_STEPS && t < far; i++) {
            double x = ox + t * dx;
            double y = oy + t * dy;
            double z = oz + t * dz;
            int cell = shape.cellAt(x, y, z);
            if (cell < 0) {
                // Rounding at the faces of the box.
                t += 1e-6;
                continue;
            }
            double d = shape.boundOf(cell);
            if (d < free) {
                d = shape.distanceIn(cell, x, y, z);
                if (d < TOLERANCE) {
                    return t;
                }
                clearance = Math.min(clearance, d / t);
            }
            t += d;
        }
        return -1;
    }
}
