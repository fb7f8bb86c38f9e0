package org.mouselift.pipeline.checkpoint;

import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.mouselift.data.checkpoint.ArtefactStatus;
import org.mouselift.data.checkpoint.Checkpoint;
import org.mouselift.data.checkpoint.InvalidatedException;
import org.mouselift.data.checkpoint.NumberedCheckpoint;
import org.mouselift.engine.nn.NearestNames;

/**
 * All artefacts below a folder (mouse specification §8.1, K-10). The registry is the folder itself: what is known about an
 * artefact lies with it ({@link org.mouselift.data.checkpoint.Provenance}, {@link ArtefactStatus}), so that nothing can get out
 * of step. Artefacts come sorted by folder, those of a training by number, newest first.
 */
public final class CheckpointRegistry {
    private static final int MAX_DEPTH = 12;
    private static final int MAX_ARTEFACTS = 100_000;

    private final Path root;
    private final List<Artefact> artefacts;

    private CheckpointRegistry(Path root, List<Artefact> artefacts) {
        this.root = root;
        this.artefacts = List.copyOf(artefacts);
    }

    /**
     * Looks through a folder; nothing but records and sizes is read. Its trash is left out.
     *
     * @throws NotDirectoryException if it is no folder
     */
    public static CheckpointRegistry of(Path folder) throws IOException {
        if (!Files.isDirectory(folder)) {
            throw new NotDirectoryException(folder.toString());
        }
        Path root = folder.toAbsolutePath().normalize();
        List<Artefact> found = new ArrayList<>();
        Files.walkFileTree(root, Set.of(), MAX_DEPTH, new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult preVisitDirectory(Path place, BasicFileAttributes attributes) throws IOException {
                if (place.getFileName() != null && place.getFileName().toString().equals(Trash.FOLDER)) {
                    return FileVisitResult.SKIP_SUBTREE;
                }
                return add(place) ? FileVisitResult.SKIP_SUBTREE : FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                if (attributes.isRegularFile()) {
                    add(file);
                }
                return FileVisitResult.CONTINUE;
            }

            private boolean add(Path place) throws IOException {
                Optional<Artefact> artefact = Artefact.of(root, place);
                if (artefact.isPresent() && found.size() >= MAX_ARTEFACTS) {
                    throw new IOException(root + " holds more than " + MAX_ARTEFACTS + " checkpoints; name a folder further down");
                }
                artefact.ifPresent(found::add);
                return artefact.isPresent();
            }
        });
        found.sort(Comparator.comparing((Artefact a) -> String.valueOf(a.path().getParent())).thenComparing(Artefact::kind)
                .thenComparing(a -> -a.step().orElse(0)).thenComparing(Artefact::name));
        return new CheckpointRegistry(root, found);
    }

    /** The folder, absolute. */
    public Path root() {
        return root;
    }

    public List<Artefact> artefacts() {
        return artefacts;
    }

    /**
     * The artefact of a name, or of a path.
     *
     * @throws UnknownArtefactException if there is none, with the nearest names and what is there
     */
    public Artefact find(String name) throws IOException {
        Path path = root.resolve(name).normalize();
        Path working = Path.of(name).toAbsolutePath().normalize();
        for (Artefact artefact : artefacts) {
            if (artefact.name().equals(name) || artefact.path().equals(path) || artefact.path().equals(working)) {
                return artefact;
            }
        }
        List<String> names = artefacts.stream().map(Artefact::name).toList();
        throw new UnknownArtefactException(root + " has no checkpoint '" + name + "'" + (names.isEmpty() ? "; it holds none"
                : "; nearest: " + String.join(", ", NearestNames.of(name, names, 3)) + "; mouselift checkpoint list shows all " + names.size()));
    }

    /** A name that no artefact has. */
    public static final class UnknownArtefactException extends IOException {
        private static final long serialVersionUID = 1L;

        UnknownArtefactException(String message) {
            super(message);
        }
    }

    /** Those that were made from an artefact, directly or over others. */
    public List<Artefact> descendants(Artefact of) {
        Set<Artefact> all = new LinkedHashSet<>(artefacts.stream().filter(a -> a.isChildOf(of)).toList());
        return closed(all, of);
    }

    /** Those that were made from a file or folder that is no artefact, such as a data set. */
    public List<Artefact> descendants(Path of) {
        return closed(new LinkedHashSet<>(artefacts.stream().filter(a -> a.isChildOf(of)).toList()), null);
    }

    private List<Artefact> closed(Set<Artefact> all, Artefact self) {
        List<Artefact> waiting = new ArrayList<>(all);
        while (!waiting.isEmpty()) {
            Artefact next = waiting.removeLast();
            for (Artefact artefact : artefacts) {
                if (!artefact.equals(self) && artefact.isChildOf(next) && all.add(artefact)) {
                    waiting.add(artefact);
                }
            }
        }
        return artefacts.stream().filter(all::contains).toList();
    }

    /**
     * What is wrong with an artefact by its headers alone: damaged, incomplete, of size zero; empty if nothing is.
     * Invalidation is no damage.
     */
    public static Optional<String> damage(Artefact artefact) {
        try {
            if (artefact.bytes() == 0) {
                return Optional.of("is empty");
            }
            if (artefact.kind() == Artefact.Kind.DIFFUSION && UNetFolder.inCheckpoint(artefact.path()).isEmpty()) {
                return Optional.of("has neither unet/ nor unet_ema/");
            }
            try (Checkpoint stored = Checkpoint.open(artefact.path())) {
                return stored.tensors().isEmpty() ? Optional.of("holds no tensors") : Optional.empty();
            }
        } catch (IOException | IllegalArgumentException e) {
            return Optional.of(e.getMessage());
        }
    }

    /** Why it must not be used: its own invalidation or that of something it was made from; empty if it may. */
    public static Optional<String> refusal(Artefact artefact) throws IOException {
        try {
            ArtefactStatus.requireUsable(artefact.path());
            return Optional.empty();
        } catch (InvalidatedException e) {
            return Optional.of(e.getMessage());
        }
    }

    /**
     * Checkpoints near a path that does not exist, for messages: those of the nearest folder that does, with their steps.
     *
     * @return a sentence part such as {@code a/checkpoint-500 (step 500), a/checkpoint-100 (step 100)}, or that there are none
     */
    public static String near(Path missing) throws IOException {
        Path place = missing.toAbsolutePath().normalize();
        while (place != null && !Files.isDirectory(place)) {
            place = place.getParent();
        }
        Path from = place;
        // One level up a sibling training may be what was meant; the whole disk is not searched.
        for (int level = 0; level < 3 && from != null && from.getNameCount() > 1; level++, from = from.getParent()) {
            List<Path> found = nearby(from);
            if (!found.isEmpty()) {
                return "available checkpoints: " + found.stream().limit(20)
                        .map(p -> p + NumberedCheckpoint.of(p).map(n -> " (step " + n.step() + ")").orElse("")).collect(Collectors.joining(", "))
                        + (found.size() > 20 ? ", …" : "");
            }
        }
        return "no checkpoints are near it" + (place == null ? "" : " (looked in " + place + ")");
    }

    private static List<Path> nearby(Path folder) throws IOException {
        List<NumberedCheckpoint> found = new ArrayList<>();
        Files.walkFileTree(folder, Set.of(), 4, new SimpleFileVisitor<>() {
            private int seen;

            @Override
            public FileVisitResult preVisitDirectory(Path place, BasicFileAttributes attributes) throws IOException {
                if (++seen > 2000 || place.getFileName().toString().equals(Trash.FOLDER)) {
                    return FileVisitResult.SKIP_SUBTREE;
                }
                Optional<NumberedCheckpoint> numbered = NumberedCheckpoint.of(place);
                numbered.filter(n -> UNetFolder.inCheckpoint(n.path()).isPresent()).ifPresent(found::add);
                return numbered.isPresent() ? FileVisitResult.SKIP_SUBTREE : FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
                NumberedCheckpoint.of(file).ifPresent(found::add);
                return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult visitFileFailed(Path file, IOException unreadable) {
                return FileVisitResult.CONTINUE;
            }
        });
        return found.stream().sorted(Comparator.comparing((NumberedCheckpoint c) -> c.path().getParent().toString())
                .thenComparing(Comparator.comparingLong(NumberedCheckpoint::step).reversed())).map(NumberedCheckpoint::path).toList();
    }
}
