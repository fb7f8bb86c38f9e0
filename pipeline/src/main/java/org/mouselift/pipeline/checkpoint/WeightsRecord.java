package org.mouselift.pipeline.checkpoint;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.mouselift.data.checkpoint.Checkpoint;
import org.mouselift.data.checkpoint.ContentHash;
import org.mouselift.data.checkpoint.StoredTensor;

/**
 * The content of a file of weights by hashes: of the file, and of every tensor whatever the file it lies in. Equal tensors in
 * another container have equal hashes, so that results can be traced to weights that were converted since.
 *
 * @param file where it was
 * @param sha256 of the whole file
 * @param tensors SHA-256 of type, shape and elements by the tensor's name
 */
public record WeightsRecord(String file, long bytes, String sha256, Map<String, TensorRecord> tensors) {
    /** One tensor, described as {@code F32[2,3]}. */
    public record TensorRecord(String type, String sha256) {}

    /** Hashes a file; of the index of a sharded checkpoint the hash of the file is that of the index. */
    public static WeightsRecord of(Path file) throws IOException {
        Map<String, TensorRecord> tensors = new LinkedHashMap<>();
        try (Checkpoint stored = Checkpoint.open(file)) {
            for (Map.Entry<String, StoredTensor> tensor : stored.stateDict().entrySet()) {
                tensors.put(tensor.getKey(), new TensorRecord(tensor.getValue().describe(), tensor.getValue().sha256()));
            }
        }
        return new WeightsRecord(file.toString(), Files.size(file), ContentHash.ofFile(file), tensors);
    }
}
