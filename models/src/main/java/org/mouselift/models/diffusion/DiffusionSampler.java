package org.mouselift.models.diffusion;

import org.mouselift.engine.DType;
import org.mouselift.engine.EngineException;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tape;
import org.mouselift.engine.Tensor;

/**
 * Steps of a sampling from noise to a sample (multi-view diffusion specification §3.3): DDIM (Song et al. 2021, "Denoising Diffusion
 * Implicit Models") with any eta, or DDPM (Ho et al. 2020) ancestral sampling.
 *
 * @param schedule noise of the training steps
 * @param kind rule
 * @param eta share of the ancestral noise that a DDIM step adds, 0 to 1; DDPM ignores it
 * @param steps number of sampling steps
 */
public record DiffusionSampler(NoiseSchedule schedule, Kind kind, double eta, int steps) {
    /** Sampling rules. */
    public enum Kind { DDIM, DDPM }

    private static final double SMALLEST_VARIANCE = 1e-20;

    public DiffusionSampler {
        if (!(eta >= 0 && eta <= 1)) {
            throw new EngineException("eta " + eta + ", expected 0 to 1");
        }
        int noisiest = schedule.timesteps(steps)[0];
        if (noisiest >= schedule.length()) {
            throw new EngineException(steps + " sampling steps would begin at diffusion step " + noisiest + ", the last is " + (schedule.length() - 1) + ": take fewer");
        }
    }

    /** The latents after a step and the clean sample that the prediction implies. */
    public record Result(Tensor latents, Tensor cleanSample) {}

    /** Visited training steps, noisiest first. */
    public int[] timesteps() {
        return schedule.timesteps(steps);
    }

    /** True if a step at t draws noise. */
    public boolean drawsNoise(int t) {
        return kind == Kind.DDPM ? t > 0 : eta > 0;
    }

    /**
     * One step.
     *
     * @param prediction of the network, as the schedule says
     * @param latents before the step
     * @param noise standard normal numbers of the latents' shape; unused (may be null) unless {@link #drawsNoise}
     */
    public Result step(Tensor prediction, int t, Tensor latents, Tensor noise) {
        int previous = t - schedule.length() / steps;
        double a = schedule.alphaCumprod(t);
        double signal = Math.sqrt(a);
        double spread = Math.sqrt(1 - a);
        Tensor clean;
        Tensor epsilon;
        switch (schedule.prediction()) {
            case EPSILON -> {
                clean = Ops.add(Ops.affine(latents, 1 / signal, 0), Ops.affine(prediction, -spread / signal, 0));
                epsilon = prediction;
            }
            case SAMPLE -> {
                clean = prediction;
                epsilon = Ops.add(Ops.affine(latents, 1 / spread, 0), Ops.affine(prediction, -signal / spread, 0));
            }
            default -> {
                clean = Ops.add(Ops.affine(latents, signal, 0), Ops.affine(prediction, -spread, 0));
                epsilon = Ops.add(Ops.affine(prediction, signal, 0), Ops.affine(latents, spread, 0));
            }
        }
        return new Result(kind == Kind.DDIM ? implicit(a, previous, clean, epsilon, noise) : ancestral(a, t, previous, clean, latents, noise), clean);
    }

    /**
     * A step as a sum: factors of the prediction, the latents and the noise. Every rule here is linear in them.
     *
     * @return three numbers
     */
    public double[] factors(int t) {
        double[] out = new double[3];
        try (Scope scope = Scope.open("factors of a step")) {
            Tape.pause(() -> {
                for (int i = 0; i < out.length; i++) {
                    Tensor[] unit = new Tensor[out.length];
                    for (int k = 0; k < out.length; k++) {
                        unit[k] = Tensor.scalar(DType.F64, k == i ? 1 : 0);
                    }
                    out[i] = step(unit[0], t, unit[1], drawsNoise(t) ? unit[2] : null).latents().item();
                }
                return null;
            });
        }
        return out;
    }

    private Tensor implicit(double a, int previous, Tensor clean, Tensor epsilon, Tensor noise) {
        double p = previous >= 0 ? schedule.alphaCumprod(previous) : schedule.finalAlpha();
        double sigma = eta * Math.sqrt((1 - p) / (1 - a) * (1 - a / p));
        Tensor next = Ops.add(Ops.affine(clean, Math.sqrt(p), 0), Ops.affine(epsilon, Math.sqrt(Math.max(0, 1 - p - sigma * sigma)), 0));
        return eta > 0 ? Ops.add(next, Ops.affine(noise, sigma, 0)) : next;
    }

    private Tensor ancestral(double a, int t, int previous, Tensor clean, Tensor latents, Tensor noise) {
        double p = previous >= 0 ? schedule.alphaCumprod(previous) : 1;
        double step = a / p;
        double beta = 1 - step;
        Tensor mean = Ops.add(Ops.affine(clean, Math.sqrt(p) * beta / (1 - a), 0), Ops.affine(latents, Math.sqrt(step) * (1 - p) / (1 - a), 0));
        double variance = Math.max((1 - p) / (1 - a) * beta, SMALLEST_VARIANCE);
        return t > 0 ? Ops.add(mean, Ops.affine(noise, Math.sqrt(variance), 0)) : mean;
    }
}
