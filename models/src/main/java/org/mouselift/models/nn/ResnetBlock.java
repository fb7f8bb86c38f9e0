package org.mouselift.models.nn;

import org.mouselift.engine.DType;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.nn.Module;

/**
 * Residual block of the diffusion UNet and its autoencoder (multi-view diffusion specification §1.5, §2.4):
 * {@code h = conv1(silu(norm1(x))) + time_emb_proj(silu(emb)); out = shortcut(x) + conv2(silu(norm2(h)))}, the shortcut being
 * a 1x1 convolution exactly where the number of channels changes. Inputs x [N,Cin,H,W] and, with a time embedding, emb [N,E].
 */
public final class ResnetBlock extends Module {
    private final GroupNormLayer norm1;
    private final Conv2dLayer conv1;
    private final LinearLayer time;
    private final GroupNormLayer norm2;
    private final Conv2dLayer conv2;
    private final Conv2dLayer shortcut;

    /** @param embedding width of the time embedding, 0 for none */
    public ResnetBlock(ParameterSource source, int inputs, int outputs, int embedding, int groups, double eps) {
        norm1 = child("norm1", new GroupNormLayer(source.at("norm1"), inputs, groups, eps));
        conv1 = child("conv1", Conv2dLayer.same3x3(source.at("conv1"), inputs, outputs));
        time = embedding > 0 ? child("time_emb_proj", new LinearLayer(source.at("time_emb_proj"), embedding, outputs, true)) : null;
        norm2 = child("norm2", new GroupNormLayer(source.at("norm2"), outputs, groups, eps));
        conv2 = child("conv2", Conv2dLayer.same3x3(source.at("conv2"), outputs, outputs));
        shortcut = inputs == outputs ? null : child("conv_shortcut", Conv2dLayer.pointwise(source.at("conv_shortcut"), inputs, outputs));
    }

    /** With new parameters. */
    public ResnetBlock(DType dtype, int inputs, int outputs, int embedding, int groups, double eps) {
        this(ParameterSource.fresh(dtype), inputs, outputs, embedding, groups, eps);
    }

    @Override
    protected Tensor forward(Tensor... inputs) {
        Tensor x = inputs[0];
        Tensor h = conv1.call(norm1.silu(x));
        if (time != null) {
            Tensor shift = time.call(Ops.silu(inputs[1]));
            h = Ops.add(h, Ops.reshape(shift, shift.dim(0), shift.dim(1), 1, 1));
        }
        h = conv2.call(norm2.silu(h));
        return Ops.add(shortcut == null ? x : shortcut.call(x), h);
    }
}
