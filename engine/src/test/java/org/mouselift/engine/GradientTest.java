package org.mouselift.engine;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.mouselift.engine.trace.Program;

/**
 * Gradients of every operation: float64 against finite differences, float32 kernels against float64, and forward and
 * backward pass as a program against eager execution.
 */
class GradientTest {
    static List<GradientCase> cases() {
        return GradientCase.ALL;
    }

    @ParameterizedTest
    @MethodSource("cases")
    void float64MatchesFiniteDifferences(GradientCase c) {
        for (int layout = 0; layout < Layouts.COUNT; layout++) {
            try (Scope s = Scope.open("test")) {
                GradientCheck.check(c + " layout " + layout, p -> List.of(c.f().apply(p)), c.operands(DType.F64, layout));
            }
        }
    }

    /** The result and the gradients of all operands for a fixed seed gradient. */
    private static List<Tensor> forwardAndBackward(GradientCase c, List<Tensor> operands, Tensor seed) {
        try (Tape tape = Tape.open()) {
            operands.forEach(t -> t.requiresGrad(true));
            Tensor y = c.f().apply(operands);
            List<Tensor> out = new ArrayList<>();
            out.add(y);
            Gradients g = tape.backward(List.of(y), List.of(Ops.mul(Ops.affine(y, 0, 1), seed)));
            operands.forEach(t -> out.add(g.of(t)));
            return out;
        }
    }

    private static Tensor seed(GradientCase c, DType dtype) {
        Shape shape = c.f().apply(c.operands(dtype, 0)).shape();
        return Ops.cast(GradientCheck.random(DType.F32, 3, shape.dims()), dtype);
    }

    @Tag("kernel")
    @ParameterizedTest
    @MethodSource("cases")
    void float32FollowsFloat64(GradientCase c) {
        try (Scope s = Scope.open("test")) {
            List<Tensor> wide = forwardAndBackward(c, c.operands(DType.F64, 0), seed(c, DType.F64));
            for (int layout = 0; layout < Layouts.COUNT; layout++) {
                List<Tensor> narrow = forwardAndBackward(c, c.operands(DType.F32, layout), seed(c, DType.F32));
                for (int i = 0; i < wide.size(); i++) {
                    double[] a = wide.get(i).toDoubles();
                    double[] b = narrow.get(i).toDoubles();
                    double size = 0;
                    for (double v : a) {
                        size = Math.max(size, Math.abs(v));
                    }
                    assertArrayEquals(a, b, 3e-6 * Math.max(size, 0.1), c + " layout " + layout + (i == 0 ? " result" : " gradient " + (i - 1)));
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void tracedEqualsEagerBitForBit(GradientCase c) {
        for (DType dtype : List.of(DType.F32, DType.F64)) {
            try (Scope s = Scope.open("test")) {
                List<Tensor> eager = forwardAndBackward(c, c.operands(dtype, 0).stream().map(Ops::contiguous).toList(), seed(c, dtype));
                Program.Definition d = Program.define("case");
                for (int i = 0; i < c.shapes().size(); i++) {
                    d.input("x" + i, TensorSpec.of(dtype, c.shapes().get(i)));
                }
                d.input("seed", seed(c, dtype).spec());
                try (Program p = d.trace(in -> forwardAndBackward(c, in.subList(0, in.size() - 1), in.getLast()))) {
                    List<Tensor> operands = new ArrayList<>(c.operands(dtype, 0));
                    operands.add(seed(c, dtype));
                    for (int run = 0; run < 2; run++) {
                        List<Tensor> replayed = p.run(operands);
                        for (int i = 0; i < eager.size(); i++) {
                            assertArrayEquals(eager.get(i).toDoubles(), replayed.get(i).toDoubles(), c + " " + dtype + " result " + i);
                        }
                    }
                }
            }
        }
    }

    /** Every operation record must appear in a case: an operation that is added without one fails here. */
    @Test
    void everyOperationIsCovered() throws IOException {
        Set<String> seen = new TreeSet<>();
        try (Scope s = Scope.open("test")) {
            for (DType dtype : List.of(DType.F32, DType.F64)) {
                for (GradientCase c : GradientCase.ALL) {
                    Executor spy = (op, in, specs) -> {
                        seen.add(op.getClass().getName());
                        return Eager.INSTANCE.execute(op, in, specs);
                    };
                    Executor.with(spy, () -> forwardAndBackward(c, c.operands(dtype, 0), seed(c, dtype)));
                }
            }
        }
        Set<String> missing = new TreeSet<>();
        Path classes = Path.of(System.getProperty("mouselift.root"), "engine", "target", "classes", "org", "mouselift", "engine", "op");
        try (Stream<Path> files = Files.list(classes)) {
            for (Path p : files.toList()) {
                String name = "org.mouselift.engine.op." + p.getFileName().toString().replace(".class", "");
                Class<?> k = load(name);
                if (Operation.class.isAssignableFrom(k) && !k.isInterface() && !seen.contains(name)) {
                    missing.add(k.getSimpleName());
                }
            }
        }
        // No gradient of their own: tested in place.
        missing.removeAll(Set.of("Assign"));
        assertEquals(Set.of(), missing);
    }

    private static Class<?> load(String name) {
        try {
            return Class.forName(name);
        } catch (ClassNotFoundException e) {
            throw new IllegalStateException(name, e);
        }
    }
}
