package org.mouselift.pipeline.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.mouselift.data.checkpoint.Provenance;
import org.mouselift.data.image.Image8;
import org.mouselift.data.image.Images;
import org.mouselift.data.image.PngWriter;
import org.mouselift.data.safetensors.SafetensorsFile;
import org.mouselift.engine.Scope;
import org.mouselift.pipeline.evaluate.MadeUpVgg16;
import org.mouselift.pipeline.log.MetricsLog;
import org.mouselift.pipeline.multiview.TinyPipeline;
import org.mouselift.pipeline.train.TrainingCheckpoint;

/** {@code train diffusion} from the command line with tiny networks: in latents with the image branch, and in pictures without. */
class TrainDiffusionCommandTest {
    private static final int VIEWS = 3;
    private static final int SIZE = 32;
    private static final String WEIGHTS = "diffusion_pytorch_model.safetensors";
    private static final ObjectMapper JSON = new ObjectMapper();

    @TempDir
    Path folder;

    private Path pipeline;
    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    @BeforeEach
    void data() throws IOException {
        pipeline = TinyPipeline.write(folder.resolve("pipeline"), VIEWS);
        List<String> lines = new ArrayList<>();
        for (int s = 0; s < 2; s++) {
            Path images = Files.createDirectories(folder.resolve("sample" + s).resolve("images"));
            for (int v = 0; v < VIEWS; v++) {
                byte[] data = new byte[SIZE * SIZE * 4];
                new Random(10L * s + v).nextBytes(data);
                for (int p = 0; p < SIZE * SIZE; p++) {
                    boolean inside = p % SIZE > 4 && p % SIZE < SIZE - 4 && p / SIZE > 4 && p / SIZE < SIZE - 4;
                    data[4 * p + 3] = (byte) (inside ? 255 : 0);
                }
                PngWriter.write(images.resolve("cam_00" + v + ".png"), new Image8(SIZE, SIZE, 4, data));
            }
            lines.add(images.getParent().toString());
        }
        Files.write(folder.resolve("list.txt"), lines);
    }

    private Path config(String parts) throws IOException {
        return Files.writeString(folder.resolve("config.yaml"), """
                n_views: 3
                img_wh: 32
                seed: 7
                train_dataset: {path: %1$s/list.txt, bg_color: white}
                validation_dataset: {path: %1$s/list.txt, bg_color: white}
                train_batch_size: 2
                max_train_steps: 2
                gradient_accumulation_steps: 2
                gradient_checkpointing: true
                learning_rate: 1e-3
                lr_scheduler: cosine
                lr_warmup_steps: 1
                snr_gamma: 5.0
                max_grad_norm: 1.0
                checkpointing_steps: 1
                checkpoints_total_limit: 1
                resume_from_checkpoint: latest
                validation_steps: 2
                validation_max_objects: 1
                validation_guidance_scales: [3.0, 1.0]
                pipe_validation_kwargs: {eta: 1.0, num_inference_steps: 2}
                output_dir: %1$s/run
                %2$s
                """.formatted(folder, parts));
    }

    private String latents() {
        return "pretrained_model_name_or_path: " + pipeline + "\nprompt_embed_path: " + pipeline.resolve("clr_embeds.safetensors");
    }

    private static String pictures() {
        return """
                latent_space: pixels
                learned_prompt_tokens: 2
                unet_config: {block_out_channels: [8, 8], down_block_types: [CrossAttnDownBlockMV2D, DownBlock2D], up_block_types: [UpBlock2D, CrossAttnUpBlockMV2D],
                  attention_head_dim: [1, 2], layers_per_block: 1, norm_num_groups: 4, cross_attention_dim: 8, use_linear_projection: true, sparse_mv_attention: true,
                  num_views: 3}""";
    }

    private int run(Object... arguments) {
        out.getBuffer().setLength(0);
        err.getBuffer().setLength(0);
        return Mouselift.commandLine().setOut(new PrintWriter(out, true)).setErr(new PrintWriter(err, true))
                .execute(Arrays.stream(arguments).map(Object::toString).toArray(String[]::new));
    }

