package org.mouselift.models.losses;

import java.util.Map;
import org.mouselift.engine.Tensor;

/** A learned distance of two image batches [N,3,H,W] in [0,1], such as LPIPS; the mean over images, rank 0, differentiable in x. */
@FunctionalInterface
public interface ImageDistance {
    Tensor between(Tensor x, Tensor y);

    /** The fixed weights it uses, by name, for programs that contain it. */
    default Map<String, Tensor> weights() {
        return Map.of();
    }
}
