package org.mouselift.models.unet;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.mouselift.engine.DType;
import org.mouselift.engine.Gradients;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tape;
import org.mouselift.engine.Tensor;
import org.mouselift.models.diffusion.DiffusionObjective;
import org.mouselift.models.diffusion.DiffusionSampler;
import org.mouselift.models.diffusion.GuidedSampling;
import org.mouselift.models.diffusion.NoiseSchedule;

/** The reference values of multi-view diffusion specification §6.3 that concern the UNet, §1.12 and §1.4. */
class UNetSpecificationTest {
    @Test
    void theNumberRule() {
        assertEquals(0xaf63f54c86021707L, SpecificationNumbers.seed("x"));
        assertArrayEquals(new double[] {-0.59758343, 0.61705352, 0.28664727}, SpecificationNumbers.uniform("x", 3), 5e-9);
        try (Scope scope = Scope.open("test")) {
            Map<String, Tensor> w = SpecificationNumbers.weights(Map.of("conv_in.weight", org.mouselift.engine.Shape.of(16, 8, 3, 3)), DType.F64);
            assertArrayEquals(new double[] {0.02908772, 0.15646711, -0.16736994}, Arrays.copyOf(w.get("conv_in.weight").toDoubles(), 3), 5e-9);
        }
    }

    @Test
    void thePublishedModelHasTheStatedParameters() {
        Map<String, org.mouselift.engine.Shape> shapes = UNetMV2DConditionModel.parameterShapes(UNetConfig.of(PUBLISHED, "published"));
        assertEquals(690, shapes.size());
        assertEquals(870_184_644L, shapes.values().stream().mapToLong(org.mouselift.engine.Shape::numel).sum());
        Map<String, Long> parts = Map.of("conv_in", 23_360L, "time_embedding", 2_050_560L, "class_embedding", 4_262_400L, "mid_block", 97_693_440L,
                "down_blocks.0", 10_852_160L, "down_blocks.2", 141_303_040L, "up_blocks.0", 162_241_280L, "up_blocks.3", 19_302_080L, "conv_out", 11_524L);
        parts.forEach((prefix, count) -> assertEquals(count,
                shapes.entrySet().stream().filter(e -> e.getKey().startsWith(prefix + ".")).mapToLong(e -> e.getValue().numel()).sum(), prefix));
        assertEquals(2_169_844L, UNetMV2DConditionModel.parameterShapes(SpecificationNumbers.tiny()).values().stream()
                .mapToLong(org.mouselift.engine.Shape::numel).sum());
    }

    static final Map<String, Object> PUBLISHED = Map.ofEntries(Map.entry("_class_name", "UNetMV2DConditionModel"), Map.entry("sample_size", 64),
            Map.entry("in_channels", 8), Map.entry("cross_attention_dim", 1024), Map.entry("attention_head_dim", java.util.List.of(5, 10, 20, 20)),
            Map.entry("use_linear_projection", true), Map.entry("class_embed_type", "projection"), Map.entry("projection_class_embeddings_input_dim", 2048),
            Map.entry("num_views", 6), Map.entry("sparse_mv_attention", true));

