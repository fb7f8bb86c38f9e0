package org.mouselift.pipeline.reconstruct;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.mouselift.data.AtomicFile;
import org.mouselift.data.checkpoint.ArtefactStatus;
import org.mouselift.data.checkpoint.Checkpoint;
import org.mouselift.data.checkpoint.CheckpointException;
import org.mouselift.data.checkpoint.NumberedCheckpoint;
import org.mouselift.data.checkpoint.Provenance;
import org.mouselift.data.checkpoint.StoredTensor;
import org.mouselift.data.checkpoint.TensorNamesException;
import org.mouselift.data.checkpoint.TensorStatistics;
import org.mouselift.data.pickle.PickleException;
import org.mouselift.data.safetensors.SafetensorsException;
import org.mouselift.data.safetensors.SafetensorsWriter;
import org.mouselift.data.torch.TorchFileException;
import org.mouselift.engine.DType;
import org.mouselift.engine.EngineException;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tensor;
import org.mouselift.models.gslrm.GsLrm;
import org.mouselift.pipeline.config.GslrmConfig;
import org.mouselift.pipeline.config.GslrmConfigReader;
import org.mouselift.pipeline.config.YamlReader;
import org.mouselift.pipeline.train.GslrmSetup;
import org.mouselift.pipeline.train.TrainingCheckpoint;

/**
 * A reconstructor as a folder: {@code model.safetensors} with the state-dict names of the original (GS-LRM specification
 * §1.14; F16, BF16 or F32), {@code config.yaml}, the training configuration, and optionally {@code provenance.json}. The
 * stored configuration is authoritative. Computes in float32, on the mapped file: half-precision weights are widened where they are
 * used.
 *
 * <p>Owns model and mapping; close it to free them.
 */
public final class GsLrmWeights implements AutoCloseable {
    public static final String MODEL = "model.safetensors";
    public static final String CONFIG = "config.yaml";
    public static final String PROVENANCE = "provenance.json";

    /** Entries of the original's checkpoints that belong to its losses, not to the network. */
    private static final String LOSS_NETWORKS = "loss_calculator.";
    private static final long MAX_PROVENANCE = 16 << 20;
    private static final ObjectMapper JSON = new ObjectMapper();

    private final Path folder;
    private final GslrmConfig config;
    private final GsLrm model;
    private final Checkpoint stored;
    private final ObjectNode provenance;
    private final RigProvenance rig;

    /** @param stored what the model computes with; null for a model with memory of its own */
    private GsLrmWeights(Path folder, GslrmConfig config, GsLrm model, Checkpoint stored, ObjectNode provenance, RigProvenance rig) {
        this.folder = folder;
        this.config = config;
        this.model = model;
        this.stored = stored;
        this.provenance = provenance;
        this.rig = rig;
    }

    /**
     * Opens a folder, or a checkpoint file of any format beside which lies its {@code config.yaml}, and checks everything
     * that can be wrong with it before it is used. A folder without {@code model.safetensors} may hold checkpoints of the
     * original, {@code ckpt_<step>.pt}; the one with the highest step is taken.
     *
     * @throws org.mouselift.data.checkpoint.InvalidatedException MFL-E210 for weights that were invalidated
     * @throws WeightsException MFL-E207 for a missing folder or file, MFL-E202 for a damaged file or numbers that are NaN or
     *     infinite, MFL-E203 for tensors that are missing, unexpected or of another shape than the configuration says
     */
    public static GsLrmWeights open(Path folder) throws IOException {
        requireUsable(folder);
        if (Files.isRegularFile(folder)) {
            Path yaml = folder.resolveSibling(CONFIG);
            if (!Files.isRegularFile(yaml)) {
                throw new WeightsException("MFL-E207", folder, "has no " + CONFIG + " beside it", "put the configuration it was trained with there, or name it with --weights-config FILE");
            }
            return open(folder, yaml);
        }
        Optional<Path> original = newestOriginal(folder);
        if (original.isPresent()) {
            requireFile(folder, CONFIG);
            return open(original.get(), folder.resolve(CONFIG));
        }
        requireFile(folder, MODEL);
        requireFile(folder, CONFIG);
        GslrmConfig config = GslrmConfigReader.read(folder.resolve(CONFIG), List.of()).config();
        ObjectNode provenance = provenance(folder.resolve(PROVENANCE));
        RigProvenance rig = RigProvenance.of(provenance, folder.resolve(PROVENANCE)).orElse(null);
        return mapped(folder, config, folder.resolve(MODEL), provenance, rig);
    }

    /**
     * A checkpoint file of any format ({@link Checkpoint}), such as a {@code .pt} of the original, with its configuration.
     *
     * @throws WeightsException as {@link #open(Path)}
     */
    public static GsLrmWeights open(Path file, Path yaml) throws IOException {
        if (!Files.isRegularFile(file)) {
            throw new WeightsException("MFL-E207", file, "no such checkpoint", "name a file of weights with --weights FILE");
        }
        requireUsable(file);
        GslrmConfig config = GslrmConfigReader.read(yaml, List.of()).config();
        return mapped(file, config, file, JsonNodeFactory.instance.objectNode(), null);
    }

