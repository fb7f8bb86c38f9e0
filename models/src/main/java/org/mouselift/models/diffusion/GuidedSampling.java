package org.mouselift.models.diffusion;

import java.util.function.Function;
import java.util.function.Supplier;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tape;
import org.mouselift.engine.Tensor;
import org.mouselift.models.unet.UNetMV2DConditionModel;

/**
 * Latents of all views from noise, with classifier-free guidance (multi-view diffusion specification §3.2 steps 6 to 8): without
 * guidance (scale exactly 1) the network runs once a step, else also without conditions: zero reference latents and zero class
 * labels, the same prompts, these rows first.
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

    /**
     * Samples.
     *
     * @param initial standard normal latents [N,C,h,w]
     * @param noise draws standard normal numbers of the latents' shape, once for each step that needs them
     * @return latents [N,C,h,w] in the current scope
     */
    public Tensor run(UNetMV2DConditionModel unet, Conditions c, Tensor initial, Supplier<Tensor> noise) {
        return Tape.pause(() -> {
            boolean guided = guidance != 1;
            Tensor prompts = guided ? twice(c.prompts) : c.prompts;
            Tensor classes = c.classLabels == null ? null : guided ? zerosBefore(c.classLabels) : c.classLabels;
            Tensor reference = guided ? zerosBefore(c.reference) : c.reference;
            Scope outer = Scope.current();
            Tensor latents = initial;
            for (int t : sampler.timesteps()) {
                Tensor before = latents;
                latents = kept(outer, x -> {
                    Tensor input = Ops.concat(1, guided ? twice(x) : x, reference);
                    Tensor prediction = unet.predict(input, new long[] {t}, prompts, classes);
                    if (guided) {
                        long n = x.dim(0);
                        Tensor without = Ops.slice(prediction, 0, 0, n);
                        Tensor with = Ops.slice(prediction, 0, n, 2 * n);
                        prediction = Ops.add(without, Ops.affine(Ops.sub(with, without), guidance, 0));
                    }
                    return sampler.step(prediction, t, x, sampler.drawsNoise(t) ? noise.get() : null).latents();
                }, before);
                if (before != initial) {
                    before.free();
                }
            }
            return latents;
        });
    }

    private static Tensor kept(Scope outer, Function<Tensor, Tensor> body, Tensor x) {
        try (Scope step = Scope.open("sampling step")) {
            return body.apply(x).moveTo(outer);
        }
    }

    private static Tensor twice(Tensor x) {
        return Ops.concat(0, x, x);
    }

    private static Tensor zerosBefore(Tensor x) {
        return Ops.concat(0, Ops.fill(x.spec(), 0), x);
    }
}
