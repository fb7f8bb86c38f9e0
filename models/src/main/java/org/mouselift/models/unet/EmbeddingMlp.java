package org.mouselift.models.unet;

import org.mouselift.engine.Tensor;
import org.mouselift.engine.nn.Module;
import org.mouselift.engine.op.Linear;
import org.mouselift.models.nn.LinearLayer;
import org.mouselift.models.nn.ParameterSource;

/** {@code linear_2(silu(linear_1(x)))} of the timestep or class embedding (multi-view diffusion specification §1.4). */
final class EmbeddingMlp extends Module {
    private final LinearLayer first;
    private final LinearLayer second;

    EmbeddingMlp(ParameterSource source, int inputs, int width) {
        first = child("linear_1", new LinearLayer(source.at("linear_1"), inputs, width, true));
        second = child("linear_2", new LinearLayer(source.at("linear_2"), width, width, true));
    }

    @Override
    protected Tensor forward(Tensor... inputs) {
        return second.call(first.fused(inputs[0], Linear.Activation.SILU, null));
    }
}
