package org.mouselift.pipeline.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import org.mouselift.pipeline.verify.CaseReport;
import org.mouselift.pipeline.verify.CaseReport.Outcome;
import org.mouselift.pipeline.verify.CheckResult;
import org.mouselift.pipeline.verify.GoldenVerification;
import org.mouselift.pipeline.verify.GoldenVerification.PlannedCase;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** {@code mouselift verify}: recomputes golden cases and compares every tensor with its stored tolerance. */
@Command(
        name = "verify",
        description = "Recompute golden cases (folders with index.json and safetensors) and compare with the stored results.",
        footer = {"", "The number after a case is the largest used part of a tolerance; above 1 the case fails.",
            "Exit code 1 when a case fails or no case could be checked.", "", "Example:", "  mouselift verify golden/gslrm/renderer"})
final class VerifyCommand implements Callable<Integer> {
    @Parameters(paramLabel = "DIR", description = "A folder of cases, or a folder above such folders.")
    private Path folder;

    @Option(names = "--json", description = "Print one JSON object with every check.")
    private boolean json;

    @Option(names = "--all", description = "List every tensor and every unknown case.")
    private boolean all;

    @Option(names = "--fail-unknown", description = "Cases that no verifier knows count as failures.")
    private boolean failUnknown;

    private final Map<String, List<String>> unknown = new TreeMap<>();

    @Mixin
    private DeviceArgument device;

    @ParentCommand
    private Mouselift mouselift;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws Exception {
        return device.run(mouselift, this::compute);
    }

    private Integer compute() throws IOException {
        if (!Files.isDirectory(folder)) {
            throw CommandException.badInput("no such folder: " + folder, "Name a folder that holds index.json, or one above it.");
        }
        GoldenVerification verification = GoldenVerification.registered();
        List<PlannedCase> plan = verification.plan(folder);
        if (plan.isEmpty()) {
            throw CommandException.badInput("no golden cases below " + folder, "A case is listed in an index.json beside its files.");
        }
        PrintWriter out = spec.commandLine().getOut();
        List<CaseReport> reports = new ArrayList<>();
        int onDevice = 0;
        try (Progress progress = mouselift.progress("verify", plan.size(), "cases")) {
            for (PlannedCase planned : plan) {
                DeviceArgument.Part<CaseReport> part = DeviceArgument.apart(() -> verification.run(planned));
                CaseReport report = part.result();
                onDevice += part.calls() > 0 ? 1 : 0;
                reports.add(report);
                progress.advance(1);
                if (!json) {
                    print(report, out);
                }
            }
        }
        if (device.isUsed()) {
            mouselift.note(onDevice + " of " + reports.size() + " cases ran networks, gradients or training steps on " + device.asked() + "; the others, and single operations between networks, ran on the CPU");
        }
        Map<Outcome, Integer> counts = new EnumMap<>(Outcome.class);
        reports.forEach(report -> counts.merge(report.outcome(), 1, Integer::sum));
        boolean passed = counts.getOrDefault(Outcome.FAIL, 0) == 0 && counts.getOrDefault(Outcome.PASS, 0) > 0
                && !(failUnknown && counts.containsKey(Outcome.UNKNOWN));
        if (json) {
            out.println(Json.write(new Summary(passed, counts, reports.stream().map(Case::of).toList())));
        } else {
            unknown.forEach((place, files) -> out.println("?     " + place + ": no verifier knows "
                    + (files.size() > 3 && !all ? files.size() + " cases" : String.join(", ", files))));
            out.printf(Locale.ROOT, "%n%d cases: %d passed, %d failed, %d skipped, %d unknown%n", reports.size(), counts.getOrDefault(Outcome.PASS, 0),
                    counts.getOrDefault(Outcome.FAIL, 0), counts.getOrDefault(Outcome.SKIPPED, 0), counts.getOrDefault(Outcome.UNKNOWN, 0));
        }
        return passed ? ExitCode.OK : ExitCode.CHECK_FAILED;
    }

    private void print(CaseReport report, PrintWriter out) {
        switch (report.outcome()) {
            case PASS -> out.printf(Locale.ROOT, "ok    %-70s %6.3f of tolerance, worst error %.3g, %d checks%n", report.name(), report.worstRatio(),
                    report.worstError(), report.checks().size());
            case FAIL -> {
                out.printf("FAIL  %s%n", report.name());
                report.explanation().lines().forEach(line -> out.println("      " + line));
            }
            case SKIPPED -> {
                out.printf("skip  %s%n", report.name());
                report.checks().forEach(check -> out.println("      " + check.name() + ": " + check.message()));
            }
            case UNKNOWN -> unknown.computeIfAbsent(report.folder().name() + " (" + report.kind() + ")", key -> new ArrayList<>()).add(report.file());
        }
        if (all) {
            for (CheckResult check : report.checks()) {
                out.printf(Locale.ROOT, "      %-7s %-50s %10.4f  %s%n", check.status(), check.name(), check.ratio(), check.message());
            }
        }
        out.flush();
    }

    private record Summary(boolean passed, Map<Outcome, Integer> outcomes, List<Case> cases) {}

    private record Case(String name, String kind, Outcome outcome, double worstRatio, double worstError, double seconds, String explanation,
            List<CheckResult> checks) {
        static Case of(CaseReport report) {
            return new Case(report.name(), report.kind(), report.outcome(), report.worstRatio(), report.worstError(), report.time().toNanos() * 1e-9,
                    report.explanation(), report.checks());
        }
    }
}
