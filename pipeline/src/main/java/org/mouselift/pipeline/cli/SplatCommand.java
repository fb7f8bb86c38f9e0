package org.mouselift.pipeline.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.camera.GeometryMode;
import org.mouselift.data.camera.RigCheck;
import org.mouselift.data.camera.RigNormalization;
import org.mouselift.data.camera.Rings;
import org.mouselift.data.camera.UpMethod;
import org.mouselift.data.dataset.DatasetLineage;
import org.mouselift.pipeline.reconstruct.GsLrmWeights;
import org.mouselift.pipeline.reconstruct.PosedView;
import org.mouselift.pipeline.reconstruct.PosedViewReader;
import org.mouselift.pipeline.reconstruct.ReconstructionFolder;
import org.mouselift.pipeline.reconstruct.RigProvenance;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** {@code mouselift splat}: pictures with known cameras to 3D Gaussians. */
@Command(
        name = "splat",
        description = "Reconstruct 3D Gaussians from pictures with known cameras.",
        sortOptions = false,
        footer = {"", "A sample folder holds opencv_cameras.json (or transforms.json) and the pictures it names. Pictures with",
            "alpha are put on white; others should be white around the subject. Pictures that are not inputs are",
            "compared with the result.", "",
            "Output: gaussians.ply, viewer.html, turntable.mp4, multiview.png (inputs), output.png (inputs rendered again),",
            "unseen.png (other views: truth, rendering, error), metrics.json, run.json.", "",
            "Examples:", "  mouselift splat data_mice/sample_000000 -o out", "  mouselift splat sample_000 --views 24,20,16,8,0,28",
            "  mouselift splat front.png fr.png right.png back.png left.png fl.png --cameras human6 -o out"})
final class SplatCommand implements Callable<Integer> {
    static final String VIEW_COUNT = "MFL-E131";

    @Parameters(arity = "1..*", paramLabel = "INPUT", description = "A sample folder, a folder of pictures, or picture files (the last two with --cameras).")
    private List<Path> inputs;

    @Option(names = "--cameras", paramLabel = "FILE",
            description = "Cameras of the pictures, in their order: opencv_cameras.json, transforms.json, or a rig such as human6.")
    @PathRole(PathRole.Kind.RIG)
    private String cameras;

    @Option(names = "--views", split = ",", paramLabel = "N", description = "Which views are inputs, in this order: 0,4,8 (default: the first ones).")
    private int[] chosen;

    @Option(names = {"-o", "--output"}, defaultValue = "splat_out", paramLabel = "DIR", description = "Folder for the results (default: ${DEFAULT-VALUE}).")
    @PathRole(PathRole.Kind.OUTPUT_FOLDER)
    private Path output;

    @Mixin
    private WeightsArgument weightsArgument;

    @Mixin
    private SpeciesArgument species;

    @Option(names = "--size", paramLabel = "PIXELS", description = "Picture size for the model (default: the size it was trained on).")
    private Integer size;

    @Option(names = "--normalize", defaultValue = "none", paramLabel = "MODE",
            description = "Bring the cameras to distance 2.7: none, similarity, per_camera_legacy, per_camera_dolly (default: ${DEFAULT-VALUE}).")
    private String normalize;

    @Option(names = "--align-up", description = "Turn the world so that the cameras' common up direction becomes +Z.")
    private boolean alignUp;

    @Option(names = "--turntable", defaultValue = "120", paramLabel = "N", description = "Frames of the turntable; 0 for none (default: ${DEFAULT-VALUE}).")
    private int turntable;

    @Mixin
    private SplatOptions options;

    @Option(names = "--allow", paramLabel = "CODE", description = "Go on although this check fails (" + VIEW_COUNT + ": number of input views; "
            + RigProvenance.CODE + ": cameras unlike those of the training; " + DatasetLineage.FROZEN + ": cameras left behind by the pictures).")
    private List<String> allowed = new ArrayList<>();

