package org.mouselift.pipeline.checkpoint;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.mouselift.data.checkpoint.Checkpoint;
import org.mouselift.data.checkpoint.ContentHash;
import org.mouselift.data.checkpoint.Provenance;

/**
 * Weights of others that come from a file or folder of this machine (mouse specification §7.11, F-155): what is there, its licence, its
 * published check sums, and the copy with a record. Nothing is downloaded and no archive is unpacked.
 *
 * @param files absolute paths by name relative to the target, sorted
 * @param sums published SHA-256 by the same names; of {@code SHA256SUMS} or {@code sha256sums.txt} in the source
 * @param licence text of the licence that lies in the source
 */
public record WeightsImport(Path source, Map<String, Path> files, Map<String, String> sums, Optional<String> licence) {
    private static final int MAX_FILES = 1000;
    private static final int MAX_TEXT = 1 << 20;
    private static final List<String> SUMS = List.of("SHA256SUMS", "sha256sums.txt");

    /**
     * Looks at a file or a folder.
     *
     * @throws WeightsImportException if it has no files, too many, or sums that cannot be read
     */
    public static WeightsImport of(Path source) throws IOException {
        Map<String, Path> files = new TreeMap<>();
        if (Files.isRegularFile(source)) {
            files.put(source.getFileName().toString(), source.toAbsolutePath());
            return new WeightsImport(source, files, Map.of(), Optional.empty());
        }
        if (!Files.isDirectory(source)) {
            throw new WeightsImportException(source + ": no such file or folder; " + CheckpointRegistry.near(source));
        }
        Files.walkFileTree(source, new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                boolean plain = Files.isRegularFile(file) && file.toRealPath().startsWith(source.toRealPath());
                if (plain && !Provenance.isRecord(file)) {
                    files.put(source.relativize(file).toString().replace('\\', '/'), file.toAbsolutePath());
                }
                if (files.size() > MAX_FILES) {
                    throw new WeightsImportException(source + " has more than " + MAX_FILES + " files; name the folder of the weights");
                }
                return FileVisitResult.CONTINUE;
            }
        });
        if (files.isEmpty()) {
            throw new WeightsImportException(source + " holds no files");
        }
        Map<String, String> sums = new LinkedHashMap<>();
        for (String name : SUMS) {
            if (files.containsKey(name)) {
                sums.putAll(readSums(files.get(name)));
            }
        }
        Optional<Path> licence = files.entrySet().stream().filter(f -> f.getKey().indexOf('/') < 0 && f.getKey().toLowerCase(Locale.ROOT).matches("licen[sc]e.*")).map(Map.Entry::getValue)
                .findFirst();
        return new WeightsImport(source, files, sums, licence.isEmpty() ? Optional.empty() : Optional.of(text(licence.get())));
    }

    private static String text(Path file) throws IOException {
        if (Files.size(file) > MAX_TEXT) {
            throw new WeightsImportException(file + " has " + Files.size(file) + " bytes, expected at most " + MAX_TEXT);
        }
        return new String(Files.readAllBytes(file), StandardCharsets.UTF_8).replaceAll("[\\p{Cntrl}&&[^\\r\\n\\t]]", "?");
    }

    /** Lines {@code <64 hexadecimal digits>  <name>}, as sha256sum writes them. */
    private static Map<String, String> readSums(Path file) throws IOException {
        Map<String, String> sums = new LinkedHashMap<>();
        for (String line : text(file).lines().filter(l -> !l.isBlank()).toList()) {
            if (!line.matches("[0-9a-fA-F]{64} [ *].+")) {
                throw new WeightsImportException(file + ": '" + (line.length() > 80 ? line.substring(0, 80) + "…" : line) + "' is not a line of sha256sum");
            }
            sums.put(line.substring(66).replaceFirst("^\\./", ""), line.substring(0, 64).toLowerCase(Locale.ROOT));
        }
        return sums;
    }

    /**
     * Compares files with published sums before anything is copied.
     *
     * @param published by name; names without a file are a problem, too
     * @throws WeightsImportException MFL-E202 with both hashes
     */
    public void requireSums(Map<String, String> published) throws IOException {
        for (Map.Entry<String, String> sum : published.entrySet()) {
            Path file = files.get(sum.getKey());
            if (file == null) {
                throw new WeightsImportException("MFL-E202: Checkpoint " + source + " is incomplete or damaged: " + sum.getKey() + " of its check sums is missing");
            }
            String hash = ContentHash.ofFile(file);
            if (!hash.equals(sum.getValue().toLowerCase(Locale.ROOT))) {
                throw new WeightsImportException("MFL-E202: Checkpoint " + file + " is incomplete or damaged: it has SHA-256 " + hash + ", published is " + sum.getValue()
                        + " (copy it again)");
            }
        }
    }

    /**
     * Opens everything that looks like weights.
     *
     * @return number of tensors by file
     * @throws IOException for a file that cannot be read
     */
    public Map<String, Integer> requireReadable() throws IOException {
        Map<String, Integer> tensors = new LinkedHashMap<>();
        for (Map.Entry<String, Path> file : files.entrySet()) {
            if (file.getKey().matches("(?s).*\\.(pt|pth|bin|safetensors|ckpt|safetensors\\.index\\.json)")) {
                try (Checkpoint stored = Checkpoint.open(file.getValue())) {
                    tensors.put(file.getKey(), stored.tensors().size());
                } catch (IOException e) {
                    throw new WeightsImportException("MFL-E202: Checkpoint " + file.getValue() + " is incomplete or damaged: " + e.getMessage());
                }
            }
        }
        if (tensors.isEmpty()) {
            throw new WeightsImportException(source + " holds no weights (.pt, .pth, .bin, .safetensors); it holds "
                    + String.join(", ", files.keySet().stream().limit(20).toList()));
        }
        return tensors;
    }

    /** Copies everything into a new or empty folder, which appears when it is complete, and records hashes and keys. */
    public Provenance copy(Path target, ObjectNode keys) throws IOException {
        Path full = target.toAbsolutePath().normalize();
        if (full.startsWith(source.toAbsolutePath().normalize())) {
            throw new WeightsImportException("the target " + target + " lies in the source " + source);
        }
        Path partial = full.resolveSibling(full.getFileName() + ".partial");
        Files.createDirectories(partial);
        for (Map.Entry<String, Path> file : files.entrySet()) {
            Path to = partial.resolve(file.getKey());
            Files.createDirectories(to.getParent());
            Files.copy(file.getValue(), to, StandardCopyOption.REPLACE_EXISTING);
        }
        if (Files.isDirectory(full, LinkOption.NOFOLLOW_LINKS)) {
            Files.delete(full);
        }
        Files.move(partial, full, StandardCopyOption.ATOMIC_MOVE);
        Provenance before = Provenance.read(source).orElse(Provenance.empty());
        return before.with(keys).with(Provenance.Parent.of("import", source)).write(full);
    }

    /** Weights that cannot be imported; nothing was written. */
    public static final class WeightsImportException extends IOException {
        private static final long serialVersionUID = 1L;

        WeightsImportException(String message) {
            super(message);
        }
    }
}
