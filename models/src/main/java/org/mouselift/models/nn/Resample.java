package org.mouselift.models.nn;

import org.mouselift.engine.DType;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.nn.Module;
import org.mouselift.engine.op.Conv2d;

/** Halving and doubling of feature maps [N,C,H,W] with a 3x3 convolution; entry {@code conv} (multi-view diffusion specification §1.6, §2.4). */
public final class Resample extends Module {
    private final Conv2dLayer conv;
    private final boolean up;

    private Resample(Conv2dLayer conv, boolean up) {
        this.conv = child("conv", conv);
        this.up = up;
    }

    /**
     * Stride 2.
     *
     * @param window (1,1,1,1) in the UNet, (0,1,0,1) in the autoencoder
     */
    public static Resample down(ParameterSource source, int channels, Conv2d.Window window) {
        return new Resample(new Conv2dLayer(source.at("conv"), channels, channels, 3, window, true), false);
    }

    /** As above with new parameters. */
    public static Resample down(DType dtype, int channels, Conv2d.Window window) {
        return down(ParameterSource.fresh(dtype), channels, window);
    }

    /** Nearest neighbour, then a convolution. */
    public static Resample up(ParameterSource source, int channels) {
        return new Resample(Conv2dLayer.same3x3(source.at("conv"), channels, channels), true);
    }

    /** As above with new parameters. */
    public static Resample up(DType dtype, int channels) {
        return up(ParameterSource.fresh(dtype), channels);
    }

    /** Inputs: x and, upwards, optionally a map whose height and width are wanted instead of the double. */
    @Override
    protected Tensor forward(Tensor... inputs) {
        Tensor x = inputs[0];
        if (!up) {
            return conv.call(x);
        }
        boolean given = inputs.length > 1 && (inputs[1].dim(2) != 2 * x.dim(2) || inputs[1].dim(3) != 2 * x.dim(3));
        return conv.call(given ? Ops.upsampleNearest(x, inputs[1].dim(2), inputs[1].dim(3)) : Ops.upsampleNearest(x, 2));
    }
}
