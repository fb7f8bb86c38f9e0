package org.mouselift.pipeline.multiview;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.mouselift.data.AtomicFile;
import org.mouselift.data.safetensors.SafetensorsWriter;
import org.mouselift.data.safetensors.StoredType;
import org.mouselift.engine.Shape;
import org.mouselift.models.clip.ClipConfig;
import org.mouselift.models.clip.ClipTextModel;
import org.mouselift.models.clip.ClipVisionModelWithProjection;
import org.mouselift.models.nn.Parameters;
import org.mouselift.models.unet.UNetConfig;
import org.mouselift.models.unet.UNetMV2DConditionModel;
import org.mouselift.models.vae.AutoencoderConfig;
import org.mouselift.models.vae.AutoencoderKL;
import org.mouselift.pipeline.checkpoint.StartValues;

/**
 * A multi-view pipeline with random start weights in the layout of the original (multi-view diffusion specification §5.3): the UNet in
 * float32, the frozen components in float16 as the original exports them, and prompt embeddings beside them. The tokenizer's
 * vocabulary is not random and not ours; sampling does not need it. The weights are those of the networks'
 * {@code initialised} for the same seed, made while they are written, one tensor at a time.
 */
public final class StartPipeline {
    /** How large the networks are. */
    public enum Size {
        /** The released family (§1.1, §2.2 to §2.5): views of 512 pixels. */
        FULL(new Widths(64, "[320, 640, 1280, 1280]", 2, 32, 1024, "[5, 10, 20, 20]"), new Vae("[128, 256, 512, 512]", 2, 32, 512),
                new Tower(1280, 5120, 32, 16), 224, 14, 1024, new Tower(1024, 4096, 23, 16), 49408, 77),
        /** Views of 128 pixels (§6.2, first row): 8.6 million parameters in the UNet. */
        SMALL(new Widths(16, "[32, 64, 128, 128]", 2, 32, 64, "[1, 2, 4, 4]"), new Vae("[32, 64, 128, 128]", 1, 32, 128),
                new Tower(192, 768, 6, 3), 64, 8, 64, new Tower(64, 256, 2, 2), 512, 77),
        /** Views of 64 pixels (§6.1): runs in seconds. */
        TINY(new Widths(8, "[16, 32, 64, 64]", 2, 8, 32, "[1, 2, 4, 4]"), new Vae("[16, 32, 32, 32]", 1, 8, 64),
                new Tower(32, 64, 2, 4), 28, 14, 16, new Tower(32, 64, 2, 4), 64, 77);

        private final Widths unet;
        private final Vae vae;
        private final Tower vision;
        private final int picture;
        private final int patch;
        private final int projection;
        private final Tower text;
        private final int vocabulary;
        private final int tokens;

        Size(Widths unet, Vae vae, Tower vision, int picture, int patch, int projection, Tower text, int vocabulary, int tokens) {
            this.unet = unet;
            this.vae = vae;
            this.vision = vision;
            this.picture = picture;
            this.patch = patch;
            this.projection = projection;
            this.text = text;
            this.vocabulary = vocabulary;
            this.tokens = tokens;
        }
    }

    private record Widths(int sampleSize, String channels, int layers, int groups, int cross, String heads) {}

    private record Vae(String channels, int layers, int groups, int sampleSize) {}

    private record Tower(int hidden, int intermediate, int layers, int heads) {}

