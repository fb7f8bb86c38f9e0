package org.mouselift.pipeline.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.apache.commons.math3.geometry.euclidean.threed.Vector3D;
import org.mouselift.data.camera.Camera;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.camera.GeometryMode;
import org.mouselift.data.camera.Intrinsics;
import org.mouselift.data.camera.NerfTransforms;
import org.mouselift.data.camera.OpencvCameraFile;
import org.mouselift.data.camera.RigCheck;
import org.mouselift.data.camera.RigNormalization;
import org.mouselift.data.camera.SlotAssignment;
import org.mouselift.data.camera.SphericalPosition;
import org.mouselift.data.camera.UpMethod;
import org.mouselift.data.image.Image8;
import org.mouselift.data.image.PngWriter;
import org.mouselift.pipeline.mousedata.PictureSet;
import org.mouselift.pipeline.report.CameraFigures;
import org.mouselift.pipeline.report.RigPlot;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code mouselift rig show}: the cameras of a rig, as they are, in slot order or normalised; checked, drawn, written. */
@Command(name = "show", description = "Show the cameras of a rig, check them, draw them, put them into slots, normalise them.",
        footer = {"", "Exit code 1 when the rig has an error (MFL-E126, MFL-E127).", "", "Examples:",
            "  mouselift rig show mouse6 --slots angular --as human6", "  mouselift rig show sample_000000 --geometry similarity --up pca --front 0 -o rig.json --plot rig.png"})
final class RigShowCommand implements Callable<Integer> {
    @Parameters(paramLabel = "RIG", description = "Name, description or file.")
    @PathRole(PathRole.Kind.RIG)
    private String rig;

    @Option(names = "--slots", paramLabel = "ORDER", description = "Order the cameras into slots: index, angular (clockwise from the reference), or a list such as 0,4,2,1,3,5.")
    private String slots;

    @Option(names = "--reference", defaultValue = "0", paramLabel = "CAMERA", description = "Camera of slot 0 (default: ${DEFAULT-VALUE}).")
    private int reference;

    @Option(names = "--as", paramLabel = "RIG", description = "Show how far each slot is from that of this rig.")
    @PathRole(PathRole.Kind.RIG)
    private String as;

    @Option(names = "--geometry", paramLabel = "MODE", description = "Normalise: none, similarity, per_camera_dolly, per_camera_legacy, virtual_lookat, virtual_lookat+dolly.")
    private String geometry;

    @Option(names = "--center", defaultValue = "keep", paramLabel = "POINT", description = "Origin before normalising: keep, rays, or x,y,z (default: ${DEFAULT-VALUE}).")
    private String center;

    @Option(names = "--up", defaultValue = "keep", paramLabel = "METHOD", description = "Up direction: keep, pca, mean, or x,y,z (default: ${DEFAULT-VALUE}).")
    private String up;

    @Option(names = "--front", paramLabel = "CAMERA", description = "Turn the rig until this camera stands at the front (azimuth 270°).")
    private Integer front;

    @Option(names = "--target-distance", defaultValue = "2.7", paramLabel = "UNITS", description = "Mean camera distance (default: ${DEFAULT-VALUE}).")
    private double distance;

    @Option(names = "--size", defaultValue = "512", paramLabel = "PIXELS", description = "Picture size of the virtual_lookat modes (default: ${DEFAULT-VALUE}).")
    private int size;

    @Option(names = "--plot", paramLabel = "FILE", description = "Draw the rig as PNG: from above, from the side, at a slant.")
    @PathRole(PathRole.Kind.OUTPUT_FILE)
    private Path plot;

    @Option(names = "--figures", paramLabel = "FOLDER", description = "Draw before and after: positions, numbers, pictures of a sample with their cameras; and the data as JSON.")
    @PathRole(PathRole.Kind.OUTPUT_FOLDER)
    private Path figures;

