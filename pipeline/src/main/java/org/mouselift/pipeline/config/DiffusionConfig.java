package org.mouselift.pipeline.config;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import org.mouselift.data.dataset.PictureDegradation;

/**
 * A training configuration of the multi-view diffusion (stage 1) as the original's YAML files hold it (multi-view diffusion
 * specification §4.1, mouse specification §6.2). {@link DiffusionConfigReader} makes it.
 *
 * @param views n_views
 * @param imageSize img_wh
 * @param references views that may be the input; more than one are drawn at random. Targets and prompts are rotated so that the
 *     input always is the first view
 * @param unetArchitecture keys of {@code unet/config.json} for a network from random start values; empty to start from stored weights
 */
public record DiffusionConfig(int views, int imageSize, List<Integer> references, Source source, Map<String, Object> unetArchitecture, Data train,
        Optional<Data> validation, Output output, Export export, long seed, int batch, int accumulation, long updates, boolean gradientCheckpointing, Optimizer optimizer,
        boolean ema, Conditions conditions, Validation validating, List<String> trainableModules) {
    /** The same with another seed. */
    public DiffusionConfig withSeed(long other) {
        return new DiffusionConfig(views, imageSize, references, source, unetArchitecture, train, validation, output, export, other, batch, accumulation, updates,
                gradientCheckpointing, optimizer, ema, conditions, validating, trainableModules);
    }

    /**
     * Where the parts come from.
     *
     * @param pipeline folder in the original layout ({@code pretrained_model_name_or_path})
     * @param unet other folder of the UNet ({@code pretrained_unet_path}): the unet folder or its parent
     * @param autoencoder folder of the autoencoder, if not {@code pipeline/vae} (ours)
     * @param pixels diffuses pictures instead of latents (ours: {@code latent_space: pixels})
     * @param prompts file with prompt embeddings
     * @param learnedTokens so many learned vectors for each view instead of prompt embeddings, 0 for none (ours)
     * @param zeroNewChannels {@code zero_init_conv_in}
     * @param zeroAlways also zeroes reference channels that the source has, as the original does (ours, for comparison)
     * @param overrides keys of {@code unet/config.json} that {@code unet_from_pretrained_kwargs} sets
     * @param scheduler keys of {@code scheduler/scheduler_config.json} that {@code scheduler_config} sets (ours), for training, validation and export
     * @param cameraEmbedding how the network is told its cameras, mouse specification §9.3 ({@code camera_embedding}, ours): any of spherical, extrinsic and
     *     plucker; empty for what the UNet that the training starts from has, or not at all
     */
    public record Source(Optional<Path> pipeline, Optional<Path> unet, Optional<Path> autoencoder, boolean pixels, Optional<Path> prompts, int learnedTokens,
            boolean zeroNewChannels, boolean zeroAlways, Map<String, Object> overrides, Map<String, Object> scheduler,
            List<String> cameraEmbedding) {}

    /**
     * Pictures.
     *
     * @param background as {@code bg_color} says
     * @param augmentBackground the original's way: brightness and contrast change the background, too
     * @param mirror which view's picture, mirrored, is the view of the mirrored object (ours: {@code aug_hflip} with a list); empty for no mirroring
     * @param lists one list file, or several with their shares (ours: {@code mix})
     * @param degradation what real pictures have and rendered ones lack (ours)
     * @param expectPreprocessing steps that the record of the data set must name (ours, mouse specification §2.8)
     */
    public record Data(Map<Path, Double> lists, String background, double[] brightness, double[] contrast, boolean augmentBackground, List<Integer> mirror,
            PictureDegradation degradation, List<String> expectPreprocessing) {
        /** The only list file, or the first. */
        public Path list() {
            return lists.keySet().iterator().next();
        }
    }

    /**
     * Folders.
     *
     * @param model checkpoints: {@code checkpoint_prefix/output_dir}
     * @param validation pictures and metrics of validations
     * @param resume {@link #LATEST}, the name of a checkpoint within {@code model}, or empty to begin afresh
     */
    public record Output(Path model, Path validation, int checkpointEvery, int keep, String resume) {
        /** Continues from the newest checkpoint, or begins where there is none. */
        public static final String LATEST = "latest";

        public boolean mayContinue() {
            return !resume.isEmpty();
        }
    }

    /**
     * The pipeline folder that a finished run leaves (ours: {@code export}).
     *
     * @param half the UNet in float16 instead of float32
     * @param sampling settings that the pipeline recommends for itself: any of steps, guidance, eta
     */
    public record Export(boolean half, Map<String, Number> sampling) {}

    /**
     * AdamW, its schedule and clipping.
     *
     * @param muon Muon for the matrices and kernels between the first and last convolution, AdamW for the rest (ours: {@code optimizer: muon})
     * @param muonFactor Muon update relative to an AdamW update at the same learning rate
     */
    public record Optimizer(boolean muon, double muonFactor, double rate, String schedule, String stepRules, long warmup, double beta1, double beta2, double weightDecay, double eps,
            double maxGradNorm, double classEmbeddingFactor) {}

    /**
     * Loss and its conditions.
     *
     * @param snrGamma empty for no weighting
     * @param snrPlusOne divides by SNR + 1 ({@code min_snr_mode: paper}, ours)
     */
    public record Conditions(OptionalDouble snrGamma, boolean snrPlusOne, double dropRate, boolean dropPerView, boolean scaleReference) {}

    /**
     * Samplings during the run.
     *
     * @param every updates between validations, 0 for none
     * @param first also after the first update
     * @param objects at most so many, always the first ones
     */
    public record Validation(int every, boolean first, int objects, List<Double> guidance, int steps, double eta) {}
}
