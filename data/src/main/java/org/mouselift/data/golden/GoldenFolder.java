package org.mouselift.data.golden;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * A folder of reference inputs and outputs with its {@code index.json}: {@code files} maps each file name to its kind,
 * description and tensors.
 */
public final class GoldenFolder {
    private static final long MAX_INDEX_BYTES = 64L << 20;
    private static final JsonMapper JSON = JsonMapper.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build();

    private final Path path;
    private final JsonNode index;

    private GoldenFolder(Path path, JsonNode index) {
        this.path = path;
        this.index = index;
    }

    /** Opens a folder that has an {@code index.json}. */
    public static GoldenFolder open(Path path) throws IOException {
        Path file = path.resolve("index.json");
        if (!Files.isRegularFile(file)) {
            throw new GoldenException(path + ": no index.json (a golden folder has one)");
        }
        JsonNode index = readJson(file);
        if (!index.path("files").isObject()) {
            throw new GoldenException(file + ": 'files' is missing or not an object");
        }
        return new GoldenFolder(path, index);
    }

    /** All golden folders at or below {@code root}, sorted by path. */
    public static List<GoldenFolder> findAll(Path root) throws IOException {
        List<Path> indexes;
        try (Stream<Path> walk = Files.walk(root)) {
            indexes = walk.filter(p -> p.getFileName() != null && p.getFileName().toString().equals("index.json")).sorted().toList();
        }
        List<GoldenFolder> folders = new ArrayList<>();
        for (Path file : indexes) {
            folders.add(open(file.getParent()));
        }
        return folders;
    }

    /** Reads a JSON file of a golden folder: size-capped, duplicate keys refused. */
    public static JsonNode readJson(Path file) throws IOException {
        if (Files.size(file) > MAX_INDEX_BYTES) {
            throw new GoldenException(file + ": " + Files.size(file) + " bytes, at most " + MAX_INDEX_BYTES + " are read");
        }
        try {
            return JSON.readTree(Files.readAllBytes(file));
        } catch (JsonProcessingException e) {
            throw new GoldenException(file + ": not valid JSON: " + e.getOriginalMessage(), e);
        }
    }

    public Path path() {
        return path;
    }

    /** The index's own name of the folder, e.g. {@code image_preprocessing}; the directory's name where it has none. */
    public String name() {
        return index.path("folder").asText(path.toAbsolutePath().normalize().getFileName().toString());
    }

    /** The whole index. */
    public JsonNode index() {
        return index;
    }

    /** File names (relative to the folder, with {@code /}) in the index's order. */
    public List<String> files() {
        List<String> names = new ArrayList<>();
        index.get("files").fieldNames().forEachRemaining(names::add);
        return names;
    }

    /** The index's entry of a file. */
    public JsonNode entry(String file) throws GoldenException {
        JsonNode entry = index.get("files").get(file);
        if (entry == null) {
            throw new GoldenException(path + ": index.json has no file '" + file + "'");
        }
        return entry;
    }

    /** The kind of a file: {@code case}, {@code must_fail}, {@code ply}, ...; empty where the index gives none. */
    public String kind(String file) throws GoldenException {
        return entry(file).path("kind").asText("");
    }

    /** True if the index's entry of {@code file} declares a tensor of this name. */
    public boolean declares(String file, String tensor) throws GoldenException {
        return entry(file).path("tensors").has(tensor);
    }

    /** The path of a file of this folder; names that lead out of it are refused. */
    public Path resolve(String file) throws GoldenException {
        Path root = path.toAbsolutePath().normalize();
        Path resolved = root.resolve(file).normalize();
        if (!resolved.startsWith(root)) {
            throw new GoldenException(path + ": '" + file + "' leads out of the golden folder");
        }
        return resolved;
    }

    /** Opens a file of the index as a case. Tensor files are mapped on first use. */
    public GoldenCase open(String file) throws GoldenException {
        return new GoldenCase(this, file, entry(file));
    }

    /**
     * A path of the accompanying real data, e.g. {@code gslrm_sample/sample_000}: below {@code real/} of the folder named
     * by the system property {@code mouselift.shared}, or of the nearest parent folder that has one.
     */
    public Optional<Path> real(String relative) {
        String shared = System.getProperty("mouselift.shared");
        if (shared != null && Files.exists(Path.of(shared, "real", relative))) {
            return Optional.of(Path.of(shared, "real", relative));
        }
        for (Path parent = path.toAbsolutePath().normalize(); parent != null; parent = parent.getParent()) {
            Path candidate = parent.resolve("real").resolve(relative);
            if (Files.exists(candidate)) {
                return Optional.of(candidate);
            }
        }
        return Optional.empty();
    }

    @Override
    public String toString() {
        return name() + " (" + path + ")";
    }
}
