package org.mouselift.pipeline.cli;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import org.mouselift.pipeline.multiview.MultiViewPipeline;
import org.mouselift.pipeline.multiview.PipelineFolder;
import org.mouselift.pipeline.multiview.SamplingOptions;
import org.mouselift.pipeline.multiview.ReferencePicture;
import org.mouselift.pipeline.multiview.Subject;
import org.mouselift.pipeline.prompts.PromptEmbeddings;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** {@code mouselift views}: a photo to the views around its subject. */
@Command(
        name = "views",
        description = "Draw the views around the subject of a photo (the first stage alone).",
        sortOptions = false,
        footer = {"", "A photo shows the subject on white or has alpha. Of a sample folder (opencv_cameras.json) the first view is",
            "the photo. The same seed gives the same views of a photo, whatever is done before it.", "",
            "Output in DIR/NAME: input.png, view_00.png ..., multiview.png, run.json; steps/ with --save-steps.", "",
            "Examples:", "  mouselift views mouse.png --pipeline pipeckpts -o views", "  mouselift views photos --auto-crop --steps 20 --resume -o views"})
final class ViewsCommand implements Callable<Integer> {
    @Option(names = {"-o", "--output", "--output_dir"}, defaultValue = "views_out", paramLabel = "DIR", description = "Folder for the results (default: ${DEFAULT-VALUE}).")
    @PathRole(PathRole.Kind.OUTPUT_FOLDER)
    private Path output;

    @Mixin
    private PhotoArguments photos;

    @Option(names = "--allow", paramLabel = "CODE", description = "Go on although this check fails (" + ReferencePicture.ALPHA + ": neither alpha nor a white border; "
            + "checks of the prompts: see mouselift prompts check).")
    private List<String> allowed = new ArrayList<>();

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
        SamplingArguments.requireAllowable(allowed, SamplingArguments.allowable(ReferencePicture.ALPHA));
        List<Subject> subjects = photos.subjects();
        SamplingArguments sampling = photos.sampling();
        PipelineFolder folder = sampling.folder(mouselift);
        photos.requireSpecies(folder.unet());
        SamplingOptions options = sampling.options(folder);
        PromptEmbeddings prompts = sampling.prompts(folder);
        sampling.promptCheck(folder, prompts).require(Set.copyOf(allowed), mouselift::note);
        PhotoArguments.sayDirection(folder, prompts, mouselift);
        photos.compareWithTraining(folder);
        try (MultiViewPipeline pipeline = MultiViewPipeline.load(folder)) {
            Map<String, Object> settings = photos.settings(folder, prompts, options, sampling.size(pipeline));
            PhotoBatch batch = new PhotoBatch(mouselift, spec, output, photos.resume(), settings, SamplingArguments.weights(folder));
            return batch.all(subjects, (subject, place) -> photos.draw(batch, subject, place, pipeline, prompts, options, allowed.contains(ReferencePicture.ALPHA)).write(place, ""));
        }
    }
}
