package org.mouselift.models.unet;

import java.util.ArrayList;
import java.util.Arrays;
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
import org.mouselift.models.nn.GroupNormLayer;
import org.mouselift.models.nn.ParameterSource;
import org.mouselift.models.nn.Parameters;
import org.mouselift.models.nn.Resample;
import org.mouselift.models.nn.ResnetBlock;
import org.mouselift.models.nn.Sinusoids;
import org.mouselift.models.nn.StoredParameters;

/**
 * The multi-view diffusion UNet (Stable unCLIP 2.1 with multi-view attention; multi-view diffusion specification §1): predicts
 * noise or velocity of the latents of all views of an object together. State-dict names and shapes are those of the original.
 * Runs in f32 and f64.
 *
 * <p>The model owns its weights; close it to free them.
 */
public final class UNetMV2DConditionModel extends Module implements AutoCloseable {
    private final Scope weights;
    private final UNetConfig config;
    private final DType dtype;
    private final Conv2dLayer convIn;
    private final EmbeddingMlp time;
    private final EmbeddingMlp classes;
    private final List<UNetLevel> down = new ArrayList<>();
    private final UNetLevel mid;
    private final List<UNetLevel> up = new ArrayList<>();
    private final GroupNormLayer normOut;
    private final Conv2dLayer convOut;
    private final CameraEmbedding cameras;

    /** Tap of the sinusoidal timestep embedding [N,width]. */
    public static final String TIME_PROJECTION = "time_proj";
    private static final String CAMERAS = "camera_embedding";

    private UNetMV2DConditionModel(UNetConfig c, DType dtype, ParameterSource source, Scope weights) {
        this.config = c;
        this.dtype = dtype;
        this.weights = weights;
        List<Integer> channels = c.blockOutChannels();
        int levels = channels.size();
        convIn = child("conv_in", Conv2dLayer.same3x3(source.at("conv_in"), c.inChannels(), channels.getFirst()));
        time = child("time_embedding", new EmbeddingMlp(source.at("time_embedding"), channels.getFirst(), c.embeddingWidth()));
        classes = c.classWidth() > 0 ? child("class_embedding", new EmbeddingMlp(source.at("class_embedding"), c.classWidth(), c.embeddingWidth())) : null;
        List<Integer> skips = new ArrayList<>(List.of(channels.getFirst()));
        int width = channels.getFirst();
        for (int i = 0; i < levels; i++) {
            String name = "down_blocks." + i;
            ParameterSource own = source.at(name);
            UNetLevel level = child(name, new UNetLevel());
            for (int j = 0; j < c.layersPerBlock(); j++) {
                level.resnet(own, c, width, channels.get(i));
                width = channels.get(i);
                if (c.crossAttentionLevels().get(i)) {
                    level.attention(own, c, width, c.heads().get(i));
                }
                skips.add(width);
            }
            if (i < levels - 1) {
                int p = c.downsamplePadding();
                level.resample("downsamplers.0", Resample.down(own.at("downsamplers.0"), width, new Conv2d.Window(2, p, p, p, p)));
                skips.add(width);
            }
            down.add(level);
        }
        ParameterSource middle = source.at("mid_block");
        mid = child("mid_block", new UNetLevel());
        mid.resnet(middle, c, width, width);
        mid.attention(middle, c, width, c.heads().getLast());
        mid.resnet(middle, c, width, width);
        for (int i = levels - 1; i >= 0; i--) {
            String name = "up_blocks." + up.size();
            ParameterSource own = source.at(name);
            UNetLevel level = child(name, new UNetLevel());
            for (int j = 0; j <= c.layersPerBlock(); j++) {
                level.resnet(own, c, width + skips.removeLast(), channels.get(i));
                width = channels.get(i);
                if (c.crossAttentionLevels().get(i)) {
                    level.attention(own, c, width, c.heads().get(i));
                }
            }
            if (i > 0) {
                level.resample("upsamplers.0", Resample.up(own.at("upsamplers.0"), width));
            }
            up.add(level);
        }
        normOut = child("conv_norm_out", new GroupNormLayer(source.at("conv_norm_out"), width, c.groups(), c.eps()));
        convOut = child("conv_out", Conv2dLayer.same3x3(source.at("conv_out"), width, c.outChannels()));
        // Last, so that the start values of all others are those of a network without.
        cameras = c.cameraEmbedding().isEmpty() ? null : child(CAMERAS, new CameraEmbedding(source.at(CAMERAS), c.cameraEmbedding(), c.crossAttentionDim()));
        stateDict().forEach((name, p) -> p.named(name));
    }

