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
import org.mouselift.data.image.Image8;
import org.mouselift.data.image.Images;

class SynthMiceCommandTest {
    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    @TempDir
    private Path folder;

    private int run(String... arguments) {
        return Mouselift.commandLine().setOut(new PrintWriter(out, true)).setErr(new PrintWriter(err, true)).execute(arguments);
    }

    @Test
    void writesADataSetAndASheet() throws IOException {
        Path set = folder.resolve("set");
        Path sheet = folder.resolve("sheet.png");
        assertEquals(0, run("synth-mice", "-n", "2", "--rig", "ring:n=3,elev=10,dist=2.7,fov=50", "--size", "16", "--val-ratio", "0.5", "-o",
                set.toString(), "--sheet", sheet.toString(), "--json"), err.toString());
        JsonNode report = new ObjectMapper().readTree(out.toString()).get("report");
        assertEquals(2, report.get("written").asInt());
        assertEquals(6, report.get("images").asInt());
        assertEquals(1, Files.readAllLines(set.resolve("data_train.txt")).size());
        assertEquals(1, Files.readAllLines(set.resolve("data_val.txt")).size());
        assertTrue(Files.isRegularFile(set.resolve("sample_000001/images/cam_002.png")));
        Image8 picture = Images.read(sheet);
        assertEquals(2 * 3 * 16, picture.width());
        assertTrue(err.toString().contains("6/6 images"), err.toString());
    }

    @Test
    void mistakesAreExplained() {
        assertEquals(ExitCode.USAGE, run("synth-mice", "-n", "2"));
        assertTrue(err.toString().contains("--sheet"), err.toString());
        assertEquals(ExitCode.USAGE, run("synth-mice", "-n", "0", "-o", folder.resolve("x").toString()));
        assertTrue(err.toString().contains("count = 0"), err.toString());
        assertEquals(ExitCode.BAD_INPUT, run("synth-mice", "-n", "1", "--rig", "human33", "-o", folder.resolve("x").toString()));
        assertTrue(err.toString().contains("human33") && err.toString().contains("human32"), err.toString());
        assertTrue(Files.notExists(folder.resolve("x")));
    }
}
