package org.mouselift.models.losses;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.mouselift.engine.DType;
import org.mouselift.engine.EngineException;
import org.mouselift.engine.Scope;
import org.mouselift.engine.ShapeException;
import org.mouselift.engine.Tape;
import org.mouselift.engine.Tensor;

class DepthLossTest {
    /** Camera at (0, 0, -2) looking along (0, 0.6, 0.8); two pixels, the second of unknown depth. */
    @Test
    void valueAndGradientByHand() {
        try (Scope scope = Scope.open("depth"); Tape tape = Tape.open()) {
            Tensor xyz = Tensor.of(new double[] {1, 9, 0.5, 9, 0.25, 9}, 1, 1, 3, 1, 2).requiresGrad(true);
            Tensor origin = Tensor.of(new double[] {0, 0, -2}, 1, 1, 3, 1, 1);
            Tensor axis = Tensor.of(new double[] {0, 0.6, 0.8}, 1, 1, 3, 1, 1);
            Tensor loss = DepthLoss.of(xyz, origin, axis, Tensor.of(new double[] {2.5, 0}, 1, 1, 1, 1, 2));
            assertEquals(Math.abs(0.6 * 0.5 + 0.8 * 2.25 - 2.5), loss.item(), 1e-15);
            assertArrayEquals(new double[] {0, 0, -0.6, 0, -0.8, 0}, tape.backward(loss).of(xyz).toDoubles(), 1e-15);
        }
    }

    @Test
    void unknownDepthCostsNothing() {
        try (Scope scope = Scope.open("depth")) {
            Tensor xyz = Tensor.zeros(DType.F32, 2, 3, 3, 4, 4);
            Tensor axis = Tensor.zeros(DType.F32, 2, 3, 3, 1, 1);
            assertEquals(0, DepthLoss.of(xyz, xyz, axis, Tensor.zeros(DType.F32, 2, 3, 1, 4, 4)).item());
            assertThrows(ShapeException.class, () -> DepthLoss.of(xyz, xyz, axis, Tensor.zeros(DType.F32, 2, 2, 1, 4, 4)));
        }
    }

    @Test
    void addsToTheTotalOnlyWhenAskedFor() {
        try (Scope scope = Scope.open("depth")) {
            Tensor images = Tensor.zeros(DType.F64, 1, 2, 3, 4, 4);
            Tensor xyz = Tensor.zeros(DType.F64, 1, 1, 3, 4, 4);
            Tensor point = Tensor.of(new double[] {0, 0, -1}, 1, 1, 3, 1, 1);
            Tensor axis = Tensor.of(new double[] {0, 0, 1}, 1, 1, 3, 1, 1);
            double[] depth = new double[16];
            java.util.Arrays.fill(depth, 1.25);
            var geometry = new ReconstructionLoss.Geometry(xyz, point, xyz, axis, Tensor.of(depth, 1, 1, 1, 4, 4));
            var with = new ReconstructionLoss(LossConfig.of(new LossWeights(1, 0, 0, 0, 0, 0, 0, 4)), null, null);
            LossReport report = with.evaluate(0, images, images, geometry);
            assertEquals(0.25, report.value("depth_loss").item(), 1e-15);
            assertEquals(1, report.total().item(), 1e-15);
            LossReport without = new ReconstructionLoss(LossConfig.of(LossWeights.L2), null, null).evaluate(0, images, images, geometry);
            assertFalse(without.terms().containsKey("depth_loss"), "the original's log has no such term");
            var unknown = new ReconstructionLoss.Geometry(xyz, point, xyz);
            assertTrue(assertThrows(EngineException.class, () -> with.evaluate(0, images, images, unknown)).getMessage().contains("depth_loss_weight"));
        }
    }
}
