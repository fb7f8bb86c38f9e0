package org.mouselift.pipeline.cli;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;

/** What earlier runs left in a folder of results: it must not stand beside the results of another photo or other settings. */
final class EarlierResults {
    /** All names under which the commands that work from a photo write, each below the folder {@code ""}, or one of its own. */
    private static final List<Kind> KINDS = List.of(
            new Kind("", "input\\.png|multiview\\.png|view_\\d+\\.png|generated_views\\.png|views\\.json|gaussians\\.ply|turntable\\.(mp4|gif)|viewer\\.html|"
                    + "output\\.png|unseen\\.png|metrics\\.json|profile\\.json|run\\.json"),
            new Kind("generated_views", "view_\\d+\\.png"), new Kind("frames", "frame_\\d+\\.png"), new Kind("steps", "step_\\d+\\.png"));
    private static final Kind STEPS = KINDS.getLast();

    private record Kind(String folder, Pattern names) {
        Kind(String folder, String names) {
            this(folder, Pattern.compile(names));
        }
    }

    private EarlierResults() {}

    /**
     * Deletes them, and folders that are empty then; other files stay. A folder without the record that a run writes last holds no results:
     * pictures of such names in it are somebody's own, and nothing is deleted.
     *
     * @param steps pictures of so many sampling steps are of this run and stay
     */
    static void delete(Path place, int steps) throws IOException {
        // First of all, since without its record a folder is not complete, whatever is left in it.
        if (!Files.deleteIfExists(place.resolve(RunRecord.FILE))) {
            return;
        }
        for (Kind kind : KINDS) {
            Path folder = place.resolve(kind.folder);
            if (!Files.isDirectory(folder)) {
                continue;
            }
            boolean left = false;
            try (DirectoryStream<Path> files = Files.newDirectoryStream(folder)) {
                for (Path file : files) {
                    String name = file.getFileName().toString();
                    if (Files.isRegularFile(file) && kind.names.matcher(name).matches() && !(kind == STEPS && number(name) < steps)) {
                        Files.delete(file);
                    } else {
                        left = true;
                    }
                }
            }
            if (!left && !kind.folder.isEmpty()) {
                Files.delete(folder);
            }
        }
    }

    /** Of {@code step_012.png}; as long as numbers of steps are. */
    private static long number(String name) {
        String digits = name.replaceAll("\\D", "");
        return digits.length() > 9 ? Long.MAX_VALUE : Long.parseLong(digits);
    }
}
