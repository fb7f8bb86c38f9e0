package org.mouselift.tornado;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.mouselift.engine.DType;
import org.mouselift.engine.Gradients;
import org.mouselift.engine.Operation;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tape;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.TensorSpec;
import org.mouselift.engine.Vjp;
import org.mouselift.engine.device.Device;
import org.mouselift.engine.device.DeviceException;
import org.mouselift.engine.device.DeviceOptions;
import org.mouselift.engine.device.DeviceProgram;
import org.mouselift.engine.nn.Module;
import org.mouselift.engine.nn.Placement;
import org.mouselift.engine.op.Binary;
import org.mouselift.engine.op.Linear;
import org.mouselift.engine.trace.Program;

/** Whole programs on a device: repeated blocks, weights that change, steps on the CPU, training, memory. */
class PlansOnDeviceTest {
    private static final class Block extends Module {
        private final Tensor up;
        private final Tensor down;

        Block(long seed) {
            up = parameter("up", DeviceUnderTest.random(DType.F32, seed, 20, 10).requiresGrad(true));
            down = parameter("down", DeviceUnderTest.random(DType.F32, seed + 1, 10, 20).requiresGrad(true));
        }

        @Override
        protected Tensor forward(Tensor... in) {
            Tensor hidden = Ops.linear(in[0], up, null, Linear.Activation.GELU, null);
            return Ops.affine(Ops.linear(hidden, down, null, Linear.Activation.NONE, in[0]), 0.2, 0.01);
        }
    }

    private static final class Net extends Module {
        private final List<Block> blocks = new ArrayList<>();

        Net(int n) {
            for (int i = 0; i < n; i++) {
                blocks.add(child("blocks." + i, new Block(10L * i)));
            }
        }

        @Override
        protected Tensor forward(Tensor... in) {
            Tensor x = in[0];
            for (Block b : blocks) {
                x = b.call(x);
            }
            return Ops.tanh(x);
        }
    }

    @Test
    void equalBlocksShareOneGraphAndWeightsStayOnTheDevice() {
        try (Scope scope = Scope.open("test"); Device device = DeviceUnderTest.open(); Placement placement = new Placement(device)) {
            Net net = new Net(4);
            Tensor x = DeviceUnderTest.random(DType.F32, 77, 7, 10);
            double[] here = net.call(x).toDoubles();
            net.place(placement);
            for (int i = 0; i < 3; i++) {
                assertArrayEquals(here, net.call(x).toDoubles(), 1e-5);
            }
            String listing = placement.programs().getFirst().listing();
            assertTrue(listing.contains("segment blocks.3"), listing);
            // A weight that is overwritten on the host goes to the device again.
            Ops.assign(net.blocks.get(2).up, Ops.fill(net.blocks.get(2).up.spec(), 0.05));
            double[] changed = net.call(x).toDoubles();
            net.place(null);
            assertArrayEquals(net.call(x).toDoubles(), changed, 1e-5);
        }
    }

    /** More blocks of the same kind are more launches, not more kernels. */
    @Test
    void equalBlocksShareCompiledKernels() {
        int[] compiled = new int[2];
        int[] steps = new int[2];
        try (Scope scope = Scope.open("test"); Device device = DeviceUnderTest.open()) {
            for (int i = 0; i < 2; i++) {
                Net net = new Net(3 + 4 * i);
                Tensor x = DeviceUnderTest.random(DType.F32, 77, 7, 10);
                try (Program p = Program.define("net").input("x", x.spec()).weights(net.stateDict()).kernels(device::computes).trace(in -> List.of(net.call(in.getFirst())));
                        PlanExecution onDevice = (PlanExecution) device.prepare(p)) {
                    assertEquals(0, onDevice.compilations());
                    onDevice.run(List.of(x));
                    compiled[i] = onDevice.compilations();
                    onDevice.run(List.of(x));
                    assertEquals(compiled[i], onDevice.compilations());
                    steps[i] = onDevice.listing().split("\n  ").length;
                }
            }
            assertEquals(compiled[0], compiled[1]);
            assertTrue(steps[1] > 2 * steps[0] - 2 && compiled[0] < steps[0], compiled[0] + " kernels for " + steps[0] + " and " + steps[1] + " steps");
        }
    }

