package org.mouselift.pipeline.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * The record of measurements over the life of the code, {@code benchmarks/history.jsonl}: one line a run, with the commit, the
 * JVM, the processor and every case's share of the ceilings of that run. Shares can be compared between runs of one machine,
 * seconds hardly.
 */
public final class BenchHistory {
    /** Where the record lies in the repository. */
    public static final Path FILE = Path.of("benchmarks", "history.jsonl");
    private static final ObjectMapper JSON = new ObjectMapper();

    private BenchHistory() {}

    /**
     * One case of a run.
     *
     * @param name {@link BenchCase#label}
     * @param ofCeiling share of the measured peak of multiply-adds or of copies; null where neither is the limit
     */
    public record Case(String name, Double medianSeconds, Double ofCeiling) {}

    /**
     * One run.
     *
     * @param time when, UTC
     * @param commit of the sources
     * @param changed the sources were not exactly those of the commit
     * @param jdk version of the JVM
     * @param cpu model of the processor
     * @param width vector width in bits, 0 for scalar code
     */
    public record Entry(String time, String commit, boolean changed, String jdk, String cpu, int threads, int width, double fmaPeakGflops, double copyGbs,
            List<Case> cases) {}

    /** What the sources of a repository are at: the commit, and whether files differ from it, the record itself aside. */
    public record Sources(String commit, boolean changed) {
        /**
         * Asks git.
         *
         * @throws IOException if {@code root} is not a git repository or git cannot be run
         */
        public static Sources of(Path root) throws IOException {
            return new Sources(git(root, "rev-parse", "HEAD"),
                    !git(root, "status", "--porcelain", "--untracked-files=no", "--", ".", ":(exclude,top)" + FILE.toString().replace('\\', '/')).isEmpty());
        }

        private static String git(Path root, String... arguments) throws IOException {
            List<String> command = new java.util.ArrayList<>(List.of("git", "-C", root.toString()));
            command.addAll(List.of(arguments));
            Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
            String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
            try {
                if (!process.waitFor(30, TimeUnit.SECONDS) || process.exitValue() != 0) {
                    throw new IOException(root + ": the commit cannot be found, git says: " + said);
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new IOException("interrupted while asking git for the commit of " + root, e);
            } finally {
                process.destroy();
            }
            return said;
        }
    }

    /** Describes a run that has just ended. {@code cases} and {@code results} belong together by index. */
    public static Entry entry(Sources sources, String cpu, List<BenchCase> cases, List<BenchRunner.Result> results) {
        BenchRunner.Result any = results.getFirst();
        List<Case> list = new java.util.ArrayList<>();
        for (int i = 0; i < results.size(); i++) {
            list.add(new Case(cases.get(i).label(), results.get(i).medianSeconds(), results.get(i).ofCeiling()));
        }
        return new Entry(Instant.now().truncatedTo(ChronoUnit.SECONDS).toString(), sources.commit, sources.changed, Runtime.version().toString(), cpu, any.threads(),
                any.width(), any.fmaPeakGflops(), any.copyGbs(), List.copyOf(list));
    }

    /** Appends a line; makes file and folder at first. A last line without its end, left by an interruption, is ended first. */
    public static void append(Path file, Entry entry) throws IOException {
        Files.createDirectories(file.toAbsolutePath().getParent());
        String line = JSON.writeValueAsString(entry) + "\n";
        ByteBuffer bytes = ByteBuffer.wrap(((open(file) ? "\n" : "") + line).getBytes(StandardCharsets.UTF_8));
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE, StandardOpenOption.APPEND)) {
            while (bytes.hasRemaining()) {
                channel.write(bytes);
            }
        }
    }

    private static boolean open(Path file) throws IOException {
        if (!Files.exists(file) || Files.size(file) == 0) {
            return false;
        }
        try (RandomAccessFile content = new RandomAccessFile(file.toFile(), "r")) {
            content.seek(content.length() - 1);
            return content.read() != '\n';
        }
    }
}
