package org.mouselift.pipeline.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import org.mouselift.data.camera.GeometryMode;
import org.mouselift.data.camera.RigCatalog;
import org.mouselift.data.camera.RigNormalization;
import org.mouselift.data.recording.DatasetSplit;
import org.mouselift.data.recording.FramePreparation;
import org.mouselift.data.recording.FrameSampling;
import org.mouselift.data.recording.SubjectFraming;
import org.mouselift.pipeline.mousedata.DatasetPreparation;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** {@code mouselift data prepare}: videos, masks and calibration to a data set (mouse specification §2.11). */
@Command(name = "prepare", mixinStandardHelpOptions = true, sortOptions = false, description = "Make a data set from synchronised videos, mask videos and their calibration.",
        footer = {"", "Running again with the same options adds what is missing. A failed sample is listed in failed_samples.json;",
            "more than 1 %% of them end the run. Videos are H.264 MP4 or Motion-JPEG AVI.", "", "Examples:",
            "  mouselift data prepare --video-dir rec --meta-dir rec -o data_mouse --num-samples 2000 --image-size 512",
            "  mouselift data prepare --video-dir rec -o data_mouse_local --frame-interval 5 --crop subject --split last"})
final class DataPrepareCommand implements Callable<Integer> {
    @Option(names = {"--video-dir", "--video_dir"}, required = true, paramLabel = "DIR", description = "Holds videos_undist, or 0.mp4 … 5.mp4, or folders 0 … 5 of numbered frames.")
    private Path videoDir;

    @Option(names = {"--meta-dir", "--meta_dir"}, paramLabel = "DIR", description = "Holds simpleclick_undist and the calibration (default: the video folder).")
    private Path metaDir;

    @Option(names = {"-o", "--output-dir", "--output_dir"}, required = true, paramLabel = "DIR", description = "Folder of the data set.")
    @PathRole(PathRole.Kind.OUTPUT_FOLDER)
    private Path output;

    @Option(names = {"--num-samples", "--num_samples"}, paramLabel = "N", description = "Samples: spread evenly (default 2000), or at most with --frame-interval.")
    private Integer samples;

    @Option(names = {"--image-size", "--image_size"}, defaultValue = "512", paramLabel = "PIXELS", description = "Picture size (default: ${DEFAULT-VALUE}).")
    private int size;

    @Option(names = {"--num-views", "--num_views"}, defaultValue = "6", paramLabel = "N", description = "Cameras (default: ${DEFAULT-VALUE}).")
    private int views;

    @Option(names = "--frame-interval", paramLabel = "K", description = "Take every K-th frame instead of spreading.")
    private Integer interval;

    @Option(names = "--skip-frames", defaultValue = FrameSampling.JUMP_FRAMES, paramLabel = "LIST", description = "Never used: 5900,100-120 or none (default: ${DEFAULT-VALUE}).")
    private String skip;

    @Option(names = "--start", defaultValue = "0", paramLabel = "FRAME", description = "First frame (default: ${DEFAULT-VALUE}).")
    private int start;

    @Option(names = "--end", paramLabel = "FRAME", description = "First frame that is not used.")
    private Integer end;

    @Option(names = "--start-sample", defaultValue = "0", paramLabel = "INDEX", description = "Number of the first sample (default: ${DEFAULT-VALUE}).")
    private int firstSample;

    @Option(names = {"--val-ratio", "--val_ratio"}, defaultValue = "0.1", paramLabel = "RATIO", description = "Share for validation (default: ${DEFAULT-VALUE}).")
    private double ratio;

    @Option(names = "--split", defaultValue = "random", paramLabel = "KIND", description = "${COMPLETION-CANDIDATES} (default: ${DEFAULT-VALUE}).")
    private DatasetSplit.Kind split;

    @Option(names = "--guard", defaultValue = "0", paramLabel = "N", description = "Samples left out beside validation blocks (default: ${DEFAULT-VALUE}).")
    private int guard;

    @Option(names = "--seed", defaultValue = "42", paramLabel = "N", description = "Seed of the split (default: ${DEFAULT-VALUE}).")
    private long seed;

    @Option(names = {"--bg-color", "--bg_color"}, defaultValue = "white", paramLabel = "COLOUR", description = "white, black or gray, outside the mask (default: ${DEFAULT-VALUE}).")
    private String background;

    @Option(names = "--no-premask", description = "Keep the cage under the transparent pixels, as the original did.")
    private boolean noPremask;

    /** How frames become pictures. */
    private enum Framing { CENTER, LETTERBOX, NONE, SUBJECT }

    @Option(names = "--crop", defaultValue = "center", paramLabel = "MODE", description = "${COMPLETION-CANDIDATES}; subject puts the box around the mouse into the middle, RGB on white (default: ${DEFAULT-VALUE}).")
    private Framing crop;

    @Option(names = {"--target-ratio", "--target_ratio"}, defaultValue = "0.6", paramLabel = "SHARE", description = "--crop subject: largest side of the mouse in all views (default: ${DEFAULT-VALUE}).")
    private double subjectRatio;

    @Option(names = "--alpha", description = "--crop subject: keep the masks as alpha.")
    private boolean alpha;

    @Option(names = "--max-failures", defaultValue = "0.01", paramLabel = "SHARE", description = "Samples that may fail (default: ${DEFAULT-VALUE}).")
    private double maxFailures;

