package org.mouselift.pipeline.multiview;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.mouselift.data.checkpoint.Checkpoint;
import org.mouselift.data.image.Image8;
import org.mouselift.data.image.PngWriter;
import org.mouselift.engine.DType;
import org.mouselift.engine.Shape;
import org.mouselift.engine.Tensor;
import org.mouselift.models.clip.ClipConfig;
import org.mouselift.models.clip.ClipTextModel;
import org.mouselift.models.clip.ClipVisionModelWithProjection;
import org.mouselift.models.unet.UNetConfig;
import org.mouselift.models.unet.UNetMV2DConditionModel;
import org.mouselift.models.vae.AutoencoderConfig;
import org.mouselift.models.vae.AutoencoderKL;
import org.mouselift.pipeline.cli.Mouselift;

class StartPipelineTest {
    @TempDir Path folder;

    /** Counts and numbers of tensors as the multi-view diffusion specification states them (§2, §6.1). */
    @Test
    void theSizesAreThoseOfTheSpecification() throws IOException {
        assertEquals(2_169_844, StartPipeline.parameters("unet", StartPipeline.Size.TINY));
        assertEquals(316_695, StartPipeline.parameters("vae", StartPipeline.Size.TINY));
        assertEquals(36_736, StartPipeline.parameters("image_encoder", StartPipeline.Size.TINY));
        assertEquals(21_664, StartPipeline.parameters("text_encoder", StartPipeline.Size.TINY));
        assertEquals(83_653_863, StartPipeline.parameters("vae", StartPipeline.Size.FULL));
        assertEquals(248, StartPipeline.shapes("vae", StartPipeline.Size.FULL).size());
        assertEquals(632_076_800, StartPipeline.parameters("image_encoder", StartPipeline.Size.FULL));
        assertEquals(520, StartPipeline.shapes("image_encoder", StartPipeline.Size.FULL).size());
        assertEquals(340_387_840, StartPipeline.parameters("text_encoder", StartPipeline.Size.FULL));
        assertEquals(372, StartPipeline.shapes("text_encoder", StartPipeline.Size.FULL).size());
        assertEquals(8.6e6, StartPipeline.parameters("unet", StartPipeline.Size.SMALL), 0.05e6);
        assertEquals(3.9e6, StartPipeline.parameters("vae", StartPipeline.Size.SMALL), 0.05e6);
    }

    private static Map<String, Shape> shapes(Map<String, Tensor> state) {
        Map<String, Shape> out = new LinkedHashMap<>();
        state.forEach((name, t) -> out.put(name, t.shape()));
        return out;
    }

    private static void same(Map<String, Tensor> expected, Path component, boolean half) throws IOException {
        try (Checkpoint stored = Checkpoint.open(component)) {
            assertEquals(expected.keySet(), stored.tensors().keySet());
            for (Map.Entry<String, Tensor> e : expected.entrySet()) {
                float[] values = e.getValue().toFloats();
                if (half) {
                    for (int i = 0; i < values.length; i++) {
                        values[i] = Float.float16ToFloat(Float.floatToFloat16(values[i]));
                    }
                }
                assertArrayEquals(values, stored.tensor(e.getKey()).floats(), e.getKey());
            }
        }
    }

    @Test
    void theWeightsAreThoseOfTheNetworksOfTheSameSeed() throws IOException {
        StartPipeline.write(folder, StartPipeline.Size.TINY, 11);
        PipelineFolder pipeline = PipelineFolder.open(folder);
        try (UNetMV2DConditionModel unet = UNetMV2DConditionModel.initialised(UNetConfig.of(pipeline.config("unet", "config.json"), "unet"), DType.F32, 11)) {
            same(unet.stateDict(), folder.resolve("unet"), false);
        }
        try (AutoencoderKL vae = AutoencoderKL.initialised(AutoencoderConfig.of(pipeline.config("vae", "config.json"), "vae"), DType.F32, 12)) {
            same(vae.stateDict(), folder.resolve("vae"), true);
        }
        try (ClipVisionModelWithProjection vision = ClipVisionModelWithProjection.initialised(
                ClipConfig.vision(pipeline.config("image_encoder", "config.json"), "vision"), DType.F32, 13)) {
            assertEquals(List.copyOf(shapes(vision.stateDict()).entrySet()), List.copyOf(StartPipeline.shapes("image_encoder", StartPipeline.Size.TINY).entrySet()));
            same(vision.stateDict(), folder.resolve("image_encoder"), true);
        }
        try (ClipTextModel text = ClipTextModel.initialised(ClipConfig.text(pipeline.config("text_encoder", "config.json"), "text"), DType.F32, 14)) {
            assertEquals(List.copyOf(shapes(text.stateDict()).entrySet()), List.copyOf(StartPipeline.shapes("text_encoder", StartPipeline.Size.TINY).entrySet()));
            same(text.stateDict(), folder.resolve("text_encoder"), true);
        }
    }

    @Test
    void commandsMakeAndUseThem() throws IOException {
        Path pipeline = folder.resolve("pipeckpts");
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        assertEquals(0, run(out, err, "new-checkpoint", "--model", "pipeline", "--size", "tiny", "--seed", "1", "-o", pipeline), err.toString());
        assertTrue(out.toString().contains("image_encoder, tiny, 36,736 parameters"), out.toString());
        Path unet = folder.resolve("checkpoint-1/unet");
        assertEquals(0, run(out, err, "new-checkpoint", "--model", "unet", "--size", "tiny", "--seed", "2", "-o", unet), err.toString());
        Image8 picture = Image8.blank(64, 64, 3);
        java.util.Arrays.fill(picture.data(), (byte) 255);
        for (int y = 20; y < 44; y++) {
            java.util.Arrays.fill(picture.data(), 3 * (64 * y + 20), 3 * (64 * y + 44), (byte) 90);
        }
        Path photo = folder.resolve("mouse.png");
        PngWriter.write(photo, picture);
        assertEquals(0, run(out, err, "views", photo, "--pipeline", pipeline, "--unet", unet, "--steps", "1", "-o", folder.resolve("views")), err.toString());
        assertTrue(Files.exists(folder.resolve("views/mouse/view_05.png")));
        assertEquals(0, run(out, err, "checkpoint", "verify", folder), out.toString());
        assertEquals(3, run(out, err, "new-checkpoint", "--model", "unet", "-o", unet));
    }

    private static int run(StringWriter out, StringWriter err, Object... arguments) {
        return Mouselift.commandLine().setOut(new PrintWriter(out, true)).setErr(new PrintWriter(err, true))
                .execute(java.util.Arrays.stream(arguments).map(Object::toString).toArray(String[]::new));
    }
}
