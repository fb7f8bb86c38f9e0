package org.mouselift.pipeline.cli;

import java.io.IOException;
import java.lang.reflect.Field;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.mouselift.data.checkpoint.ContentHash;
import org.mouselift.models.diffusion.DiffusionSampler;
import org.mouselift.pipeline.checkpoint.UNetFolder;
import org.mouselift.pipeline.multiview.MultiViewPipeline;
import org.mouselift.pipeline.multiview.PipelineFolder;
import org.mouselift.pipeline.multiview.SamplingOptions;
import org.mouselift.pipeline.prompts.PromptCheck;
import org.mouselift.pipeline.prompts.PromptEmbeddings;
import org.mouselift.pipeline.prompts.TrainedPrompts;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Options of every command that draws views of a photo; the spellings of the original's command line are understood too. */
final class SamplingArguments {
    /** The multi-view pipeline that comes with the repository, relative to its root. */
    static final Path STANDARD = Path.of("weights", "mvdiffusion-mouse-128");
    private static final int MAX_SIZE = 2048;
    private static final List<String> WITH_WEIGHTS = List.of("unet", "vae", "image_encoder", "image_normalizer");

    @Option(names = "--pipeline", paramLabel = "DIR", description = "Multi-view pipeline: model_index.json and its component folders (default: weights/mvdiffusion-mouse-128 of Mouselift).")
    private Path pipeline;

    @Option(names = "--unet", paramLabel = "DIR", description = "Fine-tuned UNet in place of the pipeline's: a checkpoint-N, its unet/ or unet_ema/, or the folder of a "
            + "training (the newest checkpoint by number).")
    @PathRole(PathRole.Kind.NAMED_BY_COMMAND)
    private Path checkpoint;

    @Option(names = "--unet-weights", defaultValue = "AUTO", paramLabel = "WHICH", description = "Weights of a checkpoint: ${COMPLETION-CANDIDATES} (default: ${DEFAULT-VALUE}: "
            + "EMA where there is one).")
    private UNetFolder.Choice choice;

    @Option(names = "--prompts", paramLabel = "FILE", description = "Prompt embeddings, .pt or .safetensors (default: clr_embeds of the pipeline folder).")
    @PathRole(PathRole.Kind.NAMED_BY_COMMAND)
    private Path prompts;

    @Option(names = "--view-cameras", paramLabel = "FILE", description = "Cameras of the views (opencv_cameras.json) for a UNet that was trained with camera_embedding (default: "
            + "those on record in its folder).")
    private Path cameras;

    @Option(names = {"--steps", "--step_2D"}, paramLabel = "N", description = "Sampling steps (default: what the pipeline recommends, otherwise 50).")
    private Integer steps;

    @Option(names = {"--guidance", "--guidance_scale_2D"}, paramLabel = "SCALE",
            description = "Classifier-free guidance; 1 for none, which halves the time (default: what the pipeline recommends, otherwise 3).")
    private Double guidance;

    @Option(names = "--eta", paramLabel = "SHARE", description = "Fresh noise in every DDIM step, 0 to 1 (default: what the pipeline recommends, otherwise 1).")
    private Double eta;

    @Option(names = "--sampler", defaultValue = "DDIM", paramLabel = "RULE", description = "${COMPLETION-CANDIDATES} (default: ${DEFAULT-VALUE}).")
    private DiffusionSampler.Kind sampler;

    @Option(names = "--noise-level", defaultValue = "0", paramLabel = "LEVEL", description = "Noise on the image embedding, 0 to 999 (default: ${DEFAULT-VALUE}).")
    private int noiseLevel;

    @Option(names = "--view-size", paramLabel = "PIXELS", description = "Size of the views (default: the size the pipeline was trained on).")
    private Integer size;

    @Spec(Spec.Target.MIXEE)
    private CommandSpec command;

    /** Opens the pipeline folder; nothing is loaded yet. */
    PipelineFolder folder(Mouselift mouselift) throws IOException {
        Path path = pipeline != null ? pipeline : Path.of(System.getProperty(WeightsArgument.ROOT_PROPERTY, "")).resolve(STANDARD);
        if (pipeline == null && !Files.isDirectory(path)) {
            throw CommandException.badInput("there is no multi-view pipeline at " + path, "Name a folder with model_index.json, unet/, vae/ ... with --pipeline DIR.");
        }
        PipelineFolder folder;
        if (checkpoint == null) {
            folder = PipelineFolder.open(path);
        } else {
            UNetFolder unet = UNetFolder.find(checkpoint, choice);
            unet.notes().forEach(mouselift::note);
            folder = PipelineFolder.withUNet(path, unet);
        }
        folder = cameras == null ? folder : folder.withCameras(cameras);
        // The class in this file is not decisive: base models name the scheduler of another program (multi-view diffusion specification §3.3).
        Object named = folder.config("scheduler", PipelineFolder.SCHEDULER).get("_class_name");
        if (named != null && !named.equals("DDIMScheduler") && !named.equals(sampler + "Scheduler")) {
            mouselift.note("the pipeline names " + named + "; its numbers are used with " + sampler);
        }
        return folder;
    }

