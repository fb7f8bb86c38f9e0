package org.mouselift.pipeline.multiview;

import org.mouselift.engine.Tensor;
import org.mouselift.models.diffusion.TorchGenerator;

/** Standard normal numbers for a sampling, asked for in the original's order: embedding noise, start latents, one draw a step. */
public interface NoiseSource {
    /** f32 numbers of a shape in the current scope. */
    Tensor normal(long... shape);

    /** The original's CPU generator. */
    static NoiseSource seeded(long seed) {
        return new TorchGenerator(seed)::normalTensor;
    }
}