    private static UNetMV2DConditionModel allocate(UNetConfig config, DType dtype) {
        if (dtype != DType.F32 && dtype != DType.F64) {
            throw new EngineException("the UNet computes in f32 or f64, not " + dtype.label());
        }
        Scope weights = Scope.detached("UNet weights");
        return weights.run(() -> new UNetMV2DConditionModel(config, dtype, ParameterSource.fresh(dtype), weights));
    }

    /**
     * A model for inference in f32 on stored weights as they are: nothing is copied but the vectors, and matrices and kernels
     * stored as f16 or bf16 are widened panel by panel where they are used. The stored tensors (usually of a mapped file) must
     * outlive the model.
     *
     * @param source label of the file the weights come from
     */
    public static UNetMV2DConditionModel stored(UNetConfig config, Map<String, Tensor> state, String source) {
        Scope weights = Scope.detached("UNet weights");
        return StoredParameters.network(squeezed(state), source, weights, parameters -> new UNetMV2DConditionModel(config, DType.F32, parameters, weights));
    }

    /**
     * A model with the default start weights of the original (§1.14): uniform within 1/sqrt(fan in), norms one and zero. A camera
     * embedding says nothing at first.
     */
    public static UNetMV2DConditionModel initialised(UNetConfig config, DType dtype, long seed) {
        UNetMV2DConditionModel model = allocate(config, dtype);
        Parameters.defaults(model.stateDict(), seed);
        if (model.cameras != null) {
            model.cameras.silence();
        }
        return model;
    }

    /**
     * A model with given weights by their original names; everything must fit exactly. A 1x1 convolution in place of
     * {@code proj_in} or {@code proj_out} is the same linear layer.
     *
     * @param source label of the file the weights come from
     */
    public static UNetMV2DConditionModel load(UNetConfig config, DType dtype, Map<String, Tensor> state, String source) {
        return StateDict.loaded(allocate(config, dtype), squeezed(state), source, UNetMV2DConditionModel::close);
    }

    private static Map<String, Tensor> squeezed(Map<String, Tensor> state) {
        Map<String, Tensor> out = new LinkedHashMap<>();
        state.forEach((name, t) -> {
            boolean projection = name.endsWith(".proj_in.weight") || name.endsWith(".proj_out.weight");
            out.put(name, projection && t.rank() == 4 && t.dim(2) == 1 && t.dim(3) == 1 ? Ops.reshape(t, t.dim(0), t.dim(1)) : t);
        });
        return out;
    }

    /** How an adapting load treated {@code conv_in} and what it did not find. */
    public record Adaptation(int sourceChannels, boolean zeroed, List<String> dropped) {}

