package org.mouselift.data.dataset;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * The steps by which the pictures of a data set were made (mouse specification §2.8), as its {@code dataset.json} records them. A whole experiment was once run on
 * pictures that were believed to be centred and were not: who needs a step says so, and is refused a data set without it.
 *
 * @param file   the record, which may not exist
 * @param steps  in order; empty when nothing is recorded
 * @param frozen those of the steps that moved the pictures and left the cameras behind
 */
public record DatasetLineage(Path file, List<String> steps, List<String> frozen) {
    /** The code of a data set that lacks an expected step. */
    public static final String CODE = "MFL-D07";
    /** The code of a data set whose cameras do not fit its pictures, where they must. */
    public static final String FROZEN = "MFL-E129";
    private static final String FILE = "dataset.json";
    private static final long MAX_BYTES = 64L << 20;
    private static final ObjectMapper MAPPER = new ObjectMapper();

    public DatasetLineage {
        steps = List.copyOf(steps);
        frozen = List.copyOf(frozen);
    }

    /** That of a data set folder. */
    public static DatasetLineage of(Path dataset) throws IOException {
        Path file = dataset.resolve(FILE);
        if (!Files.isRegularFile(file)) {
            return new DatasetLineage(file, List.of(), List.of());
        }
        if (Files.size(file) > MAX_BYTES) {
            throw new DatasetException(null, file, "has " + Files.size(file) + " bytes, far more than a record", "restore it");
        }
        List<String> steps = new ArrayList<>();
        List<String> frozen = new ArrayList<>();
        try {
            for (JsonNode step : MAPPER.readTree(Files.readAllBytes(file)).path("chain")) {
                steps.add(step.path("step").asText());
                if (step.path("intrinsics").asText().equals("frozen")) {
                    frozen.add(step.path("step").asText());
                }
            }
        } catch (JsonProcessingException e) {
            throw new DatasetException(null, file, "is not JSON: " + e.getOriginalMessage(), "restore it or make the data set again", e);
        }
        return new DatasetLineage(file, steps, frozen);
    }

    /** Checks the data sets that samples lie in. @param expected steps in their order; others may stand between them */
    public static void require(SampleList samples, List<String> expected) throws IOException {
        if (expected.isEmpty()) {
            return;
        }
        for (Path set : sets(samples.samples())) {
            of(set).require(expected);
        }
    }

    /** Checks the data sets that samples lie in. @throws DatasetException {@code MFL-E129} naming the step that left the cameras behind */
    public static void requireCameras(List<Path> samples) throws IOException {
        for (Path set : sets(samples)) {
            DatasetLineage lineage = of(set);
            if (!lineage.frozen.isEmpty()) {
                throw new DatasetException(FROZEN, lineage.file, "says that step " + lineage.frozen.getFirst() + " moved the pictures and left the cameras as they were; not usable for 3D",
                        "preprocess the data set with exact intrinsics, or allow it: --allow " + FROZEN + ", in a configuration training.dataset.allow_frozen_intrinsics: true");
            }
        }
    }

    /** One line for each data set that samples lie in and whose record says how it was made. */
    public static List<String> lines(List<Path> samples) throws IOException {
        List<String> out = new ArrayList<>();
        for (Path set : sets(samples)) {
            DatasetLineage lineage = of(set);
            if (!lineage.steps.isEmpty()) {
                out.add(set.getFileName() + " was made by " + String.join(" → ", lineage.steps));
            }
        }
        return out;
    }

    private static Set<Path> sets(List<Path> samples) {
        Set<Path> sets = new LinkedHashSet<>();
        samples.forEach(s -> sets.add(s.toAbsolutePath().normalize().getParent()));
        return sets;
    }

    /** @throws DatasetException {@code MFL-D07} naming the step that is missing */
    public void require(List<String> expected) throws DatasetException {
        int at = 0;
        for (String step : steps) {
            at += at < expected.size() && step.equals(expected.get(at)) ? 1 : 0;
        }
        if (at < expected.size()) {
            throw new DatasetException(CODE, file, steps.isEmpty() ? "does not say how the pictures were made, expected " + String.join(" → ", expected)
                    : "says that the pictures were made by " + String.join(" → ", steps) + ", expected " + String.join(" → ", expected) + ": " + expected.get(at) + " is missing",
                    "preprocess the data set, or correct expect_preprocessing");
        }
    }
}
