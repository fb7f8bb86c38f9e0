package org.mouselift.models.gslrm;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.mouselift.engine.Checkpoint;
import org.mouselift.engine.DType;
import org.mouselift.engine.EngineException;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Shape;
import org.mouselift.engine.ShapeException;
import org.mouselift.engine.Tape;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.nn.Module;
import org.mouselift.engine.nn.StateDict;
import org.mouselift.models.nn.LayerNormLayer;
import org.mouselift.models.nn.LinearLayer;
import org.mouselift.models.nn.ParameterSource;
import org.mouselift.models.nn.Parameters;
import org.mouselift.models.nn.StoredParameters;

/**
 * GS-LRM: posed images to 3D Gaussians with a transformer over all patches of all views (Zhang et al. 2024, "GS-LRM: Large
 * Reconstruction Model for 3D Gaussian Splatting"; GS-LRM specification §1). State-dict names, order and shapes are those
 * of the original checkpoints (§1.14). Runs in f32 and f64, eager and traced.
 *
 * <p>The model owns its weights; close it to free them.
 */
public final class GsLrm extends Module implements AutoCloseable {
    /** Taps of intermediate values beside the modules' outputs. */
    public static final String POSED_IMAGES = "posed_images";
    public static final String PATCHES = "patches";
    public static final String TOKENS_IN = "tokens_in";
    public static final String TOKENS_OUT = "tokens_out";

    private static final double INIT_DEVIATION = 0.02;
    private static final double INIT_CUT = 2;

    private final Scope weights;
    private final GsLrmConfig config;
    private final DType dtype;
    private final Tensor viewTypes;
    private final Tensor freeTokens;
    private final LinearLayer embed;
    private final LayerNormLayer inputNorm;
    private final List<TransformerBlock> blocks = new ArrayList<>();
    private final GaussianDecoder freeDecoder;
    private final GaussianDecoder pixelDecoder;

    private GsLrm(GsLrmConfig config, DType dtype, ParameterSource source, Scope weights) {
        this.config = config;
        this.dtype = dtype;
        this.weights = weights;
        int d = config.width();
        long pixels = (long) config.patchSize() * config.patchSize();
        viewTypes = config.marker() ? parameter("view_type_embeddings", source.summand("view_type_embeddings", 2, d)) : null;
        freeTokens = parameter("gaussian_position_embeddings", source.summand("gaussian_position_embeddings", config.freeGaussians(), d));
        embed = child("patch_embedder.1", new LinearLayer(source.at("patch_embedder.1"), pixels * config.rays().channels(), d, false));
        inputNorm = child("input_layer_norm", new LayerNormLayer(source.at("input_layer_norm"), d));
        for (int i = 0; i < config.layers(); i++) {
            String name = "transformer_layers." + i;
            blocks.add(child(name, new TransformerBlock(source.at(name), config)));
        }
        freeDecoder = child("gaussian_upsampler", new GaussianDecoder(source.at("gaussian_upsampler"), d, config.numbersPerGaussian(), "layernorm", "linear"));
        pixelDecoder = child("pixel_gaussian_decoder", new GaussianDecoder(source.at("pixel_gaussian_decoder"), d, pixels * config.numbersPerGaussian(), "0", "1"));
        stateDict().forEach((name, p) -> p.named(name));
    }

    private static GsLrm allocate(GsLrmConfig config, DType dtype) {
        if (dtype != DType.F32 && dtype != DType.F64) {
            throw new EngineException("GS-LRM computes in f32 or f64, not " + dtype.label());
        }
        Scope weights = Scope.detached("GS-LRM weights");
        return weights.run(() -> new GsLrm(config, dtype, ParameterSource.fresh(dtype), weights));
    }

