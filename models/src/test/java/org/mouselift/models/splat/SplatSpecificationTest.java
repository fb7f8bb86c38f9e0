package org.mouselift.models.splat;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;

/** The numbers of GS-LRM specification §10.3, which come from a float64 evaluation independent of this code. */
class SplatSpecificationTest {
    private static final int W = 40, H = 24;
    private static final float[] WHITE = {1, 1, 1};

    private static SplatCamera camera() {
        double[] pose = Turntable.cameras(50, 1, W, H, 2.7, 10).getFirst().c2w();
        return new SplatCamera(W, H, 44, 43, 21, 11.5, pose);
    }

    private static GaussianParameters scene(int degree) {
        float[] means = {0, 0, 0, .2f, -.1f, .15f, -.3f, .4f, -.2f, .05f, -1.2f, 0, .9f, -2, .5f, 0, -2.75f, 0};
        double[] scales = {.12, .05, .2, .3, .1, .1, .08, .25, .15, .02, .02, .02, .3, .2, .1, .1, .1, .1};
        float[] logScales = new float[18];
        for (int i = 0; i < 18; i++) {
            logScales[i] = (float) Math.log(scales[i]);
        }
        float[] quaternions = {1, 0, 0, 0, .7f, .1f, -.3f, .2f, .2f, .9f, .4f, -.1f, 1, 1, 1, 1, .5f, -.2f, .1f, .9f, 1, 0, 0, 0};
        float[] logits = {2, 0, -1, 6, 1, 3};
        int k = (degree + 1) * (degree + 1);
        float[] sh = new float[6 * k * 3];
        for (int i = 0; i < 6; i++) {
            for (int j = 0; j < k; j++) {
                for (int c = 0; c < 3; c++) {
                    sh[(i * k + j) * 3 + c] = (float) ((j == 0 ? 1 : 0.3) * Math.sin(1.7 * i + 0.9 * j + 2.1 * c));
                }
            }
        }
        return GaussianParameters.of(degree, means, logScales, quaternions, logits, sh);
    }

    private static float[] upstream() {
        float[] g = new float[3 * W * H];
        for (int c = 0; c < 3; c++) {
            for (int y = 0; y < H; y++) {
                for (int x = 0; x < W; x++) {
                    g[(c * H + y) * W + x] = (float) Math.sin(0.3 * x + 0.5 * y + c);
                }
            }
        }
        return g;
    }

    private record Result(float[] rgb, GaussianParameters gradients, SplatInspection inspection) {
        double mean() {
            double sum = 0;
            for (float v : rgb) {
                sum += v;
            }
            return sum / rgb.length;
        }

        double min() {
            double min = Double.POSITIVE_INFINITY;
            for (float v : rgb) {
                min = Math.min(min, v);
            }
            return min;
        }

        double loss() {
            double sum = 0;
            float[] g = upstream();
            for (int i = 0; i < rgb.length; i++) {
                sum += (double) g[i] * rgb[i];
            }
            return sum;
        }

        void pixel(int x, int y, double... expected) {
            for (int c = 0; c < 3; c++) {
                assertEquals(expected[c], rgb[(c * H + y) * W + x], 2e-6, "pixel (" + x + ", " + y + ") channel " + c);
            }
        }

        void gradient(int i, double... expected) {
            int at = 0;
            at = check(i, gradients.means(), 3, expected, at);
            at = check(i, gradients.logScales(), 3, expected, at);
            at = check(i, gradients.quaternions(), 4, expected, at);
            check(i, gradients.opacityLogits(), 1, expected, at);
        }

        private int check(int i, MemorySegment actual, int width, double[] expected, int at) {
            float[] a = Scenes.narrow(actual);
            for (int k = 0; k < width; k++) {
                double e = expected[at + k];
                assertEquals(e, a[width * i + k], 2e-5 + 2e-5 * Math.abs(e), "Gaussian " + i + ", gradient " + (at + k));
            }
            return at + width;
        }

        void sh(int i, int k, double... expected) {
            float[] a = Scenes.narrow(gradients.sh());
            for (int c = 0; c < 3; c++) {
                assertEquals(expected[c], a[(i * gradients.coefficients() + k) * 3 + c], 1e-5, "Gaussian " + i + ", SH " + k + ", colour " + c);
            }
        }
    }

