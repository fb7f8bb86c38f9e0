package org.mouselift.models.optim;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.mouselift.engine.DType;
import org.mouselift.engine.EngineException;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Philox;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tensor;

class MuonTest {
    private final Philox random = new Philox(5, 0);

    /** Orthonormal columns [rows][n] by Gram-Schmidt. */
    private double[][] orthonormal(int rows, int n) {
        double[][] q = new double[rows][n];
        for (int j = 0; j < n; j++) {
            for (int i = 0; i < rows; i++) {
                q[i][j] = random.nextGaussian();
            }
            for (int pass = 0; pass < 2; pass++) {
                for (int k = 0; k < j; k++) {
                    double dot = 0;
                    for (int i = 0; i < rows; i++) {
                        dot += q[i][j] * q[i][k];
                    }
                    for (int i = 0; i < rows; i++) {
                        q[i][j] -= dot * q[i][k];
                    }
                }
            }
            double norm = 0;
            for (int i = 0; i < rows; i++) {
                norm += q[i][j] * q[i][j];
            }
            for (int i = 0; i < rows; i++) {
                q[i][j] /= Math.sqrt(norm);
            }
        }
        return q;
    }

    private static double[] product(double[][] u, double[] s, double[][] v) {
        double[] out = new double[u.length * v.length];
        for (int i = 0; i < u.length; i++) {
            for (int j = 0; j < v.length; j++) {
                for (int k = 0; k < s.length; k++) {
                    out[i * v.length + j] += u[i][k] * s[k] * v[j][k];
                }
            }
        }
        return out;
    }

    /** The polynomial of the paper acts on each singular value by itself. */
    private static double[] mapped(double[] s, int rounds) {
        double norm = 0;
        for (double x : s) {
            norm += x * x;
        }
        double[] out = new double[s.length];
        for (int k = 0; k < s.length; k++) {
            double x = s[k] / Math.sqrt(norm);
            for (int i = 0; i < rounds; i++) {
                x = 3.4445 * x - 4.7750 * x * x * x + 2.0315 * x * x * x * x * x;
            }
            out[k] = x;
        }
        return out;
    }

    @Test
    void singularVectorsStayAndSingularValuesBecomeEqual() {
        for (int[] size : new int[][] {{7, 7}, {5, 12}, {20, 6}, {1, 9}, {24, 100}, {70, 24}}) {
            int n = Math.min(size[0], size[1]);
            double[][] u = orthonormal(size[0], n);
            double[][] v = orthonormal(size[1], n);
            double[] s = new double[n];
            for (int k = 0; k < n; k++) {
                s[k] = 3 * Math.pow(0.03, k / (double) n);
            }
            try (Scope scope = Scope.open("muon")) {
                Tensor x = Tensor.of(product(u, s, v), size[0], size[1]);
                double[] f = mapped(s, 5);
                assertArrayEquals(product(u, f, v), Muon.orthogonal(x, 5).toDoubles(), 1e-11);
                assertArrayEquals(product(u, f, v), Muon.orthogonal(Ops.cast(x, DType.F32), 5).toDoubles(), 2e-5);
                for (double value : f) {
                    assertTrue(value > 0.5 && value < 1.3, "singular value " + value);
                }
            }
        }
    }

