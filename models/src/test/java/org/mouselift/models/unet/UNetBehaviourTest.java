package org.mouselift.models.unet;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.mouselift.engine.DType;
import org.mouselift.engine.EngineException;
import org.mouselift.engine.Gradients;
import org.mouselift.engine.MemoryPool;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Scope;
import org.mouselift.engine.ShapeException;
import org.mouselift.engine.Tape;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.nn.Hook;
import org.mouselift.models.nn.Parameters;

/** What must hold for any weights (multi-view diffusion specification Appendix C, items 6 to 8 and 11), and what lies open to hooks. */
class UNetBehaviourTest {
    private static final int VIEWS = 4;

    private static Map<String, Object> keys() {
        return new LinkedHashMap<>(Map.of("in_channels", 8, "block_out_channels", List.of(8, 16), "layers_per_block", 1, "norm_num_groups", 4,
                "cross_attention_dim", 6, "attention_head_dim", List.of(1, 2), "use_linear_projection", true, "num_views", VIEWS, "down_block_types",
                List.of("CrossAttnDownBlockMV2D", "DownBlock2D"), "up_block_types", List.of("UpBlock2D", "CrossAttnUpBlockMV2D")));
    }

    /** Two levels, four views, no class embedding unless asked. */
    private static UNetConfig small(AttentionRule rule) {
        Map<String, Object> keys = keys();
        keys.putAll(Map.of("class_embed_type", "projection", "projection_class_embeddings_input_dim", 5));
        return UNetConfig.of(keys, "small").withRule(rule);
    }

    private record Inputs(Tensor sample, long[] timesteps, Tensor prompts, Tensor classes) {
        static Inputs random(DType type, int n, int height, int width) {
            long[] t = new long[n];
            Arrays.setAll(t, i -> 37L * (1 + i / VIEWS));
            return new Inputs(normal(type, 1, n, 8, height, width), t, normal(type, 2, n, 3, 6), normal(type, 3, n, 5));
        }

        Tensor run(UNetMV2DConditionModel model) {
            return model.predict(sample, timesteps, prompts, classes);
        }

        /** All inputs with the rows in another order. */
        Inputs rows(int... order) {
            long[] t = new long[order.length];
            Arrays.setAll(t, i -> timesteps[order[i]]);
            return new Inputs(pick(sample, order), t, pick(prompts, order), pick(classes, order));
        }
    }

    private static Tensor normal(DType type, long stream, long... dims) {
        Tensor t = Tensor.empty(type, dims);
        Parameters.normal(t, 1, 11, stream);
        return t;
    }

    private static Tensor pick(Tensor x, int... rows) {
        List<Tensor> parts = new ArrayList<>();
        for (int r : rows) {
            parts.add(Ops.slice(x, 0, r, r + 1));
        }
        return Ops.concat(0, parts);
    }

    private static double[] row(Tensor y, int n) {
        return Ops.contiguous(Ops.slice(y, 0, n, n + 1)).toDoubles();
    }

    private static void with(AttentionRule rule, DType type, java.util.function.Consumer<UNetMV2DConditionModel> body) {
        try (Scope scope = Scope.open("test"); UNetMV2DConditionModel model = UNetMV2DConditionModel.initialised(small(rule), type, 5)) {
            body.accept(model);
        }
    }

    @ParameterizedTest
    @EnumSource(AttentionRule.class)
    void swappingViewsSwapsTheirPredictions(AttentionRule rule) {
        with(rule, DType.F64, model -> {
            Inputs in = Inputs.random(DType.F64, 2 * VIEWS, 6, 8);
            int[] order = {0, 3, 1, 2, 4, 5, 7, 6};
            assertArrayEquals(pick(in.run(model), order).toDoubles(), in.rows(order).run(model).toDoubles(), 1e-12, rule.toString());
        });
    }

    /** Sparse: a view is seen by itself, the reference by all views of its object. Dense: by all. Plain: by itself. */
    @ParameterizedTest
    @EnumSource(AttentionRule.class)
    void aViewIsSeenByWhomTheRuleSays(AttentionRule rule) {
        with(rule, DType.F32, model -> {
            Inputs in = Inputs.random(DType.F32, 2 * VIEWS, 4, 4);
            Tensor before = in.run(model);
            for (int changed : new int[] {0, 3, 5}) {
                Tensor other = Ops.copy(in.sample);
                Tensor view = Ops.slice(other, 0, changed, changed + 1);
                Ops.assign(view, Ops.affine(view, 0.7, 0.4));
                Tensor after = new Inputs(other, in.timesteps, in.prompts, in.classes).run(model);
                for (int n = 0; n < 2 * VIEWS; n++) {
                    boolean sameObject = n / VIEWS == changed / VIEWS;
                    boolean sees = n == changed || sameObject && (rule == AttentionRule.DENSE || rule == AttentionRule.SPARSE && changed % VIEWS == 0);
                    assertEquals(sees, !Arrays.equals(row(before, n), row(after, n)), rule + ": view " + changed + " changed, row " + n);
                }
            }
        });
    }

