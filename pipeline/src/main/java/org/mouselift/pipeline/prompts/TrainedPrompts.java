package org.mouselift.pipeline.prompts;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.mouselift.data.AtomicFile;
import org.mouselift.data.prompts.PromptMetadata;
import org.mouselift.data.prompts.PromptSlot;

/**
 * What a UNet was trained with: {@code provenance.json} in its folder (mouse specification §5.6, MFL-E124 and the precedence of
 * direction information).
 *
 * @param name of the prompts, for messages
 * @param valuesSha256 {@link PromptEmbeddings#valuesSha256} of the prompts; empty if not recorded
 * @param rig name of the rig; empty if not known
 * @param slots where the cameras of the training views stood; empty if not known
 */
public record TrainedPrompts(String name, String valuesSha256, String rig, List<PromptSlot> slots) {
    private static final String FILE = "provenance.json";
    private static final long MAX_BYTES = 1 << 20;
    private static final ObjectMapper JSON = new ObjectMapper();

    public TrainedPrompts {
        slots = List.copyOf(slots);
    }

    /** Reads the record of a UNet folder; empty where there is none. */
    public static Optional<TrainedPrompts> read(Path unet) throws IOException {
        Path file = unet.resolve(FILE);
        if (!Files.isRegularFile(file)) {
            return Optional.empty();
        }
        if (Files.size(file) > MAX_BYTES) {
            throw new PromptException("MFL-E202", file, "has more than " + MAX_BYTES + " bytes", "Restore the file");
        }
        JsonNode node;
        PromptMetadata directions;
        try {
            node = JSON.readTree(file.toFile());
            directions = PromptMetadata.parse(JSON.createObjectNode().<ObjectNode>set("slots", node.path("slots").isArray() ? node.get("slots") : JSON.createArrayNode()).toString());
        } catch (IOException e) {
            throw new PromptException("MFL-E202", file, "cannot be read: " + e.getMessage(), "Restore the file", e);
        }
        return Optional.of(new TrainedPrompts(node.at("/prompts/name").asText(""), node.at("/prompts/values_sha256").asText(""), node.path("rig_id").asText(""),
                directions.slots()));
    }

    /** Writes the record into a UNet folder. */
    public void write(Path unet) throws IOException {
        ObjectNode node = JSON.createObjectNode();
        node.putObject("prompts").put("name", name).put("values_sha256", valuesSha256);
        node.put("rig_id", rig);
        var all = node.putArray("slots");
        for (PromptSlot slot : slots) {
            all.addObject().put("name", slot.name()).put("azimuth", slot.azimuth()).put("elevation", slot.elevation()).put("distance", slot.distance());
        }
        ByteBuffer bytes = ByteBuffer.wrap((node.toPrettyString() + "\n").getBytes(StandardCharsets.UTF_8));
        AtomicFile.write(unet.resolve(FILE), channel -> {
            while (bytes.hasRemaining()) {
                channel.write(bytes);
            }
        });
    }
}
