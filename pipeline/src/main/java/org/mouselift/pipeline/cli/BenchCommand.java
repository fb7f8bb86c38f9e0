package org.mouselift.pipeline.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.mouselift.data.AtomicFile;
import org.mouselift.engine.cpu.VectorWidth;
import org.mouselift.engine.cpu.Workers;
import org.mouselift.pipeline.bench.BenchCase;
import org.mouselift.pipeline.bench.BenchHistory;
import org.mouselift.pipeline.bench.BenchRunner;
import org.mouselift.pipeline.bench.BenchSuite;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** {@code mouselift bench}: how fast the engine is on this machine, beside what the machine could do. */
@Command(
        name = "bench",
        description = "Time operations of the engine; one JSON line a case, with the machine's ceilings measured in the same process.",
        sortOptions = false,
        footer = {"", "A suite is a JSON list. \"pass\" is \"fwd\" (the default) or \"fwd+bwd\"; sizes go by letter:",
            "  {\"op\": \"matmul\", \"M\": 768, \"N\": 768, \"K\": 768}                  [M,K] times [K,N]; B, transA, transB",
            "  {\"op\": \"linear\", \"M\": 6144, \"N\": 3072, \"K\": 1024}              weight [N,K]; linear_gelu, linear_residual",
            "  {\"op\": \"conv2d\", \"N\": 2, \"C\": 320, \"H\": 64, \"W\": 64, \"O\": 320, \"kernel\": 3, \"stride\": 1}",
            "  {\"op\": \"attention\", \"B\": 1, \"heads\": 4, \"Tq\": 3072, \"Tk\": 3072, \"D\": 64, \"pass\": \"fwd+bwd\"}",
            "      Tk2: further keys, shared by the batch",
            "  {\"op\": \"group_norm_silu\", \"N\": 6, \"C\": 320, \"H\": 64, \"W\": 64}   groups (32)",
            "  {\"op\": \"layer_norm\", \"M\": 6144, \"N\": 1024}  also gelu, silu, geglu, softmax, add, adamw, copy",
            "  {\"op\": \"upsample_nearest\", \"N\": 6, \"C\": 640, \"H\": 32, \"W\": 32}  factor (2)",
            "  {\"op\": \"rasterize\", \"N\": 100000, \"W\": 512, \"H\": 512}          N Gaussians",
            "  {\"op\": \"rasterize_trained\", \"views\": 6, \"side\": 512, \"cameras\": 1}  one a pixel of the views",
            "  {\"op\": \"rasterize_untrained\", \"views\": 6, \"side\": 128}         as a training starts",
            "  {\"op\": \"fma_peak\"}",
            "GB/s count like a copy: a byte read and a byte written are one. A warm-up goes on while a case gets faster.",
            "Suites: benchmarks/targets.json, products, attention, pointwise, splats, gslrm-full, unet-full and others.", "",
            "Examples:", "  mouselift bench", "  mouselift bench --record", "  mouselift bench --suite suite.json --out bench.json --threads 1 --width 256"})
final class BenchCommand implements Callable<Integer> {
    @Option(names = "--suite", paramLabel = "FILE", description = "JSON list of cases (default: typical shapes of the models).")
    private Path suite;

    @Option(names = {"-o", "--out"}, paramLabel = "FILE", description = "Also write the results as one JSON list.")
    @PathRole(PathRole.Kind.OUTPUT_FILE)
    private Path out;

    @Option(names = "--threads", paramLabel = "N", description = "Threads (default: all processors).")
    private Integer threads;

    @Option(names = "--width", paramLabel = "BITS", description = "Vector width: 128, 256, 512, or 0 for scalar code (default: the machine's).")
    private Integer width;

    @Option(names = "--seconds", defaultValue = "1", paramLabel = "S", description = "Time for each case after its warm-up (default: ${DEFAULT-VALUE}).")
    private double seconds;

    @Option(names = "--record", description = "Append commit, JDK, processor and each case's share of the ceilings to benchmarks/history.jsonl.")
    private boolean record;

    @ParentCommand
    private Mouselift mouselift;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        List<BenchCase> cases = suite == null ? BenchSuite.standard() : BenchSuite.read(suite);
        if (out != null && out.toAbsolutePath().getParent() != null) {
            Files.createDirectories(out.toAbsolutePath().getParent());
        }
        BenchHistory.Sources sources = record ? sources() : null;
        configure();
        PrintWriter lines = spec.commandLine().getOut();
        List<BenchRunner.Result> results = new ArrayList<>();
        try (Progress progress = mouselift.progress("bench", cases.size(), "cases")) {
            BenchRunner runner = new BenchRunner(seconds);
            for (BenchCase c : cases) {
                BenchRunner.Result result = runner.run(c);
                results.add(result);
                lines.println(Json.line(result));
                lines.flush();
                progress.advance(1);
            }
        }
        if (out != null) {
            write(results);
        }
        if (record) {
            Path file = root().resolve(BenchHistory.FILE);
            BenchHistory.append(file, BenchHistory.entry(sources, MachineReport.processorName(), cases, results));
            mouselift.note("recorded in " + file);
        }
        return ExitCode.OK;
    }

    /** The repository that the launcher belongs to, or the current folder. */
    private static Path root() {
        return Path.of(System.getProperty("mouselift.root", ""));
    }

    /** Before the minutes of measurement: without a commit the record would be worth nothing. */
    private static BenchHistory.Sources sources() {
        try {
            return BenchHistory.Sources.of(root().toAbsolutePath());
        } catch (IOException e) {
            throw CommandException.badInput("--record: " + e.getMessage(), "Run it in a clone of the repository, with git on the PATH, or leave --record out.");
        }
    }

    /** The engine reads both settings once, at its first use, which in this command lies ahead. */
    private void configure() {
        if (threads != null) {
            if (threads < 1 || threads > 1024) {
                throw CommandException.usage("--threads " + threads + ": expected 1 to 1024", "");
            }
            System.setProperty(Workers.THREADS_PROPERTY, threads.toString());
            require("--threads", threads, Workers.count());
        }
        if (width != null) {
            if (!List.of(0, 128, 256, 512).contains(width)) {
                throw CommandException.usage("--width " + width + ": expected 128, 256, 512, or 0 for scalar code", "");
            }
            System.setProperty(VectorWidth.PROPERTY, width.toString());
            require("--width", width, VectorWidth.BITS);
        }
    }

    private static void require(String option, int wanted, int running) {
        if (wanted != running) {
            throw new CommandException(ExitCode.ENVIRONMENT, option + " " + wanted + " comes too late: the engine of this process already runs with " + running,
                    "Run the command in a process of its own.");
        }
    }

    private void write(List<BenchRunner.Result> results) throws IOException {
        StringBuilder text = new StringBuilder("[");
        for (int i = 0; i < results.size(); i++) {
            text.append(i == 0 ? "\n" : ",\n").append(Json.line(results.get(i)));
        }
        ByteBuffer bytes = ByteBuffer.wrap(text.append("\n]\n").toString().getBytes(StandardCharsets.UTF_8));
        AtomicFile.write(out, channel -> {
            while (bytes.hasRemaining()) {
                channel.write(bytes);
            }
        });
    }
}
