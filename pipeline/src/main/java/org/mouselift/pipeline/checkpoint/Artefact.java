package org.mouselift.pipeline.checkpoint;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.stream.Stream;
import org.mouselift.data.checkpoint.ArtefactStatus;
import org.mouselift.data.checkpoint.Checkpoint;
import org.mouselift.data.checkpoint.NumberedCheckpoint;
import org.mouselift.data.checkpoint.Provenance;

/**
 * Something with weights that a registry knows: a numbered checkpoint of a training, a folder of weights, a component or a whole
 * pipeline.
 *
 * @param name path relative to the registry's folder, with slashes; {@code .} for the folder itself
 * @param step of a numbered checkpoint
 * @param bytes of all its files
 * @param provenance empty where nothing is recorded
 */
public record Artefact(String name, Path path, Kind kind, OptionalLong step, long bytes, Optional<Provenance> provenance, ArtefactStatus status) {
    /** What an artefact is, by its files. */
    public enum Kind {
        /** {@code ckpt_<step>.pt} of the original. */
        ORIGINAL("original checkpoint"),
        /** {@code ckpt_<step>.safetensors}: a training can be continued from it. */
        TRAINING("training checkpoint"),
        /** {@code checkpoint-<step>/} with unet, unet_ema. */
        DIFFUSION("UNet checkpoint"),
        /** Folder with model_index.json. */
        PIPELINE("multi-view pipeline"),
        /** Folder with model.safetensors and config.yaml. */
        WEIGHTS("GS-LRM weights"),
        /** Folder with config.json and weights. */
        COMPONENT("component");

        private final String label;

        Kind(String label) {
            this.label = label;
        }

        /** In words. */
        public String label() {
            return label;
        }

        /** True if many of them follow each other in a training, so that old ones can be cleared away. */
        public boolean isNumbered() {
            return this == ORIGINAL || this == TRAINING || this == DIFFUSION;
        }
    }

    /** What lies at a path, if it is an artefact. */
    static Optional<Artefact> of(Path root, Path path) throws IOException {
        Optional<NumberedCheckpoint> numbered = NumberedCheckpoint.of(path);
        Kind kind;
        if (numbered.isPresent()) {
            kind = switch (numbered.get().kind()) {
                case ORIGINAL_FILE -> Kind.ORIGINAL;
                case TRAINING_FILE -> Kind.TRAINING;
                case FOLDER -> Kind.DIFFUSION;
            };
        } else if (!Files.isDirectory(path)) {
            return Optional.empty();
        } else if (Files.isRegularFile(path.resolve("model_index.json"))) {
            kind = Kind.PIPELINE;
        } else if (Files.isRegularFile(path.resolve("model.safetensors")) && Files.isRegularFile(path.resolve("config.yaml"))) {
            kind = Kind.WEIGHTS;
        } else if (Files.isRegularFile(path.resolve("config.json")) && Checkpoint.weightsIn(path).isPresent()) {
            kind = Kind.COMPONENT;
        } else {
            return Optional.empty();
        }
        String name = root.relativize(path).toString().replace('\\', '/');
        return Optional.of(new Artefact(name.isEmpty() ? "." : name, path, kind, numbered.map(n -> OptionalLong.of(n.step())).orElse(OptionalLong.empty()), size(path),
                provenance(path), ArtefactStatus.read(path)));
    }

    /** Its own record; of a file without one the part of its folder's record that speaks of it. */
    private static Optional<Provenance> provenance(Path path) throws IOException {
        Optional<Provenance> own = Provenance.read(path);
        if (own.isPresent() || Files.isDirectory(path)) {
            return own;
        }
        String name = path.getFileName().toString();
        return Provenance.read(path.toAbsolutePath().getParent()).map(p -> new Provenance(p.keys(), p.parents(), p.files().stream().filter(f -> f.name().equals(name)).toList()))
                .filter(p -> !p.files().isEmpty());
    }

    private static long size(Path path) throws IOException {
        if (!Files.isDirectory(path)) {
            return Files.size(path);
        }
        long bytes = 0;
        List<Path> files;
        try (Stream<Path> walk = Files.walk(path)) {
            files = walk.filter(Files::isRegularFile).toList();
        }
        for (Path file : files) {
            bytes += Files.size(file);
        }
        return bytes;
    }

    /** True if this was made from the other: it names it, a folder around it or one of its files by hash, or it came later in the same training. */
    boolean isChildOf(Artefact other) {
        if (other.equals(this)) {
            return false;
        }
        boolean later = kind == other.kind && kind.isNumbered() && path.getParent().equals(other.path.getParent()) && step.getAsLong() > other.step.getAsLong();
        return later || isChildOf(other.path) || provenance.isPresent() && other.provenance.isPresent() && provenance.get().parents().stream()
                .anyMatch(parent -> parent.sha256().isPresent() && other.provenance.get().files().stream().anyMatch(f -> f.sha256().equals(parent.sha256().get())
                        && isWeights(f.name())));
    }

    /** Equal configurations do not make two artefacts relatives; equal weights do. */
    private static boolean isWeights(String name) {
        return name.endsWith(".safetensors") || name.endsWith(".pt") || name.endsWith(".bin") || name.endsWith(".pth");
    }

    /** True if a recorded parent is this path or lies in it. */
    boolean isChildOf(Path place) {
        Path at = place.toAbsolutePath().normalize();
        return provenance.isPresent() && provenance.get().parents().stream().anyMatch(parent -> parent.path().startsWith(at));
    }
}