    private int train(Object... more) {
        return run(Stream.concat(Stream.of("train", "diffusion", "--config", folder.resolve("config.yaml")), Arrays.stream(more)).toArray());
    }

    /** The exported pipeline draws from the validation's input what the validation drew: one is truncated to 8 bits, the other rounded. */
    private void drawsWhatTheValidationDrew(Path exported) throws IOException {
        Path seen = folder.resolve("run/val/global_step_0002/0000");
        assertEquals(0, run("views", seen.resolve("input.png"), "--pipeline", exported, "--allow", "MFL-E134", "--steps", 2, "--seed", 7, "-o", folder.resolve("views")),
                err.toString());
        byte[] validated = Images.read(seen.resolve("pred_gs_3.0.png")).toRgb().data();
        byte[] drawn = Images.read(folder.resolve("views/input/multiview.png")).toRgb().data();
        assertEquals(validated.length, drawn.length);
        for (int i = 0; i < drawn.length; i++) {
            int difference = (drawn[i] & 0xFF) - (validated[i] & 0xFF);
            assertTrue(difference == 0 || difference == 1, "byte " + i + ": " + (drawn[i] & 0xFF) + " is not " + (validated[i] & 0xFF) + " rounded");
        }
    }

    @Test
    void inLatentsWithTheImageBranch() throws IOException {
        config(latents());
        assertEquals(0, train(), err.toString());
        Path checkpoint = folder.resolve("run/checkpoint-2");
        assertTrue(Files.isRegularFile(checkpoint.resolve("unet").resolve(WEIGHTS)));
        JsonNode average = JSON.readTree(checkpoint.resolve("unet_ema/config.json").toFile());
        assertEquals(List.of(2, 0.9999, 8), List.of(average.get("optimization_step").asInt(), average.get("decay").asDouble(), average.get("in_channels").asInt()));
        assertFalse(Files.exists(folder.resolve("run/checkpoint-1")), "checkpoints_total_limit is 1");
        try (SafetensorsFile before = SafetensorsFile.open(pipeline.resolve("unet").resolve(WEIGHTS));
                SafetensorsFile after = SafetensorsFile.open(checkpoint.resolve("unet").resolve(WEIGHTS))) {
            assertEquals(before.names(), after.names());
            assertFalse(Arrays.equals(before.get("class_embedding.linear_1.weight").floats(), after.get("class_embedding.linear_1.weight").floats()),
                    "the image branch is not learnt from");
        }
        Path exported = folder.resolve("run/pipeckpts");
        for (String frozen : List.of("vae/" + WEIGHTS, "image_encoder/model.safetensors", "image_normalizer/" + WEIGHTS, "feature_extractor/preprocessor_config.json",
                "scheduler/scheduler_config.json", "image_noising_scheduler/scheduler_config.json")) {
            assertArrayEquals(Files.readAllBytes(pipeline.resolve(frozen)), Files.readAllBytes(exported.resolve(frozen)), frozen);
        }
        assertArrayEquals(Files.readAllBytes(checkpoint.resolve("unet_ema").resolve(WEIGHTS)), Files.readAllBytes(exported.resolve("unet").resolve(WEIGHTS)),
                "the averaged weights are what is exported");
        JsonNode index = JSON.readTree(exported.resolve("model_index.json").toFile());
        assertEquals(List.of("AutoencoderKL", "CLIPVisionModelWithProjection", "UNetMV2DConditionModel", "DDIMScheduler"),
                List.of(index.at("/vae/1").asText(), index.at("/image_encoder/1").asText(), index.at("/unet/1").asText(), index.at("/scheduler/1").asText()));
        assertTrue(Files.readString(folder.resolve("run/val/global_step_0002/0000/metrics_gs_3.0.txt")).contains("lpips: unavailable"));
        drawsWhatTheValidationDrew(exported);
        byte[] ofTheExport = Files.readAllBytes(folder.resolve("views/input/multiview.png"));
        assertEquals(0, run("views", folder.resolve("run/val/global_step_0002/0000/input.png"), "--pipeline", pipeline, "--unet", checkpoint, "--allow", "MFL-E134", "--steps", 2,
                "--seed", 7, "-o", folder.resolve("again")), err.toString());
        assertArrayEquals(ofTheExport, Files.readAllBytes(folder.resolve("again/input/multiview.png")), "the checkpoint's average with the pipeline it was trained from");
        assertEquals(0, run("checkpoint", "verify", folder.resolve("run")), err.toString());
        assertEquals(List.of("start", "data", "prompts", "autoencoder", "pipeline", "checkpoint"),
                Provenance.read(exported).orElseThrow().parents().stream().map(Provenance.Parent::role).toList());
    }

