package org.mouselift.data.checkpoint;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;

/**
 * Where an artefact comes from and what it consists of (mouse specification §2.8, §8.1): {@code provenance.json} in a folder,
 * {@code <file>.provenance.json} beside a file. Written once with the artefact; what is said about it later is its
 * {@link ArtefactStatus}. Contains no time, so that a run done again leaves the same bytes.
 *
 * @param keys everything but {@code parents} and {@code files}: model, command, version, rig, prompts, metrics …
 * @param parents what the artefact was made from, with absolute paths; stored relative to the artefact
 * @param files its files with sizes and hashes
 */
public record Provenance(ObjectNode keys, List<Parent> parents, List<StoredFile> files) {
    /** Name of the record. */
    public static final String NAME = "provenance";
    /** Largest number of files of an artefact. */
    private static final int MAX_FILES = 10_000;

    /**
     * Something an artefact was made from.
     *
     * @param role in words: start, checkpoint, data, prompts, pipeline …
     * @param sha256 of the file at that time; empty for a folder
     */
    public record Parent(String role, Path path, Optional<String> sha256) {
        public Parent {
            path = path.toAbsolutePath().normalize();
        }

        /** A file with its present hash, or a folder. */
        public static Parent of(String role, Path path) throws IOException {
            return new Parent(role, path, Files.isRegularFile(path) ? Optional.of(ContentHash.ofFile(path)) : Optional.empty());
        }
    }

    /** A file of an artefact, by its name relative to the artefact; a file that is the artefact by its own name. */
    public record StoredFile(String name, long bytes, String sha256) {}

    public Provenance {
        keys = keys.deepCopy();
        parents = List.copyOf(parents);
        files = List.copyOf(files);
    }

    /**
     * From stored JSON.
     *
     * @param base folder that the parents' paths are relative to
     * @throws CheckpointException if a parent or file has a name that no file can have
     */
    public static Provenance of(ObjectNode json, Path base) throws CheckpointException {
        ObjectNode keys = json.deepCopy();
        List<Parent> parents = new ArrayList<>();
        Path from = base.toAbsolutePath().normalize();
        for (JsonNode parent : json.path("parents")) {
            parents.add(new Parent(parent.path("role").asText("parent"), resolve(from, parent.path("path").asText("")),
                    parent.path("sha256").isTextual() ? Optional.of(parent.path("sha256").asText()) : Optional.empty()));
        }
        List<StoredFile> files = new ArrayList<>();
        for (JsonNode file : json.path("files")) {
            resolve(from, file.path("name").asText(""));
            files.add(new StoredFile(file.path("name").asText(""), file.path("bytes").asLong(-1), file.path("sha256").asText("")));
        }
        keys.remove(List.of("parents", "files"));
        return new Provenance(keys, parents, files);
    }

    private static Path resolve(Path from, String name) throws CheckpointException {
        try {
            return from.resolve(name);
        } catch (InvalidPathException e) {
            throw new CheckpointException(from, "its " + NAME + " names '" + name.replaceAll("\\p{Cntrl}", "?") + "', which no file can be called", "restore or delete the record", e);
        }
    }

    /** The record of an artefact; empty where there is none. */
    public static Optional<Provenance> read(Path artefact) throws IOException {
        Optional<ObjectNode> json = Sidecar.read(file(artefact));
        return json.isEmpty() ? Optional.empty() : Optional.of(of(json.get(), base(artefact)));
    }

    /** Where the record of an artefact lies. */
    public static Path file(Path artefact) {
        return Sidecar.of(artefact, NAME);
    }

    private static Path base(Path artefact) {
        return Files.isDirectory(artefact) ? artefact : artefact.toAbsolutePath().getParent();
    }

    /** The same with another parent. */
    public Provenance with(Parent parent) {
        List<Parent> all = new ArrayList<>(parents);
        all.add(parent);
        return new Provenance(keys, all, files);
    }

    /** The same with more keys; equal names are replaced. */
    public Provenance with(ObjectNode more) {
        ObjectNode all = keys.deepCopy();
        all.setAll(more);
        return new Provenance(all, parents, files);
    }

