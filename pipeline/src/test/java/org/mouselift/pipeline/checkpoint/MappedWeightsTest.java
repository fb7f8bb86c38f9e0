package org.mouselift.pipeline.checkpoint;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.mouselift.data.safetensors.SafetensorsWriter;
import org.mouselift.engine.DType;
import org.mouselift.engine.EngineException;
import org.mouselift.engine.MemoryPool;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tensor;
import org.mouselift.models.clip.ClipConfig;
import org.mouselift.models.clip.ClipTextModel;
import org.mouselift.models.clip.ClipVisionModelWithProjection;
import org.mouselift.models.gslrm.GsLrm;
import org.mouselift.models.gslrm.GsLrmConfig;
import org.mouselift.models.nn.Parameters;
import org.mouselift.models.vae.AutoencoderConfig;
import org.mouselift.models.vae.AutoencoderKL;

/** Networks on mapped files compute what networks with the same numbers in memory of their own compute, and hold nothing themselves. */
class MappedWeightsTest {
    private static final String TOKENS = "text_model.embeddings.token_embedding.weight";
    private static final AutoencoderConfig VAE = new AutoencoderConfig(3, 4, List.of(8, 16, 16), 1, 8, 32, 0.2);
    private static final ClipConfig CLIP = ClipConfig.vision(Map.of("hidden_size", 32, "intermediate_size", 64, "num_hidden_layers", 2, "num_attention_heads", 4,
            "image_size", 28, "patch_size", 14, "num_channels", 3, "projection_dim", 16, "hidden_act", "gelu"), "clip");

    @TempDir
    Path folder;

    private static Tensor normal(long stream, long... dims) {
        Tensor t = Tensor.empty(DType.F32, dims);
        Parameters.normal(t, 1, 9, stream);
        return t;
    }

    private Path write(Map<String, Tensor> state, DType type) throws IOException {
        Path file = folder.resolve(type.label() + ".safetensors");
        SafetensorsWriter writer = new SafetensorsWriter();
        try (Scope scope = Scope.open("file")) {
            state.forEach((name, p) -> writer.add(name, type, p.shape().dims(), Ops.contiguous(Ops.cast(p, type)).contiguousSegment()));
            writer.add("some.position_ids", DType.I64, new long[] {1}, Tensor.of(new long[] {1}, 1).contiguousSegment());
            writer.write(file);
        }
        return file;
    }

    private static Map<String, Tensor> copied(MappedWeights mapped) {
        Map<String, Tensor> out = new LinkedHashMap<>();
        mapped.state().forEach((name, t) -> out.put(name, Ops.cast(Ops.copy(t), DType.F32)));
        return out;
    }

    @Test
    void theAutoencoderComputesOnItsFile() throws IOException {
        try (Scope scope = Scope.open("test"); AutoencoderKL source = AutoencoderKL.initialised(VAE, DType.F32, 1)) {
            Tensor picture = normal(1, 1, 3, 32, 24);
            for (DType type : List.of(DType.F32, DType.F16, DType.BF16)) {
                try (MappedWeights mapped = MappedWeights.open(write(source.stateDict(), type))) {
                    assertEquals(List.of("some.position_ids"), mapped.wholeNumbers());
                    long before = MemoryPool.usage().liveBytes();
                    try (AutoencoderKL stored = AutoencoderKL.stored(VAE, mapped.state(), "file")) {
                        long vectors = source.stateDict().values().stream().filter(p -> p.rank() == 1).mapToLong(p -> Math.max(64, 4 * p.numel() * 9 / 8 + 64)).sum();
                        assertTrue(MemoryPool.usage().liveBytes() - before <= vectors, "only vectors are copied");
                        try (AutoencoderKL loaded = AutoencoderKL.load(VAE, DType.F32, copied(mapped), "copy")) {
                            float[] expected = loaded.encode(picture).mean().toFloats();
                            assertArrayEquals(expected, stored.encode(picture).mean().toFloats(), 1e-5f, type.label());
                            mapped.release();
                            assertArrayEquals(expected, stored.encode(picture).mean().toFloats(), 1e-5f, "weights come back after a release");
                            Tensor latent = loaded.encode(picture).mean();
                            assertArrayEquals(loaded.decode(latent).toFloats(), stored.decode(latent).toFloats(), 1e-5f, type.label());
                        }
                    }
                }
            }
        }
    }