    @Test
    void inPicturesWithLearnedPrompts() throws IOException {
        config(pictures());
        assertEquals(0, train(), err.toString());
        List<String> columns = Arrays.asList(Files.readAllLines(folder.resolve("run/metrics.csv")).getFirst().split(","));
        assertTrue(columns.containsAll(List.of("train/slot_2/mse_by_slot", "metrics/ema_decay", "val/slot_2/psnr-guidance_scale-3.0"))
                && columns.stream().anyMatch(name -> name.matches("train/t_\\d+_\\d+/mse_by_timestep")), columns.toString());
        assertTrue(Files.exists(folder.resolve("run/mse_by_slot.png")) && !err.toString().contains("slot_0/"), err.toString());
        Path exported = folder.resolve("run/pipeckpts");
        assertFalse(Files.exists(exported.resolve("vae")) || Files.exists(exported.resolve("image_encoder")));
        drawsWhatTheValidationDrew(exported);
        JsonNode settings = JSON.readTree(folder.resolve("views/input/run.json").toFile()).get("settings");
        assertTrue(settings.get("prompts").asText().endsWith("clr_embeds.safetensors"), settings.toString());
        assertEquals(1, settings.get("weightsSha256").size(), "the UNet alone has weights");
        byte[] ofTheExport = Files.readAllBytes(folder.resolve("views/input/multiview.png"));
        // Another UNet and other prompts in the pipeline folder: those learned with the checkpoint belong to its UNet.
        Files.copy(folder.resolve("run/checkpoint-2/unet").resolve(WEIGHTS), exported.resolve("unet").resolve(WEIGHTS), StandardCopyOption.REPLACE_EXISTING);
        TinyPipeline.prompts(exported.resolve("clr_embeds.safetensors"), VIEWS, 2, 8);
        assertEquals(0, run("views", folder.resolve("run/val/global_step_0002/0000/input.png"), "--pipeline", exported, "--unet", folder.resolve("run/checkpoint-2"), "--allow",
                "MFL-E134", "--steps", 2, "--seed", 7, "-o", folder.resolve("again")), err.toString());
        assertArrayEquals(ofTheExport, Files.readAllBytes(folder.resolve("again/input/multiview.png")));
    }

