package org.mouselift.tornado;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.function.IntFunction;
import org.junit.jupiter.api.Test;
import org.mouselift.engine.DType;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tape;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.device.Device;
import org.mouselift.engine.nn.Placement;
import org.mouselift.models.diffusion.DiffusionObjective;
import org.mouselift.models.diffusion.DiffusionSampler;
import org.mouselift.models.diffusion.ExponentialMovingAverage;
import org.mouselift.models.diffusion.GuidedSampling;
import org.mouselift.models.diffusion.NoiseSchedule;
import org.mouselift.models.gslrm.GsLrm;
import org.mouselift.models.gslrm.GsLrmConfig;
import org.mouselift.models.gslrm.GsLrmOutput;
import org.mouselift.models.gslrm.ViewRenderer;
import org.mouselift.models.losses.LossConfig;
import org.mouselift.models.losses.LossReport;
import org.mouselift.models.losses.LossWeights;
import org.mouselift.models.losses.ReconstructionLoss;
import org.mouselift.models.optim.AdamW;
import org.mouselift.models.optim.GradientRules;
import org.mouselift.models.optim.Muon;
import org.mouselift.models.optim.Optimizer;
import org.mouselift.models.optim.TrainingStep;
import org.mouselift.models.unet.UNetConfig;
import org.mouselift.models.unet.UNetMV2DConditionModel;

/** Training steps and sampling loops of small models of the real architectures as programs of a device, against the CPU. */
class TrainingOnDeviceTest {
    private static final int VIEWS = 2;
    private static final int PASSES = 10;
    /** Of losses and norms, relative; rounding is amplified by the division by sqrt(v) in the first updates. */
    private static final double TOLERANCE = 2e-3;

    private static Tensor random(long seed, long... dims) {
        return DeviceUnderTest.random(DType.F32, seed, dims);
    }

    private record FunctionPass(Object kind, List<Tensor> operands, Function<List<Tensor>, TrainingStep.Outcome> body) implements TrainingStep.Pass {
        @Override
        public TrainingStep.Outcome compute(List<Tensor> in) {
            return body.apply(in);
        }
    }

    /** A model in training: state to compare, and passes. */
    private record Training(Map<String, Tensor> weights, Optimizer optimiser, TrainingStep step, IntFunction<TrainingStep.Pass> pass) {
        double[][] run(int from, int to) {
            double[][] out = new double[to - from][];
            for (int i = from; i < to; i++) {
                try (Scope scope = Scope.open("pass")) {
                    TrainingStep.Result r = step.pass(pass.apply(i), weights, values -> { });
                    out[i - from] = new double[] {r.loss(), r.gradientNorm()};
                }
            }
            return out;
        }
    }

    private static void compare(double[][] here, double[][] there, Training a, Training b) {
        for (int i = 0; i < here.length; i++) {
            for (int k = 0; k < 2; k++) {
                boolean same = Double.isNaN(here[i][k]) && Double.isNaN(there[i][k]) || Math.abs(here[i][k] - there[i][k]) <= TOLERANCE * Math.abs(here[i][k]);
                assertTrue(same, (k == 0 ? "loss" : "norm") + " of pass " + i + ": " + here[i][k] + " here, " + there[i][k] + " there");
            }
        }
        assertTrue(here[here.length - 1][0] < here[0][0], "no learning: " + here[0][0] + " to " + here[here.length - 1][0]);
        a.weights.forEach((name, p) -> {
            double[] x = p.toDoubles();
            double[] y = b.weights.get(name).toDoubles();
            double size = 0;
            double difference = 0;
            for (int i = 0; i < x.length; i++) {
                size += x[i] * x[i];
                difference += (x[i] - y[i]) * (x[i] - y[i]);
            }
            assertTrue(Math.sqrt(difference) <= 2e-2 * Math.sqrt(size) + 1e-4, name + ": differs by " + Math.sqrt(difference) + " where the norm is " + Math.sqrt(size));
        });
    }

    // ---- GS-LRM --------------------------------------------------------------------------------------------------

    private static GsLrm reconstructor() {
        GsLrm model = GsLrm.initialised(GsLrmConfig.published().withSize(32, 16, 2), DType.F32, 3);
        Tape.pause(() -> {
            model.stateDict().forEach((name, p) -> Ops.assign(p, Ops.affine(p, p.rank() == 1 ? 1 : 3, 0)));
            return null;
        });
        return model;
    }

