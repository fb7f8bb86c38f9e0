package org.mouselift.pipeline.train;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.mouselift.data.camera.Camera;
import org.mouselift.data.camera.GeometryMode;
import org.mouselift.data.dataset.AutoMask;
import org.mouselift.data.dataset.BackgroundColor;
import org.mouselift.data.dataset.DatasetLineage;
import org.mouselift.data.dataset.MouseViewDataset;
import org.mouselift.data.dataset.RandomViewDataset;
import org.mouselift.data.dataset.SampleList;
import org.mouselift.data.dataset.ViewAugmentation;
import org.mouselift.engine.Philox;
import org.mouselift.models.gslrm.GsLrm;
import org.mouselift.models.gslrm.GsLrmConfig;
import org.mouselift.models.gslrm.RayEncoding;
import org.mouselift.models.losses.LossConfig;
import org.mouselift.models.losses.LossWeights;
import org.mouselift.models.optim.AdamW;
import org.mouselift.models.optim.GradientRules;
import org.mouselift.models.optim.LayerFreeze;
import org.mouselift.models.optim.Muon;
import org.mouselift.models.optim.Optimizer;
import org.mouselift.models.optim.Schedule;
import org.mouselift.pipeline.config.GslrmConfig;
import org.mouselift.pipeline.reconstruct.RigProvenance;

/** From a training configuration to the parts of a run. */
public final class GslrmSetup {
    /** Decoded scenes of a fixed data set are kept up to this size. */
    private static final long CACHE_BYTES = 6L << 30;

    /** Samples whose cameras are recorded with the weights. */
    private static final int RIG_SAMPLES = 16;
    /** Stream of the generator, apart from those of the passes. */
    private static final long RIG_DRAWS = 3L << 40;

    private GslrmSetup() {}

    /** The network of a configuration. */
    public static GsLrmConfig network(GslrmConfig config) {
        GslrmConfig.Model m = config.model();
        RayEncoding rays = switch (m.rays()) {
            case CUSTOM_PLUCKER -> RayEncoding.CUSTOM;
            case AUGMENTED_PLUCKER -> RayEncoding.AUGMENTED;
            case PLUCKER -> RayEncoding.PLAIN;
        };
        return new GsLrmConfig(rays, m.patchSize(), m.width(), m.headWidth(), m.layers(), m.freeGaussians(), m.shDegree(),
                Double.isNaN(m.scalingModifier()) ? 1 : m.scalingModifier(), m.referenceMarker(), m.hardPixelAlign(),
                new GsLrmConfig.Depth(m.depthPreactBias(), m.depthMin(), m.depthMax(), m.depthReferenceOrigin()), m.clipXyzActive(),
                config.runtime().gradCheckpointEvery());
    }

    /** Loss terms and warm-ups. */
    public static LossConfig loss(GslrmConfig config) {
        GslrmConfig.Losses l = config.losses();
        return new LossConfig(new LossWeights(l.l2(), l.lpips(), l.perceptual(), l.ssim(), l.pixelAlign(), l.pointsDist(), l.background(), l.depth()), l.maskedL2(),
                l.maskedSsim(), l.maskedPixelAlign(), l.clampRendering(), false, Arrays.stream(l.backgroundColor()).boxed().toList(),
                l.maskIouThreshold(), l.warmupPointsDist(), l.warmupPointsDistSteps(), config.schedule().l2WarmupSteps());
    }

    /** AdamW as in the original, or Muon for the matrices of the transformer blocks and AdamW for the rest. */
    public static Optimizer optimiser(GslrmConfig config, GsLrm model) {
        return optimiser(config, model, config.optimizer().weightDecay());
    }

    /** The same with another weight decay, such as that of a checkpoint that is continued. */
    public static Optimizer optimiser(GslrmConfig config, GsLrm model, double weightDecay) {
        GslrmConfig.Optimizer o = config.optimizer();
        AdamW.Options adamw = new AdamW.Options(o.beta1(), o.beta2(), 1e-8, weightDecay);
        return switch (o.kind()) {
            case ADAMW -> new AdamW(model.stateDict(), adamw);
            case MUON -> new Muon(model.stateDict(), n -> n.startsWith("transformer_layers."), n -> n.endsWith("to_qkv.weight") ? 3 : 1,
                    Muon.Options.STANDARD.factor(o.muonFactor()), rest -> new AdamW(rest, adamw));
        };
    }

    /** Cosine over exactly the planned updates. */
    public static Schedule schedule(GslrmConfig config) {
        return new Schedule(Schedule.Kind.COSINE, config.optimizer().lr(), config.schedule().warmup(),
                Math.max(1, config.schedule().maxPasses() / config.runtime().gradAccumSteps()));
    }

