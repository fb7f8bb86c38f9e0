package org.mouselift.pipeline.multiview;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.mouselift.data.safetensors.SafetensorsWriter;
import org.mouselift.engine.DType;
import org.mouselift.engine.Tensor;
import org.mouselift.models.clip.ClipConfig;
import org.mouselift.models.clip.ClipVisionModelWithProjection;
import org.mouselift.models.unet.UNetConfig;
import org.mouselift.models.unet.UNetMV2DConditionModel;
import org.mouselift.models.vae.AutoencoderConfig;
import org.mouselift.models.vae.AutoencoderKL;

/** A pipeline folder of untrained networks that draw three views of 32 pixels in milliseconds. */
public final class TinyPipeline {
    /** Width of the prompt embeddings. */
    public static final int WIDTH = 16;

    private static final ObjectMapper JSON = new ObjectMapper();

    private TinyPipeline() {}

    private static final String UNET = """
            {"sample_size": 8, "in_channels": 8, "out_channels": 4, "block_out_channels": [8, 16], "layers_per_block": 1, "norm_num_groups": 4,
             "down_block_types": ["CrossAttnDownBlockMV2D", "DownBlock2D"], "mid_block_type": "UNetMidBlockMV2DCrossAttn",
             "up_block_types": ["UpBlock2D", "CrossAttnUpBlockMV2D"], "attention_head_dim": [1, 2], "cross_attention_dim": 16,
             "use_linear_projection": true, "class_embed_type": "projection", "projection_class_embeddings_input_dim": 16,
             "num_views": %d, "sparse_mv_attention": true, "multiview_attention": true}
            """;
    private static final String VAE = """
            {"in_channels": 3, "out_channels": 3, "latent_channels": 4, "block_out_channels": [8, 8, 8], "layers_per_block": 1, "norm_num_groups": 4,
             "down_block_types": ["DownEncoderBlock2D", "DownEncoderBlock2D", "DownEncoderBlock2D"],
             "up_block_types": ["UpDecoderBlock2D", "UpDecoderBlock2D", "UpDecoderBlock2D"], "act_fn": "silu", "sample_size": 32}
            """;
    private static final String ENCODER = """
            {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "image_size": 28, "patch_size": 14,
             "num_channels": 3, "projection_dim": 8, "hidden_act": "gelu", "layer_norm_eps": 1e-5}
            """;

    /** Writes the folder with prompt embeddings for its views and returns it. */
    public static Path write(Path folder, int views) throws IOException {
        text(folder.resolve("model_index.json"), "{\"_class_name\": \"StableUnCLIPImg2ImgPipeline\"}");
        text(folder.resolve("scheduler/scheduler_config.json"), """
                {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012, "num_train_timesteps": 1000, "clip_sample": false,
                 "prediction_type": "v_prediction", "set_alpha_to_one": false, "steps_offset": 1, "timestep_spacing": "leading"}""");
        text(folder.resolve("image_noising_scheduler/scheduler_config.json"), """
                {"beta_schedule": "squaredcos_cap_v2", "num_train_timesteps": 1000, "clip_sample": true, "prediction_type": "epsilon"}""");
        text(folder.resolve("feature_extractor/preprocessor_config.json"), """
                {"crop_size": 28, "size": 28, "do_center_crop": true, "do_convert_rgb": true, "do_normalize": true, "do_rescale": true,
                 "do_resize": true, "resample": 3, "rescale_factor": 0.00392156862745098,
                 "image_mean": [0.48145466, 0.4578275, 0.40821073], "image_std": [0.26862954, 0.26130258, 0.27577711]}""");
        text(folder.resolve("image_normalizer/config.json"), "{\"embedding_dim\": 8}");
        String unet = UNET.formatted(views);
        text(folder.resolve("unet/config.json"), unet);
        text(folder.resolve("vae/config.json"), VAE);
        text(folder.resolve("image_encoder/config.json"), ENCODER);
        String standard = "diffusion_pytorch_model.safetensors";
        new SafetensorsWriter().add("mean", DType.F32, new long[] {1, 8}, floats(8, 0)).add("std", DType.F32, new long[] {1, 8}, floats(8, 1))
                .write(folder.resolve("image_normalizer").resolve(standard));
        try (UNetMV2DConditionModel model = UNetMV2DConditionModel.initialised(UNetConfig.of(map(unet), "unet"), DType.F32, 1)) {
            save(folder.resolve("unet").resolve(standard), model.stateDict());
        }
        try (AutoencoderKL model = AutoencoderKL.initialised(AutoencoderConfig.of(map(VAE), "vae"), DType.F32, 2)) {
            save(folder.resolve("vae").resolve(standard), model.stateDict());
        }
        try (ClipVisionModelWithProjection model = ClipVisionModelWithProjection.initialised(ClipConfig.vision(map(ENCODER), "encoder"), DType.F32, 3)) {
            save(folder.resolve("image_encoder/model.safetensors"), model.stateDict());
        }
        prompts(folder.resolve("clr_embeds.safetensors"), views, 4, WIDTH);
        return folder;
    }

    /** Writes prompt embeddings whose rows differ. */
    public static Path prompts(Path file, int views, int tokens, int width) throws IOException {
        float[] values = new float[views * tokens * width];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) Math.sin(i * 0.7) + i / (tokens * width);
        }
        return prompts(file, new long[] {views, tokens, width}, values);
    }

    /** Writes prompt embeddings. */
    public static Path prompts(Path file, long[] shape, float[] values) throws IOException {
        new SafetensorsWriter().add("clr", DType.F32, shape, bytes(values)).write(file);
        return file;
    }

    private static void save(Path file, Map<String, Tensor> state) throws IOException {
        SafetensorsWriter writer = new SafetensorsWriter();
        state.forEach((name, t) -> writer.add(name, DType.F32, t.shape().dims(), t.contiguousSegment()));
        writer.write(file);
    }

    private static java.lang.foreign.MemorySegment floats(int n, float value) {
        float[] values = new float[n];
        java.util.Arrays.fill(values, value);
        return bytes(values);
    }

    private static java.lang.foreign.MemorySegment bytes(float[] values) {
        ByteBuffer bytes = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
        bytes.asFloatBuffer().put(values);
        return java.lang.foreign.MemorySegment.ofArray(bytes.array());
    }

    @SuppressWarnings("unchecked")
    private static Map<String, Object> map(String json) throws IOException {
        return JSON.readValue(json, Map.class);
    }

    private static void text(Path file, String content) throws IOException {
        Files.createDirectories(file.getParent());
        Files.writeString(file, content);
    }
}
