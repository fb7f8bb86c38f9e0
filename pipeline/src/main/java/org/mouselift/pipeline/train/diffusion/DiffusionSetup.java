package org.mouselift.pipeline.train.diffusion;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.checkpoint.ArtefactStatus;
import org.mouselift.data.dataset.BackgroundColor;
import org.mouselift.data.dataset.DatasetLineage;
import org.mouselift.data.dataset.DiffusionViews;
import org.mouselift.data.dataset.SampleList;
import org.mouselift.data.dataset.SampleMix;
import org.mouselift.data.preprocess.MaskStatistics;
import org.mouselift.engine.DType;
import org.mouselift.engine.Philox;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tensor;
import org.mouselift.models.diffusion.DiffusionObjective;
import org.mouselift.models.diffusion.LearningRate;
import org.mouselift.models.diffusion.NoiseSchedule;
import org.mouselift.models.optim.AdamW;
import org.mouselift.models.optim.GradientRules;
import org.mouselift.models.optim.Muon;
import org.mouselift.models.optim.Optimizer;
import org.mouselift.models.unet.UNetConfig;
import org.mouselift.models.unet.UNetMV2DConditionModel;
import org.mouselift.models.vae.AutoencoderConfig;
import org.mouselift.models.vae.AutoencoderKL;
import org.mouselift.pipeline.checkpoint.MappedWeights;
import org.mouselift.pipeline.checkpoint.UNetFolder;
import org.mouselift.pipeline.config.DiffusionConfig;
import org.mouselift.pipeline.multiview.ExpectedSubject;
import org.mouselift.pipeline.multiview.ImageConditions;
import org.mouselift.pipeline.multiview.LatentSpace;
import org.mouselift.pipeline.multiview.MultiViewPipeline;
import org.mouselift.pipeline.multiview.PipelineFolder;
import org.mouselift.pipeline.multiview.ReferencePicture;
import org.mouselift.pipeline.multiview.ViewCameras;
import org.mouselift.pipeline.prompts.PromptCheck;
import org.mouselift.pipeline.prompts.PromptEmbeddings;
import org.mouselift.pipeline.prompts.TrainedPrompts;
import org.mouselift.pipeline.prompts.ViewDirections;

/** The parts of a stage 1 training from its configuration. What does not fit together is refused before weights are loaded. */
public final class DiffusionSetup {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final long PROMPT_STREAM = 9L << 40;
    private static final double PROMPT_DEVIATION = 1;
    private static final String CONFIG = "config.json";
    private static final int MEASURED_SAMPLES = 32;
    private static final Pattern INSIDE = Pattern.compile("(down|mid|up)_block");

    private DiffusionSetup() {}

    private static Map<String, Object> json(Path component, String name) throws IOException {
        Path file = component.resolve(name);
        if (!Files.isRegularFile(file)) {
            throw new IOException("MFL-E202: " + component + " has no " + name + "; it has " + PipelineFolder.listing(component) + "; " + component.getParent() + " has "
                    + PipelineFolder.listing(component.getParent()));
        }
        return JSON.readValue(file.toFile(), new TypeReference<LinkedHashMap<String, Object>>() {});
    }

    /** Weights of a file or component folder as they are stored, on the mapped file. */
    private static MappedWeights weights(Path path) throws IOException {
        ArtefactStatus.requireUsable(path);
        return MappedWeights.open(path);
    }

    /** Noise of the steps: {@link #scheduler}. */
    public static NoiseSchedule schedule(DiffusionConfig c) throws IOException {
        return NoiseSchedule.of(scheduler(c), false, (c.source().pipeline().isEmpty() ? "the standard schedule" : c.source().pipeline().get().resolve("scheduler/scheduler_config.json").toString())
                + (c.source().scheduler().isEmpty() ? "" : " with the configuration's scheduler_config"));
    }

    /** {@code scheduler_config.json}: the pipeline's, or the standard one, with what the configuration sets. */
    static Map<String, Object> scheduler(DiffusionConfig c) throws IOException {
        Map<String, Object> out = c.source().pipeline().isEmpty() ? new LinkedHashMap<>(NoiseSchedule.STANDARD)
                : json(c.source().pipeline().get().resolve("scheduler"), "scheduler_config.json");
        out.putAll(c.source().scheduler());
        return out;
    }

