package org.mouselift.models.diffusion;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tensor;
import org.mouselift.models.nn.Sinusoids;

/** Every row of appendix A of the multi-view diffusion specification. */
class NoiseScheduleTest {
    private static final NoiseSchedule SCHEDULE = NoiseSchedule.standard();

    @ParameterizedTest
    @CsvSource({"0, 0.00085000, 0.99914998, 1175.4403, 0.00425373", "1, 0.00085470, 0.99829602, 585.86218, 0.00853443", "20, 0.00094643, 0.98131430, 52.516865, 0.09520751",
        "100, 0.00138397, 0.89422315, 8.4538651, 0.59144545", "250, 0.00242776, 0.67379230, 2.0655315, 1", "500, 0.00481495, 0.27633247, 0.3818500, 1",
        "750, 0.00801158, 0.05616980, 0.0595126, 1", "900, 0.01031808, 0.01415113, 0.0143543, 1", "951, 0.01116867, 0.00815500, 0.0082220, 1",
        "981, 0.01168475, 0.00577550, 0.0058090, 1", "999, 0.01200000, 0.00466010, 0.0046819, 1"})
    void noiseAndWeights(int t, double beta, double product, double ratio, double weight) {
        assertEquals(beta, SCHEDULE.betas()[t], 6e-9);
        assertEquals(product, SCHEDULE.alphaCumprod(t), 1e-8);
        // The ratio amplifies the rounding of the float32 product near 1.
        assertEquals(ratio, SCHEDULE.snr(t), Math.max(6e-8, 1e-4 * ratio));
        assertEquals(weight, SCHEDULE.minSnrWeight(t, 5, false), 1e-4 * weight);
    }

    @ParameterizedTest
    @CsvSource({"50, 981, 0.45446330, 0.88666870", "50, 961, 0.44828235, 0.88877760", "50, 501, 0.29478469, 0.78154113", "50, 21, 0.03947961, 0.01205561",
        "50, 1, 0.02064835, 0.02058318", "20, 951, 0.64439106, 0.75548347"})
    void coefficientsOfASamplingStepWithFullNoise(int steps, int t, double sigma, double spread) {
        DiffusionSampler sampler = new DiffusionSampler(SCHEDULE, DiffusionSampler.Kind.DDIM, 1, steps);
        double[] factors = sampler.factors(t);
        double a = SCHEDULE.alphaCumprod(t);
        double before = t > 1000 / steps ? SCHEDULE.alphaCumprod(t - 1000 / steps) : SCHEDULE.alphaCumprod(0);
        assertEquals(sigma, factors[2], 1e-6);
        // With velocities: x0 = sqrt(a) x - sqrt(1-a) v and noise = sqrt(a) v + sqrt(1-a) x.
        assertEquals(-Math.sqrt(before * (1 - a)) + spread * Math.sqrt(a), factors[0], 1e-6);
        assertEquals(Math.sqrt(before * a) + spread * Math.sqrt(1 - a), factors[1], 1e-6);
    }

    @ParameterizedTest
    @CsvSource({"1, 981, 0.89444745, -1.35286021", "1, 501, 0.75418401, -1.38043630", "1, 1, 0.51422572, -1.27427697", "0, 981, 0.49716809, -1.25650191",
        "0, 501, 0.49073622, -1.27051854", "0, 1, 0.49632376, -1.25839996"})
    void samplingSteps(double eta, int t, double first, double second) {
        try (Scope scope = Scope.open("step")) {
            Tensor x = Tensor.of(new double[] {0.5, -1.25}, 1, 2);
            Tensor v = Tensor.of(new double[] {0.3, 0.7}, 1, 2);
            Tensor z = Tensor.of(new double[] {1, -0.5}, 1, 2);
            assertArrayEquals(new double[] {first, second}, new DiffusionSampler(SCHEDULE, DiffusionSampler.Kind.DDIM, eta, 50).step(v, t, x, z).latents().toDoubles(), 1e-6);
        }
    }

    @Test
    void noiseOfImageEmbeddings() {
        NoiseSchedule s = NoiseSchedule.embeddings();
        int[] steps = {0, 1, 10, 500};
        double[] products = {0.99995869, 0.99991256, 0.99927884, 0.49228504};
        for (int i = 0; i < steps.length; i++) {
            assertEquals(products[i], s.alphaCumprod(steps[i]), 1e-7);
        }
        assertEquals(2.4287e-9, s.alphaCumprod(999), 1e-12);
        assertEquals(4.1284e-5, s.betas()[0], 1e-8);
        assertEquals(0.999, s.betas()[999], 1e-7);
    }

    @Test
    void embeddingOfATimestep() {
        try (Scope scope = Scope.open("embedding")) {
            float[] e = Sinusoids.of(new double[] {981}, 320, true, 0).toFloats();
            assertArrayEquals(new float[] {0.67995721f, -0.79842919f, 0.57806414f, -0.67470044f}, Arrays.copyOf(e, 4), 2e-4f);
            assertArrayEquals(new float[] {0.99460590f, 0.73325181f, 0.60208869f, 0.81599128f}, Arrays.copyOfRange(e, 159, 163), 2e-4f);
            assertEquals(0.10372588f, e[319], 2e-6f);
        }
    }

    @Test
    void visitedStepsOfTheSpecification() {
        for (int[] row : new int[][] {{50, 981, 961, 1}, {20, 951, 901, 1}, {30, 958, 925, 1}, {75, 963, 950, 1}}) {
            int[] visited = SCHEDULE.timesteps(row[0]);
            assertArrayEquals(new int[] {row[0], row[1], row[2], row[3]}, new int[] {visited.length, visited[0], visited[1], visited[visited.length - 1]});
        }
    }
}