    /**
     * The start of training from another UNet (§1.2): tensors of equal name and shape are taken, the others keep their start
     * values. A {@code conv_in} with fewer input channels fills the first ones; a camera embedding may be new.
     *
     * @param zeroNewChannels sets the input channels that the source lacks to zero
     * @param zeroAlways also zeroes channels 4… of a source that has them, as the original does (defect P-1)
     * @param seed of the start values that stay
     */
    public static UNetMV2DConditionModel adapt(UNetConfig config, DType dtype, Map<String, Tensor> state, String source, boolean zeroNewChannels,
            boolean zeroAlways, long seed) {
        Tensor conv = state.get("conv_in.weight");
        if (conv == null || conv.rank() != 4) {
            throw new EngineException(source + ": no conv_in.weight: this is not a UNet");
        }
        UNetMV2DConditionModel model = initialised(config, dtype, seed);
        try (Scope scope = Scope.open("adapting load")) {
            Map<String, Tensor> own = model.stateDict();
            Map<String, Tensor> given = squeezed(state);
            given.forEach((name, t) -> {
                Tensor target = own.get(name);
                if (target == null) {
                    throw new EngineException(source + ": " + name + " has no place in the model; is the configuration that of this UNet?");
                }
                if (target.shape().equals(t.shape())) {
                    Ops.assign(target, Ops.cast(t, dtype));
                } else if (!name.equals("conv_in.weight")) {
                    throw new EngineException(source + ": " + name + " is " + t.spec() + ", the model has " + target.spec());
                }
            });
            for (String name : own.keySet()) {
                if (!given.containsKey(name) && !name.startsWith(CAMERAS + ".")) {
                    throw new EngineException(source + ": " + name + " is missing");
                }
            }
            Tensor target = own.get("conv_in.weight");
            long shared = Math.min(conv.dim(1), target.dim(1));
            if (!conv.shape().equals(target.shape())) {
                if (conv.dim(0) != target.dim(0) || conv.dim(2) != 3 || conv.dim(3) != 3 || conv.dim(1) > target.dim(1)) {
                    throw new EngineException(source + ": conv_in.weight " + conv.spec() + " cannot start the model's " + target.spec());
                }
                Ops.assign(Ops.slice(target, 1, 0, shared), Ops.cast(conv, dtype));
            }
            long from = zeroAlways ? config.outChannels() : shared;
            if ((zeroAlways || zeroNewChannels) && from < target.dim(1)) {
                Tensor rest = Ops.slice(target, 1, from, target.dim(1));
                Ops.assign(rest, Ops.fill(rest.spec(), 0));
            }
            return model;
        } catch (RuntimeException e) {
            model.close();
            throw e;
        }
    }

    /** Names and shapes of all weights of a configuration, without memory for them. */
    public static Map<String, Shape> parameterShapes(UNetConfig config) {
        try (Scope scope = Scope.detached("UNet shapes")) {
            return scope.run(() -> {
                Map<String, Shape> out = new LinkedHashMap<>();
                new UNetMV2DConditionModel(config, DType.F32, ParameterSource.shapesOnly(), scope).stateDict().forEach((name, t) -> out.put(name, t.shape()));
                return out;
            });
        }
    }

    public UNetConfig config() {
        return config;
    }

    /** Element type of weights and activations. */
    public DType dtype() {
        return dtype;
    }

    /** Keeps only the inputs of resnets and transformers for the backward pass and computes the rest again (training with little memory). */
    public void gradientCheckpointing(boolean on) {
        down.forEach(level -> level.checkpointing(on));
        mid.checkpointing(on);
        up.forEach(level -> level.checkpointing(on));
    }

    /**
     * Prediction [N,out,h,w].
     *
     * @param sample [N,in,h,w], N = objects x views, views of an object in a row, the reference view first
     * @param timesteps one step for all, or one per row
     * @param prompts [N,T,cross_attention_dim], {@link #conditioned} where the network is told its cameras
     * @param classLabels [N,projection width], null if the model has no class embedding
     */
    public Tensor predict(Tensor sample, long[] timesteps, Tensor prompts, Tensor classLabels) {
        return predict(sample, waves(timesteps, sample.rank() == 4 ? sample.dim(0) : 0), prompts, classLabels);
    }

    /**
     * Sinusoidal embeddings of timesteps, f32 [n,width].
     *
     * @param timesteps one step for all, or one per row
     */
    public Tensor waves(long[] timesteps, long n) {
        if (timesteps.length != 1 && timesteps.length != n) {
            throw new ShapeException("UNet", timesteps.length + " timesteps for " + n + " images, expected 1 or " + n);
        }
        double[] steps = new double[(int) n];
        Arrays.setAll(steps, i -> timesteps[timesteps.length == 1 ? 0 : i]);
        return Sinusoids.of(steps, config.blockOutChannels().getFirst(), config.flipSinToCos(), config.freqShift());
    }

