package org.mouselift.tornado;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.function.Function;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.device.Device;
import org.mouselift.engine.device.DeviceException;
import org.mouselift.engine.device.DeviceOptions;
import org.mouselift.engine.device.DevicePrecision;
import org.mouselift.engine.device.DeviceProgram;
import org.mouselift.engine.op.Attention;
import org.mouselift.engine.op.Linear;
import org.mouselift.engine.trace.Program;

/** The half float kernels on a device of kind ptx or cuda against the float64 CPU engine. */
class TensorCoresTest {
    private static final DeviceOptions HALF = new DeviceOptions(false, 0, DevicePrecision.FP16);

    private static Device open() {
        String kind = System.getProperty("mouselift.device", "opencl").replaceFirst(":.*", "");
        Assumptions.assumeTrue(kind.equals("ptx") || kind.equals("cuda"), "SKIPPED: tensor cores are reached through ptx and cuda, the device under test is " + kind);
        return DeviceUnderTest.open(HALF);
    }

    /** Operands of standard normal numbers: the bound is eight standard deviations of rounding both factors to 11 bits. */
    private static void check(long depth, Function<List<Tensor>, List<Tensor>> f, long[]... shapes) {
        try (Device device = open()) {
            DeviceUnderTest.check(device, 8 * Math.sqrt(2 * depth / 3.0) * 0x1p-12, f, shapes);
        }
    }

    private static long[] s(long... dims) {
        return dims;
    }

    @Test
    void productsOfAllSizesAndStrides() {
        check(301, in -> List.of(Ops.matmul(in.get(0), in.get(1)), Ops.matmul(Ops.transpose(in.get(1), 0, 1), Ops.transpose(in.get(0), 0, 1))), s(130, 301), s(301, 259));
        check(17, in -> List.of(Ops.matmul(in.get(0), in.get(1)), Ops.matmul(in.get(2), in.get(3))), s(3, 2, 1, 17), s(2, 17, 63), s(128, 17), s(17, 256));
    }

    @Test
    void linearLayersWithAllTheyHave() {
        check(65, in -> List.of(Ops.linear(in.get(0), in.get(1)), Ops.linear(in.get(0), in.get(1), in.get(2), Linear.Activation.GELU, null),
                Ops.linear(in.get(0), in.get(1), in.get(2), Linear.Activation.SILU, in.get(3))), s(2, 77, 65), s(131, 65), s(131), s(2, 77, 131));
    }

    /** Scores of standard deviation 1 move by less than 2^-8 through the rounding of q and k, weights and values by 2^-11 each. */
    @Test
    void attentionOverOneAndTwoSources() {
        try (Device device = open()) {
            DeviceUnderTest.check(device, 0.01, in -> Ops.apply(new Attention(0.125), in), s(1, 2, 130, 64), s(1, 2, 200, 64), s(1, 2, 200, 64));
            DeviceUnderTest.check(device, 0.01, in -> Ops.apply(new Attention(0.125, 2), in), s(4, 2, 31, 64), s(2, 2, 70, 64), s(2, 2, 70, 64), s(1, 2, 129, 64), s(1, 2, 129, 64));
        }
    }

    @Test
    void whatDoesNotFitIsAnErrorThatNamesIt() {
        try (Scope scope = Scope.open("test"); Device device = open()) {
            Tensor x = Ops.affine(DeviceUnderTest.random(org.mouselift.engine.DType.F32, 1, 5, 9), 1, 0);
            Tensor w = DeviceUnderTest.random(org.mouselift.engine.DType.F32, 2, 9, 4);
            try (Program p = Program.trace("large", List.of(x.spec(), w.spec()), in -> List.of(Ops.matmul(in.get(0), in.get(1)))); DeviceProgram onDevice = device.prepare(p)) {
                onDevice.run(List.of(x, w));
                String message = assertThrows(DeviceException.class, () -> onDevice.run(List.of(Ops.affine(x, 1e6, 0), w))).getMessage();
                assertTrue(message.contains("'large'") && message.contains("matmul, input 'in0'") && message.contains("--device-precision fp32"), message);
                onDevice.run(List.of(x, w));
            }
        }
    }
}