    private static Training training(GsLrm model, AdamW optimiser, TrainingStep step) {
        LossConfig config = LossConfig.of(new LossWeights(1, 0, 0, 0.2, 0, 0.05, 0.1)).withMasks(true, true);
        ReconstructionLoss loss = new ReconstructionLoss(config, null, null);
        float[] pose = {1, 0, 0, 0.1f, 0, 0, -1, -2.7f, 0, 1, 0, 0.2f, 0, 0, 0, 1, 0, 0, 1, 2.7f, 0, 1, 0, 0.1f, -1, 0, 0, 0.2f, 0, 0, 0, 1};
        return new Training(model.stateDict(), optimiser, step, i -> {
            Tensor rgb = Ops.sigmoid(random(i % 2, 1, VIEWS, 3, 16, 24));
            Tensor alpha = Ops.cast(Ops.compare(org.mouselift.engine.op.Compare.Kind.GT, random(9, 1, VIEWS, 1, 16, 24), Ops.fill(org.mouselift.engine.TensorSpec.of(DType.F32), 0)),
                    DType.F32);
            List<Tensor> operands = List.of(Ops.concat(2, rgb, alpha), Tensor.of(pose, 1, VIEWS, 4, 4), Tensor.of(new float[] {20, 21, 12, 8, 20, 21, 12, 8}, 1, VIEWS, 4));
            return new FunctionPass("gslrm", operands, in -> {
                GsLrmOutput out = model.reconstruct(in.get(0), in.get(1), in.get(2));
                Tensor render = ViewRenderer.render(out.gaussians(), in.get(1), in.get(2), 16, 24, 1);
                LossReport report = loss.evaluate(0, render, in.get(0), new ReconstructionLoss.Geometry(out.pixelAlignedXyz(), out.rays().origin(), out.rays().direction()));
                return new TrainingStep.Outcome(report.total(), report.values());
            });
        });
    }

    @Test
    void reconstructorLearnsAsOnTheCpuAndMovesBetweenThem() {
        try (Scope scope = Scope.open("test"); GsLrm here = reconstructor(); GsLrm there = reconstructor();
                AdamW a = new AdamW(here.stateDict(), AdamW.Options.GS_LRM); AdamW b = new AdamW(there.stateDict(), AdamW.Options.GS_LRM);
                TrainingStep s = new TrainingStep(a, i -> 1e-3, GradientRules.DEFAULT, 1); TrainingStep t = new TrainingStep(b, i -> 1e-3, GradientRules.DEFAULT, 1);
                Device device = DeviceUnderTest.open()) {
            Training onCpu = training(here, a, s);
            Training onDevice = training(there, b, t);
            double[][] expected = onCpu.run(0, PASSES);
            double[][] got = new double[PASSES][];
            try (Placement placement = new Placement(device)) {
                double[][] first = placement.during(() -> onDevice.run(0, PASSES - 2));
                System.arraycopy(first, 0, got, 0, first.length);
                assertTrue(device.allocatedBytes() > 0);
                // The last passes on the CPU continue from what the device has.
                System.arraycopy(onDevice.run(PASSES - 2, PASSES), 0, got, PASSES - 2, 2);
                assertEquals(PASSES - 2, placement.calls());
            }
            compare(expected, got, onCpu, onDevice);
            t.close();
            assertEquals(0, device.allocatedBytes());
        }
    }

    /** Losses that are no numbers and gradients that are too large are left out by the device itself. */
    @Test
    void badPassesAreLeftOutThere() {
        try (Scope scope = Scope.open("test"); Device device = DeviceUnderTest.open(); Placement placement = new Placement(device)) {
            Tensor w = random(1, 5, 4).requiresGrad(true).named("w");
            Map<String, Tensor> weights = Map.of("w", w);
            try (AdamW optimiser = new AdamW(weights, AdamW.Options.GS_LRM); TrainingStep step = new TrainingStep(optimiser, i -> 0.1, GradientRules.DEFAULT, 1)) {
                Map<Double, TrainingStep.Skip> expected = new LinkedHashMap<>(Map.of(1.0, TrainingStep.Skip.NONE));
                expected.put(1e6, TrainingStep.Skip.GRADIENT_NORM);
                expected.put(Double.NaN, TrainingStep.Skip.NON_FINITE_LOSS);
                expected.put(Double.POSITIVE_INFINITY, TrainingStep.Skip.NON_FINITE_LOSS);
                expected.put(0.5, TrainingStep.Skip.NONE);
                expected.forEach((scale, skip) -> {
                    double[] before = w.toDoubles();
                    double[] moments = optimiser.secondMoment("w").toDoubles();
                    TrainingStep.Result r = placement.during(() -> step.pass(new FunctionPass("p", List.of(random(2, 3, 4), Tensor.scalar(DType.F32, scale)),
                            in -> new TrainingStep.Outcome(Ops.mul(Ops.mean(Ops.square(Ops.linear(in.get(0), w))), in.get(1)), Map.of())), weights, v -> { }));
                    assertEquals(skip, r.skip(), "a loss times " + scale + " gave " + r);
                    assertEquals(skip != TrainingStep.Skip.NONE, java.util.Arrays.equals(before, w.toDoubles()), "weights after " + scale);
                    assertEquals(skip != TrainingStep.Skip.NONE, java.util.Arrays.equals(moments, optimiser.secondMoment("w").toDoubles()), "moments after " + scale);
                });
                assertEquals(2, step.updates());
            }
        }
    }

