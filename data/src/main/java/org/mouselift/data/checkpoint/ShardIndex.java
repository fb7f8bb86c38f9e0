package org.mouselift.data.checkpoint;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;

/**
 * The index of a sharded checkpoint, {@code {"metadata": {…}, "weight_map": {tensor: file}}}. Shards lie beside it;
 * every tensor it names must be in its shard, and every tensor of a shard must be named.
 */
final class ShardIndex {
    private static final long MAX_BYTES = 64L << 20;
    private static final int MAX_SHARDS = 4096;
    private static final JsonMapper JSON = JsonMapper.builder(JsonFactory.builder()
            .streamReadConstraints(StreamReadConstraints.builder().maxNestingDepth(16).build())
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .disable(JsonFactory.Feature.INTERN_FIELD_NAMES).build()).build();

    private ShardIndex() {}

    static Checkpoint open(Path index) throws IOException {
        JsonNode json = read(index);
        JsonNode map = json.path("weight_map");
        if (!map.isObject()) {
            throw new CheckpointException(index, "has no object 'weight_map'", "this is not the index of a sharded checkpoint");
        }
        Map<String, Checkpoint> shards = new LinkedHashMap<>();
        try {
            Map<String, StoredTensor> tensors = new LinkedHashMap<>();
            for (Map.Entry<String, JsonNode> entry : map.properties()) {
                if (!entry.getValue().isTextual()) {
                    throw new CheckpointException(index, "weight_map of '" + entry.getKey() + "' is not the name of a file", "this is not the index of a sharded checkpoint");
                }
                String file = entry.getValue().asText();
                Checkpoint shard = shards.get(file);
                if (shard == null) {
                    if (shards.size() == MAX_SHARDS) {
                        throw new CheckpointException(index, "names more than " + MAX_SHARDS + " shards", "this is not the index of a sharded checkpoint");
                    }
                    shard = Checkpoint.open(resolve(index, file), false);
                    shards.put(file, shard);
                }
                tensors.put(entry.getKey(), shard.tensor(entry.getKey()));
            }
            for (Checkpoint shard : shards.values()) {
                TreeSet<String> unnamed = new TreeSet<>(shard.tensors().keySet());
                unnamed.removeAll(tensors.keySet());
                if (!unnamed.isEmpty()) {
                    throw new CheckpointException(index, "does not name " + unnamed.size() + " tensors of " + shard.path().getFileName() + ", the first '"
                            + unnamed.first() + "'", "index and shards do not belong together");
                }
            }
            Map<String, String> metadata = new LinkedHashMap<>();
            json.path("metadata").properties().forEach(e -> metadata.put(e.getKey(), e.getValue().asText()));
            return new Checkpoint(index, Checkpoint.Format.SHARDED, metadata, null, tensors, List.copyOf(shards.values()));
        } catch (IOException | RuntimeException | Error e) {
            Checkpoint.closeAll(List.copyOf(shards.values()));
            throw e;
        }
    }

    private static Path resolve(Path index, String file) throws CheckpointException {
        if (file.isEmpty() || file.startsWith(".") || file.indexOf('/') >= 0 || file.indexOf('\\') >= 0 || file.indexOf('\0') >= 0) {
            throw new CheckpointException(index, "names the shard '" + file + "'", "a shard is a file beside the index");
        }
        Path shard = index.resolveSibling(file);
        if (!Files.isRegularFile(shard)) {
            throw new CheckpointException(index, "its shard " + file + " is missing", "copy all shards into the folder");
        }
        return shard;
    }

    private static JsonNode read(Path index) throws IOException {
        if (Files.size(index) > MAX_BYTES) {
            throw new CheckpointException(index, Files.size(index) + " bytes, an index has at most " + MAX_BYTES, "this is not the index of a sharded checkpoint");
        }
        try {
            return JSON.readTree(Files.readAllBytes(index));
        } catch (JsonProcessingException e) {
            throw new CheckpointException(index, "is not JSON: " + e.getOriginalMessage(), "this is not the index of a sharded checkpoint", e);
        }
    }
}
