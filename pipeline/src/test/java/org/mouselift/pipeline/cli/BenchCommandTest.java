package org.mouselift.pipeline.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.mouselift.engine.cpu.Workers;

class BenchCommandTest {
    private static final String SUITE = """
            [{"op": "matmul", "M": 24, "N": 20, "K": 16, "pass": "fwd+bwd"}, {"op": "linear", "M": 16, "N": 16, "K": 16, "pass": "fwd+bwd"},
             {"op": "conv2d", "N": 1, "C": 4, "H": 8, "W": 8, "O": 4, "kernel": 3, "stride": 2, "pass": "fwd+bwd"},
             {"op": "attention", "B": 1, "heads": 2, "Tq": 12, "Tk": 8, "D": 16, "pass": "fwd+bwd"},
             {"op": "group_norm_silu", "N": 1, "C": 32, "H": 4, "W": 4, "pass": "fwd+bwd"}, {"op": "layer_norm", "M": 8, "N": 16, "pass": "fwd+bwd"},
             {"op": "gelu", "M": 8, "N": 16}, {"op": "copy", "N": 1000}, {"op": "fma_peak"}, {"op": "rasterize", "N": 50, "W": 32, "H": 32},
             {"op": "rasterize_trained", "views": 2, "side": 24, "cameras": 2, "pass": "fwd+bwd"}, {"op": "rasterize_untrained", "views": 1, "side": 20}]""";

    @TempDir
    Path folder;

    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    private int run(String... arguments) {
        return Mouselift.commandLine().setOut(new PrintWriter(out, true)).setErr(new PrintWriter(err, true)).execute(arguments);
    }

    @Test
    void oneJsonLineACaseWithTheCeilings() throws IOException {
        Path suite = Files.writeString(folder.resolve("suite.json"), SUITE);
        Path file = folder.resolve("deep").resolve("bench.json");
        assertEquals(0, run("bench", "--suite", suite.toString(), "--seconds", "0.001", "--out", file.toString()), err.toString());
        ObjectMapper mapper = new ObjectMapper();
        JsonNode list = mapper.readTree(file.toFile());
        String[] lines = out.toString().strip().split("\\R");
        assertEquals(12, lines.length);
        for (int i = 0; i < lines.length; i++) {
            JsonNode line = mapper.readTree(lines[i]);
            assertEquals(list.get(i), line);
            assertEquals(Workers.count(), line.get("threads").asInt());
            assertTrue(line.get("fmaPeakGflops").asDouble() > 0 && line.get("copyGbs").asDouble() > 0);
        }
        JsonNode matmul = list.get(0);
        assertEquals(3 * 2.0 * 24 * 20 * 16 / matmul.get("medianSeconds").asDouble() * 1e-9, matmul.get("gflops").asDouble(), 1e-9);
        assertTrue(matmul.get("bestSeconds").asDouble() <= matmul.get("medianSeconds").asDouble());
        assertTrue(list.get(7).get("gflops").isNull() && list.get(7).get("gbs").asDouble() > 0);
        JsonNode trained = list.get(10);
        // Two tensors of 1152 Gaussians at least, their 14 numbers and as many gradients, are alive at once.
        assertTrue(trained.get("peakBytes").asLong() >= 2 * 14 * 4 * 2 * 24 * 24 && trained.get("rendererBytes").asLong() > 0 && matmul.get("rendererBytes").isNull(),
                trained.toString());
    }

    @Test
    void recordingNeedsACommit() throws IOException {
        Path suite = Files.writeString(folder.resolve("suite.json"), "[{\"op\": \"copy\", \"N\": 1000}]");
        String root = System.getProperty("mouselift.root");
        System.setProperty("mouselift.root", folder.toString());
        try {
            assertEquals(ExitCode.BAD_INPUT, run("bench", "--suite", suite.toString(), "--seconds", "0.001", "--record"));
            assertTrue(err.toString().contains("--record") && err.toString().contains("commit"), err.toString());
            assertEquals("", out.toString(), "refused before anything is measured");
        } finally {
            System.setProperty("mouselift.root", root);
        }
    }

    @Test
    void aRunningEngineDoesNotChangeItsThreads() {
        int running = Workers.count();
        String before = System.getProperty(Workers.THREADS_PROPERTY);
        try {
            assertEquals(ExitCode.ENVIRONMENT, run("bench", "--threads", String.valueOf(running + 1)));
            assertTrue(err.toString().contains("comes too late"), err.toString());
        } finally {
            if (before == null) {
                System.clearProperty(Workers.THREADS_PROPERTY);
            } else {
                System.setProperty(Workers.THREADS_PROPERTY, before);
            }
        }
        assertEquals(ExitCode.USAGE, run("bench", "--width", "384"));
        assertEquals(ExitCode.BAD_INPUT, run("bench", "--suite", folder.resolve("gone.json").toString()));
    }
}