    @Option(names = "--intrinsics-mode", defaultValue = "exact", paramLabel = "MODE", description = "${COMPLETION-CANDIDATES}; standard reproduces the original's wrong claim (default: ${DEFAULT-VALUE}).")
    private FramePreparation.Lens lens;

    @Option(names = "--geometry", defaultValue = "similarity", paramLabel = "MODE", description = "none, similarity, per_camera_dolly, per_camera_legacy (default: ${DEFAULT-VALUE}).")
    private String geometry;

    @Option(names = {"--target-distance", "--target_distance"}, defaultValue = "2.7", paramLabel = "UNITS", description = "Mean camera distance (default: ${DEFAULT-VALUE}).")
    private double distance;

    @Option(names = "--masks", paramLabel = "DIR", description = "Another place for the masks.")
    private Path masks;

    @Option(names = "--calibration", paramLabel = "PATH", description = "Another calibration: pickle, JSON, transforms.json, opencv_cameras.json or COLMAP folder.")
    private Path calibration;

    @Option(names = "--calibration-size", paramLabel = "WxH", description = "Frame size the calibration was made for, if it is another.")
    private String calibrationSize;

    @Option(names = "--rig", paramLabel = "RIG", description = "Invented cameras instead of a calibration: ring:n=6,elev=20,dist=2.7,fov=50.")
    private String rig;

    @Option(names = "--dry-run", description = "Print what was found and end.")
    private boolean dryRun;

    @ParentCommand
    private DataCommand parent;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        DatasetPreparation preparation = new DatasetPreparation(output, options(), spec.root().commandLine().getParseResult().originalArgs());
        if (dryRun) {
            print(preparation.plan());
            return ExitCode.OK;
        }
        DatasetPreparation.Report report;
        Progress[] progress = {Progress.silent()};
        try {
            report = preparation.run(plan -> {
                print(plan);
                progress[0] = parent.mouselift.progress("data prepare", plan.indices().length, "samples");
            }, n -> progress[0].advance(n));
        } finally {
            progress[0].close();
        }
        spec.commandLine().getOut().printf("%s: %d samples written, %d were there, %d failed; %d to train, %d to validate (%s split)%n", output, report.written(),
                report.kept(), report.failures().size(), report.train(), report.validation(), split.name().toLowerCase(Locale.ROOT));
        return ExitCode.OK;
    }

    private DatasetPreparation.Options options() {
        try {
            FrameSampling.Policy policy = interval == null ? new FrameSampling.Policy.Uniform(samples == null ? 2000 : samples)
                    : new FrameSampling.Policy.Interval(interval, samples == null ? OptionalInt.empty() : OptionalInt.of(samples));
            int grey = switch (background) {
                case "white" -> 255;
                case "black" -> 0;
                case "gray", "grey" -> 128;
                default -> throw CommandException.usage("--bg-color " + background + " is unknown", "Use white, black or gray.");
            };
            RigNormalization s = RigNormalization.SIMILARITY;
            return new DatasetPreparation.Options(videoDir, metaDir == null ? videoDir : metaDir, Optional.ofNullable(masks), views,
                    new FrameSampling(policy, start, end == null ? OptionalInt.empty() : OptionalInt.of(end), FrameSampling.parseSkip(skip)), firstSample,
                    new FramePreparation(size, crop == Framing.SUBJECT ? FramePreparation.Crop.NONE : FramePreparation.Crop.valueOf(crop.name()), lens, !noPremask, grey),
                    new RigNormalization(s.center(), s.up(), s.frontCamera(), GeometryMode.of(geometry), distance, Optional.empty()),
                    new DatasetSplit(split, ratio, seed, guard), Optional.ofNullable(rig).map(RigCatalog::named), Optional.ofNullable(calibration),
                    Optional.ofNullable(calibrationSize).map(c -> SizeArgument.parse("--calibration-size", c)),
                    crop == Framing.SUBJECT ? Optional.of(new SubjectFraming(size, subjectRatio, alpha)) : Optional.empty(), maxFailures);
        } catch (IllegalArgumentException e) {
            throw CommandException.usage(e.getMessage(), "mouselift data prepare --help shows the options.");
        }
    }

    private void print(DatasetPreparation.Plan plan) {
        PrintWriter out = spec.commandLine().getOut();
        out.printf("videos       %s%n", plan.layout().videos());
        out.printf("masks        %s%n", plan.layout().masks());
        out.printf("calibration  %s%n", rig == null ? plan.layout().calibration().orElseThrow() : rig);
        out.printf("frames       %d (videos %s, masks %s), %d sampled: %d to %d%n", plan.frames(), plan.frameCounts(), plan.maskCounts(), plan.indices().length,
                plan.indices()[0], plan.indices()[plan.indices().length - 1]);
        out.println("camera  distance  elevation  azimuth  scaled  focal    FOV");
        for (DatasetPreparation.CameraRow r : plan.cameras()) {
            out.printf(Locale.ROOT, "%6d  %8.1f  %8.1f°  %6.1f°  %6.3f  %6.1f  %4.1f°%n", r.camera(), r.distance(), r.elevation(), r.azimuth(), r.scaledDistance(), r.focal(), r.fov());
        }
        out.printf(Locale.ROOT, "scale        %.8f%n", plan.scale());
        plan.warnings().forEach(w -> out.println("warning: " + w));
    }
}
