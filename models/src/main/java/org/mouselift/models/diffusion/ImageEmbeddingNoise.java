package org.mouselift.models.diffusion;

import java.util.Arrays;
import org.mouselift.engine.EngineException;
import org.mouselift.engine.Ops;
import org.mouselift.engine.ShapeException;
import org.mouselift.engine.Tensor;
import org.mouselift.models.nn.Sinusoids;

/**
 * Noise on image embeddings, and the class labels that the unCLIP UNet takes (multi-view diffusion specification §2.3). Level 0
 * is not free of noise.
 *
 * @param mean of the training embeddings [1,D]
 * @param std of the training embeddings [1,D]
 * @param schedule of the noise levels
 */
public record ImageEmbeddingNoise(Tensor mean, Tensor std, NoiseSchedule schedule) {
    public ImageEmbeddingNoise {
        if (mean.rank() != 2 || mean.dim(0) != 1 || !std.shape().equals(mean.shape())) {
            throw new ShapeException("image normalizer", "mean " + mean.spec() + " and std " + std.spec() + ", expected both [1,D]");
        }
    }

    /** Embeddings [n,D] to zero mean and unit variance. */
    public Tensor scale(Tensor e) {
        return Ops.div(Ops.sub(e, mean), std);
    }

    /** The inverse of {@link #scale}. */
    public Tensor unscale(Tensor e) {
        return Ops.add(Ops.mul(e, std), mean);
    }

    /**
     * Class labels [n,2D]: the embedding with the noise of a level, then the level's sinusoids.
     *
     * @param embeddings [n,D]
     * @param noise standard normal numbers [n,D]
     */
    public Tensor classLabels(Tensor embeddings, int level, Tensor noise) {
        if (embeddings.rank() != 2 || embeddings.dim(1) != mean.dim(1) || !noise.shape().equals(embeddings.shape())) {
            throw new ShapeException("image embedding noise", "embeddings " + embeddings.spec() + " and noise " + noise.spec() + ", expected both [n,"
                    + mean.dim(1) + "]");
        }
        if (level < 0 || level >= schedule.length()) {
            throw new EngineException("noise_level " + level + ", expected 0 to " + (schedule.length() - 1));
        }
        int n = (int) embeddings.dim(0);
        int[] levels = new int[n];
        Arrays.fill(levels, level);
        double[] steps = new double[n];
        Arrays.fill(steps, level);
        Tensor noisy = unscale(schedule.addNoise(scale(embeddings), noise, levels));
        return Ops.concat(1, noisy, Ops.cast(Sinusoids.of(steps, (int) embeddings.dim(1), true, 0), embeddings.dtype()));
    }
}
