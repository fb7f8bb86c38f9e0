package org.mouselift.pipeline.cli;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.mouselift.data.ply.PlyVertices;
import org.mouselift.data.ply.SplatPly;
import org.mouselift.pipeline.web.ViewerPage;
import org.mouselift.pipeline.web.ViewerPage.Scene;
import org.mouselift.pipeline.web.ViewerPage.UpAxis;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code mouselift viewer}: a splat file as one HTML page that opens from disk. */
@Command(
        name = "viewer",
        description = "Turn a splat file into one HTML page that shows it in any browser, without installation or network.",
        footer = {"", "Example:", "  mouselift viewer mouse.ply -o viewer.html"})
final class ViewerCommand implements Callable<Integer> {
    @Parameters(paramLabel = "FILE", description = "Splat file: PLY, or .splat, .spz, .sog, which are passed on as they are.")
    private Path splats;

    @Option(names = {"-o", "--output"}, defaultValue = "viewer.html", paramLabel = "HTML", description = "The page (default: ${DEFAULT-VALUE}).")
    @PathRole(PathRole.Kind.OUTPUT_FILE)
    private Path page;

    @Option(names = "--up", defaultValue = "z_up", paramLabel = "AXIS",
            description = "Which way is up in the file: z_up, y_up, y_down (default: ${DEFAULT-VALUE}, Mouselift's own).")
    private UpAxis up;

    @Option(names = "--distance", defaultValue = "2.7", paramLabel = "D", description = "Distance of the camera at the beginning (default: ${DEFAULT-VALUE}).")
    private double distance;

    @Option(names = "--title", paramLabel = "TEXT", description = "Title of the page (default: the file's name).")
    private String title;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        String name = splats.getFileName().toString();
        if (name.toLowerCase(Locale.ROOT).endsWith(".ply")) {
            try (PlyVertices vertices = PlyVertices.open(splats)) {
                if (!vertices.has("packed_position")) {
                    // Whatever the viewer would stumble over is found here, with a message.
                    SplatPly.read(vertices, 0, SplatPly.Invalid.FAIL);
                }
            }
        }
        Scene standard = Scene.of(title == null ? name : title);
        ViewerPage.write(page, splats, new Scene(standard.title(), up, distance, standard.fieldOfView(), standard.background()));
        spec.commandLine().getOut().println(page);
        return ExitCode.OK;
    }
}
