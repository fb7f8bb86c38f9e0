package org.mouselift.pipeline.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.mouselift.data.camera.Rings;
import org.mouselift.data.synth.SynthMice;
import org.mouselift.pipeline.log.MetricsLog;
import org.mouselift.pipeline.reconstruct.GsLrmWeights;
import org.mouselift.pipeline.reconstruct.RigProvenance;

/**
 * {@code train gslrm} in a process of its own that is killed ({@code SIGKILL}: no shutdown hook, no flush) and started again
 * with the same command, until it ends by itself. What is left then equals what an undisturbed run leaves, bit for bit.
 */
class KilledTrainingTest {
    private static final int PASSES = 8;
    /** Depends on the clock and on the process. */
    private static final Set<String> MEASURED = Set.of("metrics/iter_time", "metrics/peak_memory_bytes");

    /** How a process runs: further JVM flags, and the optimiser. */
    private record Kind(String optimiser, String... flags) {}

    /** Scalar code that is compiled once: a process is at full speed at once. */
    private static final Kind QUICK = new Kind("adamw", "-Dmouselift.vector.bits=0", "-XX:TieredStopAtLevel=1");
    /** The vectors and compilers of the product. */
    private static final Kind PRODUCT = new Kind("muon");

    @TempDir
    static Path folder;

    private static Path config;

    /** When to kill: {@code afterRows} lines of the log are there and the condition holds. */
    private enum Moment {
        /** A checkpoint is being written. */
        CHECKPOINT_HALF_WRITTEN,
        /** Some milliseconds later, wherever the run is then. */
        ANY,
        /** The last checkpoint is there, pictures and weights are not. */
        AFTER_THE_LAST_CHECKPOINT
    }

    @BeforeAll
    static void data() throws IOException {
        SynthMice.write(folder.resolve("mice"), new SynthMice.Options(4, 0, 3, Rings.turntable(3, 5, 32), 32, 0, 0, false, new SynthMice.NovelViews(1, -10, 40)),
                done -> {});
        config = Files.writeString(folder.resolve("tiny.yaml"), """
                model:
                  image_tokenizer: {image_size: 32, patch_size: 8, in_channels: 9}
                  transformer: {d: 192, d_head: 16, n_layer: 1}
                  gaussians: {n_gaussians: 2, sh_degree: 0, upsampler: {upsample_factor: 1}}
                  hard_pixelalign: true
                  use_custom_plucker: true
                training:
                  runtime: {use_amp: false, grad_accum_steps: 2, grad_clip_norm: 0.05, allowed_gradnorm_factor: 20}
                  dataset: {dataset_path: "%1$s/mice/data_train.txt", num_views: 4, num_input_views: 2, target_has_input: true, remove_alpha: false,
                            background_color: white, maximize_view_overlap: false}
                  dataloader: {batch_size_per_gpu: 2}
                  losses: {l2_loss_weight: 1.0, ssim_loss_weight: 0.2, masked_l2_loss: true}
                  optimizer: {lr: 0.001, beta1: 0.9, beta2: 0.95, weight_decay: 0.05}
                  schedule: {num_epochs: 1000, max_fwdbwd_passes: %2$d, warmup: 3}
                  checkpointing: {checkpoint_every: 2, checkpoint_dir: run, checkpoints_total_limit: 3, resume_ckpt: ""}
                  logging: {print_every: 1, vis_every: 6, wandb: {log_every: 1}}
                validation: {enabled: true, val_every: 4, dataset_path: "%1$s/mice/data_train.txt", output_dir: val}
                """.formatted(folder, PASSES));
    }

    /** A run from the first pass to the weights in one process; returns its place. */
    private static Path undisturbed(String name, Kind kind) throws Exception {
        Path place = Files.createDirectories(folder.resolve(name));
        Process process = start(place, kind);
        assertTrue(process.waitFor(100, TimeUnit.SECONDS), "the run does not end");
        assertEquals(0, process.exitValue(), output(place));
        return place;
    }

