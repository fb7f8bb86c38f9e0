package org.mouselift.data.dataset;

import java.io.IOException;
import java.nio.charset.MalformedInputException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.mouselift.data.checkpoint.ArtefactStatus;

/**
 * The samples of a data set: a list file with one sample folder per line (mouse specification §2.6). Blank lines are
 * ignored; relative paths are looked up in the list file's folder, then in the working directory. Every folder must exist.
 *
 * @param source the list file
 * @param samples folders in list order; at least one, none twice
 */
public record SampleList(Path source, List<Path> samples) {
    private static final long MAX_BYTES = 256L << 20;

    public SampleList {
        samples = List.copyOf(samples);
    }

    /**
     * Reads and checks a list file.
     *
     * @throws org.mouselift.data.checkpoint.InvalidatedException if the list, or a folder it lies in, was invalidated
     */
    public static SampleList read(Path file) throws IOException {
        if (!Files.isRegularFile(file)) {
            throw new DatasetException(null, file, "list file does not exist", "give a text file with one sample folder per line");
        }
        if (Files.size(file) > MAX_BYTES) {
            throw new DatasetException(null, file, "has " + Files.size(file) + " bytes, at most " + MAX_BYTES + " are read", "this is not a list of samples");
        }
        ArtefactStatus.requireUsable(file);
        List<String> lines;
        try {
            lines = Files.readAllLines(file);
        } catch (MalformedInputException e) {
            throw new DatasetException(null, file, "is not UTF-8 text", "give a text file with one sample folder per line", e);
        }
        Path folder = file.toAbsolutePath().getParent();
        List<Path> samples = new ArrayList<>();
        Map<Path, Integer> seen = new HashMap<>();
        for (int i = 0; i < lines.size(); i++) {
            String line = lines.get(i).strip();
            if (line.isEmpty()) {
                continue;
            }
            Path sample = resolve(file, folder, line, i + 1);
            Integer before = seen.putIfAbsent(sample.toAbsolutePath().normalize(), i + 1);
            if (before != null) {
                throw new DatasetException(null, file, "line " + (i + 1) + ": sample '" + line + "' is already in line " + before, "list every sample once");
            }
            samples.add(sample);
        }
        if (samples.isEmpty()) {
            throw new DatasetException(null, file, "names no sample", "write one sample folder per line");
        }
        return new SampleList(file, samples);
    }

    /** One sample, for example for inference. */
    public static SampleList of(Path sample) {
        return new SampleList(sample, List.of(sample));
    }

    private static Path resolve(Path file, Path folder, String line, int number) throws DatasetException {
        try {
            Path beside = folder.resolve(line);
            if (Files.isDirectory(beside)) {
                return beside;
            }
            if (Files.isDirectory(Path.of(line))) {
                return Path.of(line);
            }
        } catch (InvalidPathException e) {
            throw new DatasetException(null, file, "line " + number + " is not a path: " + e.getMessage(), "write one sample folder per line", e);
        }
        throw new DatasetException("MFL-D01", file, "line " + number + ": sample folder '" + line + "' does not exist in " + folder + " nor in the working directory",
                "correct the path or the line");
    }
}
