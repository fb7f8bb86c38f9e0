package org.mouselift.pipeline.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class VerifyCommandTest {
    @TempDir
    Path folder;

    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    private int verify(String... arguments) {
        String[] all = new String[arguments.length + 1];
        all[0] = "verify";
        System.arraycopy(arguments, 0, all, 1, arguments.length);
        return Mouselift.commandLine().setOut(new PrintWriter(out, true)).setErr(new PrintWriter(err, true)).execute(all);
    }

    private static Path golden(String name) {
        Path path = Path.of(System.getProperty("mouselift.shared"), "golden", name);
        assumeTrue(Files.isDirectory(path), "SKIPPED: no golden cases at " + path);
        return path;
    }

    private Path copy(Path from) throws IOException {
        try (var files = Files.list(from)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                Files.copy(file, folder.resolve(file.getFileName()));
            }
        }
        return folder;
    }

    @Test
    void goodCasesPassAndJsonNamesEveryCheck() throws IOException {
        assertEquals(ExitCode.OK, verify("--json", golden("gslrm/rays").toString()), err.toString());
        JsonNode report = new ObjectMapper().readTree(out.toString());
        assertTrue(report.get("passed").asBoolean());
        assertTrue(report.at("/outcomes/PASS").asInt() > 5, report.at("/outcomes").toString());
        assertTrue(report.at("/cases/0/checks/0/ratio").isNumber());
    }

    @Test
    void aDamagedExpectationIsAMiss() throws IOException {
        Path copy = copy(golden("gslrm/rays"));
        Path file = copy.resolve("channels_custom.safetensors");
        byte[] bytes = Files.readAllBytes(file);
        // The last tensor's last float: flips its sign bit.
        bytes[bytes.length - 1] ^= (byte) 0x80;
        Files.write(file, bytes);
        assertEquals(ExitCode.CHECK_FAILED, verify(copy.toString()));
        assertTrue(out.toString().lines().anyMatch(line -> line.startsWith("FAIL") && line.contains("channels_custom")), out.toString());
        assertTrue(out.toString().contains(" 1 failed"), out.toString());
    }

    @Test
    void aFolderWithoutCasesIsAnErrorWithARemedy() {
        assertEquals(ExitCode.BAD_INPUT, verify(folder.toString()));
        assertTrue(err.toString().contains("no golden cases below"), err.toString());
        assertEquals(ExitCode.BAD_INPUT, verify(folder.resolve("gone").toString()));
    }

    @Test
    void unknownCasesAreCountedAndCanFail() throws IOException {
        Files.writeString(folder.resolve("index.json"), """
                {"files": {"novel.safetensors": {"kind": "case", "tensors": {}}}}""");
        Files.write(folder.resolve("novel.safetensors"), new byte[] {2, 0, 0, 0, 0, 0, 0, 0, '{', '}'});
        assertEquals(ExitCode.CHECK_FAILED, verify(folder.toString()), "nothing could be checked");
        assertTrue(out.toString().contains("1 unknown") && out.toString().contains("novel.safetensors"), out.toString());
    }
}
