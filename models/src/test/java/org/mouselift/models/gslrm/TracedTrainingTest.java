package org.mouselift.models.gslrm;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.mouselift.engine.DType;
import org.mouselift.engine.Gradients;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tape;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.TensorSpec;
import org.mouselift.engine.trace.Program;
import org.mouselift.models.losses.LossConfig;
import org.mouselift.models.losses.LossReport;
import org.mouselift.models.losses.LossWeights;
import org.mouselift.models.losses.ReconstructionLoss;
import org.mouselift.models.optim.AdamW;

/** The whole reconstructor (rays, network, renderer, losses, gradients, AdamW) as one traced program. */
class TracedTrainingTest {
    private static final int S = ConformanceScene.SIDE;
    private static final LossConfig LOSSES = LossConfig.of(new LossWeights(1, 0, 0, 0.2, 0, 0.05, 0.1)).withMasks(true, true);

    /** image, c2w, intrinsics, learning numbers to loss and PSNR; updates the weights. */
    private static List<Tensor> step(GsLrm model, AdamW optimiser, List<Tensor> in) {
        try (Tape tape = Tape.open()) {
            GsLrmOutput out = model.reconstruct(Ops.slice(in.get(0), 1, 0, 2), Ops.slice(in.get(1), 1, 0, 2), Ops.slice(in.get(2), 1, 0, 2));
            Tensor render = ViewRenderer.render(out.gaussians(), in.get(1), in.get(2), S, S, 1);
            LossReport report = new ReconstructionLoss(LOSSES, null, null).evaluate(0, render, in.get(0),
                    new ReconstructionLoss.Geometry(out.pixelAlignedXyz(), out.rays().origin(), out.rays().direction()));
            Gradients g = tape.backward(report.total());
            Tensor one = Ops.fill(TensorSpec.of(DType.F64), 1);
            optimiser.update(g::ofOrNull, one, in.get(3));
            return List.of(report.total(), report.value("psnr"));
        }
    }

    @Test
    void equalsTheEagerStepBitForBit() {
        GsLrmConfig config = ConformanceScene.base();
        try (Scope scope = Scope.open("test"); GsLrm eager = ConformanceScene.model(config, DType.F32);
                GsLrm traced = ConformanceScene.model(config, DType.F32);
                AdamW eagerOptimiser = new AdamW(eager.stateDict(), AdamW.Options.GS_LRM);
                AdamW tracedOptimiser = new AdamW(traced.stateDict(), AdamW.Options.GS_LRM)) {
            Map<String, Tensor> weights = new LinkedHashMap<>(traced.stateDict());
            tracedOptimiser.state().forEach((name, t) -> weights.put("moments." + name, t));
            Tensor image = ConformanceScene.images(DType.F32, true);
            Tensor c2w = ConformanceScene.c2w(DType.F32);
            Tensor turned = Ops.contiguous(Ops.concat(1, Ops.slice(c2w, 1, 1, 3), Ops.slice(c2w, 1, 0, 1)));
            Tensor lenses = ConformanceScene.intrinsics(DType.F32);
            try (Program program = Program.define("gslrm training step").input("image", image.spec()).input("c2w", c2w.spec())
                    .input("fxfycxcy", lenses.spec()).input("numbers", TensorSpec.of(DType.F64, 3)).weights(weights)
                    .trace(in -> step(traced, tracedOptimiser, in))) {
                program.verify();
                double[] losses = new double[3];
                for (int i = 0; i < losses.length; i++) {
                    try (Scope pass = Scope.open("pass")) {
                        Tensor numbers = Tensor.of(new double[] {1e-3, 1 - Math.pow(0.9, i + 1), 1 - Math.pow(0.95, i + 1)}, 3);
                        List<Tensor> operands = List.of(image, i % 2 == 0 ? c2w : turned, lenses, numbers);
                        List<Tensor> a = step(eager, eagerOptimiser, operands);
                        List<Tensor> b = program.run(operands);
                        losses[i] = a.getFirst().item();
                        assertEquals(losses[i], b.getFirst().item(), "loss of pass " + i);
                        assertEquals(a.get(1).item(), b.get(1).item(), "psnr of pass " + i);
                    }
                }
                assertNotEquals(losses[0], losses[1], "other cameras give another loss");
                assertTrue(losses[2] < losses[0], "the loss falls");
                eager.stateDict().forEach((name, p) -> assertArrayEquals(p.toDoubles(), traced.stateDict().get(name).toDoubles(), name));
            }
        }
    }

    /** The fused update of eager training and the operations of a traced one are the same mathematics. */
    @Test
    void fusedAndTracedUpdatesAgree() {
        for (DType t : List.of(DType.F32, DType.F64)) {
            try (Scope scope = Scope.open("update"); GsLrm a = ConformanceScene.model(ConformanceScene.base(), t);
                    GsLrm b = ConformanceScene.model(ConformanceScene.base(), t); AdamW fused = new AdamW(a.stateDict(), AdamW.Options.GS_LRM);
                    AdamW parts = new AdamW(b.stateDict(), AdamW.Options.GS_LRM)) {
                for (int i = 1; i <= 3; i++) {
                    double rate = 1e-2 / i;
                    fused.step(p -> Ops.affine(p, 0.3, 0.01), 0.7, rate);
                    parts.update(p -> Ops.affine(p, 0.3, 0.01), Tensor.scalar(DType.F64, 0.7),
                            Tensor.of(new double[] {rate, 1 - Math.pow(0.9, i), 1 - Math.pow(0.95, i)}, 3));
                }
                a.stateDict().forEach((name, p) -> {
                    assertArrayEquals(p.toDoubles(), b.stateDict().get(name).toDoubles(), t == DType.F32 ? 1e-6 : 1e-14, name);
                    assertArrayEquals(fused.secondMoment(name).toDoubles(), parts.secondMoment(name).toDoubles(), t == DType.F32 ? 1e-7 : 1e-15, name);
                });
            }
        }
    }
}
