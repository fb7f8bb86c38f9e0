package org.mouselift.models.diffusion;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.mouselift.engine.DType;
import org.mouselift.engine.EngineException;
import org.mouselift.engine.Philox;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tensor;
import org.mouselift.models.unet.UNetConfig;
import org.mouselift.models.unet.UNetMV2DConditionModel;

/** Condition dropout, loss weights and guidance (multi-view diffusion specification Appendix C, items 8 and 9). */
class DiffusionObjectiveTest {
    private static final int VIEWS = 2;
    private static final int EMBEDDING = 6;

    private static UNetMV2DConditionModel unet() {
        return UNetMV2DConditionModel.initialised(UNetConfig.of(Map.ofEntries(Map.entry("in_channels", 6), Map.entry("out_channels", 3),
                Map.entry("block_out_channels", List.of(8, 8)), Map.entry("layers_per_block", 1), Map.entry("norm_num_groups", 4), Map.entry("cross_attention_dim", 4),
                Map.entry("attention_head_dim", List.of(1, 2)), Map.entry("down_block_types", List.of("CrossAttnDownBlockMV2D", "DownBlock2D")),
                Map.entry("up_block_types", List.of("UpBlock2D", "CrossAttnUpBlockMV2D")), Map.entry("num_views", VIEWS), Map.entry("sparse_mv_attention", true),
                Map.entry("class_embed_type", "projection"), Map.entry("projection_class_embeddings_input_dim", EMBEDDING)), "small"), DType.F32, 3);
    }

    private static Tensor normal(long stream, long... shape) {
        Philox random = new Philox(1, stream);
        float[] values = new float[(int) Arrays.stream(shape).reduce(1, Math::multiplyExact)];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return Tensor.of(values, shape);
    }

    private static DiffusionObjective objective(double rate, boolean perView, double gamma, DiffusionObjective.Weighting weighting) {
        return new DiffusionObjective(NoiseSchedule.standard(), rate, perView, gamma, weighting);
    }

    private static DiffusionObjective.Report report(DiffusionObjective objective, int objects, int[] timesteps, float... u) {
        int n = objects * VIEWS;
        try (UNetMV2DConditionModel unet = unet()) {
            return objective.evaluate(unet, new DiffusionObjective.Batch(normal(1, n, 3, 4, 4), normal(2, n, 3, 4, 4), normal(3, n, EMBEDDING), normal(4, n, 2, 4),
                    normal(5, n, 3, 4, 4), timesteps, u));
        }
    }

    /** Rows that are wholly zero. */
    private static List<Integer> zeroRows(Tensor x) {
        double[] all = x.toDoubles();
        int each = all.length / (int) x.dim(0);
        return IntStream.range(0, (int) x.dim(0)).filter(r -> Arrays.stream(all, r * each, (r + 1) * each).allMatch(v -> v == 0)).boxed().toList();
    }

    @Test
    void eachKindOfDropoutHasItsFrequency() {
        DiffusionObjective objective = objective(0.05, false, Double.NaN, DiffusionObjective.Weighting.MIN_SNR_OVER_SNR);
        int n = 200_000;
        float[] u = new float[n];
        Philox random = new Philox(4, 0);
        for (int i = 0; i < n; i++) {
            u[i] = random.nextFloat();
        }
        float[] classes = objective.keepsClass(u);
        float[] references = objective.keepsReference(u);
        int[] counts = new int[4];
        for (int i = 0; i < n; i++) {
            counts[(classes[i] == 0 ? 1 : 0) + (references[i] == 0 ? 2 : 0)]++;
        }
        // None, class labels alone, reference alone, both; four standard deviations.
        double[] expected = {0.85, 0.05, 0.05, 0.05};
        for (int k = 0; k < 4; k++) {
            assertEquals(expected[k], counts[k] / (double) n, 4 * Math.sqrt(expected[k] * (1 - expected[k]) / n), "kind " + k);
        }
    }

    @Test
    void whatIsDroppedIsZeroAndTheRestAsItWas() {
        try (Scope scope = Scope.open("test")) {
            // Class labels, both, reference, nothing.
            float[] u = {0.05f, 0.15f, 0.25f, 0.35f};
            DiffusionObjective.Report whole = report(objective(0.1, false, Double.NaN, DiffusionObjective.Weighting.MIN_SNR_OVER_SNR), 4, new int[] {1, 2, 3, 4}, u);
            assertEquals(List.of(0, 1, 2, 3), zeroRows(whole.classLabels()));
            assertEquals(List.of(2, 3, 4, 5), zeroRows(whole.reference()));
            double[] kept = normal(3, 8, EMBEDDING).toDoubles();
            assertArrayEquals(Arrays.copyOfRange(kept, 4 * EMBEDDING, kept.length), Arrays.copyOfRange(whole.classLabels().toDoubles(), 4 * EMBEDDING, kept.length));
            DiffusionObjective.Report each = report(objective(0.1, true, Double.NaN, DiffusionObjective.Weighting.MIN_SNR_OVER_SNR), 2, new int[] {1, 2}, u);
            assertEquals(List.of(0, 1), zeroRows(each.classLabels()));
            assertEquals(List.of(1, 2), zeroRows(each.reference()));
            assertThrows(EngineException.class, () -> report(objective(0.1, false, Double.NaN, DiffusionObjective.Weighting.MIN_SNR_OVER_SNR), 4, new int[] {1, 2, 3, 4},
                    new float[3]));
        }
    }

