package org.mouselift.tests.camera;

import java.util.Arrays;
import java.util.List;
import org.apache.commons.math3.complex.Quaternion;
import org.apache.commons.math3.geometry.euclidean.threed.Vector3D;
import org.mouselift.data.camera.Camera;
import org.mouselift.data.camera.Intrinsics;
import org.mouselift.data.camera.Mat3;
import org.mouselift.data.camera.Ray;
import org.mouselift.data.camera.Rotations;
import org.mouselift.data.camera.Similarity;
import org.mouselift.models.splat.GaussianParameters;
import org.mouselift.models.splat.SplatCamera;
import org.mouselift.models.splat.SplatImage;
import org.mouselift.models.splat.SplatRasterizer;

/**
 * A cloud of anisotropic Gaussians rendered analytically, as a test pattern in space: the pixel of a ray is
 * {@code 1 − Π(1 − o·exp(−½·q_min))}, where {@code q_min} is the smallest Mahalanobis distance on the ray in front of the
 * camera. Independent of the order of the Gaussians, and exactly invariant under similarities.
 */
record GaussianField(List<Blob> blobs) {
    /** Mean, rotation of the main axes, standard deviations along them, opacity in [0, 1]. */
    record Blob(Vector3D mean, Mat3 rotation, Vector3D scales, double opacity) {
        Blob moved(Similarity s) {
            return new Blob(s.apply(mean), s.rotation().times(rotation), scales.scalarMultiply(s.scale()), opacity);
        }

        /** In the world mirrored in x: a proper rotation again, because the scales do not care about the sign of an axis. */
        Blob mirrored() {
            Mat3 m = Mat3.diagonal(-1, 1, 1);
            return new Blob(m.times(mean), m.times(rotation).times(m), scales, opacity);
        }

        /** {@code Σ⁻¹ = R·diag(1/s²)·Rᵀ}. */
        private Mat3 inverseCovariance() {
            Mat3 d = Mat3.diagonal(1 / scales.getX(), 1 / scales.getY(), 1 / scales.getZ());
            return rotation.times(d).times(d).times(rotation.transpose());
        }

        double alpha(Ray ray) {
            Mat3 inverse = inverseCovariance();
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

    /** The same cloud through the product's rasterizer (one colour, black background): its first channel, {@code [H][W]}. */
    double[][] rasterise(SplatRasterizer rasterizer, Camera camera) {
        int n = blobs.size();
        float[] means = new float[3 * n];
        float[] logScales = new float[3 * n];
        float[] quaternions = new float[4 * n];
        float[] logits = new float[n];
        float[] sh = new float[3 * n];
        for (int i = 0; i < n; i++) {
            Blob b = blobs.get(i);
            Quaternion q = Rotations.toQuaternion(b.rotation());
            double[] wxyz = {q.getQ0(), q.getQ1(), q.getQ2(), q.getQ3()};
            for (int k = 0; k < 4; k++) {
                quaternions[4 * i + k] = (float) wxyz[k];
            }
            for (int k = 0; k < 3; k++) {
                means[3 * i + k] = (float) b.mean().toArray()[k];
                logScales[3 * i + k] = (float) Math.log(b.scales().toArray()[k]);
                sh[3 * i + k] = 1;
            }
            logits[i] = (float) Math.log(b.opacity() / (1 - b.opacity()));
        }
        Intrinsics k = camera.intrinsics();
        double[] c2w = Arrays.stream(camera.pose().c2w()).flatMapToDouble(Arrays::stream).toArray();
        SplatImage image = SplatImage.allocate(k.width(), k.height());
        rasterizer.render(GaussianParameters.of(0, means, logScales, quaternions, logits, sh),
                new SplatCamera(k.width(), k.height(), k.fx(), k.fy(), k.cx(), k.cy(), c2w), new float[3], 1, image);
        float[] rgb = image.rgbArray();
        double[][] out = new double[k.height()][k.width()];
        for (int y = 0; y < out.length; y++) {
            for (int x = 0; x < k.width(); x++) {
                out[y][x] = rgb[y * k.width() + x];
            }
        }
        return out;
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
