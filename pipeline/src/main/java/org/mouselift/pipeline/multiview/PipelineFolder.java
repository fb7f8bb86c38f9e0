package org.mouselift.pipeline.multiview;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.mouselift.data.checkpoint.Checkpoint;
import org.mouselift.data.checkpoint.StoredTensor;
import org.mouselift.engine.Tensor;

/**
 * A pipeline folder in the layout of the original (multi-view diffusion specification §5.3): {@code model_index.json} and one folder
 * per component. What is missing is an error that lists what is there; nothing is ever taken from elsewhere instead. A UNet without
 * class embedding needs no image branch, one that diffuses pictures no autoencoder.
 *
 * @param path the folder
 * @param unet folder of the UNet: {@code path/unet}, or that of a training checkpoint
 * @param components what sampling needs, by folder name
 */
public record PipelineFolder(Path path, Path unet, List<String> components) {
    private static final ObjectMapper JSON = new ObjectMapper();
    /** Key of {@code model_index.json} of a pipeline without autoencoder, with the value {@link #PICTURES}. */
    public static final String LATENT_SPACE = "_mouselift_latent_space";
    /** Pictures themselves are diffused. */
    public static final String PICTURES = "pixels";
    /** Folders of a checkpoint, the preferred one first. */
    private static final List<String> TRAINED = List.of("unet_ema", "unet");
    private static final String INDEX = "model_index.json";
    private static final List<String> COMPONENTS = List.of("feature_extractor", "image_encoder", "image_noising_scheduler", "image_normalizer", "scheduler",
            "unet", "vae");
    private static final List<String> IMAGE_BRANCH = List.of("feature_extractor", "image_encoder", "image_noising_scheduler", "image_normalizer");
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
     * @param checkpoint folder with {@code unet_ema/} or {@code unet/}, the average is preferred; or one of these itself
     */
    public static PipelineFolder withCheckpoint(Path path, Path checkpoint) throws IOException {
        Optional<Path> unet = trained(checkpoint);
        if (unet.isEmpty()) {
            unet = doubled(checkpoint);
            unet.ifPresent(found -> System.getLogger(PipelineFolder.class.getName()).log(System.Logger.Level.WARNING, checkpoint
                    + " has no UNet; taking the one at " + found + ", where the original saves it when checkpoint_prefix is a relative path"));
        }
        if (unet.isEmpty()) {
            throw new MultiViewException("MFL-E201", checkpoint, "has neither unet_ema/config.json nor unet/config.json; it has " + listing(checkpoint),
                    "the base model is never used in its place: name the checkpoint folder that was trained");
        }
        return open(path, unet.get());
    }

    private static Optional<Path> trained(Path checkpoint) {
        boolean itself = checkpoint.getFileName() != null && TRAINED.contains(checkpoint.getFileName().toString());
        return Stream.concat(itself ? Stream.of(checkpoint) : Stream.empty(), TRAINED.stream().map(checkpoint::resolve))
                .filter(folder -> Files.isRegularFile(folder.resolve("config.json"))).findFirst();
    }

    /**
     * The UNet of a run of the original with a relative {@code checkpoint_prefix} (§4.12 D1): it joins the prefix twice, so that for
     * {@code p/out/checkpoint-N} the weights lie in {@code p/p/out/checkpoint-N}.
     */
    private static Optional<Path> doubled(Path checkpoint) {
        Path full = checkpoint.toAbsolutePath().normalize();
        int names = full.getNameCount();
        for (int from = names - 2; from >= 0; from--) {
            for (int to = from + 1; to < names; to++) {
                Path twice = full.getRoot().resolve(full.subpath(0, to)).resolve(full.subpath(from, names));
                if (trained(twice).isPresent()) {
                    return trained(twice);
                }
            }
        }
        return Optional.empty();
    }

    private static PipelineFolder open(Path path, Path unet) throws IOException {
        if (!Files.isRegularFile(path.resolve(INDEX))) {
            throw new MultiViewException("MFL-E202", path, "is not a pipeline folder: it has no " + INDEX + "; it has " + listing(path), "");
        }
        PipelineFolder all = new PipelineFolder(path, unet, COMPONENTS);
        all.require("unet");
        List<String> needed = new ArrayList<>(COMPONENTS);
        if (String.valueOf(all.config("unet", "config.json").get("class_embed_type")).equals("null")) {
            needed.removeAll(IMAGE_BRANCH);
        }
        if (PICTURES.equals(object(path.resolve(INDEX)).get(LATENT_SPACE))) {
            needed.remove("vae");
        }
        for (String name : needed) {
            all.require(name);
        }
        return new PipelineFolder(path, unet, List.copyOf(needed));
    }

    private void require(String name) throws IOException {
        if (!Files.isDirectory(component(name))) {
            throw new MultiViewException(name.equals("unet") ? "MFL-E201" : "MFL-E202", path, "component folder " + name + " is missing; there are "
                    + listing(path), "copy the whole pipeline folder; nothing is taken from elsewhere in its place");
        }
    }

    /** True if sampling needs a component. */
    public boolean needs(String component) {
        return components.contains(component);
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
        return object(at);
    }

    private static Map<String, Object> object(Path at) throws IOException {
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
