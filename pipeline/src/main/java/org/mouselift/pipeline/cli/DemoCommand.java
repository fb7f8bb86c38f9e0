package org.mouselift.pipeline.cli;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import org.mouselift.data.camera.Azimuth;
import org.mouselift.data.camera.Camera;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.camera.Intrinsics;
import org.mouselift.data.camera.RigCatalog;
import org.mouselift.data.camera.Rings;
import org.mouselift.data.image.Image8;
import org.mouselift.data.image.PngWriter;
import org.mouselift.data.synth.MouseView;
import org.mouselift.data.synth.SynthMouse;
import org.mouselift.pipeline.evaluate.SlotTruth;
import org.mouselift.pipeline.multiview.GeneratedViews;
import org.mouselift.pipeline.multiview.MultiViewPipeline;
import org.mouselift.pipeline.multiview.PipelineFolder;
import org.mouselift.pipeline.multiview.PosedSlots;
import org.mouselift.pipeline.multiview.SamplingOptions;
import org.mouselift.pipeline.prompts.PromptEmbeddings;
import org.mouselift.pipeline.reconstruct.GsLrmWeights;
import org.mouselift.pipeline.reconstruct.Pictures;
import org.mouselift.pipeline.reconstruct.PosedView;
import org.mouselift.pipeline.reconstruct.ReconstructionFolder;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** {@code mouselift demo}: a synthetic mouse that the models have never seen, photographed, reconstructed and measured. */
@Command(
        name = "demo",
        description = "Reconstruct a synthetic mouse that the models have never seen from one photo, and measure the result from other cameras.",
        sortOptions = false,
        footer = {"", "The mouse is photographed by the first camera of the rig human6 (--photos 6: by all six, and the first stage",
            "is left out). Eight other cameras between -10 and 40 degrees of elevation are compared with the result",
            "(unseen.png: truth, rendering, error).", "",
            "Output: gaussians.ply, turntable.mp4, viewer.html, multiview.png (inputs of the second stage),",
            "output.png (these rendered again), unseen.png, metrics.json, run.json; from one photo also input.png,",
            "generated_views.png (true views above, generated ones below), generated_views/view_00.png ...,",
            "views.json (generated against true).", "",
            "metrics.json, and --json: gaussians (before and after clean-up, and what each filter took), input,",
            "unseen and whiteBaseline (means of psnr, ssim, foregroundPsnr, maskIou over the input views, the unseen",
            "views, and a white picture in the place of these; null what is not defined), views (the same for each),",
            "seconds, warnings, files.", "",
            "Examples:", "  mouselift demo", "  mouselift demo --mouse 3 --gif -o demo_3", "  mouselift demo --photos 6"})
final class DemoCommand implements Callable<Integer> {
    private static final String RIG = "human6";
    private static final String NOISE_SEED = "--noise-seed";
    /** Unseen cameras stand between those of the rig, at these elevations in degrees. */
    private static final double[] ELEVATIONS = {-10, 40, 5, 30, -5, 20, 0, 10};

    @Option(names = {"-o", "--output"}, defaultValue = "demo_out", paramLabel = "DIR", description = "Folder for the results (default: ${DEFAULT-VALUE}).")
    @PathRole(PathRole.Kind.OUTPUT_FOLDER)
    private Path output;

    @Option(names = "--seed", defaultValue = "777", paramLabel = "N", description = "Population of the mouse; the model was trained on others (default: ${DEFAULT-VALUE}).")
    private long seed;

    @Option(names = "--mouse", defaultValue = "0", paramLabel = "INDEX", description = "Which mouse of the population (default: ${DEFAULT-VALUE}).")
    private int mouse;

    @Option(names = "--photos", defaultValue = "1", paramLabel = "N", description = "Photos of the mouse: 1, the others are generated, or 6, the upper bound of what that "
            + "can give (default: ${DEFAULT-VALUE}).")
    private int photos;

    @Mixin
    private SamplingArguments sampling;

    @Option(names = NOISE_SEED, defaultValue = "42", paramLabel = "N", description = "Seed of the generated views (default: ${DEFAULT-VALUE}).")
    private long noiseSeed;

    @Mixin
    private WeightsArgument weightsArgument;

    @Option(names = "--turntable", defaultValue = "120", paramLabel = "N", description = "Frames of the turntable; 0 for none (default: ${DEFAULT-VALUE}).")
    private int turntable;

