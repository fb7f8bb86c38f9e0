package org.mouselift.engine;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.mouselift.engine.op.Conv2d;

class OperationProfileTest {
    private static Tensor ramp(long... dims) {
        long n = Shape.of(dims).numel();
        float[] values = new float[(int) n];
        for (int i = 0; i < n; i++) {
            values[i] = (i % 7 - 3) * 0.1f;
        }
        return Tensor.of(values, dims);
    }

    private static Map<String, OperationProfile.Line> profiled(OperationProfile profile, Runnable body) {
        Executor.with(profile, () -> {
            body.run();
            return null;
        });
        return profile.lines().stream().collect(Collectors.toMap(OperationProfile.Line::operation, Function.identity()));
    }

    /** The arithmetic is that of the definitions, counted here element by element of the result. */
    @Test
    void arithmeticIsThatOfTheDefinitions() {
        try (Scope scope = Scope.open("test")) {
            OperationProfile profile = new OperationProfile();
            Map<String, OperationProfile.Line> lines = profiled(profile, () -> {
                Ops.matmul(ramp(2, 3, 5), ramp(2, 5, 7));
                Ops.linear(ramp(4, 6, 8), ramp(9, 8), null, org.mouselift.engine.op.Linear.Activation.GELU, null);
                Ops.linear(ramp(4, 6, 8), ramp(9, 8), null, org.mouselift.engine.op.Linear.Activation.NONE, null);
                Ops.conv2d(ramp(2, 3, 8, 6), ramp(5, 3, 3, 3), null, Conv2d.Window.of(1, 1));
                Ops.conv2d(ramp(2, 3, 8, 6), ramp(5, 3, 3, 3), null, Conv2d.Window.of(2, 1));
                Ops.conv2d(ramp(2, 3, 8, 6), ramp(5, 3, 1, 1), null, Conv2d.Window.of(1, 0));
                // Four views that share the first one's keys, as in the multi-view network.
                Ops.attention(ramp(4, 2, 5, 8), ramp(1, 2, 5, 8), ramp(1, 2, 5, 8), ramp(4, 2, 6, 8), ramp(4, 2, 6, 8), 0.3);
                Ops.add(ramp(10), ramp(10));
            });
            assertEquals(2.0 * 2 * 3 * 7 * 5 * 1e-9, lines.get("matmul").gflop(), 1e-18);
            assertEquals(2 * 2.0 * 4 * 6 * 9 * 8 * 1e-9, lines.get("linear").gflop(), 1e-18);
            assertEquals(2, lines.get("linear").calls());
            assertEquals(2.0 * 2 * 5 * 8 * 6 * 3 * 9 * 1e-9, lines.get("conv2d 3x3").gflop(), 1e-18);
            assertEquals(2.0 * 2 * 5 * 4 * 3 * 3 * 9 * 1e-9, lines.get("conv2d 3x3 stride 2").gflop(), 1e-18);
            assertEquals(2.0 * 2 * 5 * 8 * 6 * 3 * 1e-9, lines.get("conv2d 1x1").gflop(), 1e-18);
            // Scores and their product with the values: 2 x 2 x queries x keys x head width, for 4 views and 2 heads.
            assertEquals(4.0 * 4 * 2 * 5 * (5 + 6) * 8 * 1e-9, lines.get("attention, heads of 8").gflop(), 1e-18);
            OperationProfile.Line add = lines.get("add");
            assertEquals(0, add.gflop());
            assertNull(add.gflops());
            OperationProfile.Line matmul = lines.get("matmul");
            assertNotNull(matmul.gflops());
            assertEquals(matmul.gflop() / matmul.seconds(), matmul.gflops(), 1e-6 * matmul.gflops());
            profile.clear();
            assertEquals(List.of(), profile.lines());
        }
    }

    /** The gradients of a product are two products, those of a convolution two convolutions of the same size. */
    @Test
    void gradientsCountToo() {
        try (Scope scope = Scope.open("test")) {
            Tensor x = ramp(2, 3, 8, 6).requiresGrad(true);
            Tensor w = ramp(5, 3, 3, 3).requiresGrad(true);
            Map<String, OperationProfile.Line> lines = profiled(new OperationProfile(), () -> {
                try (Tape tape = Tape.open()) {
                    tape.backward(Ops.sum(Ops.conv2d(x, w, null, Conv2d.Window.of(1, 1)), false, 0, 1, 2, 3));
                }
            });
            double forward = lines.get("conv2d 3x3").gflop();
            assertTrue(forward > 0);
            assertEquals(forward, lines.get("conv2d_input_grad").gflop(), 1e-18);
            assertEquals(forward, lines.get("conv2d_weight_grad").gflop(), 1e-18);
        }
    }

    @Test
    void resultsAreThoseWithoutAProfileAndTheExecutorComesBack() {
        try (Scope scope = Scope.open("test")) {
            Tensor a = ramp(17, 33);
            Tensor b = ramp(33, 5);
            OperationProfile profile = new OperationProfile();
            assertArrayEquals(Ops.matmul(a, b).toFloats(), Executor.with(profile, () -> Ops.matmul(a, b)).toFloats(), 0);
            assertSame(Eager.INSTANCE, Executor.current());
        }
    }
}
