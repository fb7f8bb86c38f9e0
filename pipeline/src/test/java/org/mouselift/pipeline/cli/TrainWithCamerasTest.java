package org.mouselift.pipeline.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.camera.OpencvCameraFile;
import org.mouselift.data.camera.RigCatalog;
import org.mouselift.data.image.Image8;
import org.mouselift.data.image.Images;
import org.mouselift.data.image.PngWriter;
import org.mouselift.data.safetensors.SafetensorsFile;

/** {@code train diffusion} with {@code camera_embedding} (mouse specification §9.3), and sampling with what it leaves. */
class TrainWithCamerasTest {
    private static final int VIEWS = 3;
    private static final int SIZE = 16;
    private static final CameraRig LEVEL = RigCatalog.human6().select(0, 1, 2);
    private static final CameraRig RAISED = RigCatalog.named("human6_elevated").select(0, 1, 2);

    @TempDir
    Path folder;

    private final StringWriter err = new StringWriter();

    @BeforeEach
    void data() throws IOException {
        List<String> lines = new ArrayList<>();
        for (int s = 0; s < 2; s++) {
            Path images = Files.createDirectories(folder.resolve("sample" + s).resolve("images"));
            for (int v = 0; v < VIEWS; v++) {
                byte[] data = new byte[SIZE * SIZE * 4];
                new Random(10L * s + v).nextBytes(data);
                for (int p = 0; p < SIZE * SIZE; p++) {
                    data[4 * p + 3] = (byte) (p % SIZE > 2 && p % SIZE < SIZE - 2 && p / SIZE > 2 && p / SIZE < SIZE - 2 ? 255 : 0);
                }
                PngWriter.write(images.resolve("cam_00" + v + ".png"), new Image8(SIZE, SIZE, 4, data));
            }
            cameras(s, LEVEL);
            lines.add(images.getParent().toString());
        }
        Files.write(folder.resolve("list.txt"), lines);
        Files.writeString(folder.resolve("config.yaml"), """
                n_views: 3
                img_wh: 16
                seed: 7
                latent_space: pixels
                learned_prompt_tokens: 2
                unet_config: {block_out_channels: [8, 8], down_block_types: [CrossAttnDownBlockMV2D, DownBlock2D], up_block_types: [UpBlock2D, CrossAttnUpBlockMV2D],
                  attention_head_dim: [1, 2], layers_per_block: 1, norm_num_groups: 4, cross_attention_dim: 8, use_linear_projection: true, sparse_mv_attention: true,
                  num_views: 3}
                train_dataset: {path: %1$s/list.txt, bg_color: white}
                validation_dataset: {path: %1$s/list.txt, bg_color: white}
                train_batch_size: 2
                max_train_steps: 4
                learning_rate: 1e-2
                reference_view_idx: 1
                use_ema: false
                checkpointing_steps: 2
                resume_from_checkpoint: latest
                validation_steps: 4
                validation_max_objects: 1
                validation_guidance_scales: [3.0]
                pipe_validation_kwargs: {eta: 1.0, num_inference_steps: 2}
                output_dir: %1$s/run
                """.formatted(folder));
    }

    private void cameras(int sample, CameraRig rig) throws IOException {
        OpencvCameraFile.ofRig(rig).write(folder.resolve("sample" + sample).resolve(OpencvCameraFile.FILE_NAME));
    }

    private int run(Object... arguments) {
        err.getBuffer().setLength(0);
        return Mouselift.commandLine().setOut(new PrintWriter(new StringWriter(), true)).setErr(new PrintWriter(err, true))
                .execute(Arrays.stream(arguments).map(Object::toString).toArray(String[]::new));
    }

    private void replace(String part, String by) throws IOException {
        Path config = folder.resolve("config.yaml");
        Files.writeString(config, Files.readString(config).replace(part, by));
    }

    private int train(Object... more) {
        return run(Stream.concat(Stream.of("train", "diffusion", "--config", folder.resolve("config.yaml")), Arrays.stream(more)).toArray());
    }

    private byte[] views(Path pipeline, String name, Object... more) throws IOException {
        Path input = folder.resolve("run/val/global_step_0004/0000/input.png");
        assertEquals(0, run(Stream.concat(Stream.of("views", input, "--pipeline", pipeline, "--allow", "MFL-E134", "--steps", 2, "--seed", 7, "-o", folder.resolve(name)),
                Arrays.stream(more)).toArray()), err.toString());
        return Images.read(folder.resolve(name).resolve("input/multiview.png")).toRgb().data();
    }

    private Path rigFile(String name, CameraRig rig) throws IOException {
        OpencvCameraFile.ofRig(rig).write(folder.resolve(name));
        return folder.resolve(name);
    }