    @Test
    void theExportMayBeHalvedAndRecommendItsSampling() throws IOException {
        config(pictures() + "\nexport: {dtype: float16, sampling: {steps: 3, guidance: 1}}");
        assertEquals(0, train("--set", "max_train_steps", 1), err.toString());
        Path exported = folder.resolve("run/pipeckpts");
        try (SafetensorsFile half = SafetensorsFile.open(exported.resolve("unet").resolve(WEIGHTS));
                SafetensorsFile whole = SafetensorsFile.open(folder.resolve("run/checkpoint-1/unet_ema").resolve(WEIGHTS))) {
            assertEquals(org.mouselift.engine.DType.F16, half.get("conv_in.weight").dtype());
            assertEquals(org.mouselift.engine.DType.F32, whole.get("conv_in.weight").dtype());
            assertArrayEquals(whole.get("conv_in.weight").floats(), half.get("conv_in.weight").floats(), 1e-3f);
        }
        Path photo = folder.resolve("sample0/images/cam_000.png");
        assertEquals(0, run("views", photo, "--pipeline", exported, "-o", folder.resolve("views")), err.toString());
        JsonNode settings = JSON.readTree(folder.resolve("views/cam_000/run.json").toFile()).get("settings");
        assertEquals(List.of(3, 1.0, 1.0), List.of(settings.get("steps").asInt(), settings.get("guidance").asDouble(), settings.get("eta").asDouble()), settings.toString());
        assertEquals(0, run("views", photo, "--pipeline", exported, "--steps", 2, "-o", folder.resolve("fewer")), err.toString());
        assertEquals(2, JSON.readTree(folder.resolve("fewer/cam_000/run.json").toFile()).at("/settings/steps").asInt());
        assertEquals(ExitCode.BAD_INPUT, train("--set", "export.dtype", "int8"));
        assertTrue(err.toString().contains("export.dtype"), err.toString());
    }

    @Test
    void unscaledReferencesAreSampledAsTheyWereTrained() throws IOException {
        config(latents() + "\nscale_input_latents: false");
        assertEquals(0, train(), err.toString());
        assertFalse(JSON.readTree(folder.resolve("run/checkpoint-2/unet/config.json").toFile()).get("_mouselift_scale_input_latents").asBoolean(true));
        drawsWhatTheValidationDrew(folder.resolve("run/pipeckpts"));
    }

    @Test
    void aSeedThatWasDrawnBelongsToTheRun() throws IOException {
        config(pictures());
        assertEquals(0, train("--set", "seed", "null", "--set", "max_train_steps", 1), err.toString());
        String drawn = err.toString().lines().filter(line -> line.contains("this run has the seed")).findFirst().orElseThrow();
        assertEquals(0, train("--set", "seed", "null"), err.toString());
        assertTrue(err.toString().contains(drawn) && err.toString().contains("continuing from"), err.toString());
        assertTrue(Files.readString(folder.resolve("run/config.yaml")).contains("seed: " + drawn.substring(drawn.lastIndexOf(' ') + 1)), drawn);
        assertEquals(ExitCode.BAD_INPUT, train("--set", "max_train_steps", 3));
        assertTrue(err.toString().contains("belongs to a run with seed"), err.toString());
    }

    @Test
    void aRunContinuesFromItsNewestCheckpointByName() throws IOException {
        config(pictures());
        assertEquals(ExitCode.BAD_INPUT, train("--set", "resume_from_checkpoint", "checkpoint-1"));
        assertTrue(err.toString().contains("error: MFL-E206: Requested resume point checkpoint-1 not found in " + folder.resolve("run") + "; found none; it holds no state to continue from"
                + " (ckpt_....safetensors). Starting from scratch is not assumed." + System.lineSeparator()) && err.toString().contains("pretrained_unet_path"), err.toString());
        assertFalse(Files.exists(folder.resolve("run")), "nothing may be written");
        assertEquals(0, train("--set", "max_train_steps", 1, "--set", "checkpoints_total_limit", 3), err.toString());
        assertEquals(0, train("--set", "resume_from_checkpoint", "run/checkpoint-1/", "--set", "checkpoints_total_limit", 3), err.toString());
        assertTrue(err.toString().contains("continuing from"), err.toString());
        assertTrue(Files.exists(folder.resolve("run/checkpoint-1/unet/config.json")));
        assertEquals(ExitCode.BAD_INPUT, train("--set", "resume_from_checkpoint", "checkpoint-1"));
        assertTrue(err.toString().contains("MFL-E206: Requested resume point checkpoint-1 has weights only: in " + folder.resolve("run") + " the newest state is")
                && err.toString().contains("of checkpoint-2. Starting from scratch is not assumed."), err.toString());
        assertEquals(ExitCode.BAD_INPUT, train("--set", "resume_from_checkpoint", "checkpoint-7"));
        assertTrue(err.toString().contains("MFL-E206: Requested resume point checkpoint-7 not found in " + folder.resolve("run") + "; found checkpoint-2, checkpoint-1;"), err.toString());
        assertEquals(ExitCode.BAD_INPUT, train("--set", "resume_from_checkpoint", "null"));
        assertTrue(err.toString().contains("already holds a run"), err.toString());
        assertEquals(ExitCode.BAD_INPUT, train("--set", "resume_from_checkpoint", "best"));
        assertTrue(err.toString().contains("checkpoint-2000"), err.toString());
    }