    private static Process start(Path place, Kind kind) throws IOException {
        Path root = Path.of(System.getProperty("mouselift.root"));
        List<String> command = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "@" + root.resolve("conf/jvm.options"),
                "-Xmx512m", "-Dmouselift.root=" + root, "-cp", System.getProperty("java.class.path")));
        command.addAll(List.of(kind.flags));
        command.addAll(List.of("org.mouselift.pipeline.cli.Mouselift", "train", "gslrm", "--config", config.toString(), "--targets-per-pass", "2", "--set",
                "training.optimizer.name", kind.optimiser));
        return new ProcessBuilder(command).directory(place.toFile()).redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.appendTo(place.resolve("output.txt").toFile())).start();
    }

    private static String output(Path place) throws IOException {
        return Files.readString(place.resolve("output.txt"));
    }

    private static List<String> files(Path place) throws IOException {
        if (!Files.isDirectory(place.resolve("run"))) {
            return List.of();
        }
        try (Stream<Path> all = Files.list(place.resolve("run"))) {
            return all.map(f -> f.getFileName().toString()).sorted().toList();
        }
    }

    private static boolean halfWritten(String name) {
        return name.startsWith("ckpt_") && name.endsWith(".tmp");
    }

    private static int rows(Path place) throws IOException {
        Path log = place.resolve("run").resolve("metrics.jsonl");
        return Files.exists(log) ? Files.readString(log).split("\n", -1).length - 1 : 0;
    }

    /** Starts the run and kills it at the moment; what the folder held at its death. */
    private static List<String> killed(Path place, Kind kind, Moment moment, int afterRows, int millis) throws Exception {
        Process process = start(place, kind);
        try {
            while (process.isAlive()) {
                boolean now = switch (moment) {
                    case CHECKPOINT_HALF_WRITTEN -> rows(place) >= afterRows && files(place).stream().anyMatch(KilledTrainingTest::halfWritten);
                    case ANY -> rows(place) >= afterRows;
                    case AFTER_THE_LAST_CHECKPOINT -> files(place).contains(TrainingCheckpoint.fileName(PASSES));
                };
                if (now) {
                    Thread.sleep(millis);
                    process.destroyForcibly().waitFor();
                    assertEquals(128 + 9, process.exitValue(), "ended before it was killed: " + output(place));
                    return files(place);
                }
                Thread.onSpinWait();
            }
            return fail("ended before it could be killed: " + output(place));
        } finally {
            process.destroyForcibly();
        }
    }

    private static void endsLike(Path undisturbed, Path place, Kind kind) throws Exception {
        Process process = start(place, kind);
        assertTrue(process.waitFor(100, TimeUnit.SECONDS), "the run does not end");
        assertEquals(0, process.exitValue(), output(place));
        for (String file : List.of(TrainingCheckpoint.fileName(PASSES), "weights/model.safetensors", "weights/provenance.json", "weights/config.yaml")) {
            assertArrayEquals(Files.readAllBytes(undisturbed.resolve("run").resolve(file)), Files.readAllBytes(place.resolve("run").resolve(file)), file);
        }
        ObjectNode provenance = GsLrmWeights.readProvenance(place.resolve("run").resolve("weights"));
        RigProvenance rig = RigProvenance.of(provenance, place).orElseThrow();
        assertEquals(2, rig.views());
        assertTrue(rig.distance().mean() > 1 && provenance.get("val/psnr").isNumber(), provenance.toString());
        List<String> expected = numbers(undisturbed);
        List<String> seen = numbers(place);
        for (int i = 0; i < Math.min(expected.size(), seen.size()); i++) {
            assertEquals(expected.get(i), seen.get(i), "row " + i + " of the log");
        }
        assertEquals(expected.size(), seen.size(), "rows of the log");
        assertEquals(csvSteps(undisturbed), csvSteps(place));
        List<String> left = files(place).stream().filter(f -> !f.startsWith("events.")).toList();
        assertEquals(files(undisturbed).stream().filter(f -> !f.startsWith("events.")).toList(), left);
    }

    /** All rows of the log, without what depends on the clock. */
    private static List<String> numbers(Path place) throws IOException {
        List<String> out = new ArrayList<>();
        for (MetricsLog.Row row : MetricsLog.read(place.resolve("run").resolve("metrics.jsonl"))) {
            TreeMap<String, Double> values = new TreeMap<>(row.values());
            values.keySet().removeAll(MEASURED);
            out.add(row.step() + " " + values);
        }
        return out;
    }

    private static List<String> csvSteps(Path place) throws IOException {
        return Files.readAllLines(place.resolve("run").resolve("metrics.csv")).stream().map(line -> line.substring(0, line.indexOf(','))).toList();
    }

    @Test
    void killedWhileACheckpointIsWrittenAndAfterTheLastOne() throws Exception {
        Path place = Files.createDirectories(folder.resolve("killed"));
        boolean half = false;
        // Where a disk is so fast that the first kill comes too late, the next checkpoint gives another chance.
        for (int attempt = 0; attempt < 2 && !half; attempt++) {
            half = killed(place, QUICK, Moment.CHECKPOINT_HALF_WRITTEN, 4, 0).stream().anyMatch(KilledTrainingTest::halfWritten);
        }
        assertTrue(half, "the kills came too late to leave a half-written checkpoint: " + files(place));
        killed(place, QUICK, Moment.AFTER_THE_LAST_CHECKPOINT, 0, 0);
        assertFalse(Files.exists(place.resolve("run/weights/provenance.json")), "the kill came too late: " + files(place));
        endsLike(undisturbed("undisturbed", QUICK), place, QUICK);
        assertTrue(output(place).contains("continuing from"), output(place));
    }

    /** From the first second of the JVM to the last checkpoint, a dozen deaths; with the vectors and compilers of the product. */
    @Test
    @Tag("slow")
    void killedAtRandomMoments() throws Exception {
        SplittableRandom random = new SplittableRandom(20261121);
        Path place = Files.createDirectories(folder.resolve("often"));
        for (int i = 0; i < 4; i++) {
            killed(place, PRODUCT, Moment.ANY, 0, random.nextInt(3000));
        }
        for (int i = 0; i < 4; i++) {
            killed(place, PRODUCT, Moment.ANY, Math.min(rows(place) + 1, PASSES - 2), random.nextInt(200));
            killed(place, PRODUCT, Moment.CHECKPOINT_HALF_WRITTEN, 0, random.nextInt(5));
        }
        killed(place, PRODUCT, Moment.AFTER_THE_LAST_CHECKPOINT, 0, random.nextInt(500));
        endsLike(undisturbed("undisturbed with vectors", PRODUCT), place, PRODUCT);
    }
}
