package org.mouselift.data.checkpoint;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;

/**
 * What people say about an artefact after it was made: tags, and that it must not be used any more. It lies with the artefact
 * ({@code mouselift-status.json} in a folder, {@code <file>.mouselift-status.json} beside a file) and goes where that goes. The
 * status of a folder holds for all that lies in it.
 *
 * @param tags words; {@link #KEEP} and {@link #BEST} protect from being cleared away
 */
public record ArtefactStatus(SortedSet<String> tags, Optional<Invalidation> invalidation) {
    /** Name of the record. */
    public static final String NAME = "mouselift-status";
    /** Never cleared away. */
    public static final String KEEP = "keep";
    /** The best of its training; never cleared away. */
    public static final String BEST = "best";
    /** How far parents are followed. */
    private static final int MAX_GENERATIONS = 64;
    /** Levels above a file on which a folder may be the artefact that it belongs to: pipeline/unet/weights. */
    private static final int LEVELS = 3;

    /**
     * Why an artefact is unusable.
     *
     * @param remedy what to use or do instead, may be empty
     * @param date when it was said
     * @param parent path of the artefact whose invalidation was handed on, empty for one that was named itself
     */
    public record Invalidation(String reason, String remedy, String date, String parent) {}

    public ArtefactStatus {
        tags = Collections.unmodifiableSortedSet(new TreeSet<>(tags));
    }

    /** What is said about this very file or folder. */
    public static ArtefactStatus read(Path artefact) throws IOException {
        Optional<ObjectNode> json = Sidecar.read(file(artefact));
        SortedSet<String> tags = new TreeSet<>();
        if (json.isEmpty()) {
            return new ArtefactStatus(tags, Optional.empty());
        }
        json.get().path("tags").forEach(tag -> tags.add(tag.asText()));
        JsonNode invalid = json.get().path("invalid");
        return new ArtefactStatus(tags, invalid.isMissingNode() ? Optional.empty() : Optional.of(new Invalidation(invalid.path("reason").asText("no reason given"),
                invalid.path("remedy").asText(""), invalid.path("date").asText("an unknown day"), invalid.path("parent").asText(""))));
    }

    /** Where the status of an artefact lies. */
    public static Path file(Path artefact) {
        return Sidecar.of(artefact, NAME);
    }

    /** Replaces the status of an artefact; without tags and invalidation the file goes. */
    public void write(Path artefact) throws IOException {
        if (tags.isEmpty() && invalidation.isEmpty()) {
            Files.deleteIfExists(file(artefact));
            return;
        }
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        if (!tags.isEmpty()) {
            ArrayNode array = json.putArray("tags");
            tags.forEach(array::add);
        }
        invalidation.ifPresent(i -> json.putObject("invalid").put("reason", i.reason()).put("remedy", i.remedy()).put("date", i.date()).put("parent", i.parent()));
        Sidecar.write(file(artefact), json);
    }

    /** True if it must not be cleared away. */
    public boolean isProtected() {
        return tags.contains(KEEP) || tags.contains(BEST);
    }

    public ArtefactStatus withInvalidation(Optional<Invalidation> now) {
        return new ArtefactStatus(tags, now);
    }

    public ArtefactStatus withTags(Set<String> now) {
        return new ArtefactStatus(new TreeSet<>(now), invalidation);
    }

    /**
     * Refuses what was invalidated: the path itself, a folder it lies in, or something that it was made from as far as its
     * records say ({@link Provenance#parents}) and the parents are still there. A path that does not exist passes.
     *
     * @throws InvalidatedException with the reason and what to do
     */
    public static void requireUsable(Path path) throws IOException {
        require(path, path, new HashSet<>(), 0);
    }

    private static void require(Path asked, Path at, Set<Path> seen, int generation) throws IOException {
        if (!Files.exists(at) || generation > MAX_GENERATIONS) {
            return;
        }
        Path real = at.toRealPath();
        if (!seen.add(real)) {
            return;
        }
        for (Path place = real; place != null; place = place.getParent()) {
            Optional<Invalidation> found = read(place).invalidation();
            if (found.isPresent()) {
                Invalidation i = found.get();
                String what = generation == 0 && place.equals(real) ? "was invalidated"
                        : generation == 0 ? "lies in " + place + ", which was invalidated" : "was made from " + at + ", which was invalidated";
                throw new InvalidatedException(asked + " " + what + " on " + i.date() + (i.parent().isEmpty() ? "" : " with its parent " + i.parent()) + ": "
                        + i.reason(), (i.remedy().isEmpty() ? "use another one" : i.remedy()) + "; mouselift checkpoint invalidate --undo takes it back");
            }
        }
        Path place = real;
        for (int level = 0; level < LEVELS && place != null; level++, place = place.getParent()) {
            Optional<Provenance> provenance = Provenance.read(place);
            if (provenance.isPresent()) {
                for (Provenance.Parent parent : provenance.get().parents()) {
                    require(asked, parent.path(), seen, generation + 1);
                }
                return;
            }
        }
    }
}
