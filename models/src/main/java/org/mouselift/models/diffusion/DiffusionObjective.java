package org.mouselift.models.diffusion;

import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.mouselift.engine.DType;
import org.mouselift.engine.EngineException;
import org.mouselift.engine.Ops;
import org.mouselift.engine.ShapeException;
import org.mouselift.engine.Tensor;
import org.mouselift.models.unet.UNetMV2DConditionModel;

/**
 * The training loss of the multi-view UNet (multi-view diffusion specification §4.4): noise of one random step per object,
 * condition dropout for classifier-free guidance (Ho and Salimans 2022), squared error of the prediction weighted by the step.
 *
 * @param schedule noise and what the network predicts
 * @param dropRate p: class labels alone, both conditions, and reference latents alone are dropped with probability p each
 * @param dropPerView draws for every view instead of every object
 * @param snrGamma of the min-SNR weight; NaN for no weight
 * @param weighting rule of the weight
 */
public record DiffusionObjective(NoiseSchedule schedule, double dropRate, boolean dropPerView, double snrGamma, Weighting weighting) {
    /** Rules of the min-SNR weight. */
    public enum Weighting {
        /** min(SNR, gamma) / SNR, what the original does even for velocities. */
        MIN_SNR_OVER_SNR,
        /** min(SNR, gamma) / (SNR + 1), the rule of the literature for velocities. */
        MIN_SNR_OVER_SNR_PLUS_1
    }

    public DiffusionObjective {
        if (!(dropRate >= 0 && dropRate <= 1.0 / 3)) {
            throw new EngineException("condition_drop_rate " + dropRate + ", expected 0 to 1/3: three kinds of dropout have this rate each");
        }
        if (!(snrGamma > 0) && !Double.isNaN(snrGamma)) {
            throw new EngineException("snr_gamma " + snrGamma + ", expected a positive number or null");
        }
    }

    /**
     * What one pass learns from. N = objects x views, views of an object in a row.
     *
     * @param latents of the wanted views [N,C,h,w], scaled
     * @param reference latents of the reference picture for every view [N,C,h,w], scaled
     * @param classLabels [N,2E]; null for a network without class embedding
     * @param prompts [N,T,D]
     * @param noise standard normal [N,C,h,w]
     * @param timesteps one per object, or one per row
     * @param drop uniform numbers in [0,1) that decide the dropout, one per object (or row with {@link #dropPerView})
     */
    public record Batch(Tensor latents, Tensor reference, Tensor classLabels, Tensor prompts, Tensor noise, int[] timesteps, float[] drop) {}

    /**
     * The loss and what led to it.
     *
     * @param loss rank 0
     * @param perImage unweighted [N]
     * @param weights [N]
     */
    public record Report(Tensor loss, Tensor perImage, Tensor weights, Tensor noisy, Tensor reference, Tensor classLabels, Tensor prediction, Tensor target) {}

    /** 1 keeps, 0 drops: class labels, for uniform numbers. */
    public float[] keepsClass(float[] u) {
        float[] out = new float[u.length];
        for (int i = 0; i < u.length; i++) {
            out[i] = u[i] < 2 * dropRate ? 0 : 1;
        }
        return out;
    }

    /** 1 keeps, 0 drops: reference latents, for uniform numbers. */
    public float[] keepsReference(float[] u) {
        float[] out = new float[u.length];
        for (int i = 0; i < u.length; i++) {
            out[i] = u[i] >= dropRate && u[i] < 3 * dropRate ? 0 : 1;
        }
        return out;
    }

    /** The loss of a batch; recorded for the backward pass if a tape is open. */
    public Report evaluate(UNetMV2DConditionModel unet, Batch b) {
        return evaluate(unet, prepare(unet, b));
    }

