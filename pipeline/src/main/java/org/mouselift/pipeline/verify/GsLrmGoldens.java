package org.mouselift.pipeline.verify;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.mouselift.data.golden.GoldenCase;
import org.mouselift.data.safetensors.SafetensorsEntry;
import org.mouselift.data.safetensors.SafetensorsFile;
import org.mouselift.engine.DType;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tensor;
import org.mouselift.models.gslrm.GsLrm;
import org.mouselift.models.gslrm.GsLrmConfig;
import org.mouselift.models.gslrm.RayEncoding;
import org.mouselift.models.losses.LossConfig;
import org.mouselift.models.losses.LossWeights;

/** Configurations, weights and tensors of the GS-LRM golden cases. */
final class GsLrmGoldens {
    private GsLrmGoldens() {}

    /** The network's part of a configuration with the keys of the YAML files. */
    static GsLrmConfig network(JsonNode config) {
        JsonNode model = config.path("model");
        JsonNode transformer = model.path("transformer");
        JsonNode gaussians = model.path("gaussians");
        RayEncoding rays = RayEncoding.of(model.path("use_custom_plucker").asBoolean(false), model.path("use_aug_plucker").asBoolean(false));
        GsLrmConfig.Depth depth = new GsLrmConfig.Depth(model.path("depth_preact_bias").asDouble(0), model.path("depth_min").asDouble(-1),
                model.path("depth_max").asDouble(-1), model.path("depth_reference_origin").asBoolean(false));
        // The original clamps when clip_xyz is on and the "inference" entry counts as false; a mapping counts as true.
        JsonNode inference = config.path("inference");
        boolean truthy = inference.isObject() ? !inference.isEmpty() : inference.asBoolean(false);
        return new GsLrmConfig(rays, model.path("image_tokenizer").path("patch_size").asInt(), transformer.path("d").asInt(),
                transformer.path("d_head").asInt(), transformer.path("n_layer").asInt(), gaussians.path("n_gaussians").asInt(),
                gaussians.path("sh_degree").asInt(), gaussians.path("scaling_modifier").asDouble(1), model.path("add_refsrc_marker").asBoolean(false),
                model.path("hard_pixelalign").asBoolean(true), depth, model.path("clip_xyz").asBoolean(false) && !truthy, 1);
    }

    /** The loss part of a configuration, with the mouse fork's clamp of the mean SSIM. */
    static LossConfig losses(JsonNode losses) {
        LossWeights weights = new LossWeights(losses.path("l2_loss_weight").asDouble(0), losses.path("lpips_loss_weight").asDouble(0),
                losses.path("perceptual_loss_weight").asDouble(0), losses.path("ssim_loss_weight").asDouble(0),
                losses.path("pixelalign_loss_weight").asDouble(0), losses.path("pointsdist_loss_weight").asDouble(0),
                losses.path("background_loss_weight").asDouble(0));
        List<Double> background = new ArrayList<>();
        losses.path("background_color_target").forEach(v -> background.add(v.asDouble()));
        return new LossConfig(weights, losses.path("masked_l2_loss").asBoolean(false), losses.path("masked_ssim_loss").asBoolean(false),
                losses.path("masked_pixelalign_loss").asBoolean(true), losses.path("clamp_rendering").asBoolean(true), true,
                background.isEmpty() ? List.of(1.0, 1.0, 1.0) : background, losses.path("mask_iou_threshold").asDouble(0.1),
                losses.path("warmup_pointsdist").asBoolean(false), 1000, 0);
    }

    /** A stored tensor as f32 in the current scope. */
    static Tensor tensor(GoldenCase c, String name) throws IOException {
        return Tensor.of(c.floats(name), c.shape(name));
    }

    /** The model with the weights of the case's checkpoint. */
    static GsLrm model(GoldenCase c, GsLrmConfig config, DType dtype) throws IOException {
        String file = c.entry().path("checkpoint").asText();
        try (SafetensorsFile weights = SafetensorsFile.open(c.folder().resolve(file)); Scope scope = Scope.open(file)) {
            Map<String, Tensor> state = new LinkedHashMap<>();
            for (SafetensorsEntry e : weights.entries().values()) {
                state.put(e.name(), Tensor.of(e.floats(), e.shape()));
            }
            return GsLrm.load(config, dtype, state, file);
        }
    }

    /** True if a loss configuration needs a VGG network. */
    static boolean needsVgg(JsonNode losses) {
        return losses.path("lpips_loss_weight").asDouble(0) > 0 || losses.path("perceptual_loss_weight").asDouble(0) > 0;
    }
}
