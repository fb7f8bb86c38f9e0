package org.mouselift.models.vae;

import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tape;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.nn.Module;
import org.mouselift.engine.op.Conv2d;
import org.mouselift.models.nn.Conv2dLayer;
import org.mouselift.models.nn.GroupNormLayer;
import org.mouselift.models.nn.ParameterSource;
import org.mouselift.models.nn.Resample;
import org.mouselift.models.nn.ResnetBlock;

/** Encoder or decoder of the autoencoder (multi-view diffusion specification §2.4). */
final class AutoencoderHalf extends Module {
    private static final double EPS = 1e-6;
    /** Halving pads one row below and one column to the right only. */
    private static final Conv2d.Window HALVE = new Conv2d.Window(2, 0, 1, 0, 1);

    private final Conv2dLayer in;
    private final List<Module> body = new ArrayList<>();
    private final GroupNormLayer norm;
    private final Conv2dLayer out;

    private AutoencoderHalf(ParameterSource source, AutoencoderConfig c, boolean decoder) {
        List<Integer> channels = c.blockOutChannels();
        int levels = channels.size();
        int deepest = channels.getLast();
        in = child("conv_in", Conv2dLayer.same3x3(source.at("conv_in"), decoder ? c.latentChannels() : c.inChannels(), decoder ? deepest : channels.getFirst()));
        int width = decoder ? deepest : channels.getFirst();
        if (decoder) {
            body.add(child("mid_block", middle(source.at("mid_block"), c, deepest)));
        }
        for (int i = 0; i < levels; i++) {
            int to = channels.get(decoder ? levels - 1 - i : i);
            String name = (decoder ? "up_blocks." : "down_blocks.") + i;
            ParameterSource own = source.at(name);
            Sequence level = child(name, new Sequence());
            for (int j = 0; j < c.layersPerBlock() + (decoder ? 1 : 0); j++) {
                level.add("resnets." + j, new ResnetBlock(own.at("resnets." + j), width, to, 0, c.groups(), EPS));
                width = to;
            }
            if (i < levels - 1) {
                String resample = decoder ? "upsamplers.0" : "downsamplers.0";
                level.add(resample, decoder ? Resample.up(own.at(resample), width) : Resample.down(own.at(resample), width, HALVE));
            }
            body.add(level);
        }
        if (!decoder) {
            body.add(child("mid_block", middle(source.at("mid_block"), c, deepest)));
        }
        norm = child("conv_norm_out", new GroupNormLayer(source.at("conv_norm_out"), width, c.groups(), EPS));
        out = child("conv_out", Conv2dLayer.same3x3(source.at("conv_out"), width, decoder ? c.inChannels() : 2L * c.latentChannels()));
    }

    static AutoencoderHalf encoder(ParameterSource source, AutoencoderConfig c) {
        return new AutoencoderHalf(source, c, false);
    }

    static AutoencoderHalf decoder(ParameterSource source, AutoencoderConfig c) {
        return new AutoencoderHalf(source, c, true);
    }

    private static Sequence middle(ParameterSource source, AutoencoderConfig c, int channels) {
        Sequence mid = new Sequence();
        mid.add("resnets.0", new ResnetBlock(source.at("resnets.0"), channels, channels, 0, c.groups(), EPS));
        mid.add("attentions.0", new SpatialAttention(source.at("attentions.0"), channels, c.groups(), EPS));
        mid.add("resnets.1", new ResnetBlock(source.at("resnets.1"), channels, channels, 0, c.groups(), EPS));
        return mid;
    }

    @Override
    protected Tensor forward(Tensor... inputs) {
        return out.call(norm.silu(run(this, body, in.call(inputs[0]))));
    }

    /**
     * Runs parts one after the other; what they make, and what the next one does not need, is freed at once, unless a tape needs it: maps
     * of whole pictures are large.
     */
    private static Tensor run(Module owner, List<Module> parts, Tensor x) {
        List<Tensor> operands = new ArrayList<>(owner.trainable());
        operands.add(x);
        if (!Tape.records(operands)) {
            List<UnaryOperator<Tensor>> steps = new ArrayList<>();
            parts.forEach(part -> steps.add(part::call));
            return Scope.chain("autoencoder", x, steps);
        }
        Tensor y = x;
        for (Module part : parts) {
            y = part.call(y);
        }
        return y;
    }

    /** Parts that run one after the other. */
    private static final class Sequence extends Module {
        private final List<Module> parts = new ArrayList<>();

        void add(String name, Module part) {
            parts.add(child(name, part));
        }

        @Override
        protected Tensor forward(Tensor... inputs) {
            return run(this, parts, inputs[0]);
        }
    }
}
