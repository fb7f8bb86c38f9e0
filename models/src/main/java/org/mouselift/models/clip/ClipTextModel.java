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
import org.mouselift.engine.Tensor;
import org.mouselift.engine.nn.Module;
import org.mouselift.engine.nn.StateDict;
import org.mouselift.models.nn.LayerNormLayer;
import org.mouselift.models.nn.ParameterSource;
import org.mouselift.models.nn.StoredParameters;
import org.mouselift.models.nn.Parameters;

/**
 * CLIP text tower: token numbers to prompt embeddings (Radford et al. 2021; multi-view diffusion specification §2.5). Causal
 * mask, no padding mask. State-dict names are those of the original. Runs in f32 and f64.
 *
 * <p>The model owns its weights; close it to free them.
 */
public final class ClipTextModel extends Module implements AutoCloseable {
    /** Tap of token plus position embeddings [n,T,C]. */
    public static final String EMBEDDINGS = "embeddings";

    private static final double EMBEDDING_DEVIATION = 0.02;
    private static final String TOKENS = "text_model.embeddings.token_embedding.weight";
    private static final String POSITIONS = "text_model.embeddings.position_embedding.weight";
    private static final String LAYERS = "text_model.encoder.layers.";

    private final Scope weights;
    private final ClipConfig config;
    private final DType dtype;
    private final Tensor tokens;
    private final Tensor positions;
    private final List<ClipLayer> layers = new ArrayList<>();
    private final LayerNormLayer norm;

    private ClipTextModel(ClipConfig c, DType dtype, ParameterSource source, Scope weights) {
        this.config = c;
        this.dtype = dtype;
        this.weights = weights;
        tokens = parameter(TOKENS, source.parameter(TOKENS, c.vocabulary(), c.hiddenSize()));
        positions = parameter(POSITIONS, source.summand(POSITIONS, c.positions(), c.hiddenSize()));
        for (int i = 0; i < c.layers(); i++) {
            layers.add(child(LAYERS + i, new ClipLayer(source.at(LAYERS + i), c, true)));
        }
        norm = child("text_model.final_layer_norm", new LayerNormLayer(source.at("text_model.final_layer_norm"), c.hiddenSize(), true, c.eps()));
        stateDict().forEach((name, p) -> p.named(name));
    }

    private static ClipTextModel allocate(ClipConfig config, DType dtype) {
        require(config);
        Scope weights = Scope.detached("CLIP text weights");
        return weights.run(() -> new ClipTextModel(config, dtype, ParameterSource.fresh(dtype), weights));
    }

    private static void require(ClipConfig config) {
        if (config.vocabulary() == 0) {
            throw new EngineException("CLIP text tower: this is the configuration of a vision tower");
        }
    }

    /** A model with the default start weights; embeddings normal(0, 0.02). */
    public static ClipTextModel initialised(ClipConfig config, DType dtype, long seed) {
        ClipTextModel model = allocate(config, dtype);
        Map<String, Shape> shapes = parameterShapes(config);
        long stream = 0;
        for (Map.Entry<String, Tensor> e : model.stateDict().entrySet()) {
            initialise(e.getKey(), e.getValue(), shapes, seed, stream++);
        }
        return model;
    }

    /** Names and shapes of all weights of a configuration; memory for the embeddings and one layer is enough. */
    public static Map<String, Shape> parameterShapes(ClipConfig config) {
        try (ClipTextModel single = allocate(config.withLayers(1), DType.F32)) {
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
            case TOKENS -> Parameters.normal(value, EMBEDDING_DEVIATION, seed, 1 << 20);
            case POSITIONS -> Parameters.normal(value, EMBEDDING_DEVIATION, seed, (1 << 20) + 1);
            default -> Parameters.initialise(name, value, shapes, seed, stream);
        }
    }

    /**
     * A model with given weights; everything must fit exactly, position numbers aside.
     *
     * @param source label of the file the weights come from
     */
    public static ClipTextModel load(ClipConfig config, DType dtype, Map<String, Tensor> state, String source) {
        return StateDict.loaded(allocate(config, dtype), withoutNumbers(state), source, ClipTextModel::close);
    }

    /**
     * A model for inference in f32 on stored weights as they are: matrices stored as f16 or bf16 are widened panel by panel where they
     * are used, of the table of tokens only the rows of a text. The stored tensors (usually of a mapped file) must outlive the model.
     *
     * @param source label of the file the weights come from
     */
    public static ClipTextModel stored(ClipConfig config, Map<String, Tensor> state, String source) {
        require(config);
        Scope weights = Scope.detached("CLIP text weights");
        return StoredParameters.network(withoutNumbers(state), source, weights, parameters -> new ClipTextModel(config, DType.F32, parameters, weights));
    }

    private static Map<String, Tensor> withoutNumbers(Map<String, Tensor> state) {
        Map<String, Tensor> own = new LinkedHashMap<>(state);
        own.remove("text_model.embeddings.position_ids");
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
        return List.of(EMBEDDINGS);
    }

    /**
     * Prompt embeddings [n,T,hidden] after the final norm: in the models of this family the file holds one layer less than the
     * tower it comes from, so that this is the penultimate feature.
     *
     * @param ids token numbers [n][T], T at most {@code max_position_embeddings}
     */
    public Tensor embed(long[][] ids) {
        int length = ids.length == 0 ? 0 : ids[0].length;
        if (length == 0 || length > config.positions()) {
            throw new EngineException("CLIP text tower: " + ids.length + " texts of " + length + " tokens, expected 1 to " + config.positions() + " tokens");
        }
        long[] flat = new long[ids.length * length];
        for (int i = 0; i < ids.length; i++) {
            if (ids[i].length != length) {
                throw new EngineException("CLIP text tower: text " + i + " has " + ids[i].length + " tokens, text 0 has " + length + "; pad them");
            }
            for (int j = 0; j < length; j++) {
                if (ids[i][j] < 0 || ids[i][j] >= config.vocabulary()) {
                    throw new EngineException("CLIP text tower: token " + ids[i][j] + " at " + j + " of text " + i + " is not below vocab_size "
                            + config.vocabulary() + "; is the tokenizer that of this model?");
                }
                flat[i * length + j] = ids[i][j];
            }
        }
        return call(Ops.reshape(Tensor.of(flat, flat.length), ids.length, length));
    }

    @Override
    protected Tensor forward(Tensor... inputs) {
        long n = inputs[0].dim(0);
        long length = inputs[0].dim(1);
        Tensor rows = Ops.cast(Ops.gatherRows(tokens, Ops.reshape(inputs[0], n * length)), dtype);
        Tensor x = tap(EMBEDDINGS, Ops.add(Ops.reshape(rows, n, length, config.hiddenSize()), Ops.slice(positions, 0, 0, length)));
        for (ClipLayer layer : layers) {
            x = layer.call(x);
        }
        return norm.call(x);
    }

    @Override
    public void close() {
        weights.close();
    }
}
