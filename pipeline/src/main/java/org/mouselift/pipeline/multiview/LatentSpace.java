package org.mouselift.pipeline.multiview;

import java.util.ArrayList;
import java.util.List;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tensor;
import org.mouselift.models.vae.AutoencoderKL;
import org.mouselift.models.vae.LatentDistribution;
import org.mouselift.pipeline.checkpoint.MappedWeights;

/**
 * What is diffused: latents of an autoencoder, or, without one, the pictures themselves as numbers in [-1,1].
 *
 * @param autoencoder null to diffuse pictures; closed with this
 * @param file the mapped weights that the autoencoder computes with, closed with this; null where it has memory of its own
 */
public record LatentSpace(AutoencoderKL autoencoder, MappedWeights file) implements AutoCloseable {
    /** With an autoencoder that has memory of its own, or null. */
    public LatentSpace(AutoencoderKL autoencoder) {
        this(autoencoder, null);
    }

    /** Channels of a latent. */
    public int channels() {
        return autoencoder == null ? 3 : autoencoder.config().latentChannels();
    }

    /** Side of the latents of square pictures. */
    public int side(int pictureSize) {
        return pictureSize / factor();
    }

    /** Picture pixels along a side of a latent pixel. */
    public int factor() {
        return autoencoder == null ? 1 : autoencoder.config().factor();
    }

    /** Latents times this have about unit variance. */
    public double scale() {
        return autoencoder == null ? 1 : autoencoder.config().scalingFactor();
    }

    /** Channels of {@link #moments}: means and log variances, or means alone. */
    public int momentChannels() {
        return autoencoder == null ? 3 : 2 * channels();
    }

    /** Distribution of the latents of one picture [3,s,s] in [0,1], before scaling: [channels, h, w] flat. */
    public float[] moments(float[] picture, int size) {
        try (Scope scope = Scope.open("encoding")) {
            return encoded(picture, size, size).toFloats();
        }
    }

    private Tensor encoded(float[] picture, int height, int width) {
        Tensor x = Ops.affine(Tensor.of(picture, 1, 3, height, width), 2, -1);
        return autoencoder == null ? x : autoencoder.encode(x).moments();
    }

    /** Unscaled mean latents [1,C,h,w] of one picture [3,height,width] in [0,1], in the current scope. */
    public Tensor mean(float[] picture, int height, int width) {
        return Scope.keeping("encoding", () -> Ops.contiguous(Ops.slice(encoded(picture, height, width), 1, 0, channels())));
    }

    /** Unscaled mean latents, from {@link #moments}. */
    public float[] mean(float[] moments) {
        return java.util.Arrays.copyOf(moments, moments.length / momentChannels() * channels());
    }

    /** Unscaled latents drawn from {@link #moments} with standard normal numbers; pictures have no spread. */
    public float[] sample(float[] moments, int side, java.util.function.DoubleSupplier normal) {
        if (autoencoder == null) {
            return moments;
        }
        try (Scope scope = Scope.open("drawing latents")) {
            float[] z = new float[moments.length / 2];
            for (int i = 0; i < z.length; i++) {
                z[i] = (float) normal.getAsDouble();
            }
            return new LatentDistribution(Tensor.of(moments, 1, momentChannels(), side, side)).sample(Tensor.of(z, 1, channels(), side, side)).toFloats();
        }
    }

    /** Pictures [N,3,s,s] in [0,1] of scaled latents, one by one to bound the memory. */
    public Tensor decode(Tensor latents) {
        List<Tensor> out = new ArrayList<>();
        for (long i = 0; i < latents.dim(0); i++) {
            Tensor one = Ops.affine(Ops.contiguous(Ops.slice(latents, 0, i, i + 1)), 1 / scale(), 0);
            out.add(Scope.keeping("decoding", () -> Ops.clamp(Ops.affine(autoencoder == null ? one : autoencoder.decode(one), 0.5, 0.5), 0, 1)));
        }
        return Ops.concat(0, out);
    }

    /** Gives back the physical memory of mapped weights until they are used again. */
    public void release() {
        if (file != null) {
            file.release();
        }
    }

    @Override
    public void close() {
        if (autoencoder != null) {
            autoencoder.close();
        }
        if (file != null) {
            file.close();
        }
    }
}
