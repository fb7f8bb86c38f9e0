package org.mouselift.pipeline.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.mouselift.pipeline.log.MetricsLog;

/**
 * A {@code mouselift train} in a process of its own, to be killed ({@code SIGKILL}: no shutdown hook, no flush) and started again.
 *
 * @param place working folder; the run is in {@code run/}
 * @param flags further JVM flags
 * @param arguments of mouselift
 */
public record TrainingProcess(Path place, List<String> flags, List<String> arguments) {
    /** Scalar code that is compiled once: a process is at full speed at once. */
    public static final List<String> QUICK = List.of("-Dmouselift.vector.bits=0", "-XX:TieredStopAtLevel=1");
    /** Depends on the clock and on the process. */
    private static final Set<String> MEASURED = Set.of("metrics/iter_time", "metrics/images_per_second", "metrics/peak_memory_bytes");
    private static final int PATIENCE_SECONDS = 100;

    /** When to kill. */
    public interface Moment {
        boolean come() throws IOException;
    }

    public TrainingProcess {
        try {
            Files.createDirectories(place);
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    private Process start() throws IOException {
        Path root = Path.of(System.getProperty("mouselift.root"));
        List<String> command = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "@" + root.resolve("conf/jvm.options"),
                "-Xmx512m", "-Dmouselift.root=" + root, "-cp", System.getProperty("java.class.path")));
        command.addAll(flags);
        command.add("org.mouselift.pipeline.cli.Mouselift");
        command.addAll(arguments);
        return new ProcessBuilder(command).directory(place.toFile()).redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.appendTo(place.resolve("output.txt").toFile())).start();
    }

    /** Runs to the end. */
    public TrainingProcess completed() throws Exception {
        Process process = start();
        try {
            assertTrue(process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS), "the run does not end");
            assertEquals(0, process.exitValue(), output());
            return this;
        } finally {
            process.destroyForcibly();
        }
    }

    /** Runs until some milliseconds after a moment and kills; what the run's folder held then. */
    public List<String> killed(Moment moment, int millis) throws Exception {
        Process process = start();
        try {
            while (process.isAlive()) {
                if (moment.come()) {
                    Thread.sleep(millis);
                    process.destroyForcibly().waitFor();
                    assertEquals(128 + 9, process.exitValue(), "ended before it was killed: " + output());
                    return files();
                }
                Thread.onSpinWait();
            }
            return fail("ended before it could be killed: " + output());
        } finally {
            process.destroyForcibly();
        }
    }

    /** All that the processes printed. */
    public String output() throws IOException {
        return Files.readString(place.resolve("output.txt"));
    }

    /** The run's folder. */
    public Path run() {
        return place.resolve("run");
    }

    /** Names in the run's folder. */
    public List<String> files() throws IOException {
        if (!Files.isDirectory(run())) {
            return List.of();
        }
        try (Stream<Path> all = Files.list(run())) {
            return all.map(f -> f.getFileName().toString()).sorted().toList();
        }
    }

    /** True while a checkpoint is being written. */
    public boolean checkpointHalfWritten() throws IOException {
        return files().stream().anyMatch(name -> name.startsWith("ckpt_") && name.endsWith(".tmp") && !name.contains(".provenance.json."));
    }

    /** Lines of the log so far. */
    public int rows() throws IOException {
        Path log = run().resolve(MetricsLog.FILE_NAME);
        return Files.exists(log) ? Files.readString(log).split("\n", -1).length - 1 : 0;
    }

    /** Fails unless log and names in the folder are those of another run, but for the clock. */
    public void assertRecordedLike(TrainingProcess other) throws IOException {
        List<String> expected = other.numbers();
        List<String> seen = numbers();
        for (int i = 0; i < Math.min(expected.size(), seen.size()); i++) {
            assertEquals(expected.get(i), seen.get(i), "row " + i + " of the log");
        }
        assertEquals(expected.size(), seen.size(), "rows of the log");
        assertEquals(other.csvSteps(), csvSteps());
        assertEquals(other.lasting(), lasting());
    }

    /** TensorBoard begins a file in every process. */
    private List<String> lasting() throws IOException {
        return files().stream().filter(name -> !name.startsWith("events.")).toList();
    }

    private List<String> numbers() throws IOException {
        List<String> out = new ArrayList<>();
        for (MetricsLog.Row row : MetricsLog.read(run().resolve(MetricsLog.FILE_NAME))) {
            TreeMap<String, Double> values = new TreeMap<>(row.values());
            values.keySet().removeAll(MEASURED);
            out.add(row.step() + " " + values);
        }
        return out;
    }

    private List<String> csvSteps() throws IOException {
        return Files.readAllLines(run().resolve("metrics.csv")).stream().map(line -> line.substring(0, line.indexOf(','))).toList();
    }

    /** Fails unless files of the run's folder are those of another run to the byte. */
    public void assertSameBytes(TrainingProcess other, String... names) throws IOException {
        for (String name : names) {
            assertTrue(Arrays.equals(Files.readAllBytes(other.run().resolve(name)), Files.readAllBytes(run().resolve(name))), name + " differs");
        }
    }
}
