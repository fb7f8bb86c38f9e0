package org.mouselift.models.unet;

import java.util.List;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.nn.Module;
import org.mouselift.models.nn.GroupNormLayer;
import org.mouselift.models.nn.LayerNormLayer;
import org.mouselift.models.nn.LinearLayer;
import org.mouselift.models.nn.ParameterSource;

/**
 * Transformer on a feature map: group norm, tokens in row-major order, projection, one pre-norm block (multi-view
 * self-attention, prompt cross-attention, GEGLU feed-forward), projection, residual (multi-view diffusion specification §1.7,
 * §1.8). Inputs x [N,C,h,w] and prompt tokens [N,T,Cc].
 */
public final class MultiViewTransformer extends Module {
    private static final double NORM_EPS = 1e-6;

    private final GroupNormLayer norm;
    private final LinearLayer in;
    private final Block block;
    private final LinearLayer out;

    MultiViewTransformer(ParameterSource source, UNetConfig config, int channels, int heads) {
        norm = child("norm", new GroupNormLayer(source.at("norm"), channels, config.groups(), NORM_EPS));
        in = child("proj_in", new LinearLayer(source.at("proj_in"), channels, channels, true));
        block = child("transformer_blocks.0", new Block(source.at("transformer_blocks.0"), config, channels, heads));
        out = child("proj_out", new LinearLayer(source.at("proj_out"), channels, channels, true));
    }

    @Override
    protected Tensor forward(Tensor... inputs) {
        Tensor x = inputs[0];
        long n = x.dim(0);
        long channels = x.dim(1);
        Tensor tokens = Ops.permute(Ops.reshape(norm.call(x), n, channels, x.dim(2) * x.dim(3)), 0, 2, 1);
        Tensor y = out.call(block.call(in.call(Ops.contiguous(tokens)), inputs[1]));
        return Ops.add(Ops.reshape(Ops.permute(y, 0, 2, 1), n, channels, x.dim(2), x.dim(3)), x);
    }

    /** The block on tokens [N,S,C]. */
    static final class Block extends Module {
        private final LayerNormLayer norm1;
        private final UNetAttention self;
        private final LayerNormLayer norm2;
        private final UNetAttention cross;
        private final LayerNormLayer norm3;
        private final FeedForward feedForward;

        Block(ParameterSource source, UNetConfig config, int width, int heads) {
            norm1 = child("norm1", new LayerNormLayer(source.at("norm1"), width, true, LayerNormLayer.EPS));
            self = child("attn1", new UNetAttention(source.at("attn1"), width, width, heads, config.numViews(), config.rule()));
            norm2 = child("norm2", new LayerNormLayer(source.at("norm2"), width, true, LayerNormLayer.EPS));
            cross = child("attn2", new UNetAttention(source.at("attn2"), width, config.crossAttentionDim(), heads, config.numViews(), AttentionRule.PLAIN));
            norm3 = child("norm3", new LayerNormLayer(source.at("norm3"), width, true, LayerNormLayer.EPS));
            feedForward = child("ff", new FeedForward(source.at("ff"), width));
        }

        @Override
        protected Tensor forward(Tensor... inputs) {
            Tensor y = UNetLevel.part(this, false, in -> List.of(self.fused(in.get(0), norm1.call(in.get(0)))), inputs[0]);
            y = UNetLevel.part(this, false, in -> List.of(cross.fused(in.get(0), norm2.call(in.get(0)), in.get(1))), y, inputs[1]);
            return UNetLevel.part(this, false, in -> List.of(Ops.add(in.get(0), feedForward.call(norm3.call(in.get(0))))), y);
        }
    }

    /** {@code net.2(geglu(net.0.proj(x)))}, four times as wide inside. */
    static final class FeedForward extends Module {
        private final Geglu up;
        private final LinearLayer down;

        FeedForward(ParameterSource source, int width) {
            up = child("net.0", new Geglu(source.at("net.0"), width, 4 * width));
            down = child("net.2", new LinearLayer(source.at("net.2"), 4L * width, width, true));
        }

        @Override
        protected Tensor forward(Tensor... inputs) {
            return down.call(up.call(inputs[0]));
        }
    }

    /** {@code a gelu(g)} with [a, g] = proj(x): value first, gate second. */
    static final class Geglu extends Module {
        private final LinearLayer projection;

        Geglu(ParameterSource source, int inputs, int outputs) {
            projection = child("proj", new LinearLayer(source.at("proj"), inputs, 2L * outputs, true));
        }

        @Override
        protected Tensor forward(Tensor... inputs) {
            return Ops.geglu(projection.call(inputs[0]));
        }
    }
}