    @Test
    void validationsMeasureLpipsWhereItsNetworkIsGiven() throws IOException {
        config(pictures());
        Path vgg = folder.resolve("vgg16.safetensors");
        Path factors = folder.resolve("factors.safetensors");
        try (Scope scope = Scope.open("made-up VGG16")) {
            MadeUpVgg16.write(vgg, factors);
        }
        assertEquals(0, train("--lpips", vgg + "," + factors, "--set", "validation_guidance_scales", 1.0), err.toString());
        String metrics = Files.readString(folder.resolve("run/val/global_step_0002/validation-metrics.txt"));
        assertTrue(metrics.matches("guidance_scale: 1.0\n psnr: \\d+\\.\\d+\nlpips: 0\\.\\d+\nssim: .*\n"), metrics);
        assertTrue(MetricsLog.read(folder.resolve("run").resolve(MetricsLog.FILE_NAME)).getLast().values().get("val/lpips-guidance_scale-1.0") > 0);
        assertEquals(ExitCode.BAD_INPUT, train("--lpips", folder.resolve("gone.pth")));
        assertTrue(err.toString().contains("gone.pth"), err.toString());
    }

    /** The gate is not passed by having run. */
    @Test
    void theOverfitGateMeasuresWhetherTheLossFell() throws IOException {
        config(pictures());
        assertEquals(ExitCode.CHECK_FAILED, train("--overfit", 1, "--set", "max_train_steps", 2), err.toString());
        assertTrue(err.toString().contains("overfit gate NOT passed"), err.toString());
        JsonNode verdict = JSON.readTree(folder.resolve("run/overfit_1/overfit_verdict.json").toFile());
        assertFalse(verdict.get("passed").asBoolean());
        assertTrue(verdict.get("last_loss").asDouble() > 0.1 * verdict.get("largest_loss").asDouble() && verdict.get("samples").asInt() == 1, verdict.toString());
        assertFalse(Files.exists(folder.resolve("run/overfit_1/pipeckpts")), "what has learnt one sample by heart is no pipeline");
        assertEquals(ExitCode.USAGE, train("--overfit", 3));
        assertTrue(err.toString().contains("the list has 2 samples"), err.toString());
    }

