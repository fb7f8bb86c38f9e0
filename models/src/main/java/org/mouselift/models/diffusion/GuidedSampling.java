package org.mouselift.models.diffusion;

import java.util.function.Supplier;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tape;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.nn.Placement;
import org.mouselift.models.unet.UNetMV2DConditionModel;

/**
 * Latents of all views from noise, with classifier-free guidance (multi-view diffusion specification §3.2 steps 6 to 8): without
 * guidance (scale exactly 1) the network runs once a step, else also without conditions: zero reference latents and zero class
 * labels, the same prompts, these rows first. Validation during training and sampling from a pipeline folder both run this.
 *
 * @param sampler steps
 * @param guidance scale
 */
public record GuidedSampling(DiffusionSampler sampler, double guidance) {
    /**
     * What the latents are conditioned on.
     *
     * @param prompts [N,T,D]
     * @param classLabels [N,E] or null
     * @param reference scaled latents of the input picture [N,C,h,w]
     */
    public record Conditions(Tensor prompts, Tensor classLabels, Tensor reference) {}

    /** Watches a sampling; tensors are those of the sampling and gone after the call. */
    public interface Listener {
        /** What the network is given in every step: with guidance the unconditional rows come first. */
        default void conditions(Conditions given) {}

        /** Before step number {@code index} from 0; an exception ends the sampling. */
        default void before(int index) {}

        /**
         * After a step.
         *
         * @param prediction raw output of the network, unconditional rows first where there are such; null unless
         *     {@link #readsSteps}
         * @param latents after the step; null unless {@link #readsSteps}
         */
        default void after(int index, int timestep, Tensor prediction, Tensor latents) {}

        /** False if {@link #after} looks at no tensor, which on a device then stay there. */
        default boolean readsSteps() {
            return true;
        }

        /** Nothing. */
        Listener NONE = new Listener() {
            @Override
            public boolean readsSteps() {
                return false;
            }
        };
    }

    /**
     * Samples; nothing is recorded for a backward pass.
     *
     * @param initial standard normal latents [N,C,h,w]
     * @param noise draws standard normal numbers of the latents' shape, once for each step that needs them
     * @return latents [N,C,h,w] in the current scope
     */
    public Tensor run(UNetMV2DConditionModel unet, Conditions conditions, Tensor initial, Supplier<Tensor> noise, Listener listener) {
        return Tape.pause(() -> Scope.keeping("guided sampling", () -> {
            Conditions given = guided() ? withUnconditional(conditions) : conditions;
            listener.conditions(given);
            int[] timesteps = sampler.timesteps();
            // Hooks see values only where each step is a call of its own.
            if (Placement.current() != null && !unet.isListenedTo()) {
                return SamplingProgram.of(unet, given, initial, guidance, listener.readsSteps()).run(sampler, given, initial, noise, listener);
            }
            Tensor latents = initial;
            for (int i = 0; i < timesteps.length; i++) {
                listener.before(i);
                Tensor before = latents;
                latents = step(unet, given, before, i, timesteps[i], noise, listener);
                if (before != initial) {
                    before.free();
                }
            }
            return latents;
        }));
    }

    private boolean guided() {
        return guidance != 1;
    }

    private static Conditions withUnconditional(Conditions c) {
        return new Conditions(twice(c.prompts), c.classLabels == null ? null : zerosBefore(c.classLabels), zerosBefore(c.reference));
    }

    private Tensor step(UNetMV2DConditionModel unet, Conditions given, Tensor latents, int index, int t, Supplier<Tensor> noise, Listener listener) {
        return Scope.keeping("sampling step", () -> {
            Tensor prediction = unet.predict(Ops.concat(1, guided() ? twice(latents) : latents, given.reference), new long[] {t}, given.prompts, given.classLabels);
            Tensor next = sampler.step(joined(prediction, latents.dim(0), guidance), t, latents, sampler.drawsNoise(t) ? noise.get() : null).latents();
            if (listener.readsSteps()) {
                listener.after(index, t, prediction, next);
            } else {
                listener.after(index, t, null, null);
            }
            return next;
        });
    }

    /** The guided prediction of n rows: {@code without + guidance (with - without)}; the prediction itself without guidance. */
    static Tensor joined(Tensor prediction, long n, double guidance) {
        if (prediction.dim(0) == n) {
            return prediction;
        }
        Tensor without = Ops.slice(prediction, 0, 0, n);
        Tensor with = Ops.slice(prediction, 0, n, 2 * n);
        return Ops.add(without, Ops.affine(Ops.sub(with, without), guidance, 0));
    }

    static Tensor twice(Tensor x) {
        return Ops.concat(0, x, x);
    }

    private static Tensor zerosBefore(Tensor x) {
        return Ops.concat(0, Ops.fill(x.spec(), 0), x);
    }
}
