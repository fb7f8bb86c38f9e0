package org.mouselift.models.splat;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.math.BigDecimal;
import java.math.MathContext;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.mouselift.models.splat.cpu.VectorProjection;

/** The projection of many Gaussians at a time against the projection of one. */
class VectorProjectionTest {
    private static final int N = 203;
    private static final SplatCamera CAMERA = Scenes.camera(96, 64, 40);

    private final GaussianParameters scene = Scenes.random(5, N, 0, 1.2, -2, 0);
    private final float[] means = Scenes.narrow(scene.means()), scales = Scenes.narrow(scene.logScales()), quaternions = Scenes.narrow(scene.quaternions());
    private final float[] logits = Scenes.narrow(scene.opacityLogits()), sh = Scenes.narrow(scene.sh());
    private final GaussianProjection scalar = new GaussianProjection(CAMERA, 0, 1.25, false);
    private final VectorProjection lanes = new VectorProjection();

    private int load(int first) {
        ParameterBlock block = new ParameterBlock();
        block.read(scene, 0, N);
        int n = 0;
        for (int i = first; i < N; i++) {
            if (scalar.viewDepth(means[3 * i], means[3 * i + 1], means[3 * i + 2]) > 0.2f) {
                block.load(i, lanes, n++);
            }
        }
        ids = block.lane;
        return n;
    }

    private int[] ids;

    private GaussianProjection.Outcome one(int i) {
        return scalar.project(means, 3 * i, scales, 3 * i, quaternions, 4 * i, logits[i], sh, 3 * i);
    }

    @Test
    void sameBitsAsOneAtATime() {
        int seen = 0;
        for (int first : new int[] {0, 3}) {
            int n = load(first);
            assertTrue(n > 100 && n < N, "some are behind the near plane: " + n);
            lanes.project(scalar.blockView(), n);
            lanes.place(scalar.blockView(), n, false);
            for (int j = 0; j < n; j++) {
                var expected = one(ids[j]);
                assertEquals(scalar.opacity, lanes.opacity[j]);
                assertEquals(scalar.a, lanes.a[j]);
                assertEquals(scalar.b, lanes.b[j]);
                assertEquals(scalar.c, lanes.c[j]);
                assertEquals(scalar.det, lanes.det[j]);
                assertEquals(scalar.u, (float) lanes.u[j]);
                assertEquals(scalar.v, (float) lanes.v[j]);
                assertEquals(scalar.depth, (float) lanes.tz[j]);
                assertEquals(scalar.conicA, (float) lanes.conicA[j]);
                assertEquals(scalar.conicB, (float) lanes.conicB[j]);
                assertEquals(scalar.conicC, (float) lanes.conicC[j]);
                int[] tiles = {(int) lanes.x0[j], (int) lanes.y0[j], (int) lanes.x1[j], (int) lanes.y1[j]};
                boolean visible = lanes.state[j] == VectorProjection.VISIBLE && tiles[0] < tiles[2] && tiles[1] < tiles[3];
                assertEquals(expected == GaussianProjection.Outcome.VISIBLE, visible);
                assertEquals(expected == GaussianProjection.Outcome.DEGENERATE, lanes.state[j] == VectorProjection.DEGENERATE);
                if (!visible) {
                    continue;
                }
                assertArrayEquals(new int[] {scalar.x0, scalar.y0, scalar.x1, scalar.y1}, tiles);
                assertEquals(scalar.extent.left, lanes.left[j]);
                assertEquals(scalar.extent.right, lanes.right[j]);
                assertEquals(scalar.extent.top, lanes.top[j]);
                assertEquals(scalar.extent.bottom, lanes.bottom[j]);
                seen++;
            }
        }
        assertTrue(seen > 150, "few are in the picture: " + seen);
    }

    @Test
    void logarithmHasTheStatedPrecision() {
        for (double y = 1; y < 300; y *= 1.00037) {
            assertEquals(Math.log(y), SplatExtent.log(y), 2.3e-5, "log " + y);
        }
        assertTrue(SplatExtent.log(0) < -700);
    }

    @Test
    void gradientsAgreeWithOneAtATime() {
        Random random = new Random(3);
        float[] moments = new float[N * TileKernel.MOMENTS];
        for (int i = 0; i < moments.length; i++) {
            moments[i] = (float) random.nextGaussian();
        }
        int n = load(0);
        double[][] sums = {lanes.hSum, lanes.hxSum, lanes.hySum, lanes.hxxSum, lanes.hxySum, lanes.hyySum};
        for (int j = 0; j < n; j++) {
            for (int k = 0; k < 6; k++) {
                sums[k][j] = moments[ids[j] * TileKernel.MOMENTS + k];
            }
            lanes.depthSum[j] = moments[ids[j] * TileKernel.MOMENTS + 9];
        }
        lanes.project(scalar.blockView(), n);
        lanes.gradient(scalar.blockView(), n);
        ProjectionGradient g = new ProjectionGradient(scalar);
        for (int j = 0; j < n; j++) {
            one(ids[j]);
            g.compute(moments, ids[j] * TileKernel.MOMENTS, sh, 3 * ids[j]);
            close(g.mean, lanes.gradX[j], lanes.gradY[j], lanes.gradZ[j]);
            close(g.logScale, lanes.gradScale0[j], lanes.gradScale1[j], lanes.gradScale2[j]);
            close(g.quaternion, lanes.gradW[j], lanes.gradI[j], lanes.gradJ[j], lanes.gradK[j]);
            close(new double[] {g.logit}, lanes.gradLogit[j]);
        }
    }

    /** The scalar code starts from conics rounded to float32. */
    private static void close(double[] expected, double... actual) {
        double norm = 0, error = 0;
        for (int k = 0; k < actual.length; k++) {
            norm = Math.max(norm, Math.abs(expected[k]));
            error = Math.max(error, Math.abs(expected[k] - actual[k]));
        }
        assertTrue(error <= 2e-6 * norm + 1e-12, "error " + error + " of " + norm);
    }

    @Test
    void exponentialHasTheStatedPrecision() {
        Random random = new Random(1);
        for (int i = 0; i < 100_000; i++) {
            double x = (random.nextDouble() - 0.5) * (i % 2 == 0 ? 2 : 1400), e = Math.exp(x);
            assertTrue(Math.abs(DoubleExponential.exp(x) - e) <= 3 * Math.ulp(e), "exp(" + x + ")");
        }
        // Against exact arithmetic: Math.exp itself may be off by one unit.
        for (int i = 0; i < 300; i++) {
            double x = random.nextDouble() * 4 - 2;
            BigDecimal sum = BigDecimal.ONE, term = BigDecimal.ONE, at = new BigDecimal(x);
            for (int k = 1; k < 50; k++) {
                term = term.multiply(at).divide(BigDecimal.valueOf(k), MathContext.DECIMAL128);
                sum = sum.add(term);
            }
            double error = sum.subtract(new BigDecimal(DoubleExponential.exp(x))).abs().doubleValue();
            assertTrue(error <= 2 * Math.ulp(sum.doubleValue()), "exp(" + x + ") is off by " + error);
        }
        assertEquals(1, DoubleExponential.exp(0));
        assertEquals(0, DoubleExponential.exp(-1e30));
        assertEquals(Double.POSITIVE_INFINITY, DoubleExponential.exp(1e30));
    }
}
