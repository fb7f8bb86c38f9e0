package org.mouselift.pipeline.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.mouselift.data.camera.Camera;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.camera.Rings;
import org.mouselift.data.image.Image8;
import org.mouselift.data.image.PngWriter;
import org.mouselift.data.ply.GaussianCloud;
import org.mouselift.data.ply.SplatPly;
import org.mouselift.pipeline.render.SplatScene;
import org.mouselift.pipeline.video.VideoWriter;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** {@code mouselift render}: pictures of a splat file from given cameras or on a turntable, without a display. */
@Command(
        name = "render",
        description = "Render a splat file (PLY): turntable or cameras of a file, as PNG frames, MP4 or GIF.",
        sortOptions = false,
        footer = {"", "World: z up, the front on the -y side; the turntable begins at the front and runs counter-clockwise.", "", "Examples:",
            "  mouselift render mouse.ply --turntable 120 -o turntable.mp4 -o turntable.gif",
            "  mouselift render mouse.ply --cameras sample/opencv_cameras.json --alpha --depth -o frames"})
final class RenderCommand implements Callable<Integer> {
    @Parameters(paramLabel = "PLY", description = "Splat file.")
    private Path ply;

    @ArgGroup(multiplicity = "0..1")
    private Views views = new Views();

    static final class Views {
        @Option(names = "--turntable", paramLabel = "N", description = "N views on a circle around the origin (default: 120).")
        private int turntable = 120;

        @Option(names = "--cameras", paramLabel = "FILE",
                description = "opencv_cameras.json, transforms.json, or the name of a built-in rig (human6, human32).")
        @PathRole(PathRole.Kind.RIG)
        private String cameras;
    }

    @Option(names = {"-o", "--output"}, required = true, paramLabel = "PATH",
            description = "A folder for PNG frames, a .mp4 or a .gif file; repeatable.")
    @PathRole(PathRole.Kind.OUTPUT)
    private List<Path> outputs;

    @Option(names = "--size", paramLabel = "PIXELS", description = "Size of the pictures, 512 or 640x480 (default: 512, or the cameras' own).")
    private String size;

    @Option(names = "--background", defaultValue = "white", paramLabel = "COLOUR", description = "white, black, or red,green,blue from 0 to 1 (default: ${DEFAULT-VALUE}).")
    private String background;

    @Option(names = "--alpha", description = "Write PNG frames with a transparent background.")
    private boolean alpha;

    @Option(names = "--depth", description = "Also write 16-bit depth pictures (depth_*.png) beside the PNG frames.")
    private boolean depth;

    @Option(names = "--elevation", defaultValue = "0", paramLabel = "DEGREES", description = "Turntable: height of the camera (default: ${DEFAULT-VALUE}).")
    private double elevation;

    @Option(names = "--radius", defaultValue = "2.7", paramLabel = "R", description = "Turntable: distance from the origin (default: ${DEFAULT-VALUE}).")
    private double radius;

    @Option(names = "--fov", defaultValue = "50", paramLabel = "DEGREES", description = "Turntable: horizontal field of view (default: ${DEFAULT-VALUE}).")
    private double fieldOfView;

    @Option(names = "--fps", defaultValue = "30", paramLabel = "N", description = "Frames per second of videos (default: ${DEFAULT-VALUE}).")
    private int rate;

    @Option(names = "--repair", description = "Leave out Gaussians with invalid numbers instead of refusing the file.")
    private boolean repair;

