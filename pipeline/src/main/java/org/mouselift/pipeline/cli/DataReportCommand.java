package org.mouselift.pipeline.cli;

import java.io.IOException;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.concurrent.Callable;
import org.mouselift.pipeline.mousedata.DatasetCheck;
import org.mouselift.pipeline.report.DatasetReport;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** {@code mouselift data report}: everything about a data set on one page. */
@Command(name = "report", description = "Show a data set on one page: findings, distributions, pictures, 3D consistency, cameras, lineage.",
        footer = {"", "The page holds everything it shows and opens from disk.", "", "Example:", "  mouselift data report data_mouse_hull3d -o report.html"})
final class DataReportCommand implements Callable<Integer> {
    @Parameters(paramLabel = "DIR", description = "Data set folder.")
    private Path folder;

    @Option(names = {"-o", "--output"}, required = true, paramLabel = "FILE", description = "The HTML page.")
    @PathRole(PathRole.Kind.OUTPUT_FILE)
    private Path output;

    @Option(names = "--files", paramLabel = "FOLDER", description = "Also write metrics JSON, Markdown report and both pictures there.")
    @PathRole(PathRole.Kind.OUTPUT_FOLDER)
    private Path files;

    @Option(names = "--geometry-samples", defaultValue = "10", paramLabel = "N", description = "Samples looked at in 3D (default: ${DEFAULT-VALUE}).")
    private int geometrySamples;

    @Option(names = "--allow-frozen-intrinsics", description = "Cameras left behind by the pictures are a warning only (Stage 1).")
    private boolean allowFrozen;

    @ParentCommand
    private DataCommand parent;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        DatasetCheck.Report check;
        try (Progress progress = parent.mouselift.progress("data report", 0, "samples")) {
            check = new DatasetCheck(folder, geometrySamples, allowFrozen).run(progress::advance);
        }
        DatasetReport report = new DatasetReport(folder, check, LocalDate.now());
        report.writePage(output);
        spec.commandLine().getOut().println(output);
        if (files != null) {
            report.writeFiles(files).forEach(spec.commandLine().getOut()::println);
        }
        return ExitCode.OK;
    }
}
