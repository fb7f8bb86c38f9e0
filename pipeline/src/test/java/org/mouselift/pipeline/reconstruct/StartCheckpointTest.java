package org.mouselift.pipeline.reconstruct;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.mouselift.data.checkpoint.Checkpoint;
import org.mouselift.engine.DType;
import org.mouselift.models.gslrm.GsLrm;
import org.mouselift.pipeline.cli.ExitCode;
import org.mouselift.pipeline.cli.Mouselift;
import org.mouselift.pipeline.config.GslrmConfigReader;
import org.mouselift.pipeline.train.GslrmSetup;

class StartCheckpointTest {
    @TempDir Path folder;

    @Test
    void theWeightsAreTheModelsStartWeights() throws IOException {
        Path out = folder.resolve("start");
        StringWriter text = new StringWriter();
        assertEquals(ExitCode.OK, Mouselift.commandLine().setOut(new PrintWriter(text, true)).execute("new-checkpoint", "--model", "gslrm", "--size", "tiny",
                "--seed", "4", "-o", out.toString()));
        assertTrue(text.toString().contains("193,984 parameters"), text.toString());
        try (GsLrm expected = GsLrm.initialised(StartCheckpoint.Size.TINY.network(), DType.F32, 4); GsLrmWeights read = GsLrmWeights.open(out);
                Checkpoint file = Checkpoint.open(out.resolve(StartCheckpoint.FILE))) {
            assertEquals(List.copyOf(expected.stateDict().keySet()), List.copyOf(file.stateDict().keySet()));
            expected.stateDict().forEach((name, value) -> assertArrayEquals(value.toFloats(), read.model().stateDict().get(name).toFloats(), name));
        }
    }

    @Test
    void everySizeHasTheConfigurationOfItsNetwork() throws IOException {
        for (StartCheckpoint.Size size : List.of(StartCheckpoint.Size.SMALL, StartCheckpoint.Size.TINY)) {
            Path out = Files.createDirectories(folder.resolve(size.name()));
            StartCheckpoint.write(out, size, 1);
            assertEquals(size.network().parameterShapes(),
                    GslrmSetup.network(GslrmConfigReader.read(out.resolve(GsLrmWeights.CONFIG), List.of()).config()).parameterShapes());
        }
    }

    @Test
    void aFolderWithFilesIsNotTouched() throws IOException {
        Path other = Files.writeString(folder.resolve("notes.txt"), "x");
        StringWriter text = new StringWriter();
        assertEquals(ExitCode.BAD_INPUT, Mouselift.commandLine().setErr(new PrintWriter(text, true)).execute("new-checkpoint", "--model", "gslrm", "-o", folder.toString()));
        assertTrue(text.toString().contains("not a new or empty folder"), text.toString());
        try (var files = Files.list(folder)) {
            assertEquals(List.of(other), files.toList());
        }
    }
}
