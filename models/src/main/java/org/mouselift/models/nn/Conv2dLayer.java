package org.mouselift.models.nn;

import org.mouselift.engine.DType;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.nn.Module;
import org.mouselift.engine.op.Conv2d;

/** Convolution of [N,C,H,W] with a square kernel; entries {@code weight} [O,C,k,k] and, if present, {@code bias} [O]. */
public final class Conv2dLayer extends Module {
    private final Tensor weight;
    private final Tensor bias;
    private final Conv2d.Window window;

    public Conv2dLayer(ParameterSource source, long inputs, long outputs, int kernel, Conv2d.Window window, boolean bias) {
        weight = parameter("weight", source.parameter("weight", outputs, inputs, kernel, kernel));
        this.bias = bias ? parameter("bias", source.parameter("bias", outputs)) : null;
        this.window = window;
    }

    public Conv2dLayer(DType dtype, long inputs, long outputs, int kernel, Conv2d.Window window, boolean bias) {
        this(ParameterSource.fresh(dtype), inputs, outputs, kernel, window, bias);
    }

    /** 3x3, stride 1, padding 1, with bias. */
    public static Conv2dLayer same3x3(ParameterSource source, long inputs, long outputs) {
        return new Conv2dLayer(source, inputs, outputs, 3, Conv2d.Window.of(1, 1), true);
    }

    /** 3x3, stride 1, padding 1, with bias. */
    public static Conv2dLayer same3x3(DType dtype, long inputs, long outputs) {
        return same3x3(ParameterSource.fresh(dtype), inputs, outputs);
    }

    /** 1x1 with bias. */
    public static Conv2dLayer pointwise(ParameterSource source, long inputs, long outputs) {
        return new Conv2dLayer(source, inputs, outputs, 1, Conv2d.Window.of(1, 0), true);
    }

    /** 1x1 with bias. */
    public static Conv2dLayer pointwise(DType dtype, long inputs, long outputs) {
        return pointwise(ParameterSource.fresh(dtype), inputs, outputs);
    }

    public Tensor weight() {
        return weight;
    }

    @Override
    protected Tensor forward(Tensor... inputs) {
        return Ops.conv2d(inputs[0], weight, bias, window);
    }
}
