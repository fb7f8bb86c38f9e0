package org.mouselift.models.nn;

import org.mouselift.engine.DType;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.nn.Module;

/** Layer norm over the last axis with learned weight and optional bias; eps 1e-5 unless stated. */
public final class LayerNormLayer extends Module {
    /** The usual eps. */
    public static final double EPS = 1e-5;

    private final Tensor weight;
    private final Tensor bias;
    private final double eps;

    public LayerNormLayer(ParameterSource source, long width, boolean bias, double eps) {
        weight = parameter("weight", source.parameter("weight", width));
        this.bias = bias ? parameter("bias", source.parameter("bias", width)) : null;
        this.eps = eps;
    }

    public LayerNormLayer(DType dtype, long width, boolean bias, double eps) {
        this(ParameterSource.fresh(dtype), width, bias, eps);
    }

    /** Without bias, eps 1e-5. */
    public LayerNormLayer(ParameterSource source, long width) {
        this(source, width, false, EPS);
    }

    @Override
    protected Tensor forward(Tensor... inputs) {
        return Ops.layerNorm(inputs[0], weight, bias, eps);
    }
}