    @Option(names = "--json", description = "Print metrics.json instead of a summary.")
    private boolean json;

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
        for (String code : allowed) {
            if (!List.of(VIEW_COUNT, RigProvenance.CODE, DatasetLineage.FROZEN).contains(code)) {
                throw CommandException.usage("--allow " + code + ": only " + VIEW_COUNT + ", " + RigProvenance.CODE + " and " + DatasetLineage.FROZEN + " can be allowed here", "");
            }
        }
        long start = System.nanoTime();
        species.require(weightsArgument.path());
        try (GsLrmWeights weights = weightsArgument.open()) {
            int pixels = size == null ? weights.imageSize() : size;
            int patch = weights.model().config().patchSize();
            if (pixels < patch || pixels > 4096 || pixels % patch != 0) {
                throw CommandException.usage("--size " + pixels + ": expected a multiple of the model's patch size " + patch + " up to 4096", "");
            }
            ReconstructionFolder.Options what = options.of(turntable, pixels);
            List<String> warnings = new ArrayList<>();
            List<PosedView> views = normalized(read(pixels), warnings);
            List<Integer> first = select(views.size(), weights.inputViews(), warnings);
            List<PosedView> used = first.stream().map(views::get).toList();
            List<PosedView> others = IntStream.range(0, views.size()).filter(i -> !first.contains(i)).mapToObj(views::get).toList();
            RigMatch.require(weights, cameras == null ? inputs.getFirst().toString() : cameras, used.stream().map(PosedView::camera).toList(),
                    allowed.contains(RigProvenance.CODE), "Use the cameras of the training, bring these to its distance with --normalize similarity, or go on with --allow " + RigProvenance.CODE + ".")
                    .ifPresent(warnings::add);
            warnings.forEach(w -> mouselift.note("warning: " + w));
            ReconstructionFolder.Report report;
            try (Progress progress = mouselift.progress("splat", ReconstructionFolder.steps(used.size(), others.size(), what), "steps")) {
                report = ReconstructionFolder.write(output, weights, used, others, what, warnings, progress::advance);
            }
            report.warnings().subList(warnings.size(), report.warnings().size()).forEach(w -> mouselift.note("warning: " + w));
            RunRecord.write(output, spec, weights, start);
            print(spec.commandLine().getOut(), output, report, json);
        }
        return ExitCode.OK;
    }

    private List<PosedView> read(int pixels) throws IOException {
        boolean folder = inputs.size() == 1 && Files.isDirectory(inputs.getFirst());
        if (cameras == null) {
            if (!folder) {
                throw CommandException.usage("picture files need cameras", "Name them with --cameras, or give one sample folder.");
            }
            if (!allowed.contains(DatasetLineage.FROZEN)) {
                DatasetLineage.requireCameras(inputs);
            }
            return PosedViewReader.sample(inputs.getFirst(), pixels);
        }
        return PosedViewReader.pictures(folder ? PosedViewReader.list(inputs.getFirst()) : inputs, RigArgument.read(cameras), pixels);
    }

    /** The chosen views by index; fails when their number is not what the model was trained with. */
    private List<Integer> select(int available, int trained, List<String> warnings) {
        if (chosen == null) {
            if (available < trained) {
                wrongCount(trained, available, available, warnings);
            } else if (available > trained) {
                mouselift.note("inputs: the first " + trained + " of " + available + " views; the others are compared (--views chooses)");
            }
            return IntStream.range(0, Math.min(available, trained)).boxed().toList();
        }
        for (int i = 0; i < chosen.length; i++) {
            int view = chosen[i];
            if (view < 0 || view >= available) {
                throw CommandException.usage("--views: view " + view + " does not exist", "There are views 0 to " + (available - 1) + ".");
            }
            if (IntStream.of(chosen).limit(i).anyMatch(v -> v == view)) {
                throw CommandException.usage("--views: view " + view + " is named twice", "Every view is one input.");
            }
        }
        if (chosen.length != trained) {
            wrongCount(trained, chosen.length, available, warnings);
        }
        return Arrays.stream(chosen).boxed().toList();
    }

    private void wrongCount(int trained, int used, int available, List<String> warnings) {
        String problem = VIEW_COUNT + ": the model was trained with " + trained + " input views; " + used + " of " + available + " views would be used";
        if (!allowed.contains(VIEW_COUNT)) {
            throw CommandException.badInput(problem, "Choose " + trained + " views with --views, or accept it with --allow " + VIEW_COUNT + ".");
        }
        warnings.add(problem);
    }

    /** Checks the cameras, brings them into the model's world if asked, and checks them again. */
    private List<PosedView> normalized(List<PosedView> views, List<String> warnings) {
        CameraRig rig = new CameraRig(inputs.getFirst().toString(), views.stream().map(PosedView::camera).toList());
        GeometryMode mode = GeometryMode.of(normalize);
        if (mode.warpsImages()) {
            throw CommandException.usage("--normalize " + normalize + " warps the pictures", "Use none, similarity, per_camera_legacy or per_camera_dolly.");
        }
        if (mode != GeometryMode.NONE || alignUp) {
            RigCheck.require(rig, RigCheck.Limits.SOURCE_UNITS);
            Optional<UpMethod> up = alignUp ? Optional.of(rig.size() >= 3 ? new UpMethod.Pca() : new UpMethod.MeanCameraUp()) : Optional.empty();
            RigNormalization.Result result = new RigNormalization(new RigNormalization.Center.Keep(), up, OptionalInt.empty(), mode, Rings.STANDARD_DISTANCE,
                    Optional.empty()).apply(rig);
            warnings.addAll(result.warnings());
            rig = result.rig();
        }
        RigCheck.require(rig);
        RigCheck.inspect(rig, RigCheck.Limits.STANDARD).forEach(f -> warnings.add(f.message()));
        CameraRig checked = rig;
        return IntStream.range(0, views.size()).mapToObj(i -> views.get(i).withCamera(checked.get(i))).toList();
    }

    /** The summary of a reconstruction; {@code mouselift demo} prints it too. */
    static void print(PrintWriter out, Path folder, ReconstructionFolder.Report report, boolean json) {
        if (json) {
            out.println(Json.write(report));
            return;
        }
        out.printf(Locale.ROOT, "%d Gaussians, %d after clean-up%n", report.gaussians().before(), report.gaussians().kept());
        line(out, "input views", report.input());
        line(out, "unseen views", report.unseen());
        line(out, report.unseen() == null ? "white picture" : "white picture (unseen)", report.whiteBaseline());
        report.files().forEach(file -> out.println(folder.resolve(file)));
    }

    /** What is defined of the metrics: without a mask there is no foreground, and of equal pictures no PSNR. */
    private static void line(PrintWriter out, String what, Map<String, Double> metrics) {
        if (metrics != null) {
            out.printf("%-24s %s%n", what, Stream.of(number("PSNR %.2f dB", metrics.get("psnr")), number("SSIM %.4f", metrics.get("ssim")),
                    number("foreground PSNR %.2f dB", metrics.get("foregroundPsnr")), number("mask IoU %.3f", metrics.get("maskIou")))
                    .flatMap(Optional::stream).collect(Collectors.joining(", ")));
        }
    }

    private static Optional<String> number(String format, Double value) {
        return Optional.ofNullable(value).map(v -> String.format(Locale.ROOT, format, v));
    }
}
