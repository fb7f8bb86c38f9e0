package org.mouselift.models.gslrm;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.mouselift.engine.DType;
import org.mouselift.engine.EngineException;
import org.mouselift.engine.Gradients;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Philox;
import org.mouselift.engine.Scope;
import org.mouselift.engine.ShapeException;
import org.mouselift.engine.Tape;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.nn.Hook;
import org.mouselift.models.losses.LossConfig;
import org.mouselift.models.losses.LossWeights;
import org.mouselift.models.losses.ReconstructionLoss;

class GsLrmBehaviourTest {
    private static GsLrmOutput reconstruct(GsLrm model) {
        DType t = model.dtype();
        return model.reconstruct(ConformanceScene.inputs(ConformanceScene.images(t, false)), ConformanceScene.inputs(ConformanceScene.c2w(t)),
                ConformanceScene.inputs(ConformanceScene.intrinsics(t)));
    }

    /** A loss on all outputs that needs no renderer: fixed random weights on every Gaussian number, and the image tokens. */
    private static Tensor functional(GsLrmOutput out) {
        GaussianBatch g = out.gaussians();
        Philox random = new Philox(5, 0);
        Tensor loss = Ops.mean(Ops.square(out.imageTokens()));
        for (Tensor t : List.of(g.xyz(), g.features(), g.scaling(), g.rotation(), g.opacity(), out.pixelAlignedXyz())) {
            double[] w = new double[(int) t.numel()];
            Arrays.setAll(w, i -> random.nextGaussian());
            loss = Ops.add(loss, Ops.mean(Ops.mul(t, Ops.cast(Tensor.of(w, t.shape().dims()), t.dtype()))));
        }
        return loss;
    }

    private static Tensor rendered(GsLrmOutput out, DType t) {
        Tensor image = ConformanceScene.images(t, true);
        Tensor render = ViewRenderer.render(out.gaussians(), ConformanceScene.c2w(t), ConformanceScene.intrinsics(t), ConformanceScene.SIDE,
                ConformanceScene.SIDE, 1);
        LossConfig losses = LossConfig.of(new LossWeights(1, 0, 0, 0.3, 0, 0.2, 0.1)).withMasks(true, true);
        return new ReconstructionLoss(losses, null, null).evaluate(0, render, image,
                new ReconstructionLoss.Geometry(out.pixelAlignedXyz(), out.rays().origin(), out.rays().direction())).total();
    }

    private static double evaluate(GsLrm model, boolean render) {
        try (Scope scope = Scope.open("loss")) {
            GsLrmOutput out = reconstruct(model);
            return (render ? rendered(out, model.dtype()) : functional(out)).item();
        }
    }

    /** Derivative along random directions of each parameter, central differences in float64. */
    private static void directional(GsLrm model, boolean render, double step, double tolerance) {
        Map<String, double[]> gradients = new LinkedHashMap<>();
        try (Scope scope = Scope.open("gradient"); Tape tape = Tape.open()) {
            GsLrmOutput out = reconstruct(model);
            Gradients g = tape.backward(render ? rendered(out, model.dtype()) : functional(out));
            model.stateDict().forEach((name, p) -> gradients.put(name, g.of(p).toDoubles()));
        }
        Philox random = new Philox(11, 0);
        for (Map.Entry<String, Tensor> p : model.stateDict().entrySet()) {
            double[] direction = new double[(int) p.getValue().numel()];
            Arrays.setAll(direction, i -> random.nextGaussian() * 0.02);
            double expected = 0;
            for (int i = 0; i < direction.length; i++) {
                expected += direction[i] * gradients.get(p.getKey())[i];
            }
            double plus = moved(model, p.getValue(), direction, step, render);
            double minus = moved(model, p.getValue(), direction, -step, render);
            double measured = (plus - minus) / (2 * step);
            assertEquals(expected, measured, tolerance * Math.max(Math.abs(expected), 1e-4), p.getKey());
        }
    }