    /** Single values within 1e-4, sums within 1e-3 relative; in float64 to the printed digits. */
    @ParameterizedTest
    @CsvSource({
        "F32, A, 6, 8, 500, SPARSE, 297.036096, 653.131977, 0.129930, 0.568646, 0.486613, 0.000526, -0.365009",
        "F64, A, 6, 8, 500, SPARSE, 297.036096, 653.131977, 0.129930, 0.568646, 0.486613, 0.000526, -0.365009",
        "F32, B, 12, 8, 1, SPARSE, 606.683103, 1328.563060, 0.010367, 0.659879, 0.730026, 0.086579, 0.568085",
        "F32, C, 6, 10, 981, SPARSE, 473.162901, 1041.120848, 0.161284, 0.510349, 0.033475, -0.017585, -0.088071",
        "F32, D, 6, 8, 500, DENSE, 301.518999, 651.863288, 0.147353, 0.328744, 0.326645, -0.012595, -0.299057",
        "F64, D, 6, 8, 500, DENSE, 301.518999, 651.863288, 0.147353, 0.328744, 0.326645, -0.012595, -0.299057"})
    void forward(DType type, String row, int n, int side, long t, AttentionRule rule, double sum, double absolute, double a, double b, double c, double d,
            double last) {
        try (Scope scope = Scope.open("test"); UNetMV2DConditionModel model = SpecificationNumbers.model(SpecificationNumbers.tiny().withRule(rule), type)) {
            double[] y = model.predict(SpecificationNumbers.sample(type, n, side), new long[] {t}, SpecificationNumbers.prompts(type, n),
                    SpecificationNumbers.classes(type, n)).toDoubles();
            boolean wide = type == DType.F64;
            assertEquals(n * 4 * side * side, y.length);
            assertArrayEquals(new double[] {a, b, c, d, last}, new double[] {y[0], y[1], y[2], y[3], y[y.length - 1]}, wide ? 1e-6 : 1e-4);
            assertEquals(sum, Arrays.stream(y).sum(), wide ? 1e-5 : 1e-3 * Math.abs(sum));
            assertEquals(absolute, Arrays.stream(y).map(Math::abs).sum(), wide ? 1e-5 : 1e-3 * absolute);
        }
    }

    /** Norm and first element of gradients for case A, loss = mean((out - in.target)²). */
    @ParameterizedTest
    @CsvSource({"F32, false", "F64, true"})
    void gradients(DType type, boolean checkpointing) {
        Map<String, double[]> want = Map.of("conv_in.weight", new double[] {0.49693707, 1.68306959e-2}, "conv_out.bias", new double[] {0.10748209, 5.94102367e-2},
                "time_embedding.linear_1.weight", new double[] {0.04760403, 4.23876646e-4}, "class_embedding.linear_2.bias",
                new double[] {0.02768486, -9.84129102e-4}, "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_k.weight",
                new double[] {0.03896099, 2.30334994e-3}, "mid_block.attentions.0.transformer_blocks.0.attn2.to_v.weight",
                new double[] {0.00320747, 1.21053481e-4}, "up_blocks.1.resnets.2.conv_shortcut.weight", new double[] {0.26076776, 4.03669072e-3},
                "up_blocks.3.attentions.2.transformer_blocks.0.ff.net.0.proj.weight", new double[] {0.06000527, -3.39895097e-3},
                "down_blocks.2.downsamplers.0.conv.weight", new double[] {0.16090706, 0});
        try (Scope scope = Scope.open("test"); UNetMV2DConditionModel model = SpecificationNumbers.model(SpecificationNumbers.tiny(), type);
                Tape tape = Tape.open()) {
            model.gradientCheckpointing(checkpointing);
            Tensor y = model.predict(SpecificationNumbers.sample(type, 6, 8), new long[] {500}, SpecificationNumbers.prompts(type, 6),
                    SpecificationNumbers.classes(type, 6));
            Tensor loss = Ops.mean(Ops.square(Ops.sub(y, SpecificationNumbers.input("in.target", type, 6, 4, 8, 8))));
            double relative = type == DType.F64 ? 5e-8 : 2e-5;
            assertEquals(1.29757860, loss.item(), 1.3 * relative);
            Gradients g = tape.backward(loss);
            double squares = 0;
            for (Map.Entry<String, Tensor> p : model.stateDict().entrySet()) {
                double[] values = g.of(p.getValue()).toDoubles();
                double own = Arrays.stream(values).map(v -> v * v).sum();
                squares += own;
                if (want.containsKey(p.getKey())) {
                    double[] w = want.get(p.getKey());
                    assertEquals(w[0], Math.sqrt(own), Math.max(6e-9, relative * w[0]), p.getKey());
                    assertEquals(w[1], values[0], Math.max(6e-12, relative * w[0]), p.getKey());
                }
            }
            assertEquals(1.96315737, Math.sqrt(squares), 2 * relative);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "1, -183.172278, 1351.474060, -1.565376, 1.712562, 0.462880, -0.222842, -333.411861, 1960.528429, -0.862875, -0.334177, -1.484201, 0.313784",
        "0, -138.891872, 1357.345970, -1.168119, 0.857218, -0.537960, -1.470195, -332.656480, 1957.545809, -0.169886, -0.093284, -1.289261, -1.182591"})
    void samplingWithGuidance(double eta, double sum0, double abs0, double a0, double b0, double c0, double d0, double sum3, double abs3, double a3, double b3,
            double c3, double d3) {
        var sampling = new GuidedSampling(new DiffusionSampler(NoiseSchedule.standard(), DiffusionSampler.Kind.DDIM, eta, 4), 3);
        try (Scope scope = Scope.open("test"); UNetMV2DConditionModel model = SpecificationNumbers.model(SpecificationNumbers.tiny(), DType.F32)) {
            var conditions = new GuidedSampling.Conditions(SpecificationNumbers.prompts(DType.F32, 6), SpecificationNumbers.classes(DType.F32, 6),
                    SpecificationNumbers.input("in.imglat", DType.F32, 6, 4, 8, 8));
            List<double[]> steps = new ArrayList<>();
            Tensor last = sampling.run(model, conditions, SpecificationNumbers.input("in.noise", DType.F32, 6, 4, 8, 8),
                    () -> SpecificationNumbers.input("in.var" + steps.size(), DType.F32, 6, 4, 8, 8), new GuidedSampling.Listener() {
                        @Override
                        public void after(int index, int timestep, Tensor prediction, Tensor latents) {
                            assertEquals(751 - 250 * index, timestep);
                            steps.add(latents.toDoubles());
                        }
                    });
            row(steps.getFirst(), sum0, abs0, a0, b0, c0, d0);
            row(last.toDoubles(), sum3, abs3, a3, b3, c3, d3);
        }
    }

