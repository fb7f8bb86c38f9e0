package org.mouselift.pipeline.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.concurrent.Callable;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.checkpoint.Provenance;
import org.mouselift.data.image.Image8;
import org.mouselift.data.recording.DatasetSplit;
import org.mouselift.pipeline.mousedata.GeneratedDataset;
import org.mouselift.pipeline.multiview.GeneratedViews;
import org.mouselift.pipeline.multiview.MultiViewPipeline;
import org.mouselift.pipeline.multiview.PipelineFolder;
import org.mouselift.pipeline.multiview.ReferencePicture;
import org.mouselift.pipeline.multiview.SamplingOptions;
import org.mouselift.pipeline.multiview.Subject;
import org.mouselift.pipeline.prompts.PromptCheck;
import org.mouselift.pipeline.prompts.PromptEmbeddings;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** {@code mouselift data generate}: a data set of drawn views, for the training of the second stage on what the first one makes. */
@Command(name = "generate", sortOptions = false, description = "Draw the views of many photos into a data set.",
        footer = {"", "The first 5 samples must pass the gate (mouselift data gate) before the rest is drawn. Running again with the",
            "same options adds what is missing.", "", "Example:",
            "  mouselift data generate data_mouse/data_mouse_train.txt --pipeline pipeckpts -o data_mouse_synthetic"})
final class DataGenerateCommand implements Callable<Integer> {
    @Parameters(arity = "1..*", paramLabel = "SAMPLES", description = "Data sets, samples, lists of samples (.txt) or photos; the first view of a sample is the photo.")
    private List<Path> inputs;

    @Option(names = {"-o", "--output", "--output_dir"}, required = true, paramLabel = "DIR", description = "Folder of the new data set.")
    @PathRole(PathRole.Kind.OUTPUT_FOLDER)
    private Path output;

    @Option(names = {"--num-samples", "--num_samples"}, paramLabel = "N", description = "The first N (default: all).")
    private Integer count;

    @Option(names = "--cameras", paramLabel = "RIG", description = "Cameras of the slots (default: those that the pipeline or its prompts record).")
    @PathRole(PathRole.Kind.RIG)
    private String cameras;

    @Option(names = "--val-ratio", defaultValue = "0.1", paramLabel = "RATIO", description = "Share for validation (default: ${DEFAULT-VALUE}).")
    private double ratio;

    @Option(names = {"--auto-crop", "--auto_crop"}, arity = "0..1", fallbackValue = "0.65", paramLabel = "SHARE",
            description = "Frame the photos so that the subject takes this share; needs alpha (without a number: ${FALLBACK-VALUE}).")
    private Double crop;

    @Option(names = "--seed", defaultValue = "42", paramLabel = "N", description = "Seed of the first photo, one more for each (default: ${DEFAULT-VALUE}).")
    private long seed;

    @Option(names = "--ignore-gate", description = "Go on although the first samples do not show what they were made from; recorded.")
    private boolean ignoreGate;

    @Option(names = "--allow", paramLabel = "CODE", description = "Go on although this check fails (checks of the prompts: see mouselift prompts check).")
    private List<String> allowed = new ArrayList<>();

    @Mixin
    private SamplingArguments sampling;

    @Mixin
    private DeviceArgument device;

    @ParentCommand
    private DataCommand parent;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws Exception {
        return device.run(parent.mouselift, this::compute);
    }

    private Integer compute() throws IOException {
        SamplingArguments.requireAllowable(allowed, SamplingArguments.allowable(ReferencePicture.ALPHA));
        if (crop != null && !(crop > 0.05 && crop <= 1)) {
            throw CommandException.usage("--auto-crop " + crop + ": expected a share between 0.05 and 1", "");
        }
        DatasetSplit split;
        try {
            split = new DatasetSplit(DatasetSplit.Kind.RANDOM, ratio, seed, 0);
        } catch (IllegalArgumentException e) {
            throw CommandException.usage("--val-ratio " + ratio, "Give 0 to less than 1.");
        }
        if (count != null && count < 1) {
            throw CommandException.usage("--num-samples " + count, "Give at least 1.");
        }
        List<Subject> subjects = Subject.of(inputs);
        subjects = count == null ? subjects : subjects.subList(0, Math.min(count, subjects.size()));
        PipelineFolder folder = sampling.folder(parent.mouselift);
        SamplingOptions options = sampling.options(folder);
        PromptEmbeddings prompts = sampling.prompts(folder);
        PromptCheck check = sampling.promptCheck(folder, prompts);
        check.require(Set.copyOf(allowed), parent.mouselift::note);
        CameraRig rig = SlotCameras.checked(cameras, folder, check, allowed, parent.mouselift);
        try (MultiViewPipeline pipeline = MultiViewPipeline.load(folder)) {
            int size = sampling.size(pipeline);
            ObjectNode settings = new ObjectMapper().valueToTree(sampling.settings(folder, prompts, options, size, seed));
            settings.put("rig", rig.id()).put("val_ratio", ratio).put("autoCrop", crop);
            List<Provenance.Parent> parents = new ArrayList<>();
            inputs.forEach(p -> parents.add(new Provenance.Parent("data", p, Optional.empty())));
            parents.add(new Provenance.Parent("unet", folder.unet(), Optional.empty()));
            GeneratedDataset set = new GeneratedDataset(output, rig, settings, parents, spec.root().commandLine().getParseResult().originalArgs());
            return draw(set, subjects, pipeline, prompts, options, size, split);
        }
    }

    private Integer draw(GeneratedDataset set, List<Subject> subjects, MultiViewPipeline pipeline, PromptEmbeddings prompts, SamplingOptions options, int size, DatasetSplit split)
            throws IOException {
        boolean anyBackground = allowed.contains(ReferencePicture.ALPHA);
        GeneratedDataset.Report report;
        try (Interruption interruption = new Interruption();
                Progress progress = parent.mouselift.progress("data generate", subjects.size(), "samples");
                Progress silent = Progress.silent()) {
            report = set.run(subjects.stream().map(s -> new GeneratedDataset.Source(s.name(), s.photo())).toList(), (source, index) -> {
                Image8 photo = ReferencePicture.read(source.reference(), size, crop == null ? OptionalDouble.empty() : OptionalDouble.of(crop), anyBackground);
                return GeneratedViews.sample(pipeline, prompts, photo, options, seed + index, PhotoBatch.listener(silent, interruption, null));
            }, split, ignoreGate, g -> spec.commandLine().getOut().printf("gate  %s: %s%s, %s%n", g.sample(), g.decision(), g.rejected() ? ", rejected" : "", g.findings()), progress::advance);
        }
        spec.commandLine().getOut().printf("%s: %d samples written, %d were there, %d failed; %d to train, %d to validate%n", output, report.written(), report.kept(), report.failures().size(), report.train(), report.validation());
        return ExitCode.OK;
    }
}