    /** For any number of views: the original attends to one view alone where there are more than six (mouse specification §5.8, K-50). */
    @ParameterizedTest
    @ValueSource(ints = {4, 6, 8})
    void theReferenceIsSeenByAllHoweverManyViewsThereAre(int views) {
        for (AttentionRule rule : List.of(AttentionRule.SPARSE, AttentionRule.DENSE)) {
            Map<String, Object> keys = keys();
            keys.put("num_views", views);
            try (Scope scope = Scope.open("test");
                    UNetMV2DConditionModel model = UNetMV2DConditionModel.initialised(UNetConfig.of(keys, "views").withRule(rule), DType.F32, 5)) {
                Tensor sample = normal(DType.F32, 1, views, 8, 4, 4);
                Tensor prompts = normal(DType.F32, 2, views, 3, 6);
                long[] t = new long[views];
                Arrays.fill(t, 37);
                Tensor before = model.predict(sample, t, prompts, null);
                Tensor other = Ops.copy(sample);
                Tensor reference = Ops.slice(other, 0, 0, 1);
                Ops.assign(reference, Ops.affine(reference, 0.7, 0.4));
                Tensor after = model.predict(other, t, prompts, null);
                for (int v = 0; v < views; v++) {
                    assertFalse(Arrays.equals(row(before, v), row(after, v)), rule + ": view " + v + " of " + views);
                }
            }
        }
    }

    @Test
    void theReferenceViewSeesOnlyItselfInTheSparseRule() {
        with(AttentionRule.SPARSE, DType.F64, sparse -> with(AttentionRule.PLAIN, DType.F64, plain -> {
            Inputs in = Inputs.random(DType.F64, VIEWS, 4, 6);
            assertArrayEquals(row(in.run(plain), 0), row(in.run(sparse), 0), 1e-12, "keys that all appear twice change nothing");
            assertFalse(Arrays.equals(row(in.run(plain), 1), row(in.run(sparse), 1)));
        }));
    }

    private static Map<String, double[]> gradients(UNetMV2DConditionModel model, Inputs in, boolean checkpointing) {
        model.gradientCheckpointing(checkpointing);
        in.sample.requiresGrad(true);
        in.prompts.requiresGrad(true);
        in.classes.requiresGrad(true);
        try (Tape tape = Tape.open()) {
            Gradients g = tape.backward(Ops.mean(Ops.square(in.run(model))));
            Map<String, double[]> out = new LinkedHashMap<>();
            model.stateDict().forEach((name, p) -> out.put(name, g.of(p).toDoubles()));
            out.put("sample", g.of(in.sample).toDoubles());
            out.put("prompts", g.of(in.prompts).toDoubles());
            out.put("classes", g.of(in.classes).toDoubles());
            return out;
        }
    }

    /** In float64, as gradients that come together from several places are added in another order. */
    @Test
    void checkpointingGivesTheSameGradients() {
        with(AttentionRule.SPARSE, DType.F64, model -> {
            Inputs in = Inputs.random(DType.F64, 2 * VIEWS, 5, 6);
            Map<String, double[]> kept = gradients(model, in, false);
            gradients(model, in, true).forEach((name, g) -> {
                double size = Arrays.stream(kept.get(name)).map(Math::abs).max().orElse(0);
                assertArrayEquals(kept.get(name), g, 1e-12 * size, name);
            });
        });
    }

