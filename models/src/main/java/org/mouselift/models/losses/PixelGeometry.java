package org.mouselift.models.losses;

import static org.mouselift.engine.Ops.add;
import static org.mouselift.engine.Ops.affine;
import static org.mouselift.engine.Ops.compare;
import static org.mouselift.engine.Ops.constantLike;
import static org.mouselift.engine.Ops.div;
import static org.mouselift.engine.Ops.mean;
import static org.mouselift.engine.Ops.mul;
import static org.mouselift.engine.Ops.sqrt;
import static org.mouselift.engine.Ops.square;
import static org.mouselift.engine.Ops.sub;
import static org.mouselift.engine.Ops.sum;
import static org.mouselift.engine.Ops.where;

import org.mouselift.engine.EngineException;
import org.mouselift.engine.ShapeException;
import org.mouselift.engine.Tape;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.op.Compare;

/** Terms on the pixel-aligned centres of the input views (GS-LRM specification §3.6, §3.7). All maps are [B,V,3,H,W]. */
final class PixelGeometry {
    private static final int COLOUR_AXIS = 2;

    private PixelGeometry() {}

    /**
     * Mean distance of the centres from their rays. The foot point on the ray is held fixed; the sub-gradient at distance
     * zero is zero.
     *
     * @param mask [B,V,1,H,W] to weigh the offsets with, or null
     */
    static Tensor pixelAlign(Tensor xyz, Tensor origin, Tensor direction, Tensor mask) {
        Tensor v = sub(xyz, origin);
        Tensor foot = Tape.pause(() -> mul(sum(mul(v, direction), true, COLOUR_AXIS), direction));
        Tensor offset = sub(v, foot);
        if (mask != null) {
            if (mask.rank() != 5 || mask.dim(1) != xyz.dim(1) || mask.dim(3) != xyz.dim(3) || mask.dim(4) != xyz.dim(4)) {
                throw new ShapeException("masked pixel-align loss", "masks " + mask.spec() + " of the target views do not fit the centres "
                        + xyz.spec() + " of the input views: use as many target views as input views, or masked_pixelalign_loss: false");
            }
            offset = mul(offset, mask);
        }
        return mean(length(offset));
    }

    /** Pulls the distances of each view towards a spread of 0.5 around the camera's distance from the world origin. */
    static Tensor pointsDist(Tensor xyz, Tensor origin) {
        long pixels = xyz.dim(3) * xyz.dim(4);
        if (pixels < 2) {
            throw new EngineException("points-dist loss: one pixel per view has no standard deviation");
        }
        Tensor r = length(sub(xyz, origin));
        Tensor target = Tape.pause(() -> {
            Tensor centred = sub(r, mean(r, true, 3, 4));
            Tensor variance = affine(sum(square(centred), true, 3, 4), 1.0 / (pixels - 1), 0);
            Tensor normalised = div(centred, affine(sqrt(variance), 1, 1e-8));
            return add(affine(normalised, 0.5, 0), length(origin));
        });
        return mean(square(sub(r, target)));
    }

    /** Euclidean length over the colour axis, with gradient 0 at the zero vector. */
    private static Tensor length(Tensor v) {
        Tensor squared = sum(square(v), true, COLOUR_AXIS);
        Tensor positive = compare(Compare.Kind.GT, squared, constantLike(squared, 0));
        Tensor root = sqrt(where(positive, squared, constantLike(squared, 1)));
        return where(positive, root, constantLike(squared, 0));
    }
}
