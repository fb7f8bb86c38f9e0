package org.mouselift.data.checkpoint;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.mouselift.data.safetensors.SafetensorsFile;
import org.mouselift.data.torch.TorchFile;
import org.mouselift.engine.nn.NearestNames;

/**
 * Named tensors on disk, whatever the format: a safetensors file, a PyTorch file (zip or legacy container), the index of
 * a sharded checkpoint, or a folder that holds one of these (of the numbered checkpoints of a training the newest, see
 * {@link NumberedCheckpoint}; {@link #path} says which). The format is told by the content, never by the file's name.
 * Everything is memory-mapped; opening reads headers only.
 */
public final class Checkpoint implements AutoCloseable {
    /** What the checkpoint is stored as. */
    public enum Format {
        SAFETENSORS("safetensors"), TORCH_ZIP("PyTorch, zip container"), TORCH_LEGACY("PyTorch, legacy container"),
        SHARDED("sharded checkpoint"), FOLDER("folder of checkpoints");

        private final String label;

        Format(String label) {
            this.label = label;
        }

        /** In words. */
        public String label() {
            return label;
        }
    }

    private static final List<String> WRAPPERS = List.of("model", "model_state_dict", "state_dict");
    private static final String DATA_PARALLEL = "module.";

    private final Path path;
    private final Format format;
    private final Map<String, String> metadata;
    private final Object root;
    private final Map<String, StoredTensor> tensors;
    private final List<? extends AutoCloseable> files;

    Checkpoint(Path path, Format format, Map<String, String> metadata, Object root, Map<String, StoredTensor> tensors, List<? extends AutoCloseable> files) {
        this.path = path;
        this.format = format;
        this.metadata = metadata;
        this.root = root;
        this.tensors = Collections.unmodifiableMap(tensors);
        this.files = List.copyOf(files);
    }

    /**
     * Opens a file, an index or a folder.
     *
     * @throws CheckpointException if it is none of the known formats
     * @throws IOException if it is damaged (the exception of its format)
     */
    public static Checkpoint open(Path path) throws IOException {
        return Files.isDirectory(path) ? CheckpointFolder.open(path) : open(path, true);
    }

    /** @param mayBeIndex false for the shard of an index, which cannot be an index itself */
    static Checkpoint open(Path path, boolean mayBeIndex) throws IOException {
        if (!Files.isRegularFile(path)) {
            throw new NoSuchFileException(path.toString());
        }
        byte[] head;
        try (var in = Files.newInputStream(path)) {
            head = in.readNBytes(16);
        }
        Optional<Format> format = formatOf(head);
        if (format.isEmpty()) {
            throw new CheckpointException(path, "neither safetensors nor PyTorch nor the index of a sharded checkpoint (by its first bytes)",
                    ForeignFile.hint(path));
        }
        if (format.get() == Format.SHARDED && !mayBeIndex) {
            throw new CheckpointException(path, "is an index where a shard should be", "a shard is a file of tensors");
        }
        return switch (format.get()) {
            case SAFETENSORS -> of(SafetensorsFile.open(path));
            case SHARDED -> ShardIndex.open(path);
            default -> of(TorchFile.open(path));
        };
    }

    /** The weights file of a component's folder, by the names that the original's libraries look for; empty where there is none. */
    public static Optional<Path> weightsIn(Path folder) {
        return CheckpointFolder.weights(folder);
    }

    /** What the first 9 bytes of a file say; empty for something else. */
    public static Optional<Format> formatOf(byte[] head) {
        if (head.length > 3 && head[0] == 'P' && head[1] == 'K') {
            return Optional.of(Format.TORCH_ZIP);
        }
        // A header length has zeros in its upper bytes, JSON text has none.
        if (head.length > 4 && head[0] == '{' && head[4] != 0) {
            return Optional.of(Format.SHARDED);
        }
        if (head.length > 8 && head[8] == '{') {
            return Optional.of(Format.SAFETENSORS);
        }
        if (head.length > 1 && head[0] == (byte) 0x80 && head[1] >= 2 && head[1] <= 5) {
            return Optional.of(Format.TORCH_LEGACY);
        }
        return Optional.empty();
    }

    private static Checkpoint of(SafetensorsFile file) {
        Map<String, StoredTensor> tensors = new LinkedHashMap<>();
        file.entries().forEach((name, entry) -> tensors.put(name, StoredTensor.of(entry)));
        return new Checkpoint(file.path(), Format.SAFETENSORS, file.metadata(), null, tensors, List.of(file));
    }