    private static double moved(GsLrm model, Tensor p, double[] direction, double step, boolean render) {
        double[] before = p.toDoubles();
        double[] after = new double[before.length];
        Arrays.setAll(after, i -> before[i] + step * direction[i]);
        try (Scope scope = Scope.open("move")) {
            Ops.assign(p, Tensor.of(after, p.shape().dims()));
            double value = evaluate(model, render);
            Ops.assign(p, Tensor.of(before, p.shape().dims()));
            return value;
        }
    }

    @Test
    void gradientsAgreeWithFiniteDifferences() {
        for (GsLrmConfig config : List.of(ConformanceScene.base().withMarker(true), ConformanceScene.base().withGaussians(1, 1),
                ConformanceScene.base().withHardPixelAlign(false),
                ConformanceScene.base().withRays(RayEncoding.PLAIN, new GsLrmConfig.Depth(0.1, 1, 4, false)),
                ConformanceScene.base().withRays(RayEncoding.AUGMENTED, GsLrmConfig.Depth.DEFAULT))) {
            try (GsLrm model = ConformanceScene.model(config, DType.F64)) {
                directional(model, false, 1e-4, 1e-6);
            }
        }
    }

    @Test
    void gradientsThroughTheRendererAgreeWithFiniteDifferences() {
        try (GsLrm model = ConformanceScene.model(ConformanceScene.base(), DType.F64)) {
            // The renderer has thresholds: a small step keeps crossings rare, and they are tiny (alpha 1/255).
            directional(model, true, 1e-5, 2e-2);
        }
    }

    @Test
    void recomputationChangesNothing() {
        Map<Integer, Map<String, double[]>> all = new HashMap<>();
        for (int every : new int[] {0, 1, 2}) {
            try (Scope scope = Scope.open("run"); Tape tape = Tape.open();
                    GsLrm model = ConformanceScene.model(ConformanceScene.base().withCheckpointEvery(every), DType.F32)) {
                Gradients g = tape.backward(functional(reconstruct(model)));
                Map<String, double[]> values = new LinkedHashMap<>();
                model.stateDict().forEach((name, p) -> values.put(name, g.of(p).toDoubles()));
                all.put(every, values);
            }
        }
        all.get(0).forEach((name, g) -> {
            assertArrayEquals(g, all.get(1).get(name), name);
            assertArrayEquals(g, all.get(2).get(name), name);
        });
    }

    /** Without marker the views are a set: exchanging two inputs exchanges their Gaussians and leaves the free ones. */
    @Test
    void permutedViewsPermuteTheirGaussians() {
        try (Scope scope = Scope.open("permute"); GsLrm model = ConformanceScene.model(ConformanceScene.base(), DType.F64)) {
            Tensor[] in = {ConformanceScene.images(DType.F64, false), ConformanceScene.c2w(DType.F64), ConformanceScene.intrinsics(DType.F64)};
            Tensor[] turned = new Tensor[3];
            for (int i = 0; i < 3; i++) {
                turned[i] = Ops.concat(1, Ops.slice(in[i], 1, 2, 3), Ops.slice(in[i], 1, 0, 2));
            }
            GaussianBatch a = model.reconstruct(in[0], in[1], in[2]).gaussians();
            GaussianBatch b = model.reconstruct(turned[0], turned[1], turned[2]).gaussians();
            long perView = ConformanceScene.SIDE * ConformanceScene.SIDE;
            for (Tensor[] pair : new Tensor[][] {{a.xyz(), b.xyz()}, {a.features(), b.features()}, {a.opacity(), b.opacity()}}) {
                Tensor expected = Ops.concat(1, Ops.slice(pair[0], 1, 0, 2), Ops.slice(pair[0], 1, 2 + 2 * perView, 2 + 3 * perView),
                        Ops.slice(pair[0], 1, 2, 2 + 2 * perView));
                assertArrayEquals(expected.toDoubles(), pair[1].toDoubles(), 1e-11);
            }
        }
    }

