package org.mouselift.pipeline.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.mouselift.pipeline.bench.BenchCase.Op;

class BenchHistoryTest {
    @TempDir
    Path folder;

    private static final BenchCase LINEAR = BenchCase.of(Op.LINEAR, Map.of("M", 3L, "N", 5L, "K", 7L), true);

    private BenchHistory.Entry entry() {
        var result = new BenchRunner.Result("linear", LINEAR.sizes(), LINEAR.shape(), "fwd+bwd", "f32", 2, 512, 9, 0.5, 0.25, 3.0, null, 0.75, 4.0, 5.0, 0, null);
        return BenchHistory.entry(new BenchHistory.Sources("abc", true), "a processor", List.of(LINEAR), List.of(result));
    }

    private void git(String... arguments) throws IOException, InterruptedException {
        List<String> command = new java.util.ArrayList<>(List.of("git", "-C", folder.toString(), "-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"));
        command.addAll(List.of(arguments));
        Process git = new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(ProcessBuilder.Redirect.DISCARD).start();
        assertEquals(0, git.waitFor(), command.toString());
    }

    @Test
    void everyRunIsALineWithItsRatios() throws IOException {
        Path file = folder.resolve(BenchHistory.FILE);
        BenchHistory.append(file, entry());
        Files.writeString(file, "{\"cut off", StandardOpenOption.APPEND);
        BenchHistory.append(file, entry());
        List<String> lines = Files.readAllLines(file);
        assertEquals(3, lines.size());
        JsonNode last = new ObjectMapper().readTree(lines.get(2));
        assertEquals(new ObjectMapper().readTree(lines.get(0)).get("cases"), last.get("cases"));
        assertEquals("linear M=3 N=5 K=7 fwd+bwd", last.at("/cases/0/name").asText());
        assertEquals(0.75, last.at("/cases/0/ofCeiling").asDouble());
        assertEquals(Runtime.version().toString(), last.get("jdk").asText());
        for (String field : List.of("time", "commit", "cpu")) {
            assertTrue(last.get(field).isTextual(), field);
        }
        assertTrue(last.get("changed").asBoolean() && last.get("threads").asInt() == 2 && last.get("width").asInt() == 512 && last.get("fmaPeakGflops").asDouble() == 4
                && last.get("copyGbs").asDouble() == 5);
    }

    @Test
    void theSourcesAreThoseOfGit() throws Exception {
        assertTrue(assertThrows(IOException.class, () -> BenchHistory.Sources.of(folder)).getMessage().contains("the commit cannot be found"));
        git("init", "-q");
        Path file = Files.writeString(folder.resolve("a"), "1");
        Files.createDirectories(folder.resolve("benchmarks"));
        Path record = Files.writeString(folder.resolve(BenchHistory.FILE), "{}");
        git("add", ".");
        git("commit", "-q", "-m", "first");
        BenchHistory.Sources clean = BenchHistory.Sources.of(folder);
        assertTrue(clean.commit().matches("[0-9a-f]{40}"), clean.commit());
        assertFalse(clean.changed());
        Files.writeString(record, "{}{}");
        assertEquals(clean, BenchHistory.Sources.of(folder), "a run that was recorded changes nothing that is measured");
        Files.writeString(file, "2");
        assertEquals(new BenchHistory.Sources(clean.commit(), true), BenchHistory.Sources.of(folder));
    }
}
