package org.mouselift.pipeline.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.mouselift.pipeline.config.GslrmConfig.Background;
import org.mouselift.pipeline.config.GslrmConfig.RayEncoding;
import org.mouselift.pipeline.config.GslrmConfigReader.Loaded;

class GslrmConfigTest {
    private static Loaded load(String yaml, ConfigOverride... overrides) throws ConfigException {
        return GslrmConfigReader.read("c.yaml", YamlReader.parse("c.yaml", yaml), List.of(overrides));
    }

    private static List<String> problems(String yaml, ConfigOverride... overrides) {
        return assertThrows(ConfigException.class, () -> load(yaml, overrides)).problems();
    }

    private static Path real() {
        Path configs = Path.of(System.getProperty("mouselift.shared"), "real", "configs");
        assumeTrue(Files.isDirectory(configs), "SKIPPED: no configurations of the original at " + configs);
        return configs;
    }

    private static List<Path> yamlFiles(Path folder) throws IOException {
        try (var files = Files.walk(folder)) {
            return files.filter(path -> path.toString().endsWith(".yaml")).sorted().toList();
        }
    }

    @Test
    void everyConfigurationOfTheOriginalIsReadOrNamedAsStageOne() throws IOException {
        int read = 0;
        int stageOne = 0;
        List<String> failures = new ArrayList<>();
        for (Path file : yamlFiles(real())) {
            boolean diffusion = file.getFileName().toString().contains("mvdiffusion");
            try {
                GslrmConfigReader.read(file, List.of());
                read++;
                if (diffusion) {
                    failures.add(file + " was read as a stage-2 configuration");
                }
            } catch (StageOneConfigException e) {
                stageOne++;
                if (!diffusion) {
                    failures.add(e.getMessage());
                }
                try {
                    DiffusionConfigReader.read(file, List.of());
                } catch (ConfigException unreadable) {
                    // Two archived files have keys of their own, which the original does not read either.
                    if (!file.getParent().endsWith("archive") || !unreadable.getMessage().contains("unknown key experiment")) {
                        failures.add(unreadable.getMessage());
                    }
                }
            } catch (ConfigException e) {
                failures.add(e.getMessage());
            }
        }
        assertEquals(List.of(), failures);
        assertTrue(read > 0 && stageOne > 0, read + " read, " + stageOne + " of stage 1");
    }

    @Test
    void theMostEvolvedMouseConfigurationHasTheValuesOfTheInventory() throws IOException {
        Loaded loaded = GslrmConfigReader.read(real().resolve("mouse_gslrm_local_rtx3060.yaml"), List.of());
        GslrmConfig config = loaded.config();
        assertEquals(384, config.model().imageSize());
        assertEquals(1024, config.model().width());
        assertEquals(24, config.model().layers());
        assertEquals(RayEncoding.CUSTOM_PLUCKER, config.model().rays());
        assertEquals(6, config.dataset().numViews());
        assertEquals(5, config.dataset().numInputViews());
        assertEquals("fp16", config.runtime().halfPrecision());
        assertEquals(4, config.runtime().gradAccumSteps());
        assertEquals(20, config.runtime().allowedGradnormFactor());
        assertEquals(2e-5, config.optimizer().lr());
        assertTrue(config.optimizer().resetTrainingState());
        assertEquals(20_000, config.schedule().maxPasses());
        assertEquals(100, config.schedule().l2WarmupSteps());
        assertEquals(0.5, config.losses().ssim());
        assertTrue(config.losses().maskedL2() && config.losses().maskedSsim() && config.losses().clampRendering());
        assertTrue(config.mouse().useMouseDataset());
        assertEquals(2.7, config.mouse().targetCameraDistance());
        assertEquals(250, config.mouse().maskThreshold());
        assertEquals(new Background(Background.Kind.CONSTANT, 1), config.dataset().background());
        assertEquals(List.of(), loaded.warnings());
    }

    @Test
    void settingsWithoutEffectAreReported() throws IOException {
        String real = String.join("\n", GslrmConfigReader.read(real().resolve("mouse_gslrm_real_camera.yaml"), List.of()).warnings());
        for (String part : List.of("normalize_distance_to is the number 2.7: no code reads it", "use_mouse_dataset is not true", "grad_clip_norm")) {
            assertTrue(real.contains(part), part + " missing in\n" + real);
        }
        String freeze = String.join("\n", GslrmConfigReader.read(real().resolve("mouse_gslrm_freeze_all.yaml"), List.of()).warnings());
        assertTrue(freeze.contains("freeze_transformer_until"), freeze);
    }

    @Test
    void theTinyConfigurationOfTheSpecificationIsRead() throws ConfigException {
        GslrmConfig config = load("""
                model:
                  image_tokenizer: {image_size: 64, patch_size: 8, in_channels: 9}
                  transformer: {d: 64, d_head: 16, n_layer: 2}
                  gaussians: {n_gaussians: 2, sh_degree: 1, upsampler: {upsample_factor: 1}}
                  add_refsrc_marker: true
                training:
                  crop_size: 48
                  freeze_layers: {enabled: false, freeze_transformer_until: 1, freeze_patch_embedder: true, freeze_positional_embeddings: false}
                  schedule: {num_epochs: 1000, max_fwdbwd_passes: 60, warmup: 5, l2_warmup_steps: 10}
                  checkpointing: {checkpoint_every: 20, checkpoint_dir: out/tiny, resume_ckpt: ""}
                validation: {enabled: true, val_every: 20, output_dir: out/tiny_val, dataset_path: val.txt}
                mouse: {use_mouse_dataset: false}
                """).config();
        assertEquals(OptionalInt.of(48), config.cropSize());
        assertEquals(1, config.model().shDegree());
        assertTrue(config.checkpointing().resumeCheckpoint().isEmpty());
        assertEquals(Path.of("out/tiny"), config.checkpointing().checkpointDir());
    }

