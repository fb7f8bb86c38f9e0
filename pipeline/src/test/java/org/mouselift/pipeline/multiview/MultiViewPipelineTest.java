package org.mouselift.pipeline.multiview;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.mouselift.data.image.Image8;
import org.mouselift.engine.DType;
import org.mouselift.engine.EngineException;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tensor;
import org.mouselift.models.clip.ClipConfig;
import org.mouselift.models.clip.ClipVisionModelWithProjection;
import org.mouselift.models.diffusion.DiffusionSampler;
import org.mouselift.models.unet.UNetConfig;
import org.mouselift.models.unet.UNetMV2DConditionModel;
import org.mouselift.models.vae.AutoencoderConfig;
import org.mouselift.models.vae.AutoencoderKL;
import org.mouselift.pipeline.checkpoint.UNetFolder;

/** A tiny pipeline folder made here: what is missing or does not fit is named; one seed gives one result. */
class MultiViewPipelineTest {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final SamplingOptions OPTIONS = new SamplingOptions(2, 3, 1, 0, DiffusionSampler.Kind.DDIM);

    @TempDir
    private Path folder;

    private void component(String name, String file, Map<String, ?> config, Map<String, Tensor> state) throws IOException {
        ComponentFolder.write(folder.resolve(name), file, JSON.valueToTree(config), state, DType.F32);
    }

    private void text(String name, String content) throws IOException {
        Path file = folder.resolve(name);
        Files.createDirectories(file.getParent());
        Files.writeString(file, content);
    }

    @BeforeEach
    void make() throws IOException {
        Map<String, Object> unet = Map.ofEntries(Map.entry("in_channels", 8), Map.entry("out_channels", 4), Map.entry("sample_size", 4),
                Map.entry("block_out_channels", List.of(8, 8)), Map.entry("layers_per_block", 1), Map.entry("norm_num_groups", 4),
                Map.entry("down_block_types", List.of("CrossAttnDownBlockMV2D", "DownBlock2D")),
                Map.entry("up_block_types", List.of("UpBlock2D", "CrossAttnUpBlockMV2D")), Map.entry("attention_head_dim", List.of(1, 2)),
                Map.entry("cross_attention_dim", 6), Map.entry("class_embed_type", "projection"), Map.entry("projection_class_embeddings_input_dim", 8),
                Map.entry("num_views", 3), Map.entry("sparse_mv_attention", true), Map.entry("use_linear_projection", true));
        Map<String, Object> vae = Map.of("block_out_channels", List.of(8, 8), "layers_per_block", 1, "norm_num_groups", 4, "latent_channels", 4,
                "down_block_types", List.of("DownEncoderBlock2D", "DownEncoderBlock2D"), "up_block_types", List.of("UpDecoderBlock2D", "UpDecoderBlock2D"));
        Map<String, Object> clip = Map.of("hidden_size", 8, "intermediate_size", 16, "num_hidden_layers", 1, "num_attention_heads", 2, "projection_dim", 4,
                "image_size", 8, "patch_size", 4, "hidden_act", "gelu");
        try (UNetMV2DConditionModel u = UNetMV2DConditionModel.initialised(UNetConfig.of(unet, "u"), DType.F32, 1);
                AutoencoderKL v = AutoencoderKL.initialised(AutoencoderConfig.of(vae, "v"), DType.F32, 2);
                ClipVisionModelWithProjection c = ClipVisionModelWithProjection.initialised(ClipConfig.vision(clip, "c"), DType.F32, 3);
                Scope scope = Scope.open("normalizer")) {
            component("unet", "diffusion_pytorch_model.safetensors", unet, u.stateDict());
            component("vae", "diffusion_pytorch_model.safetensors", vae, v.stateDict());
            component("image_encoder", "model.safetensors", clip, c.stateDict());
            component("image_normalizer", "diffusion_pytorch_model.safetensors", Map.of("embedding_dim", 4),
                    Map.of("mean", Tensor.of(new float[4], 1, 4), "std", Tensor.of(new float[] {1, 1, 1, 1}, 1, 4)));
        }
        text("model_index.json", "{}");
        text("scheduler/scheduler_config.json", "{\"beta_schedule\": \"scaled_linear\", \"prediction_type\": \"v_prediction\", \"clip_sample\": false, \"steps_offset\": 1}");
        text("image_noising_scheduler/scheduler_config.json", "{\"beta_schedule\": \"squaredcos_cap_v2\", \"clip_sample\": true}");
        text("feature_extractor/preprocessor_config.json", """
                {"crop_size": 8, "do_center_crop": true, "do_convert_rgb": true, "do_normalize": true, "do_rescale": true, "do_resize": true,
                 "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5], "resample": 3, "size": 8}
                """);
    }

