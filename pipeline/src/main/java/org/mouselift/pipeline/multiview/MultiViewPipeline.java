package org.mouselift.pipeline.multiview;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.function.Function;
import org.mouselift.data.image.Image8;
import org.mouselift.engine.DType;
import org.mouselift.engine.EngineException;
import org.mouselift.engine.MemoryPool;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tensor;
import org.mouselift.models.diffusion.DiffusionSampler;
import org.mouselift.models.diffusion.GuidedSampling;
import org.mouselift.models.diffusion.NoiseSchedule;
import org.mouselift.models.unet.UNetConfig;
import org.mouselift.models.unet.UNetMV2DConditionModel;
import org.mouselift.models.vae.AutoencoderConfig;
import org.mouselift.models.vae.AutoencoderKL;

/**
 * One picture to all views of an object (multi-view diffusion specification §3.2): Stable unCLIP with multi-view attention, the
 * picture being the reference view. The reference is encoded once per object; results are those of the original. A network without
 * class embedding has no image branch, one that diffuses pictures no autoencoder.
 */
public final class MultiViewPipeline implements AutoCloseable {
    /** Key of {@code unet/config.json}: false for a network that was trained with unscaled reference latents. */
    public static final String SCALE_REFERENCE = "_mouselift_scale_input_latents";

    private final UNetMV2DConditionModel unet;
    private final LatentSpace space;
    private final ImageConditions conditions;
    private final NoiseSchedule schedule;
    private final boolean scaleReference;
    private final List<Runnable> owned = new ArrayList<>();
    private Runnable releaseUNet = () -> {};
    private float[] cameras;

    /** The picture's embedding. */
    public static final String IMAGE_ENCODER = "image encoder";
    /** Latents of the reference view. */
    public static final String ENCODER = "autoencoder, encoding";
    /** One sampling step. */
    public static final String UNET = "UNet step";
    /** Pictures of the latents. */
    public static final String DECODER = "autoencoder, decoding";

    /** What happens during a sampling; every method may be left as it is. */
    public interface Listener {
        /**
         * A part of the sampling begins: {@value #IMAGE_ENCODER}, {@value #ENCODER}, {@value #UNET} with the number of the step, or
         * {@value #DECODER}. The part before it has ended, and its weights have left the physical memory.
         */
        default void stage(String name) {}

        /**
         * The conditions before the first step; tensors of the sampling's scope.
         *
         * @param pixelValues input of the image encoder, with imageEmbeds and classLabels null for a network without image branch
         */
        default void conditions(Tensor pixelValues, Tensor imageEmbeds, Tensor classLabels, Tensor referenceLatents) {}

        /**
         * After a step.
         *
         * @param index from 0
         * @param prediction raw output of the UNet, unconditional half first where there is one; null unless {@link #readsSteps}, as
         *     are the latents
         */
        default void step(int index, int steps, int timestep, Tensor prediction, Tensor latents) {}

        /** Asked before every step; true ends the sampling with {@link CancelledException}. */
        default boolean cancelled() {
            return false;
        }

        /** False if {@link #step} looks at no tensor, which on a device then stay there. */
        default boolean readsSteps() {
            return true;
        }

        /** Nothing. */
        Listener NONE = new Listener() {
            @Override
            public boolean readsSteps() {
                return false;
            }
        };
    }

    /** The sampling was asked to stop. */
    public static final class CancelledException extends RuntimeException {
        private static final long serialVersionUID = 1;

        CancelledException(int step, int steps) {
            super("cancelled before step " + (step + 1) + " of " + steps);
        }
    }

    /**
     * A pipeline of parts that somebody else owns; closing it leaves them open.
     *
     * @param conditions the image branch; null for a network without class embedding
     * @param scaleReference reference latents are scaled like the others ({@code scale_input_latents})
     */
    public MultiViewPipeline(UNetMV2DConditionModel unet, LatentSpace space, ImageConditions conditions, NoiseSchedule schedule, boolean scaleReference) {
        if ((unet.config().classWidth() == 0) != (conditions == null)) {
            throw new EngineException("multi-view pipeline: the UNet " + (conditions == null ? "takes class labels and there is no" : "takes no class labels and there is an")
                    + " image branch");
        }
        requireChannels(unet.config(), space.channels(), "multi-view pipeline");
        this.unet = unet;
        this.space = space;
        this.conditions = conditions;
        this.schedule = schedule;
        this.scaleReference = scaleReference;
    }

