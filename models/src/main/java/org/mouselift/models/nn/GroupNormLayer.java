package org.mouselift.models.nn;

import org.mouselift.engine.DType;
import org.mouselift.engine.EngineException;
import org.mouselift.engine.ModulePath;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.nn.Module;

/** Group norm of [N,C,H,W] with learned weight and bias [C]. */
public final class GroupNormLayer extends Module {
    private final Tensor weight;
    private final Tensor bias;
    private final int groups;
    private final double eps;

    public GroupNormLayer(ParameterSource source, long channels, int groups, double eps) {
        if (channels % groups != 0) {
            throw new EngineException("group norm: " + channels + " channels do not divide into norm_num_groups " + groups);
        }
        weight = parameter("weight", source.parameter("weight", channels));
        bias = parameter("bias", source.parameter("bias", channels));
        this.groups = groups;
        this.eps = eps;
    }

    public GroupNormLayer(DType dtype, long channels, int groups, double eps) {
        this(ParameterSource.fresh(dtype), channels, groups, eps);
    }

    @Override
    protected Tensor forward(Tensor... inputs) {
        return Ops.groupNorm(inputs[0], weight, bias, groups, eps);
    }

    /** {@code silu(norm(x))} in one pass; while a hook listens to this layer it sees the norm alone. */
    public Tensor silu(Tensor x) {
        if (tapped("")) {
            return Ops.silu(call(x));
        }
        String before = ModulePath.enter(path());
        try {
            return Ops.groupNormSilu(x, weight, bias, groups, eps);
        } finally {
            ModulePath.enter(before);
        }
    }
}
