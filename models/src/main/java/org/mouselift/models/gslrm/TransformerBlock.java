package org.mouselift.models.gslrm;

import org.mouselift.engine.ModulePath;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.nn.Module;
import org.mouselift.engine.op.Linear;
import org.mouselift.models.nn.LayerNormLayer;
import org.mouselift.models.nn.LinearLayer;
import org.mouselift.models.nn.ParameterSource;
import org.mouselift.models.nn.SelfAttention;

/** Pre-norm block x = x + Attn(Norm1(x)); x = x + Mlp(Norm2(x)) on [B,L,d], no biases (GS-LRM specification §1.8). */
public final class TransformerBlock extends Module {
    private final LayerNormLayer norm1;
    private final LayerNormLayer norm2;
    private final SelfAttention attention;
    private final Mlp mlp;

    TransformerBlock(ParameterSource source, GsLrmConfig config) {
        norm1 = child("norm1", new LayerNormLayer(source.at("norm1"), config.width()));
        norm2 = child("norm2", new LayerNormLayer(source.at("norm2"), config.width()));
        attention = child("attn", new SelfAttention(source.at("attn"), config.width(), config.heads()));
        mlp = child("mlp", new Mlp(source.at("mlp"), config.width()));
    }

    @Override
    protected Tensor forward(Tensor... inputs) {
        Tensor x = attention.fused(norm1.call(inputs[0]), inputs[0]);
        return mlp.fused(norm2.call(x), x);
    }

    /** W2 gelu(W1 x) with a hidden layer of four times the width; entries {@code mlp.0.weight} and {@code mlp.2.weight}. */
    static final class Mlp extends Module {
        private final LinearLayer up;
        private final LinearLayer down;

        Mlp(ParameterSource source, long width) {
            up = child("mlp.0", new LinearLayer(source.at("mlp.0"), width, 4 * width, false));
            down = child("mlp.2", new LinearLayer(source.at("mlp.2"), 4 * width, width, false));
        }

        @Override
        protected Tensor forward(Tensor... inputs) {
            return down.fused(up.fused(inputs[0], Linear.Activation.GELU, null), Linear.Activation.NONE, null);
        }

        Tensor fused(Tensor x, Tensor residual) {
            if (tapped("")) {
                return Ops.add(residual, call(x));
            }
            String before = ModulePath.enter(path());
            try {
                return down.fused(up.fused(x, Linear.Activation.GELU, null), Linear.Activation.NONE, residual);
            } finally {
                ModulePath.enter(before);
            }
        }
    }
}
