package org.mouselift.pipeline.cli;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.function.Consumer;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.camera.RigCheck;
import org.mouselift.data.checkpoint.ContentHash;
import org.mouselift.engine.MemoryPool;
import org.mouselift.pipeline.evaluate.SlotTruth;
import org.mouselift.pipeline.multiview.GeneratedViews;
import org.mouselift.pipeline.multiview.MultiViewPipeline;
import org.mouselift.pipeline.multiview.PipelineFolder;
import org.mouselift.pipeline.multiview.PosedSlots;
import org.mouselift.pipeline.multiview.SamplingOptions;
import org.mouselift.pipeline.multiview.ReferencePicture;
import org.mouselift.pipeline.multiview.Subject;
import org.mouselift.pipeline.profile.ProfileReport;
import org.mouselift.pipeline.profile.StageProfile;
import org.mouselift.pipeline.prompts.PromptEmbeddings;
import org.mouselift.pipeline.reconstruct.GsLrmWeights;
import org.mouselift.pipeline.reconstruct.PosedView;
import org.mouselift.pipeline.reconstruct.PosedViewReader;
import org.mouselift.pipeline.reconstruct.ReconstructionFolder;
import org.mouselift.pipeline.reconstruct.RigProvenance;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** {@code mouselift reconstruct}: a photo to 3D Gaussians, both stages. */
@Command(
        name = "reconstruct",
        description = "Reconstruct 3D Gaussians from one photo: the views around it, then Gaussians from these.",
        sortOptions = false,
        footer = {"", "A photo shows the subject on white or has alpha. Of a sample folder (opencv_cameras.json) the first view is",
            "the photo and the others are the truth that the result is compared with.", "",
            "Output in DIR/NAME: input.png, generated_views/view_00.png ..., multiview.png, gaussians.ply, turntable.mp4,",
            "viewer.html, output.png (the generated views rendered again), metrics.json, run.json; of a sample also",
            "unseen.png and views.json (the generated views compared with the true ones).", "",
            "Examples:", "  mouselift reconstruct mouse.png --pipeline pipeckpts -o result", "  mouselift reconstruct photos --auto-crop --resume -o results"})
final class ReconstructCommand implements Callable<Integer> {
    private static final String VIEWS = "generated_views";

    @Option(names = {"-o", "--output", "--output_dir"}, defaultValue = "reconstruct_out", paramLabel = "DIR", description = "Folder for the results (default: ${DEFAULT-VALUE}).")
    @PathRole(PathRole.Kind.OUTPUT_FOLDER)
    private Path output;

    @Mixin
    private PhotoArguments photos;

    @Mixin
    private WeightsArgument weightsArgument;

    @Option(names = "--cameras", paramLabel = "RIG",
            description = "Directions of the views the pipeline draws, in their order: a rig or a camera file (default: the rig that the pipeline or its prompts record).")
    @PathRole(PathRole.Kind.RIG)
    private String cameras;

    @Option(names = "--turntable", defaultValue = "120", paramLabel = "N", description = "Frames of the turntable; 0 for none (default: ${DEFAULT-VALUE}).")
    private int turntable;

    @Mixin
    private SplatOptions splatOptions;

    @Option(names = "--allow", paramLabel = "CODE", description = "Go on although this check fails (" + ReferencePicture.ALPHA + ": neither alpha nor a white border; "
            + RigProvenance.CODE + ": cameras unlike those of the training; checks of the prompts: see mouselift prompts check).")
    private List<String> allowed = new ArrayList<>();

    @Option(names = "--profile", description = "Also print and write (profile.json) seconds, GFLOP/s and peak memory of every stage, by kind of operation.")
    private boolean profiled;

    @Mixin
    private DeviceArgument device;

    @ParentCommand
    private Mouselift mouselift;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws Exception {
        if (profiled && device.isUsed()) {
            throw CommandException.usage("--profile measures the operations of the CPU, not of --device " + device.asked(), "Leave one of the two out.");
        }
        return device.run(mouselift, this::compute);
    }

