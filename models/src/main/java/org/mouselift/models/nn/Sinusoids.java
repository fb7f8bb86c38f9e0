package org.mouselift.models.nn;

import org.mouselift.engine.EngineException;
import org.mouselift.engine.Tensor;

/**
 * Sinusoidal embedding of steps and levels (Vaswani et al. 2017; multi-view diffusion specification §1.4):
 * {@code f[i] = exp(-ln(10000) i / (half - shift))}, computed in float32 as the original does.
 */
public final class Sinusoids {
    private static final double MAX_PERIOD = 10000;

    private Sinusoids() {}

    /**
     * Embeddings f32 [n,width] in the current scope.
     *
     * @param width even
     * @param cosinesFirst {@code flip_sin_to_cos}
     * @param shift {@code freq_shift}
     */
    public static Tensor of(double[] steps, int width, boolean cosinesFirst, double shift) {
        if (width < 2 || width % 2 != 0) {
            throw new EngineException("sinusoidal embedding of width " + width + ", expected an even number");
        }
        int half = width / 2;
        float[] out = new float[Math.multiplyExact(steps.length, width)];
        for (int n = 0; n < steps.length; n++) {
            for (int i = 0; i < half; i++) {
                float exponent = (float) ((float) (-Math.log(MAX_PERIOD) * i) / (half - shift));
                float angle = (float) steps[n] * (float) Math.exp(exponent);
                int sine = n * width + (cosinesFirst ? half : 0) + i;
                int cosine = n * width + (cosinesFirst ? 0 : half) + i;
                out[sine] = (float) Math.sin(angle);
                out[cosine] = (float) Math.cos(angle);
            }
        }
        return Tensor.of(out, steps.length, width);
    }
}