    /**
     * The model of a training checkpoint.
     *
     * @param yaml its configuration, or null for the one that is stored in it
     */
    public static GsLrmWeights ofCheckpoint(Path file, Path yaml) throws IOException {
        if (!Files.isRegularFile(file)) {
            throw new WeightsException("MFL-E207", file, "no such checkpoint", "name a ckpt_*.safetensors of a training folder");
        }
        requireUsable(file);
        String name = yaml == null ? "configuration stored in " + file : yaml.toString();
        GslrmConfig config = GslrmConfigReader.read(name, yaml == null ? YamlReader.parse(name, TrainingCheckpoint.readConfiguration(file)) : YamlReader.read(yaml), List.of()).config();
        ObjectNode provenance = object(file, TrainingCheckpoint.readProvenance(file).getBytes(StandardCharsets.UTF_8));
        RigProvenance rig = RigProvenance.of(provenance, file).orElse(null);
        try (Scope scope = Scope.open("weights of " + file)) {
            GsLrm model = GsLrm.load(GslrmSetup.network(config), DType.F32, TrainingCheckpoint.readModel(file), file.toString());
            return new GsLrmWeights(file, config, model, null, provenance, rig);
        } catch (EngineException e) {
            throw new WeightsException("MFL-E203", file, e.getMessage(), "give the configuration it was trained with", e);
        }
    }

    private static void requireUsable(Path artefact) throws IOException {
        try {
            ArtefactStatus.requireUsable(artefact);
        } catch (CheckpointException e) {
            throw new WeightsException("MFL-E202", e);
        }
    }

    /** By number, not by text; empty where the folder has weights of its own. */
    private static Optional<Path> newestOriginal(Path folder) throws IOException {
        if (!Files.isDirectory(folder) || Files.exists(folder.resolve(MODEL))) {
            return Optional.empty();
        }
        return NumberedCheckpoint.list(folder).stream().filter(c -> c.kind() == NumberedCheckpoint.Kind.ORIGINAL_FILE).map(NumberedCheckpoint::path).findFirst();
    }

    private static void requireFile(Path folder, String name) throws IOException {
        if (!Files.isDirectory(folder)) {
            throw new WeightsException("MFL-E207", folder, "no such folder of weights", "name one with --weights DIR; it holds " + MODEL + " and " + CONFIG);
        }
        Path file = folder.resolve(name);
        if (!Files.isRegularFile(file)) {
            try (Stream<Path> files = Files.list(folder)) {
                String found = files.map(f -> f.getFileName().toString()).sorted().limit(20).collect(Collectors.joining(", "));
                throw new WeightsException("MFL-E207", folder, "has no " + name + "; it holds " + (found.isEmpty() ? "nothing" : found),
                        "a folder of weights holds " + MODEL + " or ckpt_<step>.pt, and " + CONFIG);
            }
        }
        if (Files.size(file) == 0) {
            throw new WeightsException("MFL-E202", file, "is empty", "copy it again");
        }
    }

    private static GsLrmWeights mapped(Path place, GslrmConfig config, Path file, ObjectNode provenance, RigProvenance rig) throws IOException {
        Checkpoint stored = null;
        GsLrm model = null;
        try {
            stored = Checkpoint.open(file);
            model = GsLrm.stored(GslrmSetup.network(config), state(stored), file.toString());
            // The check of all numbers has read the file; until the network runs it need not stay.
            stored.release();
            return new GsLrmWeights(place, config, model, stored, provenance, rig);
        } catch (TensorNamesException e) {
            throw new WeightsException("MFL-E203", e);
        } catch (SafetensorsException | TorchFileException | PickleException | CheckpointException e) {
            throw new WeightsException("MFL-E202", file, "is incomplete or damaged: " + e.getMessage(), "copy it again", e);
        } catch (EngineException e) {
            throw new WeightsException("MFL-E203", file, e.getMessage(), "the configuration must be the one it was trained with", e);
        } finally {
            if (stored != null && model == null) {
                stored.close();
            }
        }
    }

    /**
     * The network's tensors of a checkpoint of any format, by the names of the original: wrappers and prefixes removed
     * ({@link Checkpoint#stateDict}), loss networks left out. The tensors look at the mapped file and are valid until the
     * checkpoint closes.
     *
     * @throws WeightsException MFL-E202 for a tensor that is not of floating-point numbers, or has NaN or infinite ones
     */
    public static Map<String, Tensor> state(Checkpoint stored) throws IOException {
        Map<String, Tensor> state = new LinkedHashMap<>();
        for (StoredTensor tensor : stored.stateDict().values()) {
            if (!tensor.name().startsWith(LOSS_NETWORKS)) {
                requireNumbers(tensor);
                state.put(tensor.name(), Tensor.wrap(tensor.data(), tensor.dtype(), tensor.shape()));
            }
        }
        return state;
    }

