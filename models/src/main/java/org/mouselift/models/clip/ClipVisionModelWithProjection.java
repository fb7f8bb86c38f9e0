package org.mouselift.models.clip;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.mouselift.engine.DType;
import org.mouselift.engine.EngineException;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Shape;
import org.mouselift.engine.ShapeException;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.nn.Module;
import org.mouselift.engine.nn.StateDict;
import org.mouselift.engine.op.Conv2d;
import org.mouselift.models.nn.Conv2dLayer;
import org.mouselift.models.nn.LayerNormLayer;
import org.mouselift.models.nn.LinearLayer;
import org.mouselift.models.nn.ParameterSource;
import org.mouselift.models.nn.Parameters;
import org.mouselift.models.nn.StoredParameters;

/**
 * CLIP vision tower with projection: pictures to embeddings (Radford et al. 2021; multi-view diffusion specification §2.2).
 * State-dict names are those of the original. Runs in f32 and f64.
 *
 * <p>The model owns its weights; close it to free them.
 */
public final class ClipVisionModelWithProjection extends Module implements AutoCloseable {
    /** Tap of the class token after the last norm [N,C]. */
    public static final String POOLED = "pooled";
    private static final double EMBEDDING_DEVIATION = 0.02;
    private static final String CLASS_EMBEDDING = "vision_model.embeddings.class_embedding";
    private static final String POSITIONS = "vision_model.embeddings.position_embedding.weight";
    private static final String LAYERS = "vision_model.encoder.layers.";

    private final Scope weights;
    private final ClipConfig config;
    private final DType dtype;
    private final Tensor classEmbedding;
    private final Conv2dLayer patches;
    private final Tensor positions;
    private final LayerNormLayer preNorm;
    private final List<ClipLayer> layers = new ArrayList<>();
    private final LayerNormLayer postNorm;
    private final LinearLayer projection;

    private ClipVisionModelWithProjection(ClipConfig c, DType dtype, ParameterSource source, Scope weights) {
        this.config = c;
        this.dtype = dtype;
        this.weights = weights;
        int side = c.imageSize() / c.patchSize();
        classEmbedding = parameter(CLASS_EMBEDDING, source.summand(CLASS_EMBEDDING, c.hiddenSize()));
        patches = child("vision_model.embeddings.patch_embedding",
                new Conv2dLayer(source.at("vision_model.embeddings.patch_embedding"), c.channels(), c.hiddenSize(), c.patchSize(), Conv2d.Window.of(c.patchSize(), 0), false));
        positions = parameter(POSITIONS, source.summand(POSITIONS, 1 + (long) side * side, c.hiddenSize()));
        preNorm = child("vision_model.pre_layrnorm", new LayerNormLayer(source.at("vision_model.pre_layrnorm"), c.hiddenSize(), true, c.eps()));
        for (int i = 0; i < c.layers(); i++) {
            layers.add(child(LAYERS + i, new ClipLayer(source.at(LAYERS + i), c, false)));
        }
        postNorm = child("vision_model.post_layernorm", new LayerNormLayer(source.at("vision_model.post_layernorm"), c.hiddenSize(), true, c.eps()));
        projection = child("visual_projection", new LinearLayer(source.at("visual_projection"), c.hiddenSize(), c.projectionDim(), false));
        stateDict().forEach((name, p) -> p.named(name));
    }

    private static void require(ClipConfig config) {
        if (config.imageSize() == 0) {
            throw new EngineException("CLIP vision tower: this is the configuration of a text tower");
        }
    }

    private static ClipVisionModelWithProjection allocate(ClipConfig config, DType dtype) {
        require(config);
        Scope weights = Scope.detached("CLIP vision weights");
        return weights.run(() -> new ClipVisionModelWithProjection(config, dtype, ParameterSource.fresh(dtype), weights));
    }

    /** A model with the default start weights; embeddings normal(0, 0.02). */
    public static ClipVisionModelWithProjection initialised(ClipConfig config, DType dtype, long seed) {
        ClipVisionModelWithProjection model = allocate(config, dtype);
        Map<String, Shape> shapes = parameterShapes(config);
        long stream = 0;
        for (Map.Entry<String, Tensor> e : model.stateDict().entrySet()) {
            initialise(e.getKey(), e.getValue(), shapes, seed, stream++);
        }
        return model;
    }