    // ---- UNet ----------------------------------------------------------------------------------------------------

    private static UNetMV2DConditionModel unet() {
        Map<String, Object> keys = new LinkedHashMap<>(Map.of("in_channels", 8, "block_out_channels", List.of(8, 16), "layers_per_block", 1, "norm_num_groups", 4,
                "cross_attention_dim", 6, "attention_head_dim", List.of(1, 2), "use_linear_projection", true, "num_views", VIEWS, "down_block_types",
                List.of("CrossAttnDownBlockMV2D", "DownBlock2D"), "up_block_types", List.of("UpBlock2D", "CrossAttnUpBlockMV2D")));
        keys.putAll(Map.of("class_embed_type", "projection", "projection_class_embeddings_input_dim", 5));
        return UNetMV2DConditionModel.initialised(UNetConfig.of(keys, "small"), DType.F32, 11);
    }

    private static Training training(UNetMV2DConditionModel unet, Optimizer optimiser, TrainingStep step) {
        DiffusionObjective objective = new DiffusionObjective(NoiseSchedule.standard(), 0.1, false, 5, DiffusionObjective.Weighting.MIN_SNR_OVER_SNR);
        return new Training(unet.stateDict(), optimiser, step, i -> {
            DiffusionObjective.Prepared batch = objective.prepare(unet, new DiffusionObjective.Batch(random(1, VIEWS, 4, 6, 10), random(2, VIEWS, 4, 6, 10), random(3, VIEWS, 5),
                    random(4, VIEWS, 7, 6), random(5 + i % 2, VIEWS, 4, 6, 10), new int[] {300 + 200 * (i % 2)}, new float[] {i == 3 ? 0.15f : 0.9f}));
            List<Tensor> operands = new ArrayList<>(batch.tensors());
            operands.add(batch.prompts());
            return new FunctionPass("unet", operands, in -> new TrainingStep.Outcome(objective.evaluate(unet, batch.with(in.subList(0, in.size() - 1), in.getLast())).loss(), Map.of()));
        });
    }

    @Test
    void denoiserLearnsAsOnTheCpuWithItsAverages() {
        ExponentialMovingAverage.Options options = new ExponentialMovingAverage.Options(0.9, 0, 0, false, 1, 2.0 / 3);
        GradientRules rules = GradientRules.clipOnly(1);
        try (Scope scope = Scope.open("test"); UNetMV2DConditionModel here = unet(); UNetMV2DConditionModel there = unet();
                AdamW a = new AdamW(here.stateDict(), AdamW.Options.GS_LRM, n -> n.contains("class_embedding") ? 10 : 1);
                AdamW b = new AdamW(there.stateDict(), AdamW.Options.GS_LRM, n -> n.contains("class_embedding") ? 10 : 1);
                ExponentialMovingAverage first = new ExponentialMovingAverage(here.stateDict(), options);
                ExponentialMovingAverage second = new ExponentialMovingAverage(there.stateDict(), options);
                TrainingStep s = new TrainingStep(a, i -> 2e-3, rules, 2); TrainingStep t = new TrainingStep(b, i -> 2e-3, rules, 2);
                Device device = DeviceUnderTest.open(); Placement placement = new Placement(device)) {
            t.follow(new TrainingStep.Follower(second.shadows(), second::share, second::move));
            Training onCpu = training(here, a, s);
            Training onDevice = training(there, b, t);
            double[][] expected = new double[PASSES][];
            double[][] got = new double[PASSES][];
            for (int i = 0; i < PASSES; i++) {
                int k = i;
                expected[i] = onCpu.run(i, i + 1)[0];
                got[i] = placement.during(() -> onDevice.run(k, k + 1))[0];
                if (i % 2 == 1) {
                    first.update();
                    second.updates(second.updates() + 1);
                }
            }
            compare(expected, got, onCpu, onDevice);
            first.shadows().forEach((name, x) -> DeviceUnderTest.compare("average of " + name, x, second.shadows().get(name), 5e-3));
            t.close();
            assertEquals(0, device.allocatedBytes());
        }
    }