    /**
     * A batch with its numbers as tensors, so that one program serves all steps and dropouts.
     *
     * @param signal sqrt(abar) of the rows [N,1,1,1]
     * @param spread sqrt(1 - abar) of the rows [N,1,1,1]
     * @param wave timestep embeddings [N,width]
     * @param keepReference 1 or 0 for every row [N,1,1,1]; null without dropout
     * @param keepClass 1 or 0 for every row [N,1]; null without dropout or class labels
     * @param weights of the rows' losses [N]
     */
    public record Prepared(Tensor latents, Tensor reference, Tensor classLabels, Tensor prompts, Tensor noise, Tensor signal, Tensor spread, Tensor wave,
            Tensor keepReference, Tensor keepClass, Tensor weights) {
        /** What is there of it, in order of the components; prompts, which may be weights, left out. */
        public List<Tensor> tensors() {
            return Stream.of(latents, reference, noise, signal, spread, wave, weights, classLabels, keepReference, keepClass).filter(Objects::nonNull).toList();
        }

        /** The same with other tensors of the same specs, and other prompts. */
        public Prepared with(List<Tensor> tensors, Tensor otherPrompts) {
            Iterator<Tensor> t = tensors.iterator();
            Tensor a = t.next();
            Tensor b = t.next();
            Tensor n = t.next();
            Tensor s = t.next();
            Tensor d = t.next();
            Tensor w = t.next();
            Tensor f = t.next();
            Tensor c = classLabels == null ? null : t.next();
            Tensor k = keepReference == null ? null : t.next();
            return new Prepared(a, b, c, otherPrompts, n, s, d, w, k, keepClass == null ? null : t.next(), f);
        }
    }

    /** Checks a batch and computes what depends on its steps and dropouts. */
    public Prepared prepare(UNetMV2DConditionModel unet, Batch b) {
        int n = (int) b.latents.dim(0);
        if (!b.reference.shape().equals(b.latents.shape()) || !b.noise.shape().equals(b.latents.shape())) {
            throw new ShapeException("diffusion objective", "latents " + b.latents.spec() + ", reference " + b.reference.spec() + " and noise " + b.noise.spec()
                    + " differ");
        }
        int[] t = repeated(b.timesteps, n);
        DType dtype = b.latents.dtype();
        Tensor keepReference = dropRate > 0 ? Ops.cast(Tensor.of(repeated(keepsReference(b.drop), n), n, 1, 1, 1), b.reference.dtype()) : null;
        Tensor keepClass = dropRate > 0 && b.classLabels != null ? Ops.cast(Tensor.of(repeated(keepsClass(b.drop), n), n, 1), b.classLabels.dtype()) : null;
        double[] w = new double[n];
        Arrays.setAll(w, i -> Double.isNaN(snrGamma) ? 1 : schedule.minSnrWeight(t[i], snrGamma, weighting == Weighting.MIN_SNR_OVER_SNR_PLUS_1));
        return new Prepared(b.latents, b.reference, b.classLabels, b.prompts, b.noise, schedule.rows(b.latents, t, true), schedule.rows(b.latents, t, false),
                unet.waves(Arrays.stream(t).asLongStream().toArray(), n), keepReference, keepClass, Ops.cast(Tensor.of(w, n), unet.dtype()));
    }

    /** The loss of a prepared batch, whose tensors may be symbolic. */
    public Report evaluate(UNetMV2DConditionModel unet, Prepared b) {
        int n = (int) b.latents.dim(0);
        Tensor reference = b.keepReference == null ? b.reference : Ops.mul(b.reference, b.keepReference);
        Tensor classLabels = b.keepClass == null ? b.classLabels : Ops.mul(b.classLabels, b.keepClass);
        Tensor noisy = Ops.add(Ops.mul(b.signal, b.latents), Ops.mul(b.spread, b.noise));
        Tensor target = switch (schedule.prediction()) {
            case EPSILON -> b.noise;
            case V_PREDICTION -> Ops.sub(Ops.mul(b.signal, b.noise), Ops.mul(b.spread, b.latents));
            case SAMPLE -> throw new EngineException("prediction_type sample cannot be trained: choose epsilon or v_prediction");
        };
        Tensor prediction = unet.predict(Ops.concat(1, noisy, reference), b.wave, b.prompts, classLabels);
        Tensor perImage = Ops.reshape(Ops.mean(Ops.square(Ops.sub(prediction, target)), false, 1, 2, 3), n);
        return new Report(Ops.mean(Ops.mul(perImage, b.weights)), perImage, b.weights, noisy, reference, classLabels, prediction, target);
    }

    private static int[] repeated(int[] x, int n) {
        int each = each(x.length, n);
        int[] out = new int[n];
        Arrays.setAll(out, i -> x[i / each]);
        return out;
    }

    private static float[] repeated(float[] x, int n) {
        int each = each(x.length, n);
        float[] out = new float[n];
        for (int i = 0; i < n; i++) {
            out[i] = x[i / each];
        }
        return out;
    }

    private static int each(int values, int n) {
        if (values == 0 || n % values != 0) {
            throw new EngineException(values + " numbers for " + n + " images: expected one per object or per image");
        }
        return n / values;
    }
}