    private static Image8 picture(int size) {
        byte[] data = new byte[size * size * 3];
        for (int i = 0; i < data.length; i++) {
            data[i] = (byte) (i * 7);
        }
        return new Image8(size, size, 3, data);
    }

    private static float[] sample(MultiViewPipeline p, long seed, int objects) {
        try (Scope scope = Scope.open("test")) {
            Tensor prompts = Tensor.of(new float[3 * 2 * 6], 3, 2, 6);
            Tensor images = p.generate(java.util.Collections.nCopies(objects, picture(8)), prompts, OPTIONS, NoiseSource.seeded(seed), MultiViewPipeline.Listener.NONE);
            assertArrayEquals(new long[] {3L * objects, 3, 8, 8}, images.shape().dims());
            return images.toFloats();
        }
    }

    @Test
    void oneSeedOneResultAndObjectsDoNotMix() throws IOException {
        try (MultiViewPipeline p = MultiViewPipeline.load(PipelineFolder.open(folder))) {
            assertEquals(8, p.pictureSize());
            float[] a = sample(p, 5, 1);
            assertArrayEquals(a, sample(p, 5, 1));
            assertTrue(java.util.stream.IntStream.range(0, a.length).anyMatch(i -> a[i] != sample(p, 6, 1)[i]), "another seed, another result");
            for (float v : a) {
                assertTrue(v >= 0 && v <= 1);
            }
            assertEquals(2 * a.length, sample(p, 5, 2).length);
        }
    }

    @Test
    void inputsThatDoNotFitAreNamed() throws IOException {
        try (MultiViewPipeline p = MultiViewPipeline.load(PipelineFolder.open(folder)); Scope scope = Scope.open("test")) {
            Tensor good = Tensor.of(new float[3 * 2 * 6], 3, 2, 6);
            NoiseSource noise = NoiseSource.seeded(1);
            String message = assertThrows(EngineException.class, () -> p.generate(List.of(picture(8)), Tensor.of(new float[3 * 2 * 5], 3, 2, 5), OPTIONS, noise,
                    MultiViewPipeline.Listener.NONE)).getMessage();
            assertTrue(message.contains("[3,2,5]") && message.contains("cross_attention_dim 6"), message);
            message = assertThrows(EngineException.class, () -> p.generate(List.of(picture(8)), Tensor.of(new float[4 * 2 * 6], 4, 2, 6), OPTIONS, noise,
                    MultiViewPipeline.Listener.NONE)).getMessage();
            assertTrue(message.contains("num_views 3"), message);
            assertThrows(EngineException.class, () -> p.generate(List.of(picture(7)), good, OPTIONS, noise, MultiViewPipeline.Listener.NONE));
            assertThrows(EngineException.class, () -> p.generate(List.of(picture(8).toRgba()), good, OPTIONS, noise, MultiViewPipeline.Listener.NONE));
            MultiViewPipeline.Listener stop = new MultiViewPipeline.Listener() {
                @Override
                public boolean cancelled() {
                    return true;
                }
            };
            assertThrows(MultiViewPipeline.CancelledException.class, () -> p.generate(List.of(picture(8)), good, OPTIONS, noise, stop));
        }
    }

