package org.mouselift.pipeline.mousedata;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.mouselift.data.AtomicFile;
import org.mouselift.data.camera.OpencvCameraFile;
import org.mouselift.data.image.Image8;
import org.mouselift.data.image.PngWriter;

/** Sample folders and the files beside them (mouse specification §2.6). A sample appears under its name when it is complete. */
final class SampleFolder {
    static final ObjectMapper MAPPER = new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);
    static final String PROVENANCE = "dataset.json";
    static final String FAILURES = "failed_samples.json";
    private static final Pattern NAME = Pattern.compile("sample_\\d{6}");
    private static final Pattern UNFINISHED = Pattern.compile("\\.sample_\\d{6}\\.tmp");

    private SampleFolder() {}

    static boolean isName(String name) {
        return NAME.matcher(name).matches();
    }

    static String name(int index) {
        return String.format(Locale.ROOT, "sample_%06d", index);
    }

    /** Writes a sample: pictures at the places that the camera file names. */
    static void write(Path dataset, String name, OpencvCameraFile cameras, List<Image8> images) throws IOException {
        Path temporary = dataset.resolve("." + name + ".tmp");
        remove(temporary);
        Files.createDirectories(temporary.resolve("images"));
        for (int i = 0; i < images.size(); i++) {
            Path file = temporary.resolve(cameras.frames().get(i).filePath().orElseThrow());
            Files.createDirectories(file.getParent());
            try {
                Files.write(file, PngWriter.encode(images.get(i)));
            } catch (FileSystemException e) {
                throw e;
            } catch (IOException e) {
                // A full disk is reported without a name.
                throw new MouseDataException(dataset.resolve(name), "cannot be written: " + e.getMessage(), "make room and run again: finished samples are kept", e);
            }
        }
        cameras.write(temporary.resolve(OpencvCameraFile.FILE_NAME));
        Files.move(temporary, dataset.resolve(name), StandardCopyOption.ATOMIC_MOVE);
    }

    /**
     * Makes sure that a folder is empty or holds a data set made with the same settings.
     *
     * @param key  of the settings in {@link #PROVENANCE}
     * @return when the data set was begun
     * @throws MouseDataException naming the settings that differ
     */
    static String claim(Path output, String key, ObjectNode settings) throws IOException {
        Path file = output.resolve(PROVENANCE);
        if (Files.exists(file)) {
            JsonNode root = read(file);
            JsonNode before = root.path(key);
            JsonNode now = MAPPER.readTree(MAPPER.writeValueAsBytes(settings));
            TreeSet<String> names = new TreeSet<>();
            now.fieldNames().forEachRemaining(names::add);
            before.fieldNames().forEachRemaining(names::add);
            List<String> differences = names.stream().filter(n -> !now.path(n).equals(before.path(n)))
                    .map(n -> n + " is " + text(before.path(n)) + ", wanted " + text(now.path(n))).toList();
            if (!differences.isEmpty()) {
                throw new MouseDataException(output, "holds a data set made differently: " + String.join("; ", differences),
                        "choose an empty folder, or repeat the settings it was made with");
            }
            return root.path("created").asText();
        }
        if (!list(output).isEmpty()) {
            throw new MouseDataException(output, "holds samples but no " + PROVENANCE, "choose an empty folder");
        }
        return Instant.now().truncatedTo(ChronoUnit.SECONDS).toString();
    }

    private static String text(JsonNode n) {
        return n.isMissingNode() ? "(nothing)" : n.isTextual() ? n.asText() : n.toString();
    }

    /** What made a data set, for the record. */
    static String tool() {
        String version = SampleFolder.class.getPackage().getImplementationVersion();
        return "mouselift " + (version == null ? "unpackaged" : version);
    }

    /** The samples of a data set, in name order. */
    static List<Path> list(Path dataset) throws IOException {
        try (Stream<Path> files = Files.list(dataset)) {
            return files.filter(f -> NAME.matcher(f.getFileName().toString()).matches() && Files.isDirectory(f)).sorted().toList();
        }
    }

    /** What an interrupted run left. */
    static void removeUnfinished(Path dataset) throws IOException {
        List<Path> stale;
        try (Stream<Path> files = Files.list(dataset)) {
            stale = files.filter(f -> UNFINISHED.matcher(f.getFileName().toString()).matches()).toList();
        }
        for (Path p : stale) {
            remove(p);
        }
    }

    private static void remove(Path root) throws IOException {
        if (!Files.exists(root)) {
            return;
        }
        List<Path> all;
        try (Stream<Path> walk = Files.walk(root)) {
            all = walk.sorted(Comparator.reverseOrder()).toList();
        }
        for (Path p : all) {
            Files.delete(p);
        }
    }

    static void json(Path file, JsonNode content) throws IOException {
        text(file, MAPPER.writeValueAsString(content) + "\n");
    }

    static void text(Path file, String content) throws IOException {
        AtomicFile.writeText(file, content);
    }

    static JsonNode read(Path file) throws IOException {
        if (Files.size(file) > 64L << 20) {
            throw new MouseDataException(file, "has " + Files.size(file) + " bytes, far more than a provenance file", "");
        }
        try {
            return MAPPER.readTree(Files.readAllBytes(file));
        } catch (com.fasterxml.jackson.core.JsonProcessingException e) {
            throw new MouseDataException(file, "is not JSON: " + e.getOriginalMessage(), "restore it or make the data set again");
        }
    }

    static String sha256(String text) {
        return HexFormat.of().formatHex(digest().digest(text.getBytes(StandardCharsets.UTF_8)));
    }

    private static MessageDigest digest() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }

    static String sha256(Path file) throws IOException {
        try (InputStream in = Files.newInputStream(file)) {
            MessageDigest digest = digest();
            byte[] block = new byte[1 << 16];
            for (int n = in.read(block); n >= 0; n = in.read(block)) {
                digest.update(block, 0, n);
            }
            return HexFormat.of().formatHex(digest.digest());
        }
    }
}
