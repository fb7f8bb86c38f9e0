package org.mouselift.engine.nn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.mouselift.engine.DType;
import org.mouselift.engine.EngineException;
import org.mouselift.engine.GradientCheck;
import org.mouselift.engine.Gradients;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tape;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.TensorSpec;
import org.mouselift.engine.trace.Program;

/** Hooks by path, in eager and in traced mode; strict loading. */
class ModuleHookTest {
    private static final class Layer extends Module {
        final Tensor weight;

        Layer(int stream) {
            weight = parameter("weight", GradientCheck.random(DType.F64, stream, 4, 4).requiresGrad(true).named("weight"));
        }

        @Override
        protected Tensor forward(Tensor... in) {
            Tensor h = tap("scores", Ops.linear(in[0], weight));
            return Ops.tanh(h);
        }

        @Override
        public List<String> taps() {
            return List.of("scores");
        }
    }

    private static final class Net extends Module {
        final List<Layer> layers = new ArrayList<>();

        Net() {
            for (int i = 0; i < 3; i++) {
                layers.add(child("layers." + i, new Layer(i)));
            }
        }

        @Override
        protected Tensor forward(Tensor... in) {
            Tensor x = in[0];
            for (Layer l : layers) {
                x = l.call(x);
            }
            return x;
        }
    }

    private static Tensor x() {
        return GradientCheck.random(DType.F64, 99, 2, 4);
    }

    @Test
    void pathsFollowTheStateDict() {
        try (Scope s = Scope.open("test")) {
            Net net = new Net();
            assertEquals(List.of("layers.0.weight", "layers.1.weight", "layers.2.weight"), List.copyOf(net.stateDict().keySet()));
            assertEquals("layers.1", net.layers.get(1).path());
            assertTrue(net.hookPoints().contains("layers.2.scores"));
            EngineException e = assertThrows(EngineException.class, () -> net.hook("layers.1.score", (p, in, out) -> out));
            assertTrue(e.getMessage().contains("layers.1.scores"), e.getMessage());
        }
    }

    @Test
    void watchingChangesNothingAndEndsWithItsHandle() {
        try (Scope s = Scope.open("test")) {
            Net net = new Net();
            double[] plain = net.call(x()).toDoubles();
            List<String> seen = new ArrayList<>();
            List<double[]> captured = new ArrayList<>();
            Hook watch = (path, in, out) -> {
                seen.add(path + " " + in.size());
                captured.add(out.toDoubles());
                return out;
            };
            try (Hook.Handle a = net.hook("layers.1", watch); Hook.Handle b = net.hook("layers.1.scores", watch); Hook.Handle c = net.hook("", watch)) {
                assertArrayEquals(plain, net.call(x()).toDoubles());
            }
            assertEquals(List.of("layers.1.scores 0", "layers.1 1", " 1"), seen);
            assertArrayEquals(plain, captured.get(2));
            net.call(x());
            assertEquals(3, seen.size(), "a removed hook fired");
        }
    }

    @Test
    void replacementIsUsedAndGradientsFlowThroughIt() {
        try (Scope s = Scope.open("test")) {
            Net net = new Net();
            Tensor shift = GradientCheck.random(DType.F64, 50, 2, 4).requiresGrad(true);
            Tensor first = net.layers.get(0).weight;
            try (Hook.Handle h = net.hook("layers.1.scores", (path, in, out) -> Ops.add(Ops.affine(out, 0.5, 0), shift))) {
                Gradients g;
                try (Tape tape = Tape.open()) {
                    g = tape.backward(Ops.sum(Ops.square(net.call(x()))));
                }
                for (Tensor leaf : List.of(shift, first)) {
                    Tensor direction = GradientCheck.random(DType.F64, 60, leaf.shape().dims());
                    double analytic = Ops.sum(Ops.mul(g.of(leaf), direction)).item();
                    double[] f = new double[2];
                    for (int i = 0; i < 2; i++) {
                        double step = i == 0 ? 1e-5 : -1e-5;
                        Ops.addInto(leaf, Ops.affine(direction, step, 0));
                        f[i] = Ops.sum(Ops.square(net.call(x()))).item();
                        Ops.addInto(leaf, Ops.affine(direction, -step, 0));
                    }
                    assertEquals((f[0] - f[1]) / 2e-5, analytic, 1e-7 * Math.max(1, Math.abs(analytic)));
                }
            }
        }
    }

