package org.mouselift.pipeline.prompts;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.BiFunction;
import org.mouselift.data.AtomicFile;
import org.mouselift.data.checkpoint.Checkpoint;
import org.mouselift.data.checkpoint.ContentHash;
import org.mouselift.data.checkpoint.StoredTensor;
import org.mouselift.data.prompts.PromptMetadata;
import org.mouselift.data.prompts.PromptText;
import org.mouselift.data.safetensors.SafetensorsWriter;
import org.mouselift.data.safetensors.StoredType;
import org.mouselift.data.torch.TorchValues;
import org.mouselift.data.torch.TorchWriter;

/**
 * Writing of prompt embeddings (mouse specification §5.4). {@code .safetensors}: one file with {@code clr}, {@code normal} and the
 * metadata. {@code .pt}: the colour tensor alone, as the original reads it; the normal tensor in a second file
 * ({@code clr_embeds.pt} → {@code normal_embeds.pt}, {@code NAME.pt} → {@code NAME_normal.pt}), and the metadata as JSON beside them.
 */
public final class PromptFile {
    private PromptFile() {}

    /**
     * Numbers to write.
     *
     * @param shape [views, tokens, width]
     * @param colour one kind
     * @param normal the other kind; empty for none
     */
    public record Content(long[] shape, float[] colour, Optional<float[]> normal) {}

    /** The files that writing to a path makes, the path first. */
    public static List<Path> files(Path path, boolean normal) {
        List<Path> files = new ArrayList<>(List.of(path));
        if (torch(path)) {
            if (normal) {
                files.add(normalFile(path));
            }
            files.add(PromptEmbeddings.metadataTarget(path));
        }
        return files;
    }

    private static boolean torch(Path path) {
        return path.getFileName().toString().endsWith(".pt");
    }

    /** The embeddings of a file and, of a PyTorch file, those of the normal maps beside it; colour first. */
    public static List<PromptEmbeddings> readWithNormal(Path path) throws IOException {
        List<PromptEmbeddings> own = PromptEmbeddings.readAll(path);
        Path beside = torch(path) ? normalFile(path) : path;
        if (own.size() > 1 || own.getFirst().kind() == PromptEmbeddings.Kind.NORMAL || beside.equals(path) || !Files.isRegularFile(beside)) {
            return own;
        }
        PromptEmbeddings normal = PromptEmbeddings.read(beside, PromptEmbeddings.Kind.NORMAL);
        if (normal.kind() != PromptEmbeddings.Kind.NORMAL || !Arrays.equals(normal.shape(), own.getFirst().shape())) {
            throw new PromptException("MFL-E109", beside, "is " + normal.describe() + " of the kind " + normal.kind() + " beside " + own.getFirst().describe() + " in " + path.getFileName(),
                    "Expected the normal-map embeddings of the same set; move it away");
        }
        return List.of(own.getFirst(), normal);
    }

    private static Path normalFile(Path path) {
        String name = path.getFileName().toString();
        return path.resolveSibling(name.equals("clr_embeds.pt") ? "normal_embeds.pt" : name.substring(0, name.length() - ".pt".length()) + "_normal.pt");
    }

    /** Fails if one of the {@link #files} is there, or the name ends neither in .safetensors nor in .pt. */
    public static void requireNew(Path path, boolean normal, boolean force) throws IOException {
        if (!torch(path) && !path.getFileName().toString().endsWith(".safetensors")) {
            throw new IllegalArgumentException(path + ": prompt embeddings are written to a file that ends in .safetensors or .pt");
        }
        for (Path file : files(path, normal)) {
            if (!force && Files.exists(file)) {
                throw new FileAlreadyExistsException(file.toString(), null, "exists already; --force replaces it");
            }
        }
    }

