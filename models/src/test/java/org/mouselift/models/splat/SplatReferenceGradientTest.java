package org.mouselift.models.splat;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The float64 renderer's gradients against central differences along random directions, one parameter group at a time. */
class SplatReferenceGradientTest {
    private static final double[] BACKGROUND = {0.9, 0.3, 0.5};

    private static double loss(SplatReference.Scene s, SplatCamera camera, double[] w, double[] wa, double[] wd) {
        SplatReference r = new SplatReference(s, camera, BACKGROUND, 1.1);
        double sum = 0;
        for (int i = 0; i < w.length; i++) {
            sum += w[i] * r.rgb[i];
        }
        for (int i = 0; i < wa.length; i++) {
            sum += wa[i] * r.alpha[i] + wd[i] * r.depth[i];
        }
        return sum;
    }

    private static double[][] groups(SplatReference.Scene s) {
        return new double[][] {s.means(), s.logScales(), s.quaternions(), s.logits(), s.sh()};
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2, 3})
    void directionalDerivatives(int degree) {
        SplatCamera camera = Scenes.camera(24, 20, 40);
        // Opacities under 0.99 (the clamp is not differentiated) and moderate scales: few thresholds in reach of the step.
        SplatReference.Scene scene = Scenes.wide(Scenes.random(100 + degree, 6, degree, 0.25, -1.8, -0.5));
        Random random = new Random(degree);
        double[] w = random.doubles(3 * 24 * 20, -1, 1).toArray(), wa = random.doubles(24 * 20, -1, 1).toArray(), wd = random.doubles(24 * 20, -1, 1).toArray();
        SplatReference.Scene gradient = new SplatReference(scene, camera, BACKGROUND, 1.1).backward(w, wa, wd);
        String[] names = {"means", "logScales", "quaternions", "logits", "sh"};
        int agreed = 0, tried = 0;
        for (int group = 0; group < 5; group++) {
            double[] values = groups(scene)[group], g = groups(gradient)[group], keep = values.clone();
            for (int trial = 0; trial < 4; trial++) {
                double[] direction = random.doubles(values.length, -1, 1).toArray();
                double analytic = 0;
                for (int i = 0; i < values.length; i++) {
                    analytic += g[i] * direction[i];
                }
                // A step that moves a pixel across a threshold (alpha 1/255) gives a wrong difference; a smaller step then decides.
                double best = Double.POSITIVE_INFINITY, numeric = 0;
                for (double h : new double[] {1e-5, 1e-6, 1e-7}) {
                    double d = (shifted(values, keep, direction, h, scene, camera, w, wa, wd) - shifted(values, keep, direction, -h, scene, camera, w, wa, wd)) / (2 * h);
                    if (Math.abs(d - analytic) < best) {
                        best = Math.abs(d - analytic);
                        numeric = d;
                    }
                }
                tried++;
                if (best <= 1e-6 * (1 + Math.abs(analytic))) {
                    agreed++;
                } else {
                    assertEquals(numeric, analytic, 2e-3 * (1 + Math.abs(analytic)), names[group] + ", direction " + trial);
                }
                assertTrue(Math.abs(analytic) > 1e-4, names[group] + ": gradient vanishes, the test says nothing");
            }
        }
        assertTrue(agreed >= tried - 2, "only " + agreed + " of " + tried + " directions agree to 1e-6");
    }

    private static double shifted(double[] values, double[] keep, double[] direction, double h, SplatReference.Scene scene, SplatCamera camera,
            double[] w, double[] wa, double[] wd) {
        for (int i = 0; i < values.length; i++) {
            values[i] = keep[i] + h * direction[i];
        }
        double loss = loss(scene, camera, w, wa, wd);
        System.arraycopy(keep, 0, values, 0, values.length);
        return loss;
    }
}
