package org.mouselift.pipeline.cli;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import org.mouselift.data.camera.GeometryMode;
import org.mouselift.data.camera.RigNormalization;
import org.mouselift.data.dataset.PictureDegradation;
import org.mouselift.data.preprocess.AddAlpha;
import org.mouselift.data.preprocess.CenterAlign;
import org.mouselift.data.preprocess.Degrade;
import org.mouselift.data.preprocess.Hull3d;
import org.mouselift.data.preprocess.MoveSettings;
import org.mouselift.data.preprocess.NormalizeCameras;
import org.mouselift.data.preprocess.PixelBased;
import org.mouselift.data.preprocess.PreprocessMethod;
import org.mouselift.data.preprocess.Resampling;
import org.mouselift.data.preprocess.UniformScale;
import org.mouselift.data.preprocess.UniformScaleLegacy;
import org.mouselift.data.preprocess.VirtualLookAtViews;
import org.mouselift.pipeline.mousedata.DatasetPreprocessing;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** {@code mouselift data preprocess}: one data set to another (mouse specification §3). */
@Command(name = "preprocess", mixinStandardHelpOptions = true, sortOptions = false, description = "Centre, scale, mask or turn the views of a data set; the cameras follow exactly.",
        footer = {"", "Methods: center-align, uniform-scale, uniform-legacy, pixel-based, add-alpha, normalize-cameras,",
            "hull3d, virtual-lookat; degrade makes pictures worse (noise, blur, compression, colours, masks).",
            "--frozen leaves the cameras behind, as the original did: Stage 1 only.", "", "Example:",
            "  mouselift data preprocess data_mouse -o data_mouse_hull3d --method hull3d --ratio 0.5"})
final class DataPreprocessCommand implements Callable<Integer> {
    @Parameters(paramLabel = "INPUT", description = "Data set folder.")
    private Path input;

    @Option(names = {"-o", "--output"}, required = true, paramLabel = "DIR", description = "Folder of the new data set.")
    @PathRole(PathRole.Kind.OUTPUT_FOLDER)
    private Path output;

    @Option(names = "--method", required = true, paramLabel = "NAME", description = "See below.")
    private String method;

    @Option(names = {"--ratio", "--target-ratio"}, paramLabel = "SHARE", description = "Size of the subject (default: 0.3 for pixel-based and uniform-legacy, 0.7 for center-align, else 0.6).")
    private Double ratio;

    @Option(names = "--size", defaultValue = "512", paramLabel = "PIXELS", description = "Picture size (default: ${DEFAULT-VALUE}).")
    private int size;

    @Option(names = "--safe-margin", defaultValue = "0.05", paramLabel = "SHARE", description = "Free share at the border (default: ${DEFAULT-VALUE}).")
    private double margin;

    @Option(names = "--no-fit-in-frame", description = "uniform-scale: let the subject be cut off.")
    private boolean noFit;

    @Option(names = "--anchor", defaultValue = "each", paramLabel = "POINT", description = "center-align: each or first (default: ${DEFAULT-VALUE}).")
    private String anchor;

    @Option(names = "--frozen", description = "Move the pictures, leave the cameras (the original's behaviour).")
    private boolean frozen;

    @Option(names = "--legacy-resampling", description = "Bilinear, colours not weighted by alpha.")
    private boolean legacyResampling;

    @Option(names = "--legacy-half-pixel", description = "Intrinsics without the half-pixel term.")
    private boolean legacyHalfPixel;

    @Option(names = "--background", defaultValue = "white", paramLabel = "COLOUR", description = "add-alpha: white or black (default: ${DEFAULT-VALUE}).")
    private String background;

    @Option(names = "--threshold", paramLabel = "LEVEL", description = "add-alpha: 0 to 255 (default: 250 on white, 5 on black).")
    private Integer threshold;

    @Option(names = "--fill-holes", description = "add-alpha: highlights inside the animal belong to it.")
    private boolean fillHoles;

    @Option(names = "--keep-largest", description = "add-alpha: keep the largest part only.")
    private boolean keepLargest;

    @Option(names = "--geometry", defaultValue = "similarity", paramLabel = "MODE", description = "normalize-cameras: geometry mode (default: ${DEFAULT-VALUE}).")
    private String geometry;

    @Option(names = "--noise", defaultValue = "0", paramLabel = "LEVELS", description = "degrade: noise of up to this deviation, grey levels.")
    private float noise;

    @Option(names = "--blur", defaultValue = "0", paramLabel = "PIXELS", description = "degrade: blur of up to this deviation.")
    private float blur;

    @Option(names = "--jpeg", defaultValue = "100", paramLabel = "QUALITY", description = "degrade: compression down to this quality, 1 to 100.")
    private float jpeg;

