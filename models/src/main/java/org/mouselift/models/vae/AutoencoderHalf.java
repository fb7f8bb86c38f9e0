package org.mouselift.models.vae;

import java.util.ArrayList;
import java.util.List;
import org.mouselift.engine.DType;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.nn.Module;
import org.mouselift.engine.op.Conv2d;
import org.mouselift.models.nn.Conv2dLayer;
import org.mouselift.models.nn.GroupNormLayer;
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

    private AutoencoderHalf(DType dtype, AutoencoderConfig c, boolean decoder) {
        List<Integer> channels = c.blockOutChannels();
        int levels = channels.size();
        int deepest = channels.getLast();
        in = child("conv_in", Conv2dLayer.same3x3(dtype, decoder ? c.latentChannels() : c.inChannels(), decoder ? deepest : channels.getFirst()));
        int width = decoder ? deepest : channels.getFirst();
        if (decoder) {
            body.add(child("mid_block", middle(dtype, c, deepest)));
        }
        for (int i = 0; i < levels; i++) {
            int to = channels.get(decoder ? levels - 1 - i : i);
            Sequence level = child((decoder ? "up_blocks." : "down_blocks.") + i, new Sequence());
            for (int j = 0; j < c.layersPerBlock() + (decoder ? 1 : 0); j++) {
                level.add("resnets." + j, new ResnetBlock(dtype, width, to, 0, c.groups(), EPS));
                width = to;
            }
            if (i < levels - 1) {
                level.add(decoder ? "upsamplers.0" : "downsamplers.0", decoder ? Resample.up(dtype, width) : Resample.down(dtype, width, HALVE));
            }
            body.add(level);
        }
        if (!decoder) {
            body.add(child("mid_block", middle(dtype, c, deepest)));
        }
        norm = child("conv_norm_out", new GroupNormLayer(dtype, width, c.groups(), EPS));
        out = child("conv_out", Conv2dLayer.same3x3(dtype, width, decoder ? c.inChannels() : 2L * c.latentChannels()));
    }

    static AutoencoderHalf encoder(DType dtype, AutoencoderConfig c) {
        return new AutoencoderHalf(dtype, c, false);
    }

    static AutoencoderHalf decoder(DType dtype, AutoencoderConfig c) {
        return new AutoencoderHalf(dtype, c, true);
    }

    private static Sequence middle(DType dtype, AutoencoderConfig c, int channels) {
        Sequence mid = new Sequence();
        mid.add("resnets.0", new ResnetBlock(dtype, channels, channels, 0, c.groups(), EPS));
        mid.add("attentions.0", new SpatialAttention(dtype, channels, c.groups(), EPS));
        mid.add("resnets.1", new ResnetBlock(dtype, channels, channels, 0, c.groups(), EPS));
        return mid;
    }

    @Override
    protected Tensor forward(Tensor... inputs) {
        Tensor x = in.call(inputs[0]);
        for (Module part : body) {
            x = part.call(x);
        }
        return out.call(norm.silu(x));
    }

    /** Parts that run one after the other. */
    private static final class Sequence extends Module {
        private final List<Module> parts = new ArrayList<>();

        void add(String name, Module part) {
            parts.add(child(name, part));
        }

        @Override
        protected Tensor forward(Tensor... inputs) {
            Tensor x = inputs[0];
            for (Module part : parts) {
                x = part.call(x);
            }
            return x;
        }
    }
}
