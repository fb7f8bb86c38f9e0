package org.mouselift.models.gslrm;

import org.mouselift.engine.DType;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.nn.Module;
import org.mouselift.engine.op.Linear;
import org.mouselift.models.nn.LayerNormLayer;
import org.mouselift.models.nn.LinearLayer;

/** Decoder head: linear(layer norm(tokens)) without biases (GS-LRM specification §1.9). */
final class GaussianDecoder extends Module {
    private final LayerNormLayer norm;
    private final LinearLayer linear;

    GaussianDecoder(DType dtype, long width, long outputs, String normName, String linearName) {
        norm = child(normName, new LayerNormLayer(dtype, width));
        linear = child(linearName, new LinearLayer(dtype, width, outputs, false));
    }

    @Override
    protected Tensor forward(Tensor... inputs) {
        return linear.fused(norm.call(inputs[0]), Linear.Activation.NONE, null);
    }
}
