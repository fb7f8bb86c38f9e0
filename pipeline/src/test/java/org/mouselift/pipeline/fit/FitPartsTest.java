package org.mouselift.pipeline.fit;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.apache.commons.math3.geometry.euclidean.threed.Vector3D;
import org.junit.jupiter.api.Test;
import org.mouselift.data.camera.Camera;
import org.mouselift.data.ply.GaussianCloud;
import org.mouselift.models.splat.GradientProbe;
import org.mouselift.models.splat.SphericalHarmonics;
import org.mouselift.pipeline.render.SplatScene;

class FitPartsTest {
    /** A red ball of radius 0.5, painted exactly: a pixel belongs to it when its ray passes closer than the radius. */
    private static List<FitView> ball(List<Camera> cameras) {
        return cameras.stream().map(camera -> {
            int width = camera.intrinsics().width(), height = camera.intrinsics().height(), pixels = width * height;
            float[] rgb = new float[3 * pixels], alpha = new float[pixels];
            for (int y = 0; y < height; y++) {
                for (int x = 0; x < width; x++) {
                    boolean hit = camera.ray(x + 0.5, y + 0.5).distance(Vector3D.ZERO) < 0.5;
                    int i = y * width + x;
                    alpha[i] = hit ? 1 : 0;
                    rgb[i] = 1;
                    rgb[pixels + i] = rgb[2 * pixels + i] = hit ? 0.25f : 1;
                }
            }
            return new FitView("ball", SplatScene.camera(camera), rgb, alpha);
        }).toList();
    }

    @Test
    void hullOfABallIsItsSurface() {
        GaussianCloud cloud = HullInitialization.gaussians(ball(FitScenes.cameras(16, 96)), 40, 100_000, 1);
        int n = cloud.count(), red = 0;
        for (int i = 0; i < n; i++) {
            double x = cloud.xyz()[3 * i], y = cloud.xyz()[3 * i + 1], z = cloud.xyz()[3 * i + 2], r = Math.sqrt(x * x + y * y + z * z);
            // The hull from one elevation bulges at the poles, but never cuts into the ball; the surface voxels lie within one voxel of it.
            assertTrue(r > 0.5 - 0.06, "voxel at radius " + r);
            if (Math.abs(z) < 0.3) {
                assertEquals(0.5, Math.hypot(x, Math.hypot(y, z)), 0.09);
            }
            double green = 0.5 + SphericalHarmonics.C0 * cloud.features()[12 * i + 1];
            red += green < 0.4 ? 1 : 0;
        }
        assertTrue(n > 1500, n + " voxels");
        assertTrue(red > 0.85 * n, red + " of " + n + " are red");
        assertTrue(HullInitialization.gaussians(ball(FitScenes.cameras(16, 96)), 40, 500, 0).count() <= 500);
    }

    @Test
    void hullGoesOnWhereAPictureCutsTheSubjectOff() {
        List<Camera> cameras = new ArrayList<>(FitScenes.cameras(12, 96));
        for (int i = 0; i < 3; i++) {
            Camera c = cameras.get(i);
            cameras.set(i, c.withIntrinsics(c.intrinsics().crop(0, 0, 96, 48))); // the upper half of the picture
        }
        GaussianCloud cloud = HullInitialization.gaussians(ball(cameras), 30, 100_000, 0);
        float lowest = 0;
        for (int i = 0; i < cloud.count(); i++) {
            lowest = Math.min(lowest, cloud.xyz()[3 * i + 2]);
        }
        assertTrue(lowest < -0.45, "lowest voxel at " + lowest);
        // Where most pictures end, there is no evidence left.
        for (int i = 3; i < 12; i++) {
            Camera c = cameras.get(i);
            cameras.set(i, c.withIntrinsics(c.intrinsics().crop(0, 0, 96, 48)));
        }
        cloud = HullInitialization.gaussians(ball(cameras), 30, 100_000, 0);
        for (int i = 0; i < cloud.count(); i++) {
            assertTrue(cloud.xyz()[3 * i + 2] > -0.3, "voxel at " + cloud.xyz()[3 * i + 2]);
        }
    }

    @Test
    void lossGradientMatchesFiniteDifferences() {
        SplittableRandom random = new SplittableRandom(1);
        int w = 17, h = 14, pixels = w * h;
        FitView base = FitScenes.views(FitScenes.blobs(1, 1), FitScenes.cameras(1, 17)).getFirst();
        var camera = new org.mouselift.models.splat.SplatCamera(w, h, 20, 20, 8, 7, base.camera().c2w());
        float[] target = noise(random, 3 * pixels), mask = noise(random, pixels), rgb = noise(random, 3 * pixels), alpha = noise(random, pixels);
        FitView view = new FitView("noise", camera, target, mask);
        PictureLoss loss = new PictureLoss(new FitOptions.Loss(0.7, 1.3, 0.4, 0.3), w, h);
        for (int trial = 0; trial < 10; trial++) {
            float[] direction = noise(random, 3 * pixels), alphaDirection = noise(random, pixels);
            loss.compute(view, rgb, alpha);
            double analytic = 0;
            for (int i = 0; i < direction.length; i++) {
                analytic += loss.gradRgb[i] * (direction[i] - 0.5);
            }
            for (int i = 0; i < pixels; i++) {
                analytic += loss.gradAlpha[i] * (alphaDirection[i] - 0.5);
            }
            double step = 1e-4;
            double plus = loss.compute(view, moved(rgb, direction, step), moved(alpha, alphaDirection, step));
            double minus = loss.compute(view, moved(rgb, direction, -step), moved(alpha, alphaDirection, -step));
            assertEquals((plus - minus) / (2 * step), analytic, 2e-3 * Math.max(0.05, Math.abs(analytic)));
        }
    }

