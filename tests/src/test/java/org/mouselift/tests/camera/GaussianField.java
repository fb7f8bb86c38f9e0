package org.mouselift.tests.camera;

import java.util.List;
import org.apache.commons.math3.geometry.euclidean.threed.Vector3D;
import org.mouselift.data.camera.Camera;
import org.mouselift.data.camera.Mat3;
import org.mouselift.data.camera.Ray;
import org.mouselift.data.camera.Similarity;

/**
 * A cloud of anisotropic Gaussians rendered analytically, as a test pattern in space: the pixel of a ray is
 * {@code 1 − Π(1 − o·exp(−½·q_min))}, where {@code q_min} is the smallest Mahalanobis distance on the ray in front of the
 * camera. Independent of the order of the Gaussians, and exactly invariant under similarities.
 */
record GaussianField(List<Blob> blobs) {
    /** Mean, covariance, opacity in [0, 1]. */
    record Blob(Vector3D mean, Mat3 covariance, double opacity) {
        Blob moved(Similarity s) {
            Mat3 q = s.rotation();
            return new Blob(s.apply(mean), q.times(covariance).times(q.transpose()).scale(s.scale() * s.scale()), opacity);
        }

        /** In the world mirrored in x. */
        Blob mirrored() {
            Mat3 m = Mat3.diagonal(-1, 1, 1);
            return new Blob(m.times(mean), m.times(covariance).times(m), opacity);
        }

        double alpha(Ray ray) {
            Mat3 inverse = covariance.inverse();
            Vector3D toOrigin = ray.origin().subtract(mean);
            double a = ray.direction().dotProduct(inverse.times(ray.direction()));
            double b = ray.direction().dotProduct(inverse.times(toOrigin));
            double c = toOrigin.dotProduct(inverse.times(toOrigin));
            double lambda = Math.max(0, -b / a);
            return opacity * Math.exp(-0.5 * (c + 2 * lambda * b + lambda * lambda * a));
        }
    }

    GaussianField moved(Similarity s) {
        return new GaussianField(blobs.stream().map(b -> b.moved(s)).toList());
    }

    GaussianField mirrored() {
        return new GaussianField(blobs.stream().map(Blob::mirrored).toList());
    }

    /** {@code [H][W]}, values in [0, 1]. */
    double[][] render(Camera camera) {
        int w = camera.intrinsics().width();
        int h = camera.intrinsics().height();
        double[][] image = new double[h][w];
        for (int y = 0; y < h; y++) {
            for (int x = 0; x < w; x++) {
                Ray ray = camera.ray(x + 0.5, y + 0.5);
                double transmittance = 1;
                for (Blob b : blobs) {
                    transmittance *= 1 - b.alpha(ray);
                }
                image[y][x] = 1 - transmittance;
            }
        }
        return image;
    }

    static double psnr(double[][] a, double[][] b) {
        double sum = 0;
        int n = 0;
        for (int y = 0; y < a.length; y++) {
            for (int x = 0; x < a[y].length; x++) {
                sum += (a[y][x] - b[y][x]) * (a[y][x] - b[y][x]);
                n++;
            }
        }
        return -10 * Math.log10(sum / n);
    }
}
