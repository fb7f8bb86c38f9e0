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
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.camera.OpencvCameraFile;
import org.mouselift.data.checkpoint.ArtefactStatus;
import org.mouselift.data.checkpoint.Checkpoint;
import org.mouselift.data.checkpoint.CheckpointDifference;
import org.mouselift.data.checkpoint.Provenance;
import org.mouselift.data.checkpoint.TensorNamesException;
import org.mouselift.engine.EngineException;
import org.mouselift.engine.Tensor;
import org.mouselift.models.diffusion.NoiseSchedule;
import org.mouselift.models.unet.UNetConfig;
import org.mouselift.pipeline.checkpoint.MappedWeights;
import org.mouselift.pipeline.checkpoint.UNetFolder;

/**
 * A pipeline folder in the layout of the original (multi-view diffusion specification §5.3): {@code model_index.json} and one folder
 * per component. What is missing is an error that lists what is there; nothing is ever taken from elsewhere instead. A UNet without
 * class embedding needs no image branch, one that diffuses pictures no autoencoder.
 *
 * @param path the folder
 * @param unet folder of the UNet: {@code path/unet}, or that of a training checkpoint
 * @param components what sampling needs, by folder name
 * @param cameras other cameras for a UNet that is told its cameras than those on record in its folder
 */
public record PipelineFolder(Path path, Path unet, List<String> components, Optional<Path> cameras) {
    private static final ObjectMapper JSON = new ObjectMapper();
    /** Key of {@code model_index.json} of a pipeline without autoencoder, with the value {@link #PICTURES}. */
    public static final String LATENT_SPACE = "_mouselift_latent_space";
    /** Pictures themselves are diffused. */
    public static final String PICTURES = "pixels";
    /** Key of {@code model_index.json} with the settings a pipeline is best sampled with: an object with any of steps, guidance, eta. */
    public static final String SAMPLING = "_mouselift_sampling";
    /** File of the component {@code scheduler}. */
    public static final String SCHEDULER = "scheduler_config.json";
    private static final String INDEX = "model_index.json";
    private static final List<String> COMPONENTS = List.of("feature_extractor", "image_encoder", "image_noising_scheduler", "image_normalizer", "scheduler",
            "unet", "vae");
    private static final List<String> IMAGE_BRANCH = List.of("feature_extractor", "image_encoder", "image_noising_scheduler", "image_normalizer");

    /** Checks that all components for sampling are there. */
    public static PipelineFolder open(Path path) throws IOException {
        return open(path, path.resolve("unet"));
    }

    /**
     * The same with a fine-tuned UNet.
     *
     * @throws MultiViewException MFL-E204 if its weights are those of the pipeline's own UNet
     */
    public static PipelineFolder withUNet(Path path, UNetFolder unet) throws IOException {
        PipelineFolder folder = open(path, unet.path());
        Path own = path.resolve("unet");
        if (Files.isDirectory(own) && !own.toAbsolutePath().normalize().equals(unet.path().toAbsolutePath().normalize())) {
            Optional<Path> base = Checkpoint.weightsIn(own);
            // The pipeline that a training exported has the UNet of that training: there is no base model in it.
            boolean trained = Provenance.read(path).map(p -> p.parents().stream().anyMatch(parent -> parent.role().equals("checkpoint"))).orElse(false);
            if (base.isPresent() && !trained && same(base.get(), folder.weightsFile("unet"))) {
                throw new MultiViewException("MFL-E204", unet.path(), "the UNet equals that of the pipeline " + path + ", number for number: fine-tuned weights were not applied",
                        "name the checkpoint that was trained, or leave --unet away to use the pipeline as it is");
            }
        }
        return folder;
    }

    /** The same file, or the same weights in another container or precision; fine-tuned ones differ in their first tensor already. */
    private static boolean same(Path base, Path other) throws IOException {
        if (Files.mismatch(base, other) < 0) {
            return true;
        }
        try (Checkpoint a = Checkpoint.open(base); Checkpoint b = Checkpoint.open(other)) {
            return CheckpointDifference.sameWeights(a, b);
        }
    }

