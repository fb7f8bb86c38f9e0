package org.mouselift.pipeline.checkpoint;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Paths that contain a prefix twice, {@code checkpoints/checkpoints/…}: what comes out when a prefix is joined to a path that has it
 * already (multi-view diffusion specification §4.12 D1; mouse specification K-02).
 */
public final class DoubledPrefix {
    private static final String PREFIX = "checkpoints";

    private DoubledPrefix() {}

    /** The path without the repetition; empty if nothing is repeated. One name alone counts only if it is {@code checkpoints}. */
    public static Optional<Path> undoubled(Path path) {
        List<String> names = names(path);
        for (int length = names.size() / 2; length > 0; length--) {
            for (int i = 0; i + 2 * length <= names.size(); i++) {
                List<String> first = names.subList(i, i + length);
                if (first.equals(names.subList(i + length, i + 2 * length)) && (length > 1 || first.getFirst().equals(PREFIX))) {
                    List<String> rest = new ArrayList<>(names);
                    rest.subList(i, i + length).clear();
                    return Optional.of(path(path, rest));
                }
            }
        }
        return Optional.empty();
    }

    /** All paths that come out when a part of this one is repeated. */
    public static List<Path> doubled(Path path) {
        List<String> names = names(path);
        List<Path> all = new ArrayList<>();
        for (int i = 0; i < names.size(); i++) {
            for (int j = i + 1; j <= names.size(); j++) {
                List<String> longer = new ArrayList<>(names);
                longer.addAll(i, names.subList(i, j));
                all.add(path(path, longer));
            }
        }
        return all;
    }

    /**
     * Refuses to write to a path with a doubled prefix.
     *
     * @throws DoubledPrefixException MFL-E205
     */
    public static void requireSingle(Path output) throws DoubledPrefixException {
        Optional<Path> meant = undoubled(output.toAbsolutePath().normalize());
        if (meant.isPresent()) {
            throw new DoubledPrefixException(output, meant.get());
        }
    }

    /** An output path with a doubled prefix. */
    public static final class DoubledPrefixException extends IOException {
        private static final long serialVersionUID = 1L;

        DoubledPrefixException(Path output, Path meant) {
            super("MFL-E205: Output path contains the prefix twice: " + output + " (write " + meant + "; nothing was written)");
        }
    }

    private static List<String> names(Path path) {
        List<String> names = new ArrayList<>();
        path.forEach(name -> names.add(name.toString()));
        return names;
    }

    private static Path path(Path like, List<String> names) {
        Path path = like.getFileSystem().getPath(String.join("/", names));
        return like.isAbsolute() ? like.getRoot().resolve(path) : path;
    }
}
