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
 * @param file  the record, which may not exist
 * @param steps in order; empty when nothing is recorded
 */
public record DatasetLineage(Path file, List<String> steps) {
    /** The code of a data set that lacks an expected step. */
    public static final String CODE = "MFL-D07";
    private static final String FILE = "dataset.json";
    private static final long MAX_BYTES = 64L << 20;
    private static final ObjectMapper MAPPER = new ObjectMapper();

    public DatasetLineage {
        steps = List.copyOf(steps);
    }

    /** That of a data set folder. */
    public static DatasetLineage of(Path dataset) throws IOException {
        Path file = dataset.resolve(FILE);
        if (!Files.isRegularFile(file)) {
            return new DatasetLineage(file, List.of());
        }
        if (Files.size(file) > MAX_BYTES) {
            throw new DatasetException(null, file, "has " + Files.size(file) + " bytes, far more than a record", "restore it");
        }
        List<String> steps = new ArrayList<>();
        try {
            for (JsonNode step : MAPPER.readTree(Files.readAllBytes(file)).path("chain")) {
                steps.add(step.path("step").asText());
            }
        } catch (JsonProcessingException e) {
            throw new DatasetException(null, file, "is not JSON: " + e.getOriginalMessage(), "restore it or make the data set again", e);
        }
        return new DatasetLineage(file, steps);
    }

    /** Checks the data sets that samples lie in. @param expected steps in their order; others may stand between them */
    public static void require(SampleList samples, List<String> expected) throws IOException {
        if (expected.isEmpty()) {
            return;
        }
        Set<Path> sets = new LinkedHashSet<>();
        samples.samples().forEach(s -> sets.add(s.toAbsolutePath().normalize().getParent()));
        for (Path set : sets) {
            of(set).require(expected);
        }
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