    /** The gate can be passed: a small network learns the three views of one object by heart, through the command as everybody gives it. */
    @Test
    void theOverfitGateIsPassedByWhatHasLearnt() throws IOException {
        int[][] colours = {{210, 60, 40}, {50, 160, 70}, {40, 70, 200}};
        Path images = folder.resolve("sample0/images");
        for (int v = 0; v < VIEWS; v++) {
            Image8 view = Image8.blank(SIZE, SIZE, 4);
            for (int p = 0; p < SIZE * SIZE; p++) {
                if (Math.hypot(p % SIZE - 12.0 - 4 * v, p / SIZE - 15.5) < 9) {
                    for (int c = 0; c < 3; c++) {
                        view.data()[4 * p + c] = (byte) colours[v][c];
                    }
                    view.data()[4 * p + 3] = -1;
                }
            }
            PngWriter.write(images.resolve("cam_00" + v + ".png"), view);
        }
        config("""
                latent_space: pixels
                learned_prompt_tokens: 2
                optimizer: muon
                muon_factor: 10
                unet_config: {block_out_channels: [32, 32], down_block_types: [CrossAttnDownBlockMV2D, DownBlock2D], up_block_types: [UpBlock2D, CrossAttnUpBlockMV2D],
                  attention_head_dim: [2, 2], layers_per_block: 1, norm_num_groups: 4, cross_attention_dim: 8, use_linear_projection: true, sparse_mv_attention: true,
                  num_views: 3}""");
        String[] settings = {"img_wh", "12", "max_train_steps", "300", "gradient_accumulation_steps", "1", "gradient_checkpointing", "false", "learning_rate", "2e-3", "lr_warmup_steps", "20",
            "checkpointing_steps", "1000", "validation_steps", "1000", "validation_guidance_scales", "1.0"};
        List<Object> arguments = new ArrayList<>(List.of("--overfit", 1));
        for (int i = 0; i < settings.length; i += 2) {
            arguments.addAll(List.of("--set", settings[i], settings[i + 1]));
        }
        assertEquals(0, train(arguments.toArray()), err.toString());
        assertTrue(err.toString().contains("overfit gate passed"), err.toString());
        JsonNode verdict = JSON.readTree(folder.resolve("run/overfit_1/overfit_verdict.json").toFile());
        assertTrue(verdict.get("passed").asBoolean() && verdict.get("last_loss").asDouble() <= 0.1 * verdict.get("largest_loss").asDouble(), verdict.toString());
        assertFalse(Files.exists(folder.resolve("run/overfit_1/pipeckpts")));
    }

    /** MFL-E133: the training records how large its inputs show the subject; a photo that shows it otherwise is warned of with both numbers. */
    @Test
    void photosAreComparedWithTheSizeOfTheTrainingsSubjects() throws IOException {
        config(pictures());
        assertEquals(0, train("--set", "max_train_steps", 1), err.toString());
        Path exported = folder.resolve("run/pipeckpts");
        JsonNode record = JSON.readTree(exported.resolve("provenance.json").toFile());
        assertEquals(23.0 / 32, record.at("/expected_size_ratio/mean").asDouble(), 1e-9, record.toString());
        assertEquals(List.of(0.0, 2, 0.0), List.of(record.at("/expected_size_ratio/std").asDouble(), record.at("/expected_size_ratio/pictures").asInt(),
                record.at("/expected_center_offset/mean").asDouble()));
        assertEquals(0, run("views", folder.resolve("sample0/images/cam_000.png"), "--pipeline", exported, "--steps", 1, "-o", folder.resolve("same")), err.toString());
        assertFalse(err.toString().contains("MFL-E133"), err.toString());
        Image8 small = Image8.blank(SIZE, SIZE, 4);
        for (int p = 0; p < SIZE * SIZE; p++) {
            small.data()[4 * p + 3] = (byte) (p % SIZE >= 12 && p % SIZE <= 20 && p / SIZE >= 12 && p / SIZE <= 20 ? 255 : 0);
        }
        Path photo = folder.resolve("small.png");
        PngWriter.write(photo, small);
        for (List<Object> from : List.of(List.<Object>of("--pipeline", exported), List.<Object>of("--pipeline", exported, "--unet", folder.resolve("run/checkpoint-1")))) {
            List<Object> all = new ArrayList<>(List.of("views", photo, "--steps", 1, "-o", folder.resolve("small")));
            all.addAll(from);
            assertEquals(0, run(all.toArray()), err.toString());
            assertTrue(err.toString().contains("warning: " + photo + ": MFL-E133: the subject takes 0.28 of the picture (root of its share of the pixels), in the training 0.72 ± 0.00:"
                    + " 61 % smaller, at most 20 % is expected; views"), err.toString());
        }
        assertEquals(0, run("views", photo, "--pipeline", exported, "--auto-crop", "0.72", "--steps", 1, "-o", folder.resolve("framed")), err.toString());
        assertFalse(err.toString().contains("MFL-E133"), "framed like the training: " + err);
        assertEquals(0, run("views", photo, "--pipeline", pipeline, "--steps", 1, "-o", folder.resolve("none")), err.toString());
        assertFalse(err.toString().contains("MFL-E133"), "a pipeline without the record: " + err);
    }

