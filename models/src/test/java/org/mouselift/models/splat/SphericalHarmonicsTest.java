package org.mouselift.models.splat;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Random;
import org.junit.jupiter.api.Test;

class SphericalHarmonicsTest {
    @Test
    void basisIsOrthonormalOnTheSphere() {
        // Gauss-Legendre in z would be exact; a fine midpoint rule is enough to tell any wrong constant or sign pattern.
        int nz = 400, na = 32;
        double[][] gram = new double[16][16];
        double[] y = new double[16];
        for (int i = 0; i < nz; i++) {
            double z = -1 + (i + 0.5) * 2 / nz, r = Math.sqrt(1 - z * z);
            for (int j = 0; j < na; j++) {
                double a = 2 * Math.PI * j / na;
                SphericalHarmonics.basis(3, r * Math.cos(a), r * Math.sin(a), z, y);
                for (int k = 0; k < 16; k++) {
                    for (int l = 0; l < 16; l++) {
                        gram[k][l] += y[k] * y[l] * 4 * Math.PI / (nz * na);
                    }
                }
            }
        }
        for (int k = 0; k < 16; k++) {
            for (int l = 0; l < 16; l++) {
                assertEquals(k == l ? 1 : 0, gram[k][l], 1e-4, k + ", " + l);
            }
        }
    }

    @Test
    void gradientMatchesFiniteDifferences() {
        Random random = new Random(7);
        double[] p = new double[16], m = new double[16], g = new double[48];
        for (int trial = 0; trial < 50; trial++) {
            double[] d = {random.nextGaussian(), random.nextGaussian(), random.nextGaussian()};
            SphericalHarmonics.basisGradient(3, d[0], d[1], d[2], g);
            for (int axis = 0; axis < 3; axis++) {
                double h = 1e-6, keep = d[axis];
                d[axis] = keep + h;
                SphericalHarmonics.basis(3, d[0], d[1], d[2], p);
                d[axis] = keep - h;
                SphericalHarmonics.basis(3, d[0], d[1], d[2], m);
                d[axis] = keep;
                for (int k = 0; k < 16; k++) {
                    assertEquals((p[k] - m[k]) / (2 * h), g[3 * k + axis], 1e-7, "Y" + k + " axis " + axis);
                }
            }
        }
    }
}
