package org.mouselift.models.losses;

import static org.mouselift.engine.Ops.abs;
import static org.mouselift.engine.Ops.cast;
import static org.mouselift.engine.Ops.compare;
import static org.mouselift.engine.Ops.constantLike;
import static org.mouselift.engine.Ops.div;
import static org.mouselift.engine.Ops.max;
import static org.mouselift.engine.Ops.mul;
import static org.mouselift.engine.Ops.sub;
import static org.mouselift.engine.Ops.sum;

import org.mouselift.engine.ShapeException;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.op.Compare;

/**
 * Supervision of the pixel-aligned centres with known depth, where the training pictures have it (procedural subjects do).
 * An addition of ours, off by default: the photometric loss alone finds depth only through many rendered views, this says it
 * directly, so that a small network learns geometry in a fraction of the passes.
 */
final class DepthLoss {
    private static final int COLOUR_AXIS = 2;

    private DepthLoss() {}

    /**
     * Mean of |z - depth| over the pixels of known depth, z being the centre's coordinate along the view's optical axis.
     *
     * @param xyz centres [B,V,3,H,W], world units
     * @param origin camera centres [B,V,3,H,W] or [B,V,3,1,1]
     * @param axis unit optical axes [B,V,3,1,1]
     * @param depth z depth [B,V,1,H,W], world units; 0 where unknown
     */
    static Tensor of(Tensor xyz, Tensor origin, Tensor axis, Tensor depth) {
        if (depth.rank() != 5 || depth.dim(2) != 1 || depth.dim(0) != xyz.dim(0) || depth.dim(1) != xyz.dim(1) || depth.dim(3) != xyz.dim(3)
                || depth.dim(4) != xyz.dim(4)) {
            throw new ShapeException("depth loss", "depth " + depth.spec() + " does not fit the centres " + xyz.spec() + ", expected [B,V,1,H,W] and [B,V,3,H,W]");
        }
        Tensor known = cast(compare(Compare.Kind.GT, depth, constantLike(depth, 0)), xyz.dtype());
        Tensor z = sum(mul(sub(xyz, origin), axis), true, COLOUR_AXIS);
        Tensor error = mul(abs(sub(z, cast(depth, xyz.dtype()))), known);
        return div(sum(error), max(sum(known), constantLike(known, 1)));
    }
}
