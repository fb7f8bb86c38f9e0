package org.mouselift.models.vae;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.mouselift.engine.DType;
import org.mouselift.engine.EngineException;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Shape;
import org.mouselift.engine.ShapeException;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.nn.Module;
import org.mouselift.engine.nn.StateDict;
import org.mouselift.models.nn.Conv2dLayer;
import org.mouselift.models.nn.ParameterSource;
import org.mouselift.models.nn.Parameters;
import org.mouselift.models.nn.StoredParameters;

/**
 * Variational autoencoder between pictures and latents (Rombach et al. 2022; multi-view diffusion specification §2.4).
 * State-dict names are those of the original, the old names of the attention weights included. Runs in f32 and f64.
 *
 * <p>The model owns its weights; close it to free them.
 */
public final class AutoencoderKL extends Module implements AutoCloseable {
    private static final Pattern OLD_ATTENTION = Pattern.compile("(.*\\.attentions\\.\\d+\\.)(query|key|value|proj_attn)(\\.(?:weight|bias))");
    private static final Map<String, String> NEW_NAMES = Map.of("query", "to_q", "key", "to_k", "value", "to_v", "proj_attn", "to_out.0");

    private final Scope weights;
    private final AutoencoderConfig config;
    private final DType dtype;
    private final AutoencoderHalf encoder;
    private final AutoencoderHalf decoder;
    private final Conv2dLayer quantConv;
    private final Conv2dLayer postQuantConv;

    private AutoencoderKL(AutoencoderConfig config, DType dtype, ParameterSource source, Scope weights) {
        this.config = config;
        this.dtype = dtype;
        this.weights = weights;
        int latent = config.latentChannels();
        encoder = child("encoder", AutoencoderHalf.encoder(source.at("encoder"), config));
        decoder = child("decoder", AutoencoderHalf.decoder(source.at("decoder"), config));
        quantConv = child("quant_conv", Conv2dLayer.pointwise(source.at("quant_conv"), 2L * latent, 2L * latent));
        postQuantConv = child("post_quant_conv", Conv2dLayer.pointwise(source.at("post_quant_conv"), latent, latent));
        stateDict().forEach((name, p) -> p.named(name));
    }

    private static AutoencoderKL allocate(AutoencoderConfig config, DType dtype) {
        if (dtype != DType.F32 && dtype != DType.F64) {
            throw new EngineException("the autoencoder computes in f32 or f64, not " + dtype.label());
        }
        Scope weights = Scope.detached("autoencoder weights");
        return weights.run(() -> new AutoencoderKL(config, dtype, ParameterSource.fresh(dtype), weights));
    }

    /** Names and shapes of all weights of a configuration, without memory for them. */
    public static Map<String, Shape> parameterShapes(AutoencoderConfig config) {
        try (Scope scope = Scope.detached("autoencoder shapes")) {
            return scope.run(() -> {
                Map<String, Shape> out = new LinkedHashMap<>();
                new AutoencoderKL(config, DType.F32, ParameterSource.shapesOnly(), scope).stateDict().forEach((name, t) -> out.put(name, t.shape()));
                return out;
            });
        }
    }

    /** A model with the default start weights. */
    public static AutoencoderKL initialised(AutoencoderConfig config, DType dtype, long seed) {
        AutoencoderKL model = allocate(config, dtype);
        Parameters.defaults(model.stateDict(), seed);
        return model;
    }

    /**
     * A model with given weights; everything must fit exactly. Attention weights may have their old names and be stored as 1x1
     * convolutions.
     *
     * @param source label of the file the weights come from
     */
    public static AutoencoderKL load(AutoencoderConfig config, DType dtype, Map<String, Tensor> state, String source) {
        return StateDict.loaded(allocate(config, dtype), renamed(state, source), source, AutoencoderKL::close);
    }

    /**
     * A model for inference in f32 on stored weights as they are: only vectors are copied, and what is stored as f16 or bf16 is
     * widened panel by panel where it is used. The stored tensors (usually of a mapped file) must outlive the model.
     *
     * @param source label of the file the weights come from
     */
    public static AutoencoderKL stored(AutoencoderConfig config, Map<String, Tensor> state, String source) {
        Scope weights = Scope.detached("autoencoder weights");
        return StoredParameters.network(renamed(state, source), source, weights, parameters -> new AutoencoderKL(config, DType.F32, parameters, weights));
    }

    private static Map<String, Tensor> renamed(Map<String, Tensor> state, String source) {
        Map<String, Tensor> own = new LinkedHashMap<>();
        state.forEach((name, t) -> {
            Matcher old = OLD_ATTENTION.matcher(name);
            String now = old.matches() ? old.group(1) + NEW_NAMES.get(old.group(2)) + old.group(3) : name;
            boolean projection = now.contains(".attentions.") && now.endsWith(".weight") && t.rank() == 4 && t.dim(2) == 1 && t.dim(3) == 1;
            if (own.put(now, projection ? Ops.reshape(t, t.dim(0), t.dim(1)) : t) != null) {
                throw new EngineException(source + ": " + now + " is there twice, once by its old name " + name);
            }
        });
        return own;
    }

    public AutoencoderConfig config() {
        return config;
    }

    /** Element type of weights and activations. */
    public DType dtype() {
        return dtype;
    }

    /**
     * Distribution of the latents of pictures.
     *
     * @param image [N,3,H,W] in [-1,1]
     */
    public LatentDistribution encode(Tensor image) {
        check(image, config.inChannels(), "picture");
        return new LatentDistribution(quantConv.call(encoder.call(Ops.cast(image, dtype))));
    }

    /**
     * Pictures [N,3,H,W], about [-1,1].
     *
     * @param latent [N,latent channels,h,w], already divided by the scaling factor
     */
    public Tensor decode(Tensor latent) {
        check(latent, config.latentChannels(), "latent");
        return decoder.call(postQuantConv.call(Ops.cast(latent, dtype)));
    }

    private static void check(Tensor x, int channels, String what) {
        if (x.rank() != 4 || x.dim(1) != channels) {
            throw new ShapeException("autoencoder", what + " " + x.spec() + ", expected [N," + channels + ",H,W]");
        }
    }

    /** Pictures through the mean latent and back. */
    @Override
    protected Tensor forward(Tensor... inputs) {
        return decode(encode(inputs[0]).mode());
    }

    @Override
    public void close() {
        weights.close();
    }
}