    /** As JSON, with the parents' paths relative to {@code base}. */
    public ObjectNode json(Path base) {
        ObjectNode json = keys.deepCopy();
        Path from = base.toAbsolutePath().normalize();
        if (!parents.isEmpty()) {
            ArrayNode array = json.putArray("parents");
            for (Parent parent : parents) {
                ObjectNode node = array.addObject().put("role", parent.role()).put("path", relative(from, parent.path()));
                parent.sha256().ifPresent(hash -> node.put("sha256", hash));
            }
        }
        if (!files.isEmpty()) {
            ArrayNode array = json.putArray("files");
            files.forEach(f -> array.addObject().put("name", f.name()).put("bytes", f.bytes()).put("sha256", f.sha256()));
        }
        return json;
    }

    private static String relative(Path from, Path to) {
        return from.getRoot() != null && from.getRoot().equals(to.getRoot()) ? from.relativize(to).toString().replace('\\', '/') : to.toString();
    }

    /** Writes the record as it is, without looking at files: for data sets, which have many. */
    public void writeRecord(Path artefact) throws IOException {
        Sidecar.write(file(artefact), json(base(artefact)));
    }

    /** Hashes the files of a finished artefact and writes the record. */
    public Provenance write(Path artefact) throws IOException {
        Provenance complete = new Provenance(keys, parents, hashed(artefact));
        Sidecar.write(file(artefact), complete.json(base(artefact)));
        return complete;
    }

    /** The present files of an artefact, its records apart. */
    private static List<StoredFile> hashed(Path artefact) throws IOException {
        if (!Files.isDirectory(artefact)) {
            return List.of(new StoredFile(artefact.getFileName().toString(), Files.size(artefact), ContentHash.ofFile(artefact)));
        }
        List<StoredFile> files = new ArrayList<>();
        for (var file : content(artefact).entrySet()) {
            files.add(new StoredFile(file.getKey(), Files.size(file.getValue()), ContentHash.ofFile(file.getValue())));
        }
        return files;
    }

    /** The files of a folder by relative name, sorted, without records and temporary files. */
    private static TreeMap<String, Path> content(Path folder) throws IOException {
        TreeMap<String, Path> files = new TreeMap<>();
        Files.walkFileTree(folder, new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                String name = folder.relativize(file).toString().replace('\\', '/');
                if (attributes.isRegularFile() && !isRecord(file) && !name.endsWith(".tmp")) {
                    if (files.size() >= MAX_FILES) {
                        throw new CheckpointException(folder, "has more than " + MAX_FILES + " files", "this is not a checkpoint");
                    }
                    files.put(name, file);
                }
                return FileVisitResult.CONTINUE;
            }
        });
        return files;
    }

    /** True for files that say something about an artefact and are not part of it. */
    public static boolean isRecord(Path file) {
        String name = file.getFileName().toString();
        return name.equals(NAME + ".json") || name.endsWith("." + NAME + ".json") || name.equals(ArtefactStatus.NAME + ".json")
                || name.endsWith("." + ArtefactStatus.NAME + ".json");
    }

    /**
     * Compares an artefact with what is recorded: sizes, then hashes. Files that came later are no problem.
     *
     * @return what differs, one sentence a file; empty if all is as it was
     */
    public List<String> differences(Path artefact) throws IOException {
        List<String> problems = new ArrayList<>();
        Path base = base(artefact);
        for (StoredFile stored : files) {
            Path file = base.resolve(stored.name()).normalize();
            if (!file.startsWith(base)) {
                problems.add(stored.name() + ": the record names a file outside of the artefact");
            } else if (!Files.isRegularFile(file)) {
                problems.add(stored.name() + " is missing");
            } else if (Files.size(file) != stored.bytes()) {
                problems.add(stored.name() + " has " + Files.size(file) + " bytes, " + stored.bytes() + " were written");
            } else {
                String hash = ContentHash.ofFile(file);
                if (!hash.equals(stored.sha256())) {
                    problems.add(stored.name() + " has SHA-256 " + hash + ", " + stored.sha256() + " was written");
                }
            }
        }
        return problems;
    }

    /** Starts a record with nothing in it. */
    public static Provenance empty() {
        return new Provenance(JsonNodeFactory.instance.objectNode(), List.of(), List.of());
    }
}