    /** Names and shapes of all weights of a configuration; memory for one layer is enough. */
    public static Map<String, Shape> parameterShapes(ClipConfig config) {
        try (ClipVisionModelWithProjection single = allocate(config.withLayers(1), DType.F32)) {
            return config.repeated(single.stateDict(), LAYERS);
        }
    }

    /**
     * Start values of one parameter, for whoever does not want the whole model in memory.
     *
     * @param shapes of the whole state dict
     * @param stream position of the parameter in the state dict, from 0
     */
    public static void initialise(String name, Tensor value, Map<String, Shape> shapes, long seed, long stream) {
        switch (name) {
            case CLASS_EMBEDDING -> Parameters.normal(value, EMBEDDING_DEVIATION, seed, 1 << 20);
            case POSITIONS -> Parameters.normal(value, EMBEDDING_DEVIATION, seed, (1 << 20) + 1);
            default -> Parameters.initialise(name, value, shapes, seed, stream);
        }
    }

    /**
     * A model with given weights; everything must fit exactly, position numbers aside.
     *
     * @param source label of the file the weights come from
     */
    public static ClipVisionModelWithProjection load(ClipConfig config, DType dtype, Map<String, Tensor> state, String source) {
        return StateDict.loaded(allocate(config, dtype), withoutNumbers(state), source, ClipVisionModelWithProjection::close);
    }

    /**
     * A model for inference in f32 on stored weights as they are: matrices stored as f16 or bf16 are widened panel by panel where they
     * are used. The stored tensors (usually of a mapped file) must outlive the model.
     *
     * @param source label of the file the weights come from
     */
    public static ClipVisionModelWithProjection stored(ClipConfig config, Map<String, Tensor> state, String source) {
        require(config);
        Scope weights = Scope.detached("CLIP vision weights");
        return StoredParameters.network(withoutNumbers(state), source, weights,
                parameters -> new ClipVisionModelWithProjection(config, DType.F32, parameters, weights));
    }

    private static Map<String, Tensor> withoutNumbers(Map<String, Tensor> state) {
        Map<String, Tensor> own = new LinkedHashMap<>(state);
        own.remove("vision_model.embeddings.position_ids");
        return own;
    }

    public ClipConfig config() {
        return config;
    }

    /** Element type of weights and activations. */
    public DType dtype() {
        return dtype;
    }

    @Override
    public List<String> taps() {
        return List.of(POOLED);
    }

    /**
     * Image embeddings [N,projection_dim], not normalised.
     *
     * @param pixels normalised pictures [N,3,H,W] of the configured size
     */
    public Tensor embed(Tensor pixels) {
        if (pixels.rank() != 4 || pixels.dim(1) != config.channels() || pixels.dim(2) != config.imageSize() || pixels.dim(3) != config.imageSize()) {
            throw new ShapeException("CLIP vision tower", "pixels " + pixels.spec() + ", expected [N," + config.channels() + "," + config.imageSize() + ","
                    + config.imageSize() + "]");
        }
        return call(Ops.cast(pixels, dtype));
    }

    @Override
    protected Tensor forward(Tensor... inputs) {
        Tensor map = patches.call(inputs[0]);
        long n = map.dim(0);
        int width = config.hiddenSize();
        Tensor tokens = Ops.permute(Ops.reshape(map, n, width, map.dim(2) * map.dim(3)), 0, 2, 1);
        Tensor first = Ops.expand(Ops.reshape(classEmbedding, 1, 1, width), n, 1, width);
        Tensor x = preNorm.call(Ops.add(Ops.concat(1, first, tokens), positions));
        for (ClipLayer layer : layers) {
            x = layer.call(x);
        }
        Tensor token = Ops.reshape(Ops.slice(x, 1, 0, 1), n, width);
        return projection.call(tap(POOLED, postNorm.call(token)));
    }

    @Override
    public void close() {
        weights.close();
    }
}
