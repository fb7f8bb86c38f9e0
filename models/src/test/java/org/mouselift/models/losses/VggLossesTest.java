package org.mouselift.models.losses;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.mouselift.engine.DType;
import org.mouselift.engine.EngineException;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Philox;
import org.mouselift.engine.Scope;
import org.mouselift.engine.ShapeException;
import org.mouselift.engine.Tape;
import org.mouselift.engine.Tensor;

class VggLossesTest {
    private static final int[] VGG16 = {64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512};
    private static final int[] NAMES16 = {0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28};
    private static final int[] VGG19 = {64, 64, 128, 128, 256, 256, 256, 256, 512, 512, 512, 512, 512, 512};

    /** The weights of GS-LRM specification §10.5. */
    private static void layer(Map<String, Tensor> out, String name, int l, int inputs, int outputs) {
        float[] w = new float[outputs * inputs * 9];
        float[] b = new float[outputs];
        for (int i = 0; i < w.length; i++) {
            w[i] = (float) (2 / Math.sqrt(9.0 * inputs) * Math.sin(0.7 * i + 1.3 * l + 0.01 * (i / 9)));
        }
        for (int j = 0; j < outputs; j++) {
            b[j] = (float) (0.1 * Math.sin(0.5 * j + l));
        }
        out.put(name + ".weight", Tensor.of(w, outputs, inputs, 3, 3));
        out.put(name + ".bias", Tensor.of(b, outputs));
    }

    private static final Scope WEIGHTS = Scope.detached("VGG weights");
    private static final Map<String, Tensor> VGG19_WEIGHTS = WEIGHTS.run(VggLossesTest::makeVgg19);

    @AfterAll
    static void free() {
        WEIGHTS.close();
    }

    private static Map<String, Tensor> vgg16() {
        Map<String, Tensor> out = new HashMap<>();
        for (int l = 0; l < VGG16.length; l++) {
            layer(out, "features." + NAMES16[l], l, l == 0 ? 3 : VGG16[l - 1], VGG16[l]);
        }
        return out;
    }

    private static Map<String, Tensor> vgg19() {
        return new HashMap<>(VGG19_WEIGHTS);
    }

    private static Map<String, Tensor> makeVgg19() {
        Map<String, Tensor> out = new HashMap<>();
        for (int l = 0; l < VGG19.length; l++) {
            layer(out, "conv" + (l + 1), l, l == 0 ? 3 : VGG19[l - 1], VGG19[l]);
        }
        return out;
    }

    private static Map<String, Tensor> factors() {
        Map<String, Tensor> out = new HashMap<>();
        Philox random = new Philox(4, 0);
        int[] channels = {64, 128, 256, 512, 512};
        for (int i = 0; i < channels.length; i++) {
            float[] v = new float[channels[i]];
            for (int c = 0; c < v.length; c++) {
                v[c] = (float) random.uniform(0, 0.1);
            }
            out.put("lin" + i + ".model.1.weight", Tensor.of(v, 1, v.length, 1, 1));
        }
        return out;
    }

    private static Tensor wave(boolean second, int n, int side) {
        double[] v = new double[n * 3 * side * side];
        int at = 0;
        for (int i = 0; i < n; i++) {
            for (int c = 0; c < 3; c++) {
                for (int y = 0; y < side; y++) {
                    for (int x = 0; x < side; x++) {
                        v[at++] = second ? 0.5 + 0.35 * Math.sin(0.9 * i + 0.7 * c + 0.45 * y + 0.33 * x + 0.2)
                                : 0.5 + 0.4 * Math.sin(0.9 * i + 0.7 * c + 0.5 * y + 0.3 * x);
                    }
                }
            }
        }
        return Ops.cast(Tensor.of(v, n, 3, side, side), DType.F32);
    }

    /** GS-LRM specification §10.5. */
    @Test
    void perceptualLossOfTheSpecification() {
        try (Scope scope = Scope.open("10.5"); Tape tape = Tape.open()) {
            Vgg19Perceptual loss = new Vgg19Perceptual(vgg19(), "sine weights");
            Tensor x = wave(false, 2, 32).requiresGrad(true);
            double[] expected = {123.94036, 928.99475, 2025.12061, 583.52203, 208.16161};
            List<Tensor> taps = loss.taps(x);
            for (int i = 0; i < 5; i++) {
                assertEquals(expected[i], Ops.mean(taps.get(i)).item(), 1e-5 * expected[i]);
            }
            Tensor value = loss.between(x, wave(true, 2, 32));
            // Ten times the float32 rounding error of the original at this case, as derived in its golden file.
            assertEquals(1.613230, value.item(), 5e-5);
            double[] g = tape.backward(value).of(x).toDoubles();
            assertEquals(5.359141, Math.sqrt(Arrays.stream(g).map(v -> v * v).sum()), 5.4e-3);
            assertArrayEquals(new double[] {-0.0121507, 0.0273422, 0.1017901}, Arrays.copyOfRange(g, 5 * 32 + 5, 5 * 32 + 8), 1e-4);
        }
    }