    /** The latents that are diffused. */
    public static LatentSpace space(DiffusionConfig c) throws IOException {
        if (c.source().pixels()) {
            return new LatentSpace(null);
        }
        Path folder = autoencoderFolder(c);
        AutoencoderConfig config = autoencoder(c);
        MappedWeights file = weights(folder);
        try {
            return new LatentSpace(AutoencoderKL.stored(config, file.state(), folder.toString()), file);
        } catch (RuntimeException e) {
            file.close();
            throw e;
        }
    }

    /** What {@link #space} diffuses, without its weights. */
    private record Latents(int channels, int side) {}

    private static Path autoencoderFolder(DiffusionConfig c) {
        return c.source().autoencoder().or(() -> c.source().pipeline().map(p -> p.resolve("vae"))).orElseThrow();
    }

    private static AutoencoderConfig autoencoder(DiffusionConfig c) throws IOException {
        Path folder = autoencoderFolder(c);
        AutoencoderConfig config = AutoencoderConfig.of(json(folder, CONFIG), folder.toString());
        if (c.imageSize() % config.factor() != 0) {
            throw new IOException("img_wh " + c.imageSize() + " is not a multiple of " + config.factor() + ", the factor of the autoencoder " + folder);
        }
        return config;
    }

    /** Keys of the UNet's configuration as the training writes them. */
    private static Map<String, Object> unetKeys(DiffusionConfig c) throws IOException {
        boolean fresh = !c.unetArchitecture().isEmpty();
        AutoencoderConfig vae = c.source().pixels() ? null : autoencoder(c);
        Latents latents = vae == null ? new Latents(3, c.imageSize()) : new Latents(vae.latentChannels(), c.imageSize() / vae.factor());
        Map<String, Object> arguments = new LinkedHashMap<>();
        arguments.put("sample_size", latents.side);
        arguments.putAll(c.source().overrides());
        if (fresh) {
            arguments.replaceAll((k, v) -> c.unetArchitecture().getOrDefault(k, v));
            arguments.put("sample_size", latents.side);
        }
        arguments.put("in_channels", 2 * latents.channels);
        arguments.put("out_channels", latents.channels);
        Map<String, Object> keys = UNetConfig.adapted(fresh ? c.unetArchitecture() : json(unetFolder(c), CONFIG), arguments, unetName(c));
        if (!c.source().cameraEmbedding().isEmpty()) {
            keys.put(UNetConfig.CAMERA_EMBEDDING, c.source().cameraEmbedding());
        }
        if (!c.conditions().scaleReference()) {
            keys.put(MultiViewPipeline.SCALE_REFERENCE, false);
        }
        return keys;
    }

    private static UNetConfig unetConfig(DiffusionConfig c) throws IOException {
        return UNetConfig.of(unetKeys(c), unetName(c));
    }

    private static String unetName(DiffusionConfig c) throws IOException {
        return c.unetArchitecture().isEmpty() ? unetFolder(c) + "/config.json" : "unet_config";
    }

    /** {@link #model(DiffusionConfig, TrainingPrompts, Optional)} without cameras on record. */
    public static DiffusionModel model(DiffusionConfig c, TrainingPrompts prompts) throws IOException {
        return model(c, prompts, Optional.empty());
    }

    /**
     * The network, from random start values or adapted from stored weights.
     *
     * @param cameras of {@link #cameras}
     */
    public static DiffusionModel model(DiffusionConfig c, TrainingPrompts prompts, Optional<CameraRig> cameras) throws IOException {
        boolean fresh = !c.unetArchitecture().isEmpty();
        Path folder = fresh ? null : unetFolder(c);
        Map<String, Object> keys = unetKeys(c);
        UNetConfig config = unetConfig(c);
        UNetMV2DConditionModel unet;
        if (fresh) {
            unet = UNetMV2DConditionModel.initialised(config, DType.F32, c.seed());
        } else {
            try (Scope scope = Scope.open("UNet"); MappedWeights file = weights(folder)) {
                unet = UNetMV2DConditionModel.adapt(config, DType.F32, file.state(), folder.toString(), c.source().zeroNewChannels(), c.source().zeroAlways(), c.seed());
            }
        }
        unet.gradientCheckpointing(c.gradientCheckpointing());
        List<String> trainable = c.trainableModules();
        if (!trainable.isEmpty()) {
            unet.stateDict().forEach((name, p) -> p.requiresGrad(trainable.stream().anyMatch(suffix -> (name.substring(0, name.lastIndexOf('.')) + ".")
                    .matches("(.*\\.)?" + Pattern.quote(suffix) + "\\..*"))));
        }
        return new DiffusionModel(unet, keys, prompts, cameras);
    }

