package org.mouselift.models.unet;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.mouselift.engine.DType;
import org.mouselift.engine.EngineException;
import org.mouselift.engine.Gradients;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Scope;
import org.mouselift.engine.ShapeException;
import org.mouselift.engine.Tape;
import org.mouselift.engine.Tensor;
import org.mouselift.models.nn.Parameters;

/** The camera embedding of mouse specification §9.3: silent at first, then heard. */
class CameraEmbeddingTest {
    private static final int VIEWS = 3;
    private static final long[] STEP = {400};

    private static UNetConfig config(String... encodings) {
        Map<String, Object> keys = new LinkedHashMap<>(Map.of("in_channels", 8, "block_out_channels", List.of(8, 16), "layers_per_block", 1, "norm_num_groups", 4,
                "cross_attention_dim", 6, "attention_head_dim", List.of(1, 2), "use_linear_projection", true, "num_views", VIEWS));
        keys.put("down_block_types", List.of("CrossAttnDownBlockMV2D", "DownBlock2D"));
        keys.put("up_block_types", List.of("UpBlock2D", "CrossAttnUpBlockMV2D"));
        keys.put("camera_embedding", List.of(encodings));
        return UNetConfig.of(keys, "test");
    }

    private static Tensor normal(DType type, long stream, long... dims) {
        Tensor t = Tensor.empty(type, dims);
        Parameters.normal(t, 1, 11, stream);
        return t;
    }

    private static Tensor run(UNetMV2DConditionModel model, DType type, Tensor cameras) {
        return model.predict(normal(type, 1, VIEWS, 8, 4, 4), STEP, model.conditioned(normal(type, 2, VIEWS, 2, 6), cameras), null);
    }

    private static double largest(Gradients g, Tensor parameter) {
        return Arrays.stream(g.of(parameter).toDoubles()).map(Math::abs).max().orElseThrow();
    }

    /** Lets the last layers speak. */
    private static void wake(UNetMV2DConditionModel model) {
        long stream = 50;
        for (Map.Entry<String, Tensor> e : model.stateDict().entrySet()) {
            if (e.getKey().startsWith("camera_embedding.") && e.getKey().contains("linear_3")) {
                Parameters.normal(e.getValue(), 0.5, 3, stream++);
            }
        }
    }

    /** F-061: with zero-initialised last layers the network is the base model, the same start values included. */
    @ParameterizedTest
    @ValueSource(strings = {"spherical", "extrinsic", "plucker", "spherical,extrinsic,plucker"})
    void startsAsTheNetworkWithout(String encodings) {
        UNetConfig c = config(encodings.split(","));
        for (DType type : List.of(DType.F32, DType.F64)) {
            try (Scope scope = Scope.open("test"); UNetMV2DConditionModel base = UNetMV2DConditionModel.initialised(config(), type, 5);
                    UNetMV2DConditionModel model = UNetMV2DConditionModel.initialised(c, type, 5)) {
                Tensor cameras = normal(type, 3, VIEWS, c.cameraNumbers());
                double[] expected = run(base, type, null).toDoubles();
                assertArrayEquals(expected, run(model, type, cameras).toDoubles(), 1e-6);
                wake(model);
                double[] heard = run(model, type, cameras).toDoubles();
                double change = 0;
                for (int i = 0; i < heard.length; i++) {
                    change = Math.max(change, Math.abs(heard[i] - expected[i]));
                }
                assertTrue(change > 1e-4, "cameras are not heard: " + change);
            }
        }
    }

    @Test
    void everyEncodingIsALoadOfItsOwnNames() {
        assertEquals(384 + 9 + 384, config("plucker", "extrinsic", "spherical").cameraNumbers());
        Map<String, org.mouselift.engine.Shape> shapes = UNetMV2DConditionModel.parameterShapes(config("plucker", "extrinsic"));
        assertEquals(org.mouselift.engine.Shape.of(6, 6), shapes.get("camera_embedding.plucker.linear_1.weight"));
        assertEquals(org.mouselift.engine.Shape.of(6, 9), shapes.get("camera_embedding.extrinsic.linear_1.weight"));
        assertEquals(org.mouselift.engine.Shape.of(6), shapes.get("camera_embedding.extrinsic.linear_3.bias"));
        assertEquals(12, shapes.keySet().stream().filter(name -> name.startsWith("camera_embedding.")).count());
        assertTrue(UNetMV2DConditionModel.parameterShapes(config()).keySet().stream().noneMatch(name -> name.contains("camera")));
        try (Scope scope = Scope.open("test"); UNetMV2DConditionModel base = UNetMV2DConditionModel.initialised(config(), DType.F32, 1);
                UNetMV2DConditionModel model = UNetMV2DConditionModel.initialised(config("extrinsic"), DType.F32, 1)) {
            wake(model);
            Tensor cameras = normal(DType.F32, 3, VIEWS, 9);
            try (UNetMV2DConditionModel again = UNetMV2DConditionModel.load(config("extrinsic"), DType.F32, model.stateDict(), "state");
                    UNetMV2DConditionModel mapped = UNetMV2DConditionModel.stored(config("extrinsic"), model.stateDict(), "state")) {
                assertArrayEquals(run(model, DType.F32, cameras).toFloats(), run(again, DType.F32, cameras).toFloats());
                assertArrayEquals(run(model, DType.F32, cameras).toFloats(), run(mapped, DType.F32, cameras).toFloats());
            }
            assertTrue(assertThrows(EngineException.class, () -> UNetMV2DConditionModel.load(config("extrinsic"), DType.F32, base.stateDict(), "state")).getMessage()
                    .contains("camera_embedding.extrinsic"), "strict");
            assertTrue(assertThrows(EngineException.class, () -> UNetMV2DConditionModel.load(config(), DType.F32, model.stateDict(), "state")).getMessage()
                    .contains("camera_embedding.extrinsic"), "strict");
            assertThrows(EngineException.class, () -> UNetMV2DConditionModel.adapt(config(), DType.F32, model.stateDict(), "state", true, false, 1));
            try (UNetMV2DConditionModel adapted = UNetMV2DConditionModel.adapt(config("extrinsic"), DType.F32, base.stateDict(), "state", true, false, 9)) {
                assertArrayEquals(run(base, DType.F32, null).toFloats(), run(adapted, DType.F32, cameras).toFloats(), 1e-6f);
            }
        }
    }

