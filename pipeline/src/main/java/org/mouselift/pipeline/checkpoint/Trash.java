package org.mouselift.pipeline.checkpoint;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import org.mouselift.data.checkpoint.ArtefactStatus;
import org.mouselift.data.checkpoint.Provenance;

/**
 * Where cleared-away artefacts go: {@code .trash/<time>/<name>} in the registry's folder, on the same disk. Nothing is deleted
 * until {@link #purge} is asked to; moving a folder back restores it.
 */
public final class Trash {
    /** Name of the folder. */
    public static final String FOLDER = ".trash";
    private static final DateTimeFormatter TIME = DateTimeFormatter.ofPattern("yyyyMMdd'T'HHmmssSSS'Z'").withZone(ZoneOffset.UTC);

    private final Path root;

    public Trash(Path root) {
        this.root = root;
    }

    /** Moves artefacts with their records into one new folder of the trash and returns that folder. */
    public Path move(List<Artefact> artefacts, Instant now) throws IOException {
        Path place = root.resolve(FOLDER).resolve(TIME.format(now));
        for (Artefact artefact : artefacts) {
            Path target = place.resolve(artefact.name());
            Files.createDirectories(target.getParent());
            // Those of a file lie beside it; those of a folder go with it.
            for (Path record : List.of(Provenance.file(artefact.path()), ArtefactStatus.file(artefact.path()))) {
                if (!Files.isDirectory(artefact.path()) && Files.exists(record)) {
                    Files.move(record, target.resolveSibling(record.getFileName()), StandardCopyOption.ATOMIC_MOVE);
                }
            }
            Files.move(artefact.path(), target, StandardCopyOption.ATOMIC_MOVE);
        }
        return place;
    }

    /** Deletes what was moved here longer ago than this; the deleted folders of the trash. */
    public List<Path> purge(Duration age, Instant now) throws IOException {
        Path trash = root.resolve(FOLDER);
        List<Path> deleted = new ArrayList<>();
        if (!Files.isDirectory(trash)) {
            return deleted;
        }
        List<Path> places;
        try (Stream<Path> list = Files.list(trash)) {
            places = list.filter(Files::isDirectory).sorted().toList();
        }
        for (Path place : places) {
            if (moved(place).plus(age).isBefore(now)) {
                delete(place);
                deleted.add(place);
            }
        }
        return deleted;
    }

    private static Instant moved(Path place) throws IOException {
        try {
            return TIME.parse(place.getFileName().toString(), Instant::from);
        } catch (DateTimeParseException e) {
            // Somebody else made this folder: its own time is the only one there is.
            FileTime time = Files.getLastModifiedTime(place);
            return time.toInstant();
        }
    }

    private static void delete(Path folder) throws IOException {
        List<Path> all;
        try (Stream<Path> walk = Files.walk(folder)) {
            all = walk.sorted(Comparator.reverseOrder()).toList();
        }
        for (Path path : all) {
            Files.delete(path);
        }
    }
}