    /** Directional differences through the whole network in float64, at an odd size, for every parameter at once and every input. */
    @ParameterizedTest
    @EnumSource(AttentionRule.class)
    void gradientsMatchFiniteDifferences(AttentionRule rule) {
        with(rule, DType.F64, model -> {
            Inputs in = Inputs.random(DType.F64, VIEWS, 3, 5);
            Map<String, double[]> g = gradients(model, in, false);
            Map<String, Tensor> leaves = new LinkedHashMap<>(model.stateDict());
            leaves.put("sample", in.sample);
            leaves.put("prompts", in.prompts);
            leaves.put("classes", in.classes);
            for (String group : List.of("sample", "prompts", "classes", "conv_in", "time_embedding", "class_embedding", "down_blocks.0.resnets",
                    "down_blocks.0.attentions", "down_blocks.0.downsamplers", "mid_block.attentions", "up_blocks.0.upsamplers", "up_blocks.1.attentions",
                    "up_blocks.1.resnets", "conv_norm_out", "conv_out")) {
                Map<Tensor, double[]> directions = new java.util.IdentityHashMap<>();
                double analytic = 0;
                long stream = 100;
                for (Map.Entry<String, Tensor> leaf : leaves.entrySet()) {
                    if (leaf.getKey().startsWith(group)) {
                        double[] d = normal(DType.F64, stream++, leaf.getValue().shape().dims()).toDoubles();
                        directions.put(leaf.getValue(), d);
                        double[] own = g.get(leaf.getKey());
                        for (int i = 0; i < d.length; i++) {
                            analytic += d[i] * own[i];
                        }
                    }
                }
                Function<Double, Double> loss = h -> {
                    directions.forEach((t, d) -> move(t, d, h));
                    double value = Ops.mean(Ops.square(in.run(model))).item();
                    directions.forEach((t, d) -> move(t, d, -h));
                    return value;
                };
                double step = 1e-5;
                double coarse = (loss.apply(2 * step) - loss.apply(-2 * step)) / (4 * step);
                double fine = (loss.apply(step) - loss.apply(-step)) / (2 * step);
                assertEquals((4 * fine - coarse) / 3, analytic, 1e-6 * Math.max(Math.abs(analytic), 1e-2), rule + " " + group);
            }
        });
    }

    private static void move(Tensor t, double[] direction, double h) {
        Ops.addInto(t, Ops.affine(Tensor.of(direction, t.shape().dims()), h, 0));
    }

    @Test
    void attentionMapsAreThoseOfTheFusedComputation() {
        for (AttentionRule rule : AttentionRule.values()) {
            with(rule, DType.F32, model -> {
                Inputs in = Inputs.random(DType.F32, VIEWS, 4, 4);
                String self = "down_blocks.0.attentions.0.transformer_blocks.0.attn1";
                String cross = "up_blocks.1.attentions.1.transformer_blocks.0.attn2";
                Map<String, double[]> full = new LinkedHashMap<>();
                double[] untouched = in.run(model).toDoubles();
                try (Hook.Handle a = model.hook(self + ".probabilities", (p, i, o) -> {
                    full.put(self, o.toDoubles());
                    return o;
                }); Hook.Handle b = model.hook(cross + ".probabilities", (p, i, o) -> {
                    full.put(cross, o.toDoubles());
                    return o;
                })) {
                    assertArrayEquals(untouched, in.run(model).toDoubles(), 1e-5, "seen probabilities give the same result");
                }
                try (AttentionMaps maps = AttentionMaps.record(model, p -> p.equals(self) || p.equals(cross), AttentionMaps.Queries.at(3, 9), false, 1 << 20)) {
                    assertArrayEquals(untouched, in.run(model).toDoubles(), "recording changes nothing");
                    for (String path : List.of(self, cross)) {
                        Tensor map = maps.maps().get(path);
                        int queries = full.get(path).length / (int) (map.dim(0) * map.dim(1) * map.dim(3));
                        Tensor whole = Ops.cast(Tensor.of(full.get(path), map.dim(0), map.dim(1), queries, map.dim(3)), DType.F32);
                        Tensor want = Ops.concat(2, Ops.slice(whole, 2, 3, 4), Ops.slice(whole, 2, 9, 10));
                        assertArrayEquals(want.toDoubles(), map.toDoubles(), 1e-6, rule + " " + path);
                        for (double total : Ops.sum(map, false, 3).toDoubles()) {
                            assertEquals(1, total, 1e-5);
                        }
                    }
                    assertEquals(rule == AttentionRule.SPARSE ? 32 : rule == AttentionRule.DENSE ? 64 : 16, maps.maps().get(self).dim(3));
                    assertEquals(3, maps.maps().get(cross).dim(3));
                }
                String mid = "mid_block.attentions.0.transformer_blocks.0.attn1";
                Tensor[] heads = new Tensor[1];
                try (AttentionMaps mean = AttentionMaps.record(model, mid::equals, AttentionMaps.Queries.all(), true, 1 << 20);
                        AttentionMaps each = AttentionMaps.record(model, mid::equals, AttentionMaps.Queries.all(), false, 1 << 20)) {
                    in.run(model);
                    heads[0] = Ops.mean(each.maps().get(mid), true, 1);
                    assertEquals(2, each.maps().get(mid).dim(1));
                    assertArrayEquals(heads[0].toDoubles(), mean.maps().get(mid).toDoubles(), 1e-6);
                }
            });
        }
    }

