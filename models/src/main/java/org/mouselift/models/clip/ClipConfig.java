package org.mouselift.models.clip;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import org.mouselift.engine.EngineException;
import org.mouselift.engine.Shape;
import org.mouselift.engine.Tensor;
import org.mouselift.models.nn.ConfigKeys;

/**
 * Architecture of a CLIP tower, by the keys of its {@code config.json} (multi-view diffusion specification §2.2, §2.5).
 *
 * @param hiddenSize width of the tokens
 * @param intermediateSize width inside the feed-forward part
 * @param layers number of layers
 * @param heads attention heads
 * @param eps of every layer norm
 * @param projectionDim width of the image embedding (vision tower)
 * @param imageSize side of the square input, a multiple of the patch (vision tower; 0 in the text tower)
 * @param patchSize side of a patch (vision tower)
 * @param channels of the input (vision tower)
 * @param vocabulary number of tokens (text tower; 0 in the vision tower)
 * @param positions longest text (text tower)
 */
public record ClipConfig(int hiddenSize, int intermediateSize, int layers, int heads, double eps, int projectionDim, int imageSize, int patchSize,
        int channels, int vocabulary, int positions) {
    private static final Set<String> IGNORED = Set.of("architectures", "torch_dtype", "dtype", "transformers_version", "model_type", "initializer_factor",
            "initializer_range", "bos_token_id", "eos_token_id", "pad_token_id", "dropout", "attention_dropout");

    public ClipConfig {
        if (hiddenSize < 1 || intermediateSize < 1 || layers < 0 || heads < 1 || hiddenSize % heads != 0 || !(eps > 0)) {
            throw new EngineException("CLIP: hidden_size " + hiddenSize + ", intermediate_size " + intermediateSize + ", num_hidden_layers " + layers
                    + ", num_attention_heads " + heads + ", layer_norm_eps " + eps + ": expected positive numbers, and heads that divide the width");
        }
        boolean vision = imageSize > 0;
        if (vision && (patchSize < 1 || imageSize % patchSize != 0 || projectionDim < 1 || channels < 1)) {
            throw new EngineException("CLIP: image_size " + imageSize + " must be a multiple of patch_size " + patchSize + ", projection_dim " + projectionDim
                    + " and num_channels " + channels + " positive");
        }
        if (!vision && (vocabulary < 1 || positions < 1)) {
            throw new EngineException("CLIP: vocab_size " + vocabulary + " and max_position_embeddings " + positions + " must be positive");
        }
    }

    /** The same tower with another number of layers. */
    ClipConfig withLayers(int number) {
        return new ClipConfig(hiddenSize, intermediateSize, number, heads, eps, projectionDim, imageSize, patchSize, channels, vocabulary, positions);
    }

    /**
     * Names and shapes of a tower from those of one with a single layer.
     *
     * @param prefix of the layers, before their number
     */
    Map<String, Shape> repeated(Map<String, Tensor> single, String prefix) {
        Map<String, Shape> all = new LinkedHashMap<>();
        Map<String, Shape> layer = new LinkedHashMap<>();
        single.forEach((name, t) -> {
            if (name.startsWith(prefix + "0.")) {
                layer.put(name.substring(prefix.length() + 2), t.shape());
            }
        });
        boolean written = false;
        for (Map.Entry<String, Tensor> e : single.entrySet()) {
            if (!e.getKey().startsWith(prefix + "0.")) {
                all.put(e.getKey(), e.getValue().shape());
            } else if (!written) {
                written = true;
                for (int i = 0; i < layers; i++) {
                    int number = i;
                    layer.forEach((name, shape) -> all.put(prefix + number + "." + name, shape));
                }
            }
        }
        return all;
    }

    /** Reads the configuration of a {@code CLIPVisionModelWithProjection}. */
    public static ClipConfig vision(Map<String, ?> json, String source) {
        ConfigKeys keys = new ConfigKeys(json, source, IGNORED);
        ClipConfig config = new ClipConfig(keys.integer("hidden_size", 768), keys.integer("intermediate_size", 3072), keys.integer("num_hidden_layers", 12),
                keys.integer("num_attention_heads", 12), keys.number("layer_norm_eps", 1e-5), keys.integer("projection_dim", 512),
                keys.integer("image_size", 224), keys.integer("patch_size", 32), keys.integer("num_channels", 3), 0, 0);
        activation(keys);
        keys.finish();
        return config;
    }

    /** Reads the configuration of a {@code CLIPTextModel}. */
    public static ClipConfig text(Map<String, ?> json, String source) {
        ConfigKeys keys = new ConfigKeys(json, source, IGNORED);
        ClipConfig config = new ClipConfig(keys.integer("hidden_size", 512), keys.integer("intermediate_size", 2048), keys.integer("num_hidden_layers", 12),
                keys.integer("num_attention_heads", 8), keys.number("layer_norm_eps", 1e-5), keys.integer("projection_dim", 512), 0, 0, 0,
                keys.integer("vocab_size", 49408), keys.integer("max_position_embeddings", 77));
        activation(keys);
        keys.finish();
        return config;
    }

    /** The towers of this family use the exact GELU; a missing key would mean the approximation of other CLIP models. */
    private static void activation(ConfigKeys keys) {
        String act = keys.text("hidden_act", "quick_gelu");
        if (!act.equals("gelu")) {
            throw keys.refuse("hidden_act", act, "gelu (this is a CLIP of another family)");
        }
    }
}