    /**
     * Writes the files, the colour tensor last.
     *
     * @param type F16 or F32; numbers beyond ±65504 are refused in F16
     * @param metadata from the SHA-256 of the stored colour tensor and of the normal tensor (empty text without one)
     */
    public static void write(Path path, Content content, StoredType type, BiFunction<String, String, PromptMetadata> metadata) throws IOException {
        MemorySegment colour = bytes(path, content.colour, type);
        MemorySegment normal = content.normal.isPresent() ? bytes(path, content.normal.get(), type) : null;
        String text = metadata.apply(ContentHash.ofBytes(colour), normal == null ? "" : ContentHash.ofBytes(normal)).toJson();
        if (torch(path)) {
            if (normal != null) {
                TorchWriter.write(normalFile(path), TorchValues.of(type, content.shape, normal));
            }
            metadata(PromptEmbeddings.metadataTarget(path), text);
            TorchWriter.write(path, TorchValues.of(type, content.shape, colour));
            return;
        }
        SafetensorsWriter writer = new SafetensorsWriter().metadata("format", "pt").metadata(PromptEmbeddings.METADATA_KEY, text)
                .add(PromptEmbeddings.Kind.COLOUR.tensor(), type, content.shape, colour);
        if (normal != null) {
            writer.add(PromptEmbeddings.Kind.NORMAL.tensor(), type, content.shape, normal);
        }
        writer.write(path);
    }

    /**
     * Puts on record what a set without metadata stands for.
     *
     * @param text sentences and directions that somebody vouches for
     * @param learned there are no sentences, only directions
     * @return the file that was written: the metadata file beside a PyTorch file, a safetensors file itself
     * @throws PromptException if the set has metadata already, or other rows
     */
    public static Path describe(PromptEmbeddings read, PromptText text, boolean learned, String createdBy) throws IOException {
        if (read.metadata().isPresent()) {
            throw new PromptException("MFL-E108", read.file(), "has metadata already (" + read.metadataFrom() + ")", "It is not replaced; nothing was written");
        }
        if (text.slots().size() != read.rows()) {
            throw new PromptException("MFL-E114", read.file(), "has " + read.rows() + " rows, the rig " + text.rig() + " has " + text.slots().size() + " cameras", "Nothing was written");
        }
        List<Long> shape = Arrays.stream(read.shape()).boxed().toList();
        PromptMetadata metadata = learned ? PromptMetadata.learned(text.rig(), text.slots(), shape, read.tensorSha256(), createdBy)
                : PromptMetadata.stated(text, shape, read.tensorSha256(), createdBy);
        try (Checkpoint stored = Checkpoint.open(read.file())) {
            if (stored.format() == Checkpoint.Format.SAFETENSORS) {
                SafetensorsWriter writer = new SafetensorsWriter();
                stored.metadata().forEach(writer::metadata);
                writer.metadata(PromptEmbeddings.METADATA_KEY, metadata.toJson());
                for (StoredTensor t : stored.tensors().values()) {
                    writer.add(t.name(), t.type(), t.shape(), t.data());
                }
                writer.write(read.file());
                return read.file();
            }
        }
        Path file = PromptEmbeddings.metadataTarget(read.file());
        if (Files.exists(file)) {
            throw new FileAlreadyExistsException(file.toString(), null, "is there and cannot be read as metadata of prompts; move it away");
        }
        metadata(file, metadata.toJson());
        return file;
    }

    /** Writes metadata text as a file of its own. */
    private static void metadata(Path file, String text) throws IOException {
        ByteBuffer bytes = ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
        AtomicFile.write(file, channel -> {
            while (bytes.hasRemaining()) {
                channel.write(bytes);
            }
        });
    }

    private static MemorySegment bytes(Path path, float[] values, StoredType type) throws PromptException {
        if (type != StoredType.F16 && type != StoredType.F32) {
            throw new IllegalArgumentException("prompt embeddings are stored as F16 or F32, not as " + type);
        }
        ByteBuffer out = ByteBuffer.allocate(Math.multiplyExact(values.length, type.bytes())).order(ByteOrder.LITTLE_ENDIAN);
        for (float v : values) {
            float stored = type == StoredType.F16 ? Float.float16ToFloat(Float.floatToFloat16(v)) : v;
            if (!Float.isFinite(stored)) {
                throw new PromptException("MFL-E105", path, "the embeddings hold " + v + ", which is no finite number in " + type, "Nothing was written; check the text encoder");
            }
            if (type == StoredType.F16) {
                out.putShort(Float.floatToFloat16(v));
            } else {
                out.putFloat(v);
            }
        }
        return MemorySegment.ofBuffer(out.flip());
    }
}
