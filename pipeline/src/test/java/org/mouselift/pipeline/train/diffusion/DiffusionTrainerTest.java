package org.mouselift.pipeline.train.diffusion;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.mouselift.data.checkpoint.Provenance;
import org.mouselift.data.camera.OpencvCameraFile;
import org.mouselift.data.camera.RigCatalog;
import org.mouselift.data.dataset.DiffusionViews;
import org.mouselift.data.image.Image8;
import org.mouselift.data.image.PngWriter;
import org.mouselift.data.safetensors.SafetensorsWriter;
import org.mouselift.engine.Philox;
import org.mouselift.models.diffusion.DiffusionSampler;
import org.mouselift.models.diffusion.ExponentialMovingAverage;
import org.mouselift.models.diffusion.NoiseSchedule;
import org.mouselift.models.optim.Optimizer;
import org.mouselift.pipeline.config.ConfigException;
import org.mouselift.pipeline.config.ConfigOverride;
import org.mouselift.pipeline.config.DiffusionConfig;
import org.mouselift.pipeline.config.DiffusionConfigReader;
import org.mouselift.pipeline.config.YamlReader;
import org.mouselift.pipeline.multiview.LatentSpace;
import org.mouselift.pipeline.prompts.PromptCheck;
import org.mouselift.pipeline.prompts.PromptEmbeddings;
import org.mouselift.pipeline.prompts.PromptException;
import org.mouselift.pipeline.prompts.TrainedPrompts;
import org.mouselift.pipeline.prompts.ViewDirections;
import org.mouselift.pipeline.train.TrainingListener;
import org.mouselift.pipeline.train.TrainingRun;

class DiffusionTrainerTest {
    private static final String YAML = """
            n_views: 3
            img_wh: 16
            latent_space: pixels
            reference_view_idx: random
            learned_prompt_tokens: 2
            unet_config:
              block_out_channels: [8, 16]
              down_block_types: [CrossAttnDownBlockMV2D, DownBlock2D]
              up_block_types: [UpBlock2D, CrossAttnUpBlockMV2D]
              attention_head_dim: [1, 2]
              layers_per_block: 1
              norm_num_groups: 4
              cross_attention_dim: 8
              use_linear_projection: true
              sparse_mv_attention: true
              num_views: ${n_views}
            train_dataset: {path: %s, bg_color: three_choices, augmentation: true}
            train_batch_size: 2
            gradient_accumulation_steps: 2
            learning_rate: 1e-3
            snr_gamma: 5.0
            max_grad_norm: 1.0
            camera_embedding_lr_mult: 0.5
            """;

    @TempDir
    Path folder;

    private Path list;

    @BeforeEach
    void pictures() throws IOException {
        List<String> lines = new ArrayList<>();
        for (int s = 0; s < 3; s++) {
            Path sample = folder.resolve("sample" + s);
            Files.createDirectories(sample.resolve("images"));
            for (int v = 0; v < 3; v++) {
                byte[] data = new byte[8 * 8 * 4];
                new Random(10L * s + v).nextBytes(data);
                data[3] = -1;
                PngWriter.write(sample.resolve("images").resolve("cam_00" + v + ".png"), new Image8(8, 8, 4, data));
            }
            lines.add(sample.toString());
        }
        list = Files.write(folder.resolve("list.txt"), lines);
    }

    private DiffusionConfig config(String... overrides) throws IOException {
        return DiffusionConfigReader.read("test", YamlReader.parse("test", YAML.formatted(list)), ConfigOverride.pairs(List.of(overrides))).config();
    }

    private DiffusionConfig mirrored(String order) throws IOException {
        String yaml = YAML.formatted(list).replace("augmentation: true", "augmentation: true, aug_hflip: " + order);
        return DiffusionConfigReader.read("test", YamlReader.parse("test", yaml), List.of()).config();
    }

    /** Trains to a number of updates, continuing what the folder holds. */
    private void train(DiffusionConfig c, Path to, long updates, boolean validate) throws IOException {
        train(c, to, updates, validate, new Silent());
    }

