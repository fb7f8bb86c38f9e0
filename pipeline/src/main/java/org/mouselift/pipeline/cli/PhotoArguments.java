package org.mouselift.pipeline.cli;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.function.Consumer;
import org.mouselift.data.checkpoint.Provenance;
import org.mouselift.data.image.Image8;
import org.mouselift.data.prompts.PromptMetadata;
import org.mouselift.data.prompts.PromptSlot;
import org.mouselift.pipeline.multiview.ExpectedSubject;
import org.mouselift.pipeline.multiview.GeneratedViews;
import org.mouselift.pipeline.multiview.MultiViewPipeline;
import org.mouselift.pipeline.multiview.PipelineFolder;
import org.mouselift.pipeline.multiview.ReferencePicture;
import org.mouselift.pipeline.multiview.SamplingOptions;
import org.mouselift.pipeline.multiview.StepPictures;
import org.mouselift.pipeline.multiview.Subject;
import org.mouselift.pipeline.prompts.PromptEmbeddings;
import org.mouselift.pipeline.prompts.TrainedPrompts;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Photos and how their views are drawn: what the commands that work through photos share. */
final class PhotoArguments {
    @Parameters(arity = "0..*", paramLabel = "IMAGE", description = "Photos, folders of photos, sample folders or lists of these (.txt).")
    private List<Path> inputs = new ArrayList<>();

    @Option(names = {"-i", "--input_dir"}, paramLabel = "IMAGE", description = "One more IMAGE, as the original spells it.")
    private Path folder;

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

    /** Empty as long as nothing is known. */
    private Optional<ExpectedSubject> expected = Optional.empty();

    /** The photos, after a check of the options that need no file. */
    List<Subject> subjects() throws IOException {
        if (crop != null && !(crop > 0.05 && crop <= 1)) {
            throw CommandException.usage("--auto-crop " + crop + ": expected a share between 0.05 and 1", "");
        }
        List<Path> all = new ArrayList<>(inputs);
        if (folder != null) {
            all.add(folder);
        }
        if (all.isEmpty()) {
            throw CommandException.usage("no photo is named", "Name photos, or folders of photos.");
        }
        return Subject.of(all);
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

    /** Says from where the photos of the training were taken: of a photo from elsewhere the views are wrong (mouse specification §8.2, K-20). */
    static void sayDirection(PipelineFolder folder, PromptEmbeddings prompts, Mouselift mouselift) throws IOException {
        List<PromptSlot> slots = TrainedPrompts.read(folder.unet()).map(TrainedPrompts::slots).filter(s -> !s.isEmpty())
                .or(() -> prompts.metadata().map(PromptMetadata::slots)).orElse(List.of());
        mouselift.note(slots.isEmpty() ? "warning: neither the pipeline nor its prompts record from where the photo must be taken"
                : String.format(Locale.ROOT, "the photo is taken for the view '%s' (azimuth %.0f°, elevation %.0f°), the first of the training; views of a photo from elsewhere are wrong",
                        slots.getFirst().name(), Math.rint(slots.getFirst().azimuth()) + 0.0, Math.rint(slots.getFirst().elevation()) + 0.0));
    }

    /** Compares photos with those that a pipeline's UNet was trained on, where its record says how large these show the subject. */
    void compareWithTraining(PipelineFolder folder) throws IOException {
        Path artefact = folder.unet().toAbsolutePath().normalize().getParent();
        expected = Provenance.read(artefact).flatMap(ExpectedSubject::of);
    }

    /**
     * Draws the views of a photo.
     *
     * @param place of its results; {@code steps/} within gets the pictures of the steps, where they are wanted
     * @param anyBackground the photo may have a background
     */
    GeneratedViews draw(PhotoBatch batch, Subject subject, Path place, MultiViewPipeline pipeline, PromptEmbeddings prompts, SamplingOptions options,
            boolean anyBackground) throws IOException {
        return draw(batch, subject, place, pipeline, prompts, options, anyBackground, stage -> {});
    }

    /** The same for somebody who wants to know which part of the work begins; {@code stages} gets its name. */
    GeneratedViews draw(PhotoBatch batch, Subject subject, Path place, MultiViewPipeline pipeline, PromptEmbeddings prompts, SamplingOptions options,
            boolean anyBackground, Consumer<String> stages) throws IOException {
        ReferencePicture.Framed framed = ReferencePicture.frame(subject.photo(), sampling.size(pipeline), crop == null ? OptionalDouble.empty() : OptionalDouble.of(crop),
                anyBackground);
        framed.subject().flatMap(seen -> expected.flatMap(e -> e.warning(seen))).ifPresent(w -> batch.note("warning: " + subject.photo() + ": " + w));
        Image8 photo = framed.picture();
        StepPictures steps = saveSteps ? new StepPictures(pipeline, place.resolve("steps")) : null;
        GeneratedViews views = batch.sample(subject, options.steps(), steps, listener -> GeneratedViews.sample(pipeline, prompts, photo, options, seed, listener), stages);
        EarlierResults.delete(place, saveSteps ? options.steps() : 0);
        return views;
    }
}
