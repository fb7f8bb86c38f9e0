package org.mouselift.models.vae;

import org.mouselift.engine.Ops;
import org.mouselift.engine.ShapeException;
import org.mouselift.engine.Tensor;

/**
 * Normal distribution of a latent, independent by element (multi-view diffusion specification §2.4).
 *
 * @param moments [N,2C,h,w]: means, then logarithms of the variances before clamping
 */
public record LatentDistribution(Tensor moments) {
    private static final double LOWEST = -30;
    private static final double HIGHEST = 20;

    public LatentDistribution {
        if (moments.rank() != 4 || moments.dim(1) % 2 != 0) {
            throw new ShapeException("latent distribution", "moments " + moments.spec() + ", expected [N,2C,h,w]");
        }
    }

    /** [N,C,h,w]. */
    public Tensor mean() {
        return Ops.slice(moments, 1, 0, moments.dim(1) / 2);
    }

    /** Logarithms of the variances, clamped to [-30, 20]. */
    public Tensor logvar() {
        return Ops.clamp(Ops.slice(moments, 1, moments.dim(1) / 2, moments.dim(1)), LOWEST, HIGHEST);
    }

    /** The most likely latent. */
    public Tensor mode() {
        return mean();
    }

    /** A latent drawn with given standard normal numbers of its shape. */
    public Tensor sample(Tensor noise) {
        return Ops.add(mean(), Ops.mul(Ops.exp(Ops.affine(logvar(), 0.5, 0)), noise));
    }

    /** Kullback-Leibler divergence from the standard normal distribution, summed over each latent [N]. */
    public Tensor divergence() {
        Tensor logvar = logvar();
        Tensor term = Ops.sub(Ops.add(Ops.square(mean()), Ops.exp(logvar)), Ops.affine(logvar, 1, 1));
        return Ops.reshape(Ops.affine(Ops.sum(term, false, 1, 2, 3), 0.5, 0), moments.dim(0));
    }
}
