package org.mouselift.engine.device;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.mouselift.engine.DType;
import org.mouselift.engine.GradientCheck;
import org.mouselift.engine.Operation;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tape;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.nn.Hook;
import org.mouselift.engine.nn.Module;
import org.mouselift.engine.nn.PlacedFunction;
import org.mouselift.engine.nn.Placement;
import org.mouselift.engine.op.Softmax;
import org.mouselift.engine.trace.Program;

/** Modules that are placed on a device: here one that replays programs on the CPU and counts them. */
class PlacementTest {
    /** Has no softmax of its own, so that programs for it must contain its parts. */
    private static final class Replaying implements Device {
        int prepared;
        int runs;
        int open;
        boolean allows;
        final List<Program> programs = new ArrayList<>();

        @Override
        public DeviceInfo info() {
            return new DeviceInfo("opencl", 0, "replay", 1 << 20, false);
        }

        @Override
        public boolean computes(Operation operation, DType dtype) {
            return !(operation instanceof Softmax);
        }

        @Override
        public DeviceProgram prepare(Program program) {
            prepared++;
            open++;
            programs.add(program);
            return new DeviceProgram() {
                @Override
                public List<Tensor> run(List<Tensor> operands) {
                    runs++;
                    return program.run(operands);
                }

                @Override
                public long deviceBytes() {
                    return program.plan().arenaBytes();
                }

                @Override
                public String listing() {
                    return program.toString();
                }

                @Override
                public void close() {
                    open--;
                }
            };
        }

        @Override
        public boolean allowsCpuOperations() {
            return allows;
        }

        @Override
        public long allocatedBytes() {
            return 0;
        }

        @Override
        public void close() {}
    }

    private static final class Layer extends Module {
        private final Tensor weight = parameter("weight", GradientCheck.random(DType.F32, 7, 4, 3).requiresGrad(true));

        @Override
        protected Tensor forward(Tensor... in) {
            return Ops.softmax(Ops.linear(in[0], weight));
        }
    }

    private static final class Net extends Module {
        private final Layer first = child("first", new Layer());

        @Override
        protected Tensor forward(Tensor... in) {
            return Ops.affine(first.call(in[0]), 2, 1);
        }
    }

    @Test
    void callsAreTracedOncePerShapeAndEqualTheOnesHere() {
        try (Scope s = Scope.open("test"); Replaying device = new Replaying(); Placement placement = new Placement(device)) {
            Net net = new Net();
            Tensor x = GradientCheck.random(DType.F32, 1, 5, 3);
            double[] here = net.call(x).toDoubles();
            net.place(placement);
            for (int i = 0; i < 2; i++) {
                assertArrayEquals(here, net.call(x).toDoubles(), 1e-6);
            }
            net.call(GradientCheck.random(DType.F32, 2, 2, 3));
            assertEquals(2, device.prepared);
            assertEquals(3, device.runs);
            assertTrue(device.programs.stream().flatMap(p -> p.nodes().stream()).noneMatch(n -> n.operation() instanceof Softmax),
                    "an operation without a kernel was not taken apart");
            assertArrayEquals(net.first.call(x).toDoubles(), Ops.affine(Tensor.of(here, 5, 4), 0.5, -0.5).toDoubles(), 1e-6);
            assertEquals(4, device.runs, "a child's call must go to the device as well");
            net.place(null);
            net.call(x);
            assertEquals(4, device.runs);
            assertArrayEquals(here, placement.during(() -> net.call(x)).toDoubles(), 1e-6);
            assertEquals(5, device.runs);
            net.call(x);
            assertEquals(5, device.runs);
            placement.close();
            assertEquals(0, device.open);
        }
    }

    @Test
    void hooksSeeTheValuesAndMayNotReplaceThem() {
        try (Scope s = Scope.open("test"); Replaying device = new Replaying(); Placement placement = new Placement(device)) {
            Net net = new Net();
            Tensor x = GradientCheck.random(DType.F32, 1, 5, 3);
            double[] here = net.first.call(x).toDoubles();
            net.place(placement);
            List<double[]> seen = new ArrayList<>();
            Hook.Handle handle = net.hook("first", (path, in, out) -> {
                assertEquals("first", path);
                assertArrayEquals(x.toDoubles(), in.getFirst().toDoubles(), 0);
                seen.add(out.toDoubles());
                return out;
            });
            net.call(x);
            net.call(x);
            assertEquals(2, seen.size());
            assertArrayEquals(here, seen.getLast(), 1e-6);
            handle.close();
            net.hook("first", (path, in, out) -> Ops.neg(out));
            DeviceException e = assertThrows(DeviceException.class, () -> net.call(x));
            assertTrue(e.getMessage().contains("hook at 'first'"), e.getMessage());
        }
    }