    private static void row(double[] x, double sum, double absolute, double... first) {
        assertArrayEquals(first, Arrays.copyOf(x, 4), 1e-4);
        assertEquals(sum, Arrays.stream(x).sum(), 1e-3 * Math.abs(sum));
        assertEquals(absolute, Arrays.stream(x).map(Math::abs).sum(), 1e-3 * absolute);
    }

    @Test
    void trainingLoss() {
        var objective = new DiffusionObjective(NoiseSchedule.standard(), 0, false, 5, DiffusionObjective.Weighting.MIN_SNR_OVER_SNR);
        try (Scope scope = Scope.open("test"); UNetMV2DConditionModel model = SpecificationNumbers.model(SpecificationNumbers.tiny(), DType.F32)) {
            DiffusionObjective.Report report = objective.evaluate(model, new DiffusionObjective.Batch(SpecificationNumbers.input("in.latents", DType.F32, 12, 4, 8, 8),
                    SpecificationNumbers.input("in.imglat", DType.F32, 12, 4, 8, 8), SpecificationNumbers.classes(DType.F32, 12), SpecificationNumbers.prompts(DType.F32, 12),
                    SpecificationNumbers.input("in.noise2", DType.F32, 12, 4, 8, 8), new int[] {100, 700}, new float[0]));
            double[] losses = report.perImage().toDoubles();
            double[] weights = report.weights().toDoubles();
            assertArrayEquals(new double[] {1.21917691, 1.39366581}, Arrays.copyOf(losses, 2), 1e-4);
            assertArrayEquals(new double[] {1.44410103, 1.24281441}, Arrays.copyOfRange(losses, 6, 8), 1e-4);
            assertArrayEquals(new double[] {0.59144545, 1}, new double[] {weights[0], weights[6]}, 1e-6);
            assertEquals(1.30300574, Arrays.stream(losses).sum() / 12, 1e-4);
            assertEquals(1.04117571, report.loss().item(), 1e-4);
        }
    }
}
