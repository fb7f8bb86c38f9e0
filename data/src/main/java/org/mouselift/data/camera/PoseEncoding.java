package org.mouselift.data.camera;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;
import org.apache.commons.math3.geometry.euclidean.threed.Vector3D;

/**
 * Three ways to say a camera in numbers (mouse specification §9.3), as inputs of a network that is told its cameras; and how well distances between such numbers follow
 * the angles between the cameras.
 */
public enum PoseEncoding {
    /** Azimuth, elevation and distance, each as sines and cosines of 64 frequencies 2^0 … 2^10: 384 numbers. */
    SPHERICAL {
        @Override
        public double[] of(Camera camera) {
            SphericalPosition p = camera.position();
            double[] values = {Math.toRadians(p.azimuth().xyDegrees()), Math.toRadians(p.elevationDegrees()), p.distance()};
            double[] out = new double[values.length * 2 * FREQUENCIES];
            int at = 0;
            for (double v : values) {
                for (int k = 0; k < FREQUENCIES; k++) {
                    double f = Math.pow(2, 10.0 * k / (FREQUENCIES - 1));
                    out[at++] = Math.sin(f * v);
                    out[at++] = Math.cos(f * v);
                }
            }
            return out;
        }
    },
    /** The first two columns of the rotation, camera to world, and the centre: 9 numbers. */
    EXTRINSIC {
        @Override
        public double[] of(Camera camera) {
            double[] out = Arrays.copyOf(Rotations.toSixNumbers(camera.pose().rotation().transpose()), 9);
            System.arraycopy(camera.center().toArray(), 0, out, 6, 3);
            return out;
        }
    },
    /** Plücker coordinates (direction and moment) of the rays through the centres of an 8 × 8 grid: 384 numbers. */
    PLUCKER {
        @Override
        public double[] of(Camera camera) {
            Intrinsics k = camera.intrinsics();
            double[] out = new double[6 * GRID * GRID];
            int at = 0;
            for (int i = 0; i < GRID * GRID; i++) {
                Ray ray = camera.ray((i % GRID + 0.5) * k.width() / GRID, (i / GRID + 0.5) * k.height() / GRID);
                Vector3D d = ray.direction().normalize();
                Vector3D m = ray.origin().crossProduct(d);
                for (double v : new double[] {d.getX(), d.getY(), d.getZ(), m.getX(), m.getY(), m.getZ()}) {
                    out[at++] = v;
                }
            }
            return out;
        }
    };

    private static final int FREQUENCIES = 64;
    private static final int GRID = 8;

    /** The numbers of one camera. */
    public abstract double[] of(Camera camera);

    /** Euclidean distances between the numbers of every two cameras. */
    public double[][] distances(CameraRig rig) {
        List<double[]> codes = rig.cameras().stream().map(this::of).toList();
        double[][] out = new double[codes.size()][codes.size()];
        for (int i = 0; i < out.length; i++) {
            for (int j = 0; j < out.length; j++) {
                double sum = 0;
                for (int k = 0; k < codes.get(i).length; k++) {
                    double d = codes.get(i)[k] - codes.get(j)[k];
                    sum += d * d;
                }
                out[i][j] = Math.sqrt(sum);
            }
        }
        return out;
    }

    /** Cosine similarities between the numbers of every two cameras. */
    public double[][] similarities(CameraRig rig) {
        List<double[]> codes = rig.cameras().stream().map(this::of).toList();
        double[][] out = new double[codes.size()][codes.size()];
        for (int i = 0; i < out.length; i++) {
            for (int j = 0; j < out.length; j++) {
                double dot = 0;
                double a = 0;
                double b = 0;
                for (int k = 0; k < codes.get(i).length; k++) {
                    dot += codes.get(i)[k] * codes.get(j)[k];
                    a += codes.get(i)[k] * codes.get(i)[k];
                    b += codes.get(j)[k] * codes.get(j)[k];
                }
                out[i][j] = dot / Math.sqrt(a * b);
            }
        }
        return out;
    }

    /** Angles between the directions from the origin to every two cameras, degrees. */
    public static double[][] angles(CameraRig rig) {
        double[][] out = new double[rig.size()][rig.size()];
        for (int i = 0; i < out.length; i++) {
            for (int j = 0; j < out.length; j++) {
                out[i][j] = i == j ? 0 : Math.toDegrees(Vector3D.angle(rig.get(i).center(), rig.get(j).center()));
            }
        }
        return out;
    }

    /** Spearman's rank correlation of the values above the diagonals of two matrices; ties get their mean rank. */
    public static double rankCorrelation(double[][] a, double[][] b) {
        List<Double> x = new ArrayList<>();
        List<Double> y = new ArrayList<>();
        for (int i = 0; i < a.length; i++) {
            for (int j = i + 1; j < a.length; j++) {
                x.add(a[i][j]);
                y.add(b[i][j]);
            }
        }
        if (x.size() < 2) {
            throw new IllegalArgumentException("rank correlation: " + a.length + " cameras, expected three or more");
        }
        double[] p = ranks(x);
        double[] q = ranks(y);
        double mean = (p.length - 1) / 2.0;
        double pq = 0;
        double pp = 0;
        double qq = 0;
        for (int i = 0; i < p.length; i++) {
            pq += (p[i] - mean) * (q[i] - mean);
            pp += (p[i] - mean) * (p[i] - mean);
            qq += (q[i] - mean) * (q[i] - mean);
        }
        return pp == 0 || qq == 0 ? Double.NaN : pq / Math.sqrt(pp * qq);
    }

    private static double[] ranks(List<Double> v) {
        List<Integer> order = IntStream.range(0, v.size()).boxed().sorted(Comparator.comparingDouble(v::get)).toList();
        double[] out = new double[v.size()];
        for (int i = 0; i < order.size();) {
            int j = i;
            // Angles of a ring are equal but for rounding.
            while (j + 1 < order.size() && v.get(order.get(j + 1)) - v.get(order.get(i)) <= 1e-9 * Math.max(1, Math.abs(v.get(order.get(i))))) {
                j++;
            }
            for (int k = i; k <= j; k++) {
                out[order.get(k)] = (i + j) / 2.0;
            }
            i = j + 1;
        }
        return out;
    }
}