    private static void requireNumbers(StoredTensor tensor) throws WeightsException {
        if (!tensor.type().isFloat()) {
            throw new WeightsException("MFL-E202", tensor.file(), "tensor '" + tensor.name() + "' is " + tensor.describe() + ", expected F16, BF16 or F32", "");
        }
        long first = TensorStatistics.firstNotFinite(tensor);
        if (first >= 0) {
            throw new WeightsException("MFL-E202", tensor.file(), "tensor '" + tensor.name() + "' has " + TensorStatistics.of(tensor).notFinite() + " of "
                    + tensor.elements() + " numbers that are NaN or infinite, the first at " + first, "take an earlier checkpoint");
        }
    }

    private static ObjectNode provenance(Path file) throws IOException {
        if (!Files.exists(file)) {
            return JsonNodeFactory.instance.objectNode();
        }
        if (Files.size(file) > MAX_PROVENANCE) {
            throw new WeightsException("MFL-E202", file, "has " + Files.size(file) + " bytes, expected at most " + MAX_PROVENANCE, "");
        }
        return object(file, Files.readAllBytes(file));
    }

    private static ObjectNode object(Path file, byte[] json) throws IOException {
        try {
            JsonNode node = JSON.readTree(json);
            if (node instanceof ObjectNode object) {
                return object;
            }
            throw new WeightsException("MFL-E202", file, "provenance is not a JSON object", "delete or restore it");
        } catch (JsonProcessingException e) {
            throw new WeightsException("MFL-E202", file, "provenance is not JSON: " + e.getOriginalMessage(), "delete or restore it", e);
        }
    }

    /**
     * Writes a model as a folder of weights; every file appears under its name only when complete.
     *
     * @param yaml the training configuration; it must describe this very network
     * @param storage F16 or F32. F16 refuses weights beyond ±65504.
     * @param provenance where the weights come from, parents relative to the folder ({@link Provenance}), or null; sizes and hashes of
     *     the files are added
     */
    public static void save(Path folder, GsLrm model, String yaml, DType storage, ObjectNode provenance) throws IOException {
        if (storage != DType.F16 && storage != DType.F32) {
            throw new IllegalArgumentException("weights are stored as f16 or f32, not " + storage.label());
        }
        Path config = folder.resolve(CONFIG);
        GslrmConfig described = GslrmConfigReader.read(config.toString(), YamlReader.parse(config.toString(), yaml), List.of()).config();
        if (!GslrmSetup.network(described).parameterShapes().equals(model.config().parameterShapes())) {
            throw new IllegalArgumentException(config + ": this configuration describes another network than the one to be saved");
        }
        Files.createDirectories(folder);
        text(config, yaml);
        try (Scope scope = Scope.open("weights to save")) {
            SafetensorsWriter writer = new SafetensorsWriter().metadata("format", "pt");
            model.stateDict().forEach((name, p) -> {
                Tensor stored = Ops.cast(p, storage);
                requireFinite(folder, name, stored);
                writer.add(name, storage, stored.shape().dims(), Ops.contiguous(stored).contiguousSegment());
            });
            writer.write(folder.resolve(MODEL));
        }
        if (provenance != null) {
            Provenance.of(provenance, folder).write(folder);
        }
    }

    /** What is recorded about the weights of a folder; empty where there is no such file. The last file that {@link #save} writes. */
    public static ObjectNode readProvenance(Path folder) throws IOException {
        return provenance(folder.resolve(PROVENANCE));
    }

    private static void requireFinite(Path folder, String name, Tensor stored) {
        for (float value : stored.toFloats()) {
            if (!Float.isFinite(value)) {
                throw new IllegalArgumentException(folder + ": tensor '" + name + "' has numbers that are not finite in " + stored.dtype().label()
                        + "; nothing was written");
            }
        }
    }

    private static void text(Path file, String content) throws IOException {
        ByteBuffer bytes = ByteBuffer.wrap(content.getBytes(StandardCharsets.UTF_8));
        AtomicFile.write(file, channel -> {
            while (bytes.hasRemaining()) {
                channel.write(bytes);
            }
        });
    }

    /** The folder, or the checkpoint file that was opened. */
    public Path folder() {
        return folder;
    }

    /** The file with the tensors. */
    public Path file() {
        return Files.isDirectory(folder) ? folder.resolve(MODEL) : folder;
    }

    /** The training configuration. */
    public GslrmConfig config() {
        return config;
    }

    public GsLrm model() {
        return model;
    }

    /** Where the weights come from; empty where nothing is recorded. */
    public ObjectNode provenance() {
        return provenance.deepCopy();
    }

    /** The input cameras of the training; empty where they are not recorded. */
    public Optional<RigProvenance> rig() {
        return Optional.ofNullable(rig);
    }

    /** Views the model was trained to reconstruct from. */
    public int inputViews() {
        return config.dataset().numInputViews();
    }

    /** Side of the pictures the model was trained on, pixels. */
    public int imageSize() {
        return config.model().imageSize();
    }

    /** Gives back the physical memory of mapped weights until they are used again. */
    public void release() {
        if (stored != null) {
            stored.release();
        }
    }

    @Override
    public void close() {
        model.close();
        if (stored != null) {
            stored.close();
        }
    }
}
