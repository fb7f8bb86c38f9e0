package org.mouselift.models.unet;

import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.mouselift.engine.DType;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Shape;
import org.mouselift.engine.Tensor;

/** Weights and inputs made from names, and the tiny UNet (multi-view diffusion specification §6.1, §6.3). Tensors belong to the current scope. */
public final class SpecificationNumbers {
    private SpecificationNumbers() {}

    static long seed(String name) {
        long hash = 0xcbf29ce484222325L;
        for (byte b : name.getBytes(StandardCharsets.UTF_8)) {
            hash = (hash ^ (b & 0xFF)) * 0x100000001b3L;
        }
        return hash;
    }

    /** Numbers in ±1. */
    static double[] uniform(String name, int n) {
        long seed = seed(name);
        double[] out = new double[n];
        for (int i = 0; i < n; i++) {
            long z = seed + (i + 1) * 0x9E3779B97F4A7C15L;
            z = (z ^ z >>> 30) * 0xBF58476D1CE4E5B9L;
            z = (z ^ z >>> 27) * 0x94D049BB133111EBL;
            z ^= z >>> 31;
            out[i] = 2 * ((z >>> 11) * 0x1p-53) - 1;
        }
        return out;
    }

    private static Tensor scaled(String name, double factor, double shift, DType type, Shape shape) {
        double[] values = uniform(name, (int) shape.numel());
        for (int i = 0; i < values.length; i++) {
            values[i] = shift + factor * values[i];
        }
        return Ops.cast(Tensor.of(values, shape.dims()), type);
    }

    /** An input tensor; factor sqrt(3) but for images. */
    static Tensor input(String name, DType type, long... dims) {
        return scaled(name, Math.sqrt(3), 0, type, Shape.of(dims));
    }

    /** Weights by the rule of §6.3 for the parameters of a model. */
    static Map<String, Tensor> weights(Map<String, Shape> shapes, DType type) {
        Map<String, Tensor> out = new LinkedHashMap<>();
        shapes.forEach((name, shape) -> out.put(name, shape.rank() >= 2 ? scaled(name, Math.sqrt(3.0 * shape.dim(0) / shape.numel()), 0, type, shape)
                : name.endsWith(".bias") ? scaled(name, 0.05, 0, type, shape)
                        : name.endsWith(".weight") ? scaled(name, 0.1, 1, type, shape) : scaled(name, 0.5, 0, type, shape)));
        return out;
    }

    /** §6.1. */
    static UNetConfig tiny() {
        Map<String, Object> keys = new LinkedHashMap<>(Map.of("sample_size", 8, "in_channels", 8, "out_channels", 4, "block_out_channels",
                List.of(16, 32, 64, 64), "layers_per_block", 2, "norm_num_groups", 8, "cross_attention_dim", 32, "attention_head_dim", List.of(1, 2, 4, 4),
                "use_linear_projection", true, "class_embed_type", "projection"));
        keys.putAll(Map.of("projection_class_embeddings_input_dim", 32, "num_views", 6, "multiview_attention", true, "sparse_mv_attention", true));
        return UNetConfig.of(keys, "tiny");
    }

    static UNetMV2DConditionModel model(UNetConfig config, DType type) {
        try (Scope scope = Scope.open("specification weights")) {
            return UNetMV2DConditionModel.load(config, type, weights(UNetMV2DConditionModel.parameterShapes(config), DType.F64), "specification weights");
        }
    }

    static Tensor sample(DType type, int n, int side) {
        return input("in.sample", type, n, 8, side, side);
    }

    static Tensor prompts(DType type, int n) {
        return input("in.prompt", type, n, 7, 32);
    }

    static Tensor classes(DType type, int n) {
        return input("in.class", type, n, 32);
    }
}
