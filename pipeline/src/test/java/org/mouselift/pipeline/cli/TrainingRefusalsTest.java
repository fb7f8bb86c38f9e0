package org.mouselift.pipeline.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.mouselift.data.camera.Rings;
import org.mouselift.data.synth.SynthMice;
import org.mouselift.pipeline.checkpoint.RunFolder;
import org.mouselift.pipeline.train.TrainingCheckpoint;

/** What a training refuses before it writes anything: folders in use, of others, with names that mislead; missing weights (K-07, K-13, F-154, MFL-E207). */
class TrainingRefusalsTest {
    @TempDir Path folder;
    private Path config;
    private final StringWriter err = new StringWriter();

    @BeforeEach
    void data() throws IOException {
        SynthMice.write(folder.resolve("mice"), new SynthMice.Options(2, 0, 3, Rings.turntable(3, 5, 16), 16, 0, 0, false, new SynthMice.NovelViews(1, -10, 40)), done -> {});
        config = Files.writeString(folder.resolve("tiny.yaml"), """
                model:
                  image_tokenizer: {image_size: 16, patch_size: 8, in_channels: 9}
                  transformer: {d: 16, d_head: 16, n_layer: 1}
                  gaussians: {n_gaussians: 2, sh_degree: 0, upsampler: {upsample_factor: 1}}
                training:
                  runtime: {use_amp: false, grad_accum_steps: 1, grad_clip_norm: 1.0, allowed_gradnorm_factor: 100}
                  dataset: {dataset_path: "%1$s/mice/data_train.txt", num_views: 4, num_input_views: 2, target_has_input: false, remove_alpha: false,
                            background_color: white, maximize_view_overlap: false}
                  dataloader: {batch_size_per_gpu: 1}
                  losses: {l2_loss_weight: 1.0}
                  optimizer: {lr: 0.001}
                  schedule: {num_epochs: 100, max_fwdbwd_passes: 1, warmup: 1}
                  checkpointing: {checkpoint_every: 100, checkpoint_dir: "%1$s/run", resume_ckpt: ""}
                  logging: {print_every: 100, vis_every: 100, wandb: {log_every: 1}}
                validation: {enabled: false}
                """.formatted(folder));
    }

    private int run(Path run, String... more) {
        err.getBuffer().setLength(0);
        List<String> arguments = new ArrayList<>(List.of("train", "gslrm", "--config", config.toString(), "--set", "training.checkpointing.checkpoint_dir", run.toString()));
        arguments.addAll(List.of(more));
        return Mouselift.commandLine().setOut(new PrintWriter(new StringWriter())).setErr(new PrintWriter(err, true)).execute(arguments.toArray(String[]::new));
    }

    private void refused(int exit, String message) {
        assertEquals(ExitCode.BAD_INPUT, exit, err.toString());
        String text = err.toString();
        assertEquals("error: " + message, text.substring(Math.max(0, text.indexOf("error: "))).strip());
    }

    @Test
    void aFolderIsOneRunsAtATime() throws IOException {
        Path run = folder.resolve("checkpoints/gslrm/mouse");
        try (RunFolder held = RunFolder.claim(run, RunFolder.Stage.GSLRM)) {
            refused(run(run), run + " is in use by another training (process " + ProcessHandle.current().pid() + ") (wait for it, end it, or choose another folder)");
            try (var files = Files.list(run)) {
                assertEquals(List.of(RunFolder.LOCK), files.map(f -> f.getFileName().toString()).toList());
            }
        }
        assertEquals(ExitCode.OK, run(run), err.toString());
        assertEquals(ExitCode.OK, run(run, "--set", "training.schedule.max_fwdbwd_passes", "2"), err.toString());
    }

    /** F-017, K-63: what the record of a data set says about its steps. */
    @Test
    void dataSetsWithoutAStepOrWithCamerasLeftBehindAreRefused() throws IOException {
        Path run = folder.resolve("lineage");
        Path record = folder.resolve("mice/dataset.json");
        Files.writeString(record, "{\"chain\": [{\"step\": \"prepare\", \"intrinsics\": \"exact\"}, {\"step\": \"pixel-based\", \"intrinsics\": \"frozen\"}]}");
        assertEquals(ExitCode.BAD_INPUT, run(run));
        assertTrue(err.toString().contains("MFL-E129") && err.toString().contains(record + ": says that step pixel-based moved the pictures and left the cameras as they were"), err.toString());
        assertFalse(Files.exists(run), "nothing may be written");
        assertEquals(ExitCode.OK, run(run, "--set", "training.dataset.allow_frozen_intrinsics", "true"), err.toString());
        assertTrue(err.toString().contains("mice was made by prepare → pixel-based"), err.toString());
        Path other = folder.resolve("expected");
        assertEquals(ExitCode.BAD_INPUT, run(other, "--set", "training.dataset.allow_frozen_intrinsics", "true", "--set", "training.dataset.expect_preprocessing", "hull3d"));
        assertTrue(err.toString().contains("MFL-D07") && err.toString().contains("hull3d is missing"), err.toString());
        Path sample = folder.resolve("mice/sample_000000");
        assertEquals(ExitCode.BAD_INPUT, Mouselift.commandLine().setOut(new PrintWriter(new StringWriter())).setErr(new PrintWriter(err, true)).execute("splat", sample.toString(), "-o",
                folder.resolve("splat").toString()));
        assertTrue(err.toString().contains("--allow MFL-E129"), err.toString());
    }