    private static final int VIEWS = 6;
    private static final String DIFFUSERS = "diffusion_pytorch_model.safetensors";
    private static final String TRANSFORMERS = "model.safetensors";
    private static final ObjectMapper JSON = new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);

    private StartPipeline() {}

    /** Names and shapes of a component's tensors: unet, vae, image_encoder or text_encoder. */
    public static Map<String, Shape> shapes(String component, Size size) throws IOException {
        return switch (component) {
            case "unet" -> UNetMV2DConditionModel.parameterShapes(UNetConfig.of(object(unet(size)), "unet"));
            case "vae" -> AutoencoderKL.parameterShapes(AutoencoderConfig.of(object(vae(size)), "vae"));
            case "image_encoder" -> ClipVisionModelWithProjection.parameterShapes(ClipConfig.vision(object(vision(size)), "image_encoder"));
            case "text_encoder" -> ClipTextModel.parameterShapes(ClipConfig.text(object(text(size)), "text_encoder"));
            default -> throw new IllegalArgumentException("no component '" + component + "' with weights");
        };
    }

    /** Parameters of a component. */
    public static long parameters(String component, Size size) throws IOException {
        return shapes(component, size).values().stream().mapToLong(Shape::numel).sum();
    }

    /** Writes the UNet alone: config.json and weights, into an existing folder. */
    public static void writeUNet(Path folder, Size size, long seed) throws IOException {
        Map<String, Shape> shapes = shapes("unet", size);
        weights(folder.resolve(DIFFUSERS), StartValues.of(shapes, StoredType.F32, (name, tensor, stream) -> Parameters.initialise(name, tensor, shapes, seed, stream)));
        json(folder.resolve("config.json"), unet(size));
    }

    /** Writes all components into an existing folder; {@code model_index.json} comes last. */
    public static void write(Path folder, Size size, long seed) throws IOException {
        writeUNet(place(folder, "unet"), size, seed);
        Map<String, Shape> vae = shapes("vae", size);
        Path at = place(folder, "vae");
        weights(at.resolve(DIFFUSERS), StartValues.of(vae, StoredType.F16, (name, tensor, stream) -> Parameters.initialise(name, tensor, vae, seed + 1, stream)));
        json(at.resolve("config.json"), vae(size));
        Map<String, Shape> vision = shapes("image_encoder", size);
        at = place(folder, "image_encoder");
        weights(at.resolve(TRANSFORMERS), StartValues.of(vision, StoredType.F16,
                (name, tensor, stream) -> ClipVisionModelWithProjection.initialise(name, tensor, vision, seed + 2, stream)));
        json(at.resolve("config.json"), vision(size));
        Map<String, Shape> text = shapes("text_encoder", size);
        at = place(folder, "text_encoder");
        weights(at.resolve(TRANSFORMERS), StartValues.of(text, StoredType.F16, (name, tensor, stream) -> ClipTextModel.initialise(name, tensor, text, seed + 3, stream)));
        json(at.resolve("config.json"), text(size));
        at = place(folder, "image_normalizer");
        Map<String, Shape> statistics = new LinkedHashMap<>();
        statistics.put("mean", Shape.of(1, size.projection));
        statistics.put("std", Shape.of(1, size.projection));
        weights(at.resolve(DIFFUSERS), StartValues.of(statistics, StoredType.F16, (name, tensor, stream) -> Parameters.constant(tensor, name.equals("std") ? 1 : 0)));
        json(at.resolve("config.json"), "{\"_class_name\": \"StableUnCLIPImageNormalizer\", \"embedding_dim\": " + size.projection + "}");
        at = place(folder, PROMPTS);
        weights(at.resolve("clr_embeds.safetensors"), StartValues.of(Map.of("clr", Shape.of(VIEWS, size.tokens, size.unet.cross)), StoredType.F32,
                (name, tensor, stream) -> Parameters.normal(tensor, 1, seed + 4, stream)));
        json(place(folder, "scheduler").resolve("scheduler_config.json"), SCHEDULER);
        json(place(folder, "image_noising_scheduler").resolve("scheduler_config.json"), NOISING);
        json(place(folder, "feature_extractor").resolve("preprocessor_config.json"), PROCESSOR.formatted(size.picture, size.picture, size.picture));
        json(folder.resolve("model_index.json"), INDEX);
    }

    private static Path place(Path folder, String component) throws IOException {
        return Files.createDirectories(folder.resolve(component));
    }

    private static void weights(Path file, List<StartValues> values) throws IOException {
        SafetensorsWriter writer = new SafetensorsWriter().metadata("format", "pt");
        values.forEach(v -> writer.add(v.name(), v.type(), v.shape().dims(), v::copy));
        writer.write(file);
    }

    private static void json(Path file, String content) throws IOException {
        ByteBuffer bytes = ByteBuffer.wrap((JSON.writeValueAsString(JSON.readTree(content)) + "\n").getBytes(StandardCharsets.UTF_8));
        AtomicFile.write(file, channel -> {
            while (bytes.hasRemaining()) {
                channel.write(bytes);
            }
        });
    }

    private static Map<String, Object> object(String json) throws JsonProcessingException {
        return JSON.readValue(json, new TypeReference<LinkedHashMap<String, Object>>() {});
    }

    private static final String PROMPTS = "prompt_embeds";

    private static String unet(Size size) {
        Widths w = size.unet;
        return """
                {"_class_name": "UNetMV2DConditionModel", "act_fn": "silu", "addition_channels": [1280, 1280, 1280], "addition_downsample": false,
                 "addition_embed_type": null, "addition_embed_type_num_heads": 64, "attention_head_dim": %s, "block_out_channels": %s,
                 "cd_attention_last": false, "cd_attention_mid": false, "center_input_sample": false, "class_embed_type": "projection",
                 "class_embeddings_concat": false, "conv_in_kernel": 3, "conv_out_kernel": 3, "cross_attention_dim": %d, "cross_attention_norm": null,
                 "down_block_types": ["CrossAttnDownBlockMV2D", "CrossAttnDownBlockMV2D", "CrossAttnDownBlockMV2D", "DownBlock2D"],
                 "downsample_padding": 1, "dual_cross_attention": false, "encoder_hid_dim": null, "encoder_hid_dim_type": null, "flip_sin_to_cos": true,
                 "freq_shift": 0, "in_channels": 8, "layers_per_block": %d, "mid_block_only_cross_attention": null, "mid_block_scale_factor": 1,
                 "mid_block_type": "UNetMidBlockMV2DCrossAttn", "multiview_attention": true, "norm_eps": 1e-05, "norm_num_groups": %d,
                 "num_attention_heads": null, "num_class_embeds": null, "num_views": %d, "only_cross_attention": false, "out_channels": 4,
                 "projection_class_embeddings_input_dim": %d, "resnet_out_scale_factor": 1.0, "resnet_skip_time_act": false,
                 "resnet_time_scale_shift": "default", "sample_size": %d, "selfattn_block": "custom", "sparse_mv_attention": true,
                 "time_cond_proj_dim": null, "time_embedding_act_fn": null, "time_embedding_dim": null, "time_embedding_type": "positional",
                 "timestep_post_act": null, "transformer_layers_per_block": 1,
                 "up_block_types": ["UpBlock2D", "CrossAttnUpBlockMV2D", "CrossAttnUpBlockMV2D", "CrossAttnUpBlockMV2D"],
                 "upcast_attention": false, "use_linear_projection": true}
                """.formatted(w.heads, w.channels, w.cross, w.layers, w.groups, VIEWS, 2 * size.projection, w.sampleSize);
    }

    private static String vae(Size size) {
        Vae v = size.vae;
        return """
                {"_class_name": "AutoencoderKL", "act_fn": "silu", "block_out_channels": %s,
                 "down_block_types": ["DownEncoderBlock2D", "DownEncoderBlock2D", "DownEncoderBlock2D", "DownEncoderBlock2D"], "in_channels": 3,
                 "latent_channels": 4, "layers_per_block": %d, "norm_num_groups": %d, "out_channels": 3, "sample_size": %d, "scaling_factor": 0.18215,
                 "up_block_types": ["UpDecoderBlock2D", "UpDecoderBlock2D", "UpDecoderBlock2D", "UpDecoderBlock2D"]}
                """.formatted(v.channels, v.layers, v.groups, v.sampleSize);
    }

    private static String vision(Size size) {
        Tower t = size.vision;
        return """
                {"architectures": ["CLIPVisionModelWithProjection"], "attention_dropout": 0.0, "dropout": 0.0, "hidden_act": "gelu", "hidden_size": %d,
                 "image_size": %d, "intermediate_size": %d, "layer_norm_eps": 1e-05, "model_type": "clip_vision_model", "num_attention_heads": %d,
                 "num_channels": 3, "num_hidden_layers": %d, "patch_size": %d, "projection_dim": %d, "torch_dtype": "float16"}
                """.formatted(t.hidden, size.picture, t.intermediate, t.heads, t.layers, size.patch, size.projection);
    }

    private static String text(Size size) {
        Tower t = size.text;
        return """
                {"architectures": ["CLIPTextModel"], "attention_dropout": 0.0, "bos_token_id": 0, "dropout": 0.0, "eos_token_id": 2, "hidden_act": "gelu",
                 "hidden_size": %d, "intermediate_size": %d, "layer_norm_eps": 1e-05, "max_position_embeddings": %d, "model_type": "clip_text_model",
                 "num_attention_heads": %d, "num_hidden_layers": %d, "pad_token_id": 1, "projection_dim": 512, "torch_dtype": "float16", "vocab_size": %d}
                """.formatted(t.hidden, t.intermediate, size.tokens, t.heads, t.layers, size.vocabulary);
    }

    private static final String SCHEDULER = """
            {"_class_name": "DDIMScheduler", "beta_end": 0.012, "beta_schedule": "scaled_linear", "beta_start": 0.00085, "clip_sample": false,
             "num_train_timesteps": 1000, "prediction_type": "v_prediction", "set_alpha_to_one": false, "steps_offset": 1, "timestep_spacing": "leading",
             "trained_betas": null}""";
    private static final String NOISING = """
            {"_class_name": "DDPMScheduler", "beta_end": 0.02, "beta_schedule": "squaredcos_cap_v2", "beta_start": 0.0001, "clip_sample": true,
             "num_train_timesteps": 1000, "prediction_type": "epsilon", "variance_type": "fixed_small"}""";
    private static final String PROCESSOR = """
            {"crop_size": {"height": %d, "width": %d}, "do_center_crop": true, "do_convert_rgb": true, "do_normalize": true, "do_rescale": true,
             "do_resize": true, "image_mean": [0.48145466, 0.4578275, 0.40821073], "image_processor_type": "CLIPImageProcessor",
             "image_std": [0.26862954, 0.26130258, 0.27577711], "resample": 3, "rescale_factor": 0.00392156862745098, "size": {"shortest_edge": %d}}""";
    private static final String INDEX = """
            {"_class_name": "StableUnCLIPImg2ImgPipeline", "feature_extractor": ["transformers", "CLIPImageProcessor"],
             "image_encoder": ["transformers", "CLIPVisionModelWithProjection"], "image_noising_scheduler": ["diffusers", "DDPMScheduler"],
             "image_normalizer": ["stable_diffusion", "StableUnCLIPImageNormalizer"], "scheduler": ["diffusers", "DDIMScheduler"],
             "text_encoder": ["transformers", "CLIPTextModel"], "unet": ["mvdiffusion.models.unet_mv2d_condition", "UNetMV2DConditionModel"],
             "vae": ["diffusers", "AutoencoderKL"]}""";
}