    /** The UNet to start from; of a checkpoint the weights as they were trained, where there is a choice. */
    public static Path unetFolder(DiffusionConfig c) throws IOException {
        if (c.source().unet().isPresent()) {
            Path given = c.source().unet().get();
            boolean averageAlone = Files.isDirectory(given.resolve("unet_ema")) && !Files.isDirectory(given.resolve("unet"));
            return UNetFolder.find(given, averageAlone ? UNetFolder.Choice.EMA : UNetFolder.Choice.UNET).path();
        }
        Path folder = c.source().pipeline().orElseThrow().resolve("unet");
        if (!Files.isDirectory(folder)) {
            throw new IOException("MFL-E201: " + folder + " is missing; there are " + PipelineFolder.listing(folder.getParent())
                    + "; name a folder with a UNet as pretrained_unet_path, or describe a new one with unet_config");
        }
        return UNetFolder.find(folder, UNetFolder.Choice.UNET).path();
    }

    /**
     * The prompts, from random start values or from a file, after all checks of them; no weights are read.
     *
     * @param views where the cameras of the training views stand
     * @param allowed codes of checks whose failure is a warning
     * @param note receives warnings
     * @throws org.mouselift.pipeline.prompts.PromptException with the checks that failed
     */
    public static TrainingPrompts prompts(DiffusionConfig c, ViewDirections views, Set<String> allowed, Consumer<String> note) throws IOException {
        UNetConfig unet = unetConfig(c);
        if (c.source().learnedTokens() > 0) {
            if (unet.numViews() != c.views()) {
                throw new IOException("MFL-E111: UNet " + unetName(c) + " was built for " + unet.numViews() + " views but n_views is " + c.views()
                        + "; cross-view attention would group images of different samples");
            }
            Philox random = new Philox(c.seed(), PROMPT_STREAM);
            float[] values = new float[Math.multiplyExact(Math.multiplyExact(c.views(), c.source().learnedTokens()), unet.crossAttentionDim())];
            for (int i = 0; i < values.length; i++) {
                values[i] = (float) (PROMPT_DEVIATION * random.nextGaussian());
            }
            return new TrainingPrompts(values, c.source().learnedTokens(), true, Optional.empty(), "learned", views);
        }
        PromptEmbeddings read = PromptEmbeddings.read(c.source().prompts().orElseThrow());
        PromptCheck check = PromptCheck.of(read).unet(unet, unetName(c), views.slots().isEmpty() ? Optional.empty()
                : Optional.of(new TrainedPrompts("", "", views.rig(), views.slots())))
                .views(c.views(), "n_views");
        if (c.source().pipeline().filter(p -> read.file().toAbsolutePath().normalize().startsWith(p.toAbsolutePath().normalize())).isPresent()) {
            check.ofPipeline();
        }
        check.require(allowed, note);
        return new TrainingPrompts(read.values(), Math.toIntExact(read.shape()[1]), false, read.metadata(), read.file().toString(), views);
    }

    /** The image branch; null for a UNet without class embedding. */
    public static ImageConditions conditions(DiffusionConfig c, UNetConfig unet) throws IOException {
        if (unet.classWidth() == 0) {
            return null;
        }
        Path folder = c.source().pipeline().orElseThrow(() -> new IOException("the UNet takes class labels (class_embed_type projection): name a pipeline with an image"
                + " encoder as pretrained_model_name_or_path, or use a unet_config without class_embed_type"));
        return new ImageConditions(PipelineFolder.open(folder), unet);
    }

    /** Where the views of a data set stand, by the cameras of its samples; empty if they do not say, or differ. */
    public static ViewDirections directions(DiffusionViews data) throws IOException {
        return ViewDirections.of(IntStream.range(0, data.size()).mapToObj(data::sample).toList(), data.options().views());
    }

    /** Size and place of the subjects in what may be the input, by pictures spread over the list; empty if they cannot be told from their background. */
    public static Optional<ExpectedSubject> subject(DiffusionViews data, List<Integer> references) throws IOException {
        List<MaskStatistics> seen = new ArrayList<>();
        int looked = Math.min(MEASURED_SAMPLES, data.size());
        for (int i = 0; i < looked; i++) {
            for (int view : references) {
                ReferencePicture.subject(data.picture((int) ((long) i * data.size() / looked), view)).ifPresent(seen::add);
            }
        }
        return ExpectedSubject.of(seen);
    }