    @Test
    void attentionMapsKeepTheirBoundOfMemory() {
        with(AttentionRule.SPARSE, DType.F32, model -> {
            Inputs in = Inputs.random(DType.F32, VIEWS, 4, 4);
            try (AttentionMaps maps = AttentionMaps.record(model, p -> p.endsWith("attn1"), AttentionMaps.Queries.all(), false, 4096)) {
                EngineException e = assertThrows(EngineException.class, () -> in.run(model));
                assertTrue(e.getMessage().contains("down_blocks.0.attentions.0") && e.getMessage().contains("limit is 4096"), e.getMessage());
            }
            in.run(model);
            EngineException none = assertThrows(EngineException.class, () -> AttentionMaps.record(model, "x"::equals, AttentionMaps.Queries.all(), true, 1));
            assertTrue(none.getMessage().contains("mid_block.attentions.0.transformer_blocks.0.attn1"), none.getMessage());
            try (AttentionMaps beyond = AttentionMaps.record(model, p -> true, AttentionMaps.Queries.at(16), true, 1 << 20)) {
                assertThrows(EngineException.class, () -> in.run(model));
            }
        });
    }

    /** A hook may replace where a view looks: with all weight on its first key, an attention gives that key's value to every query. */
    @Test
    void replacedProbabilitiesTakeEffect() {
        with(AttentionRule.SPARSE, DType.F32, model -> {
            Inputs in = Inputs.random(DType.F32, VIEWS, 4, 4);
            String attention = "mid_block.attentions.0.transformer_blocks.0.attn1";
            double[] before = in.run(model).toDoubles();
            double[][] seen = new double[1][];
            try (Hook.Handle replace = model.hook(attention + ".probabilities", (p, i, o) -> {
                Tensor first = Ops.fill(o.spec(), 0);
                Tensor column = Ops.slice(first, 3, 0, 1);
                Ops.assign(column, Ops.fill(column.spec(), 1));
                return first;
            }); Hook.Handle look = model.hook(attention, (p, i, o) -> {
                seen[0] = Ops.sub(Ops.slice(o, 1, 1, 2), Ops.slice(o, 1, 0, 1)).toDoubles();
                return o;
            })) {
                assertFalse(Arrays.equals(before, in.run(model).toDoubles()));
            }
            assertArrayEquals(new double[seen[0].length], seen[0], 1e-6, "all queries got the same value");
            assertArrayEquals(before, in.run(model).toDoubles());
        });
    }

    /** A prediction without a tape holds little more than the skips and one block; with a tape all activations stay. */
    @Test
    void predictionsFreeWhatTheyNeedNoMore() {
        with(AttentionRule.SPARSE, DType.F32, model -> {
            Inputs in = Inputs.random(DType.F32, VIEWS, 32, 32);
            long plain = peak(() -> in.run(model));
            long taped = peak(() -> {
                try (Tape tape = Tape.open()) {
                    return in.run(model);
                }
            });
            assertTrue(plain < taped / 4, plain + " bytes without a tape, " + taped + " with one");
        });
    }

    private static long peak(java.util.function.Supplier<Tensor> body) {
        try (Scope scope = Scope.open("peak")) {
            MemoryPool.resetPeak();
            long before = MemoryPool.usage().liveBytes();
            body.get();
            return MemoryPool.usage().peakBytes() - before;
        }
    }