    /**
     * Passes of a run: {@code max_fwdbwd_passes}, or fewer by {@code early_stop_after} passes or {@code early_stop_after_epochs}, one
     * epoch earlier than it says, as the original stops (GS-LRM specification §6.4). The learning rate still falls over
     * {@code max_fwdbwd_passes}.
     *
     * @param perEpoch passes through the whole data
     */
    public static long passes(GslrmConfig config, long perEpoch) {
        GslrmConfig.Schedule s = config.schedule();
        long passes = s.maxPasses();
        if (s.earlyStopAfter().isPresent()) {
            passes = Math.min(passes, s.earlyStopAfter().getAsInt());
        }
        if (s.earlyStopAfterEpochs().isPresent()) {
            passes = Math.min(passes, Math.max(1, (s.earlyStopAfterEpochs().getAsInt() - 1) * perEpoch));
        }
        return passes;
    }

    /** Clipping and skipping. */
    public static GradientRules rules(GslrmConfig config) {
        return new GradientRules(config.runtime().gradClipNorm(), config.runtime().allowedGradnormFactor(), true, true);
    }

    /** Frozen layers. */
    public static LayerFreeze freeze(GslrmConfig config) {
        GslrmConfig.Freeze f = config.freeze();
        return new LayerFreeze(f.enabled(), f.transformerUntil(), f.patchEmbedder(), f.positionalEmbeddings());
    }

    /**
     * The scenes of a list file.
     *
     * @param training draws augmentation and random backgrounds
     * @param perCameraDistance moves each camera on its own to the target distance as the original does, instead of scaling the
     *     rig (GS-LRM specification §5.4: not a similarity)
     */
    public static SceneSource scenes(GslrmConfig config, Path list, boolean training, boolean perCameraDistance) throws IOException {
        SampleList samples = SampleList.read(list);
        DatasetLineage.require(samples, config.dataset().expectPreprocessing());
        if (!config.dataset().allowFrozen()) {
            DatasetLineage.requireCameras(samples.samples());
        }
        GslrmConfig.Dataset d = config.dataset();
        GslrmConfig.Background b = d.background();
        BackgroundColor background = switch (b.kind()) {
            case CONSTANT -> BackgroundColor.grey((float) b.grey());
            case RANDOM -> BackgroundColor.parse("random");
            case THREE_CHOICES -> BackgroundColor.parse("three_choices");
        };
        int size = config.model().imageSize();
        if (!config.mouse().useMouseDataset()) {
            if (config.losses().depth() > 0) {
                throw new IllegalArgumentException("training.losses.depth_loss_weight: only mouse data sets carry known depth; set mouse.use_mouse_dataset: true, or the weight to 0");
            }
            return new DatasetScenes(new RandomViewDataset(samples, new RandomViewDataset.Options(size, d.numViews(), d.numInputViews(),
                    d.maximizeViewOverlap(), false, true, background, d.removeAlpha()), 0), 0);
        }
        GslrmConfig.Mouse m = config.mouse();
        GslrmConfig.Augmentation a = m.augmentation();
        boolean augment = training && a.enabled();
        ViewAugmentation augmentation = augment
                ? new ViewAugmentation(a.flip(), a.rotationDegrees(), floats(a.brightness()), floats(a.contrast()), a.degradation()) : ViewAugmentation.NONE;
        GeometryMode geometry = m.targetCameraDistance() > 0
                ? perCameraDistance ? GeometryMode.PER_CAMERA_LEGACY : GeometryMode.SIMILARITY : GeometryMode.NONE;
        boolean fixed = !augment && b.kind() == GslrmConfig.Background.Kind.CONSTANT;
        return new DatasetScenes(new MouseViewDataset(samples, new MouseViewDataset.Options(size, d.numViews(), background, d.removeAlpha(),
                m.autoGenerateMask() ? AutoMask.FROM_SOURCE : AutoMask.OFF, m.maskThreshold(), false, m.normalizeCameras(), !m.normalizeToZUp(), geometry,
                m.targetCameraDistance(), augmentation, training && config.losses().depth() > 0 ? d.numInputViews() : 0), 0), fixed ? CACHE_BYTES : 0);
    }

    private static float[] floats(double[] values) {
        return new float[] {(float) values[0], (float) values[1]};
    }

    /** Which views of a scene are inputs and targets. */
    public static SceneBatch.ViewRule views(GslrmConfig config, int targetsPerPass) {
        return new SceneBatch.ViewRule(config.dataset().numInputViews(), config.dataset().targetHasInput(), targetsPerPass);
    }

    /**
     * The input cameras of a training, from samples spread over the list.
     *
     * @param seed of the run; random views are drawn from it
     */
    public static RigProvenance rig(SceneSource scenes, int inputViews, long seed) throws IOException {
        int n = Math.min(RIG_SAMPLES, scenes.size());
        List<List<Camera>> samples = new ArrayList<>();
        for (int i = 0; i < n; i++) {
            int index = (int) ((long) i * scenes.size() / n);
            List<Camera> cameras = scenes.load(index, new Philox(seed, RIG_DRAWS + index)).cameras();
            samples.add(cameras.subList(0, Math.min(inputViews, cameras.size())));
        }
        return RigProvenance.of(samples);
    }

}
