package org.mouselift.pipeline.fit;

import java.util.ArrayList;
import java.util.List;
import org.mouselift.data.ply.GaussianCloud;
import org.mouselift.engine.cpu.Workers;
import org.mouselift.models.splat.SphericalHarmonics;

/**
 * First Gaussians from silhouettes: the visual hull of the alpha masks is carved from voxels (Laurentini 1994), and every
 * voxel of its surface becomes a Gaussian with the mean colour of the views that its surface faces.
 */
final class HullInitialization {
    /** A view sees a point as subject when the mask there is at least this. */
    private static final float INSIDE = 0.5f;
    private static final int COARSE = 64;

    private final List<FitView> views;
    private final double[][] w2c;

    private HullInitialization(List<FitView> views) {
        this.views = views;
        this.w2c = views.stream().map(v -> v.camera().w2c()).toArray(double[][]::new);
    }

    /**
     * @param resolution voxels along the longest side of the subject's bounding box
     * @param most Gaussians at most: the grid is made coarser until the surface has no more voxels
     */
    static GaussianCloud gaussians(List<FitView> views, int resolution, int most, int degree) {
        HullInitialization hull = new HullInitialization(views);
        double[] box = hull.boundingBox();
        while (true) {
            double voxel = Math.max(box[3] - box[0], Math.max(box[4] - box[1], box[5] - box[2])) / resolution;
            List<double[]> surface = hull.surface(box, voxel);
            if (surface.isEmpty()) {
                throw new IllegalArgumentException("the silhouettes of the " + views.size() + " views have no point in common at " + resolution
                    + " voxels: cameras and masks do not belong together, or the subject is thinner than a voxel");
            }
            if (surface.size() <= most || resolution <= 4) {
                return hull.cloud(surface, voxel, degree);
            }
            resolution = Math.max(4, (int) (resolution * 0.9 * Math.sqrt((double) most / surface.size())));
        }
    }

    /**
     * Whether all silhouettes contain a point that at least half of the views have in the picture. Where a subject is cut off by a
     * picture's edge, its silhouette goes on beyond the edge.
     */
    private boolean inside(double x, double y, double z) {
        int pictured = 0;
        for (int i = 0; i < views.size(); i++) {
            FitView v = views.get(i);
            double[] m = w2c[i];
            double tz = m[8] * x + m[9] * y + m[10] * z + m[11];
            if (tz <= 0) {
                return false;
            }
            double u = v.camera().fx() * (m[0] * x + m[1] * y + m[2] * z + m[3]) / tz + v.camera().cx();
            double w = v.camera().fy() * (m[4] * x + m[5] * y + m[6] * z + m[7]) / tz + v.camera().cy();
            int column = Math.clamp((long) Math.floor(u), 0, v.width() - 1), row = Math.clamp((long) Math.floor(w), 0, v.height() - 1);
            if (v.alpha()[row * v.width() + column] < INSIDE) {
                return false;
            }
            if (u >= 0 && u < v.width() && w >= 0 && w < v.height()) {
                pictured++;
            }
        }
        return 2 * pictured >= views.size();
    }

    private static int pixel(double position, int size) {
        return position >= 0 && position < size ? (int) position : -1;
    }

    /** Bounding box of the hull: coarse voxels over the cube that the cameras surround, enlarged by one coarse voxel. */
    private double[] boundingBox() {
        double[] centre = new double[3];
        for (FitView v : views) {
            double[] c = v.camera().c2w();
            for (int k = 0; k < 3; k++) {
                // The point of the optical axis nearest to the other cameras' centre is unknown; the mean of points one mean
                // distance along the axes is a robust middle.
                centre[k] += c[4 * k + 3] / views.size();
            }
        }
        double reach = 0;
        for (FitView v : views) {
            double[] c = v.camera().c2w();
            reach += Math.sqrt(sq(c[3] - centre[0]) + sq(c[7] - centre[1]) + sq(c[11] - centre[2])) / views.size();
        }
        double[] middle = new double[3];
        for (FitView v : views) {
            double[] c = v.camera().c2w();
            for (int k = 0; k < 3; k++) {
                middle[k] += (c[4 * k + 3] + reach * c[4 * k + 2]) / views.size();
            }
        }
        double half = reach > 0 ? reach : 1;
        double[] box = {Double.MAX_VALUE, Double.MAX_VALUE, Double.MAX_VALUE, -Double.MAX_VALUE, -Double.MAX_VALUE, -Double.MAX_VALUE};
        double step = 2 * half / COARSE;
        double[][] partial = new double[COARSE][];
        Workers.each(COARSE, (worker, k) -> {
            double[] b = box.clone();
            for (int j = 0; j < COARSE; j++) {
                for (int i = 0; i < COARSE; i++) {
                    double[] p = {middle[0] - half + (i + 0.5) * step, middle[1] - half + (j + 0.5) * step, middle[2] - half + (k + 0.5) * step};
                    if (inside(p[0], p[1], p[2])) {
                        for (int a = 0; a < 3; a++) {
                            b[a] = Math.min(b[a], p[a]);
                            b[3 + a] = Math.max(b[3 + a], p[a]);
                        }
                    }
                }
            }
            partial[k] = b;
        });
        for (double[] b : partial) {
            for (int a = 0; a < 3; a++) {
                box[a] = Math.min(box[a], b[a]);
                box[3 + a] = Math.max(box[3 + a], b[3 + a]);
            }
        }
        if (box[0] > box[3]) {
            throw new IllegalArgumentException("the silhouettes of the " + views.size() + " views have no point in common within " + half
                + " units of " + java.util.Arrays.toString(middle) + ": do cameras and pictures belong together, and do all views show the whole subject?");
        }
        for (int a = 0; a < 3; a++) {
            box[a] -= step;
            box[3 + a] += step;
        }
        return box;
    }

