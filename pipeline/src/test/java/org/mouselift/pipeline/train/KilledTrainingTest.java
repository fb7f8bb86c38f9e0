package org.mouselift.pipeline.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.mouselift.data.camera.Rings;
import org.mouselift.data.synth.SynthMice;
import org.mouselift.pipeline.reconstruct.GsLrmWeights;
import org.mouselift.pipeline.reconstruct.RigProvenance;

/**
 * {@code train gslrm} in a process of its own that is killed and started again with the same command, until it ends by itself. What
 * is left then equals what an undisturbed run leaves, bit for bit.
 */
class KilledTrainingTest {
    private static final int PASSES = 8;

    @TempDir
    static Path folder;

    private static Path config;

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

    private static TrainingProcess process(String name, String optimiser, List<String> flags) {
        return new TrainingProcess(folder.resolve(name), flags, List.of("train", "gslrm", "--config", config.toString(), "--targets-per-pass", "2", "--set",
                "training.optimizer.name", optimiser));
    }

    private static boolean lastCheckpointThere(TrainingProcess process) throws IOException {
        return process.files().contains(TrainingCheckpoint.fileName(PASSES));
    }

    private static void endsLike(TrainingProcess undisturbed, TrainingProcess process) throws Exception {
        process.completed().assertSameBytes(undisturbed, TrainingCheckpoint.fileName(PASSES), "weights/model.safetensors", "weights/provenance.json", "weights/config.yaml");
        ObjectNode provenance = GsLrmWeights.readProvenance(process.run().resolve("weights"));
        RigProvenance rig = RigProvenance.of(provenance, process.place()).orElseThrow();
        assertEquals(2, rig.views());
        assertTrue(rig.distance().mean() > 1 && provenance.get("val/psnr").isNumber(), provenance.toString());
        process.assertRecordedLike(undisturbed);
    }

    @Test
    void killedWhileACheckpointIsWrittenAndAfterTheLastOne() throws Exception {
        TrainingProcess process = process("killed", "adamw", TrainingProcess.QUICK);
        boolean half = false;
        // Where a disk is so fast that the first kill comes too late, the next checkpoint gives another chance.
        for (int attempt = 0; attempt < 2 && !half; attempt++) {
            process.killed(() -> process.rows() >= 4 && process.checkpointHalfWritten(), 0);
            half = process.checkpointHalfWritten();
        }
        assertTrue(half, "the kills came too late to leave a half-written checkpoint: " + process.files());
        process.killed(() -> lastCheckpointThere(process), 0);
        assertFalse(Files.exists(process.run().resolve("weights/provenance.json")), "the kill came too late: " + process.files());
        endsLike(process("undisturbed", "adamw", TrainingProcess.QUICK).completed(), process);
        assertTrue(process.output().contains("continuing from"), process.output());
    }

    /** From the first second of the JVM to the last checkpoint, a dozen deaths; with the vectors and compilers of the product. */
    @Test
    @Tag("slow")
    void killedAtRandomMoments() throws Exception {
        SplittableRandom random = new SplittableRandom(20261121);
        TrainingProcess process = process("often", "muon", List.of());
        for (int i = 0; i < 4; i++) {
            process.killed(() -> true, random.nextInt(3000));
        }
        for (int i = 0; i < 4; i++) {
            int rows = Math.min(process.rows() + 1, PASSES - 2);
            process.killed(() -> process.rows() >= rows, random.nextInt(200));
            process.killed(process::checkpointHalfWritten, random.nextInt(5));
        }
        process.killed(() -> lastCheckpointThere(process), random.nextInt(500));
        endsLike(process("undisturbed with vectors", "muon", List.of()).completed(), process);
    }
}
