package org.mouselift.pipeline.cli;

import java.io.PrintWriter;
import java.util.List;
import java.util.concurrent.Callable;
import org.mouselift.pipeline.cli.MachineReport.Finding;
import org.mouselift.pipeline.cli.MachineReport.State;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code mouselift doctor}: whether anything here would make the engine slow or wrong, in plain words. */
@Command(
        name = "doctor",
        description = "Show JDK, vector width, JVM flags, threads, memory and devices, and what slows them down.",
        footer = {"", "Exit code 1 when something would make the engine fail or crawl.", "", "Example:", "  mouselift doctor --json"})
final class DoctorCommand implements Callable<Integer> {
    @Option(names = "--json", description = "Print one JSON object instead of a table.")
    private boolean json;

    @Option(names = "--no-measure", description = "Skip the measurement of the machine's peak.")
    private boolean unmeasured;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() {
        List<Finding> findings = MachineReport.collect(!unmeasured);
        boolean failed = findings.stream().anyMatch(finding -> finding.state() == State.FAILED);
        PrintWriter out = spec.commandLine().getOut();
        if (json) {
            out.println(Json.write(new Report(!failed, findings)));
        } else {
            table(findings, out);
        }
        return failed ? ExitCode.CHECK_FAILED : ExitCode.OK;
    }

    private static void table(List<Finding> findings, PrintWriter out) {
        for (Finding finding : findings) {
            String mark = switch (finding.state()) {
                case OK -> "ok";
                case INFO -> "";
                case WARNING -> "SLOW";
                case FAILED -> "FAIL";
            };
            out.printf("%-5s%-22s %s%n", mark, finding.name(), finding.value());
            if (!finding.remedy().isEmpty()) {
                out.printf("%27s %s%n", "", finding.remedy());
            }
        }
    }

    private record Report(boolean ok, List<Finding> findings) {}
}
