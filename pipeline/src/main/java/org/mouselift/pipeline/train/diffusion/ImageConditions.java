package org.mouselift.pipeline.train.diffusion;

import java.io.IOException;
import java.util.Map;
import org.mouselift.data.image.ClipImageProcessor;
import org.mouselift.engine.DType;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tensor;
import org.mouselift.models.clip.ClipConfig;
import org.mouselift.models.clip.ClipVisionModelWithProjection;
import org.mouselift.models.diffusion.ImageEmbeddingNoise;
import org.mouselift.models.diffusion.NoiseSchedule;
import org.mouselift.pipeline.multiview.PipelineFolder;

/** The frozen image branch: embeddings of the input picture and the class labels made of them (multi-view diffusion specification §2). */
public final class ImageConditions implements AutoCloseable {
    private final Scope memory = Scope.detached("image conditions");
    private final ClipVisionModelWithProjection encoder;
    private final ClipImageProcessor processor;
    private final ImageEmbeddingNoise noise;

    /** Loads the components of a pipeline folder. */
    public ImageConditions(PipelineFolder folder) throws IOException {
        processor = ClipImageProcessor.read(folder.path().resolve("feature_extractor").resolve("preprocessor_config.json"));
        NoiseSchedule levels = NoiseSchedule.of(folder.config("image_noising_scheduler", "scheduler_config.json"), true,
                folder.path() + "/image_noising_scheduler/scheduler_config.json");
        ClipConfig config = ClipConfig.vision(folder.config("image_encoder", "config.json"), folder.path() + "/image_encoder/config.json");
        try (Scope scope = Scope.open("image conditions")) {
            Map<String, Tensor> statistics = folder.weights("image_normalizer");
            noise = new ImageEmbeddingNoise(kept(statistics, "mean", folder), kept(statistics, "std", folder), levels);
            encoder = ClipVisionModelWithProjection.load(config, DType.F32, folder.weights("image_encoder"), folder.weightsFile("image_encoder").toString());
        }
        encoder.stateDict().values().forEach(p -> p.requiresGrad(false));
    }

    private Tensor kept(Map<String, Tensor> statistics, String name, PipelineFolder folder) throws IOException {
        Tensor t = statistics.get(name);
        if (t == null) {
            throw new IOException(folder.weightsFile("image_normalizer") + ": '" + name + "' is missing");
        }
        float[] values = t.toFloats();
        return memory.run(() -> Tensor.of(values, 1, values.length));
    }

    /** Width of an embedding; class labels have twice that. */
    public int width() {
        return encoder.config().projectionDim();
    }

    /** Embedding of a picture [3,s,s] in [0,1]: the training path resizes in floats, without crop (§4.4). */
    public float[] embed(float[] picture, int size) {
        try (Scope scope = Scope.open("image embedding")) {
            float[] input = processor.processFloat(picture, size, size);
            return encoder.embed(Tensor.of(input, 1, 3, processor.cropHeight(), processor.cropWidth())).toFloats();
        }
    }

    /** Class labels [n,2E] of embeddings [n,E] with noise of level 0. */
    public Tensor classLabels(Tensor embeddings, Tensor normal) {
        return noise.classLabels(embeddings, 0, normal);
    }

    @Override
    public void close() {
        encoder.close();
        memory.close();
    }
}
