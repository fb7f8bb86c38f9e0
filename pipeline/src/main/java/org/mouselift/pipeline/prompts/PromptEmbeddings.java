package org.mouselift.pipeline.prompts;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.mouselift.data.checkpoint.Checkpoint;
import org.mouselift.data.checkpoint.ContentHash;
import org.mouselift.data.checkpoint.StoredTensor;
import org.mouselift.data.prompts.PromptMetadata;
import org.mouselift.data.safetensors.StoredType;
import org.mouselift.engine.Tensor;

/**
 * The text features that tell the views apart, one row of tokens per view, and what is known about them (mouse specification
 * §5.4): a PyTorch file with one tensor and a {@code metadata.json} beside it, or a safetensors file with the tensors {@code clr} and
 * {@code normal} that carries its metadata. {@link PromptCheck} says whether they can be used.
 *
 * @param kind what the tensor was made for
 * @param type element type of the file
 * @param shape [views, tokens, width]
 * @param sha256 of the file
 * @param tensorSha256 of the tensor's bytes as stored
 * @param metadata what the set says about itself
 * @param metadataFrom where that was read, or why there is none
 */
public record PromptEmbeddings(Path file, Kind kind, StoredType type, long[] shape, float[] values, String sha256, String tensorSha256,
        Optional<PromptMetadata> metadata, String metadataFrom) {
    /** What a text was written for. */
    public enum Kind {
        /** Pictures. */
        COLOUR("clr"),
        /** Normal or depth maps. */
        NORMAL("normal");

        private final String tensor;

        Kind(String tensor) {
            this.tensor = tensor;
        }

        /** Name of the tensor in a safetensors file. */
        public String tensor() {
            return tensor;
        }

        private boolean names(String name) {
            return name.equals(tensor) || name.equals(tensor + "_embeds");
        }
    }

    /** Key of the metadata text in a safetensors file. */
    static final String METADATA_KEY = "prompts";
    private static final String METADATA_FILE = "metadata.json";
    private static final List<String> NAMES = List.of("clr_embeds.safetensors", "clr_embeds.pt");
    private static final String FOLDER = "prompt_embeds";
    private static final long MAX_METADATA = 1 << 20;
    /** 64 views of 77 tokens of width 2048 are 10 million. */
    private static final long MAX_ELEMENTS = 1 << 24;

    /**
     * The file of a pipeline: {@code clr_embeds.safetensors} or {@code .pt} beside its UNet in {@code prompt_embeds/} (of an averaged
     * UNet: {@code prompt_embeds_ema/}), in the pipeline folder or in its {@code prompt_embeds/}.
     *
     * @param pipeline its folder
     * @param unet folder of its UNet
     * @throws PromptException MFL-E101 if there is none
     */
    public static Path of(Path pipeline, Path unet) throws IOException {
        String average = unet.getFileName().toString().endsWith("_ema") ? "_ema" : "";
        for (Path folder : List.of(unet.resolveSibling(FOLDER + average), pipeline, pipeline.resolve(FOLDER))) {
            for (String name : NAMES) {
                if (Files.isRegularFile(folder.resolve(name))) {
                    return folder.resolve(name);
                }
            }
        }
        throw new PromptException("MFL-E101", pipeline, "has no prompt embeddings (" + String.join(" or ", NAMES) + "), and the sets near it are: "
                + near(pipeline.resolve(NAMES.getFirst())), "Name a file with --prompts, or make one with mouselift prompts make; continuing with empty"
                + " embeddings is refused");
    }

    /** Reads the colour embeddings of a file; where it holds others only, those, which {@link #kind} tells. */
    public static PromptEmbeddings read(Path file) throws IOException {
        return read(file, Kind.COLOUR);
    }

    /** Both kinds that a file holds, colour first. */
    public static List<PromptEmbeddings> readAll(Path file) throws IOException {
        PromptEmbeddings first = read(file, Kind.COLOUR);
        if (first.kind == Kind.NORMAL) {
            return List.of(first);
        }
        PromptEmbeddings other = read(file, Kind.NORMAL);
        return other.kind == Kind.NORMAL ? List.of(first, other) : List.of(first);
    }

    /**
     * Reads a file.
     *
     * @param wanted the kind to prefer
     * @throws PromptException MFL-E101 without the file, MFL-E102 for one that cannot be read, MFL-E103 for a tensor that is no
     *     [views, tokens, width]
     */
    static PromptEmbeddings read(Path file, Kind wanted) throws IOException {
        if (!Files.isRegularFile(file)) {
            throw new PromptException("MFL-E101", file, "prompt embeddings not found; sets near it: " + near(file), "Make one with mouselift prompts make; continuing with"
                    + " empty embeddings is refused");
        }
        try (Checkpoint checkpoint = Checkpoint.open(file)) {
            StoredTensor tensor = choose(file, checkpoint.tensors(), wanted);
            long[] shape = tensor.shape();
            if (shape.length != 3 || tensor.elements() == 0 || tensor.elements() > MAX_ELEMENTS || !tensor.type().isFloat()) {
                throw new PromptException("MFL-E103", file, "prompt tensor is " + tensor.describe(), "Expected numbers [slots, 77, width], at most " + MAX_ELEMENTS
                        + " of them");
            }
            MemorySegment bytes = tensor.data();
            String hash = ContentHash.ofBytes(bytes);
            Described described = describe(file, checkpoint, hash);
            return new PromptEmbeddings(file, kind(file, tensor.name(), hash, described.metadata), tensor.type(), shape, tensor.floats(), ContentHash.ofFile(file), hash,
                    described.metadata, described.from);
        } catch (PromptException e) {
            throw e;
        } catch (IOException e) {
            throw new PromptException("MFL-E102", file, "cannot be read: " + e.getMessage(), "", e);
        }
    }

    private static StoredTensor choose(Path file, Map<String, StoredTensor> tensors, Kind wanted) throws PromptException {
        if (tensors.size() == 1) {
            return tensors.values().iterator().next();
        }
        for (Kind kind : wanted == Kind.COLOUR ? List.of(Kind.COLOUR, Kind.NORMAL) : List.of(Kind.NORMAL, Kind.COLOUR)) {
            for (StoredTensor t : tensors.values()) {
                if (kind.names(t.name())) {
                    return t;
                }
            }
        }
        throw new PromptException("MFL-E102", file, "holds " + tensors.size() + " tensors, none named clr", "Expected the colour embeddings alone or under that name");
    }

    private static Kind kind(Path file, String tensor, String hash, Optional<PromptMetadata> metadata) {
        if (Kind.COLOUR.names(tensor)) {
            return Kind.COLOUR;
        }
        boolean normal = Kind.NORMAL.names(tensor) || file.getFileName().toString().toLowerCase(Locale.ROOT).startsWith(Kind.NORMAL.tensor)
                || metadata.isPresent() && metadata.get().normalSha256().equals(hash);
        return normal ? Kind.NORMAL : Kind.COLOUR;
    }

    private record Described(Optional<PromptMetadata> metadata, String from) {}

    private static Described describe(Path file, Checkpoint checkpoint, String hash) {
        String own = checkpoint.metadata().get(METADATA_KEY);
        Path beside = own == null ? metadataFile(file).orElse(null) : null;
        String from = own != null ? file.toString() : String.valueOf(beside);
        try {
            if (beside != null && Files.size(beside) > MAX_METADATA) {
                throw new IOException("has more than " + MAX_METADATA + " bytes");
            }
            String text = own != null ? own : beside == null ? null : Files.readString(beside);
            if (text != null) {
                return new Described(Optional.of(PromptMetadata.parse(text)), from);
            }
        } catch (IOException e) {
            return new Described(Optional.empty(), from + " " + e.getMessage());
        }
        Optional<PromptMetadata> known = PromptMetadata.builtIn(hash);
        return new Described(known, known.isPresent() ? "built in, by the hash of the tensor" : "No metadata.json beside " + file);
    }

    /** The metadata beside a file: {@code NAME.json}, or {@code metadata.json}; empty if neither is there. */
    private static Optional<Path> metadataFile(Path file) {
        for (Path candidate : List.of(metadataTarget(file), file.resolveSibling(METADATA_FILE))) {
            if (Files.isRegularFile(candidate)) {
                return Optional.of(candidate);
            }
        }
        return Optional.empty();
    }

    /** Where the metadata of a PyTorch file belongs: {@code metadata.json} for the original's file names, else {@code NAME.json}. */
    static Path metadataTarget(Path file) {
        String stem = file.getFileName().toString().replaceFirst("\\.[^.]*$", "");
        return file.resolveSibling(stem.equals("clr_embeds") || stem.equals("normal_embeds") ? METADATA_FILE : stem + ".json");
    }

    /** Sets in the folder of a file, its sub-folders and beside its folder; at most ten. */
    private static String near(Path file) throws IOException {
        Path folder = file.toAbsolutePath().normalize().getParent();
        while (folder != null && !Files.isDirectory(folder)) {
            folder = folder.getParent();
        }
        List<String> found = new ArrayList<>();
        for (Path root : folder == null || folder.getParent() == null ? List.<Path>of() : List.of(folder, folder.getParent())) {
            try (Stream<Path> children = Files.list(root)) {
                for (Path child : children.sorted().limit(1000).toList()) {
                    for (Path candidate : Files.isDirectory(child) && Files.isReadable(child) ? NAMES.stream().map(child::resolve).toList() : List.of(child)) {
                        String name = candidate.getFileName().toString();
                        if (name.matches(".*embeds.*\\.(pt|safetensors)") && Files.isRegularFile(candidate) && !found.contains(candidate.toString()) && found.size() < 10) {
                            found.add(candidate.toString());
                        }
                    }
                }
            }
        }
        return found.isEmpty() ? "none" : String.join(", ", found);
    }

    /** Number of rows: slots of the model. */
    public int rows() {
        return Math.toIntExact(shape[0]);
    }

    /** As f32 [views, tokens, width] in the current scope. */
    public Tensor tensor() {
        return Tensor.of(values, shape);
    }

    /** The same rows, every slot but the first with that of the next one and the last with that of slot 1: wrong directions, to see whether a network heeds them. */
    public PromptEmbeddings shifted() {
        int row = values.length / rows();
        float[] moved = new float[values.length];
        for (int i = 0; i < rows(); i++) {
            System.arraycopy(values, next(i, rows()) * row, moved, i * row, row);
        }
        return new PromptEmbeddings(file, kind, type, shape, moved, sha256, tensorSha256, metadata, metadataFrom);
    }

    /** The slot whose row {@link #shifted} gives to a slot. */
    public static int next(int slot, int slots) {
        return slot == 0 ? 0 : slot == slots - 1 ? 1 : slot + 1;
    }

    /** SHA-256 of the numbers as float32: equal for a set and its copies in other formats. */
    public String valuesSha256() {
        return valuesSha256(values);
    }

    /** The same of numbers in memory. */
    public static String valuesSha256(float[] values) {
        ByteBuffer bytes = ByteBuffer.allocate(Math.multiplyExact(4, values.length)).order(ByteOrder.LITTLE_ENDIAN);
        bytes.asFloatBuffer().put(values);
        return ContentHash.ofBytes(MemorySegment.ofBuffer(bytes));
    }

    /** Cosine between two rows. */
    public double cosine(int i, int j) {
        int row = values.length / rows();
        double dot = 0;
        double a = 0;
        double b = 0;
        for (int k = 0; k < row; k++) {
            double x = values[i * row + k];
            double y = values[j * row + k];
            dot += x * y;
            a += x * x;
            b += y * y;
        }
        return dot / Math.sqrt(a * b);
    }

    /** Euclidean norm of a row. */
    public double norm(int i) {
        int row = values.length / rows();
        double sum = 0;
        for (int k = 0; k < row; k++) {
            sum += (double) values[i * row + k] * values[i * row + k];
        }
        return Math.sqrt(sum);
    }

    /** {@code F16[6,77,1024]}. */
    public String describe() {
        return type + Arrays.toString(shape).replace(" ", "");
    }
}