    @Option(names = "--gain", defaultValue = "0", paramLabel = "SHARE", description = "degrade: colour channels up to this share brighter or darker.")
    private float gain;

    @Option(names = "--mask-shift", defaultValue = "0", paramLabel = "PIXELS", description = "degrade: masks up to this much larger or smaller.")
    private int maskShift;

    @Option(names = "--seed", defaultValue = "42", paramLabel = "N", description = "degrade: seed (default: ${DEFAULT-VALUE}).")
    private long seed;

    @Option(names = "--num-samples", defaultValue = "2147483647", paramLabel = "N", description = "Samples at most (default: all).")
    private int limit;

    @Option(names = "--max-failures", defaultValue = "0.01", paramLabel = "SHARE", description = "Samples that may fail (default: ${DEFAULT-VALUE}).")
    private double maxFailures;

    @ParentCommand
    private DataCommand parent;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        PreprocessMethod chosen;
        try {
            chosen = method();
        } catch (IllegalArgumentException e) {
            throw CommandException.usage(e.getMessage(), "mouselift data preprocess --help shows the options.");
        }
        if (limit < 1 || !(maxFailures >= 0 && maxFailures <= 1)) {
            throw CommandException.usage("--num-samples " + limit + ", --max-failures " + maxFailures, "Give at least 1, and a share between 0 and 1.");
        }
        DatasetPreprocessing work = new DatasetPreprocessing(input, output, chosen, limit, maxFailures, spec.root().commandLine().getParseResult().originalArgs());
        DatasetPreprocessing.Report report;
        try (Progress progress = parent.mouselift.progress("data preprocess", work.samples(), "samples")) {
            report = work.run(progress::advance);
        }
        spec.commandLine().getOut().printf(Locale.ROOT, "%s: %d samples written, %d were there, %d failed; intrinsics %s; %d views cut off, mean loss %.2f %%%n", output,
                report.written(), report.kept(), report.failures().size(), chosen.contract().id(), report.clippedViews(), 100 * report.meanClipped());
        return ExitCode.OK;
    }

    private PreprocessMethod method() {
        MoveSettings move = new MoveSettings(size, frozen ? PreprocessMethod.Contract.FROZEN : PreprocessMethod.Contract.EXACT,
                legacyResampling ? Resampling.Mode.LEGACY : Resampling.Mode.EXACT, legacyHalfPixel);
        return switch (method) {
            case "center-align" -> new CenterAlign(ratio(0.7), switch (anchor) {
                case "first" -> true;
                case "each" -> false;
                default -> throw new IllegalArgumentException("--anchor " + anchor + ": use first or each");
            }, move);
            case "uniform-scale" -> new UniformScale(ratio(0.6), margin, !noFit, move);
            case "uniform-legacy" -> new UniformScaleLegacy(ratio(0.3), move);
            case "pixel-based" -> new PixelBased(ratio(0.3), move);
            case "hull3d" -> new Hull3d(ratio(0.6), margin, move);
            case "virtual-lookat" -> new VirtualLookAtViews(ratio == null ? OptionalDouble.empty() : OptionalDouble.of(ratio), margin, size);
            case "add-alpha" -> {
                boolean black = switch (background) {
                    case "black" -> true;
                    case "white" -> false;
                    default -> throw new IllegalArgumentException("--background " + background + ": use white or black");
                };
                yield new AddAlpha(black, threshold != null ? threshold : black ? AddAlpha.BLACK_THRESHOLD : AddAlpha.WHITE_THRESHOLD, fillHoles, keepLargest);
            }
            case "normalize-cameras" -> new NormalizeCameras(new RigNormalization(new RigNormalization.Center.PrincipalRays(), Optional.empty(), OptionalInt.empty(),
                    GeometryMode.of(geometry), 2.7, Optional.empty()));
            case "degrade" -> new Degrade(new PictureDegradation(new float[] {1 - gain, 1 + gain}, new float[] {0, blur}, new float[] {0, noise}, new float[] {jpeg, 100},
                    maskShift, 0), seed);
            case "rembg", "external-mask" -> throw new IllegalArgumentException("--method " + method + ": no matting network is built in; cut the pictures out with an external tool, saved as"
                    + " RGBA under their names, or use add-alpha, which passes such pictures through");
            default -> throw new IllegalArgumentException("--method " + method + " is unknown: center-align, uniform-scale, uniform-legacy, pixel-based, add-alpha, "
                    + "normalize-cameras, hull3d, virtual-lookat, degrade");
        };
    }

    private double ratio(double standard) {
        return ratio == null ? standard : ratio;
    }
}
