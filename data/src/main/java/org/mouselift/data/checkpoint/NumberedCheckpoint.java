package org.mouselift.data.checkpoint;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * A checkpoint of a training, named by its step: {@code ckpt_<step>.pt} and {@code ckpt_<step>.safetensors} (GS-LRM
 * specification §6.6) or a folder {@code checkpoint-<step>} (multi-view diffusion specification §4.10). The number decides
 * which is newest, never the text: 12000 comes after 9000. Other names, such as {@code checkpoint-best}, are none of these.
 *
 * @param step number of the name
 */
public record NumberedCheckpoint(Path path, long step, Kind kind) {
    /** What kind of name it has. */
    public enum Kind {
        /** {@code ckpt_<step>.pt}, as the original writes it. */
        ORIGINAL_FILE,
        /** {@code ckpt_<step>.safetensors}, as our trainings write it. */
        TRAINING_FILE,
        /** {@code checkpoint-<step>/}. */
        FOLDER
    }

    private static final Pattern FILE = Pattern.compile("ckpt_(\\d{1,18})\\.(pt|safetensors)");
    private static final Pattern FOLDER = Pattern.compile("checkpoint-(\\d{1,18})");
    private static final Comparator<NumberedCheckpoint> NEWEST_FIRST = Comparator.comparingLong(NumberedCheckpoint::step).reversed()
            .thenComparing(NumberedCheckpoint::kind).thenComparing(c -> c.path.getFileName().toString());

    /** The checkpoint of this path, if it exists and is named as one. */
    public static Optional<NumberedCheckpoint> of(Path path) {
        Path name = path.getFileName();
        if (name == null) {
            return Optional.empty();
        }
        Matcher file = FILE.matcher(name.toString());
        if (file.matches() && Files.isRegularFile(path)) {
            return Optional.of(new NumberedCheckpoint(path, Long.parseLong(file.group(1)), file.group(2).equals("pt") ? Kind.ORIGINAL_FILE : Kind.TRAINING_FILE));
        }
        Matcher folder = FOLDER.matcher(name.toString());
        if (folder.matches() && Files.isDirectory(path)) {
            return Optional.of(new NumberedCheckpoint(path, Long.parseLong(folder.group(1)), Kind.FOLDER));
        }
        return Optional.empty();
    }

    /** Those of a folder, newest first; of the same step files before folders. Empty if the folder does not exist. */
    public static List<NumberedCheckpoint> list(Path folder) throws IOException {
        if (!Files.isDirectory(folder)) {
            return List.of();
        }
        try (Stream<Path> children = Files.list(folder)) {
            return children.map(NumberedCheckpoint::of).flatMap(Optional::stream).sorted(NEWEST_FIRST).toList();
        }
    }
}