    private void train(DiffusionConfig c, Path to, long updates, boolean validate, TrainingListener listener) throws IOException {
        NoiseSchedule schedule = DiffusionSetup.schedule(c);
        try (LatentSpace space = DiffusionSetup.space(c); DiffusionModel model = DiffusionSetup.model(c, DiffusionSetup.prompts(c, ViewDirections.UNKNOWN, Set.of(), note -> {}))) {
            var objective = DiffusionSetup.objective(c, schedule);
            Optimizer optimiser = DiffusionSetup.optimiser(c, model);
            EncodedViews data = new EncodedViews(DiffusionSetup.data(c, c.train(), false), space, null);
            DiffusionValidation validation = !validate ? null : new DiffusionValidation(data, space, null, objective, new DiffusionValidation.Plan(1, 1, List.of(1.0, 3.0),
                    new DiffusionSampler(schedule, DiffusionSampler.Kind.DDIM, 1, 3), true, 1, to.resolve("val")), null);
            var course = new TrainingRun.Course(to, c.seed(), c.accumulation(), DiffusionTrainer.windows(3, c.batch(), c.accumulation()).passes(updates), 1, 2, 0, "", "{}");
            try (DiffusionTrainer trainer = new DiffusionTrainer(model, objective, space, null, data, validation, optimiser, DiffusionSetup.rate(c), DiffusionSetup.rules(c),
                    new ExponentialMovingAverage(optimiser.parameters(), ExponentialMovingAverage.Options.STANDARD),
                    new DiffusionTrainer.Plan(course, c.batch(), c.references(), true, false), listener)) {
                trainer.resume();
                trainer.run();
            }
        }
    }

    private static byte[] weights(Path checkpoint, String part) throws IOException {
        return Files.readAllBytes(checkpoint.resolve(part).resolve(part.startsWith("unet") ? "diffusion_pytorch_model.safetensors" : "clr_embeds.safetensors"));
    }

    @Test
    void aContinuedRunEndsWithTheSameBytes() throws IOException {
        DiffusionConfig c = config();
        train(c, folder.resolve("whole"), 4, true);
        train(c, folder.resolve("parts"), 2, false);
        train(c, folder.resolve("parts"), 4, false);
        Path whole = folder.resolve("whole").resolve("checkpoint-4");
        Path parts = folder.resolve("parts").resolve("checkpoint-4");
        for (String part : List.of("unet", "unet_ema", "prompt_embeds", "prompt_embeds_ema")) {
            assertArrayEquals(weights(whole, part), weights(parts, part), part);
        }
        assertFalse(java.util.Arrays.equals(weights(whole, "unet"), weights(folder.resolve("whole").resolve("checkpoint-3"), "unet")), "nothing was learnt");
        assertFalse(java.util.Arrays.equals(weights(whole, "prompt_embeds"), weights(folder.resolve("whole").resolve("checkpoint-3"), "prompt_embeds")));
        assertTrue(Files.readString(whole.resolve("unet_ema").resolve("config.json")).contains("\"optimization_step\" : 4"));
        assertTrue(Files.readString(parts.resolve("unet_ema").resolve("config.json")).contains("\"optimization_step\" : 4"));
        assertEquals(List.of("checkpoint-4", "checkpoint-3"), DiffusionCheckpoint.list(folder.resolve("parts")).stream().map(p -> p.getFileName().toString()).toList());
        try (Stream<Path> pictures = Files.walk(folder.resolve("whole").resolve("val").resolve("global_step_0004"))) {
            assertTrue(pictures.anyMatch(p -> p.getFileName().toString().equals("pred_gs_3.0.png")));
        }
    }