    /**
     * Maps the weights of all components; what does not fit together is refused before weights are read.
     *
     * @throws MultiViewException MFL-E202 for damaged weights or missing cameras, MFL-E203 for weights that do not fit their configuration
     */
    public static MultiViewPipeline load(PipelineFolder folder) throws IOException {
        NoiseSchedule schedule = folder.schedule();
        UNetConfig config = folder.unetConfig();
        boolean scaleReference = !Boolean.FALSE.equals(folder.config("unet", "config.json").get(SCALE_REFERENCE));
        AutoencoderConfig vae = folder.needs("vae") ? AutoencoderConfig.of(folder.config("vae", "config.json"), folder.path() + "/vae/config.json") : null;
        requireChannels(config, vae == null ? 3 : vae.latentChannels(), folder.path().toString());
        float[] told = config.cameraEmbedding().isEmpty() ? null : ViewCameras.numbers(folder.toldCameras().orElseThrow(), config, 0);
        List<Runnable> owned = new ArrayList<>();
        try {
            ImageConditions conditions = config.classWidth() == 0 ? null : new ImageConditions(folder, config);
            if (conditions != null) {
                owned.add(conditions::close);
            }
            LatentSpace space = space(folder, vae);
            owned.add(space::close);
            MappedUNet unet = folder.loaded("unet", file -> MappedUNet.open(config, file));
            owned.add(unet::close);
            MultiViewPipeline pipeline = new MultiViewPipeline(unet.model(), space, conditions, schedule, scaleReference);
            pipeline.releaseUNet = unet::release;
            pipeline.cameras = told;
            pipeline.owned.addAll(owned);
            return pipeline;
        } catch (IOException | RuntimeException e) {
            owned.forEach(Runnable::run);
            throw e;
        }
    }

    private static LatentSpace space(PipelineFolder folder, AutoencoderConfig config) throws IOException {
        if (config == null) {
            return new LatentSpace(null);
        }
        PipelineFolder.OnFile<AutoencoderKL> stored = folder.onFile("vae", (state, source) -> AutoencoderKL.stored(config, state, source));
        return new LatentSpace(stored.model(), stored.file());
    }

    private static void requireChannels(UNetConfig unet, int latentChannels, String place) {
        if (unet.inChannels() != 2 * latentChannels || unet.outChannels() != latentChannels) {
            throw new EngineException(place + ": the UNet has in_channels " + unet.inChannels() + " and out_channels " + unet.outChannels() + ", what it diffuses has "
                    + latentChannels + " channels: expected noisy and reference latents together, and latents");
        }
    }

    /**
     * Tells the network the cameras of the views, the same for every object; needed by one with {@code camera_embedding}.
     *
     * @param numbers as {@link ViewCameras#numbers} gives them; null for a network that is not told its cameras
     */
    public void cameras(float[] numbers) {
        cameras = numbers == null ? null : numbers.clone();
    }

    public UNetConfig unetConfig() {
        return unet.config();
    }

    /** The UNet, for hooks and captures. */
    public UNetMV2DConditionModel unet() {
        return unet;
    }

    /** Views of an object. */
    public int views() {
        return unet.config().numViews();
    }

    /** Side of the pictures the models were made for. */
    public int pictureSize() {
        return unet.config().sampleSize() * space.factor();
    }

    /**
     * Samples all views of some objects.
     *
     * @param pictures reference view of every object, RGB on a solid background, all of one size with sides that the autoencoder's
     *     factor divides
     * @param prompts embeddings [V,T,D] for every object alike, or [B*V,T,D]
     * @return views [B*V,3,H,W] in [0,1], in the current scope
     */
    public Tensor generate(List<Image8> pictures, Tensor prompts, SamplingOptions options, NoiseSource noise, Listener listener) {
        return Scope.keeping("sampling", () -> sample(pictures, prompts, options, noise, listener));
    }

