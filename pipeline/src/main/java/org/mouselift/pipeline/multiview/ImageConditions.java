package org.mouselift.pipeline.multiview;

import java.io.IOException;
import java.util.Map;
import org.mouselift.data.image.ClipImageProcessor;
import org.mouselift.data.image.Image8;
import org.mouselift.engine.DType;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tensor;
import org.mouselift.models.clip.ClipConfig;
import org.mouselift.models.clip.ClipVisionModelWithProjection;
import org.mouselift.models.diffusion.ImageEmbeddingNoise;
import org.mouselift.models.diffusion.NoiseSchedule;
import org.mouselift.models.unet.UNetConfig;
import org.mouselift.pipeline.checkpoint.MappedWeights;

/** The frozen image branch: embeddings of the input picture and the class labels made of them (multi-view diffusion specification §2). */
public final class ImageConditions implements AutoCloseable {
    private final Scope memory = Scope.detached("image conditions");
    private final MappedWeights weights;
    private final ClipVisionModelWithProjection encoder;
    private final ClipImageProcessor processor;
    private final ImageEmbeddingNoise noise;

    /**
     * Loads the components of a pipeline folder.
     *
     * @param unet the network that takes the class labels; what does not fit it is refused before weights are loaded
     */
    public ImageConditions(PipelineFolder folder, UNetConfig unet) throws IOException {
        processor = ClipImageProcessor.read(folder.path().resolve("feature_extractor").resolve("preprocessor_config.json"));
        NoiseSchedule levels = NoiseSchedule.of(folder.config("image_noising_scheduler", "scheduler_config.json"), true,
                folder.path() + "/image_noising_scheduler/scheduler_config.json");
        ClipConfig config = ClipConfig.vision(folder.config("image_encoder", "config.json"), folder.path() + "/image_encoder/config.json");
        if (unet.classWidth() != 2 * config.projectionDim()) {
            throw new IOException("projection_class_embeddings_input_dim of the UNet is " + unet.classWidth() + ", expected twice the projection_dim "
                    + config.projectionDim() + " of the image encoder in " + folder.path());
        }
        try (Scope scope = Scope.open("image conditions")) {
            String file = folder.weightsFile("image_normalizer").toString();
            try (MappedWeights statistics = folder.mapped("image_normalizer")) {
                noise = new ImageEmbeddingNoise(kept(statistics.state(), "mean", file, config), kept(statistics.state(), "std", file, config), levels);
            }
            PipelineFolder.OnFile<ClipVisionModelWithProjection> stored = folder.onFile("image_encoder",
                    (state, source) -> ClipVisionModelWithProjection.stored(config, state, source));
            encoder = stored.model();
            weights = stored.file();
        }
    }

    private Tensor kept(Map<String, Tensor> statistics, String name, String file, ClipConfig clip) throws IOException {
        Tensor t = statistics.get(name);
        if (t == null || t.numel() != clip.projectionDim()) {
            throw new IOException(file + ": '" + name + "' is " + (t == null ? "missing" : t.spec()) + ", expected [1," + clip.projectionDim() + "]");
        }
        float[] values = Ops.cast(t, DType.F32).toFloats();
        return memory.run(() -> Tensor.of(values, 1, values.length));
    }

    /** Width of an embedding; class labels have twice that. */
    public int width() {
        return encoder.config().projectionDim();
    }

    /** Embedding of a picture [3,s,s] in [0,1] as training sees it: resized in floats, without crop (§4.4). */
    public float[] embed(float[] picture, int size) {
        try (Scope scope = Scope.open("image embedding")) {
            return encoder.embed(input(processor.processFloat(picture, size, size))).toFloats();
        }
    }

    /** A picture as the encoder takes it when sampling: resized in 8 bits and cropped (§2.1); [1,3,s,s]. */
    public Tensor pixels(Image8 picture) {
        return input(processor.process(picture));
    }

    private Tensor input(float[] values) {
        return Tensor.of(values, 1, 3, processor.cropHeight(), processor.cropWidth());
    }

    /** Embeddings [n,E] of {@link #pixels} [n,3,s,s]. */
    public Tensor embed(Tensor pixels) {
        return encoder.embed(pixels);
    }

    /**
     * Class labels [n,2E] of embeddings [n,E].
     *
     * @param level of noise, 0 to 999
     * @param normal standard normal [n,E]
     */
    public Tensor classLabels(Tensor embeddings, int level, Tensor normal) {
        return noise.classLabels(embeddings, level, normal);
    }

    /** Gives back the physical memory of the encoder's weights until they are used again. */
    public void release() {
        weights.release();
    }

    @Override
    public void close() {
        encoder.close();
        weights.close();
        memory.close();
    }
}