    /** Three samples in batches of two: the epoch ends with a batch of one, and with an update (multi-view diffusion specification §4.2, §4.5). */
    @Test
    void anEpochEndsWithAnIncompleteBatchAndAnUpdate() throws IOException {
        List<List<Double>> passes = new ArrayList<>();
        List<String> saved = new ArrayList<>();
        var listener = new Silent() {
            @Override
            public void pass(long pass, long last, Map<String, Double> values) {
                passes.add(List.of(values.get("metrics/epoch"), values.get("metrics/param_update_step")));
                assertEquals(6, last);
            }

            @Override
            public void saved(Path file) {
                saved.add(file.getFileName().toString().replaceAll("\\D+0*(\\d+).*", "$1"));
            }
        };
        train(config("gradient_accumulation_steps", "5"), folder.resolve("run"), 3, false, listener);
        assertEquals(List.of(List.of(0.0, 0.0), List.of(0.0, 1.0), List.of(1.0, 1.0), List.of(1.0, 2.0), List.of(2.0, 2.0), List.of(2.0, 3.0)), passes);
        assertEquals(List.of("2", "4", "6"), saved, "after every update");
    }

    /** Mouse specification §6.3: loss by slot and by timestep, decay of the averages. */
    @Test
    void passesAreLoggedBySlotAndTimestep() throws IOException {
        assertEquals(Map.of("slot_0/mse_by_slot", 3.0, "slot_1/mse_by_slot", 4.0, "slot_2/mse_by_slot", 6.0), DiffusionTrainer.bySlot(new double[] {1, 2, 3, 5, 6, 9}, 3));
        assertEquals(Map.of("t_0_249/mse_by_timestep", 3.0, "t_750_999/mse_by_timestep", 8.0), DiffusionTrainer.byTimestep(new double[] {2, 4, 7, 9}, new int[] {249, 750}, 1000));
        assertEquals(Map.of("t_3_4/mse_by_timestep", 1.0, "t_5_7/mse_by_timestep", 3.0), DiffusionTrainer.byTimestep(new double[] {1, 2, 4}, new int[] {4, 5, 7}, 10));
        List<Map<String, Double>> passes = new ArrayList<>();
        train(config(), folder.resolve("run"), 3, false, new Silent() {
            @Override
            public void pass(long pass, long last, Map<String, Double> values) {
                passes.add(values);
            }
        });
        assertEquals(6, passes.size(), "windows end with the epoch: two passes an update");
        List<Double> decays = new ArrayList<>();
        for (Map<String, Double> values : passes) {
            assertEquals(values.get("train/mse"), (values.get("train/slot_0/mse_by_slot") + values.get("train/slot_1/mse_by_slot") + values.get("train/slot_2/mse_by_slot")) / 3, 1e-9);
            double[] buckets = values.entrySet().stream().filter(e -> e.getKey().endsWith("/mse_by_timestep")).mapToDouble(Map.Entry::getValue).toArray();
            assertTrue(buckets.length == 1 || buckets.length == 2, values.toString());
            assertTrue(values.get("metrics/images_per_second") > 0, values.toString());
            decays.add(values.get("metrics/ema_decay"));
        }
        assertEquals(List.of(0.0, 0.0, 0.0, 2.0 / 11, 2.0 / 11, 3.0 / 12), decays);
    }

    /** Words stand beside the pictures, which are enlarged by repetition; the words of a column differ from those of another. */
    @Test
    void gridsOfViewsHaveLabels() {
        Image8 views = Image8.blank(24, 12, 3);
        for (int i = 0; i < views.data().length; i++) {
            views.data()[i] = (byte) (i / 3 % 24 < 12 ? 40 : 200);
        }
        BufferedImage grid = LabelledViews.of(List.of(new LabelledViews.Row("GT", views)), List.of(List.of("slot 0, camera 4", "front"), List.of("slot 1, camera 5", "back")), 12);
        int top = LabelledViews.top(2);
        assertEquals(List.of(LabelledViews.LEFT + 240, top + 120), List.of(grid.getWidth(), grid.getHeight()));
        assertEquals(0xFF282828, grid.getRGB(LabelledViews.LEFT + 119, top + 119));
        assertEquals(0xFFC8C8C8, grid.getRGB(LabelledViews.LEFT + 120, top));
        assertTrue(dark(grid, 0, top, LabelledViews.LEFT, 120) > 10, "GT");
        int first = dark(grid, LabelledViews.LEFT, 15, 120, top - 15);
        int second = dark(grid, LabelledViews.LEFT + 120, 15, 120, top - 15);
        assertTrue(first > 20 && second > 20 && first != second, first + " " + second);
    }