    @Test
    void callsUnderATapeAreErrorsUnlessTheCpuIsAllowed() {
        try (Scope s = Scope.open("test"); Replaying device = new Replaying(); Placement placement = new Placement(device)) {
            Net net = new Net();
            net.place(placement);
            Tensor x = GradientCheck.random(DType.F32, 1, 5, 3);
            try (Tape tape = Tape.open()) {
                String message = assertThrows(DeviceException.class, () -> net.call(x)).getMessage();
                assertTrue(message.contains("module 'Net' is called under a tape") && message.contains("--allow-cpu-ops"), message);
            }
            assertEquals(0, placement.callsHere());
            device.allows = true;
            try (Tape tape = Tape.open()) {
                Tensor loss = Ops.sum(Ops.square(net.call(x)));
                assertEquals(12, tape.backward(loss).of(net.trainable().getFirst()).numel());
            }
            assertEquals(0, device.runs);
            assertEquals(2, placement.callsHere());
        }
    }

    @Test
    void functionsRunHereOrThereWithTheirTapesInside() {
        try (Scope s = Scope.open("test"); Replaying device = new Replaying(); Placement placement = new Placement(device)) {
            Net net = new Net();
            Tensor weight = net.trainable().getFirst();
            Tensor x = GradientCheck.random(DType.F32, 1, 5, 3);
            try (PlacedFunction f = new PlacedFunction("gradient", net.stateDict(), in -> {
                try (Tape tape = Tape.open()) {
                    Tensor loss = Ops.sum(Ops.square(net.call(in.getFirst())));
                    return List.of(tape.backward(loss).of(weight), loss);
                }
            })) {
                double[] here = f.apply(List.of(x)).getFirst().toDoubles();
                assertEquals(0, device.prepared);
                for (int i = 0; i < 2; i++) {
                    assertArrayEquals(here, placement.during(() -> f.apply(List.of(x))).getFirst().toDoubles(), 1e-6);
                }
                placement.during(() -> f.apply(List.of(GradientCheck.random(DType.F32, 2, 2, 3))));
                assertEquals(2, device.prepared);
                assertEquals(3, device.runs);
                assertEquals(2, f.programs().size());
            }
            assertEquals(0, device.open);
            int[] made = new int[1];
            for (int i = 0; i < 2; i++) {
                placement.kept("key", AutoCloseable.class, () -> {
                    made[0]++;
                    return () -> made[0] += 10;
                });
            }
            placement.close();
            assertEquals(11, made[0]);
        }
    }

    @Test
    void precisionsAreReadAndTensorCoresNeedACard() {
        assertEquals(DevicePrecision.FP16, DevicePrecision.parse("fp16"));
        assertTrue(assertThrows(DeviceException.class, () -> DevicePrecision.parse("FP16")).getMessage().contains("expected fp32 or fp16"));
        DeviceInfo processor = new DeviceInfo("opencl", 0, "a processor", 1, false);
        DevicePrecision.FP32.require(processor);
        DevicePrecision.FP16.require(new DeviceInfo("ptx", 0, "a card", 1, true));
        DevicePrecision.FP16.require(new DeviceInfo("cuda", 0, "a card", 1, true));
        String message = assertThrows(DeviceException.class, () -> DevicePrecision.FP16.require(processor)).getMessage();
        assertTrue(message.contains("opencl:0 a processor") && message.contains("use fp32, or --device ptx or cuda"), message);
    }

    @Test
    void requestsAreReadAndChosen() {
        List<DeviceInfo> there = List.of(new DeviceInfo("opencl", 0, "a processor", 1, false), new DeviceInfo("opencl", 1, "a card", 1, true));
        assertEquals("a card", DeviceRequest.parse("opencl").choose(there).name());
        assertEquals("a processor", DeviceRequest.parse("opencl:0").choose(there).name());
        assertTrue(DeviceRequest.parse("cpu").isCpu());
        for (String bad : List.of("gpu", "cpu:0", "opencl:", "opencl:-1", "opencl:99999", "")) {
            assertTrue(assertThrows(DeviceException.class, () -> DeviceRequest.parse(bad)).getMessage().contains("expected cpu, opencl"));
        }
        String missing = assertThrows(DeviceException.class, () -> DeviceRequest.parse("cuda").choose(there)).getMessage();
        assertTrue(missing.contains("opencl:1 a card"), missing);
    }
}
