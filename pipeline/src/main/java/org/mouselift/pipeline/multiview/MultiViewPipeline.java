package org.mouselift.pipeline.multiview;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.mouselift.data.image.ClipImageProcessor;
import org.mouselift.data.image.Image8;
import org.mouselift.engine.DType;
import org.mouselift.engine.EngineException;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tensor;
import org.mouselift.models.clip.ClipConfig;
import org.mouselift.models.clip.ClipVisionModelWithProjection;
import org.mouselift.models.diffusion.DiffusionSampler;
import org.mouselift.models.diffusion.ImageEmbeddingNoise;
import org.mouselift.models.diffusion.NoiseSchedule;
import org.mouselift.models.unet.UNetConfig;
import org.mouselift.models.unet.UNetMV2DConditionModel;
import org.mouselift.models.vae.AutoencoderConfig;
import org.mouselift.models.vae.AutoencoderKL;

/**
 * One picture to all views of an object (multi-view diffusion specification §3.2): Stable unCLIP with multi-view attention, the
 * picture being the reference view. The reference is encoded once per object; results are those of the original.
 */
public final class MultiViewPipeline implements AutoCloseable {
    private final Scope memory = Scope.detached("multi-view pipeline");
    private final MappedUNet mapped;
    private final UNetMV2DConditionModel unet;
    private final AutoencoderKL vae;
    private final ClipVisionModelWithProjection encoder;
    private final ClipImageProcessor processor;
    private final ImageEmbeddingNoise embeddingNoise;
    private final NoiseSchedule schedule;

    /** What happens during a sampling; every method may be left as it is. */
    public interface Listener {
        /** The conditions before the first step; tensors of the sampling's scope. */
        default void conditions(Tensor pixelValues, Tensor imageEmbeds, Tensor classLabels, Tensor referenceLatents) {}

        /**
         * After a step.
         *
         * @param index from 0
         * @param prediction raw output of the UNet, unconditional half first where there is one
         */
        default void step(int index, int steps, int timestep, Tensor prediction, Tensor latents) {}

        /** Asked before every step; true ends the sampling with {@link CancelledException}. */
        default boolean cancelled() {
            return false;
        }

        /** Nothing. */
        Listener NONE = new Listener() {};
    }

    /** The sampling was asked to stop. */
    public static final class CancelledException extends RuntimeException {
        private static final long serialVersionUID = 1;

        CancelledException(int step, int steps) {
            super("cancelled before step " + (step + 1) + " of " + steps);
        }
    }

    private MultiViewPipeline(PipelineFolder folder) throws IOException {
        schedule = NoiseSchedule.of(folder.config("scheduler", "scheduler_config.json"), false, folder.path() + "/scheduler/scheduler_config.json");
        NoiseSchedule levels = NoiseSchedule.of(folder.config("image_noising_scheduler", "scheduler_config.json"), true,
                folder.path() + "/image_noising_scheduler/scheduler_config.json");
        processor = ClipImageProcessor.read(folder.path().resolve("feature_extractor").resolve("preprocessor_config.json"));
        UNetConfig unetConfig = UNetConfig.of(folder.config("unet", "config.json"), folder.unet() + "/config.json");
        AutoencoderConfig vaeConfig = AutoencoderConfig.of(folder.config("vae", "config.json"), folder.path() + "/vae/config.json");
        ClipConfig clipConfig = ClipConfig.vision(folder.config("image_encoder", "config.json"), folder.path() + "/image_encoder/config.json");
        check(folder, unetConfig, vaeConfig, clipConfig);
        try (Scope scope = Scope.open("loading a pipeline")) {
            Map<String, Tensor> statistics = folder.weights("image_normalizer");
            String file = folder.weightsFile("image_normalizer").toString();
            embeddingNoise = new ImageEmbeddingNoise(kept(statistics, "mean", file, clipConfig), kept(statistics, "std", file, clipConfig), levels);
            mapped = MappedUNet.open(unetConfig, folder.weightsFile("unet"));
            unet = mapped.model();
            vae = AutoencoderKL.load(vaeConfig, DType.F32, folder.weights("vae"), folder.weightsFile("vae").toString());
            encoder = ClipVisionModelWithProjection.load(clipConfig, DType.F32, folder.weights("image_encoder"), folder.weightsFile("image_encoder").toString());
        }
    }

    /** Loads all components. */
    public static MultiViewPipeline load(PipelineFolder folder) throws IOException {
        return new MultiViewPipeline(folder);
    }

    private static void check(PipelineFolder folder, UNetConfig unet, AutoencoderConfig vae, ClipConfig clip) throws IOException {
        if (unet.inChannels() != 2 * vae.latentChannels() || unet.outChannels() != vae.latentChannels()) {
            throw new IOException(folder.path() + ": the UNet has in_channels " + unet.inChannels() + " and out_channels " + unet.outChannels()
                    + ", the autoencoder latent_channels " + vae.latentChannels() + ": expected noisy and reference latents together, and latents");
        }
        if (unet.classWidth() != 2 * clip.projectionDim()) {
            throw new IOException(folder.path() + ": projection_class_embeddings_input_dim of the UNet is " + unet.classWidth()
                    + ", expected twice the projection_dim " + clip.projectionDim() + " of the image encoder");
        }
    }

