package org.mouselift.pipeline.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.mouselift.pipeline.mousedata.DomainGap;
import org.mouselift.pipeline.report.DomainGapPage;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** {@code mouselift data gap}: how far the pictures at hand are from those of the training. */
@Command(name = "gap", description = "Compare the pictures of a training with those at hand: segmentation, noise, lighting, pose.",
        footer = {"", "A score is the difference of the means in units of the spread: above 0.5 noticeable, above 1.5 large."})
final class DataGapCommand implements Callable<Integer> {
    @Parameters(index = "0", paramLabel = "TRAINING", description = "Data set of the training.")
    private Path training;

    @Parameters(index = "1", paramLabel = "OTHER", description = "Data set, sample or folder of pictures to be used.")
    private Path other;

    @Option(names = "--samples", defaultValue = "50", paramLabel = "N", description = "Samples of each, spread evenly (default: ${DEFAULT-VALUE}).")
    private int samples;

    @Option(names = {"-o", "--output"}, paramLabel = "FILE", description = "Also write an HTML page.")
    @PathRole(PathRole.Kind.OUTPUT_FILE)
    private Path output;

    @ParentCommand
    private DataCommand parent;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        if (samples < 1) {
            throw CommandException.usage("--samples " + samples, "Give at least 1.");
        }
        DomainGap.Report report;
        try (Progress progress = parent.mouselift.progress("data gap", 0, "samples")) {
            report = DomainGap.of(training, other, samples, progress::advance);
        }
        PrintWriter out = spec.commandLine().getOut();
        report.scores().forEach((row, score) -> {
            out.printf(Locale.ROOT, "%-13s %5.2f  %s%n", row.name().toLowerCase(Locale.ROOT), score, DomainGap.Report.verdict(score));
            report.lines().stream().filter(l -> l.row() == row).forEach(l -> out.printf(Locale.ROOT, "              %5.2f  %-46s %9.3f ± %-8.3f %9.3f ± %.3f%n", l.gap(), l.measure(),
                    l.training().mean(), l.training().std(), l.inference().mean(), l.inference().std()));
        });
        if (output != null) {
            DomainGapPage.write(output, training, other, report, LocalDate.now());
            out.println(output);
        }
        return ExitCode.OK;
    }
}
