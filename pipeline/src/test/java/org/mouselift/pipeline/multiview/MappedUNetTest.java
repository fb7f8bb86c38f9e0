package org.mouselift.pipeline.multiview;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.mouselift.data.safetensors.SafetensorsFile;
import org.mouselift.data.safetensors.SafetensorsWriter;
import org.mouselift.engine.DType;
import org.mouselift.engine.EngineException;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tensor;
import org.mouselift.models.nn.Parameters;
import org.mouselift.models.unet.UNetConfig;
import org.mouselift.models.unet.UNetMV2DConditionModel;

class MappedUNetTest {
    @TempDir
    Path folder;

    private static final UNetConfig CONFIG = UNetConfig.of(Map.of("in_channels", 8, "block_out_channels", List.of(8, 16), "layers_per_block", 1,
            "norm_num_groups", 4, "cross_attention_dim", 6, "attention_head_dim", List.of(1, 2), "num_views", 2, "sparse_mv_attention", true,
            "down_block_types", List.of("CrossAttnDownBlockMV2D", "DownBlock2D"), "up_block_types", List.of("UpBlock2D", "CrossAttnUpBlockMV2D")), "small");

    private static Tensor normal(long stream, long... dims) {
        Tensor t = Tensor.empty(DType.F32, dims);
        Parameters.normal(t, 1, 4, stream);
        return t;
    }

    private Path write(UNetMV2DConditionModel model, DType type, boolean extra) throws IOException {
        Path file = folder.resolve(type.label() + extra + ".safetensors");
        SafetensorsWriter writer = new SafetensorsWriter();
        try (Scope scope = Scope.open("file")) {
            model.stateDict().forEach((name, p) -> writer.add(name, type, p.shape().dims(), Ops.contiguous(Ops.cast(p, type)).contiguousSegment()));
            if (extra) {
                writer.add("position_ids", DType.I64, new long[] {1}, Tensor.of(new long[] {1}, 1).contiguousSegment());
            }
            writer.write(file);
        }
        return file;
    }

    /** Every storage type gives what the same numbers in float32 give. */
    @Test
    void predictsAsWithCopiedWeights() throws IOException {
        try (Scope scope = Scope.open("test"); UNetMV2DConditionModel source = UNetMV2DConditionModel.initialised(CONFIG, DType.F32, 3)) {
            Tensor sample = normal(1, 4, 8, 6, 4);
            Tensor prompts = normal(2, 4, 3, 6);
            for (DType type : List.of(DType.F32, DType.F16, DType.BF16)) {
                Path file = write(source, type, false);
                try (SafetensorsFile stored = SafetensorsFile.open(file); MappedUNet mapped = MappedUNet.open(CONFIG, file)) {
                    Map<String, Tensor> copied = new java.util.LinkedHashMap<>();
                    stored.entries().values().forEach(e -> copied.put(e.name(), Tensor.of(e.floats(), e.shape())));
                    try (UNetMV2DConditionModel model = UNetMV2DConditionModel.load(CONFIG, DType.F32, copied, "copied")) {
                        assertArrayEquals(model.predict(sample, new long[] {400}, prompts, null).toDoubles(),
                                mapped.model().predict(sample, new long[] {400}, prompts, null).toDoubles(), 1e-5, type.label());
                    }
                    assertEquals(type, mapped.model().stateDict().get("conv_in.weight").dtype());
                }
            }
        }
    }

    @Test
    void unfitFilesAreRefused() throws IOException {
        try (UNetMV2DConditionModel source = UNetMV2DConditionModel.initialised(CONFIG, DType.F32, 3)) {
            Path odd = write(source, DType.F32, true);
            assertTrue(assertThrows(IOException.class, () -> MappedUNet.open(CONFIG, odd)).getMessage().contains("position_ids"));
            Path file = write(source, DType.F16, false);
            UNetConfig wider = UNetConfig.of(Map.of("in_channels", 8, "block_out_channels", List.of(16, 16), "layers_per_block", 1, "norm_num_groups", 4,
                    "cross_attention_dim", 6, "attention_head_dim", List.of(1, 2), "num_views", 2, "sparse_mv_attention", true, "down_block_types",
                    List.of("CrossAttnDownBlockMV2D", "DownBlock2D"), "up_block_types", List.of("UpBlock2D", "CrossAttnUpBlockMV2D")), "wider");
            EngineException e = assertThrows(EngineException.class, () -> MappedUNet.open(wider, file));
            assertTrue(e.getMessage().contains(file.toString()) && e.getMessage().contains("conv_in.weight"), e.getMessage());
        }
    }
}