    private static int dark(BufferedImage image, int left, int top, int width, int height) {
        int count = 0;
        for (int y = top; y < top + height; y++) {
            for (int x = left; x < left + width; x++) {
                count += (image.getRGB(x, y) & 0xFF) < 128 ? 1 : 0;
            }
        }
        return count;
    }

    /** Kernels and matrices inside learn by Muon, the rest by AdamW; the run continues with the same bytes, too. */
    @Test
    void muonLearnsWhatIsInside() throws IOException {
        DiffusionConfig c = config("optimizer", "muon", "muon_factor", "2");
        try (LatentSpace space = DiffusionSetup.space(c); DiffusionModel model = DiffusionSetup.model(c, DiffusionSetup.prompts(c, ViewDirections.UNKNOWN, Set.of(), note -> {}));
                Optimizer optimiser = DiffusionSetup.optimiser(c, model)) {
            Set<String> adamw = optimiser.secondMoments().keySet();
            Set<String> muon = new java.util.TreeSet<>(optimiser.firstMoments().keySet());
            muon.removeAll(adamw);
            assertTrue(muon.contains("mid_block.resnets.0.conv1.weight") && muon.contains("down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q.weight"), muon.toString());
            assertTrue(adamw.containsAll(List.of("conv_in.weight", "conv_out.weight", "time_embedding.linear_1.weight", "prompt_embeds")), adamw.toString());
            assertTrue(muon.stream().allMatch(name -> name.endsWith(".weight") && !name.contains("norm")), muon.toString());
            assertEquals(model.weights().keySet(), optimiser.parameters().keySet());
        }
        train(c, folder.resolve("whole"), 2, false);
        train(c, folder.resolve("parts"), 1, false);
        train(c, folder.resolve("parts"), 2, false);
        assertArrayEquals(weights(folder.resolve("whole").resolve("checkpoint-2"), "unet"), weights(folder.resolve("parts").resolve("checkpoint-2"), "unet"));
    }

    @Test
    void anotherUNetStartsTheTrainingWithoutItsReference() throws IOException {
        DiffusionConfig c = config();
        train(c, folder.resolve("source"), 1, false);
        Path unet = folder.resolve("source").resolve("checkpoint-1").resolve("unet");
        DiffusionConfig adapting = DiffusionConfigReader.read("test", YamlReader.parse("test", YAML.formatted(list).replaceAll("(?s)unet_config:.*?train_dataset", "train_dataset")),
                List.of(new ConfigOverride("pretrained_unet_path", unet.getParent().toString()))).config();
        try (LatentSpace space = DiffusionSetup.space(adapting); DiffusionModel model = DiffusionSetup.model(adapting, DiffusionSetup.prompts(adapting, ViewDirections.UNKNOWN, Set.of(), note -> {}));
                var scope = org.mouselift.engine.Scope.open("test")) {
            float[] start = model.unet().stateDict().get("conv_in.weight").toFloats();
            boolean reference = false;
            for (int i = 0; i < start.length; i++) {
                reference |= i / 9 % 6 >= 3 && start[i] != 0;
            }
            assertTrue(reference, "reference channels that the source has must stay");
        }
    }