    @Mixin
    private SplatOptions options;

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
        if (mouse < 0) {
            throw CommandException.usage("--mouse " + mouse + ": expected 0 or more", "");
        }
        if (photos != 1 && photos != 6) {
            throw CommandException.usage("--photos " + photos + ": expected 1 or 6", "");
        }
        List<String> firstStage = new ArrayList<>(sampling.given());
        if (spec.commandLine().getParseResult().hasMatchedOption(NOISE_SEED)) {
            firstStage.add(NOISE_SEED);
        }
        if (photos == 6 && !firstStage.isEmpty()) {
            throw CommandException.usage(firstStage.getFirst() + " belongs to the first stage, which --photos 6 leaves out", "Leave one of them away.");
        }
        long start = System.nanoTime();
        PipelineFolder folder = photos == 1 ? sampling.folder(mouselift) : null;
        PromptEmbeddings prompts = photos == 1 ? sampling.prompts(folder) : null;
        SamplingOptions how = photos == 1 ? sampling.options(folder) : null;
        CameraRig rig = photos == 1 ? SlotCameras.checked(folder.cameraFile().isPresent() ? null : RIG, folder, sampling.promptCheck(folder, prompts), List.of(), mouselift) : RigCatalog.human6();
        try (GsLrmWeights weights = weightsArgument.open(); MultiViewPipeline pipeline = photos == 1 ? MultiViewPipeline.load(folder) : null) {
            int size = weights.imageSize();
            ReconstructionFolder.Options what = options.of(turntable, size);
            String advice = "Use weights that were trained with the six views of human6, or the commands splat and reconstruct.";
            if (rig.size() != weights.inputViews() || pipeline != null && pipeline.views() != rig.size()) {
                throw CommandException.badInput(SplatCommand.VIEW_COUNT + ": " + weights.folder() + " was trained with " + weights.inputViews() + " input views"
                        + (pipeline == null ? "" : ", " + folder.path() + " draws " + pipeline.views()) + ", the demo has " + rig.size(), advice);
            }
            RigMatch.require(weights, "the demo's rig human6", rig.cameras(), false, advice).ifPresent(w -> mouselift.note("warning: " + w));
            List<PosedView> unseen = photograph(unseen(size), size, "unseen");
            List<PosedView> inputs;
            Map<String, Object> settings = null;
            if (pipeline == null) {
                EarlierResults.delete(output, 0);
                inputs = photograph(SynthMouse.resized(rig.cameras(), size), size, "human6");
                mouselift.note(String.format(Locale.ROOT, "mouse %d of population %d photographed: %.1f s", mouse, seed, (System.nanoTime() - start) * 1e-9));
            } else {
                settings = sampling.settings(folder, prompts, how, sampling.size(pipeline), noiseSeed);
                settings.put("rig", rig.id());
                inputs = generated(pipeline, prompts, rig, how, size);
            }
            ReconstructionFolder.Report report;
            try (Progress progress = mouselift.progress("demo", ReconstructionFolder.steps(inputs.size(), unseen.size(), what), "steps")) {
                report = ReconstructionFolder.write(output, weights, inputs, unseen, what, List.of(), progress::advance);
            }
            report.warnings().forEach(w -> mouselift.note("warning: " + w));
            RunRecord.write(output, spec, weights, settings, folder == null ? Map.of() : SamplingArguments.weights(folder), start);
            SplatCommand.print(spec.commandLine().getOut(), output, report, json);
            mouselift.note(String.format(Locale.ROOT, "done in %.1f s; open %s in a browser", (System.nanoTime() - start) * 1e-9, output.resolve("viewer.html")));
        }
        return ExitCode.OK;
    }

    /** The views of the rig that stage 1 makes of a photo by its first camera. */
    private List<PosedView> generated(MultiViewPipeline pipeline, PromptEmbeddings prompts, CameraRig rig, SamplingOptions how, int size) throws IOException {
        int side = sampling.size(pipeline);
        List<PosedView> truth = photograph(SynthMouse.resized(rig.cameras(), side), side, rig.id());
        Image8 photo = truth.getFirst().picture();
        GeneratedViews views;
        try (Interruption interruption = new Interruption(); Progress progress = mouselift.progress("views", how.steps(), "steps")) {
            views = GeneratedViews.sample(pipeline, prompts, photo, how, noiseSeed, PhotoBatch.listener(progress, interruption, null));
        }
        EarlierResults.delete(output, 0);
        views.write(output, "generated_views");
        PhotoBatch.json(output.resolve("views.json"), new SlotTruth(truth).report(photo, views.views()));
        PngWriter.write(output.resolve("generated_views.png"),
                Pictures.stack(List.of(Pictures.strip(truth.stream().map(PosedView::picture).toList()), Pictures.strip(views.views()))));
        return PosedSlots.of(views.views(), rig, size);
    }

    private static List<Camera> unseen(int size) {
        List<Camera> cameras = new ArrayList<>();
        for (int i = 0; i < ELEVATIONS.length; i++) {
            cameras.add(Rings.orbit(Intrinsics.standard(size), Rings.STANDARD_DISTANCE, ELEVATIONS[i], Azimuth.xy(292.5 + 45 * i)));
        }
        return cameras;
    }

    private List<PosedView> photograph(List<Camera> cameras, int size, String name) {
        List<MouseView> views = SynthMouse.of(seed, mouse).render(cameras);
        return IntStream.range(0, cameras.size()).mapToObj(i -> PosedView.of(name + "_" + i,
                new Image8(size, size, 4, views.get(i).rgba()), cameras.get(i), size)).toList();
    }
}