    /**
     * A model with start weights (§1.13): linear weights normal(0, 0.02), norm weights 1, embeddings truncated
     * normal(0, 0.02) within ±2. Every tensor has a random stream of its own, in state-dict order.
     */
    public static GsLrm initialised(GsLrmConfig config, DType dtype, long seed) {
        GsLrm model = allocate(config, dtype);
        long stream = 0;
        for (Map.Entry<String, Tensor> e : model.stateDict().entrySet()) {
            initialise(e.getKey(), e.getValue(), seed, stream++);
        }
        return model;
    }

    /**
     * Start values of one parameter, for whoever does not want the whole model in memory.
     *
     * @param name state-dict name
     * @param value contiguous, f32 or f64
     * @param stream position of the parameter in the state dict, from 0
     */
    public static void initialise(String name, Tensor value, long seed, long stream) {
        if (value.rank() == 1) {
            Parameters.constant(value, 1);
        } else if (name.endsWith("_embeddings")) {
            Parameters.truncatedNormal(value, INIT_DEVIATION, INIT_CUT, seed, stream);
        } else {
            Parameters.normal(value, INIT_DEVIATION, seed, stream);
        }
    }

    /**
     * A model with given weights. Entries of loss networks ({@code loss_calculator.*}) and a leading {@code module.} are
     * ignored (§1.14); everything else must fit exactly.
     *
     * @param source label of the file the weights come from
     */
    public static GsLrm load(GsLrmConfig config, DType dtype, Map<String, Tensor> state, String source) {
        return StateDict.loaded(allocate(config, dtype), own(config, state, source), source, GsLrm::close);
    }

    /**
     * A model for inference in f32 on stored weights as they are: only norm weights and embeddings are copied, and matrices stored as
     * f16 or bf16 are widened panel by panel where they are used. The stored tensors (usually of a mapped file) must outlive the model.
     *
     * @param state as for {@link #load}
     */
    public static GsLrm stored(GsLrmConfig config, Map<String, Tensor> state, String source) {
        Scope weights = Scope.detached("GS-LRM weights");
        return StoredParameters.network(own(config, state, source), source, weights, parameters -> new GsLrm(config, DType.F32, parameters, weights));
    }

    private static Map<String, Tensor> own(GsLrmConfig config, Map<String, Tensor> state, String source) {
        Map<String, Tensor> own = new LinkedHashMap<>();
        state.forEach((name, value) -> {
            String key = name.startsWith("module.") ? name.substring("module.".length()) : name;
            if (!key.startsWith("loss_calculator.")) {
                own.put(key, value);
            }
        });
        Map<String, Shape> shapes = new LinkedHashMap<>();
        own.forEach((name, value) -> shapes.put(name, value.shape()));
        config.checkAgainst(shapes, source);
        return own;
    }

    public GsLrmConfig config() {
        return config;
    }

    /** Element type of weights and activations. */
    public DType dtype() {
        return dtype;
    }

    @Override
    public List<String> taps() {
        return List.of(POSED_IMAGES, PATCHES, TOKENS_IN, TOKENS_OUT);
    }

    /**
     * Reconstructs B scenes from V input views each. Sides of the images are divisible by the patch size.
     *
     * @param image [B,V,3 or 4,H,W], RGB in [0,1] composited on the background; a fourth channel is ignored
     * @param c2w camera-to-world, OpenCV axes [B,V,4,4]
     * @param intrinsics fx, fy, cx, cy in pixels of {@code image} [B,V,4]
     */
    public GsLrmOutput reconstruct(Tensor image, Tensor c2w, Tensor intrinsics) {
        return reconstruct(image, c2w, intrinsics, config.clipXyzActive());
    }