    /**
     * Prompts [N,T,D] as {@link #predict} takes them of a network that is told its cameras: the embedding of a view's camera is added to all
     * its tokens.
     *
     * @param numbers of the views' cameras [N,{@link UNetConfig#cameraNumbers}]; null for a network without camera embedding
     */
    public Tensor conditioned(Tensor prompts, Tensor numbers) {
        if ((numbers == null) != (cameras == null)) {
            throw new ShapeException("UNet", numbers == null ? "its camera_embedding " + config.cameraEmbedding() + " needs the cameras of the views, and there are none"
                    : "it has no camera_embedding, and there are cameras " + numbers.spec());
        }
        if (cameras == null) {
            return prompts;
        }
        if (prompts.rank() != 3 || prompts.dim(0) != numbers.dim(0)) {
            throw new ShapeException("UNet", "cameras " + numbers.spec() + " for prompt embeddings " + prompts.spec());
        }
        return Ops.add(Ops.cast(prompts, dtype), cameras.call(Ops.cast(numbers, dtype)));
    }

    /**
     * As {@link #predict(Tensor, long[], Tensor, Tensor)} with the timesteps as a tensor, for programs that serve all of them.
     *
     * @param wave of {@link #waves}
     */
    public Tensor predict(Tensor sample, Tensor wave, Tensor prompts, Tensor classLabels) {
        long n = sample.rank() == 4 ? sample.dim(0) : 0;
        if (sample.rank() != 4 || sample.dim(1) != config.inChannels()) {
            throw new ShapeException("UNet", "sample " + sample.spec() + ", expected [N," + config.inChannels() + ",h,w]");
        }
        if (n == 0 || n % config.numViews() != 0) {
            throw new ShapeException("UNet", n + " images are not a multiple of num_views " + config.numViews());
        }
        if (prompts.rank() != 3 || prompts.dim(0) != n || prompts.dim(2) != config.crossAttentionDim()) {
            throw new ShapeException("UNet", "prompt embeddings " + prompts.spec() + ", expected [" + n + ",T," + config.crossAttentionDim() + "]");
        }
        if ((classLabels == null) != (classes == null)
                || classLabels != null && !classLabels.shape().equals(Shape.of(n, config.classWidth()))) {
            throw new ShapeException("UNet", "class labels " + (classLabels == null ? "missing" : classLabels.spec()) + ", expected "
                    + (classes == null ? "none" : "[" + n + "," + config.classWidth() + "]"));
        }
        if (!wave.shape().equals(Shape.of(n, config.blockOutChannels().getFirst()))) {
            throw new ShapeException("UNet", "timestep waves " + wave.spec() + ", expected [" + n + "," + config.blockOutChannels().getFirst() + "]");
        }
        Tensor embedding = time.call(tap(TIME_PROJECTION, Ops.cast(wave, dtype)));
        if (classes != null) {
            embedding = Ops.add(embedding, classes.call(Ops.cast(classLabels, dtype)));
        }
        return finite(call(Ops.cast(sample, dtype), embedding, Ops.cast(prompts, dtype)));
    }

    /** The original ends the process here; a group norm has by now spread what went wrong over whole maps. */
    private static Tensor finite(Tensor prediction) {
        if (!prediction.isSymbolic()) {
            double[] values = prediction.toDoubles();
            long bad = Arrays.stream(values).filter(v -> !Double.isFinite(v)).count();
            if (bad > 0) {
                throw new EngineException("UNet: " + bad + " of " + values.length + " predicted numbers are NaN or infinite; check the inputs and the weights"
                        + " (a hook on the blocks shows where it starts)");
            }
        }
        return prediction;
    }

    /** Inputs: sample, time and class embedding [N,E], prompts. */
    @Override
    protected Tensor forward(Tensor... inputs) {
        Tensor embedding = inputs[1];
        Tensor prompts = inputs[2];
        Tensor x = convIn.call(inputs[0]);
        List<Tensor> skips = new ArrayList<>(List.of(x));
        for (UNetLevel level : down) {
            x = level.down(x, embedding, prompts, skips);
        }
        x = mid.down(x, embedding, prompts, new ArrayList<>());
        for (UNetLevel level : up) {
            x = level.up(x, embedding, prompts, skips);
        }
        return convOut.call(normOut.silu(x));
    }

    @Override
    public List<String> taps() {
        return List.of(TIME_PROJECTION);
    }

    @Override
    public void close() {
        weights.close();
    }
}