    @Test
    void lossesAreWeightedByTheirStep() {
        try (Scope scope = Scope.open("test")) {
            // Step 100 has a signal-to-noise ratio of 8.4538651, step 500 of 0.38185 (Appendix A).
            int[] t = {100, 500};
            double[][] expected = {{1, 1}, {5 / 8.4538651, 1}, {5 / 9.4538651, 0.38185 / 1.38185}};
            DiffusionObjective[] rules = {objective(0, false, Double.NaN, DiffusionObjective.Weighting.MIN_SNR_OVER_SNR),
                objective(0, false, 5, DiffusionObjective.Weighting.MIN_SNR_OVER_SNR), objective(0, false, 5, DiffusionObjective.Weighting.MIN_SNR_OVER_SNR_PLUS_1)};
            double[] plain = report(rules[0], 2, t).perImage().toDoubles();
            for (int rule = 0; rule < rules.length; rule++) {
                DiffusionObjective.Report r = report(rules[rule], 2, t);
                double sum = 0;
                for (int i = 0; i < plain.length; i++) {
                    sum += plain[i] * expected[rule][i / VIEWS] / plain.length;
                }
                assertEquals(sum, r.loss().item(), 1e-6 * sum, "rule " + rule);
            }
        }
    }

    @Test
    void guidanceGivesTheUnconditionalRowsNothingButPrompts() {
        try (Scope scope = Scope.open("test"); UNetMV2DConditionModel unet = unet()) {
            var sampler = new DiffusionSampler(NoiseSchedule.standard(), DiffusionSampler.Kind.DDIM, 1, 3);
            var conditions = new GuidedSampling.Conditions(normal(1, VIEWS, 2, 4), normal(2, VIEWS, EMBEDDING), normal(3, VIEWS, 3, 4, 4));
            var nothing = new GuidedSampling.Conditions(conditions.prompts(), Tensor.zeros(DType.F32, VIEWS, EMBEDDING), Tensor.zeros(DType.F32, VIEWS, 3, 4, 4));
            int[] draws = {0};
            GuidedSampling.Listener watch = new GuidedSampling.Listener() {
                @Override
                public void conditions(GuidedSampling.Conditions given) {
                    assertEquals(List.of(0, 1), zeroRows(given.classLabels()));
                    assertEquals(List.of(0, 1), zeroRows(given.reference()));
                    double[] prompts = given.prompts().toDoubles();
                    assertArrayEquals(Arrays.copyOf(prompts, prompts.length / 2), Arrays.copyOfRange(prompts, prompts.length / 2, prompts.length));
                }
            };
            float[] strong = run(unet, sampler, 5, conditions, draws, watch);
            assertEquals(3, draws[0], "DDIM with eta 1 draws in every step, the last included");
            float[] plain = run(unet, sampler, 1, conditions, draws, GuidedSampling.Listener.NONE);
            assertTrue(different(strong, plain) > 1e-3, "guidance has no effect");
            // Where both halves know the same, guidance is nothing: u + g (u - u).
            assertTrue(different(run(unet, sampler, 5, nothing, draws, GuidedSampling.Listener.NONE), run(unet, sampler, 1, nothing, draws, GuidedSampling.Listener.NONE)) < 1e-5);
            draws[0] = 0;
            run(unet, new DiffusionSampler(NoiseSchedule.standard(), DiffusionSampler.Kind.DDIM, 0, 3), 1, conditions, draws, GuidedSampling.Listener.NONE);
            assertEquals(0, draws[0]);
        }
    }

    private static float[] run(UNetMV2DConditionModel unet, DiffusionSampler sampler, double guidance, GuidedSampling.Conditions c, int[] draws, GuidedSampling.Listener watch) {
        try (Scope scope = Scope.open("sampling")) {
            return new GuidedSampling(sampler, guidance).run(unet, c, normal(7, VIEWS, 3, 4, 4), () -> normal(10 + draws[0]++ % 3, VIEWS, 3, 4, 4), watch).toFloats();
        }
    }

    private static double different(float[] a, float[] b) {
        return IntStream.range(0, a.length).mapToDouble(i -> Math.abs(a[i] - b[i])).max().orElseThrow();
    }

    @Test
    void averagesStepInAndOut() {
        try (Scope scope = Scope.open("test")) {
            Tensor p = Tensor.of(new float[] {1, 2}, 2);
            try (ExponentialMovingAverage average = new ExponentialMovingAverage(Map.of("p", p), ExponentialMovingAverage.Options.STANDARD)) {
                average.updates(8);
                p.contiguousSegment().copyFrom(Tensor.of(new float[] {3, 6}, 2).contiguousSegment());
                average.update();
                // Update 9 keeps (1 + 8) / (10 + 8) of the old average.
                float[] between = {2, 4};
                assertArrayEquals(between, average.applied(p::toFloats), 1e-6f);
                assertArrayEquals(new float[] {3, 6}, p.toFloats());
                assertArrayEquals(between, average.shadows().get("p").toFloats(), 1e-6f);
                assertThrows(IllegalStateException.class, () -> average.applied(() -> {
                    throw new IllegalStateException();
                }));
                assertArrayEquals(new float[] {3, 6}, p.toFloats(), "a failure leaves the average in place");
            }
        }
    }
}