    private static Muon muon(UNetMV2DConditionModel unet) {
        return new Muon(unet.stateDict(), name -> name.matches("(down_blocks|mid_block|up_blocks)\\..*"), name -> name.endsWith(".ff.net.0.proj.weight") ? 2 : 1, Muon.Options.STANDARD,
                rest -> new AdamW(rest, AdamW.Options.GS_LRM, n -> n.contains("class_embedding") ? 10 : 1));
    }

    /** Matrices and kernels inside the network move by Muon, as in the published trainings of mice. */
    @Test
    void denoiserLearnsWithMuonAsOnTheCpu() {
        GradientRules rules = GradientRules.clipOnly(1);
        try (Scope scope = Scope.open("test"); UNetMV2DConditionModel here = unet(); UNetMV2DConditionModel there = unet(); Muon a = muon(here); Muon b = muon(there);
                TrainingStep s = new TrainingStep(a, i -> 2e-3, rules, 1); TrainingStep t = new TrainingStep(b, i -> 2e-3, rules, 1);
                Device device = DeviceUnderTest.open(); Placement placement = new Placement(device)) {
            Training onCpu = training(here, a, s);
            Training onDevice = training(there, b, t);
            double[][] expected = onCpu.run(0, PASSES);
            double[][] got = placement.during(() -> onDevice.run(0, PASSES));
            compare(expected, got, onCpu, onDevice);
            assertTrue(b.parameters().size() - b.secondMoments().size() > 20, "Muon has " + (b.parameters().size() - b.secondMoments().size()) + " matrices");
            a.firstMoments().forEach((name, m) -> DeviceUnderTest.compare("momentum of " + name, m, b.firstMoments().get(name), 1e-3));
            assertEquals(PASSES, b.updates());
            t.close();
            assertEquals(0, device.allocatedBytes());
        }
    }

    // ---- sampling ------------------------------------------------------------------------------------------------

    @Test
    void samplingLoopStaysOnTheDevice() {
        try (Scope scope = Scope.open("test"); UNetMV2DConditionModel unet = unet(); Device device = DeviceUnderTest.open(); Placement placement = new Placement(device)) {
            GuidedSampling.Conditions c = new GuidedSampling.Conditions(random(4, VIEWS, 7, 6), random(3, VIEWS, 5), random(2, VIEWS, 4, 6, 10));
            GuidedSampling.Conditions other = new GuidedSampling.Conditions(random(14, VIEWS, 7, 6), random(13, VIEWS, 5), random(12, VIEWS, 4, 6, 10));
            Tensor initial = random(1, VIEWS, 4, 6, 10);
            for (double eta : new double[] {0, 1}) {
                GuidedSampling sampling = new GuidedSampling(new DiffusionSampler(NoiseSchedule.standard(), DiffusionSampler.Kind.DDIM, eta, 4), 3);
                for (GuidedSampling.Conditions conditions : List.of(c, other)) {
                    Tensor here = sampling.run(unet, conditions, initial, () -> random(77, VIEWS, 4, 6, 10), GuidedSampling.Listener.NONE);
                    Tensor there = placement.during(() -> sampling.run(unet, conditions, initial, () -> random(77, VIEWS, 4, 6, 10), GuidedSampling.Listener.NONE));
                    DeviceUnderTest.compare("eta " + eta, here, there, 2e-4);
                }
            }
            // Photo after photo with the same programs: one without noise, one with.
            assertEquals(16, placement.calls());
            List<double[]> seen = new ArrayList<>();
            GuidedSampling sampling = new GuidedSampling(new DiffusionSampler(NoiseSchedule.standard(), DiffusionSampler.Kind.DDPM, 0, 3), 1);
            GuidedSampling.Listener watch = new GuidedSampling.Listener() {
                @Override
                public void after(int index, int timestep, Tensor prediction, Tensor latents) {
                    seen.add(prediction.toDoubles());
                    seen.add(latents.toDoubles());
                }
            };
            sampling.run(unet, c, initial, () -> random(78, VIEWS, 4, 6, 10), watch);
            placement.during(() -> sampling.run(unet, c, initial, () -> random(78, VIEWS, 4, 6, 10), watch));
            assertEquals(12, seen.size());
            for (int i = 0; i < 6; i++) {
                org.junit.jupiter.api.Assertions.assertArrayEquals(seen.get(i), seen.get(6 + i), 2e-3, "step " + i / 2);
            }
            assertFalse(device.allocatedBytes() == 0);
            placement.close();
            assertEquals(0, device.allocatedBytes());
        }
    }
}