    @Option(names = {"-o", "--output"}, paramLabel = "FILE", description = "Write the cameras; a name with \"transforms\" gets NeRF's format, others opencv_cameras.json.")
    @PathRole(PathRole.Kind.OUTPUT_FILE)
    private Path output;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        RigArgument.Named named = RigArgument.named(rig);
        List<RigPlot.Layer> layers = new ArrayList<>(List.of(new RigPlot.Layer(rig, named.rig(), named.viewNames())));
        PrintWriter out = spec.commandLine().getOut();
        out.println(named.rig().id() + ": " + named.description());
        CameraRig shown = named.rig();
        List<String> names = named.viewNames();
        try {
            if (normalises()) {
                RigNormalization.Result r = normalization().apply(shown);
                shown = r.rig();
                out.println("steps     " + r.steps());
                r.warnings().forEach(w -> out.println("warning: " + w));
                layers.add(new RigPlot.Layer("normalised", shown, names));
            }
            if (slots != null) {
                SlotAssignment assignment = SlotAssignment.parse(slots, shown, reference);
                out.println("slots     filled by cameras " + assignment.cameras() + " (" + assignment.kind().name().toLowerCase(Locale.ROOT) + ")");
                shown = assignment.apply(shown);
                names = List.of();
                layers.add(new RigPlot.Layer("in slot order", shown));
            }
        } catch (NumberFormatException e) {
            throw CommandException.usage("--center " + center + ", --up " + up + ": a vector is three numbers, x,y,z", "mouselift rig show --help shows the options.");
        }
        print(out, shown, names);
        if (as != null) {
            RigCompareCommand.printRows(out, RigArgument.read(as), shown);
        }
        boolean source = named.sourceUnits() && !normalises();
        List<RigCheck.Finding> findings = RigCheck.inspect(shown, source ? RigCheck.Limits.SOURCE_UNITS : RigCheck.Limits.STANDARD);
        out.println(findings.isEmpty() ? "check     sound" : "check     " + findings.size() + " findings");
        findings.forEach(f -> out.println("  " + f.message()));
        if (plot != null) {
            PngWriter.write(plot, RigPlot.rows(layers));
            out.println(plot);
        }
        if (figures != null) {
            Path place = Path.of(rig);
            List<Image8> pictures = Files.isDirectory(place) ? PictureSet.read(place).pictures() : List.of();
            CameraFigures.write(figures, named.rig(), shown, pictures).forEach(out::println);
        }
        if (output != null) {
            if (output.getFileName().toString().contains("transforms")) {
                NerfTransforms.ofRig(shown).write(output);
            } else {
                OpencvCameraFile.ofGeneratedRig(shown, named.rig().id()).write(output);
            }
            out.println(output);
        }
        return findings.stream().anyMatch(f -> f.severity() == RigCheck.Severity.ERROR) ? ExitCode.CHECK_FAILED : ExitCode.OK;
    }

    private boolean normalises() {
        return geometry != null || front != null || !center.equals("keep") || !up.equals("keep");
    }

    private RigNormalization normalization() {
        RigNormalization.Center origin = switch (center) {
            case "keep" -> new RigNormalization.Center.Keep();
            case "rays" -> new RigNormalization.Center.PrincipalRays();
            default -> new RigNormalization.Center.Explicit(vector(center), "command line");
        };
        Optional<UpMethod> method = switch (up) {
            case "keep" -> Optional.empty();
            case "pca" -> Optional.of(new UpMethod.Pca());
            case "mean" -> Optional.of(new UpMethod.MeanCameraUp());
            default -> Optional.of(new UpMethod.Explicit(vector(up), "command line"));
        };
        GeometryMode mode = geometry == null ? GeometryMode.NONE : GeometryMode.of(geometry);
        return new RigNormalization(origin, method, front == null ? OptionalInt.empty() : OptionalInt.of(front), mode, distance,
                mode.warpsImages() ? Optional.of(Intrinsics.standard(size)) : Optional.empty());
    }

    private static Vector3D vector(String text) {
        double[] v = Arrays.stream(text.split(",")).mapToDouble(Double::parseDouble).toArray();
        if (v.length != 3) {
            throw new NumberFormatException(text);
        }
        return new Vector3D(v);
    }

    private static void print(PrintWriter out, CameraRig rig, List<String> names) {
        out.println("camera  name          azimuth  clockwise  elevation  distance     focal    FOV  middle");
        double[] clockwise = rig.clockwiseFromDegrees(0);
        for (int i = 0; i < rig.size(); i++) {
            Camera c = rig.get(i);
            SphericalPosition p = c.position();
            Intrinsics k = c.intrinsics();
            out.printf(Locale.ROOT, "%6d  %-12s  %6.1f°    %6.1f°    %6.1f°  %8.3f  %8.1f  %4.1f°  %.1f, %.1f of %dx%d%n", i, i < names.size() ? names.get(i) : "",
                    p.azimuth().xyDegrees(), clockwise[i], p.elevationDegrees(), p.distance(), k.fx(), k.horizontalFovDegrees(), k.cx(), k.cy(), k.width(), k.height());
        }
        out.println("gaps      " + Arrays.stream(rig.azimuthGapsDegrees()).mapToObj(g -> String.format(Locale.ROOT, "%.1f°", g)).collect(Collectors.joining(" ")));
        out.println("mirroring " + SlotAssignment.mirrorExchange(rig, 0.5).map(e -> "all pictures exchanges the slots as " + e).orElse("pictures is not possible"));
    }
}
