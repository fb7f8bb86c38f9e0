package org.mouselift.pipeline.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.mouselift.data.camera.Rings;
import org.mouselift.data.checkpoint.Checkpoint;
import org.mouselift.data.checkpoint.StoredTensor;
import org.mouselift.data.pickle.OrderedDict;
import org.mouselift.data.synth.SynthMice;
import org.mouselift.data.torch.TorchValues;
import org.mouselift.data.torch.TorchWriter;
import org.mouselift.engine.DType;
import org.mouselift.models.gslrm.GsLrm;
import org.mouselift.models.optim.Schedule;
import org.mouselift.pipeline.config.GslrmConfigReader;
import org.mouselift.pipeline.log.MetricsLog;
import org.mouselift.pipeline.train.GslrmSetup;
import org.mouselift.pipeline.train.TrainingCheckpoint;

/**
 * A run that goes on from a {@code .pt} of the original: the same as if it had never been written in that layout (GS-LRM specification
 * §6.6, MFL-E208).
 */
class OriginalResumeTest {
    private static final double RATE = 1e-3;
    private static final int WARMUP = 2;
    private static final int PASSES = 6;

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
                  optimizer: {lr: %2$s}
                  schedule: {num_epochs: 100, max_fwdbwd_passes: %3$d, warmup: %4$d}
                  checkpointing: {checkpoint_every: 100, checkpoint_dir: "%1$s/run", resume_ckpt: ""}
                  logging: {print_every: 100, vis_every: 100, wandb: {log_every: 1}}
                validation: {enabled: false}
                """.formatted(folder, RATE, PASSES, WARMUP));
    }

    private int run(Path run, String... more) {
        err.getBuffer().setLength(0);
        List<String> arguments = new ArrayList<>(List.of("train", "gslrm", "--config", config.toString(), "--set", "training.checkpointing.checkpoint_dir", run.toString()));
        arguments.addAll(List.of(more));
        return Mouselift.commandLine().setOut(new PrintWriter(new StringWriter())).setErr(new PrintWriter(err, true)).execute(arguments.toArray(String[]::new));
    }

    private static String[] until(int pass) {
        return new String[] {"--set", "training.schedule.early_stop_after", Integer.toString(pass)};
    }

    private Path checkpoint(Path run, int pass) {
        return run.resolve(TrainingCheckpoint.fileName(pass));
    }

    /** One of our training checkpoints in the layout of the original. */
    private Path original(Path ours, int passes, boolean withOptimizer) throws IOException {
        OrderedDict model = new OrderedDict();
        Map<Object, Object> states = new LinkedHashMap<>();
        List<List<Object>> groups = List.of(new ArrayList<>(), new ArrayList<>());
        try (Checkpoint stored = Checkpoint.open(ours)) {
            // State-dict order, which is not that of a safetensors file.
            List<String> names;
            try (GsLrm network = GsLrm.initialised(GslrmSetup.network(GslrmConfigReader.read(config, List.of()).config()), DType.F32, 0)) {
                names = List.copyOf(network.stateDict().keySet());
            }
            long index = 0;
            for (String name : names) {
                model.put(name, values(stored.tensor("model." + name)));
            }
            for (int group = 0; group < 2; group++) {
                for (String name : names) {
                    if (stored.tensor("model." + name).shape().length >= 2 == (group == 0)) {
                        Map<Object, Object> state = new LinkedHashMap<>();
                        state.put("step", TorchValues.of(new long[0], passes));
                        state.put("exp_avg", values(stored.tensor("optimizer.exp_avg." + name)));
                        state.put("exp_avg_sq", values(stored.tensor("optimizer.exp_avg_sq." + name)));
                        groups.get(group).add(index);
                        states.put(index++, state);
                    }
                }
            }
        }
        Map<Object, Object> root = new LinkedHashMap<>();
        root.put("model", model);
        if (withOptimizer) {
            List<Object> list = new ArrayList<>();
            for (int group = 0; group < 2; group++) {
                Map<Object, Object> map = new LinkedHashMap<>();
                map.put("lr", new Schedule(Schedule.Kind.COSINE, RATE, WARMUP, PASSES).rate(passes));
                map.put("initial_lr", RATE);
                map.put("weight_decay", group == 0 ? 0.05 : 0.0);
                map.put("params", groups.get(group));
                list.add(map);
            }
            root.put("optimizer", new LinkedHashMap<>(Map.of("state", states, "param_groups", list)));
            Map<Object, Object> scheduler = new LinkedHashMap<>();
            scheduler.put("base_lrs", List.of(RATE, RATE));
            scheduler.put("last_epoch", (long) passes);
            root.put("lr_scheduler", scheduler);
        }
        root.put("fwdbwd_pass_step", (long) passes);
        root.put("param_update_step", (long) passes);
        Path file = folder.resolve(String.format("ckpt_%016d.pt", passes));
        TorchWriter.write(file, root);
        return file;
    }

    private static TorchValues values(StoredTensor t) {
        return TorchValues.of(t.shape(), t.floats());
    }

    private static void same(Path a, Path b) throws IOException {
        try (Checkpoint first = Checkpoint.open(a); Checkpoint second = Checkpoint.open(b)) {
            assertEquals(first.names(), second.names());
            for (String name : first.names()) {
                assertArrayEquals(first.tensor(name).floats(), second.tensor(name).floats(), name);
            }
        }
        // All but the list of recent skips, which a file of the original does not hold.
        TrainingCheckpoint.Counters first = TrainingCheckpoint.readCounters(a);
        TrainingCheckpoint.Counters second = TrainingCheckpoint.readCounters(b);
        assertEquals(List.of(first.fwdbwdStep(), first.updateStep(), first.scheduleStep(), first.skipped(), first.seed()),
                List.of(second.fwdbwdStep(), second.updateStep(), second.scheduleStep(), second.skipped(), second.seed()));
        assertEquals(first.optimiserSteps(), second.optimiserSteps());
    }

    @Test
    void theRunGoesOnAsIfItHadNeverStopped() throws IOException {
        Path whole = folder.resolve("whole");
        assertEquals(ExitCode.OK, run(whole), err.toString());
        Path begun = folder.resolve("begun");
        assertEquals(ExitCode.OK, run(begun, until(3)), err.toString());
        Path original = original(checkpoint(begun, 3), 3, true);
        Path parts = folder.resolve("parts");
        assertEquals(ExitCode.OK, run(parts, "--load", original.toString(), "--set", "training.schedule.early_stop_after", "4"), err.toString());
        assertTrue(err.toString().contains("continuing the training of " + original + " (pass 3, update 3)"), err.toString());
        // The rest without the file it began with: the run remembers what it needs.
        Files.move(original, folder.resolve("elsewhere.pt"));
        assertEquals(ExitCode.OK, run(parts), err.toString());
        same(checkpoint(whole, PASSES), checkpoint(parts, PASSES));
        List<Double> rates = MetricsLog.read(parts.resolve(MetricsLog.FILE_NAME)).stream().map(r -> r.values().get("metrics/lr")).filter(java.util.Objects::nonNull).toList();
        Schedule schedule = new Schedule(Schedule.Kind.COSINE, RATE, WARMUP, PASSES);
        assertEquals(List.of(schedule.rate(3), schedule.rate(4), schedule.rate(5)), rates);
    }

    @Test
    void resetsBeginWithTheWeightsAlone() throws IOException {
        Path begun = folder.resolve("begun");
        assertEquals(ExitCode.OK, run(begun, until(3)), err.toString());
        Path original = original(checkpoint(begun, 3), 3, true);
        Path fresh = folder.resolve("fresh");
        assertEquals(ExitCode.OK, run(fresh, "--load", original.toString(), "--set", "training.optimizer.reset_training_state", "true"), err.toString());
        assertFalse(err.toString().contains("continuing"), err.toString());
        assertEquals(PASSES, MetricsLog.read(fresh.resolve(MetricsLog.FILE_NAME)).size());
        Path rates = folder.resolve("rates");
        assertEquals(ExitCode.OK, run(rates, "--load", original.toString(), "--set", "training.optimizer.reset_lr", "true"), err.toString());
        Schedule left = new Schedule(Schedule.Kind.COSINE, RATE, WARMUP, PASSES - 3);
        assertEquals(List.of(left.rate(0), left.rate(1), left.rate(2)), MetricsLog.read(rates.resolve(MetricsLog.FILE_NAME)).stream().map(r -> r.values().get("metrics/lr")).toList());
    }

    /** The published checkpoint may have counters and no optimizer. */
    @Test
    void countersAloneCountAndTheMomentsBeginAtZero() throws IOException {
        Path begun = folder.resolve("begun");
        assertEquals(ExitCode.OK, run(begun, until(3)), err.toString());
        Path original = original(checkpoint(begun, 3), 3, false);
        Path whole = folder.resolve("whole");
        assertEquals(ExitCode.OK, run(whole, "--load", original.toString()), err.toString());
        assertTrue(err.toString().contains("(pass 3, update 3); it holds no optimizer state, the moments begin at zero"), err.toString());
        Path parts = folder.resolve("parts");
        assertEquals(ExitCode.OK, run(parts, "--load", original.toString(), "--set", "training.schedule.early_stop_after", "5"), err.toString());
        assertEquals(2, TrainingCheckpoint.readCounters(checkpoint(parts, 5)).optimiserSteps());
        assertEquals(ExitCode.OK, run(parts), err.toString());
        same(checkpoint(whole, PASSES), checkpoint(parts, PASSES));
    }

    @Test
    void aCheckpointBeyondTheLimitIsRefusedBeforeAnythingIsWritten() throws IOException {
        Path begun = folder.resolve("begun");
        assertEquals(ExitCode.OK, run(begun, until(1)), err.toString());
        for (boolean withOptimizer : new boolean[] {true, false}) {
            Path original = original(checkpoint(begun, 1), 21125, withOptimizer);
            Path run = folder.resolve("run");
            assertEquals(ExitCode.BAD_INPUT, run(run, "--load", original.toString()));
            String text = err.toString();
            assertEquals("error: MFL-E208: Checkpoint is at step 21125, limit is 6: training would end immediately. Set reset_training_state: true or raise the limit.",
                    text.substring(Math.max(0, text.indexOf("error: "))).strip());
            assertFalse(Files.exists(run));
        }
    }
}