    /** Two updates by hand: momentum, Nesterov, decay, scale, the three parts of a fused projection. */
    @Test
    void updatesOfTheDefinition() {
        int d = 4;
        double mu = 0.9;
        double rate = 0.01;
        double decay = 0.1;
        double factor = 1.5;
        try (Scope scope = Scope.open("muon")) {
            double[] start = new double[3 * d * d];
            double[][] g = new double[2][3 * d * d];
            for (int i = 0; i < start.length; i++) {
                start[i] = random.nextGaussian();
                g[0][i] = random.nextGaussian();
                g[1][i] = random.nextGaussian();
            }
            Tensor qkv = Tensor.of(start, 3 * d, d).requiresGrad(true);
            Tensor bias = Tensor.of(new double[] {1, 2}, 2).requiresGrad(true);
            Tensor twin = Tensor.of(new double[] {1, 2}, 2).requiresGrad(true);
            Map<String, Tensor> parameters = new LinkedHashMap<>(Map.of("qkv", qkv));
            parameters.put("bias", bias);
            AdamW.Options adamw = new AdamW.Options(0.9, 0.95, 1e-8, decay);
            try (Muon muon = new Muon(parameters, n -> true, n -> n.equals("qkv") ? 3 : 1, new Muon.Options(mu, 5, factor), rest -> new AdamW(rest, adamw));
                    AdamW alone = new AdamW(Map.of("bias", twin), adamw)) {
                double[] momentum = new double[start.length];
                double[] expected = start.clone();
                for (int step = 0; step < 2; step++) {
                    Tensor gradient = Tensor.of(g[step], 3 * d, d);
                    Tensor other = Tensor.of(new double[] {0.3, -0.2 * step}, 2);
                    muon.step(p -> p == qkv ? gradient : other, 0.5, rate);
                    alone.step(p -> other, 0.5, rate);
                    double[] direction = new double[start.length];
                    for (int i = 0; i < start.length; i++) {
                        momentum[i] = mu * momentum[i] + 0.5 * g[step][i];
                        direction[i] = 0.5 * g[step][i] + mu * momentum[i];
                    }
                    for (int part = 0; part < 3; part++) {
                        Tensor square = Tensor.of(java.util.Arrays.copyOfRange(direction, part * d * d, (part + 1) * d * d), d, d);
                        double[] o = Muon.orthogonal(square, 5).toDoubles();
                        for (int i = 0; i < d * d; i++) {
                            int at = part * d * d + i;
                            expected[at] -= rate * decay * expected[at] + rate * factor * 0.2 * Math.sqrt(d) * o[i];
                        }
                    }
                }
                assertArrayEquals(expected, qkv.toDoubles(), 1e-12);
                assertArrayEquals(twin.toDoubles(), bias.toDoubles());
                assertArrayEquals(momentum, muon.firstMoments().get("qkv").toDoubles(), 1e-14);
                assertEquals(Set.of("bias"), muon.secondMoments().keySet());
                assertEquals(Set.of("qkv", "bias"), muon.parameters().keySet());
                assertEquals(2, muon.updates());
                double[] before = qkv.toDoubles();
                muon.step(p -> null, 1, rate);
                assertArrayEquals(before, qkv.toDoubles(), "no gradient, no update");
            }
        }
    }

    /** A kernel [O,I,h,w] learns as the matrix [O, I h w] with the same numbers. */
    @Test
    void kernelsAreMatrices() {
        try (Scope scope = Scope.open("muon")) {
            double[] start = new double[4 * 3 * 2 * 2];
            double[] g = new double[start.length];
            for (int i = 0; i < start.length; i++) {
                start[i] = random.nextGaussian();
                g[i] = random.nextGaussian();
            }
            Map<String, Tensor> parameters = new LinkedHashMap<>();
            parameters.put("kernel", Tensor.of(start, 4, 3, 2, 2).requiresGrad(true));
            parameters.put("matrix", Tensor.of(start, 4, 12).requiresGrad(true));
            parameters.put("bias", Tensor.of(new double[2], 2).requiresGrad(true));
            try (Muon muon = new Muon(parameters, n -> true, n -> 1, Muon.Options.STANDARD, rest -> new AdamW(rest, AdamW.Options.GS_LRM))) {
                for (int step = 0; step < 2; step++) {
                    muon.step(p -> p.rank() == 1 ? null : Tensor.of(g, p.shape().dims()), 1, 0.01);
                }
            }
            double[] kernel = parameters.get("kernel").toDoubles();
            assertArrayEquals(parameters.get("matrix").toDoubles(), kernel);
            assertTrue(Math.abs(kernel[0] - start[0]) > 1e-6, "nothing was learnt");
        }
    }

    @Test
    void nothingToDoIsRefused() {
        try (Scope scope = Scope.open("muon")) {
            Map<String, Tensor> frozen = Map.of("w", Tensor.of(new double[4], 2, 2), "b", Tensor.of(new double[2], 2).requiresGrad(true));
            assertThrows(EngineException.class, () -> new Muon(frozen, n -> true, n -> 1, Muon.Options.STANDARD, rest -> new AdamW(rest, AdamW.Options.GS_LRM)));
            Map<String, Tensor> odd = Map.of("w", Tensor.of(new double[8], 4, 2).requiresGrad(true));
            assertTrue(assertThrows(EngineException.class, () -> new Muon(odd, n -> true, n -> 3, Muon.Options.STANDARD, rest -> new AdamW(rest, AdamW.Options.GS_LRM))).getMessage()
                    .contains("w"));
            assertThrows(EngineException.class, () -> new Muon.Options(1, 5, 1));
            assertThrows(EngineException.class, () -> new Muon.Options(0.9, 0, 1));
            assertThrows(EngineException.class, () -> new Muon.Options(0.9, 5, 0));
        }
    }
}