    @Test
    void theRigIsTrainedWithRecordedAndTold() throws IOException {
        replace("reference_view_idx: 1", "camera_embedding: [spherical, extrinsic, plucker]");
        assertEquals(0, train(), err.toString());
        Path exported = folder.resolve("run/pipeckpts");
        JsonNode config = new ObjectMapper().readTree(exported.resolve("unet/config.json").toFile());
        assertEquals("[\"spherical\",\"extrinsic\",\"plucker\"]", config.get("camera_embedding").toString());
        try (SafetensorsFile weights = SafetensorsFile.open(exported.resolve("unet/diffusion_pytorch_model.safetensors"))) {
            for (String e : List.of("spherical", "extrinsic", "plucker")) {
                for (String layer : List.of("linear_1", "linear_3")) {
                    float[] w = weights.get("camera_embedding." + e + "." + layer + ".weight").floats();
                    boolean spoken = false;
                    for (float x : w) {
                        spoken |= x != 0;
                    }
                    assertTrue(spoken, e + " has not learnt");
                }
            }
        }
        byte[] drawn = views(exported, "views");
        byte[] validated = Images.read(folder.resolve("run/val/global_step_0004/0000/pred_gs_3.0.png")).toRgb().data();
        for (int i = 0; i < drawn.length; i++) {
            int difference = (drawn[i] & 0xFF) - (validated[i] & 0xFF);
            assertTrue(difference == 0 || difference == 1, "byte " + i + ": the validation drew with the same cameras");
        }
        assertArrayEquals(drawn, views(exported, "same", "--view-cameras", rigFile("level.json", LEVEL)));
        assertArrayEquals(drawn, views(exported, "checkpoint", "--unet", folder.resolve("run/checkpoint-4")), "the checkpoint has weights and cameras, too");
        assertFalse(Arrays.equals(drawn, views(exported, "raised", "--view-cameras", rigFile("raised.json", RAISED))), "another rig gives other views");
        JsonNode settings = new ObjectMapper().readTree(folder.resolve("raised/input/run.json").toFile()).get("settings");
        assertEquals(folder.resolve("raised.json").toString(), settings.get("viewCameras").asText());
        Object[] generate = {"data", "generate", folder.resolve("run/val/global_step_0004/0000/input.png"), "--pipeline", exported, "--allow", "MFL-E134", "--allow", "MFL-E121", "--ignore-gate", "--steps", 1,
            "--view-cameras", folder.resolve("raised.json"), "-o", folder.resolve("generated")};
        assertEquals(0, run(generate), err.toString());
        assertEquals(List.of("human6_elevated"), new ObjectMapper().readTree(folder.resolve("generated/dataset.json").toFile()).findValuesAsText("rig_id"),
                "drawn views stand where the network was told");
        assertNotEquals(0, run(Stream.concat(Arrays.stream(generate), Stream.of("--cameras", "human6")).toArray()));
        assertTrue(err.toString().contains("--cameras human6: the UNet is told its cameras"), err.toString());
        assertNotEquals(0, run("views", folder.resolve("run/val/global_step_0004/0000/input.png"), "--pipeline", exported, "--allow", "MFL-E134", "--view-cameras",
                rigFile("two.json", LEVEL.select(0, 1)), "-o", folder.resolve("no")));
        assertTrue(err.toString().contains("MFL-E114") && err.toString().contains("two.json"), err.toString());
        Files.delete(exported.resolve("unet").resolve(OpencvCameraFile.FILE_NAME));
        assertNotEquals(0, run("views", folder.resolve("run/val/global_step_0004/0000/input.png"), "--pipeline", exported, "--allow", "MFL-E134", "-o", folder.resolve("no")));
        assertTrue(err.toString().contains("MFL-E202") && err.toString().contains("--view-cameras"), err.toString());
    }

    /** Samples of two rigs: there is no rig to record, and the trained network draws otherwise for each. */
    @Test
    void samplesMayHaveCamerasOfTheirOwn() throws IOException {
        cameras(1, RAISED);
        assertEquals(0, train("--set", "camera_embedding", "extrinsic,plucker"), err.toString());
        Path exported = folder.resolve("run/pipeckpts");
        assertFalse(Files.exists(exported.resolve("unet").resolve(OpencvCameraFile.FILE_NAME)));
        assertFalse(Arrays.equals(views(exported, "level", "--view-cameras", rigFile("level.json", LEVEL)), views(exported, "raised", "--view-cameras", rigFile("raised.json", RAISED))));
        // Another run starts from these weights and has what they have.
        String yaml = Files.readString(folder.resolve("config.yaml"));
        replace(yaml.substring(yaml.indexOf("unet_config"), yaml.indexOf("train_dataset")), "");
        assertEquals(0, train("--set", "pretrained_unet_path", folder.resolve("run/checkpoint-4"), "--set", "output_dir", folder.resolve("next")), err.toString());
        assertTrue(Files.readString(folder.resolve("next/pipeckpts/unet/config.json")).contains("camera_embedding"));
    }

    @Test
    void whatIsMissingIsNamedBeforeTraining() throws IOException {
        assertNotEquals(0, train("--set", "camera_embedding", "euler"));
        assertTrue(err.toString().contains("camera_embedding") && err.toString().contains("spherical, extrinsic, plucker"), err.toString());
        replace("train_dataset: {", "train_dataset: {aug_hflip: [0, 2, 1], ");
        cameras(0, RigCatalog.human6().select(0, 1, 5));
        cameras(1, RigCatalog.human6().select(0, 1, 5));
        assertNotEquals(0, train("--set", "camera_embedding", "plucker"));
        assertTrue(err.toString().contains("camera_embedding and aug_hflip do not go together"), err.toString());
        replace("aug_hflip: [0, 2, 1], ", "");
        Files.delete(folder.resolve("sample1").resolve(OpencvCameraFile.FILE_NAME));
        assertNotEquals(0, train("--set", "camera_embedding", "plucker"));
        assertTrue(err.toString().contains("MFL-E114") && err.toString().contains("sample1"), err.toString());
        assertFalse(Files.exists(folder.resolve("run/config.yaml")));
        assertEquals(0, train(), err.toString());
        assertFalse(Files.readString(folder.resolve("run/pipeckpts/unet/config.json")).contains("camera_embedding"), "without the key nothing changes");
        assertNotEquals(0, run("views", folder.resolve("run/val/global_step_0004/0000/input.png"), "--pipeline", folder.resolve("run/pipeckpts"), "--allow", "MFL-E134",
                "--view-cameras", rigFile("level.json", LEVEL), "-o", folder.resolve("no")));
        assertTrue(err.toString().contains("is not told its cameras"), err.toString());
    }
}