    private static Checkpoint of(TorchFile file) {
        Map<String, StoredTensor> tensors = new LinkedHashMap<>();
        file.tensors().forEach((name, tensor) -> tensors.put(name, StoredTensor.of(file.path(), tensor)));
        return new Checkpoint(file.path(), file.legacy() ? Format.TORCH_LEGACY : Format.TORCH_ZIP, Map.of(), file.root(), tensors, List.of(file));
    }

    public Path path() {
        return path;
    }

    public Format format() {
        return format;
    }

    /** The strings a safetensors file or an index carries beside its tensors; empty elsewhere. */
    public Map<String, String> metadata() {
        return metadata;
    }

    /** The object a PyTorch file holds ({@link TorchFile#root}), for its counters and settings; empty for other formats. */
    public Optional<Object> root() {
        return Optional.ofNullable(root);
    }

    /** All tensors by their full name, in the order of the file. */
    public Map<String, StoredTensor> tensors() {
        return tensors;
    }

    /** The names of all tensors. */
    public List<String> names() {
        return List.copyOf(tensors.keySet());
    }

    public boolean contains(String name) {
        return tensors.containsKey(name);
    }

    /** The tensor with this full name; a missing one is an error that lists the nearest names. */
    public StoredTensor tensor(String name) throws CheckpointException {
        return find(tensors, name);
    }

    private StoredTensor find(Map<String, StoredTensor> in, String name) throws CheckpointException {
        StoredTensor tensor = in.get(name);
        if (tensor == null) {
            throw new CheckpointException(path, "has no tensor '" + name + "'", in.isEmpty() ? "it holds no tensors"
                    : "nearest of " + in.size() + ": " + NearestNames.of(name, in.keySet(), 5));
        }
        return tensor;
    }

    /**
     * The network's tensors under their own names, by the rule of the original loader (GS-LRM specification §1.14): those
     * below {@code model}, else {@code model_state_dict}, else {@code state_dict}, else all; a leading {@code module.} is
     * removed from every name.
     *
     * @throws TensorNamesException if a name has the prefix twice, or one tensor is there with and without it
     */
    public Map<String, StoredTensor> stateDict() throws CheckpointException {
        String prefix = wrapper();
        Map<String, StoredTensor> state = new LinkedHashMap<>();
        for (Map.Entry<String, StoredTensor> tensor : tensors.entrySet()) {
            if (tensor.getKey().startsWith(prefix)) {
                String name = tensor.getKey().substring(prefix.length());
                String own = name.startsWith(DATA_PARALLEL) ? name.substring(DATA_PARALLEL.length()) : name;
                if (own.startsWith(DATA_PARALLEL)) {
                    throw new TensorNamesException(path, "tensor '" + name + "' has the prefix '" + DATA_PARALLEL + "' twice",
                            "it was saved from a network that was wrapped twice; save it again from the network itself");
                }
                if (state.put(own, tensor.getValue().named(own)) != null) {
                    throw new TensorNamesException(path, "holds both '" + own + "' and '" + DATA_PARALLEL + own + "'", "only one of them can be loaded");
                }
            }
        }
        return Collections.unmodifiableMap(state);
    }

    /**
     * Gives back the physical memory that mapped tensors occupy in this process. Contents stay valid; they come from the file again
     * when they are used again.
     */
    public void release() {
        for (StoredTensor tensor : tensors.values()) {
            if (tensor.isMapped() && tensor.byteSize() > 0) {
                tensor.data().unload();
            }
        }
    }

    /** What the full names of the network's tensors begin with; empty if they are not wrapped. */
    private String wrapper() {
        if (root instanceof Map<?, ?> map) {
            for (String wrapper : WRAPPERS) {
                if (map.get(wrapper) instanceof Map) {
                    return wrapper + ".";
                }
            }
        }
        return "";
    }

    /** True for the full name of a tensor that belongs to the network, not to what lies beside it. */
    boolean isNetwork(String name) {
        return name.startsWith(wrapper());
    }

    @Override
    public void close() {
        closeAll(files);
    }

    static void closeAll(List<? extends AutoCloseable> files) {
        for (AutoCloseable file : new ArrayList<>(files)) {
            switch (file) {
                case SafetensorsFile f -> f.close();
                case TorchFile f -> f.close();
                case Checkpoint c -> c.close();
                default -> throw new IllegalStateException("not a checkpoint file: " + file.getClass());
            }
        }
    }
}
