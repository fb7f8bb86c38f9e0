package org.mouselift.models.gslrm;

import org.mouselift.engine.Ops;
import org.mouselift.engine.Tensor;

/** From raw network outputs to Gaussians (GS-LRM specification §1.10, §1.11). */
final class GaussianParametrisation {
    /** Half the depth span around the point nearest to the world origin. */
    private static final double NEAREST_SPAN = 1.8;
    /** Half the depth span of the default rule for plain rays, and the camera distance it is centred on. */
    private static final double PLAIN_SPAN = 1.5;
    private static final double PLAIN_DISTANCE = 2.7;
    private static final double SCALE_SHIFT = -2.3;
    private static final double SCALE_MAX = -1.2;
    private static final double OPACITY_SHIFT = -2.0;

    private GaussianParametrisation() {}

    /**
     * @param free raw numbers of the free Gaussians [B,F,g]
     * @param pixel raw numbers of the pixels in patch order [B,V*H*W,g]
     * @param clipXyz clamps pixel-aligned centres to [-1,1]
     */
    static GsLrmOutput output(GsLrmConfig config, Tensor free, Tensor pixel, Tensor imageTokens, RayMaps rays, boolean clipXyz) {
        int k3 = 3 * config.coefficients();
        Tensor aligned = Ops.slice(pixel, 2, 0, 3);
        if (config.hardPixelAlign()) {
            aligned = alongRays(config, aligned, rays);
            if (clipXyz) {
                aligned = Ops.clamp(aligned, -1, 1);
            }
        }
        Tensor raw = Ops.concat(1, free, pixel);
        long batch = raw.dim(0);
        long count = raw.dim(1);
        GaussianBatch gaussians = new GaussianBatch(
                Ops.concat(1, Ops.slice(free, 2, 0, 3), aligned),
                Ops.reshape(Ops.slice(raw, 2, 3, 3 + k3), batch, count, config.coefficients(), 3),
                Ops.clamp(Ops.affine(Ops.slice(raw, 2, 3 + k3, 6 + k3), 1, SCALE_SHIFT), Double.NEGATIVE_INFINITY, SCALE_MAX),
                Ops.contiguous(Ops.slice(raw, 2, 6 + k3, 10 + k3)),
                Ops.affine(Ops.slice(raw, 2, 10 + k3, 11 + k3), 1, OPACITY_SHIFT));
        return new GsLrmOutput(gaussians, aligned, imageTokens, rays, config.patchSize());
    }

    /** xyz = o + t d with the depth t from the mean of the three raw numbers; [B,V*H*W,3]. */
    private static Tensor alongRays(GsLrmConfig config, Tensor raw, RayMaps rays) {
        long batch = raw.dim(0);
        long pixels = raw.dim(1);
        Tensor sigmoid = Ops.sigmoid(Ops.affine(Ops.mean(raw, true, 2), 1, config.depth().bias()));
        Tensor direction = Ops.reshape(PatchOrder.fromMaps(rays.direction(), config.patchSize()), batch, pixels, 3);
        long views = rays.origin().dim(1);
        Tensor origin = Ops.reshape(Ops.expand(Ops.reshape(rays.origin(), batch, views, 1, 3), batch, views, pixels / views, 3), batch, pixels, 3);
        Tensor t;
        if (config.rays() != RayEncoding.PLAIN) {
            Tensor nearest = Ops.reshape(PatchOrder.fromMaps(rays.nearest(), config.patchSize()), batch, pixels, 1);
            t = Ops.add(Ops.affine(sigmoid, 2 * NEAREST_SPAN, -NEAREST_SPAN), nearest);
        } else if (config.depth().hasRange()) {
            t = Ops.affine(sigmoid, config.depth().max() - config.depth().min(), config.depth().min());
        } else if (config.depth().referenceOrigin()) {
            Tensor distance = Ops.sqrt(Ops.sum(Ops.square(origin), true, 2));
            t = Ops.add(Ops.affine(sigmoid, 2 * NEAREST_SPAN, -NEAREST_SPAN), distance);
        } else {
            t = Ops.affine(sigmoid, 2 * PLAIN_SPAN, PLAIN_DISTANCE - PLAIN_SPAN);
        }
        return Ops.add(origin, Ops.mul(t, direction));
    }
}