    @Test
    void missingKeysHaveTheLoadersDefaults() throws ConfigException {
        GslrmConfig plain = load("").config();
        assertEquals(8, plain.dataset().numViews());
        assertEquals(4, plain.dataset().numInputViews());
        assertTrue(plain.dataset().targetHasInput() && plain.losses().clampRendering());
        assertEquals(0.1, plain.losses().maskIouThreshold());
        assertEquals(1000, plain.losses().warmupPointsDistSteps());
        GslrmConfig mouse = load("mouse: {use_mouse_dataset: true}").config();
        assertEquals(6, mouse.dataset().numViews());
        assertEquals(1, mouse.dataset().numInputViews());
    }

    @Test
    void wordsAndNumbersMeanWhatYamlOnePointOneSays() throws ConfigException {
        GslrmConfig config = load("""
                training:
                  optimizer: {lr: 1e-4, weight_decay: 1.e-2, reset_lr: on}
                  losses: {masked_l2_loss: off, masked_ssim_loss: yes, l2_loss_weight: 2}
                  dataset: {dataset_path: "off", remove_alpha: no, background_color: 0.25}
                """).config();
        assertEquals(1e-4, config.optimizer().lr());
        assertEquals(1e-2, config.optimizer().weightDecay());
        assertTrue(config.optimizer().resetLr() && config.losses().maskedSsim() && !config.losses().maskedL2());
        assertEquals(2, config.losses().l2());
        assertEquals(Path.of("off"), config.dataset().datasetPath().orElseThrow(), "quoted words are text");
        assertEquals(0.25, config.dataset().background().grey());
    }

    @Test
    void wrongTypesAndRangesAreNamedByPathAndLineAllAtOnce() {
        List<String> problems = problems("""
                training:
                  optimizer:
                    lr: fast
                    beta1: 1.5
                  dataset: [1, 2]
                  losses: {background_color_target: [1, 1]}
                model:
                  image_tokenizer: {image_size: 100.5}
                  gaussians: {upsampler: {upsample_factor: 2}}
                """);
        assertEquals(Set.of(
                "c.yaml:3: training.optimizer.lr is the text \"fast\", expected a number of at least 0.0",
                "c.yaml:4: training.optimizer.beta1 is the number 1.5, expected a number from 0.0 to 1.0",
                "c.yaml:5: training.dataset is a list of 2, expected a mapping",
                "c.yaml:6: training.losses.background_color_target is a list of 2, expected a list of 3 numbers from 0.0 to 1.0",
                "c.yaml:8: model.image_tokenizer.image_size is the number 100.5, expected an integer from 1 to 16384",
                "c.yaml:9: model.gaussians.upsampler.upsample_factor is the integer 2, expected 1: no upsampler exists"), Set.copyOf(problems));
    }

    @Test
    void unknownKeysComeWithASuggestion() {
        assertEquals(List.of("c.yaml:2: unknown key training.optimzer (did you mean training.optimizer?)"),
                problems("training:\n  optimzer: {lr: 1}\n"));
        assertEquals(List.of("c.yaml:1: unknown key zebra"), problems("zebra: 1\nmodel: {}\n"));
    }

    @Test
    void duplicateKeysAliasesAndTagsAreRefused() {
        assertTrue(problems("training: {}\nmodel: {}\ntraining: {}\n").getFirst().startsWith("c.yaml:3: the key \"training\" stands twice"));
        assertTrue(problems("a: &x [1]\nb: *x\n").getFirst().contains("alias"));
        assertTrue(problems("model: !!python/object/apply:os.system [ls]\n").getFirst().contains("tag"));
        assertTrue(problems("a: [1, 2\n").getFirst().contains("not YAML"));
        assertTrue(problems("- 1\n").getFirst().contains("expected keys"));
    }

    @Test
    void overridesAreTypedAndCreateWhatTheyNeed() throws ConfigException {
        Loaded loaded = load("training: {optimizer: {lr: 1.0}}\n", new ConfigOverride("training.optimizer.lr", "3e-5"),
                new ConfigOverride("training.schedule.warmup", "7"), new ConfigOverride("mouse.use_mouse_dataset", "true"),
                new ConfigOverride("training.dataset.dataset_path", "a b.txt"));
        assertEquals(3e-5, loaded.config().optimizer().lr());
        assertEquals(7, loaded.config().schedule().warmup());
        assertTrue(loaded.config().mouse().useMouseDataset());
        assertEquals(Path.of("a b.txt"), loaded.config().dataset().datasetPath().orElseThrow());
        assertTrue(problems("training: 3", new ConfigOverride("training.crop_size", "4")).getFirst().contains("not a mapping"));
        assertEquals(List.of("--set training.optimizer.lr: training.optimizer.lr is the text \"much\", expected a number of at least 0.0"),
                problems("", new ConfigOverride("training.optimizer.lr", "much")));
        assertThrows(IllegalArgumentException.class, () -> new ConfigOverride("a..b", "1"));
    }

    @Test
    void aStageOneFileSaysWhatItIs() {
        ConfigException e = assertThrows(StageOneConfigException.class, () -> load("n_views: 6\ntrain_dataset: {path: x}\n"));
        assertTrue(e.getMessage().contains("stage 1"), e.getMessage());
    }
}
