package org.mouselift.pipeline.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a run clears away before its own results, and what it never touches. */
class EarlierResultsTest {
    @TempDir
    Path place;

    @BeforeEach
    void files() throws IOException {
        for (String name : List.of("gaussians.ply", "view_17.png", "notes.txt", "frames/frame_0000.png", "steps/step_001.png", "steps/step_009.png", "frames2/frame_0000.png")) {
            Files.createDirectories(place.resolve(name).getParent());
            Files.writeString(place.resolve(name), name);
        }
    }

    private List<String> left() throws IOException {
        try (Stream<Path> files = Files.walk(place)) {
            return files.filter(Files::isRegularFile).map(f -> place.relativize(f).toString()).sorted().toList();
        }
    }

    @Test
    void aFolderWithoutARecordHoldsNoResults() throws IOException {
        List<String> before = left();
        EarlierResults.delete(place, 0);
        assertEquals(before, left());
    }

    @Test
    void resultsOfAnEarlierRunGoAndOtherFilesStay() throws IOException {
        Files.writeString(place.resolve("run.json"), "{}");
        EarlierResults.delete(place, 5);
        assertEquals(List.of("frames2/frame_0000.png", "notes.txt", "steps/step_001.png"), left());
    }
}