    private static Result run(int degree) {
        SplatRasterizer rasterizer = new SplatRasterizer(RasterOptions.DEFAULT.withReferenceLists());
        GaussianParameters scene = scene(degree), gradients = scene.zerosLike();
        SplatImage image = SplatImage.allocate(W, H);
        rasterizer.render(scene, camera(), WHITE, 1, image);
        rasterizer.backward(MemorySegment.ofArray(upstream()), null, null, gradients, null);
        return new Result(image.rgbArray(), gradients, rasterizer.inspect());
    }

    @Test
    void projectedValues() {
        SplatInspection p = run(0).inspection();
        double[][] expected = {
            {20.5, 11, 2.7, 4.124198, 0, 10.158603, 10},
            {23.916849, 8.823575, 2.575472, 10.834403, -10.017539, 16.272563, 15},
            {16.280932, 12.752383, 3.128653, 6.761943, -1.167801, 4.599767, 9},
            {21.949055, 16.901768, 1.518231, 0.636326, 0.001484, 0.626909, 3},
            {82.032676, 1.304527, 0.643560, 456.645086, -169.414420, 123.400324, 69},
            {0, 0, 0, 0, 0, 0, 0}};
        for (int i = 0; i < 6; i++) {
            double[] actual = {p.mean2d()[2 * i], p.mean2d()[2 * i + 1], p.depth()[i], p.covariance2d()[3 * i], p.covariance2d()[3 * i + 1],
                p.covariance2d()[3 * i + 2], p.radius()[i]};
            for (int k = 0; k < 7; k++) {
                assertEquals(expected[i][k], actual[k], 1e-6 + 1e-6 * Math.abs(expected[i][k]), "Gaussian " + i + ", value " + k);
            }
        }
    }

    @Test
    void degreeZero() {
        Result r = run(0);
        assertEquals(0.9593371, r.mean(), 1e-6);
        assertEquals(0.2511977, r.min(), 1e-6);
        assertEquals(-1.0473430, r.loss(), 2e-5);
        r.pixel(20, 10, 0.618034, 0.710368, 0.391398);
        r.pixel(0, 0, 1, 1, 1);
        r.pixel(25, 8, 0.883105, 0.675572, 0.694764);
        r.pixel(15, 14, 0.873015, 0.847297, 0.938390);
        r.pixel(30, 3, 0.980093, 0.939209, 0.945277);
        r.pixel(39, 23, 0.973537, 0.973680, 0.942608);
        r.gradient(0, -26.140794, 7.808328, 50.672132, -0.555527, 0.006887, 3.544079, 0, -1.171719, -4.603121, -0.377293, -0.086675);
        r.gradient(1, -51.792316, 13.189542, 77.201222, 2.487665, -0.747056, -0.518316, -10.983635, 0.658362, -19.989661, 8.129051, -0.697763);
        r.gradient(2, -16.404876, 2.819908, 23.488329, 0.202676, 2.142082, -0.182095, 0.643047, -1.712495, 3.326986, -0.818422, 1.969138);
        r.gradient(3, 27.054009, -14.458977, -41.734892, 0.010743, 0.095399, 0.069122, 0, 0, 0, 0, 0.000163);
        r.gradient(4, 1.708006, -1.226825, -0.982797, -0.238777, -0.146340, -0.035783, 0.096207, -1.830849, 0.491246, -0.514886, -0.032774);
        r.gradient(5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
        r.sh(0, 0, -1.386124, -0.199847, 1.170168);
        r.sh(1, 0, -2.403545, 0.041816, 2.448731);
        r.sh(2, 0, -0.993230, -0.441649, 0.515982);
        r.sh(3, 0, 0.617457, -0.319593, -0.962811);
        r.sh(4, 0, 0.181388, 0.107526, -0.065195);
        r.sh(5, 0, 0, 0, 0);
    }

    @Test
    void degreeOne() {
        Result r = run(1);
        assertEquals(0.9593214, r.mean(), 1e-6);
        assertEquals(0.2583610, r.min(), 1e-6);
        assertEquals(-1.1412727, r.loss(), 2e-5);
        r.pixel(20, 10, 0.516073, 0.732898, 0.470610);
        r.pixel(25, 8, 0.852337, 0.748266, 0.652134);
        r.gradient(1, -44.498894, 12.005485, 70.328231, 2.219088, -0.919601, -0.697353, -12.822399, 0.548652, -23.150027, 9.879030, -1.246247);
        r.sh(1, 1, 4.118748, -0.071656, -4.196180);
    }
}
