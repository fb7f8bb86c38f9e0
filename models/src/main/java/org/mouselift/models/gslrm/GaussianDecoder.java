package org.mouselift.models.gslrm;

import org.mouselift.engine.Tensor;
import org.mouselift.engine.nn.Module;
import org.mouselift.engine.op.Linear;
import org.mouselift.models.nn.LayerNormLayer;
import org.mouselift.models.nn.LinearLayer;
import org.mouselift.models.nn.ParameterSource;

/** Decoder head: linear(layer norm(tokens)) without biases (GS-LRM specification §1.9). */
final class GaussianDecoder extends Module {
    private final LayerNormLayer norm;
    private final LinearLayer linear;

    GaussianDecoder(ParameterSource source, long width, long outputs, String normName, String linearName) {
        norm = child(normName, new LayerNormLayer(source.at(normName), width));
        linear = child(linearName, new LinearLayer(source.at(linearName), width, outputs, false));
    }

    @Override
    protected Tensor forward(Tensor... inputs) {
        return linear.fused(norm.call(inputs[0]), Linear.Activation.NONE, null);
    }
}
