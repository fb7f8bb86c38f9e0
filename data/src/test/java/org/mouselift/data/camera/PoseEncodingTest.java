package org.mouselift.data.camera;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.apache.commons.math3.stat.correlation.SpearmansCorrelation;
import org.junit.jupiter.api.Test;

/** The encodings are those of the specification, and their distances follow the angles between cameras. */
class PoseEncodingTest {
    private static final CameraRig RING = RigCatalog.named("ring:n=32,elev=20,dist=2.7,fov=50");

    @Test
    void theNumbersAreThoseOfTheFormulas() {
        Camera c = RING.get(5);
        double[] spherical = PoseEncoding.SPHERICAL.of(c);
        assertEquals(384, spherical.length);
        double azimuth = Math.toRadians(c.position().azimuth().xyDegrees());
        assertEquals(Math.sin(azimuth), spherical[0], 1e-12);
        assertEquals(Math.cos(1024 * azimuth), spherical[127], 1e-9);
        assertEquals(Math.cos(Math.toRadians(20)), spherical[129], 1e-6);
        assertEquals(Math.sin(2.7), spherical[256], 1e-6);
        double[] extrinsic = PoseEncoding.EXTRINSIC.of(c);
        double[][] c2w = c.pose().c2w();
        for (int row = 0; row < 3; row++) {
            assertEquals(c2w[row][0], extrinsic[row], 1e-12, "first column");
            assertEquals(c2w[row][1], extrinsic[3 + row], 1e-12, "second column");
            assertEquals(c2w[row][3], extrinsic[6 + row], 1e-12, "centre");
        }
        double[] plucker = PoseEncoding.PLUCKER.of(c);
        double length = 0;
        double dot = 0;
        for (int i = 0; i < 3; i++) {
            length += plucker[i] * plucker[i];
            dot += plucker[i] * plucker[3 + i];
        }
        assertEquals(1, length, 1e-12);
        assertEquals(0, dot, 1e-12, "direction and moment are at right angles");
    }

    @Test
    void distancesFollowTheAnglesOnARing() {
        double[][] angles = PoseEncoding.angles(RING);
        assertEquals(11.25, angles[3][4] / Math.cos(Math.toRadians(20)), 0.1);
        assertTrue(PoseEncoding.rankCorrelation(angles, PoseEncoding.EXTRINSIC.distances(RING)) > 0.999, "chord and angle have one order");
        assertTrue(PoseEncoding.rankCorrelation(angles, PoseEncoding.PLUCKER.distances(RING)) > 0.99);
        double spherical = PoseEncoding.rankCorrelation(angles, PoseEncoding.SPHERICAL.distances(RING));
        assertTrue(spherical > 0.1 && spherical < 0.5, "high frequencies tell near cameras apart and far ones not at all: " + spherical);
        double[][] shuffled = PoseEncoding.EXTRINSIC.distances(new CameraRig("reordered", new EveryFifth(RING).cameras()));
        assertTrue(PoseEncoding.rankCorrelation(angles, shuffled) < 0.5, "another order has no correlation");
    }

    /** Every fifth camera, round and round. */
    private record EveryFifth(CameraRig rig) {
        java.util.List<Camera> cameras() {
            return java.util.stream.IntStream.range(0, rig.size()).mapToObj(i -> rig.get(i * 5 % rig.size())).toList();
        }
    }

    @Test
    void rankCorrelationAgreesWithAnIndependentOne() {
        java.util.SplittableRandom random = new java.util.SplittableRandom(3);
        int n = 9;
        double[][] a = new double[n][n];
        double[][] b = new double[n][n];
        double[] x = new double[n * (n - 1) / 2];
        double[] y = new double[x.length];
        int at = 0;
        for (int i = 0; i < n; i++) {
            for (int j = i + 1; j < n; j++) {
                a[i][j] = random.nextInt(8);
                b[i][j] = a[i][j] + 4 * random.nextDouble();
                x[at] = a[i][j];
                y[at++] = b[i][j];
            }
        }
        assertEquals(new SpearmansCorrelation().correlation(x, y), PoseEncoding.rankCorrelation(a, b), 1e-12);
        assertThrows(IllegalArgumentException.class, () -> PoseEncoding.rankCorrelation(new double[2][2], new double[2][2]));
    }
}