    @Test
    void storedHalfPrecisionWeightsAreUsedInPlace() {
        with(AttentionRule.SPARSE, DType.F32, model -> {
            Inputs in = Inputs.random(DType.F32, VIEWS, 6, 4);
            Map<String, Tensor> half = new LinkedHashMap<>();
            model.stateDict().forEach((name, p) -> half.put(name, Ops.cast(p, DType.F16)));
            double[] want;
            try (UNetMV2DConditionModel widened = UNetMV2DConditionModel.load(model.config(), DType.F32, half, "half")) {
                want = in.run(widened).toDoubles();
            }
            try (UNetMV2DConditionModel stored = UNetMV2DConditionModel.stored(model.config(), half, "half")) {
                assertTrue(stored.stateDict().get("conv_in.weight") == half.get("conv_in.weight"), "not copied");
                assertTrue(stored.trainable().isEmpty());
                assertArrayEquals(want, in.run(stored).toDoubles(), 2e-5);
            }
            half.remove("conv_out.bias");
            half.put("extra", half.get("conv_in.bias"));
            EngineException e = assertThrows(EngineException.class, () -> UNetMV2DConditionModel.stored(model.config(), half, "file.safetensors"));
            assertTrue(e.getMessage().contains("file.safetensors") && e.getMessage().contains("1 missing [conv_out.bias (nearest in the file: extra)]")
                    && e.getMessage().contains("1 unexpected [extra (nearest in the model: conv_out.bias)]"), e.getMessage());
        });
    }

    @Test
    void convolutionsInPlaceOfLinearProjectionsLoad() {
        with(AttentionRule.PLAIN, DType.F32, model -> {
            Inputs in = Inputs.random(DType.F32, VIEWS, 4, 4);
            Map<String, Tensor> state = new LinkedHashMap<>();
            model.stateDict().forEach((name, p) -> state.put(name, name.endsWith("proj_in.weight") ? Ops.reshape(p, p.dim(0), p.dim(1), 1, 1) : p));
            try (UNetMV2DConditionModel other = UNetMV2DConditionModel.load(model.config(), DType.F32, state, "convolutions")) {
                assertArrayEquals(in.run(model).toDoubles(), in.run(other).toDoubles());
            }
        });
    }

    @Test
    void startWeightsAreUniformByFanIn() {
        with(AttentionRule.SPARSE, DType.F32, model -> model.stateDict().forEach((name, p) -> {
            double[] v = p.toDoubles();
            double largest = Arrays.stream(v).map(Math::abs).max().orElseThrow();
            if (name.contains("norm")) {
                assertArrayEquals(Arrays.stream(v).map(x -> name.endsWith("weight") ? 1 : 0).toArray(), v, name);
            } else if (p.rank() >= 2) {
                double bound = 1 / Math.sqrt((double) p.numel() / p.dim(0));
                assertTrue(largest <= bound && largest > 0.8 * bound, name + " reaches " + largest + " of " + bound);
                assertNotEquals(v[0], v[1]);
            }
        }));
    }

    @Test
    void unfitInputsAndNumbersAreRefused() {
        with(AttentionRule.SPARSE, DType.F32, model -> {
            Inputs in = Inputs.random(DType.F32, VIEWS, 4, 4);
            ShapeException views = assertThrows(ShapeException.class, () -> in.rows(0, 1, 2).run(model));
            assertTrue(views.getMessage().contains("num_views 4"), views.getMessage());
            assertThrows(ShapeException.class, () -> model.predict(in.sample, new long[3], in.prompts, in.classes));
            assertThrows(ShapeException.class, () -> model.predict(in.sample, in.timesteps, in.prompts, null));
            assertThrows(ShapeException.class, () -> model.predict(Ops.slice(in.sample, 1, 0, 4), in.timesteps, in.prompts, in.classes));
            assertThrows(ShapeException.class, () -> model.predict(in.sample, in.timesteps, Ops.slice(in.prompts, 2, 0, 3), in.classes));
            Tensor poisoned = Ops.copy(in.sample);
            Ops.assign(Ops.slice(Ops.reshape(poisoned, poisoned.numel()), 0, 7, 8), Tensor.of(new float[] {Float.NaN}, 1));
            EngineException nan = assertThrows(EngineException.class, () -> model.predict(poisoned, in.timesteps, in.prompts, in.classes));
            assertTrue(nan.getMessage().contains("NaN"), nan.getMessage());
        });
    }

