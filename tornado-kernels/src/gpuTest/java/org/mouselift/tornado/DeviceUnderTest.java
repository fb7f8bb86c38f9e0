package org.mouselift.tornado;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.junit.jupiter.api.Assumptions;
import org.mouselift.engine.DType;
import org.mouselift.engine.Elements;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Philox;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tape;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.TensorSpec;
import org.mouselift.engine.device.Device;
import org.mouselift.engine.device.DeviceException;
import org.mouselift.engine.device.DeviceInfo;
import org.mouselift.engine.device.DeviceOptions;
import org.mouselift.engine.device.DeviceProgram;
import org.mouselift.engine.device.DeviceRequest;
import org.mouselift.engine.device.DeviceRuntime;
import org.mouselift.engine.trace.Program;

/** Runs functions on the device that {@code -Dmouselift.device} names (default: the first OpenCL device) and on the CPU in f64. */
final class DeviceUnderTest {
    private DeviceUnderTest() {}

    /** The device, or an aborted test that says why there is none. */
    static Device open(DeviceOptions options) {
        DeviceRequest request = DeviceRequest.parse(System.getProperty("mouselift.device", "opencl"));
        List<DeviceInfo> there;
        try {
            there = DeviceRuntime.installed().getFirst().devices();
        } catch (DeviceException e) {
            return Assumptions.abort("SKIPPED: no device to test on: " + e.getMessage());
        }
        Assumptions.assumeTrue(there.stream().anyMatch(d -> d.kind().equals(request.kind())), "SKIPPED: no " + request.kind() + " device; there is " + there);
        return DeviceRuntime.open(request, options);
    }

    static Device open() {
        return open(DeviceOptions.DEFAULT);
    }

    /** Standard normal numbers, the same for equal seeds and shapes in every type. */
    static Tensor random(DType dtype, long seed, long... dims) {
        Tensor t = Tensor.empty(dtype, dims);
        Philox philox = new Philox(seed, 0);
        float[] values = new float[Math.toIntExact(t.numel())];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) philox.nextGaussian();
            Elements.set(t, i, values[i]);
        }
        return t;
    }

    /**
     * Checks a function of f32 tensors on the device against itself on the CPU in f64.
     *
     * @param tolerance of the difference over 1 + the size of the expected number
     */
    static void check(Device device, double tolerance, Function<List<Tensor>, List<Tensor>> f, long[]... shapes) {
        List<long[]> list = List.of(shapes);
        try (Scope scope = Scope.open("device test")) {
            List<Tensor> wide = new ArrayList<>();
            List<Tensor> narrow = new ArrayList<>();
            List<TensorSpec> specs = new ArrayList<>();
            for (int i = 0; i < list.size(); i++) {
                narrow.add(random(DType.F32, 100 + i, list.get(i)));
                wide.add(random(DType.F64, 100 + i, list.get(i)));
                specs.add(narrow.getLast().spec());
            }
            List<Tensor> expected = Tape.pause(() -> f.apply(wide));
            Program.Definition definition = Program.define("test").kernels(device::computes);
            for (int i = 0; i < specs.size(); i++) {
                definition.input("in" + i, specs.get(i));
            }
            try (Program program = definition.trace(f); DeviceProgram onDevice = device.prepare(program)) {
                for (int again = 0; again < 2; again++) {
                    List<Tensor> got = onDevice.run(narrow);
                    assertEquals(expected.size(), got.size());
                    for (int i = 0; i < got.size(); i++) {
                        compare("result " + i + " of run " + again, expected.get(i), got.get(i), tolerance);
                    }
                }
            }
        }
    }

    static void compare(String what, Tensor expected, Tensor got, double tolerance) {
        assertEquals(expected.shape(), got.shape(), what);
        double[] a = Ops.contiguous(expected).toDoubles();
        double[] b = got.toDoubles();
        for (int i = 0; i < a.length; i++) {
            boolean same = a[i] == b[i] || Math.abs(a[i] - b[i]) <= tolerance * (1 + Math.abs(a[i])) || Double.isNaN(a[i]) && Double.isNaN(b[i]);
            assertTrue(same, what + ", element " + i + " of " + got.spec() + ": expected " + a[i] + ", got " + b[i]);
        }
    }
}