    @Test
    void theImageEncoderComputesOnItsFile() throws IOException {
        try (Scope scope = Scope.open("test"); ClipVisionModelWithProjection source = ClipVisionModelWithProjection.initialised(CLIP, DType.F32, 2)) {
            Tensor pixels = normal(2, 2, 3, 28, 28);
            for (DType type : List.of(DType.F32, DType.F16)) {
                try (MappedWeights mapped = MappedWeights.open(write(source.stateDict(), type));
                        ClipVisionModelWithProjection stored = ClipVisionModelWithProjection.stored(CLIP, mapped.state(), "file");
                        ClipVisionModelWithProjection loaded = ClipVisionModelWithProjection.load(CLIP, DType.F32, copied(mapped), "copy")) {
                    assertArrayEquals(loaded.embed(pixels).toFloats(), stored.embed(pixels).toFloats(), 1e-5f, type.label());
                }
            }
        }
    }

    @Test
    void theTextEncoderComputesOnItsFile() throws IOException {
        ClipConfig config = ClipConfig.text(Map.of("vocab_size", 300, "hidden_size", 16, "intermediate_size", 32, "num_hidden_layers", 2, "num_attention_heads", 2,
                "max_position_embeddings", 8, "hidden_act", "gelu"), "test");
        try (Scope scope = Scope.open("test"); ClipTextModel source = ClipTextModel.initialised(config, DType.F32, 2)) {
            long[][] ids = {{299, 1, 2, 0}, {5, 5, 7, 200}};
            for (DType type : List.of(DType.F32, DType.F16, DType.BF16)) {
                try (MappedWeights mapped = MappedWeights.open(write(source.stateDict(), type))) {
                    try (ClipTextModel stored = ClipTextModel.stored(config, mapped.state(), "file"); ClipTextModel loaded = ClipTextModel.load(config, DType.F32, copied(mapped), "copy")) {
                        assertArrayEquals(loaded.embed(ids).toFloats(), stored.embed(ids).toFloats(), 1e-5f, type.label());
                    }
                    try (ClipTextModel stored = ClipTextModel.stored(config, mapped.state(), "file")) {
                        assertEquals(type, stored.stateDict().get(TOKENS).dtype(), "the table of tokens stays as it is stored");
                        assertTrue(stored.stateDict().values().stream().noneMatch(Tensor::requiresGrad));
                    }
                }
            }
        }
    }

    @Test
    void theReconstructorComputesOnItsFile() throws IOException {
        GsLrmConfig config = GsLrmConfig.tiny();
        try (Scope scope = Scope.open("test"); GsLrm source = GsLrm.initialised(config, DType.F32, 3)) {
            Tensor image = Tensor.zeros(DType.F32, 1, 2, 3, 16, 16);
            Tensor poses = Tensor.of(new float[] {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, -2.7f, 0, 0, 0, 1, 0, 0, 1, -2.7f, 0, 1, 0, 0, -1, 0, 0, 0, 0, 0, 0, 1}, 1, 2, 4, 4);
            Tensor intrinsics = Tensor.of(new float[] {17, 17, 8, 8, 17, 17, 8, 8}, 1, 2, 4);
            for (DType type : List.of(DType.F32, DType.F16)) {
                try (MappedWeights mapped = MappedWeights.open(write(source.stateDict(), type)); GsLrm stored = GsLrm.stored(config, mapped.state(), "file");
                        GsLrm loaded = GsLrm.load(config, DType.F32, copied(mapped), "copy")) {
                    assertArrayEquals(loaded.reconstruct(image, poses, intrinsics).gaussians().features().toFloats(),
                            stored.reconstruct(image, poses, intrinsics).gaussians().features().toFloats(), 1e-5f, type.label());
                }
            }
        }
    }

    /** What does not fit is named, and nothing stays behind. */
    @Test
    void unfitWeightsAreRefused() throws IOException {
        try (AutoencoderKL source = AutoencoderKL.initialised(VAE, DType.F32, 1); MappedWeights mapped = MappedWeights.open(write(source.stateDict(), DType.F16))) {
            long before = MemoryPool.usage().liveBytes();
            EngineException e = assertThrows(EngineException.class,
                    () -> AutoencoderKL.stored(new AutoencoderConfig(3, 4, List.of(8, 16, 32), 1, 8, 32, 0.2), mapped.state(), "file.safetensors"));
            assertTrue(e.getMessage().contains("file.safetensors") && e.getMessage().contains("encoder."), e.getMessage());
            assertEquals(before, MemoryPool.usage().liveBytes());
        }
    }
}