    private static PipelineFolder open(Path path, Path unet) throws IOException {
        if (!Files.isRegularFile(path.resolve(INDEX))) {
            throw new MultiViewException("MFL-E202", path, "is not a pipeline folder: it has no " + INDEX + "; it has " + listing(path), "");
        }
        PipelineFolder all = new PipelineFolder(path, unet, COMPONENTS, Optional.empty());
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
            ArtefactStatus.requireUsable(all.component(name));
        }
        return new PipelineFolder(path, unet, List.copyOf(needed), Optional.empty());
    }

    /**
     * The same, its UNet told the cameras of a file.
     *
     * @throws MultiViewException MFL-E202 if the UNet is not told its cameras
     */
    public PipelineFolder withCameras(Path file) throws IOException {
        if (unetConfig().cameraEmbedding().isEmpty()) {
            throw new MultiViewException("MFL-E202", unet, "was trained without " + UNetConfig.CAMERA_EMBEDDING + ": it is not told its cameras", "leave the cameras away");
        }
        return new PipelineFolder(path, unet, components, Optional.of(file));
    }

    /** The file with the cameras that the UNet is told; empty if it is told none. */
    public Optional<Path> cameraFile() throws IOException {
        return unetConfig().cameraEmbedding().isEmpty() ? Optional.empty() : cameras.or(() -> Optional.of(unet.resolve(OpencvCameraFile.FILE_NAME)));
    }

    /**
     * The cameras that the UNet is told, one per view: those given, or those on record in its folder; empty if it is told none.
     *
     * @throws MultiViewException MFL-E202 if there is no such file, MFL-E114 if it has too few
     */
    public Optional<CameraRig> toldCameras() throws IOException {
        Optional<Path> told = cameraFile();
        if (told.isEmpty()) {
            return Optional.empty();
        }
        Path file = told.get();
        if (!Files.isRegularFile(file)) {
            throw new MultiViewException("MFL-E202", unet, "is told its cameras (" + UNetConfig.CAMERA_EMBEDDING + "), and there is no " + file,
                    "name a camera file with --view-cameras FILE: the samples it was trained on had different cameras, or the file is lost");
        }
        return Optional.of(ViewCameras.read(file, unetConfig().numViews()));
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

    /** The first names in a folder, for messages. */
    public static String listing(Path folder) throws IOException {
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

    /**
     * The settings the pipeline recommends for itself, the published ones where it says nothing.
     *
     * @throws MultiViewException MFL-E202 for a recommendation that cannot be followed
     */
    public SamplingOptions sampling() throws IOException {
        Path file = path.resolve(INDEX);
        JsonNode said = JSON.readTree(file.toFile()).path(SAMPLING);
        SamplingOptions published = SamplingOptions.PUBLISHED;
        try {
            for (Map.Entry<String, JsonNode> e : said.properties()) {
                if (!List.of("steps", "guidance", "eta").contains(e.getKey()) || !e.getValue().isNumber()) {
                    throw new IllegalArgumentException(e.getKey() + ": " + e.getValue());
                }
            }
            return new SamplingOptions(said.path("steps").asInt(published.steps()), said.path("guidance").asDouble(published.guidance()),
                    said.path("eta").asDouble(published.eta()), published.noiseLevel(), published.kind());
        } catch (IllegalArgumentException e) {
            throw new MultiViewException("MFL-E202", file, SAMPLING + " says " + said + ": " + e.getMessage(),
                    "it may hold the numbers steps (1 or more), guidance and eta (0 to 1)", e);
        }
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

    /** Noise of the steps. */
    public NoiseSchedule schedule() throws IOException {
        return NoiseSchedule.of(config("scheduler", SCHEDULER), false, path + "/scheduler/" + SCHEDULER);
    }

    /** Architecture of the UNet; reads no weights. */
    public UNetConfig unetConfig() throws IOException {
        return UNetConfig.of(config("unet", "config.json"), unet + "/config.json");
    }

    /** The file with a component's weights. */
    public Path weightsFile(String component) throws IOException {
        Optional<Path> file = Checkpoint.weightsIn(component(component));
        if (file.isEmpty()) {
            throw new MultiViewException("MFL-E202", component(component), "has no weights (diffusion_pytorch_model.safetensors or model.safetensors); it has "
                    + listing(component(component)), "");
        }
        return file.get();
    }

    /** A component's weights as they are stored, on the mapped file. */
    public MappedWeights mapped(String component) throws IOException {
        return MappedWeights.open(weightsFile(component));
    }

    /** Makes a model of a component's weights file. */
    interface Loading<T> {
        T from(Path weights) throws IOException;
    }

    /** Makes a model on a component's mapped weights; {@code source} is the file, for messages. */
    interface Storing<T> {
        T on(Map<String, Tensor> state, String source);
    }

    /** A network and the mapped file that it computes with. */
    record OnFile<T>(T model, MappedWeights file) {}

    /**
     * Makes a component's network on its mapped weights, strictly.
     *
     * @throws MultiViewException MFL-E202 for damaged weights, MFL-E203 for weights that do not fit their configuration
     */
    <T> OnFile<T> onFile(String component, Storing<T> network) throws IOException {
        return loaded(component, weights -> {
            MappedWeights file = MappedWeights.open(weights);
            try {
                return new OnFile<>(network.on(file.state(), weights.toString()), file);
            } catch (RuntimeException e) {
                file.close();
                throw e;
            }
        });
    }

    /**
     * Loads a component strictly.
     *
     * @throws MultiViewException MFL-E202 for damaged weights, MFL-E203 for weights that do not fit their configuration
     */
    <T> T loaded(String component, Loading<T> loading) throws IOException {
        Path weights = weightsFile(component);
        try {
            return loading.from(weights);
        } catch (TensorNamesException e) {
            throw new MultiViewException("MFL-E203", component, e.getMessage(), "strict loading is mandatory", e);
        } catch (MultiViewException e) {
            throw e;
        } catch (IOException e) {
            throw new MultiViewException("MFL-E202", component, "weights are incomplete or damaged: " + e.getMessage(), "copy them again", e);
        } catch (EngineException e) {
            throw new MultiViewException("MFL-E203", component, e.getMessage(), "strict loading is mandatory", e);
        }
    }
}
