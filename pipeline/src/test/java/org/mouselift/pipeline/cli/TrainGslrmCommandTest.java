package org.mouselift.pipeline.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.mouselift.data.camera.Rings;
import org.mouselift.data.checkpoint.ContentHash;
import org.mouselift.data.checkpoint.Provenance;
import org.mouselift.data.synth.SynthMice;
import org.mouselift.engine.Scope;
import org.mouselift.models.optim.Schedule;
import org.mouselift.pipeline.evaluate.MadeUpVgg16;
import org.mouselift.pipeline.evaluate.MadeUpVgg19;
import org.mouselift.pipeline.log.MetricsLog;
import org.mouselift.pipeline.train.TrainingCheckpoint;

class TrainGslrmCommandTest {
    @TempDir
    static Path folder;

    private static Path config;
    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    @BeforeAll
    static void data() throws IOException {
        SynthMice.write(folder.resolve("mice"), new SynthMice.Options(2, 0, 3, Rings.turntable(3, 5, 32), 32, 0, 0, false, new SynthMice.NovelViews(1, -10, 40)),
                done -> {});
        config = Files.writeString(folder.resolve("tiny.yaml"), """
                model:
                  image_tokenizer: {image_size: 32, patch_size: 8, in_channels: 9}
                  transformer: {d: 32, d_head: 16, n_layer: 1}
                  gaussians: {n_gaussians: 2, sh_degree: 0, upsampler: {upsample_factor: 1}}
                training:
                  runtime: {use_amp: false, grad_accum_steps: 1, grad_clip_norm: 1.0, allowed_gradnorm_factor: 100}
                  dataset: {dataset_path: "%1$s/mice/data_train.txt", num_views: 4, num_input_views: 2, target_has_input: false, remove_alpha: false,
                            background_color: white, maximize_view_overlap: false}
                  dataloader: {batch_size_per_gpu: 1}
                  losses: {l2_loss_weight: 1.0, lpips_loss_weight: 0.5}
                  optimizer: {lr: 0.001}
                  schedule: {num_epochs: 10, max_fwdbwd_passes: 2, warmup: 1}
                  checkpointing: {checkpoint_every: 100, checkpoint_dir: "%1$s/run", resume_ckpt: ""}
                  logging: {print_every: 100, vis_every: 100, wandb: {log_every: 1}}
                validation: {enabled: false}
                """.formatted(folder));
    }

    private int run(String... more) {
        err.getBuffer().setLength(0);
        List<String> arguments = new ArrayList<>(List.of("train", "gslrm"));
        if (!List.of(more).contains("--config")) {
            arguments.addAll(List.of("--config", config.toString()));
        }
        arguments.addAll(List.of(more));
        return Mouselift.commandLine().setOut(new PrintWriter(out, true)).setErr(new PrintWriter(err, true)).execute(arguments.toArray(String[]::new));
    }

    @Test
    void lpipsNeedsItsNetworkAndIsTrainedWithIt() throws IOException {
        assertEquals(ExitCode.BAD_INPUT, run());
        assertTrue(err.toString().contains("lpips_loss_weight") && err.toString().contains("--lpips"), err.toString());
        assertEquals(ExitCode.BAD_INPUT, run("--lpips", folder.resolve("gone.pth").toString()));
        assertTrue(err.toString().contains("gone.pth"), err.toString());
        assertEquals(ExitCode.USAGE, run("--set", "training.losses.lpips_loss_weight", "0", "--lpips", Files.createFile(folder.resolve("vgg.pth")).toString()));
        assertTrue(err.toString().contains("no effect"), err.toString());

        Path vgg = folder.resolve("vgg16.safetensors");
        Path factors = folder.resolve("factors.safetensors");
        try (Scope scope = Scope.open("made-up VGG16")) {
            MadeUpVgg16.write(vgg, factors);
        }
        assertEquals(0, run("--lpips", vgg + "," + factors), err.toString());
        List<MetricsLog.Row> rows = MetricsLog.read(folder.resolve("run").resolve(MetricsLog.FILE_NAME));
        assertEquals(2, rows.size());
        for (MetricsLog.Row row : rows) {
            double l2 = row.values().get("train/l2_loss");
            double lpips = row.values().get("train/lpips_loss");
            assertTrue(lpips > 1e-4, row.toString());
            assertEquals(l2 + 0.5 * lpips, row.values().get("train/loss"), 1e-5);
            assertTrue(row.values().get("metrics/grad_norm") > 0);
        }
    }

