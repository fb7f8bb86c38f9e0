package org.mouselift.pipeline.cli;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import org.mouselift.data.image.Image8;
import org.mouselift.pipeline.multiview.GeneratedViews;
import org.mouselift.pipeline.multiview.MultiViewPipeline;
import org.mouselift.pipeline.multiview.PipelineFolder;
import org.mouselift.pipeline.multiview.ReferencePicture;
import org.mouselift.pipeline.multiview.SamplingOptions;
import org.mouselift.pipeline.multiview.StepPictures;
import org.mouselift.pipeline.multiview.Subject;
import org.mouselift.pipeline.prompts.PromptEmbeddings;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Photos and how their views are drawn: what the commands that work through photos share. */
final class PhotoArguments {
    @Parameters(arity = "1..*", paramLabel = "IMAGE", description = "Photos, folders of photos, sample folders or lists of these (.txt).")
    private List<Path> inputs;

    @Mixin
    private SamplingArguments sampling;

    @Mixin
    private SpeciesArgument species;

    @Option(names = "--seed", defaultValue = "42", paramLabel = "N", description = "Seed of every photo (default: ${DEFAULT-VALUE}).")
    private long seed;

    @Option(names = {"--auto-crop", "--auto_crop"}, arity = "0..1", fallbackValue = "0.65", paramLabel = "SHARE",
            description = "Frame the photo so that the subject takes this share of it; needs alpha (without a number: ${FALLBACK-VALUE}).")
    private Double crop;

    @Option(names = "--save-steps", description = "Also write the views after every sampling step, decoded.")
    private boolean saveSteps;

    @Option(names = "--resume", description = "Leave photos as they are that were done with the same settings.")
    private boolean resume;

    /** The photos, after a check of the options that need no file. */
    List<Subject> subjects() throws IOException {
        if (crop != null && !(crop > 0.05 && crop <= 1)) {
            throw CommandException.usage("--auto-crop " + crop + ": expected a share between 0.05 and 1", "");
        }
        return Subject.of(inputs);
    }

    /** The photo is framed anew. */
    boolean crops() {
        return crop != null;
    }

    SamplingArguments sampling() {
        return sampling;
    }

    /** Refuses weights of another species than was asked for. */
    void requireSpecies(Path... weights) throws IOException {
        for (Path path : weights) {
            species.require(path);
        }
    }

    /** What decides the pictures besides the photo. */
    Map<String, Object> settings(PipelineFolder folder, PromptEmbeddings prompts, SamplingOptions options, int pixels) throws IOException {
        Map<String, Object> settings = sampling.settings(folder, prompts, options, pixels, seed);
        settings.put("autoCrop", crop);
        return settings;
    }

    /** Done photos stay. */
    boolean resume() {
        return resume;
    }

    /**
     * Draws the views of a photo.
     *
     * @param place of its results; {@code steps/} within gets the pictures of the steps, where they are wanted
     * @param anyBackground the photo may have a background
     */
    GeneratedViews draw(PhotoBatch batch, Subject subject, Path place, MultiViewPipeline pipeline, PromptEmbeddings prompts, SamplingOptions options,
            boolean anyBackground) throws IOException {
        Image8 photo = ReferencePicture.read(subject.photo(), sampling.size(pipeline), crop == null ? OptionalDouble.empty() : OptionalDouble.of(crop), anyBackground);
        StepPictures steps = saveSteps ? new StepPictures(pipeline, place.resolve("steps")) : null;
        GeneratedViews views = batch.sample(subject, options.steps(), steps, listener -> GeneratedViews.sample(pipeline, prompts, photo, options, seed, listener));
        EarlierResults.delete(place, saveSteps ? options.steps() : 0);
        return views;
    }
}