    /** Reads the prompt embeddings; {@link #promptCheck} says whether they can be used. */
    PromptEmbeddings prompts(PipelineFolder folder) throws IOException {
        return PromptEmbeddings.read(prompts != null ? prompts : PromptEmbeddings.of(folder.path(), folder.unet()));
    }

    /** The checks of prompt embeddings against the UNet, before weights are loaded. */
    PromptCheck promptCheck(PipelineFolder folder, PromptEmbeddings read) throws IOException {
        PromptCheck check = PromptCheck.of(read).unet(folder.unetConfig(), folder.unet().toString(), TrainedPrompts.read(folder.unet()));
        return prompts == null ? check.ofPipeline() : check;
    }

    /** What the command line says, for the rest what the pipeline recommends; no weights are read. */
    SamplingOptions options(PipelineFolder folder) throws IOException {
        if (sampler == DiffusionSampler.Kind.DDPM && eta != null) {
            throw CommandException.usage("--eta belongs to DDIM; DDPM always adds fresh noise", "Leave --eta or --sampler DDPM away.");
        }
        if (noiseLevel > 999) {
            throw CommandException.usage("--noise-level " + noiseLevel + ": expected 0 to 999", "");
        }
        if (size != null) {
            requireSize(size, "--view-size " + size);
        }
        try {
            SamplingOptions recommended = folder.sampling();
            SamplingOptions options = new SamplingOptions(steps == null ? recommended.steps() : steps, guidance == null ? recommended.guidance() : guidance,
                    eta == null ? recommended.eta() : eta, noiseLevel, sampler);
            new DiffusionSampler(folder.schedule(), sampler, options.eta(), options.steps());
            return options;
        } catch (IllegalArgumentException e) {
            throw CommandException.usage(e.getMessage(), "");
        }
    }

    /** Names of those of these options that the command line has. */
    List<String> given() {
        return command.commandLine().getParseResult().matchedOptions().stream()
                .filter(o -> o.userObject() instanceof Field field && field.getDeclaringClass() == SamplingArguments.class).map(o -> o.names()[0]).toList();
    }

    /** Side of the views in pixels. */
    int size(MultiViewPipeline loaded) {
        int pixels = size != null ? size : loaded.pictureSize();
        requireSize(pixels, "the picture size that the pipeline says (sample_size of its UNet) is " + pixels);
        return pixels;
    }

    private static void requireSize(int pixels, String what) {
        if (pixels < 1 || pixels > MAX_SIZE) {
            throw CommandException.usage(what + ": expected 1 to " + MAX_SIZE, "Give --view-size PIXELS.");
        }
    }

    /** The files of weights that the pipeline reads, by component. */
    static Map<String, Path> weights(PipelineFolder folder) throws IOException {
        Map<String, Path> files = new LinkedHashMap<>();
        for (String name : WITH_WEIGHTS) {
            if (folder.needs(name)) {
                files.put(name, folder.weightsFile(name));
            }
        }
        return files;
    }

    /** What decides the pictures besides the photo, for provenance and for telling whether results can be kept. */
    Map<String, Object> settings(PipelineFolder folder, PromptEmbeddings read, SamplingOptions options, int pixels, long seed) throws IOException {
        Map<String, Object> out = new LinkedHashMap<>();
        out.put("pipeline", folder.path().toString());
        if (checkpoint != null) {
            out.put("unetFrom", folder.unet().toString());
        }
        Map<String, String> hashes = new LinkedHashMap<>();
        for (Map.Entry<String, Path> file : weights(folder).entrySet()) {
            hashes.put(file.getKey(), ContentHash.ofFile(file.getValue()));
        }
        out.put("weightsSha256", hashes);
        Optional<Path> told = folder.cameraFile();
        if (told.isPresent()) {
            out.put("viewCameras", told.get().toString());
            out.put("viewCamerasSha256", ContentHash.ofFile(told.get()));
        }
        out.put("prompts", read.file().toString());
        out.put("promptsSha256", read.sha256());
        out.put("steps", options.steps());
        out.put("guidance", options.guidance());
        out.put("eta", options.eta());
        out.put("sampler", sampler.toString());
        out.put("noiseLevel", noiseLevel);
        out.put("viewSize", pixels);
        out.put("seed", seed);
        return out;
    }

    /** Codes that {@code --allow} takes: some of a command's own, and those of the prompts. */
    static List<String> allowable(String... own) {
        List<String> all = new ArrayList<>(List.of(own));
        all.addAll(PromptCheck.ALLOWABLE);
        return all;
    }

    /** Checks the codes of {@code --allow}. */
    static void requireAllowable(List<String> allowed, List<String> possible) {
        List<String> unknown = new ArrayList<>(allowed);
        unknown.removeAll(possible);
        if (!unknown.isEmpty()) {
            throw CommandException.usage("--allow " + unknown.getFirst() + ": only " + String.join(", ", possible) + " can be allowed here", "");
        }
    }
}