    private Tensor kept(Map<String, Tensor> statistics, String name, String file, ClipConfig clip) throws IOException {
        Tensor t = statistics.get(name);
        if (t == null || t.numel() != clip.projectionDim()) {
            throw new IOException(file + ": '" + name + "' is " + (t == null ? "missing" : t.spec()) + ", expected [1," + clip.projectionDim() + "]");
        }
        float[] values = t.toFloats();
        return memory.run(() -> Tensor.of(values, 1, values.length));
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
        return unet.config().sampleSize() * vae.config().factor();
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
        int objects = pictures.size();
        int views = views();
        long n = (long) objects * views;
        Image8 first = check(pictures);
        Tensor embeddings = prompts(prompts, objects);
        boolean guided = options.guidance() != 1;
        DiffusionSampler sampler = new DiffusionSampler(schedule, options.kind(), options.eta(), options.steps());
        Tensor pixels = pixels(pictures);
        Tensor embeds = encoder.embed(pixels);
        Tensor labels = embeddingNoise.classLabels(repeated(embeds, views), options.noiseLevel(), noise.normal(n, embeds.dim(1)));
        Tensor reference = repeated(reference(pictures), views);
        if (guided) {
            labels = Ops.concat(0, Ops.fill(labels.spec(), 0), labels);
            reference = Ops.concat(0, Ops.fill(reference.spec(), 0), reference);
            embeddings = Ops.concat(0, embeddings, embeddings);
        }
        listener.conditions(pixels, embeds, labels, reference);
        int factor = vae.config().factor();
        Tensor latents = noise.normal(n, vae.config().latentChannels(), first.height() / factor, first.width() / factor);
        int[] timesteps = sampler.timesteps();
        for (int i = 0; i < timesteps.length; i++) {
            if (listener.cancelled()) {
                throw new CancelledException(i, timesteps.length);
            }
            latents = step(sampler, timesteps[i], i, latents, reference, embeddings, labels, options, noise, listener);
        }
        return decode(latents);
    }

    private Tensor step(DiffusionSampler sampler, int t, int index, Tensor latents, Tensor reference, Tensor prompts, Tensor labels, SamplingOptions options,
            NoiseSource noise, Listener listener) {
        return Scope.keeping("sampling step", () -> {
            boolean guided = options.guidance() != 1;
            Tensor input = Ops.concat(1, guided ? Ops.concat(0, latents, latents) : latents, reference);
            Tensor prediction = unet.predict(input, new long[] {t}, prompts, labels);
            Tensor joined = prediction;
            if (guided) {
                Tensor free = Ops.slice(prediction, 0, 0, latents.dim(0));
                Tensor conditioned = Ops.slice(prediction, 0, latents.dim(0), 2 * latents.dim(0));
                joined = Ops.add(free, Ops.affine(Ops.sub(conditioned, free), options.guidance(), 0));
            }
            Tensor drawn = sampler.drawsNoise(t) ? noise.normal(latents.shape().dims()) : null;
            Tensor next = sampler.step(joined, t, latents, drawn).latents();
            listener.step(index, sampler.steps(), t, prediction, next);
            return next;
        });
    }

    private Image8 check(List<Image8> pictures) {
        if (pictures.isEmpty()) {
            throw new EngineException("sampling: no picture");
        }
        Image8 first = pictures.getFirst();
        int factor = vae.config().factor();
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
        Tensor all = Ops.cast(prompts, DType.F32);
        return rows == (long) views * objects ? all
                : Ops.reshape(Ops.expand(Ops.reshape(all, 1, views, all.dim(1), all.dim(2)), objects, views, all.dim(1), all.dim(2)), (long) objects * views,
                        all.dim(1), all.dim(2));
    }

    /** Input of the image encoder [B,3,s,s]. */
    private Tensor pixels(List<Image8> pictures) {
        List<Tensor> out = new ArrayList<>();
        for (Image8 p : pictures) {
            float[] values = processor.process(p);
            out.add(Tensor.of(values, 1, 3, processor.cropHeight(), processor.cropWidth()));
        }
        return out.size() == 1 ? out.getFirst() : Ops.concat(0, out);
    }

    /** Scaled latents of the reference pictures [B,C,h,w]. */
    private Tensor reference(List<Image8> pictures) {
        List<Tensor> out = new ArrayList<>();
        for (Image8 p : pictures) {
            Tensor image = Ops.affine(Tensor.of(p.toFloatChw(), 1, 3, p.height(), p.width()), 2, -1);
            out.add(Ops.affine(Scope.keeping("encoding", () -> Ops.contiguous(vae.encode(image).mode())), vae.config().scalingFactor(), 0));
        }
        return out.size() == 1 ? out.getFirst() : Ops.concat(0, out);
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
        List<Tensor> out = new ArrayList<>();
        for (long i = 0; i < latents.dim(0); i++) {
            Tensor one = Ops.affine(Ops.contiguous(Ops.slice(latents, 0, i, i + 1)), 1 / vae.config().scalingFactor(), 0);
            out.add(Scope.keeping("decoding", () -> Ops.clamp(Ops.affine(vae.decode(one), 0.5, 0.5), 0, 1)));
        }
        return Ops.concat(0, out);
    }

    @Override
    public void close() {
        mapped.close();
        vae.close();
        encoder.close();
        memory.close();
    }
}