    /** Overwritten weights are fetched when somebody looks, and uploaded again only when the host has written. */
    @Test
    void overwrittenWeightsStayOnTheDeviceUntilSomebodyLooks() {
        try (Scope scope = Scope.open("test"); Device device = DeviceUnderTest.open()) {
            Tensor w = Tensor.of(new float[] {1, 2, 3}, 3).named("w").requiresGrad(true);
            Tensor half = Ops.slice(w, 0, 1, 3);
            try (Program p = Program.define("p").input("x", w.spec()).weights(Map.of("w", w)).kernels(device::computes).trace(in -> {
                Ops.addInto(w, in.getFirst());
                return List.of();
            })) {
                Tensor x = Tensor.of(new float[] {1, 1, 1}, 3);
                try (DeviceProgram onDevice = device.prepare(p)) {
                    int writes = w.writes();
                    onDevice.run(List.of(x));
                    onDevice.run(List.of(x));
                    assertEquals(writes + 2, w.writes());
                    assertArrayEquals(new double[] {4, 5}, half.toDoubles(), "a view sees what the device has");
                    Ops.assign(w, Tensor.of(new float[] {10, 20, 30}, 3));
                    onDevice.run(List.of(x));
                    onDevice.run(List.of(x));
                }
                // Closing has brought them back; so does another program's upload.
                assertArrayEquals(new double[] {12, 22, 32}, w.toDoubles());
                try (DeviceProgram first = device.prepare(p); DeviceProgram second = device.prepare(p)) {
                    first.run(List.of(x));
                    second.run(List.of(x));
                    first.run(List.of(x));
                    assertArrayEquals(new double[] {15, 25, 35}, w.toDoubles());
                }
            }
            assertEquals(0, device.allocatedBytes());
        }
    }

    @Test
    void aTrainingStepIsOneProgramAndUpdatesTheWeights() {
        try (Scope scope = Scope.open("test"); Device device = DeviceUnderTest.open()) {
            Net net = new Net(2);
            Tensor x = DeviceUnderTest.random(DType.F32, 77, 7, 10);
            TensorSpec rate = TensorSpec.of(DType.F32);
            try (Program step = Program.define("step").input("x", x.spec()).input("rate", rate).weights(net.stateDict()).kernels(device::computes).trace(in -> {
                try (Tape tape = Tape.open()) {
                    Tensor loss = Ops.mean(Ops.square(Ops.affine(net.call(in.get(0)), 1, -0.3)));
                    Gradients g = tape.backward(loss);
                    return Tape.pause(() -> {
                        net.trainable().forEach(p -> Ops.assign(p, Ops.sub(p, Ops.mul(g.of(p), in.get(1)))));
                        return List.of(loss);
                    });
                }
            }); DeviceProgram onDevice = device.prepare(step)) {
                Map<String, Tensor> weights = net.stateDict();
                List<double[]> start = weights.values().stream().map(Tensor::toDoubles).toList();
                List<Double> losses = new ArrayList<>();
                List<Double> expected = new ArrayList<>();
                for (double r : new double[] {0.5, 0.25, 0.5}) {
                    losses.add(onDevice.run(List.of(x, Tensor.scalar(DType.F32, r))).getFirst().item());
                }
                List<double[]> onDeviceWeights = weights.values().stream().map(Tensor::toDoubles).toList();
                int i = 0;
                for (Tensor w : weights.values()) {
                    Ops.assign(w, Ops.cast(Tensor.of(start.get(i++), w.shape().dims()), DType.F32));
                }
                for (double r : new double[] {0.5, 0.25, 0.5}) {
                    expected.add(step.run(x, Tensor.scalar(DType.F32, r)).getFirst().item());
                }
                for (int k = 0; k < 3; k++) {
                    assertEquals(expected.get(k), losses.get(k), 1e-5);
                }
                assertTrue(expected.get(2) < expected.get(0), "the loss did not fall: " + expected);
                i = 0;
                for (Tensor w : weights.values()) {
                    assertArrayEquals(w.toDoubles(), onDeviceWeights.get(i++), 2e-5);
                }
            }
        }
    }

    /** An operation that only the CPU could compute, if it had a kernel there. */
    private record Foreign() implements Operation {
        @Override
        public String name() {
            return "foreign";
        }

        @Override
        public List<TensorSpec> infer(List<TensorSpec> in) {
            return in;
        }

        @Override
        public List<Tensor> vjp(Vjp v) {
            return List.of();
        }
    }

    @Test
    void aMissingKernelIsAnErrorThatNamesTheOperation() {
        try (Scope scope = Scope.open("test"); Device device = DeviceUnderTest.open()) {
            try (Program p = Program.define("p").input("x", TensorSpec.of(DType.F32, 3)).trace(in -> Ops.apply(new Foreign(), in.getFirst()))) {
                DeviceException e = assertThrows(DeviceException.class, () -> device.prepare(p));
                assertTrue(e.getMessage().contains("foreign(f32[3]) has no kernel") && e.getMessage().contains("--allow-cpu-ops"), e.getMessage());
            }
            try (Program p = Program.trace("p", List.of(TensorSpec.of(DType.F64, 3)), in -> List.of(Ops.exp(in.getFirst())))) {
                assertTrue(assertThrows(DeviceException.class, () -> device.prepare(p)).getMessage().contains("f64"));
            }
        }
    }