    /** Layer by layer against plain loops over the same activations. */
    @Test
    void lpipsIsTheWeightedDistanceOfDirections() {
        try (Scope scope = Scope.open("lpips")) {
            Map<String, Tensor> factors = factors();
            Lpips lpips = new Lpips(vgg16(), factors, "sine weights");
            Tensor x = wave(false, 2, 16);
            Tensor y = wave(true, 2, 16);
            List<Tensor> a = lpips.taps(x);
            List<Tensor> b = lpips.taps(y);
            List<Tensor> layers = lpips.layers(x, y);
            double total = 0;
            for (int i = 0; i < 5; i++) {
                double[] expected = distance(a.get(i), b.get(i), factors.get("lin" + i + ".model.1.weight").toDoubles());
                assertArrayEquals(expected, layers.get(i).toDoubles(), 1e-5 * Math.abs(expected[0]) + 1e-12);
                total += (expected[0] + expected[1]) / 2;
            }
            assertEquals(total, lpips.between(x, y).item(), 1e-5 * total);
            assertEquals(0, lpips.between(x, x).item());
        }
    }

    private static double[] distance(Tensor a, Tensor b, double[] factors) {
        double[] p = a.toDoubles();
        double[] q = b.toDoubles();
        int pixels = (int) (a.dim(2) * a.dim(3));
        double[] out = new double[(int) a.dim(0)];
        for (int n = 0; n < out.length; n++) {
            for (int i = 0; i < pixels; i++) {
                double sp = 0;
                double sq = 0;
                for (int c = 0; c < factors.length; c++) {
                    sp += square(p[(n * factors.length + c) * pixels + i]);
                    sq += square(q[(n * factors.length + c) * pixels + i]);
                }
                for (int c = 0; c < factors.length; c++) {
                    int at = (n * factors.length + c) * pixels + i;
                    out[n] += factors[c] * square(p[at] / (Math.sqrt(sp) + 1e-10) - q[at] / (Math.sqrt(sq) + 1e-10)) / pixels;
                }
            }
        }
        return out;
    }

    private static double square(double v) {
        return v * v;
    }

    @Test
    @Tag("slow")
    void lpipsGradientAgreesWithFiniteDifferences() {
        try (Scope scope = Scope.open("lpips"); Tape tape = Tape.open()) {
            Lpips lpips = new Lpips(vgg16(), factors(), "sine weights");
            Tensor y = Ops.cast(wave(true, 1, 16), DType.F64);
            Tensor x = Ops.copy(Ops.cast(wave(false, 1, 16), DType.F64)).requiresGrad(true);
            double[] g = tape.backward(lpips.between(x, y)).of(x).toDoubles();
            Philox random = new Philox(6, 0);
            double[] direction = new double[g.length];
            double expected = 0;
            for (int i = 0; i < g.length; i++) {
                direction[i] = random.nextGaussian();
                expected += g[i] * direction[i];
            }
            double step = 1e-6;
            Tensor d = Tensor.of(direction, x.shape().dims());
            double plus = Tape.pause(() -> lpips.between(Ops.add(x, Ops.affine(d, step, 0)), y).item());
            double minus = Tape.pause(() -> lpips.between(Ops.sub(x, Ops.affine(d, step, 0)), y).item());
            assertEquals(expected, (plus - minus) / (2 * step), 1e-3 * Math.abs(expected));
        }
    }

    @Test
    void missingAndUnfitWeightsAreNamed() {
        try (Scope scope = Scope.open("weights")) {
            Map<String, Tensor> w = vgg19();
            w.put("conv3.bias", Tensor.zeros(DType.F32, 5));
            assertTrue(assertThrows(EngineException.class, () -> new Vgg19Perceptual(w, "a.pt")).getMessage().contains("a.pt: 'conv3.bias'"));
            w.remove("conv3.bias");
            assertTrue(assertThrows(EngineException.class, () -> new Vgg19Perceptual(w, "a.pt")).getMessage().contains("missing"));
            Vgg19Perceptual good = new Vgg19Perceptual(vgg19(), "a.pt");
            assertThrows(ShapeException.class, () -> good.taps(Tensor.zeros(DType.F32, 1, 3, 15, 16)));
        }
    }
}
