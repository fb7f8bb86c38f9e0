package org.mouselift.models.gslrm;

import org.mouselift.engine.DType;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.op.Compare;

/**
 * Gaussians of B scenes before activation (GS-LRM specification §1.10), free ones first, then one per input pixel in patch
 * order.
 *
 * @param xyz centres [B,N,3], world units
 * @param features spherical-harmonics coefficients [B,N,K,3]
 * @param scaling logarithms of the standard deviations [B,N,3], at most -1.2
 * @param rotation quaternions (w,x,y,z), not normalised [B,N,4]
 * @param opacity logits [B,N,1]
 */
public record GaussianBatch(Tensor xyz, Tensor features, Tensor scaling, Tensor rotation, Tensor opacity) {
    /** Number of Gaussians per scene. */
    public long count() {
        return xyz.dim(1);
    }

    /** Fraction of Gaussians with an opacity above 0.05, over all scenes; rank 0. */
    public Tensor usage() {
        Tensor visible = Ops.compare(Compare.Kind.GT, Ops.sigmoid(opacity), Ops.constantLike(opacity, 0.05));
        return Ops.mean(Ops.cast(visible, opacity.dtype() == DType.F64 ? DType.F64 : DType.F32));
    }
}