    @Test
    void thePerceptualLossNeedsItsNetworkAndIsTrainedWithIt() throws IOException {
        List<String> changes = List.of("--set", "training.losses.lpips_loss_weight", "0", "--set", "training.losses.perceptual_loss_weight", "0.25", "--set",
                "training.checkpointing.checkpoint_dir", folder.resolve("perceptual").toString());
        assertEquals(ExitCode.BAD_INPUT, run(changes.toArray(String[]::new)));
        assertTrue(err.toString().contains("perceptual_loss_weight is 0.25, which needs the weights of VGG19") && err.toString().contains("--vgg19")
                && err.toString().contains("VGG19_WEIGHTS_PATH"), err.toString());
        assertEquals(ExitCode.USAGE, run("--set", "training.losses.lpips_loss_weight", "0", "--vgg19", Files.createFile(folder.resolve("none.pth")).toString()));
        assertTrue(err.toString().contains("no effect"), err.toString());
        Path vgg = MadeUpVgg19.write(folder.resolve("vgg19.pth"), "", 14);
        List<String> all = new ArrayList<>(changes);
        all.addAll(List.of("--vgg19", vgg.toString()));
        assertEquals(0, run(all.toArray(String[]::new)), err.toString());
        List<MetricsLog.Row> rows = MetricsLog.read(folder.resolve("perceptual").resolve(MetricsLog.FILE_NAME));
        assertEquals(2, rows.size());
        for (MetricsLog.Row row : rows) {
            double perceptual = row.values().get("train/perceptual_loss");
            assertTrue(perceptual > 1e-3, row.toString());
            assertEquals(row.values().get("train/l2_loss") + 0.25 * perceptual, row.values().get("train/loss"), 1e-5);
        }
        assertTrue(rows.get(0).values().get("metrics/grad_norm") > 0);
    }

    @Test
    void validationMeasuresLpips() throws IOException {
        Path vgg = folder.resolve("val16.safetensors");
        Path factors = folder.resolve("valfactors.safetensors");
        try (Scope scope = Scope.open("made-up VGG16")) {
            MadeUpVgg16.write(vgg, factors);
        }
        Path listed = Files.writeString(folder.resolve("listed.yaml"), Files.readString(config).replace("validation: {enabled: false}",
                "validation: {enabled: false, lpips: [\"" + vgg + "\", \"" + factors + "\"]}"));
        List<String> changes = List.of("--set", "training.losses.lpips_loss_weight", "0", "--set", "validation.enabled", "true", "--set", "validation.dataset_path",
                folder.resolve("mice").resolve(SynthMice.TRAIN_LIST).toString(), "--set", "training.checkpointing.checkpoint_dir");
        List<Double> measured = new ArrayList<>();
        for (List<String> how : List.of(List.of("--lpips", vgg + "," + factors), List.of("--config", listed.toString()), List.<String>of())) {
            Path run = folder.resolve("validated" + measured.size());
            List<String> all = new ArrayList<>(changes);
            all.add(run.toString());
            all.addAll(how);
            assertEquals(0, run(all.toArray(String[]::new)), err.toString());
            List<Double> values = MetricsLog.read(run.resolve(MetricsLog.FILE_NAME)).stream().filter(r -> r.values().containsKey("val/psnr")).map(r -> r.values().get("val/lpips")).toList();
            assertEquals(1, values.size());
            measured.add(values.getFirst());
        }
        assertTrue(measured.get(0) > 1e-4, measured.toString());
        assertEquals(measured.get(0), measured.get(1));
        assertNull(measured.get(2), "without a network nothing stands for it");
    }

