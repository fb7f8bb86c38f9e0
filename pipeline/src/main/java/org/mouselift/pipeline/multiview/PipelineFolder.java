package org.mouselift.pipeline.multiview;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.mouselift.data.checkpoint.Checkpoint;
import org.mouselift.data.checkpoint.StoredTensor;
import org.mouselift.engine.Tensor;

/**
 * A pipeline folder in the layout of the original (multi-view diffusion specification §5.3): {@code model_index.json} and one folder
 * per component. What is missing is an error that lists what is there; nothing is ever taken from elsewhere instead.
 *
 * @param path the folder
 * @param unet folder of the UNet: {@code path/unet}, or that of a training checkpoint
 */
public record PipelineFolder(Path path, Path unet) {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final List<String> COMPONENTS = List.of("feature_extractor", "image_encoder", "image_noising_scheduler", "image_normalizer", "scheduler",
            "unet", "vae");
    private static final List<String> WEIGHTS = List.of("diffusion_pytorch_model.safetensors", "model.safetensors", "diffusion_pytorch_model.fp16.safetensors",
            "model.fp16.safetensors", "diffusion_pytorch_model.safetensors.index.json", "model.safetensors.index.json", "diffusion_pytorch_model.bin",
            "pytorch_model.bin");

    /** Checks that all components for sampling are there. */
    public static PipelineFolder open(Path path) throws IOException {
        return open(path, path.resolve("unet"));
    }

    /**
     * The same with the UNet of a training checkpoint.
     *
     * @param checkpoint folder with {@code unet_ema/} or {@code unet/}; the average is preferred
     */
    public static PipelineFolder withCheckpoint(Path path, Path checkpoint) throws IOException {
        for (String name : List.of("unet_ema", "unet")) {
            if (Files.isRegularFile(checkpoint.resolve(name).resolve("config.json"))) {
                return open(path, checkpoint.resolve(name));
            }
        }
        throw new MultiViewException("MFL-E201", checkpoint, "has neither unet_ema/config.json nor unet/config.json; it has " + listing(checkpoint),
                "the base model is never used in its place: name the checkpoint folder that was trained");
    }

    private static PipelineFolder open(Path path, Path unet) throws IOException {
        if (!Files.isRegularFile(path.resolve("model_index.json"))) {
            throw new MultiViewException("MFL-E202", path, "is not a pipeline folder: it has no model_index.json; it has " + listing(path), "");
        }
        for (String name : COMPONENTS) {
            Path component = name.equals("unet") ? unet : path.resolve(name);
            if (!Files.isDirectory(component)) {
                throw new MultiViewException(name.equals("unet") ? "MFL-E201" : "MFL-E202", path, "component folder " + name + " is missing; there are "
                        + listing(path), "copy the whole pipeline folder; nothing is taken from elsewhere in its place");
            }
        }
        return new PipelineFolder(path, unet);
    }

    private static String listing(Path folder) throws IOException {
        if (!Files.isDirectory(folder)) {
            return "nothing (the folder does not exist)";
        }
        try (Stream<Path> files = Files.list(folder)) {
            List<String> names = files.map(f -> f.getFileName() + (Files.isDirectory(f) ? "/" : "")).sorted().limit(20).toList();
            return names.isEmpty() ? "nothing" : String.join(", ", names);
        }
    }

    private Path component(String name) {
        return name.equals("unet") ? unet : path.resolve(name);
    }

    /** A component's configuration as plain objects. */
    public Map<String, Object> config(String component, String file) throws IOException {
        Path at = component(component).resolve(file);
        if (!Files.isRegularFile(at)) {
            throw new MultiViewException("MFL-E202", component(component), "has no " + file + "; it has " + listing(component(component)), "");
        }
        JsonNode node;
        try {
            node = JSON.readTree(at.toFile());
        } catch (IOException e) {
            throw new MultiViewException("MFL-E202", at, "is not JSON: " + e.getMessage(), "", e);
        }
        if (!node.isObject()) {
            throw new MultiViewException("MFL-E202", at, "is not a JSON object", "");
        }
        return JSON.convertValue(node, JSON.getTypeFactory().constructMapType(LinkedHashMap.class, String.class, Object.class));
    }

    /** The file with a component's weights. */
    public Path weightsFile(String component) throws IOException {
        for (String name : WEIGHTS) {
            Path file = component(component).resolve(name);
            if (Files.isRegularFile(file)) {
                return file;
            }
        }
        throw new MultiViewException("MFL-E202", component(component), "has no weights (" + WEIGHTS.getFirst() + " or " + WEIGHTS.get(1) + "); it has "
                + listing(component(component)), "");
    }

    /** A component's weights as f32 tensors in the current scope. */
    public Map<String, Tensor> weights(String component) throws IOException {
        Map<String, Tensor> out = new LinkedHashMap<>();
        try (Checkpoint file = Checkpoint.open(weightsFile(component))) {
            for (StoredTensor t : file.stateDict().values()) {
                // Whole numbers are buffers such as position_ids, which the models compute.
                if (t.dtype().isFloat()) {
                    out.put(t.name(), Tensor.of(t.floats(), t.shape()));
                }
            }
        }
        return out;
    }
}