    private void refused(String code, String... messages) throws IOException {
        refusedWith(List.of(), code, messages);
    }

    private void refusedWith(List<String> settings, String code, String... messages) throws IOException {
        Object[] arguments = settings.isEmpty() ? new Object[0] : new Object[] {"--set", settings.get(0), settings.get(1)};
        assertEquals(ExitCode.BAD_INPUT, train(arguments), err.toString());
        assertTrue(err.toString().contains(code), err.toString());
        for (String message : messages) {
            assertTrue(err.toString().contains(message), err.toString());
        }
        Path log = folder.resolve("run").resolve(MetricsLog.FILE_NAME);
        assertTrue(TrainingCheckpoint.list(log.getParent()).isEmpty() && (!Files.exists(log) || Files.size(log) == 0), "it trained");
    }

    @Test
    void missingComponentsAreNamedWithWhatIsThere() throws IOException {
        config(latents());
        for (String component : List.of("unet", "vae", "image_encoder", "image_normalizer", "image_noising_scheduler", "feature_extractor", "scheduler")) {
            Path hidden = Files.move(pipeline.resolve(component), folder.resolve("hidden"));
            refused(component.equals("unet") ? "MFL-E201" : "MFL-E202", component, component.equals("vae") ? "unet/" : "vae/");
            Files.move(hidden, pipeline.resolve(component));
        }
        Path checkpoint = Files.createDirectories(folder.resolve("checkpoint-7/optimizer")).getParent();
        refusedWith(List.of("pretrained_unet_path", checkpoint.toString()), "MFL-E201", "checkpoint-7");
        Files.delete(pipeline.resolve("unet").resolve(WEIGHTS));
        refused("MFL-E202", "no weights");
    }

    @Test
    void promptsPicturesAndSizesThatDoNotFitAreRefused() throws IOException {
        config(latents());
        refusedWith(List.of("prompt_embed_path", folder.resolve("none.pt").toString()), "MFL-E101", "none.pt");
        refusedWith(List.of("prompt_embed_path", TinyPipeline.prompts(folder.resolve("wide.safetensors"), VIEWS, 4, 12).toString()), "MFL-E104", "12", "16");
        refusedWith(List.of("prompt_embed_path", TinyPipeline.prompts(folder.resolve("six.safetensors"), 6, 4, TinyPipeline.WIDTH).toString()), "MFL-E110", "6");
        refusedWith(List.of("img_wh", "30"), "img_wh 30", "multiple of 4");
        refusedWith(List.of("pipe_kwargs.num_views", "6"), "MFL-E112");
        refusedWith(List.of("unet_from_pretrained_kwargs.num_views", "6"), "MFL-E111");
        refusedWith(List.of("train_dataset.path", folder.resolve("gone.txt").toString()), "gone.txt");
        refusedWith(List.of("n_views", "4"), "MFL-D01", "cam_003.png");
        Path clear = folder.resolve("sample1/images/cam_001.png");
        PngWriter.write(clear, Image8.blank(SIZE, SIZE, 4));
        refused("MFL-D05", "cam_001.png", "transparent");
        PngWriter.write(clear, Image8.blank(SIZE, SIZE / 2, 3));
        refused("MFL-D03", "cam_001.png", "square");
        config(pictures().replace("num_views: 3}", "num_views: 3, class_embed_type: projection, projection_class_embeddings_input_dim: 10}"));
        refused("class_embed_type", "pretrained_model_name_or_path");
        refusedWith(List.of("pretrained_model_name_or_path", pipeline.toString()), "projection_class_embeddings_input_dim", "10", "8");
    }
}