    @Test
    void operationsWithoutAKernelRunOnTheCpuWhereThatIsAllowed() {
        try (Scope scope = Scope.open("test"); Device device = DeviceUnderTest.open(new DeviceOptions(true, 0))) {
            Tensor x = DeviceUnderTest.random(DType.F32, 5, 6, 4);
            // With everything recorded whole, the softmax gradient stays an operation that devices have no kernel for.
            try (Program p = Program.define("p").input("x", x.spec()).kernels((op, type) -> true).trace(in -> {
                Tensor y = Ops.softmax(in.getFirst());
                Tensor g = Ops.apply(new org.mouselift.engine.op.Softmax.Grad(), y, Ops.exp(in.getFirst())).getFirst();
                return List.of(Ops.binary(Binary.Kind.ADD, g, y));
            }); DeviceProgram onDevice = device.prepare(p)) {
                assertTrue(onDevice.listing().contains("softmax_grad on the CPU"), onDevice.listing());
                for (int i = 0; i < 2; i++) {
                    assertArrayEquals(p.run(x).getFirst().toDoubles(), onDevice.run(List.of(x)).getFirst().toDoubles(), 1e-6);
                }
            }
        }
    }

    @Test
    void memoryComesBackAndLimitsAreChecked() {
        try (Scope scope = Scope.open("test"); Device device = DeviceUnderTest.open(new DeviceOptions(false, 100L << 20))) {
            Tensor x = DeviceUnderTest.random(DType.F32, 5, 1000, 1000);
            for (int i = 0; i < 4; i++) {
                try (Program p = Program.trace("p", List.of(x.spec()), in -> List.of(Ops.exp(Ops.sum(in.getFirst(), true, 1)), Ops.neg(in.getFirst())));
                        DeviceProgram onDevice = device.prepare(p)) {
                    assertEquals(0, device.allocatedBytes());
                    assertEquals(-x.toFloats()[999_999], onDevice.run(List.of(x)).get(1).toFloats()[999_999]);
                    assertTrue(device.allocatedBytes() > 8_000_000, device.allocatedBytes() + " bytes");
                }
                assertEquals(0, device.allocatedBytes());
            }
            try (Program p = Program.trace("large", List.of(TensorSpec.of(DType.F32, 4000, 4000)), in -> List.of(Ops.neg(in.getFirst())))) {
                String message = assertThrows(DeviceException.class, () -> device.prepare(p)).getMessage();
                assertTrue(message.contains("'large' needs 0.12 GiB") && message.contains("limit of 0.10 GiB"), message);
            }
        }
    }

    private static long residentBytes() throws IOException {
        for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
            if (line.startsWith("VmRSS:")) {
                return 1024 * Long.parseLong(line.replaceAll("[^0-9]", ""));
            }
        }
        throw new IOException("/proc/self/status has no VmRSS");
    }

    /** What the books say of memory is also what the process has: on a processor behind OpenCL the device's memory is its own. */
    @Test
    void closedProgramsLeaveNoMemoryBehind() throws IOException {
        Assumptions.assumeTrue(Files.isReadable(Path.of("/proc/self/status")), "SKIPPED: no /proc/self/status here to read the memory of this process from");
        try (Scope scope = Scope.open("test"); Device device = DeviceUnderTest.open()) {
            Assumptions.assumeFalse(device.info().gpu(), "SKIPPED: the memory of " + device.info() + " is not that of this process");
            long each = 4L * 2 * 4000 * 4000;
            long start = 0;
            long most = 0;
            for (int i = 0; i < 6; i++) {
                try (Scope round = Scope.open("round")) {
                    Tensor x = Ops.fill(TensorSpec.of(DType.F32, 4000, 4000), i);
                    try (Program p = Program.trace("p", List.of(x.spec()), in -> List.of(Ops.sum(Ops.exp(in.getFirst()), true, 1))); DeviceProgram onDevice = device.prepare(p)) {
                        assertEquals(4000 * Math.exp(i), onDevice.run(List.of(x)).getFirst().toFloats()[7], 4e-2 * Math.exp(i));
                        assertTrue(device.allocatedBytes() >= each, device.allocatedBytes() + " bytes");
                        most = Math.max(most, residentBytes());
                    }
                }
                assertEquals(0, device.allocatedBytes());
                if (i == 0) {
                    start = residentBytes();
                    assertTrue(most - start > each / 2, "closing the first program freed " + (most - start) + " of " + each + " bytes");
                }
            }
            assertTrue(residentBytes() - start < each, "five programs of " + each + " bytes later the process has grown from " + start + " to " + residentBytes() + " bytes");
        }
    }
}