    /** At first only the last layers have a gradient; when these speak, all have, and it is that of finite differences. */
    @Test
    void gradientsReachAllLayers() {
        UNetConfig c = config("spherical", "extrinsic", "plucker");
        try (Scope scope = Scope.open("test"); UNetMV2DConditionModel model = UNetMV2DConditionModel.initialised(c, DType.F64, 5)) {
            Tensor cameras = normal(DType.F64, 3, VIEWS, c.cameraNumbers());
            Map<String, Tensor> state = model.stateDict();
            try (Tape tape = Tape.open()) {
                Gradients g = tape.backward(Ops.mean(Ops.square(run(model, DType.F64, cameras))));
                for (String e : List.of("spherical", "extrinsic", "plucker")) {
                    assertTrue(largest(g, state.get("camera_embedding." + e + ".linear_3.weight")) > 0, e);
                    assertEquals(0, largest(g, state.get("camera_embedding." + e + ".linear_1.weight")), e);
                }
            }
            wake(model);
            for (String e : List.of("spherical", "extrinsic", "plucker")) {
                Tensor first = state.get("camera_embedding." + e + ".linear_1.weight");
                double[] gradient;
                try (Tape tape = Tape.open()) {
                    gradient = tape.backward(Ops.mean(Ops.square(run(model, DType.F64, cameras)))).of(first).toDoubles();
                }
                double[] start = first.toDoubles();
                double h = 1e-6;
                double[] sides = new double[2];
                for (int side = 0; side < 2; side++) {
                    double[] moved = start.clone();
                    moved[2] += side == 0 ? h : -h;
                    Ops.assign(first, Tensor.of(moved, first.shape().dims()));
                    sides[side] = Ops.mean(Ops.square(run(model, DType.F64, cameras))).item();
                }
                Ops.assign(first, Tensor.of(start, first.shape().dims()));
                assertTrue(Math.abs(gradient[2]) > 1e-9, e);
                assertEquals((sides[0] - sides[1]) / (2 * h), gradient[2], 1e-6 * Math.abs(gradient[2]) + 1e-9, e);
            }
        }
    }

    @Test
    void whatDoesNotFitIsNamed() {
        assertTrue(assertThrows(EngineException.class, () -> config("euler")).getMessage().contains("camera_embedding is [euler]"));
        assertTrue(assertThrows(EngineException.class, () -> config("plucker", "plucker")).getMessage().contains("camera_embedding"));
        try (Scope scope = Scope.open("test"); UNetMV2DConditionModel base = UNetMV2DConditionModel.initialised(config(), DType.F32, 1);
                UNetMV2DConditionModel model = UNetMV2DConditionModel.initialised(config("extrinsic"), DType.F32, 1)) {
            Tensor prompts = normal(DType.F32, 2, VIEWS, 2, 6);
            assertTrue(assertThrows(ShapeException.class, () -> model.conditioned(prompts, null)).getMessage().contains("needs the cameras"));
            assertTrue(assertThrows(ShapeException.class, () -> base.conditioned(prompts, normal(DType.F32, 3, VIEWS, 9))).getMessage().contains("no camera_embedding"));
            assertTrue(assertThrows(ShapeException.class, () -> model.conditioned(prompts, normal(DType.F32, 3, VIEWS, 8))).getMessage().contains("expected [N,9]"));
            assertTrue(assertThrows(ShapeException.class, () -> model.conditioned(prompts, normal(DType.F32, 3, VIEWS + 1, 9))).getMessage().contains("prompt embeddings"));
            assertFalse(model.config().cameraEmbedding().isEmpty());
        }
    }
}