    @Test
    void markerTellsTheFirstViewFromTheOthers() {
        try (Scope scope = Scope.open("marker"); GsLrm model = ConformanceScene.model(ConformanceScene.base().withMarker(true), DType.F64)) {
            Map<String, double[]> seen = new HashMap<>();
            model.hook("patch_embedder.1", (path, in, out) -> {
                seen.put("before", out.toDoubles());
                return out;
            });
            model.hook(GsLrm.TOKENS_IN, (path, in, out) -> {
                seen.put("after", out.toDoubles());
                return out;
            });
            reconstruct(model);
            double[] types = model.stateDict().get("view_type_embeddings").toDoubles();
            int perView = 4 * 32;
            for (int i = 0; i < 2 * perView; i++) {
                assertEquals(types[i / perView * 32 + i % 32], seen.get("after")[2 * 32 + i] - seen.get("before")[i], 1e-12);
            }
        }
    }

    @Test
    void batchItemsAreIndependent() {
        try (Scope scope = Scope.open("batch"); GsLrm model = ConformanceScene.model(ConformanceScene.base(), DType.F32)) {
            Tensor image = ConformanceScene.images(DType.F32, false);
            Tensor c2w = ConformanceScene.c2w(DType.F32);
            Tensor lenses = ConformanceScene.intrinsics(DType.F32);
            Tensor one = reconstruct(model).gaussians().xyz();
            Tensor both = model.reconstruct(Ops.concat(0, ConformanceScene.inputs(image), Ops.slice(image, 1, 1, 3)),
                    Ops.concat(0, ConformanceScene.inputs(c2w), Ops.slice(c2w, 1, 1, 3)),
                    Ops.concat(0, ConformanceScene.inputs(lenses), Ops.slice(lenses, 1, 1, 3))).gaussians().xyz();
            assertArrayEquals(one.toDoubles(), Ops.slice(both, 0, 0, 1).toDoubles(), 1e-6);
            assertNotEquals(one.toDoubles()[0], Ops.slice(both, 0, 1, 2).toDoubles()[0]);
        }
    }

    @Test
    void hooksSeePartsAndLeaveTheResultAlone() {
        try (Scope scope = Scope.open("hooks"); GsLrm model = ConformanceScene.model(ConformanceScene.base(), DType.F64)) {
            double[] plain = reconstruct(model).gaussians().features().toDoubles();
            Map<String, double[]> seen = new HashMap<>();
            List<Hook.Handle> handles = model.hookPoints().stream().map(p -> model.hook(p, (path, in, out) -> {
                seen.put(path, out.toDoubles());
                return out;
            })).toList();
            assertArrayEquals(plain, reconstruct(model).gaussians().features().toDoubles(), 1e-12);
            assertEquals(model.hookPoints(), seen.keySet());
            double[] probabilities = seen.get("transformer_layers.0.attn.probabilities");
            assertEquals(2 * 10 * 10, probabilities.length);
            for (int row = 0; row < 20; row++) {
                assertEquals(1, Arrays.stream(probabilities, row * 10, row * 10 + 10).sum(), 1e-12);
            }
            handles.forEach(Hook.Handle::close);
            seen.clear();
            reconstruct(model);
            assertTrue(seen.isEmpty());
        }
    }

    @Test
    void replacedAttentionReachesTheResult() {
        try (Scope scope = Scope.open("patching"); GsLrm model = ConformanceScene.model(ConformanceScene.base(), DType.F64)) {
            double[] plain = reconstruct(model).imageTokens().toDoubles();
            try (Hook.Handle handle = model.hook("transformer_layers.1.attn.probabilities", (path, in, out) -> Ops.fill(out.spec(), 0.1))) {
                assertFalse(Arrays.equals(plain, reconstruct(model).imageTokens().toDoubles()));
            }
            assertArrayEquals(plain, reconstruct(model).imageTokens().toDoubles());
        }
    }

