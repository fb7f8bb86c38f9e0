package org.mouselift.pipeline.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.mouselift.data.preprocess.QualityGrade;
import org.mouselift.data.preprocess.QualityMetrics;
import org.mouselift.pipeline.mousedata.DatasetCheck;
import org.mouselift.pipeline.report.DatasetComparison;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** {@code mouselift data compare}: data sets side by side (mouse specification §3.9). */
@Command(name = "compare", description = "Compare data sets: size, centring, 3D consistency.",
        footer = {"", "The numbers are those of the samples' means, of the first 50 samples.", "", "Example:",
            "  mouselift data compare data_mouse data_mouse_hull3d other_metrics.json -o comparison"})
final class DataCompareCommand implements Callable<Integer> {
    @Parameters(arity = "1..*", paramLabel = "DATASET", description = "Data set folders, or NAME_metrics.json files of earlier reports.")
    @PathRole(PathRole.Kind.NAMED_BY_COMMAND)
    private List<Path> places;

    @Option(names = {"-o", "--output"}, required = true, paramLabel = "FOLDER", description = "Report, metrics, charts, page.")
    @PathRole(PathRole.Kind.OUTPUT_FOLDER)
    private Path output;

    @Option(names = "--num-samples", defaultValue = "50", paramLabel = "N", description = "Samples of each (default: ${DEFAULT-VALUE}).")
    private int samples;

    @Option(names = "--geometry-samples", defaultValue = "3", paramLabel = "N", description = "Samples of each looked at in 3D (default: ${DEFAULT-VALUE}).")
    private int geometrySamples;

    @Option(names = "--skip-missing", description = "Leave out folders that do not exist.")
    private boolean skipMissing;

    @ParentCommand
    private DataCommand parent;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        if (samples < 1) {
            throw CommandException.usage("--num-samples " + samples, "Give at least 1.");
        }
        List<DatasetComparison.Entry> entries = new ArrayList<>();
        PrintWriter out = spec.commandLine().getOut();
        for (Path p : places) {
            if (!Files.exists(p) && !skipMissing) {
                CommandException missing = PathCheck.missing("DATASET", p);
                throw CommandException.badInput(missing.getMessage(), missing.remedy() + " Data sets that are not there can be left out with --skip-missing.");
            }
        }
        for (Path p : places) {
            if (Files.exists(p)) {
                entries.add(entry(p));
            } else {
                out.println("warning: " + p + " does not exist, left out");
            }
        }
        if (entries.isEmpty()) {
            throw CommandException.badInput("none of the data sets exists", "Name at least one.");
        }
        DatasetComparison.write(output, entries, LocalDate.now());
        out.println("data set                     samples  size mean  size CV  offset   2D  3D   (offset in pixels at 512)");
        for (DatasetComparison.Entry e : entries) {
            QualityMetrics.Summary s = e.metrics().summary();
            out.printf(Locale.ROOT, "%-28s %7d  %7.1f %%  %5.2f %%  %5.1f px  %s  %s%n", e.metrics().dataset(), s.samples(), 100 * s.sampleSize().mean(), s.sampleSize().cv(),
                    s.sampleOffset().mean() * 512 / e.metrics().imageSize(), QualityGrade.ofSamples(s, e.metrics().imageSize()).name(), e.check().map(c -> c.grade().text()).orElse("unknown"));
        }
        out.println(output);
        return ExitCode.OK;
    }

    private DatasetComparison.Entry entry(Path p) throws IOException {
        if (!Files.isDirectory(p)) {
            return new DatasetComparison.Entry(QualityMetrics.read(p).first(samples), Optional.empty(), Optional.empty());
        }
        DatasetCheck.Report check;
        try (Progress progress = parent.mouselift.progress("data compare " + p.getFileName(), 0, "samples")) {
            check = new DatasetCheck(p, geometrySamples, true).first(samples).run(progress::advance);
        }
        if (check.metrics() == null) {
            throw CommandException.badInput(p + ": no sample can be measured: " + check.problems().getFirst(), "mouselift data check says more.");
        }
        return new DatasetComparison.Entry(check.metrics(), Optional.of(p), Optional.of(check));
    }
}