    private static double sq(double x) {
        return x * x;
    }

    /** Centres and outward normals (x, y, z, nx, ny, nz) of the hull voxels that have an empty neighbour. */
    private List<double[]> surface(double[] box, double voxel) {
        int[] n = new int[3];
        for (int a = 0; a < 3; a++) {
            n[a] = (int) Math.ceil((box[3 + a] - box[a]) / voxel) + 2;
        }
        int nx = n[0], ny = n[1], nz = n[2];
        boolean[] full = new boolean[Math.multiplyExact(Math.multiplyExact(nx, ny), nz)];
        // The outermost layer stays empty.
        Workers.each(nz - 2, (worker, k0) -> {
            int k = k0 + 1;
            for (int j = 1; j < ny - 1; j++) {
                for (int i = 1; i < nx - 1; i++) {
                    full[(k * ny + j) * nx + i] = inside(box[0] + (i - 0.5) * voxel, box[1] + (j - 0.5) * voxel, box[2] + (k - 0.5) * voxel);
                }
            }
        });
        List<double[]> out = new ArrayList<>();
        for (int k = 1; k < nz - 1; k++) {
            for (int j = 1; j < ny - 1; j++) {
                for (int i = 1; i < nx - 1; i++) {
                    int at = (k * ny + j) * nx + i;
                    if (!full[at]) {
                        continue;
                    }
                    boolean bare = !(full[at - 1] && full[at + 1] && full[at - nx] && full[at + nx] && full[at - nx * ny] && full[at + nx * ny]);
                    if (bare) {
                        double[] normal = new double[3];
                        for (int dz = -1; dz <= 1; dz++) {
                            for (int dy = -1; dy <= 1; dy++) {
                                for (int dx = -1; dx <= 1; dx++) {
                                    if (!full[at + (dz * ny + dy) * nx + dx]) {
                                        normal[0] += dx;
                                        normal[1] += dy;
                                        normal[2] += dz;
                                    }
                                }
                            }
                        }
                        double length = Math.max(1e-12, Math.sqrt(sq(normal[0]) + sq(normal[1]) + sq(normal[2])));
                        out.add(new double[] {box[0] + (i - 0.5) * voxel, box[1] + (j - 0.5) * voxel, box[2] + (k - 0.5) * voxel,
                            normal[0] / length, normal[1] / length, normal[2] / length});
                    }
                }
            }
        }
        return out;
    }

    private GaussianCloud cloud(List<double[]> surface, double voxel, int degree) {
        int n = surface.size(), k = (degree + 1) * (degree + 1);
        float[] xyz = new float[3 * n], features = new float[3 * k * n], scaling = new float[3 * n], rotation = new float[4 * n], opacity = new float[n];
        Workers.split(n, 64, (worker, from, to) -> {
            for (int i = (int) from; i < to; i++) {
                double[] p = surface.get(i);
                float[] colour = colour(p);
                for (int c = 0; c < 3; c++) {
                    xyz[3 * i + c] = (float) p[c];
                    scaling[3 * i + c] = (float) Math.log(0.6 * voxel);
                    features[3 * k * i + c] = (float) ((colour[c] - 0.5) / SphericalHarmonics.C0);
                }
                rotation[4 * i] = 1;
                opacity[i] = 0;
            }
        });
        return new GaussianCloud(n, degree, xyz, features, scaling, rotation, opacity);
    }

    /** Mean colour over the views, weighted by how directly they face the surface; grey when none does. */
    private float[] colour(double[] p) {
        double[] sum = new double[3];
        double total = 0;
        for (int view = 0; view < views.size(); view++) {
            FitView v = views.get(view);
            double[] c = v.camera().c2w();
            double dx = c[3] - p[0], dy = c[7] - p[1], dz = c[11] - p[2];
            double facing = (dx * p[3] + dy * p[4] + dz * p[5]) / Math.sqrt(dx * dx + dy * dy + dz * dz);
            double[] m = w2c[view];
            double tz = m[8] * p[0] + m[9] * p[1] + m[10] * p[2] + m[11];
            int u = pixel(v.camera().fx() * (m[0] * p[0] + m[1] * p[1] + m[2] * p[2] + m[3]) / tz + v.camera().cx(), v.width());
            int w = pixel(v.camera().fy() * (m[4] * p[0] + m[5] * p[1] + m[6] * p[2] + m[7]) / tz + v.camera().cy(), v.height());
            if (u < 0 || w < 0 || facing <= 0.1) {
                continue;
            }
            double weight = facing * facing;
            total += weight;
            int plane = v.width() * v.height();
            for (int ch = 0; ch < 3; ch++) {
                sum[ch] += weight * v.rgb()[ch * plane + w * v.width() + u];
            }
        }
        float[] out = new float[3];
        for (int ch = 0; ch < 3; ch++) {
            out[ch] = total > 0 ? (float) (sum[ch] / total) : 0.5f;
        }
        return out;
    }
}
