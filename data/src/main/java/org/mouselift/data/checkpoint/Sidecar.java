package org.mouselift.data.checkpoint;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.mouselift.data.AtomicFile;

/** A JSON object that lies with an artefact: {@code <name>.json} in a folder, {@code <file>.<name>.json} beside a file. */
final class Sidecar {
    private static final long MAX_BYTES = 16 << 20;
    static final JsonMapper JSON = JsonMapper.builder(JsonFactory.builder()
            .streamReadConstraints(StreamReadConstraints.builder().maxNestingDepth(64).build()).build()).enable(SerializationFeature.INDENT_OUTPUT).build();

    private Sidecar() {}

    static Path of(Path artefact, String name) {
        return Files.isDirectory(artefact) ? artefact.resolve(name + ".json") : artefact.resolveSibling(artefact.getFileName() + "." + name + ".json");
    }

    /** The object; empty where there is no file. */
    static Optional<ObjectNode> read(Path file) throws IOException {
        if (!Files.isRegularFile(file)) {
            return Optional.empty();
        }
        if (Files.size(file) > MAX_BYTES) {
            throw new CheckpointException(file, "has " + Files.size(file) + " bytes, at most " + MAX_BYTES + " are read", "this is not a record of Mouselift");
        }
        try {
            JsonNode node = JSON.readTree(Files.readAllBytes(file));
            if (node instanceof ObjectNode object) {
                return Optional.of(object);
            }
        } catch (JsonProcessingException e) {
            throw new CheckpointException(file, "is not JSON: " + e.getOriginalMessage(), "restore or delete it", e);
        }
        throw new CheckpointException(file, "is not a JSON object", "restore or delete it");
    }

    static void write(Path file, ObjectNode content) throws IOException {
        ByteBuffer bytes = ByteBuffer.wrap((JSON.writeValueAsString(content) + "\n").getBytes(StandardCharsets.UTF_8));
        AtomicFile.write(file, channel -> {
            while (bytes.hasRemaining()) {
                channel.write(bytes);
            }
        });
    }
}