    @Test
    void configurationsThatAskForMoreAreRefusedByName() {
        Map<String, Object> wrong = new LinkedHashMap<>();
        wrong.put("cd_attention_mid", true);
        wrong.put("cd_attention_last", true);
        wrong.put("addition_downsample", true);
        wrong.put("selfattn_block", "self_rowwise_attn");
        wrong.put("time_embedding_type", "fourier");
        wrong.put("addition_embed_type", "text");
        wrong.put("num_attention_heads", 8);
        wrong.put("class_embed_type", "timestep");
        wrong.put("mid_block_type", "UNetMidBlock2DCrossAttn");
        wrong.put("down_block_types", List.of("AttnDownBlock2D", "DownBlock2D"));
        wrong.put("resnet_time_scale_shift", "scale_shift");
        wrong.put("act_fn", "gelu");
        wrong.put("num_veiws", 6);
        wrong.put("norm_num_groups", 3);
        wrong.put("attention_head_dim", List.of(3, 2));
        wrong.put("dual_cross_attention", true);
        wrong.forEach((key, value) -> {
            Map<String, Object> keys = keys();
            keys.put(key, value);
            EngineException e = assertThrows(EngineException.class, () -> UNetConfig.of(keys, "unet/config.json"), key);
            assertTrue(e.getMessage().contains(key), e.getMessage());
        });
        Map<String, Object> fine = keys();
        fine.putAll(Map.of("_diffusers_version", "0.30.3", "decay", 0.9999, "upcast_attention", true, "optimization_step", 3));
        assertEquals(AttentionRule.DENSE, UNetConfig.of(fine, "ema").rule());
        fine.put("multiview_attention", false);
        assertEquals(AttentionRule.PLAIN, UNetConfig.of(fine, "plain").rule());
    }

    @Test
    void adaptedConfigurationsNeedKnownArgumentsAndBlocks() {
        Map<String, Object> stock = keys();
        stock.putAll(Map.of("down_block_types", List.of("CrossAttnDownBlock2D", "DownBlock2D"), "up_block_types", List.of("UpBlock2D", "CrossAttnUpBlock2D"),
                "mid_block_type", "UNetMidBlock2DCrossAttn", "in_channels", 4));
        UNetConfig adapted = UNetConfig.of(UNetConfig.adapted(stock, Map.of("sample_size", 8, "num_views", 6, "sparse_mv_attention", true, "unclip", true), "yaml"),
                "adapted");
        assertEquals(8, adapted.inChannels());
        assertEquals(AttentionRule.SPARSE, adapted.rule());
        assertTrue(assertThrows(EngineException.class, () -> UNetConfig.adapted(stock, Map.of("num_views", 6), "yaml")).getMessage().contains("sample_size"));
        assertTrue(assertThrows(EngineException.class, () -> UNetConfig.adapted(stock, Map.of("sample_size", 8, "views", 6), "yaml")).getMessage()
                .contains("'views'"));
        stock.put("mid_block_type", "UNetMidBlock2D");
        assertTrue(assertThrows(EngineException.class, () -> UNetConfig.adapted(stock, Map.of("sample_size", 8), "yaml")).getMessage()
                .contains("mid_block_type"));
    }

    /** From 4 channels the new ones are zero and the reference latents have no effect; from 8 nothing changes unless asked literally. */
    @Test
    void adaptingLoadTreatsNewChannelsAsTheSpecificationSays() {
        with(AttentionRule.SPARSE, DType.F32, source -> {
            Inputs in = Inputs.random(DType.F32, VIEWS, 4, 4);
            Map<String, Tensor> four = new LinkedHashMap<>(source.stateDict());
            Tensor conv = four.put("conv_in.weight", Ops.contiguous(Ops.slice(four.get("conv_in.weight"), 1, 0, 4)));
            Tensor other = Ops.concat(1, Ops.slice(in.sample, 1, 0, 4), normal(DType.F32, 9, VIEWS, 4, 4, 4));
            try (UNetMV2DConditionModel model = UNetMV2DConditionModel.adapt(source.config(), DType.F32, four, "four", true, false, 1)) {
                assertArrayEquals(in.run(model).toDoubles(), model.predict(other, in.timesteps, in.prompts, in.classes).toDoubles());
                assertArrayEquals(new double[8 * 4 * 9], Ops.contiguous(Ops.slice(model.stateDict().get("conv_in.weight"), 1, 4, 8)).toDoubles());
            }
            try (UNetMV2DConditionModel model = UNetMV2DConditionModel.adapt(source.config(), DType.F32, source.stateDict(), "eight", true, false, 1)) {
                assertArrayEquals(conv.toDoubles(), model.stateDict().get("conv_in.weight").toDoubles());
                assertArrayEquals(in.run(source).toDoubles(), in.run(model).toDoubles());
            }
            try (UNetMV2DConditionModel model = UNetMV2DConditionModel.adapt(source.config(), DType.F32, source.stateDict(), "eight", true, true, 1)) {
                assertArrayEquals(in.run(model).toDoubles(), model.predict(other, in.timesteps, in.prompts, in.classes).toDoubles());
            }
        });
    }
}
