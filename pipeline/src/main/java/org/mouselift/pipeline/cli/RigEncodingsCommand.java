package org.mouselift.pipeline.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.camera.PoseEncoding;
import org.mouselift.pipeline.report.PoseEncodingFigures;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code mouselift rig encodings}: cameras as the numbers that a network would be told. */
@Command(name = "encodings", description = "Show how cameras look as numbers for a network: spherical, extrinsic, Plücker rays.",
        footer = {"", "The rank correlation says how well the distance of two cameras' numbers follows the angle between them: 1 is",
            "perfect.", "", "Example:", "  mouselift rig encodings data_mouse/sample_000000 -o encodings"})
final class RigEncodingsCommand implements Callable<Integer> {
    @Parameters(paramLabel = "RIG", description = "Name, description, camera file or sample folder; three cameras or more.")
    @PathRole(PathRole.Kind.RIG)
    private String rig;

    @Option(names = {"-o", "--output"}, paramLabel = "FOLDER", description = "Write four figures there.")
    @PathRole(PathRole.Kind.OUTPUT_FOLDER)
    private Path output;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        CameraRig cameras = RigArgument.read(rig);
        if (cameras.size() < 3) {
            throw CommandException.badInput(rig + " has " + cameras.size() + " cameras", "Three or more can be compared.");
        }
        PrintWriter out = spec.commandLine().getOut();
        out.println("encoding   numbers  rank correlation with the angle");
        double[][] angles = PoseEncoding.angles(cameras);
        for (PoseEncoding e : PoseEncoding.values()) {
            out.printf(Locale.ROOT, "%-10s %7d  %.3f%n", e.name().toLowerCase(Locale.ROOT), e.of(cameras.get(0)).length, PoseEncoding.rankCorrelation(angles, e.distances(cameras)));
        }
        if (output != null) {
            PoseEncodingFigures.write(output, cameras).forEach(out::println);
        }
        return ExitCode.OK;
    }
}
