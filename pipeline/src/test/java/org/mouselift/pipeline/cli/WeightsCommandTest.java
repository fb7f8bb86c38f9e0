package org.mouselift.pipeline.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.mouselift.data.camera.Rings;
import org.mouselift.data.checkpoint.Checkpoint;
import org.mouselift.data.checkpoint.ContentHash;
import org.mouselift.data.checkpoint.Provenance;
import org.mouselift.data.checkpoint.StoredTensor;
import org.mouselift.data.synth.SynthMice;
import org.mouselift.pipeline.multiview.TinyPipeline;

/** Weights of others: taken in with licence, sums and species, and refused where they are not what they should be (F-155, MFL-E202, E209). */
class WeightsCommandTest {
    @TempDir Path folder;
    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();
    private Path published;

    @BeforeEach
    void place() throws IOException {
        published = folder.resolve("published");
        assertEquals(ExitCode.OK, run("new-checkpoint", "--model", "gslrm", "-o", published.toString()), err.toString());
        Files.delete(published.resolve("provenance.json"));
    }

    private int run(String... arguments) {
        out.getBuffer().setLength(0);
        err.getBuffer().setLength(0);
        return Mouselift.commandLine().setOut(new PrintWriter(out, true)).setErr(new PrintWriter(err, true)).execute(arguments);
    }

    private void refused(int exit, String message) {
        assertEquals(ExitCode.BAD_INPUT, exit, err.toString());
        String text = err.toString();
        assertEquals("error: " + message, text.substring(Math.max(0, text.indexOf("error: "))).strip());
    }

    @Test
    void sumsAndLicenceDecide() throws IOException {
        Path file = published.resolve("ckpt_0000000000000000.pt");
        Path target = folder.resolve("checkpoints/gslrm/human");
        String[] command = {"weights", "import", published.toString(), "--species", "human", "-o", target.toString()};
        String wrong = "0".repeat(64);
        Files.writeString(published.resolve("SHA256SUMS"), wrong + "  " + file.getFileName() + "\n");
        refused(run(command), "MFL-E202: Checkpoint " + file + " is incomplete or damaged: it has SHA-256 " + ContentHash.ofFile(file) + ", published is " + wrong + " (copy it again)");
        Files.writeString(published.resolve("SHA256SUMS"), ContentHash.ofFile(file) + "  " + file.getFileName() + "\n");
        Files.writeString(published.resolve("LICENSE.txt"), "Research only\n");
        refused(run(command), "the weights of " + published + " come with the licence above" + System.lineSeparator() + "  Read it, then add --accept-licence; nothing was written.");
        assertTrue(out.toString().contains("Research only"));
        assertFalse(Files.exists(target));
        assertEquals(ExitCode.OK, run("weights", "import", published.toString(), "--species", "human", "--accept-licence", "-o", target.toString()), err.toString());
        Provenance provenance = Provenance.read(target).orElseThrow();
        assertEquals("human", provenance.keys().path("species").asText());
        assertEquals("Research only", provenance.keys().path("licence").asText());
        assertTrue(provenance.keys().path("licence_accepted").asBoolean());
        assertEquals(ExitCode.OK, run("weights", "verify", target.toString()), out.toString());
        // A flipped bit in the numbers.
        byte[] bytes = Files.readAllBytes(target.resolve(file.getFileName()));
        bytes[bytes.length / 2] ^= 1;
        Files.write(target.resolve(file.getFileName()), bytes);
        assertEquals(ExitCode.CHECK_FAILED, run("weights", "verify", target.toString()));
        assertTrue(out.toString().contains("has SHA-256 " + ContentHash.ofFile(target.resolve(file.getFileName()))), out.toString());
    }

    @Test
    void damagedOrMissingWeightsAreNotTakenIn() throws IOException {
        Path file = published.resolve("ckpt_0000000000000000.pt");
        byte[] bytes = Files.readAllBytes(file);
        Files.write(file, java.util.Arrays.copyOf(bytes, bytes.length / 2));
        Path target = folder.resolve("target");
        assertEquals(ExitCode.BAD_INPUT, run("weights", "import", published.toString(), "-o", target.toString()));
        assertTrue(err.toString().startsWith("error: MFL-E202: Checkpoint " + file + " is incomplete or damaged: "), err.toString());
        Path nothing = Files.createDirectories(folder.resolve("nothing"));
        refused(run("weights", "import", nothing.toString(), "-o", target.toString()), nothing + " holds no files");
        assertEquals(ExitCode.USAGE, run("weights", "import", file.toString(), "--sha256", "12", "-o", target.toString()));
        assertFalse(Files.exists(target));
    }

    @Test
    void statusSaysWhatIsMissing() throws IOException {
        assertEquals(ExitCode.CHECK_FAILED, run("weights", "status", folder.toString()), err.toString());
        assertTrue(out.toString().contains("no readable multi-view pipeline"), out.toString());
        TinyPipeline.write(folder.resolve("pipeckpts"), 3);
        assertEquals(ExitCode.OK, run("weights", "status", folder.toString()), err.toString());
        assertTrue(out.toString().contains("published/ckpt_0000000000000000.pt") && out.toString().contains("pipeckpts"), out.toString());
        refused(run("weights", "status", folder.resolve("gone").toString()), "no such folder of checkpoints: " + folder.resolve("gone") + "; available checkpoints: "
                + published.resolve("ckpt_0000000000000000.pt") + " (step 0)");
    }

    @Test
    void humanWeightsAreNotUsedForMice() throws IOException {
        Path human = folder.resolve("checkpoints/gslrm/human");
        assertEquals(ExitCode.OK, run("weights", "import", published.toString(), "--species", "human", "-o", human.toString()), err.toString());
        SynthMice.write(folder.resolve("mice"), new SynthMice.Options(1, 0, 3, Rings.turntable(6, 5, 64), 64, 0, 0, false, new SynthMice.NovelViews(1, -10, 40)), done -> {});
        Path result = folder.resolve("result");
        String[] splat = {"splat", folder.resolve("mice/sample_000000").toString(), "--weights", human.toString(), "--species", "mouse", "--turntable", "0", "-o", result.toString(),
            "--allow", SplatCommand.VIEW_COUNT};
        refused(run(splat), "MFL-E209: Checkpoint " + human + " is human, wanted is mouse (name weights of a mouse, or --species human)");
        assertFalse(Files.exists(result));
        splat[5] = "human";
        assertEquals(ExitCode.OK, run(splat), err.toString());
        // The results say which weights made them, by file and by tensor.
        JsonNode weights = new ObjectMapper().readTree(result.resolve("weights.json").toFile()).path("gslrm");
        Path file = human.resolve("ckpt_0000000000000000.pt");
        assertEquals(ContentHash.ofFile(file), weights.path("sha256").asText());
        try (Checkpoint stored = Checkpoint.open(file)) {
            assertEquals(stored.stateDict().size(), weights.path("tensors").size());
            for (StoredTensor tensor : stored.stateDict().values()) {
                assertEquals(tensor.sha256(), weights.path("tensors").path(tensor.name()).path("sha256").asText(), tensor.name());
            }
        }
    }
}