    private Integer compute() throws IOException {
        SamplingArguments.requireAllowable(allowed, SamplingArguments.allowable(ReferencePicture.ALPHA, RigProvenance.CODE));
        List<Subject> subjects = photos.subjects();
        Optional<Subject> known = subjects.stream().filter(s -> s.sample().isPresent()).findFirst();
        if (photos.crops() && known.isPresent()) {
            throw CommandException.usage("--auto-crop changes the photo and not the true views of the sample " + known.get().sample().get(),
                    "Leave it away for samples, or name the photo itself: " + known.get().photo());
        }
        SamplingArguments sampling = photos.sampling();
        PipelineFolder folder = sampling.folder(mouselift);
        photos.requireSpecies(folder.unet(), weightsArgument.path());
        SamplingOptions options = sampling.options(folder);
        PromptEmbeddings prompts = sampling.prompts(folder);
        CameraRig rig = SlotCameras.checked(cameras, folder, sampling.promptCheck(folder, prompts), allowed, mouselift);
        RigCheck.require(rig);
        PhotoArguments.sayDirection(folder, prompts, mouselift);
        photos.compareWithTraining(folder);
        try (GsLrmWeights weights = weightsArgument.open(); MultiViewPipeline pipeline = MultiViewPipeline.load(folder)) {
            ReconstructionFolder.Options what = splatOptions.of(turntable, weights.imageSize());
            List<String> warnings = requireMatch(weights, pipeline, rig, rig.id(), allowed.contains(RigProvenance.CODE));
            warnings.forEach(w -> mouselift.note("warning: " + w));
            int size = sampling.size(pipeline);
            Map<String, Object> settings = photos.settings(folder, prompts, options, size);
            settings.put("rig", rig.id());
            settings.put("reconstructor", weights.folder().toString());
            settings.put("reconstructorSha256", ContentHash.ofFile(weights.file()));
            Map<String, Path> files = SamplingArguments.weights(folder);
            files.put("gslrm", weights.file());
            PhotoBatch batch = new PhotoBatch(mouselift, spec, output, photos.resume(), settings, files);
            return batch.all(subjects, (subject, place) -> staged(subject, place, options, stages -> {
                Truth truth = Truth.of(subject, rig, size, weights.imageSize());
                GeneratedViews views = photos.draw(batch, subject, place, pipeline, prompts, options, allowed.contains(ReferencePicture.ALPHA), stages);
                stages.accept("files of the views");
                // What the first network worked with is of other sizes than what the second needs.
                MemoryPool.trim();
                views.write(place, VIEWS);
                if (truth.slots.isPresent()) {
                    PhotoBatch.json(place.resolve("views.json"), truth.slots.get().report(views.reference(), views.views()));
                }
                List<PosedView> posed = PosedSlots.of(views.views(), rig, weights.imageSize());
                try (Progress progress = mouselift.progress(subject.name(), ReconstructionFolder.steps(posed.size(), truth.others.size(), what), "steps")) {
                    ReconstructionFolder.write(place, weights, posed, truth.others, what, warnings, progress::advance, stages).warnings().stream()
                            .filter(w -> !warnings.contains(w)).forEach(w -> mouselift.note("warning: " + subject.name() + ": " + w));
                }
            }));
        }
    }

    /** The work on a photo. */
    private interface Work {
        /** @param stages gets the name of every part of the work that begins */
        void run(Consumer<String> stages) throws IOException;
    }

    /** Does the work, with {@code --profile} measured. */
    private void staged(Subject subject, Path place, SamplingOptions options, Work work) throws IOException {
        if (!profiled) {
            work.run(stage -> {});
            return;
        }
        StageProfile profile = new StageProfile();
        profile.during(() -> {
            work.run(profile::begin);
            profile.end();
            return place;
        });
        ProfileReport report = ProfileReport.of("photo " + subject.photo() + " to Gaussians, " + options.steps() + " steps with guidance " + options.guidance(),
                ProfileReport.Machine.here(MachineReport.processorName(), null), profile.stages());
        PhotoBatch.json(place.resolve("profile.json"), report);
        spec.commandLine().getOut().println(report.text());
    }

    /**
     * What is known about a subject besides the photo.
     *
     * @param others true views that the result is compared with: those beyond the slots, or the slots but the photo's
     */
    private record Truth(Optional<SlotTruth> slots, List<PosedView> others) {
        static Truth of(Subject subject, CameraRig rig, int viewSize, int splatSize) throws IOException {
            if (subject.sample().isEmpty()) {
                return new Truth(Optional.empty(), List.of());
            }
            Path sample = subject.sample().get();
            Optional<SlotTruth> slots = SlotTruth.of(sample, PosedViewReader.sample(sample, viewSize), rig);
            List<PosedView> all = PosedViewReader.sample(sample, splatSize);
            return new Truth(slots, all.subList(all.size() > rig.size() ? rig.size() : 1, all.size()));
        }
    }

    /** Pipeline, cameras and reconstructor belong together; the warnings. */
    static List<String> requireMatch(GsLrmWeights weights, MultiViewPipeline pipeline, CameraRig rig, String name, boolean allowRig) {
        if (rig.size() != pipeline.views()) {
            throw CommandException.badInput("MFL-E114: " + rig.size() + " cameras (" + name + ") for the " + pipeline.views() + " views that the pipeline draws",
                    "Name the rig of the pipeline's training with --cameras.");
        }
        if (weights.inputViews() != pipeline.views()) {
            throw CommandException.badInput(SplatCommand.VIEW_COUNT + ": " + weights.folder() + " was trained with " + weights.inputViews()
                    + " input views, the pipeline draws " + pipeline.views(), "Use a reconstructor and a pipeline for the same number of views.");
        }
        return RigMatch.require(weights, name, rig.cameras(), allowRig, "Name the rig of the training with --cameras, or go on with --allow " + RigProvenance.CODE + ".")
                .map(List::of).orElse(List.of());
    }
}