    private static float[] noise(SplittableRandom random, int n) {
        float[] out = new float[n];
        for (int i = 0; i < n; i++) {
            out[i] = (float) random.nextDouble();
        }
        return out;
    }

    private static float[] moved(float[] at, float[] direction, double step) {
        float[] out = new float[at.length];
        for (int i = 0; i < out.length; i++) {
            out[i] = (float) (at[i] + step * (direction[i] - 0.5));
        }
        return out;
    }

    @Test
    void adamFollowsTheFormulaAndKeepsItsMomentsThroughRebuilds() {
        ParameterGroup group = new ParameterGroup(2, new float[] {1, 2, 3, 4});
        double[] p = {1, 2, 3, 4}, m = new double[4], v = new double[4];
        float[] rates = {0.1f, 0.01f};
        SplittableRandom random = new SplittableRandom(2);
        for (int step = 1; step <= 5; step++) {
            for (int i = 0; i < 4; i++) {
                double g = random.nextDouble(-1, 1);
                group.gradients()[i] = (float) g;
                m[i] = 0.9 * m[i] + 0.1 * (float) g;
                v[i] = 0.999 * v[i] + 0.001 * (double) (float) g * (float) g;
                p[i] -= rates[i % 2] * (m[i] / (1 - Math.pow(0.9, step))) / (Math.sqrt(v[i] / (1 - Math.pow(0.999, step))) + 1e-15);
            }
            group.step(step, rates);
            for (int i = 0; i < 4; i++) {
                assertEquals(p[i], group.values()[i], 1e-5, "step " + step);
                assertEquals(0, group.gradients()[i]);
            }
        }
        group.rebuild(new int[] {1, 1, 0}, new boolean[] {false, true, false});
        assertArrayEquals(new float[] {(float) p[2], (float) p[3], (float) p[2], (float) p[3], (float) p[0], (float) p[1]}, group.copy(), 1e-5f);
        float[] before = group.copy();
        group.step(6, rates); // zero gradients: only rows with moments go on moving
        assertTrue(before[0] != group.values()[0] && before[4] != group.values()[4]);
        assertEquals(before[2], group.values()[2]);
    }

    @Test
    void densificationClonesSplitsAndRemoves() {
        float small = (float) Math.log(0.005), large = (float) Math.log(0.05), huge = (float) Math.log(0.5);
        float[] scaling = new float[15];
        java.util.Arrays.fill(scaling, 0, 3, small);    // 0: pulled and small: cloned
        java.util.Arrays.fill(scaling, 3, 6, large);    // 1: pulled and large: split
        java.util.Arrays.fill(scaling, 6, 9, small);    // 2: calm: kept
        java.util.Arrays.fill(scaling, 9, 12, huge);    // 3: oversized: removed
        java.util.Arrays.fill(scaling, 12, 15, small);  // 4: transparent: removed
        float[] xyz = {0, 0, 0, 1, 0, 0, 2, 0, 0, 3, 0, 0, 4, 0, 0}, rotation = new float[20];
        for (int i = 0; i < 5; i++) {
            rotation[4 * i] = 1;
        }
        SplatModel model = new SplatModel(new GaussianCloud(5, 0, xyz, new float[15], scaling, rotation, new float[] {0, 0, 0, 0, -8}));
        Densification densification = new Densification(1, 5);
        GradientProbe probe = new GradientProbe(5);
        var camera = new org.mouselift.models.splat.SplatCamera(20, 10, 20, 20, 10, 5, FitScenes.views(FitScenes.blobs(1, 1), FitScenes.cameras(1, 8)).getFirst().camera().c2w());
        for (int i = 0; i < 5; i++) {
            // 0.3 in normalised units for all but number 2: half the image width times this.
            probe.mean2d[2 * i] = i == 2 ? 1e-6f : 0.03f;
        }
        densification.observe(probe, camera);
        assertEquals(5, densification.apply(model, 0.29, 100, new SplittableRandom(1)));
        float[] x = model.means.copy(), s = model.logScales.copy();
        assertArrayEquals(new float[] {0, 0, 0, 0, 0, 0}, java.util.Arrays.copyOf(x, 6));
        assertEquals(2, x[12]);
        for (int half = 2; half <= 3; half++) {
            assertEquals(large - Math.log(1.6), s[3 * half], 1e-6);
            double d = Math.hypot(x[3 * half] - 1, Math.hypot(x[3 * half + 1], x[3 * half + 2]));
            assertTrue(d > 1e-4 && d < 0.25, "half moved by " + d);
        }
        assertTrue(x[6] != x[9]);
        assertEquals(small, s[0]);
        // Statistics start anew, and the limit on the count holds.
        densification.observe(probe, camera);
        assertEquals(6, densification.apply(model, 0.29, 6, new SplittableRandom(1)));
    }
}
