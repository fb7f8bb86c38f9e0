package org.mouselift.pipeline.cli;

import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.camera.RigCatalog;
import org.mouselift.data.image.PngWriter;
import org.mouselift.data.synth.ContactSheet;
import org.mouselift.data.synth.SynthMice;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** {@code mouselift synth-mice}: a data set of synthetic mice, or a contact sheet of them. */
@Command(
        name = "synth-mice",
        description = "Make a data set of synthetic mice: images with alpha, depth, masks, cameras and train/validation lists.",
        sortOptions = false,
        footer = {"", "Mouse i of a seed is always the same. Running again with the same options adds what is missing.", "",
            "Examples:",
            "  mouselift synth-mice -n 200 --size 128 -o data_mice",
            "  mouselift synth-mice -n 900 --rig human6 --novel-views 6 --no-geometry -o data_train",
            "  mouselift synth-mice -n 12 --sheet mice.png"})
final class SynthMiceCommand implements Callable<Integer> {
    @Option(names = {"-n", "--count"}, required = true, paramLabel = "N", description = "Number of mice.")
    private int count;

    @Option(names = {"-o", "--output"}, paramLabel = "DIR", description = "Folder of the data set.")
    @PathRole(PathRole.Kind.OUTPUT_FOLDER)
    private Path output;

    @Option(names = "--rig", defaultValue = "human32", paramLabel = "RIG",
            description = "Cameras: a name such as human32 or human6, or ring:n=6,elev=20,dist=2.7,fov=50 (default: ${DEFAULT-VALUE}).")
    private String rig;

    @Option(names = "--size", defaultValue = "128", paramLabel = "PIXELS", description = "Image size (default: ${DEFAULT-VALUE}).")
    private int size;

    @Option(names = "--seed", defaultValue = "0", paramLabel = "N", description = "Seed of the population (default: ${DEFAULT-VALUE}).")
    private long seed;

    @Option(names = "--first", defaultValue = "0", paramLabel = "INDEX", description = "Index of the first mouse (default: ${DEFAULT-VALUE}).")
    private int first;

    @Option(names = "--yaw", defaultValue = "0", paramLabel = "DEGREES",
            description = "Turn every mouse by a random angle up to this; 0: all face -Y (default: ${DEFAULT-VALUE}).")
    private double yaw;

    @Option(names = "--val-ratio", defaultValue = "0.1", paramLabel = "RATIO",
            description = "Share of the samples in data_val.txt, rounded down (default: ${DEFAULT-VALUE}).")
    private double validationRatio;

    @Option(names = "--novel-views", defaultValue = "0", paramLabel = "N",
            description = "Random cameras of each mouse after those of the rig (default: ${DEFAULT-VALUE}).")
    private int novelViews;

    @Option(names = "--novel-elevation", defaultValue = "-10:40", paramLabel = "LOW:HIGH",
            description = "Their elevations, degrees (default: ${DEFAULT-VALUE}).")
    private String novelElevation;

    @Option(names = "--no-geometry", description = "Write no depth and mask pictures.")
    private boolean noGeometry;

    @Option(names = "--sheet", paramLabel = "FILE", description = "Also (or, without -o, only) write a contact sheet, a PNG file.")
    @PathRole(PathRole.Kind.OUTPUT_FILE)
    private Path sheet;

    @Option(names = "--sheet-mice", defaultValue = "24", paramLabel = "N", description = "Mice on the sheet at most (default: ${DEFAULT-VALUE}).")
    private int sheetMice;

    @Option(names = "--json", description = "Print one JSON object instead of a sentence.")
    private boolean json;

    @ParentCommand
    private Mouselift mouselift;

    @Spec
    private CommandSpec spec;

    /** What {@code --json} prints. */
    private record Result(String output, SynthMice.Report report, double imagesPerSecond, String sheet) {
    }

    @Override
    public Integer call() throws IOException {
        if (output == null && sheet == null) {
            throw CommandException.usage("nothing to write", "Give -o DIR for a data set, --sheet FILE for a contact sheet, or both.");
        }
        CameraRig cameras = RigCatalog.named(rig);
        SynthMice.Options options;
        try {
            options = new SynthMice.Options(seed, first, count, cameras, size, yaw, validationRatio, !noGeometry, novel());
        } catch (IllegalArgumentException e) {
            throw CommandException.usage(e.getMessage(), "mouselift synth-mice --help shows the options.");
        }
        SynthMice.Report report = null;
        double rate = 0;
        if (output != null) {
            long start = System.nanoTime();
            try (Progress progress = mouselift.progress("synth-mice", (long) count * (cameras.size() + novelViews), "images")) {
                report = SynthMice.write(output, options, progress::advance);
            }
            rate = report.images() / ((System.nanoTime() - start) * 1e-9);
        }
        if (sheet != null) {
            int shown = Math.min(count, Math.max(1, sheetMice));
            int views = Math.min(4, cameras.size());
            PngWriter.write(sheet, ContactSheet.render(seed, first, shown, cameras, yaw, views, shown < 2 ? 1 : 2, Math.min(size, 256)));
        }
        print(report, rate);
        return ExitCode.OK;
    }

    private SynthMice.NovelViews novel() {
        String[] range = novelElevation.split(":", -1);
        try {
            if (range.length == 2) {
                return new SynthMice.NovelViews(novelViews, Double.parseDouble(range[0].trim()), Double.parseDouble(range[1].trim()));
            }
        } catch (NumberFormatException e) {
            // Reported below together with a wrong number of parts.
        }
        throw CommandException.usage("--novel-elevation " + novelElevation + " is not LOW:HIGH", "For example --novel-elevation -10:40, in degrees.");
    }

    private void print(SynthMice.Report report, double rate) {
        var out = spec.commandLine().getOut();
        if (json) {
            out.println(Json.write(new Result(output == null ? null : output.toString(), report, rate, sheet == null ? null : sheet.toString())));
            return;
        }
        if (report != null) {
            out.printf("%s: %d samples written, %d were there; %d to train, %d to validate%n", output, report.written(), report.kept(),
                    report.train(), report.validation());
        }
        if (sheet != null) {
            out.println(sheet);
        }
    }
}