    @Test
    void promptsAreCheckedAgainstTheConfiguration() throws IOException {
        float[] values = new float[3 * 77 * 8];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) Math.sin(i);
        }
        Path file = folder.resolve("clr.safetensors");
        new SafetensorsWriter().add("clr", new long[] {3, 77, 8}, values).write(file);
        var yaml = YamlReader.parse("test", YAML.formatted(list).replace("learned_prompt_tokens: 2", "prompt_embed_path: " + file));
        DiffusionConfig c = DiffusionConfigReader.read("test", yaml, List.of()).config();
        PromptException e = assertThrows(PromptException.class, () -> DiffusionSetup.prompts(c, ViewDirections.UNKNOWN, Set.of(), note -> {}));
        assertEquals("MFL-E107", e.code());
        List<String> notes = new ArrayList<>();
        TrainingPrompts prompts = DiffusionSetup.prompts(c, ViewDirections.UNKNOWN, Set.of("MFL-E107"), notes::add);
        assertArrayEquals(values, prompts.values());
        assertTrue(notes.getFirst().startsWith("warning: MFL-E107") && notes.getLast().contains("E111"), notes.toString());
        DiffusionConfig four = DiffusionConfigReader.read("test", yaml, List.of(new ConfigOverride("n_views", "4"))).config();
        e = assertThrows(PromptException.class, () -> DiffusionSetup.prompts(four, ViewDirections.UNKNOWN, Set.of("MFL-E107"), note -> {}));
        assertTrue(e.getMessage().contains("MFL-E110: " + file + ": prompt file has 3 slots, n_views is 4"), e.getMessage());
        DiffusionConfig wide = DiffusionConfigReader.read("test", yaml, List.of(new ConfigOverride("unet_config.cross_attention_dim", "16"))).config();
        e = assertThrows(PromptException.class, () -> DiffusionSetup.prompts(wide, ViewDirections.UNKNOWN, Set.of("MFL-E107"), note -> {}));
        assertTrue(e.getMessage().contains("MFL-E104") && e.getMessage().contains("8-wide but the UNet expects 16"), e.getMessage());
    }

    @Test
    void theWeightsRecordPromptsAndDirections() throws IOException {
        for (int s = 0; s < 3; s++) {
            OpencvCameraFile.ofRig(RigCatalog.human6().select(0, 1, 2)).write(folder.resolve("sample" + s).resolve("opencv_cameras.json"));
        }
        DiffusionConfig c = config();
        ViewDirections views = DiffusionSetup.directions(DiffusionSetup.data(c, c.train(), false));
        assertEquals(List.of("front", "front-right", "right"), views.slots().stream().map(s -> s.name()).toList());
        try (DiffusionModel model = DiffusionSetup.model(c, DiffusionSetup.prompts(c, views, Set.of(), note -> {}))) {
            Path checkpoint = DiffusionCheckpoint.write(folder, 7, model, null, 0, Provenance.empty());
            PromptEmbeddings read = PromptEmbeddings.read(checkpoint.resolve("prompt_embeds").resolve("clr_embeds.safetensors"));
            TrainedPrompts record = TrainedPrompts.read(checkpoint.resolve("unet")).orElseThrow();
            assertEquals(views.slots(), record.slots());
            assertEquals(views.slots(), read.metadata().orElseThrow().slots());
            assertEquals(read.valuesSha256(), record.valuesSha256());
            PromptCheck.of(read).unet(model.unet().config(), "unet", Optional.of(record)).cameras(RigCatalog.human6().select(0, 1, 2)).require(Set.of(), note -> {});
            assertEquals("MFL-E121", assertThrows(PromptException.class, () -> PromptCheck.of(read).unet(model.unet().config(), "unet", Optional.of(record))
                    .cameras(RigCatalog.named("human6_elevated").select(0, 1, 2)).require(Set.of(), note -> {})).code());
        }
        OpencvCameraFile.ofRig(RigCatalog.named("human6_elevated").select(0, 1, 2)).write(folder.resolve("sample1").resolve("opencv_cameras.json"));
        assertEquals(ViewDirections.UNKNOWN, DiffusionSetup.directions(DiffusionSetup.data(c, c.train(), false)), "samples of different rigs have no common directions");
    }

    @Test
    void augmentationLeavesTheBackgroundUnlessAskedTo() throws IOException {
        float[] bright = {1.5f, 1.5f};
        float[] one = {1, 1};
        for (boolean background : new boolean[] {false, true}) {
            var options = new DiffusionViews.Options(3, 8, org.mouselift.data.dataset.BackgroundColor.GRAY, bright, one, background, List.of(),
                    org.mouselift.data.dataset.PictureDegradation.NONE);
            byte[] clear = new byte[8 * 8 * 4];
            java.util.Arrays.fill(clear, 0, 4, (byte) -1);
            PngWriter.write(folder.resolve("sample0").resolve("images").resolve("cam_000.png"), new Image8(8, 8, 4, clear));
            DiffusionViews views = new DiffusionViews(org.mouselift.data.dataset.SampleList.read(list), options);
            assertEquals(background ? 0.75f : 0.5f, views.load(0, false, new Philox(1, 1), 0).images()[5], 1e-6f);
        }
    }

    /** A mirrored object: picture v is that of the view opposite in the mirror, its columns reversed; the reference stays the reference. */
    @Test
    void mirroredObjectsShowTheOppositeViews() throws IOException {
        DiffusionConfig c = mirrored("[0, 2, 1]");
        DiffusionViews views = DiffusionSetup.data(c, c.train(), false);
        var plain = views.load(0, false, new Philox(1, 1), 0);
        var mirrored = views.load(0, true, new Philox(1, 1), 0);
        int side = plain.size();
        for (int v = 0; v < 3; v++) {
            float[] source = plain.view(List.of(0, 2, 1).get(v));
            float[] shown = mirrored.view(v);
            for (int i = 0; i < shown.length; i++) {
                assertEquals(source[i / side * side + side - 1 - i % side], shown[i]);
            }
        }
        assertFalse(java.util.Arrays.equals(plain.images(), mirrored.images()));
        assertThrows(ConfigException.class, () -> mirrored("[1, 2, 0]"), "three views in a ring are no mirror");
        assertThrows(ConfigException.class, () -> mirrored("[0, 2]"), "every view needs one");
        assertTrue(mirrored("true").train().mirror().isEmpty(), "the original's key alone is ignored, with a warning");
        var human6 = ViewDirections.of(RigCatalog.named("human6").cameras());
        assertTrue(human6.mirrors(List.of(0, 5, 4, 3, 2, 1)));
        assertFalse(human6.mirrors(List.of(0, 4, 5, 3, 1, 2)));
    }

    /** What is drawn for mirroring does not disturb the run's determinism: the same seed gives the same bytes, another one than without. */
    @Test
    void aMirroredRunContinuesWithTheSameBytes() throws IOException {
        DiffusionConfig c = mirrored("[0, 2, 1]");
        train(c, folder.resolve("whole"), 4, false);
        train(c, folder.resolve("parts"), 2, false);
        train(c, folder.resolve("parts"), 4, false);
        train(config(), folder.resolve("plain"), 4, false);
        byte[] whole = weights(folder.resolve("whole").resolve("checkpoint-4"), "unet");
        assertArrayEquals(whole, weights(folder.resolve("parts").resolve("checkpoint-4"), "unet"));
        assertFalse(java.util.Arrays.equals(whole, weights(folder.resolve("plain").resolve("checkpoint-4"), "unet")));
    }

    /** K-39 of the mouse specification: a model that copies its input into all slots is told from one that draws them. */
    @Test
    void viewsThatAreAllAlikeRaiseAnAlarm() {
        float[] truth = {0, 0, 1, 0, 0, 1};
        assertEquals((Math.sqrt(0.5) + Math.sqrt(0.5) + 1) / 3, DiffusionValidation.spread(truth, 3), 1e-9);
        float[] copies = {0.2f, 0.7f, 0.2f, 0.7f, 0.2f, 0.7f};
        assertEquals(0, DiffusionValidation.spread(copies, 3));
        assertTrue(DiffusionValidation.collapse(0.12, "3.0").orElseThrow().matches("alarm: .* by 12 % .*guidance 3.0.*"));
        assertTrue(DiffusionValidation.collapse(0.9, "3.0").isEmpty());
    }

    /** Sampling steps that begin at pure noise: training, validation and export follow the same schedule; what is unknown or unsupported is refused by name. */
    @Test
    void theConfigurationMaySetKeysOfTheSchedule() throws IOException {
        DiffusionConfig c = config("scheduler_config.timestep_spacing", "trailing");
        assertArrayEquals(new int[] {999, 749, 499, 249}, DiffusionSetup.schedule(c).timesteps(4));
        assertArrayEquals(new int[] {751, 501, 251, 1}, DiffusionSetup.schedule(config()).timesteps(4));
        try (DiffusionModel model = DiffusionSetup.model(c, DiffusionSetup.prompts(c, ViewDirections.UNKNOWN, Set.of(), note -> {}))) {
            Path folder = DiffusionExport.write(this.folder.resolve("out"), c, model, null, org.mouselift.data.checkpoint.Provenance.empty());
            assertArrayEquals(new int[] {999, 749, 499, 249}, NoiseSchedule.of(org.mouselift.pipeline.multiview.PipelineFolder.open(folder).config("scheduler", "scheduler_config.json"), false, "out").timesteps(4));
        }
        DiffusionConfig wrong = config("scheduler_config.timestep_space", "trailing");
        assertTrue(assertThrows(IllegalArgumentException.class, () -> DiffusionSetup.schedule(wrong)).getMessage().contains("timestep_space"));
    }

    @Test
    void problemsAreNamedTogether() {
        ConfigException e = assertThrows(ConfigException.class, () -> config("n_view", "3", "reference_view_idx", "7", "drop_type", "never"));
        assertEquals(3, e.problems().size(), e.getMessage());
        assertTrue(e.getMessage().contains("n_views") && e.getMessage().contains("reference_view_idx") && e.getMessage().contains("drop_as_a_whole"), e.getMessage());
    }

    @Test
    void readsTheConfigurationsInUse() throws IOException {
        Path configs = Path.of(System.getProperty("mouselift.shared", "")).resolve("real").resolve("configs");
        Assumptions.assumeTrue(Files.isDirectory(configs), "SKIPPED: no configurations below the property mouselift.shared");
        DiffusionConfig c = DiffusionConfigReader.read(configs.resolve("mouse_mvdiffusion.yaml"), List.of()).config();
        assertEquals(6, c.references().size());
        assertEquals(5e-5, c.optimizer().rate(), 1e-12);
        assertEquals(5.0, c.conditions().snrGamma().orElseThrow());
        assertEquals(List.of(1.0, 3.0), c.validating().guidance());
        assertEquals(0.9, c.train().brightness()[0]);
        assertEquals(8, DiffusionConfigReader.read(configs.resolve("mvdiffusion.yaml"), List.of()).config().batch());
    }

    private static class Silent implements TrainingListener {
        @Override
        public void note(String text) {}

        @Override
        public void pass(long pass, long last, Map<String, Double> values) {}

        @Override
        public void validated(long pass, Map<String, Double> values) {
            assertTrue(values.values().stream().allMatch(Double::isFinite), values.toString());
            assertTrue(values.get("val/slot_difference-guidance_scale-3.0") > 0, values.toString());
            for (String metric : List.of("psnr-guidance_scale-1.0", "ssim-guidance_scale-3.0")) {
                assertEquals(values.get("val/" + metric), (values.get("val/slot_0/" + metric) + values.get("val/slot_1/" + metric) + values.get("val/slot_2/" + metric)) / 3, 1e-9, metric);
            }
        }

        @Override
        public void picture(long pass, String name, BufferedImage picture) {
            assertEquals(LabelledViews.top(1) + 3 * 8 * 16, picture.getHeight(), "three rows of 16 pixels, enlarged by eight");
            assertEquals(LabelledViews.LEFT + 3 * 8 * 16, picture.getWidth());
        }

        @Override
        public void saved(Path file) {}
    }
}