    @Test
    void whatIsMissingIsListedAndNothingTakesItsPlace() throws IOException {
        Path unet = folder.resolve("unet");
        Files.delete(unet.resolve("diffusion_pytorch_model.safetensors"));
        String message = assertThrows(IOException.class, () -> MultiViewPipeline.load(PipelineFolder.open(folder))).getMessage();
        assertTrue(message.contains("no weights") && message.contains("config.json"), message);
        Files.delete(unet.resolve("config.json"));
        Files.delete(unet);
        message = assertThrows(IOException.class, () -> PipelineFolder.open(folder)).getMessage();
        assertTrue(message.contains("unet is missing") && message.contains("vae/"), message);
        message = assertThrows(IOException.class, () -> PipelineFolder.open(folder.resolve("vae"))).getMessage();
        assertTrue(message.contains("model_index.json"), message);
        Path checkpoint = Files.createDirectories(folder.resolve("checkpoint-10"));
        message = assertThrows(IOException.class, () -> UNetFolder.find(checkpoint, UNetFolder.Choice.AUTO)).getMessage();
        assertTrue(message.startsWith("MFL-E201") && message.contains("not falling back to the base model"), message);
    }

    private static void copy(Path from, Path to) throws IOException {
        for (String name : List.of("config.json", "diffusion_pytorch_model.safetensors")) {
            Files.copy(from.resolve(name), to.resolve(name));
        }
    }

    @Test
    void aCheckpointGivesItsAverageWhereverTheOriginalPutIt() throws IOException {
        Path checkpoint = folder.resolve("p/out/checkpoint-3");
        Path unet = Files.createDirectories(checkpoint.resolve("unet"));
        copy(folder.resolve("unet"), unet);
        assertEquals(unet, UNetFolder.find(checkpoint, UNetFolder.Choice.AUTO).path());
        Path average = Files.createDirectories(checkpoint.resolve("unet_ema"));
        copy(folder.resolve("unet"), average);
        assertEquals(average, UNetFolder.find(checkpoint, UNetFolder.Choice.AUTO).path());
        assertEquals(unet, UNetFolder.find(unet, UNetFolder.Choice.AUTO).path(), "a UNet that is named itself");

        // A relative checkpoint_prefix "p" is joined twice by the original: weights in p/p/out/checkpoint-3.
        Path twice = Files.createDirectories(folder.resolve("p/p/out")).resolve("checkpoint-3");
        Files.move(checkpoint, twice);
        Files.createDirectories(checkpoint.resolve("optimizer"));
        assertEquals(twice.resolve("unet_ema"), UNetFolder.find(checkpoint, UNetFolder.Choice.AUTO).path());
    }

    @Test
    void whatTheUNetDoesNotUseNeedNotBeThere() throws IOException {
        Path text = folder.resolve("unet/config.json");
        Map<?, ?> plain = JSON.readValue(text.toFile(), Map.class);
        plain.remove("class_embed_type");
        plain.remove("projection_class_embeddings_input_dim");
        assertTrue(PipelineFolder.open(folder).needs("image_encoder"));
        Files.writeString(text, JSON.writeValueAsString(plain));
        assertEquals(List.of("scheduler", "unet", "vae"), PipelineFolder.open(folder).components());
        Files.writeString(folder.resolve("model_index.json"), "{\"_mouselift_latent_space\": \"pixels\"}");
        assertEquals(List.of("scheduler", "unet"), PipelineFolder.open(folder).components());
        // It still has eight channels, which are no pictures: said before its weights are read.
        Files.delete(folder.resolve("unet/diffusion_pytorch_model.safetensors"));
        String message = assertThrows(EngineException.class, () -> MultiViewPipeline.load(PipelineFolder.open(folder))).getMessage();
        assertTrue(message.contains("in_channels 8") && message.contains("3 channels"), message);
    }
}
