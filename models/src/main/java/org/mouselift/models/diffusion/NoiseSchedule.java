package org.mouselift.models.diffusion;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import org.mouselift.engine.EngineException;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Tensor;
import org.mouselift.models.nn.ConfigKeys;

/**
 * How much of a clean sample is left at every step of the diffusion process, and what the network predicts (multi-view
 * diffusion specification §3.3), by the keys of {@code scheduler_config.json}.
 *
 * @param alphasCumprod products of (1 - beta) up to each training step, decreasing
 * @param betas share of noise added by each training step
 * @param prediction what the network predicts
 * @param spacing which training steps a shorter sampling visits
 * @param stepsOffset added to the visited steps by leading spacing
 * @param finalAlpha the product used for a step before the first
 */
public record NoiseSchedule(float[] alphasCumprod, float[] betas, Prediction prediction, Spacing spacing, int stepsOffset, float finalAlpha) {
    /** What a diffusion network predicts. */
    public enum Prediction {
        /** The noise. */
        EPSILON,
        /** {@code sqrt(abar) noise - sqrt(1 - abar) sample} (Salimans and Ho 2022). */
        V_PREDICTION,
        /** The clean sample. */
        SAMPLE
    }

    /** Which training steps a sampling visits. */
    public enum Spacing { LEADING, TRAILING, LINSPACE }

    /** {@code scheduler_config.json} of Stable unCLIP 2.1: scaled linear 0.00085 to 0.012, velocities. */
    public static final Map<String, Object> STANDARD = standardKeys();

    private static final double LARGEST_BETA = 0.999;
    private static final Set<String> UNUSED = Set.of("skip_prk_steps", "clip_sample_range", "dynamic_thresholding_ratio", "sample_max_value", "variance_type");

    public NoiseSchedule {
        alphasCumprod = alphasCumprod.clone();
        betas = betas.clone();
    }

    /** Number of training steps. */
    public int length() {
        return alphasCumprod.length;
    }

    /** Product of (1 - beta) up to a training step. */
    public double alphaCumprod(int t) {
        if (t < 0 || t >= alphasCumprod.length) {
            throw new EngineException("diffusion step " + t + " is outside 0 … " + (alphasCumprod.length - 1) + "; were too many sampling steps asked for?");
        }
        return alphasCumprod[t];
    }

    @Override
    public float[] alphasCumprod() {
        return alphasCumprod.clone();
    }

    @Override
    public float[] betas() {
        return betas.clone();
    }

    /**
     * Reads {@code scheduler_config.json}. The class name in it is not decisive; the same file serves training and sampling.
     *
     * @param clips whether {@code clip_sample} may be true (for a schedule that only adds noise)
     * @param source label for messages
     */
    public static NoiseSchedule of(Map<String, ?> json, boolean clips, String source) {
        ConfigKeys keys = new ConfigKeys(json, source, UNUSED);
        int steps = keys.integer("num_train_timesteps", 1000);
        double start = keys.number("beta_start", 0.0001);
        double end = keys.number("beta_end", 0.02);
        String kind = keys.text("beta_schedule", "linear");
        if (steps < 1 || !(start > 0 && start <= end && end < 1)) {
            throw keys.refuse("num_train_timesteps, beta_start, beta_end", steps + ", " + start + ", " + end, "a positive number and 0 < start <= end < 1");
        }
        float[] betas = switch (kind) {
            case "scaled_linear" -> squared(linspace((float) Math.sqrt(start), (float) Math.sqrt(end), steps));
            case "linear" -> linspace((float) start, (float) end, steps);
            case "squaredcos_cap_v2" -> cosine(steps);
            default -> throw keys.refuse("beta_schedule", kind, "scaled_linear, linear or squaredcos_cap_v2");
        };
        keys.only("trained_betas", "null");
        keys.only("thresholding", "false");
        keys.only("rescale_betas_zero_snr", "false");
        if (clips) {
            keys.truth("clip_sample", false);
        } else {
            keys.only("clip_sample", "false");
        }
        boolean one = keys.truth("set_alpha_to_one", true);
        Prediction prediction = switch (keys.text("prediction_type", "epsilon")) {
            case "epsilon" -> Prediction.EPSILON;
            case "v_prediction" -> Prediction.V_PREDICTION;
            case "sample" -> Prediction.SAMPLE;
            case String other -> throw keys.refuse("prediction_type", other, "epsilon, v_prediction or sample");
        };
        Spacing spacing = switch (keys.text("timestep_spacing", "leading")) {
            case "leading" -> Spacing.LEADING;
            case "trailing" -> Spacing.TRAILING;
            case "linspace" -> Spacing.LINSPACE;
            case String other -> throw keys.refuse("timestep_spacing", other, "leading, trailing or linspace");
        };
        int offset = keys.integer("steps_offset", 0);
        keys.finish();
        float[] products = products(betas);
        return new NoiseSchedule(products, betas, prediction, spacing, offset, one ? 1 : products[0]);
    }