    /** The run ends early, the learning rate falls as if it went on. */
    @Test
    void earlyStopEndsTheRunAndLeavesTheScheduleAlone() throws IOException {
        assertEquals(ExitCode.OK, run("--set", "training.losses.lpips_loss_weight", "0", "--set", "training.schedule.max_fwdbwd_passes", "9", "--set",
                "training.schedule.early_stop_after", "3", "--set", "training.checkpointing.checkpoint_dir", folder.resolve("early").toString()), err.toString());
        List<MetricsLog.Row> rows = MetricsLog.read(folder.resolve("early").resolve(MetricsLog.FILE_NAME));
        List<Double> rates = rows.stream().map(r -> r.values().get("metrics/lr")).filter(java.util.Objects::nonNull).toList();
        Schedule planned = new Schedule(Schedule.Kind.COSINE, 0.001, 1, 9);
        assertEquals(List.of(planned.rate(0), planned.rate(1), planned.rate(2)), rates);
    }

    @Test
    void whatATrainingLeavesKnowsWhereItComesFrom() throws IOException {
        Path run = folder.resolve("known");
        assertEquals(ExitCode.OK, run("--set", "training.losses.lpips_loss_weight", "0", "--set", "training.checkpointing.checkpoint_dir", run.toString()), err.toString());
        Provenance weights = Provenance.read(run.resolve("weights")).orElseThrow();
        assertEquals("gslrm", weights.keys().get("model").asText());
        assertTrue(weights.keys().get("command").toString().startsWith("[\"train\",\"gslrm\","), weights.keys().toString());
        assertEquals(List.of("data", "checkpoint"), weights.parents().stream().map(Provenance.Parent::role).toList());
        Provenance.Parent checkpoint = weights.parents().getLast();
        assertEquals(TrainingCheckpoint.newest(run).orElseThrow().file().toAbsolutePath().normalize(), checkpoint.path());
        assertEquals(ContentHash.ofFile(checkpoint.path()), checkpoint.sha256().orElseThrow());
        assertEquals(List.of(), weights.differences(run.resolve("weights")));
        assertEquals(checkpoint.sha256().orElseThrow(), Provenance.read(checkpoint.path()).orElseThrow().files().getFirst().sha256());
        assertEquals(ExitCode.OK, Mouselift.commandLine().setOut(new PrintWriter(new StringWriter())).setErr(new PrintWriter(err, true))
                .execute("checkpoint", "verify", run.toString()), err.toString());
        // A training from these weights has them as a parent, and goes down with them.
        assertEquals(ExitCode.OK, run("--set", "training.losses.lpips_loss_weight", "0", "--set", "training.checkpointing.checkpoint_dir", folder.resolve("second").toString(),
                "--load", run.resolve("weights/model.safetensors").toString()), err.toString());
        assertEquals(ExitCode.OK, Mouselift.commandLine().setOut(new PrintWriter(new StringWriter())).setErr(new PrintWriter(err, true))
                .execute("checkpoint", "invalidate", folder.toString(), "known/weights", "--reason", "test"), err.toString());
        assertEquals(ExitCode.BAD_INPUT, run("--set", "training.losses.lpips_loss_weight", "0", "--set", "training.checkpointing.checkpoint_dir",
                folder.resolve("second").toString(), "--set", "training.schedule.max_fwdbwd_passes", "4"));
        assertTrue(err.toString().contains("MFL-E210: ") && err.toString().contains("second"), err.toString());
        assertEquals(ExitCode.BAD_INPUT, run("--set", "training.checkpointing.checkpoint_dir", "checkpoints/checkpoints/x", "--set", "training.losses.lpips_loss_weight", "0"));
        assertTrue(err.toString().contains("MFL-E205: Output path contains the prefix twice: checkpoints/checkpoints/x"), err.toString());
    }
}