    @Test
    void namesThatMisleadAreRefused() {
        Path spaces = folder.resolve("checkpoints/gslrm/my mouse");
        refused(run(spaces), "the folder of a training cannot be named 'my mouse': " + spaces
                + " (a name has letters, digits, dot, dash and underscore, begins with a letter or digit, and has at most 100 characters)");
        Path step = folder.resolve("checkpoints/gslrm/checkpoint-500");
        refused(run(step), "the folder of a training cannot be named 'checkpoint-500', which is the name of a checkpoint: " + step
                + " (name the experiment: checkpoints/gslrm/mouse)");
        Path part = folder.resolve("mouse/unet_ema");
        refused(run(part), "the folder of a training cannot be named 'unet_ema', which is the name of a part of a checkpoint: " + part
                + " (name the experiment: checkpoints/gslrm/mouse)");
        Path stage = folder.resolve("checkpoints/mvdiffusion/mouse");
        refused(run(stage), "a training of gslrm would write to " + stage + ", which is named after mvdiffusion (the layout is checkpoints/<stage>/<experiment>: checkpoints/gslrm/mouse)");
        assertFalse(Files.exists(folder.resolve("checkpoints")));
        assertFalse(Files.exists(folder.resolve("mouse")));
    }

    @Test
    void theFolderOfAnotherRunIsRefused() throws IOException {
        Path run = folder.resolve("run");
        assertEquals(ExitCode.OK, run(run), err.toString());
        Path other = Files.copy(folder.resolve("mice/data_train.txt"), folder.resolve("mice/other.txt"));
        String[] more = {"--set", "training.schedule.max_fwdbwd_passes", "2", "--set", "training.dataset.dataset_path", other.toString()};
        refused(run(run, more), run + " holds a run on " + folder.resolve("mice/data_train.txt") + ", the configuration names " + other + System.lineSeparator()
                + "  Choose another training.checkpointing.checkpoint_dir, or continue on the other data with --resume-anyway.");
        List<String> anyway = new ArrayList<>(List.of(more));
        anyway.add("--resume-anyway");
        assertEquals(ExitCode.OK, run(run, anyway.toArray(String[]::new)), err.toString());
        Path record = run.resolve(TrainingCheckpoint.fileName(2) + ".provenance.json");
        Files.writeString(record, Files.readString(record).replace("\"gslrm\"", "\"mvdiffusion\""));
        refused(run(run, more), run + " holds a training of mvdiffusion, this one is of gslrm (choose another folder)");
    }

    @Test
    void damagedAndForeignWeightsAreRefusedByCode() throws IOException {
        Path first = folder.resolve("first");
        assertEquals(ExitCode.OK, run(first), err.toString());
        Path weights = first.resolve("weights/model.safetensors");
        Path next = folder.resolve("next");
        byte[] whole = Files.readAllBytes(weights);
        Files.write(weights, java.util.Arrays.copyOf(whole, whole.length - 8));
        assertEquals(ExitCode.BAD_INPUT, run(next, "--load", weights.toString()));
        assertTrue(err.toString().contains("error: MFL-E202: Checkpoint " + weights + " is incomplete or damaged: " + weights + ": tensor '"), err.toString());
        Files.writeString(weights, "something else");
        assertEquals(ExitCode.BAD_INPUT, run(next, "--load", weights.toString()));
        assertTrue(err.toString().contains("error: MFL-E202: Checkpoint " + weights + " is incomplete or damaged: " + weights + ": neither safetensors nor PyTorch"), err.toString());
        Files.write(weights, whole);
        assertEquals(ExitCode.BAD_INPUT, run(next, "--load", weights.toString(), "--set", "model.transformer.n_layer", "2"));
        assertTrue(err.toString().contains("error: MFL-E203: " + weights + " does not belong to this configuration: transformer.n_layer is 2, the checkpoint's shapes say 1"), err.toString());
        // A run whose checkpoints are all damaged does not begin anew.
        Files.writeString(first.resolve(TrainingCheckpoint.fileName(1)), "damaged");
        assertEquals(ExitCode.BAD_INPUT, run(first));
        assertTrue(err.toString().contains("error: MFL-E202: no checkpoint in " + first + " can be read"), err.toString());
    }

    @Test
    void missingWeightsAreRefusedWithWhatThereIs() throws IOException {
        Path there = folder.resolve("checkpoints/gslrm/mouse");
        assertEquals(ExitCode.OK, run(there), err.toString());
        Path wrong = folder.resolve("checkpoints/gslrm/muose");
        Path run = folder.resolve("next");
        refused(run(run, "--load", wrong.toString()), "MFL-E207: the weights to start from do not exist: " + wrong + "; available checkpoints: "
                + there.resolve(TrainingCheckpoint.fileName(1)) + " (step 1)" + System.lineSeparator()
                + "  Correct --load or training.checkpointing.resume_ckpt; set it to \"\" to start from random weights on purpose.");
        Path empty = Files.createDirectories(folder.resolve("empty"));
        refused(run(run, "--load", empty.toString()), "MFL-E207: " + empty + " has no readable ckpt_*.pt or ckpt_*.safetensors and no model.safetensors" + System.lineSeparator()
                + "  Name a file, or a folder that holds one of these.");
        assertFalse(Files.exists(run));
        // The newest by number; a damaged one is passed over and named.
        Files.writeString(there.resolve("ckpt_0000000000000010.pt"), "damaged");
        assertEquals(ExitCode.OK, run(run, "--load", there.toString()), err.toString());
        assertTrue(err.toString().contains("passed over: " + there.resolve("ckpt_0000000000000010.pt")) && err.toString().contains("the newest readable checkpoint by number is "
                + TrainingCheckpoint.fileName(1) + " (step 1)"), err.toString());
    }
}