    private static Map<String, Object> standardKeys() {
        Map<String, Object> keys = new LinkedHashMap<>();
        keys.put("_class_name", "DDIMScheduler");
        keys.put("num_train_timesteps", 1000);
        keys.put("beta_start", 0.00085);
        keys.put("beta_end", 0.012);
        keys.put("beta_schedule", "scaled_linear");
        keys.put("prediction_type", "v_prediction");
        keys.put("clip_sample", false);
        keys.put("set_alpha_to_one", false);
        keys.put("steps_offset", 1);
        return Collections.unmodifiableMap(keys);
    }

    /** The schedule of Stable unCLIP 2.1, {@link #STANDARD}. */
    public static NoiseSchedule standard() {
        return of(STANDARD, false, "standard schedule");
    }

    /** The schedule for image embeddings: squared cosine. */
    public static NoiseSchedule embeddings() {
        return of(Map.of("beta_schedule", "squaredcos_cap_v2"), true, "standard embedding schedule");
    }

    /** Another prediction with the same noise. */
    public NoiseSchedule with(Prediction other) {
        return new NoiseSchedule(alphasCumprod, betas, other, spacing, stepsOffset, finalAlpha);
    }

    /** Another spacing of the sampling steps. */
    public NoiseSchedule with(Spacing other) {
        return new NoiseSchedule(alphasCumprod, betas, prediction, other, stepsOffset, finalAlpha);
    }

    /** float32 as the original framework computes it: from both ends to the middle. */
    private static float[] linspace(float from, float to, int n) {
        float[] out = new float[n];
        float step = n == 1 ? 0 : (to - from) / (n - 1);
        for (int i = 0; i < n; i++) {
            out[i] = i < n / 2 ? from + step * i : to - step * (n - 1 - i);
        }
        return out;
    }

    private static float[] squared(float[] x) {
        for (int i = 0; i < x.length; i++) {
            x[i] *= x[i];
        }
        return x;
    }

    private static float[] cosine(int n) {
        float[] out = new float[n];
        for (int i = 0; i < n; i++) {
            out[i] = (float) Math.min(1 - bar((i + 1) / (double) n) / bar(i / (double) n), LARGEST_BETA);
        }
        return out;
    }

    private static double bar(double t) {
        double c = Math.cos((t + 0.008) / 1.008 * Math.PI / 2);
        return c * c;
    }

    private static float[] products(float[] betas) {
        float[] out = new float[betas.length];
        double product = 1;
        for (int i = 0; i < betas.length; i++) {
            product *= 1f - betas[i];
            out[i] = (float) product;
        }
        return out;
    }

    /** Training steps that a sampling of some steps visits, noisiest first. */
    public int[] timesteps(int steps) {
        int n = length();
        if (steps < 1 || steps > n) {
            throw new EngineException(steps + " sampling steps, expected 1 to " + n);
        }
        int[] out = new int[steps];
        for (int k = 0; k < steps; k++) {
            out[k] = switch (spacing) {
                case LEADING -> (steps - 1 - k) * (n / steps) + stepsOffset;
                case TRAILING -> (int) Math.rint(n - k * ((double) n / steps)) - 1;
                case LINSPACE -> (int) Math.rint((n - 1) * (steps == 1 ? 0.0 : (double) (steps - 1 - k) / (steps - 1)));
            };
        }
        return out;
    }

    /** Signal-to-noise ratio abar / (1 - abar) of a training step. */
    public double snr(int t) {
        double a = alphaCumprod(t);
        return a / (1 - a);
    }

    /**
     * Weight of a training step's loss (Hang et al. 2023, "Efficient Diffusion Training via Min-SNR Weighting").
     *
     * @param plusOne divides by SNR + 1, the rule of the paper for velocities; the original divides by SNR whatever it predicts
     */
    public double minSnrWeight(int t, double gamma, boolean plusOne) {
        double snr = snr(t);
        return Math.min(snr, gamma) / (plusOne ? snr + 1 : snr);
    }

    /**
     * Samples with the noise of given steps: {@code sqrt(abar) x + sqrt(1 - abar) noise}.
     *
     * @param x [N,…]
     * @param noise of x's shape
     * @param t one step per row
     */
    public Tensor addNoise(Tensor x, Tensor noise, int[] t) {
        return Ops.add(Ops.mul(rows(x, t, true), x), Ops.mul(rows(x, t, false), noise));
    }

    /** Velocities {@code sqrt(abar) noise - sqrt(1 - abar) x}; operands as for {@link #addNoise}. */
    public Tensor velocity(Tensor x, Tensor noise, int[] t) {
        return Ops.sub(Ops.mul(rows(x, t, true), noise), Ops.mul(rows(x, t, false), x));
    }

    /** sqrt(abar) or sqrt(1 - abar) of the rows' steps, as [N,1,…]. */
    Tensor rows(Tensor x, int[] t, boolean signal) {
        if (t.length != x.dim(0)) {
            throw new EngineException(t.length + " diffusion steps for " + x.spec());
        }
        double[] factors = new double[t.length];
        for (int i = 0; i < t.length; i++) {
            double a = alphaCumprod(t[i]);
            factors[i] = Math.sqrt(signal ? a : 1 - a);
        }
        long[] shape = new long[x.rank()];
        java.util.Arrays.fill(shape, 1);
        shape[0] = t.length;
        return Ops.cast(Tensor.of(factors, shape), x.dtype());
    }
}
