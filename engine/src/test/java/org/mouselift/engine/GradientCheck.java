package org.mouselift.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;

/**
 * Directional finite differences in float64. A function of several results is made scalar with fixed random weights; for
 * every operand the tape's gradient along a random direction must equal the central difference with Richardson's correction.
 */
public final class GradientCheck {
    private GradientCheck() {}

    /** Standard normal values. */
    public static Tensor random(DType dtype, long stream, long... dims) {
        Philox rng = new Philox(20240917, stream);
        Tensor t = Tensor.empty(dtype, dims);
        Elements.forEach(t, (i, at) -> Elements.set(t, at, rng.nextGaussian()));
        return t;
    }

    private static Tensor scalar(Function<List<Tensor>, List<Tensor>> f, List<Tensor> operands) {
        Tensor sum = null;
        int stream = 900;
        for (Tensor y : f.apply(operands)) {
            Tensor part = Ops.sum(Ops.mul(y, random(DType.F64, stream++, y.shape().dims())));
            sum = sum == null ? part : Ops.add(sum, part);
        }
        return sum;
    }

    /** Checks the gradients of f at f64 operands, all of which are differentiated, to a relative error of 1e-6. */
    public static void check(String what, Function<List<Tensor>, List<Tensor>> f, List<Tensor> operands) {
        operands.forEach(t -> t.requiresGrad(true));
        Gradients g;
        try (Tape tape = Tape.open()) {
            g = tape.backward(scalar(f, operands));
        }
        for (int i = 0; i < operands.size(); i++) {
            Tensor x = operands.get(i);
            assertNotNull(g.ofOrNull(x), what + ": no gradient of operand " + i);
            Tensor direction = random(DType.F64, 500 + i, x.shape().dims());
            double analytic = Ops.sum(Ops.mul(g.of(x), direction)).item();
            double h = 1e-4;
            double coarse = difference(f, operands, i, direction, 2 * h);
            double fine = difference(f, operands, i, direction, h);
            double numeric = (4 * fine - coarse) / 3;
            // Relative to the size of the gradient along any direction, so that a small product of two large vectors is fair.
            double scale = Math.max(Math.abs(numeric), 1e-2 * norm(g.of(x)) * norm(direction));
            assertEquals(numeric, analytic, 1e-6 * Math.max(scale, 1e-3), what + ": gradient of operand " + i + " " + x.spec());
        }
    }

    private static double norm(Tensor t) {
        return Math.sqrt(Ops.sum(Ops.square(t)).item());
    }

    private static double difference(Function<List<Tensor>, List<Tensor>> f, List<Tensor> operands, int i, Tensor direction, double h) {
        List<Tensor> moved = new ArrayList<>(operands);
        moved.set(i, Ops.add(operands.get(i), Ops.affine(direction, h, 0)));
        double up = scalar(f, moved).item();
        moved.set(i, Ops.add(operands.get(i), Ops.affine(direction, -h, 0)));
        return (up - scalar(f, moved).item()) / (2 * h);
    }
}