    private Tensor sample(List<Image8> pictures, Tensor prompts, SamplingOptions options, NoiseSource noise, Listener listener) {
        int views = views();
        long n = (long) pictures.size() * views;
        Image8 first = check(pictures);
        Tensor embeddings = prompts(prompts, pictures.size());
        if (conditions != null) {
            listener.stage(IMAGE_ENCODER);
        }
        Tensor pixels = conditions == null ? null : each(pictures, conditions::pixels);
        Tensor embeds = conditions == null ? null : Scope.keeping("image embedding", () -> conditions.embed(pixels));
        Tensor labels = conditions == null ? null
                : conditions.classLabels(repeated(embeds, views), options.noiseLevel(), noise.normal(n, embeds.dim(1)));
        if (conditions != null) {
            conditions.release();
        }
        listener.stage(ENCODER);
        Tensor reference = repeated(each(pictures, this::reference), views);
        space.release();
        // What the encoders worked with is of other sizes than what the UNet needs.
        MemoryPool.trim();
        Tensor initial = noise.normal(n, space.channels(), first.height() / space.factor(), first.width() / space.factor());
        DiffusionSampler sampler = new DiffusionSampler(schedule, options.kind(), options.eta(), options.steps());
        var watch = new GuidedSampling.Listener() {
            @Override
            public void conditions(GuidedSampling.Conditions given) {
                listener.conditions(pixels, embeds, given.classLabels(), given.reference());
            }

            @Override
            public void before(int index) {
                if (listener.cancelled()) {
                    throw new CancelledException(index, options.steps());
                }
                listener.stage(UNET + " " + (index + 1) + " of " + options.steps());
            }

            @Override
            public void after(int index, int timestep, Tensor prediction, Tensor latents) {
                listener.step(index, options.steps(), timestep, prediction, latents);
            }

            @Override
            public boolean readsSteps() {
                return listener.readsSteps();
            }
        };
        Tensor latents = new GuidedSampling(sampler, options.guidance()).run(unet, new GuidedSampling.Conditions(embeddings, labels, reference), initial,
                () -> noise.normal(initial.shape().dims()), watch);
        releaseUNet.run();
        MemoryPool.trim();
        listener.stage(DECODER);
        return decode(latents);
    }

    private Image8 check(List<Image8> pictures) {
        if (pictures.isEmpty()) {
            throw new EngineException("sampling: no picture");
        }
        Image8 first = pictures.getFirst();
        int factor = space.factor();
        for (Image8 p : pictures) {
            if (p.channels() != 3) {
                throw new EngineException("sampling: a picture has " + p.channels() + " channels, expected RGB on a solid background: composite it first");
            }
            if (p.width() != first.width() || p.height() != first.height()) {
                throw new EngineException("sampling: pictures of " + first.width() + "x" + first.height() + " and " + p.width() + "x" + p.height()
                        + " pixels in one batch");
            }
        }
        if (first.width() % factor != 0 || first.height() % factor != 0) {
            throw new EngineException("sampling: a picture of " + first.width() + "x" + first.height() + " pixels; the autoencoder needs multiples of " + factor);
        }
        return first;
    }

    private Tensor prompts(Tensor prompts, int objects) {
        int views = views();
        UNetConfig c = unet.config();
        long rows = prompts.rank() == 3 ? prompts.dim(0) : 0;
        if (prompts.rank() != 3 || prompts.dim(2) != c.crossAttentionDim() || rows != views && rows != (long) views * objects) {
            throw new EngineException("prompt embeddings are " + prompts.spec() + ", the model expects [" + views + ",T," + c.crossAttentionDim()
                    + "]: one row of tokens per view (num_views " + views + "), of width cross_attention_dim " + c.crossAttentionDim());
        }
        Tensor told = cameras == null ? null : Ops.concat(0, Collections.nCopies((int) (rows / views), Tensor.of(cameras, views, c.cameraNumbers())));
        Tensor all = unet.conditioned(Ops.cast(prompts, DType.F32), told);
        return rows == (long) views * objects ? all
                : Ops.reshape(Ops.expand(Ops.reshape(all, 1, views, all.dim(1), all.dim(2)), objects, views, all.dim(1), all.dim(2)), (long) objects * views,
                        all.dim(1), all.dim(2));
    }

    /** Something of every picture [1,…], together [B,…]. */
    private static Tensor each(List<Image8> pictures, Function<Image8, Tensor> what) {
        List<Tensor> out = pictures.stream().map(what).toList();
        return out.size() == 1 ? out.getFirst() : Ops.concat(0, out);
    }

    /** Latents of a reference picture [1,C,h,w], scaled as the network was trained. */
    private Tensor reference(Image8 picture) {
        return Ops.affine(space.mean(picture.toFloatChw(), picture.height(), picture.width()), scaleReference ? space.scale() : 1, 0);
    }

    /** [B,…] to [B*views,…]. */
    private static Tensor repeated(Tensor x, int views) {
        long[] one = new long[x.rank() + 1];
        long[] wide = new long[x.rank() + 1];
        long[] flat = x.shape().dims();
        System.arraycopy(flat, 1, one, 2, flat.length - 1);
        System.arraycopy(flat, 1, wide, 2, flat.length - 1);
        one[0] = flat[0];
        one[1] = 1;
        wide[0] = flat[0];
        wide[1] = views;
        flat[0] *= views;
        return Ops.reshape(Ops.expand(Ops.reshape(x, one), wide), flat);
    }

    /** Pictures [N,3,H,W] in [0,1] of scaled latents [N,C,h,w], decoded one by one to bound the memory. */
    public Tensor decode(Tensor latents) {
        Tensor pictures = space.decode(latents);
        space.release();
        return pictures;
    }

    @Override
    public void close() {
        owned.forEach(Runnable::run);
    }
}
