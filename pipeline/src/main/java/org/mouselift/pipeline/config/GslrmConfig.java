package org.mouselift.pipeline.config;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.mouselift.data.dataset.PictureDegradation;

/**
 * A training configuration of GS-LRM (stage 2) as the original's YAML files hold it (GS-LRM specification §1.1, §6, §12).
 * A missing key has the original loader's default where one is documented, else the value of the published
 * configuration. {@link GslrmConfigReader} makes it.
 */
public record GslrmConfig(Model model, Runtime runtime, Freeze freeze, Dataset dataset, Loader loader, Losses losses, Optimizer optimizer,
        Schedule schedule, Checkpointing checkpointing, Logging logging, Mouse mouse, Validation validation, Inference inference,
        Evaluation evaluation, OptionalInt cropSize) {

    /** How depth is parametrised along a pixel's ray and which ray channels the network sees (§1.5, §1.11). */
    public enum RayEncoding { CUSTOM_PLUCKER, AUGMENTED_PLUCKER, PLUCKER }

    /**
     * Network.
     *
     * @param imageSize square size that images are resized to, pixels
     * @param inChannels 3 + ray channels
     * @param width d of the transformer
     * @param headWidth d_head
     * @param depthMin explicit depth range if both are positive, else −1
     * @param clipXyz the original's flag, which its own code disables (§1.11)
     * @param clipXyzActive clamp for real; an option of ours
     * @param scalingModifier constant multiplied onto activated scales; NaN when absent
     * @param halfBbxSize crop half-size of exported PLY files; NaN when absent
     */
    public record Model(int imageSize, int patchSize, int inChannels, int width, int headWidth, int layers, int freeGaussians, int shDegree,
            boolean referenceMarker, boolean hardPixelAlign, RayEncoding rays, double depthPreactBias, double depthMin, double depthMax,
            boolean depthReferenceOrigin, boolean clipXyz, boolean clipXyzActive, double scalingModifier, double halfBbxSize) {}

    /**
     * @param halfPrecision what the original would compute in: "bf16", "fp16", or "off"; this program computes in float32
     * @param gradClipNorm 0 switches clipping off
     * @param allowedGradnormFactor an update is skipped above clip × factor
     */
    public record Runtime(String halfPrecision, int gradAccumSteps, double gradClipNorm, double allowedGradnormFactor, int gradCheckpointEvery) {}

    /** Which parameters stay as they are (§6.5). */
    public record Freeze(boolean enabled, int transformerUntil, boolean patchEmbedder, boolean positionalEmbeddings) {}

    /** Background that transparent images are composited on, drawn once a sample where it is random (§5.2). */
    public record Background(Kind kind, double grey) {
        public enum Kind { CONSTANT, RANDOM, THREE_CHOICES }
    }

    /**
     * @param datasetPath list file with one sample folder a line; missing when the command line must name it
     * @param expectPreprocessing ours: steps that the data set's record must name (mouse specification §2.8)
     * @param allowFrozen ours: also data sets whose record says that the cameras were left behind by the pictures (MFL-E129)
     */
    public record Dataset(Optional<Path> datasetPath, int numViews, int numInputViews, boolean targetHasInput, boolean maximizeViewOverlap,
            boolean randomInputViews, boolean removeAlpha, Background background, List<String> expectPreprocessing, boolean allowFrozen) {}

    public record Loader(int batchSize, int workers, int prefetchFactor) {}

    /** Weights and options of the loss terms (§3; {@code depth} is ours); the background colour is red, green, blue in [0,1]. */
    public record Losses(double l2, double lpips, double perceptual, double ssim, double pixelAlign, double pointsDist, double background,
            double depth, boolean maskedL2, boolean maskedSsim, boolean maskedPixelAlign, boolean warmupPointsDist, int warmupPointsDistSteps,
            boolean clampRendering, double maskIouThreshold, double[] backgroundColor) {
        public Losses {
            backgroundColor = backgroundColor.clone();
        }

        @Override
        public double[] backgroundColor() {
            return backgroundColor.clone();
        }
    }

    /**
     * AdamW as in the original, or (ours) Muon for the matrices of the transformer blocks beside AdamW for the rest.
     *
     * @param muonFactor Muon update relative to an AdamW update at the same learning rate
     */
    public record Optimizer(Kind kind, double lr, double beta1, double beta2, double weightDecay, double muonFactor, boolean resetLr,
            boolean resetWeightDecay, boolean resetTrainingState) {
        public enum Kind { ADAMW, MUON }
    }

    /** Lengths in forward/backward passes, except {@code warmup}, which counts parameter updates. */
    public record Schedule(int numEpochs, OptionalInt earlyStopAfterEpochs, OptionalInt earlyStopAfter, int maxPasses, int warmup, int l2WarmupSteps) {}

    public record Checkpointing(Path checkpointDir, int checkpointEvery, Optional<Path> resumeCheckpoint, boolean forceResumeCheckpoint,
            OptionalInt totalLimit) {}

    /** @param logEvery of scalars, as the original's tracker */
    public record Logging(int printEvery, int visEvery, int logEvery, String project, String group, String jobType, String experiment) {}

    /**
     * @param flip the original's {@code horizontal_flip}: cameras are not mirrored with the picture, so it corrupts geometry
     * @param degradation not in the original: noise, blur, compression, colours, masks and poses as of real pictures
     */
    public record Augmentation(boolean enabled, boolean flip, double rotationDegrees, double[] brightness, double[] contrast, PictureDegradation degradation) {
        public Augmentation {
            brightness = brightness.clone();
            contrast = contrast.clone();
        }

        @Override
        public double[] brightness() {
            return brightness.clone();
        }

        @Override
        public double[] contrast() {
            return contrast.clone();
        }
    }

    /** The mouse dataset (§5.4); without {@code useMouseDataset} the original ignores the rest. */
    public record Mouse(boolean useMouseDataset, boolean normalizeCameras, boolean normalizeToZUp, double targetCameraDistance,
            boolean autoGenerateMask, int maskThreshold, Augmentation augmentation) {}

    /** @param lpips files of the network that measures {@code val/lpips} (ours); empty for none */
    public record Validation(boolean enabled, Optional<Path> datasetPath, Optional<Path> outputDir, int every, List<Path> lpips) {}

    public record Inference(boolean enabled, Optional<Path> outputDir) {}

    public record Evaluation(boolean enabled, Optional<Path> outputDir) {}
}