    @ParentCommand
    private Mouselift mouselift;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        float[] colour = colour(background);
        List<Path> folders = new ArrayList<>();
        List<Path> videos = new ArrayList<>();
        for (Path output : outputs) {
            String name = output.getFileName() == null ? "" : output.getFileName().toString().toLowerCase(Locale.ROOT);
            (name.endsWith(".mp4") || name.endsWith(".gif") ? videos : folders).add(output);
        }
        if (folders.isEmpty() && (alpha || depth)) {
            throw CommandException.usage("--alpha and --depth need PNG frames", "Name a folder with -o.");
        }
        // Everything about the cameras is checked before the Gaussians are read.
        CameraRig rig = rig();
        GaussianCloud cloud = SplatPly.read(ply, -1, repair ? SplatPly.Invalid.REPAIR : SplatPly.Invalid.FAIL);
        mouselift.note(ply + ": " + cloud.count() + " Gaussians, spherical harmonics of degree " + cloud.degree());
        for (Path folder : folders) {
            Files.createDirectories(folder);
        }
        SplatScene scene = new SplatScene(cloud);
        List<VideoWriter> writers = new ArrayList<>();
        try (Progress progress = mouselift.progress("render", rig.size(), "frames")) {
            for (Path video : videos) {
                if (video.toAbsolutePath().getParent() != null) {
                    Files.createDirectories(video.toAbsolutePath().getParent());
                }
                writers.add(VideoWriter.create(video, rate));
            }
            for (int i = 0; i < rig.size(); i++) {
                SplatScene.View view = scene.look(rig.get(i));
                frame(view, i, colour, folders, writers);
                progress.advance(1);
            }
            for (VideoWriter writer : writers) {
                writer.finish();
            }
        } finally {
            for (VideoWriter writer : writers) {
                writer.close();
            }
        }
        outputs.forEach(output -> spec.commandLine().getOut().println(output));
        return ExitCode.OK;
    }

    private void frame(SplatScene.View view, int index, float[] colour, List<Path> folders, List<VideoWriter> writers) throws IOException {
        Image8 picture = view.over(colour);
        for (VideoWriter writer : writers) {
            writer.add(picture);
        }
        for (Path folder : folders) {
            PngWriter.write(folder.resolve(String.format(Locale.ROOT, "frame_%04d.png", index)), alpha ? view.transparent() : picture);
            if (depth) {
                double unit = view.depthUnit();
                PngWriter.write(folder.resolve(String.format(Locale.ROOT, "depth_%04d.png", index)), view.depth(unit));
                if (unit > 1.0001e-4) {
                    mouselift.note(String.format(Locale.ROOT, "depth_%04d.png: one step is %.6g world units instead of 0.0001", index, unit));
                }
            }
        }
    }

    private CameraRig rig() throws IOException {
        int[] wanted = size == null ? null : size(size);
        if (views.cameras == null) {
            int width = wanted == null ? 512 : wanted[0];
            int height = wanted == null ? 512 : wanted[1];
            return Rings.turntable(views.turntable, elevation, radius, fieldOfView, width, height);
        }
        CameraRig rig = RigArgument.read(views.cameras);
        if (wanted == null) {
            Camera first = rig.get(0);
            boolean equal = rig.cameras().stream().allMatch(camera -> camera.intrinsics().width() == first.intrinsics().width()
                    && camera.intrinsics().height() == first.intrinsics().height());
            if (!equal && outputs.stream().anyMatch(path -> path.toString().endsWith(".mp4") || path.toString().endsWith(".gif"))) {
                throw CommandException.badInput(views.cameras + ": the cameras have pictures of different sizes", "A video needs one size: add --size.");
            }
            return rig;
        }
        return SplatScene.resized(rig, wanted[0], wanted[1]);
    }

    /** {@code 512} or {@code 640x480}. */
    private static int[] size(String text) {
        String[] parts = text.toLowerCase(Locale.ROOT).split("x", -1);
        try {
            int width = Integer.parseInt(parts[0]);
            int height = parts.length == 1 ? width : Integer.parseInt(parts[1]);
            if (parts.length <= 2 && width >= 1 && height >= 1 && width <= VideoWriter.MAX_SIDE && height <= VideoWriter.MAX_SIDE) {
                return new int[] {width, height};
            }
        } catch (NumberFormatException notNumbers) {
            throw CommandException.usage("--size " + text + ": " + notNumbers.getMessage(), "Write 512 or 640x480.");
        }
        throw CommandException.usage("--size " + text + ": expected one or two numbers from 1 to " + VideoWriter.MAX_SIDE, "Write 512 or 640x480.");
    }

    private static float[] colour(String text) {
        switch (text) {
            case "white" -> {
                return new float[] {1, 1, 1};
            }
            case "black" -> {
                return new float[3];
            }
            default -> {
                String[] parts = text.split(",", -1);
                float[] colour = new float[3];
                try {
                    for (int i = 0; i < 3 && parts.length == 3; i++) {
                        colour[i] = Float.parseFloat(parts[i].trim());
                    }
                } catch (NumberFormatException e) {
                    throw CommandException.usage("--background " + text + ": " + e.getMessage(), "Write white, black or 0.5,0.5,0.5.");
                }
                for (float channel : colour) {
                    if (parts.length != 3 || !(channel >= 0 && channel <= 1)) {
                        throw CommandException.usage("--background " + text + ": expected three numbers from 0 to 1", "Write white, black or 0.5,0.5,0.5.");
                    }
                }
                return colour;
            }
        }
    }
}
