package org.mouselift.models.diffusion;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.mouselift.engine.EngineException;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.TensorSpec;
import org.mouselift.engine.nn.PlacedFunction;
import org.mouselift.engine.nn.Placement;
import org.mouselift.models.diffusion.GuidedSampling.Conditions;
import org.mouselift.models.diffusion.GuidedSampling.Listener;
import org.mouselift.models.unet.UNetMV2DConditionModel;

/**
 * One step of guided sampling as a program whose latents and conditions stay on the device: a step takes its timestep embedding, three
 * factors and, where the rule draws it, noise along, and brings nothing back unless somebody looks. Kept by the placement, so that
 * all photos of a run share it.
 */
final class SamplingProgram implements AutoCloseable {
    private record Key(UNetMV2DConditionModel unet, TensorSpec latents, TensorSpec prompts, TensorSpec classLabels, double guidance, boolean reads) {}

    private final UNetMV2DConditionModel unet;
    private final double guidance;
    private final Scope memory = Scope.detached("sampling on a device");
    private final Tensor latents;
    private final Tensor prompts;
    private final Tensor classLabels;
    private final Tensor reference;
    private final PlacedFunction step;

    private SamplingProgram(UNetMV2DConditionModel unet, Conditions given, Tensor initial, double guidance, boolean reads) {
        this.unet = unet;
        this.guidance = guidance;
        latents = same(initial);
        prompts = same(given.prompts());
        classLabels = given.classLabels() == null ? null : same(given.classLabels());
        reference = same(given.reference());
        Map<String, Tensor> weights = new LinkedHashMap<>(unet.stateDict());
        weights.put("sampling.latents", latents);
        weights.put("sampling.prompts", prompts);
        weights.put("sampling.reference", reference);
        if (classLabels != null) {
            weights.put("sampling.class_labels", classLabels);
        }
        step = new PlacedFunction("sampling step", weights, in -> step(in, reads));
    }

    private Tensor same(Tensor t) {
        return memory.run(() -> Tensor.empty(t.spec(), "sampling on a device"));
    }

    /** The program for a network and conditions of these specs, made when it is first asked for. */
    static SamplingProgram of(UNetMV2DConditionModel unet, Conditions given, Tensor initial, double guidance, boolean reads) {
        Key key = new Key(unet, initial.spec(), given.prompts().spec(), given.classLabels() == null ? null : given.classLabels().spec(), guidance, reads);
        return Placement.current().kept(key, SamplingProgram.class, () -> new SamplingProgram(unet, given, initial, guidance, reads));
    }

    /** Operands: timestep embeddings, factors [3] of prediction, latents and noise, and the noise if there is any. */
    private List<Tensor> step(List<Tensor> in, boolean reads) {
        long n = latents.dim(0);
        Tensor rows = reference.dim(0) == n ? latents : GuidedSampling.twice(latents);
        Tensor prediction = unet.predict(Ops.concat(1, rows, reference), in.get(0), prompts, classLabels);
        Tensor next = Ops.add(Ops.mul(GuidedSampling.joined(prediction, n, guidance), factor(in, 0)), Ops.mul(latents, factor(in, 1)));
        if (in.size() > 2) {
            next = Ops.add(next, Ops.mul(in.get(2), factor(in, 2)));
        }
        Ops.assign(latents, next);
        return reads ? List.of(prediction, Ops.copy(next)) : List.of();
    }

    private static Tensor factor(List<Tensor> in, int i) {
        return Ops.reshape(Ops.slice(in.get(1), 0, i, i + 1));
    }

    /** Samples; latents in the current scope. */
    Tensor run(DiffusionSampler sampler, Conditions given, Tensor initial, Supplier<Tensor> noise, Listener listener) {
        Ops.assign(latents, initial);
        Ops.assign(prompts, given.prompts());
        Ops.assign(reference, given.reference());
        if (classLabels != null) {
            Ops.assign(classLabels, given.classLabels());
        }
        int[] timesteps = sampler.timesteps();
        for (int i = 0; i < timesteps.length; i++) {
            listener.before(i);
            int t = timesteps[i];
            try (Scope scope = Scope.open("sampling step")) {
                double[] factors = sampler.factors(t);
                List<Tensor> in = new ArrayList<>(List.of(unet.waves(new long[] {t}, reference.dim(0)),
                        Tensor.of(new float[] {(float) factors[0], (float) factors[1], (float) factors[2]}, 3)));
                if (sampler.drawsNoise(t)) {
                    in.add(noise.get());
                }
                List<Tensor> out = step.apply(in);
                listener.after(i, t, out.isEmpty() ? null : out.get(0), out.isEmpty() ? null : out.get(1));
            }
        }
        long bad = Arrays.stream(latents.toDoubles()).filter(v -> !Double.isFinite(v)).count();
        if (bad > 0) {
            throw new EngineException("sampling: " + bad + " of " + latents.numel() + " numbers of the latents are NaN or infinite after " + timesteps.length
                    + " steps; check the photo, the prompts and the weights");
        }
        return Ops.copy(latents);
    }

    @Override
    public void close() {
        step.close();
        memory.close();
    }
}
