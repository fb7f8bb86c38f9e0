package org.mouselift.data;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AtomicFileTest {
    @TempDir
    Path folder;

    private List<String> names() throws IOException {
        try (var files = Files.list(folder)) {
            return files.map(path -> path.getFileName().toString()).sorted().toList();
        }
    }

    @Test
    void aFailureKeepsTheOldFileAndLeavesNothing() throws IOException {
        Path path = Files.writeString(folder.resolve("a"), "old");
        assertThrows(IOException.class, () -> AtomicFile.write(path, channel -> {
            channel.write(ByteBuffer.wrap(new byte[10]));
            throw new IOException("disk full");
        }));
        assertEquals("old", Files.readString(path));
        assertEquals(List.of("a"), names());
    }

    @Test
    void theFileAppearsOnlyWhenCommitted() throws IOException {
        Path path = folder.resolve("a");
        try (AtomicFile file = AtomicFile.create(path)) {
            file.channel().write(ByteBuffer.wrap(new byte[] {'n', 'e', 'w'}));
            assertTrue(Files.notExists(path));
            file.commit();
        }
        assertEquals("new", Files.readString(path));
        assertEquals(List.of("a"), names());
    }

    @Test
    void onlyWhatNobodyWritesAnyMoreIsAbandoned() throws Exception {
        Process program = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp", System.getProperty("java.class.path"), Endless.class.getName(), folder.resolve("a").toString()).inheritIO().start();
        for (int i = 0; i < 200 && names().isEmpty(); i++) {
            Thread.sleep(50);
        }
        try (AtomicFile mine = AtomicFile.create(folder.resolve("b"))) {
            // Numbers go round: this process began after the file was written, so it is not its writer.
            Path inherited = Files.writeString(folder.resolve("c." + ProcessHandle.current().pid() + "-99.tmp"), "x");
            Files.setLastModifiedTime(inherited, java.nio.file.attribute.FileTime.from(ProcessHandle.current().info().startInstant().orElseThrow().minusSeconds(9)));
            Files.writeString(folder.resolve("somebody's.tmp"), "x");
            assertEquals(List.of(inherited), AtomicFile.deleteAbandoned(folder), "the other program is still writing");
            program.destroyForcibly().waitFor();
            assertEquals(1, AtomicFile.deleteAbandoned(folder).size());
            assertEquals(List.of("b", "somebody's.tmp"), names().stream().map(n -> n.replaceAll("\\.\\d+-\\d+\\.tmp", "")).toList());
        }
        assertEquals(List.of(), AtomicFile.deleteAbandoned(folder.resolve("gone")));
    }

    @Test
    void anInterruptedProgramLeavesNothingBehind() throws Exception {
        Process program = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp", System.getProperty("java.class.path"), Endless.class.getName(), folder.resolve("a").toString()).inheritIO().start();
        for (int i = 0; i < 200 && names().isEmpty(); i++) {
            Thread.sleep(50);
        }
        assertEquals(1, names().size(), "the program has begun");
        program.destroy();
        assertTrue(program.waitFor(20, TimeUnit.SECONDS));
        assertEquals(List.of(), names());
    }

    /** Begins a file and never ends it. */
    static final class Endless {
        public static void main(String[] arguments) throws IOException, InterruptedException {
            try (AtomicFile file = AtomicFile.create(Path.of(arguments[0]))) {
                file.channel().write(ByteBuffer.wrap(new byte[100]));
                Thread.sleep(60_000);
            }
        }
    }
}
