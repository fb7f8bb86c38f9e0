package org.mouselift.pipeline.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ProfileCommandTest {
    private static final ObjectMapper JSON = new ObjectMapper();

    @TempDir
    Path folder;

    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    private int run(String... arguments) {
        out.getBuffer().setLength(0);
        err.getBuffer().setLength(0);
        return Mouselift.commandLine().setOut(new PrintWriter(out, true)).setErr(new PrintWriter(err, true)).execute(arguments);
    }

    private static double gflop(JsonNode stage, String operation) {
        for (JsonNode line : stage.get("operations")) {
            if (line.get("operation").asText().equals(operation)) {
                return line.get("gflop").asDouble();
            }
        }
        throw new AssertionError("no " + operation + " in " + stage);
    }

    /** GFLOP are those of the architecture, here counted from its widths. */
    @Test
    void aReconstructorIsProfiled() throws IOException {
        Path start = folder.resolve("start");
        assertEquals(0, run("new-checkpoint", "--model", "gslrm", "--size", "tiny", "--seed", "4", "-o", start.toString()), err.toString());
        assertEquals(0, run("profile", start.toString(), "--views", "3", "--size", "32", "--passes", "2", "--json"), err.toString());
        JsonNode report = JSON.readTree(out.toString());
        List<String> stages = new ArrayList<>();
        report.get("stages").forEach(s -> stages.add(s.get("name").asText()));
        assertEquals(List.of("open", "forward pass 1", "forward pass 2"), stages);
        JsonNode pass = report.get("stages").get(1);
        long tokens = 2 + 3 * 4 * 4;
        assertTrue(report.get("what").asText().contains(tokens + " tokens"), report.get("what").asText());
        double width = 64;
        double blocks = 2 * 4 * tokens * tokens * width;
        assertEquals(blocks * 1e-9, gflop(pass, "attention, heads of 16"), 1e-12);
        double projections = 2.0 * tokens * (2 * 12 * width * width);
        assertTrue(gflop(pass, "linear") * 1e9 > projections && gflop(pass, "linear") * 1e9 < 2 * projections, pass.toString());
        assertTrue(pass.get("seconds").asDouble() > 0 && pass.get("peakTensorBytes").asLong() > 4 * tokens * width);
        assertEquals(report.get("gflop").asDouble(), pass.get("gflop").asDouble() * 2, 1e-9);
        assertTrue(report.get("machine").get("threads").asInt() >= 1 && report.get("machine").get("fmaPeakGflops").asDouble() > 0);
    }

    @Test
    void aUNetAndThatOfAPipelineAreProfiled() throws IOException {
        Path pipeline = folder.resolve("pipe");
        assertEquals(0, run("new-checkpoint", "--model", "pipeline", "--size", "tiny", "-o", pipeline.toString()), err.toString());
        assertEquals(0, run("profile", pipeline.toString(), "--json"), err.toString());
        JsonNode six = JSON.readTree(out.toString()).get("stages").get(1);
        assertEquals(0, run("profile", pipeline.resolve("unet").toString(), "--views", "12", "--json"), err.toString());
        JsonNode twelve = JSON.readTree(out.toString()).get("stages").get(1);
        assertEquals(2 * gflop(six, "conv2d 3x3"), gflop(twelve, "conv2d 3x3"), 1e-9, "twice the views, twice the work");
        assertEquals(0, run("profile", pipeline.toString()), err.toString());
        assertTrue(out.toString().contains("conv2d 3x3") && out.toString().contains("GFLOP/s") && out.toString().contains("resident MiB"), out.toString());
    }

    @Test
    void whatCannotBeProfiledIsNamed() {
        assertEquals(ExitCode.BAD_INPUT, run("profile", folder.resolve("none").toString()));
        assertTrue(err.toString().contains("CHECKPOINT: " + folder.resolve("none") + " does not exist"), err.toString());
        assertEquals(ExitCode.USAGE, run("profile", folder.toString(), "--passes", "0"));
        assertEquals(ExitCode.BAD_INPUT, run("profile", folder.toString()), "an empty folder");
        assertTrue(err.toString().contains("MFL-E207") && err.toString().contains("it holds nothing"), err.toString());
    }
}
