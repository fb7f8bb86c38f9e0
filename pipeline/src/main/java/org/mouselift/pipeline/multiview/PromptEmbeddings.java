package org.mouselift.pipeline.multiview;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.mouselift.data.checkpoint.ArtefactStatus;
import org.mouselift.data.checkpoint.Checkpoint;
import org.mouselift.data.checkpoint.ContentHash;
import org.mouselift.data.checkpoint.StoredTensor;
import org.mouselift.engine.Tensor;
import org.mouselift.models.unet.UNetConfig;

/**
 * The text features that tell the views apart, one row of tokens per view (mouse specification §5.4): a PyTorch file with one
 * tensor, or a safetensors file with the tensor {@code clr} or one tensor alone. Checked when read; empty embeddings never
 * take the place of a file that is missing.
 *
 * @param shape [views, tokens, width]
 * @param sha256 of the file
 */
public record PromptEmbeddings(Path file, long[] shape, float[] values, String sha256) {
    private static final String COLOUR = "clr";
    private static final List<String> NAMES = List.of("clr_embeds.safetensors", "clr_embeds.pt");
    private static final String FOLDER = "prompt_embeds";
    private static final float SAME = 1e-4f;

    /**
     * The file of a pipeline folder: {@code clr_embeds.safetensors} or {@code .pt}, in it or in its folder {@code prompt_embeds}. The UNet
     * of a training checkpoint goes with the embeddings that were learned with it, where there are such.
     */
    public static Path of(PipelineFolder pipeline) throws IOException {
        String beside = pipeline.unet().getFileName().toString().replace("unet", FOLDER);
        return find(pipeline.unet().resolveSibling(beside), pipeline.path(), pipeline.path().resolve(FOLDER)).orElseThrow(() -> new MultiViewException("MFL-E101",
                pipeline.path(), "has no prompt embeddings (" + String.join(" or ", NAMES) + ")",
                "name a file with --prompts; continuing with empty embeddings is refused"));
    }

    private static Optional<Path> find(Path... folders) {
        for (Path folder : folders) {
            for (String name : NAMES) {
                if (Files.isRegularFile(folder.resolve(name))) {
                    return Optional.of(folder.resolve(name));
                }
            }
        }
        return Optional.empty();
    }

    /**
     * Reads a file for a UNet.
     *
     * @throws MultiViewException MFL-E101 without the file, E102 for one that cannot be read, E103 for another rank, E104 for
     *     another width, E105 for rows that are not finite or all zero, E106 for equal rows, E110 for another number of rows
     */
    public static PromptEmbeddings read(Path file, UNetConfig unet) throws IOException {
        if (!Files.isRegularFile(file)) {
            throw new MultiViewException("MFL-E101", file, "prompt embeddings not found", "continuing with empty embeddings is refused");
        }
        ArtefactStatus.requireUsable(file);
        PromptEmbeddings read;
        try (Checkpoint checkpoint = Checkpoint.open(file)) {
            StoredTensor tensor = colour(file, checkpoint.tensors());
            if (tensor.shape().length != 3) {
                throw new MultiViewException("MFL-E103", file, "prompt tensor is " + tensor.describe(), "expected [views, tokens, " + unet.crossAttentionDim() + "]");
            }
            read = new PromptEmbeddings(file, tensor.shape(), tensor.floats(), ContentHash.ofFile(file));
        } catch (MultiViewException e) {
            throw e;
        } catch (IOException e) {
            throw new MultiViewException("MFL-E102", file, "cannot be read: " + e.getMessage(), "", e);
        }
        read.check(unet);
        return read;
    }

    private static StoredTensor colour(Path file, Map<String, StoredTensor> tensors) throws IOException {
        if (tensors.size() == 1) {
            return tensors.values().iterator().next();
        }
        StoredTensor named = tensors.get(COLOUR);
        if (named == null) {
            throw new MultiViewException("MFL-E102", file, "holds " + tensors.size() + " tensors, none named " + COLOUR, "expected the colour prompts alone or under that name");
        }
        return named;
    }

    private void check(UNetConfig unet) throws IOException {
        if (shape[2] != unet.crossAttentionDim()) {
            throw new MultiViewException("MFL-E104", file, "prompt embeddings are " + shape[2] + "-wide but the UNet expects " + unet.crossAttentionDim(),
                    "the file was made with another text encoder; make it with the one of the pipeline folder");
        }
        if (shape[0] != unet.numViews()) {
            throw new MultiViewException("MFL-E110", file, "prompt file has " + shape[0] + " views, the UNet " + unet.numViews(),
                    "another number of views needs its own embeddings, data and UNet");
        }
        int row = Math.toIntExact(shape[1] * shape[2]);
        if (row == 0) {
            throw new MultiViewException("MFL-E103", file, "prompt tensor [" + shape[0] + ", " + shape[1] + ", " + shape[2] + "] has no tokens", "");
        }
        for (int i = 0; i < shape[0]; i++) {
            boolean zero = true;
            for (int k = i * row; k < (i + 1) * row; k++) {
                zero &= values[k] == 0;
                if (!Float.isFinite(values[k])) {
                    throw new MultiViewException("MFL-E105", file, "row " + i + " has numbers that are not finite", "");
                }
            }
            if (zero) {
                throw new MultiViewException("MFL-E105", file, "row " + i + " is all zero", "");
            }
            for (int j = 0; j < i; j++) {
                float largest = 0;
                for (int k = 0; k < row; k++) {
                    largest = Math.max(largest, Math.abs(values[i * row + k] - values[j * row + k]));
                }
                if (largest < SAME) {
                    throw new MultiViewException("MFL-E106", file, "views " + j + " and " + i + " have the same prompt", "they would be the same picture");
                }
            }
        }
    }

    /** As f32 [views, tokens, width] in the current scope. */
    public Tensor tensor() {
        return Tensor.of(values, shape);
    }

    /** "[6, 77, 1024]". */
    public String describe() {
        List<String> dims = new ArrayList<>();
        for (long d : shape) {
            dims.add(Long.toString(d));
        }
        return "[" + String.join(", ", dims) + "]";
    }
}
