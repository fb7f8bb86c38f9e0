package org.mouselift.pipeline.train.diffusion;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.mouselift.data.camera.Rings;
import org.mouselift.data.synth.SynthMice;
import org.mouselift.pipeline.multiview.TinyPipeline;
import org.mouselift.pipeline.train.TrainingCheckpoint;
import org.mouselift.pipeline.train.TrainingProcess;

/**
 * {@code train diffusion}, in latents, with the image branch, averaged weights and learned prompts, killed and started again until it
 * ends by itself: checkpoints, exported pipeline and log then equal those of an undisturbed run.
 */
class KilledDiffusionTest {
    private static final int UPDATES = 4;
    private static final int ACCUMULATION = 2;
    private static final String WEIGHTS = "diffusion_pytorch_model.safetensors";

    @TempDir
    static Path folder;

    private static Path config;

    @BeforeAll
    static void data() throws IOException {
        TinyPipeline.write(folder.resolve("pipeline"), 3);
        SynthMice.write(folder.resolve("mice"), new SynthMice.Options(3, 0, 3, Rings.turntable(3, 5, 32), 32, 0, 0, false, SynthMice.NovelViews.NONE), done -> {});
        config = Files.writeString(folder.resolve("tiny.yaml"), """
                n_views: 3
                img_wh: 32
                pretrained_model_name_or_path: %1$s/pipeline
                learned_prompt_tokens: 3
                reference_view_idx: random
                train_dataset: {path: %1$s/mice/data_train.txt, bg_color: three_choices, augmentation: true}
                validation_dataset: {path: %1$s/mice/data_train.txt}
                train_batch_size: 2
                gradient_accumulation_steps: %3$d
                max_train_steps: %2$d
                learning_rate: 1e-3
                snr_gamma: 5
                condition_drop_rate: 0.2
                max_grad_norm: 1
                gradient_checkpointing: true
                checkpointing_steps: 1
                checkpoints_total_limit: 2
                resume_from_checkpoint: latest
                validation_steps: 2
                validation_sanity_check: true
                validation_max_objects: 1
                pipe_validation_kwargs: {num_inference_steps: 2}
                output_dir: run
                """.formatted(folder, UPDATES, ACCUMULATION));
    }

    private static TrainingProcess process(String name, List<String> flags) {
        return new TrainingProcess(folder.resolve(name), flags, List.of("train", "diffusion", "--config", config.toString()));
    }

    private static Optional<String> folders(TrainingProcess process, String ending) throws IOException {
        return process.files().stream().filter(name -> name.startsWith("checkpoint-") && name.endsWith(ending)).findFirst();
    }

    private static void endsLike(TrainingProcess undisturbed, TrainingProcess process) throws Exception {
        process.completed();
        for (int update : new int[] {UPDATES - 1, UPDATES}) {
            process.assertSameBytes(undisturbed, TrainingCheckpoint.fileName((long) update * ACCUMULATION));
            for (String part : List.of("unet/" + WEIGHTS, "unet/config.json", "unet_ema/" + WEIGHTS, "unet_ema/config.json", "prompt_embeds/clr_embeds.safetensors",
                    "prompt_embeds_ema/clr_embeds.safetensors")) {
                process.assertSameBytes(undisturbed, "checkpoint-" + update + "/" + part);
            }
        }
        process.assertSameBytes(undisturbed, "pipeckpts/model_index.json", "pipeckpts/unet/" + WEIGHTS, "pipeckpts/vae/" + WEIGHTS,
                "pipeckpts/image_encoder/model.safetensors", "pipeckpts/prompt_embeds/clr_embeds.safetensors", "val/global_step_0004/0000/pred_gs_3.0.png",
                "val/global_step_0004/validation-metrics.txt");
        assertEquals(parts(undisturbed), parts(process));
        process.assertRecordedLike(undisturbed);
    }

    /** All files of the exported pipeline and the checkpoint folders. */
    private static List<String> parts(TrainingProcess process) throws IOException {
        try (Stream<Path> all = Files.walk(process.run())) {
            return all.map(f -> process.run().relativize(f).toString()).filter(f -> f.startsWith("pipeckpts") || f.startsWith("checkpoint-")).sorted().toList();
        }
    }

    @Test
    void killedBeforeWithinAndAfterTheFolderOfACheckpoint() throws Exception {
        TrainingProcess process = process("killed", TrainingProcess.QUICK);
        process.killed(() -> folders(process, ".partial").isPresent(), 0);
        process.killed(() -> process.rows() >= 5 && process.checkpointHalfWritten(), 0);
        process.killed(() -> process.files().contains(TrainingCheckpoint.fileName(UPDATES * ACCUMULATION)), 0);
        assertFalse(Files.exists(process.run().resolve("pipeckpts/model_index.json")), "the kill came too late: " + process.files());
        endsLike(process("undisturbed", TrainingProcess.QUICK).completed(), process);
        assertTrue(process.output().contains("continuing from"), process.output());
    }

    /** With the vectors and compilers of the product. */
    @Test
    @Tag("slow")
    void killedAtRandomMoments() throws Exception {
        SplittableRandom random = new SplittableRandom(20261122);
        TrainingProcess process = process("often", List.of());
        for (int i = 0; i < 3; i++) {
            process.killed(() -> true, random.nextInt(3000));
            process.killed(() -> folders(process, "").isPresent(), random.nextInt(300));
        }
        process.killed(() -> process.files().contains("pipeckpts"), random.nextInt(5));
        endsLike(process("undisturbed with vectors", List.of()).completed(), process);
    }
}