    /**
     * Checks that all samples have cameras, if the network is told its cameras.
     *
     * @return the cameras of the views, if they are those of all samples; what can be put on record for sampling
     */
    public static Optional<CameraRig> cameras(DiffusionConfig c, DiffusionViews data) throws IOException {
        if (unetConfig(c).cameraEmbedding().isEmpty()) {
            return Optional.empty();
        }
        if (!data.options().mirror().isEmpty()) {
            throw new IOException("camera_embedding and aug_hflip do not go together: a mirrored object has no cameras of its own; set aug_hflip to false");
        }
        CameraRig first = ViewCameras.ofSample(data.sample(0), c.views());
        boolean same = true;
        for (int i = 1; i < data.size(); i++) {
            same &= ViewCameras.same(first, ViewCameras.ofSample(data.sample(i), c.views()));
        }
        return same ? Optional.of(first) : Optional.empty();
    }

    /** The objects of a list. */
    public static DiffusionViews data(DiffusionConfig c, DiffusionConfig.Data d, boolean plain) throws IOException {
        BackgroundColor background = BackgroundColor.parse(plain ? "white" : d.background());
        DiffusionViews.Options options = plain ? DiffusionViews.Options.plain(c.views(), c.imageSize(), background)
                : new DiffusionViews.Options(c.views(), c.imageSize(), background, floats(d.brightness()), floats(d.contrast()), d.augmentBackground(), d.mirror(),
                        d.degradation());
        SampleList samples = samples(d.lists(), c.seed());
        DatasetLineage.require(samples, d.expectPreprocessing());
        DiffusionViews views = new DiffusionViews(samples, options);
        views.check();
        return views;
    }

    /** The samples of a list; of several in their shares, the same ones for the same seed. */
    private static SampleList samples(Map<Path, Double> lists, long seed) throws IOException {
        List<SampleMix.Part> parts = new ArrayList<>();
        for (Map.Entry<Path, Double> e : lists.entrySet()) {
            parts.add(new SampleMix.Part(SampleList.read(e.getKey()), e.getValue()));
        }
        return parts.size() == 1 ? parts.getFirst().list() : new SampleList(parts.getFirst().list().source(), new SampleMix(parts).samples(OptionalInt.empty(), seed));
    }

    private static float[] floats(double[] x) {
        return new float[] {(float) x[0], (float) x[1]};
    }

    /** The loss. */
    public static DiffusionObjective objective(DiffusionConfig c, NoiseSchedule schedule) {
        DiffusionConfig.Conditions o = c.conditions();
        return new DiffusionObjective(schedule, o.dropRate(), o.dropPerView(), o.snrGamma().orElse(Double.NaN),
                o.snrPlusOne() ? DiffusionObjective.Weighting.MIN_SNR_OVER_SNR_PLUS_1 : DiffusionObjective.Weighting.MIN_SNR_OVER_SNR);
    }

    /**
     * AdamW with the rate of the class embedding, every weight decays; or Muon for the kernels and matrices inside the network and
     * AdamW for the rest: embeddings, first and last convolution, norms, biases, prompts.
     */
    public static Optimizer optimiser(DiffusionConfig c, DiffusionModel model) {
        DiffusionConfig.Optimizer o = c.optimizer();
        ToDoubleFunction<String> factor = name -> name.contains("class_embedding") || name.contains("camera_embedding") ? o.classEmbeddingFactor() : 1;
        Function<Map<String, Tensor>, AdamW> adamw = weights -> new AdamW(weights, new AdamW.Options(o.beta1(), o.beta2(), o.eps(), o.weightDecay()), factor);
        return o.muon() ? new Muon(model.weights(), name -> INSIDE.matcher(name).lookingAt(), name -> name.endsWith(".ff.net.0.proj.weight") ? 2 : 1,
                Muon.Options.STANDARD.factor(o.muonFactor()), adamw) : adamw.apply(model.weights());
    }

    /** Learning rate by update. */
    public static LearningRate rate(DiffusionConfig c) {
        DiffusionConfig.Optimizer o = c.optimizer();
        return LearningRate.of(o.schedule(), o.rate(), o.warmup(), c.updates(), 1, 1, o.stepRules());
    }

    /** Clipping; updates with a loss that is no number are left out. */
    public static GradientRules rules(DiffusionConfig c) {
        return new GradientRules(c.optimizer().maxGradNorm(), Double.POSITIVE_INFINITY, false, true);
    }
}