    @Test
    void startWeightsFollowTheRuleAndTheSeed() {
        GsLrmConfig config = GsLrmConfig.tiny().withMarker(true);
        try (GsLrm a = GsLrm.initialised(config, DType.F32, 7); GsLrm b = GsLrm.initialised(config, DType.F32, 7);
                GsLrm c = GsLrm.initialised(config, DType.F32, 8)) {
            a.stateDict().forEach((name, p) -> {
                double[] v = p.toDoubles();
                assertArrayEquals(v, b.stateDict().get(name).toDoubles(), name);
                if (p.rank() == 1) {
                    assertTrue(Arrays.stream(v).allMatch(x -> x == 1), name);
                } else {
                    assertFalse(Arrays.equals(v, c.stateDict().get(name).toDoubles()), name);
                    double mean = Arrays.stream(v).average().orElseThrow();
                    double deviation = Math.sqrt(Arrays.stream(v).map(x -> x * x).average().orElseThrow());
                    assertEquals(0, mean, 5 * 0.02 / Math.sqrt(v.length), name);
                    assertEquals(0.02, deviation, 5 * 0.02 / Math.sqrt(2.0 * v.length), name);
                }
            });
            assertFalse(Arrays.equals(a.stateDict().get("transformer_layers.0.attn.fc.weight").toDoubles(),
                    a.stateDict().get("transformer_layers.1.attn.fc.weight").toDoubles()), "every tensor has a stream of its own");
        }
    }

    @Test
    void loadingIgnoresLossNetworksAndRefusesOtherStrangers() {
        try (Scope scope = Scope.open("load"); GsLrm model = GsLrm.initialised(GsLrmConfig.tiny(), DType.F32, 3)) {
            Map<String, Tensor> state = new LinkedHashMap<>();
            model.stateDict().forEach((name, p) -> state.put("module." + name, p));
            state.put("module.loss_calculator.perceptual_loss_module.net.conv1.weight", Tensor.zeros(DType.F32, 2, 2));
            try (GsLrm copy = GsLrm.load(GsLrmConfig.tiny(), DType.F32, state, "a.pt")) {
                assertArrayEquals(model.stateDict().get("input_layer_norm.weight").toDoubles(), copy.stateDict().get("input_layer_norm.weight").toDoubles());
            }
            state.put("module.extra", Tensor.zeros(DType.F32, 1));
            String message = assertThrows(EngineException.class, () -> GsLrm.load(GsLrmConfig.tiny(), DType.F32, state, "a.pt")).getMessage();
            assertTrue(message.contains("a.pt") && message.contains("extra"), message);
        }
    }

    @Test
    void unsuitableImagesAreRefused() {
        try (Scope scope = Scope.open("refuse"); GsLrm model = GsLrm.initialised(GsLrmConfig.tiny(), DType.F32, 3)) {
            Tensor c2w = ConformanceScene.c2w(DType.F32);
            Tensor lenses = ConformanceScene.intrinsics(DType.F32);
            String message = assertThrows(ShapeException.class, () -> model.reconstruct(Tensor.zeros(DType.F32, 1, 3, 3, 16, 20), c2w, lenses)).getMessage();
            assertTrue(message.contains("patch size 8"), message);
            assertThrows(ShapeException.class, () -> model.reconstruct(Tensor.zeros(DType.F32, 1, 3, 2, 16, 16), c2w, lenses));
            assertThrows(ShapeException.class, () -> model.reconstruct(Tensor.zeros(DType.F32, 3, 3, 16, 16), c2w, lenses));
            assertThrows(ShapeException.class, () -> model.reconstruct(Tensor.zeros(DType.F32, 1, 2, 3, 16, 16), c2w, lenses));
        }
    }
}