    @Test
    void wrongReplacementsAreNamed() {
        try (Scope s = Scope.open("test")) {
            Net net = new Net();
            try (Hook.Handle h = net.hook("layers.0", (p, in, out) -> Ops.sum(out))) {
                assertTrue(assertThrows(EngineException.class, () -> net.call(x())).getMessage().contains("layers.0"));
            }
            try (Hook.Handle h = net.hook("layers.0", (p, in, out) -> null)) {
                assertTrue(assertThrows(EngineException.class, () -> net.call(x())).getMessage().contains("null"));
            }
        }
    }

    @Test
    void hooksFireWhileTracedAndTheirCapturesAreResults() {
        try (Scope s = Scope.open("test")) {
            Net net = new Net();
            List<Tensor> captured = new ArrayList<>();
            Hook capture = (path, in, out) -> {
                captured.add(out);
                return out;
            };
            Hook halve = (path, in, out) -> Ops.affine(out, 0.5, 0);
            TensorSpec spec = TensorSpec.of(DType.F64, 2, 4);
            Program plain = Program.trace("plain", List.of(spec), in -> List.of(net.call(in.getFirst())));
            Program hooked;
            double[] expected;
            double[] scores;
            try (Hook.Handle a = net.hook("layers.1.scores", capture); Hook.Handle b = net.hook("layers.0", halve)) {
                expected = net.call(x()).toDoubles();
                scores = captured.removeFirst().toDoubles();
                hooked = Program.trace("hooked", List.of(spec), in -> {
                    Tensor y = net.call(in.getFirst());
                    return List.of(y, captured.getFirst());
                });
            }
            List<Tensor> r = hooked.run(x());
            assertArrayEquals(expected, r.get(0).toDoubles());
            assertArrayEquals(scores, r.get(1).toDoubles());
            assertArrayEquals(net.call(x()).toDoubles(), plain.run(x()).getFirst().toDoubles());
            assertTrue(hooked.toString().contains("# layers.1"), hooked.toString());
            Program again = Program.trace("plain", List.of(spec), in -> List.of(net.call(in.getFirst())));
            assertEquals(plain.toString(), again.toString(), "removed hooks left traces in the program");
            assertFalse(plain.toString().equals(hooked.toString()));
        }
    }

    @Test
    void strictLoadingNamesWhatDoesNotFitAndCopiesNothing() {
        try (Scope s = Scope.open("test")) {
            Net net = new Net();
            double[] before = net.layers.get(0).weight.toDoubles();
            Tensor w = GradientCheck.random(DType.F32, 5, 4, 4);
            Map<String, Tensor> wrong = Map.of("layers.0.weight", w, "layers.1.weigth", w, "layers.2.weight", Tensor.zeros(DType.F32, 4, 5));
            String m = assertThrows(EngineException.class, () -> StateDict.load(net, wrong, "mouse.safetensors")).getMessage();
            for (String part : List.of("mouse.safetensors", "1 missing", "layers.1.weight", "1 unexpected", "layers.1.weigth", "f32[4,5]", "f64[4,4]")) {
                assertTrue(m.contains(part), part + " is missing in " + m);
            }
            assertArrayEquals(before, net.layers.get(0).weight.toDoubles());
            StateDict.load(net, Map.of("layers.0.weight", w, "layers.1.weight", w, "layers.2.weight", w), "ok");
            assertArrayEquals(w.toDoubles(), net.layers.get(1).weight.toDoubles());
        }
    }
}
