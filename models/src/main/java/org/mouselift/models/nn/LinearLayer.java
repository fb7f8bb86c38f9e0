package org.mouselift.models.nn;

import org.mouselift.engine.DType;
import org.mouselift.engine.ModulePath;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.nn.Module;
import org.mouselift.engine.op.Linear;

/** {@code y[…,N] = x[…,K] W[N,K]^T (+ b[N])}; state-dict entries {@code weight} and, if present, {@code bias}. */
public final class LinearLayer extends Module {
    private final Tensor weight;
    private final Tensor bias;

    public LinearLayer(ParameterSource source, long inputs, long outputs, boolean bias) {
        weight = parameter("weight", source.parameter("weight", outputs, inputs));
        this.bias = bias ? parameter("bias", source.parameter("bias", outputs)) : null;
    }

    public LinearLayer(DType dtype, long inputs, long outputs, boolean bias) {
        this(ParameterSource.fresh(dtype), inputs, outputs, bias);
    }

    public Tensor weight() {
        return weight;
    }

    /** The bias, or null. */
    public Tensor bias() {
        return bias;
    }

    @Override
    protected Tensor forward(Tensor... inputs) {
        return Ops.linear(inputs[0], weight, bias, Linear.Activation.NONE, null);
    }

    /**
     * {@code activation(layer(x)) + residual} in one pass over memory. While a hook listens to this layer the parts run
     * one by one, so that the hook sees what the layer itself computes.
     *
     * @param residual of the result's shape, or null
     */
    public Tensor fused(Tensor x, Linear.Activation activation, Tensor residual) {
        if (tapped("")) {
            Tensor y = call(x);
            y = switch (activation) {
                case NONE -> y;
                case GELU -> Ops.gelu(y);
                case SILU -> Ops.silu(y);
            };
            return residual == null ? y : Ops.add(y, residual);
        }
        String before = ModulePath.enter(path());
        try {
            return Ops.linear(x, weight, bias, activation, residual);
        } finally {
            ModulePath.enter(before);
        }
    }
}