    /** As above with the clamp of pixel-aligned centres to [-1,1] decided by the caller. */
    public GsLrmOutput reconstruct(Tensor image, Tensor c2w, Tensor intrinsics, boolean clipXyz) {
        if (image.rank() != 5 || c2w.rank() != 4 || intrinsics.rank() != 3) {
            throw new ShapeException("GS-LRM", "image " + image.spec() + ", c2w " + c2w.spec() + ", fxfycxcy " + intrinsics.spec()
                    + ", expected [B,V,C,H,W], [B,V,4,4] and [B,V,4]");
        }
        long height = image.dim(3);
        long width = image.dim(4);
        RayMaps rays = RayMaps.of(Ops.cast(c2w, dtype), Ops.cast(intrinsics, dtype), height, width);
        Tensor posed = tap(POSED_IMAGES, rays.posedImages(Ops.cast(image, dtype), config.rays()));
        Tensor tokens = call(posed);
        int free = config.freeGaussians();
        Tensor imageTokens = Ops.slice(tokens, 1, free, tokens.dim(1));
        Tensor rawFree = freeDecoder.call(Ops.contiguous(Ops.slice(tokens, 1, 0, free)));
        Tensor rawPixel = Ops.reshape(pixelDecoder.call(Ops.contiguous(imageTokens)), image.dim(0), image.dim(1) * height * width,
                config.numbersPerGaussian());
        return GaussianParametrisation.output(config, rawFree, rawPixel, imageTokens, rays, clipXyz);
    }

    /** Posed images [B,V,C,H,W] to tokens after the last block [B,F + V*H*W/p²,d], free tokens first. */
    @Override
    protected Tensor forward(Tensor... inputs) {
        Tensor posed = inputs[0];
        long batch = posed.dim(0);
        long views = posed.dim(1);
        int d = config.width();
        long features = (long) config.patchSize() * config.patchSize() * config.rays().channels();
        Tensor patches = tap(PATCHES, Ops.reshape(PatchOrder.fromMaps(posed, config.patchSize()), batch, -1, features));
        Tensor tokens = embed.call(patches);
        if (config.marker()) {
            tokens = mark(tokens, views);
        }
        Tensor free = Ops.expand(Ops.reshape(freeTokens, 1, config.freeGaussians(), d), batch, config.freeGaussians(), d);
        Tensor x = inputNorm.call(tap(TOKENS_IN, Ops.concat(1, free, tokens)));
        return tap(TOKENS_OUT, transform(x));
    }

    private Tensor transform(Tensor tokens) {
        List<Tensor> operands = new ArrayList<>(trainable());
        operands.add(tokens);
        if (!Tape.records(operands)) {
            List<UnaryOperator<Tensor>> steps = new ArrayList<>();
            blocks.forEach(block -> steps.add(block::call));
            return Scope.chain("block", tokens, steps);
        }
        int every = config.checkpointEvery();
        Tensor x = tokens;
        if (every == 0) {
            for (TransformerBlock block : blocks) {
                x = block.call(x);
            }
        } else {
            for (int i = 0; i < blocks.size(); i += every) {
                x = segment(x, blocks.subList(i, Math.min(blocks.size(), i + every)));
            }
        }
        return x;
    }

    private static Tensor segment(Tensor x, List<TransformerBlock> part) {
        List<Tensor> parameters = part.stream().flatMap(b -> b.trainable().stream()).toList();
        return Checkpoint.run(in -> {
            Tensor y = in;
            for (TransformerBlock block : part) {
                y = block.call(y);
            }
            return y;
        }, x, parameters);
    }

    /** Adds the first embedding to the tokens of view 0 and the second to those of the other views. */
    private Tensor mark(Tensor tokens, long views) {
        int d = config.width();
        long perView = tokens.dim(1) / views;
        Tensor first = Ops.reshape(Ops.slice(viewTypes, 0, 0, 1), 1, 1, d);
        Tensor reference = Ops.add(Ops.slice(tokens, 1, 0, perView), first);
        if (views == 1) {
            return reference;
        }
        Tensor second = Ops.reshape(Ops.slice(viewTypes, 0, 1, 2), 1, 1, d);
        return Ops.concat(1, reference, Ops.add(Ops.slice(tokens, 1, perView, tokens.dim(1)), second));
    }

    @Override
    public void close() {
        weights.close();
    }
}
