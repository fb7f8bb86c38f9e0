package org.mouselift.pipeline.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.camera.RigComparison;
import org.mouselift.data.camera.SlotAssignment;
import org.mouselift.data.image.PngWriter;
import org.mouselift.pipeline.report.RigComparisonReport;
import org.mouselift.pipeline.report.RigPlot;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code mouselift rig compare}: whether what was made for one rig can be used with another. */
@Command(name = "compare", description = "Compare two rigs: distance, elevation, lens, directions.",
        footer = {"", "Exit code 1 when they differ in one of them.", "", "Example:", "  mouselift rig compare human6 data_mouse/sample_000000 --slots angular -o comparison"})
final class RigCompareCommand implements Callable<Integer> {
    @Parameters(index = "0", paramLabel = "RIG", description = "What the model was made for.")
    @PathRole(PathRole.Kind.RIG)
    private String first;

    @Parameters(index = "1", paramLabel = "OTHER", description = "What is at hand.")
    @PathRole(PathRole.Kind.RIG)
    private String second;

    @Option(names = "--slots", paramLabel = "ORDER", description = "Order OTHER's cameras first: index, angular, or a list.")
    private String slots;

    @Option(names = "--reference", defaultValue = "0", paramLabel = "CAMERA", description = "OTHER's camera for slot 0 (default: ${DEFAULT-VALUE}).")
    private int reference;

    @Option(names = {"-o", "--output"}, paramLabel = "DIR", description = "Write comparison_report.md, comparison_results.json and rigs.png there.")
    @PathRole(PathRole.Kind.OUTPUT_FOLDER)
    private Path output;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        CameraRig a = RigArgument.read(first);
        CameraRig b = RigArgument.read(second);
        if (slots != null) {
            SlotAssignment assignment = SlotAssignment.parse(slots, b, reference);
            b = assignment.apply(b);
            spec.commandLine().getOut().println("slots     filled by cameras " + assignment.cameras());
        }
        RigComparison comparison = RigComparison.of(a, b);
        PrintWriter out = spec.commandLine().getOut();
        for (RigComparison.Summary s : List.of(comparison.first(), comparison.second())) {
            out.printf(Locale.ROOT, "%s: %d cameras, elevation %.1f° to %.1f° (mean %.1f°), distance %.3f to %.3f (mean %.3f), FOV %.1f°, largest gap %.1f°%s%n", s.id(), s.cameras(),
                    s.elevation().min(), s.elevation().max(), s.elevation().mean(), s.distance().min(), s.distance().max(), s.distance().mean(), s.fov(), s.largestGap(),
                    s.planarity().isPresent() ? String.format(Locale.ROOT, ", planarity %.4f", s.planarity().getAsDouble()) : "");
        }
        printRows(out, a, b);
        for (RigComparison.Verdict v : comparison.verdicts()) {
            out.printf("%-9s %s: %s%n", v.agreement().name().toLowerCase(Locale.ROOT), v.topic(), v.text());
        }
        if (output != null) {
            Files.createDirectories(output);
            RigComparisonReport.write(output, comparison);
            PngWriter.write(output.resolve(RigComparisonReport.PICTURE), RigPlot.overlay(List.of(new RigPlot.Layer(a.id(), a), new RigPlot.Layer(b.id(), b))));
            out.println(output);
        }
        return comparison.verdicts().stream().anyMatch(v -> v.agreement() == RigComparison.Agreement.DIFFERENT) ? ExitCode.CHECK_FAILED : ExitCode.OK;
    }

    /** Camera by camera, or the nearest ones when the rigs have different numbers. */
    static void printRows(PrintWriter out, CameraRig a, CameraRig b) {
        RigComparison comparison = RigComparison.of(a, b);
        if (comparison.rows().isEmpty()) {
            out.println("camera  nearest of " + a.id() + "  angle between");
            comparison.nearest().forEach(n -> out.printf(Locale.ROOT, "%6d  %7d  %6.1f°%n", n.camera(), n.other(), n.angle()));
            return;
        }
        out.println("slot  azimuths           difference  elevations       distances       FOV");
        for (RigComparison.Row r : comparison.rows()) {
            out.printf(Locale.ROOT, "%4d  %6.1f° %6.1f°      %+6.1f°  %5.1f° %6.1f°  %7.3f %7.3f  %4.1f° %4.1f°%n", r.camera(), r.first().azimuth().xyDegrees(),
                    r.second().azimuth().xyDegrees(), r.azimuthDifference(), r.first().elevationDegrees(), r.second().elevationDegrees(), r.first().distance(),
                    r.second().distance(), r.firstFov(), r.secondFov());
        }
    }
}
