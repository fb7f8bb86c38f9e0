package org.mouselift.pipeline.train.diffusion;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.mouselift.data.prompts.PromptMetadata;
import org.mouselift.data.prompts.PromptSlot;
import org.mouselift.data.safetensors.StoredType;
import org.mouselift.engine.Tensor;
import org.mouselift.pipeline.prompts.PromptEmbeddings;
import org.mouselift.pipeline.prompts.PromptFile;
import org.mouselift.pipeline.prompts.TrainedPrompts;
import org.mouselift.pipeline.prompts.ViewDirections;

/**
 * The prompts of a stage 1 training, and where the cameras of its views stand: what the weights it writes put on record.
 *
 * @param values [views, tokens, width] at the start
 * @param learned the prompts are weights, too
 * @param metadata of the file they come from
 * @param name of the set, for messages
 * @param views where the cameras of the training views stand
 */
public record TrainingPrompts(float[] values, int tokens, boolean learned, Optional<PromptMetadata> metadata, String name, ViewDirections views) {
    /** What a UNet trained with these values puts on record. */
    TrainedPrompts record(float[] trained) {
        return new TrainedPrompts(name, PromptEmbeddings.valuesSha256(trained), views.slots().isEmpty() ? metadata.map(PromptMetadata::rig).orElse("") : views.rig(), slots());
    }

    /** What the rows stand for: by the cameras, or else by the file's words; empty if neither says. */
    List<PromptSlot> slots() {
        return views.slots().isEmpty() ? metadata.map(PromptMetadata::slots).orElse(List.of()) : views.slots();
    }

    /** Writes the prompts [views, tokens, width] with their metadata. */
    void write(Path folder, Tensor prompts) throws IOException {
        Files.createDirectories(folder);
        long[] shape = prompts.shape().dims();
        List<Long> dims = new ArrayList<>();
        for (long side : shape) {
            dims.add(side);
        }
        PromptFile.write(folder.resolve(DiffusionCheckpoint.PROMPT_FILE), new PromptFile.Content(shape, prompts.toFloats(), Optional.empty()), StoredType.F32,
                (hash, none) -> learned || metadata.isEmpty() ? PromptMetadata.learned(views.rig(), views.slots(), dims, hash, "mouselift train diffusion") : metadata.get().stored(dims, hash));
    }
}
