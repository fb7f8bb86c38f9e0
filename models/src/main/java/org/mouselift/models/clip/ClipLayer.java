package org.mouselift.models.clip;

import org.mouselift.engine.Ops;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.nn.Module;
import org.mouselift.engine.op.Linear;
import org.mouselift.models.nn.LayerNormLayer;
import org.mouselift.models.nn.LinearLayer;
import org.mouselift.models.nn.ParameterSource;

/** Pre-norm layer of a CLIP tower on [N,T,C]: {@code x += attn(norm1(x)); x += fc2(gelu(fc1(norm2(x))))}. */
final class ClipLayer extends Module {
    private final ClipAttention attention;
    private final LayerNormLayer norm1;
    private final Mlp mlp;
    private final LayerNormLayer norm2;

    ClipLayer(ParameterSource source, ClipConfig c, boolean causal) {
        attention = child("self_attn", new ClipAttention(source.at("self_attn"), c, causal));
        norm1 = child("layer_norm1", new LayerNormLayer(source.at("layer_norm1"), c.hiddenSize(), true, c.eps()));
        mlp = child("mlp", new Mlp(source.at("mlp"), c));
        norm2 = child("layer_norm2", new LayerNormLayer(source.at("layer_norm2"), c.hiddenSize(), true, c.eps()));
    }

    @Override
    protected Tensor forward(Tensor... inputs) {
        Tensor x = Ops.add(inputs[0], attention.call(norm1.call(inputs[0])));
        return Ops.add(x, mlp.call(norm2.call(x)));
    }

    /** {@code fc2(gelu(fc1(x)))}. */
    static final class Mlp extends Module {
        private final LinearLayer up;
        private final LinearLayer down;

        Mlp(ParameterSource source, ClipConfig c) {
            up = child("fc1", new LinearLayer(source.at("fc1"), c.hiddenSize(), c.intermediateSize(), true));
            down = child("fc2", new LinearLayer(source.at("fc2"), c.intermediateSize(), c.hiddenSize(), true));
        }

        @Override
        protected Tensor forward(Tensor... inputs) {
            return down.call(up.fused(inputs[0], Linear.Activation.GELU, null));
        }
    }
}
