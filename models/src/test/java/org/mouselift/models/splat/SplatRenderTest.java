package org.mouselift.models.splat;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.mouselift.engine.DType;
import org.mouselift.engine.Elements;
import org.mouselift.engine.Gradients;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Philox;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tape;
import org.mouselift.engine.Tensor;

/** The rendering operation: both element types, several views, gradients of the image and of alpha. */
class SplatRenderTest {
    private static final List<SplatCamera> CAMERAS = Turntable.cameras(50, 3, 40, 24, 2.7, 15);

    private static List<Tensor> gaussians(DType dtype) {
        int n = 30;
        List<Tensor> out = new ArrayList<>();
        long[][] shapes = {{n, 3}, {n, 4, 3}, {n, 3}, {n, 4}, {n, 1}};
        double[][] range = {{0, 0.4}, {0, 0.7}, {-2.2, 0.3}, {0, 1}, {-1, 1}};
        for (int p = 0; p < 5; p++) {
            Philox rng = new Philox(11, p);
            Tensor t = Tensor.empty(dtype, shapes[p]);
            double[] r = range[p];
            Elements.forEach(t, (i, at) -> Elements.set(t, at, (float) (r[0] + r[1] * rng.nextGaussian())));
            out.add(t.requiresGrad(true));
        }
        return out;
    }

    private static Tensor loss(List<Tensor> g) {
        List<Tensor> images = Ops.apply(new SplatRender(CAMERAS, 1, 0.5f, 0, 1), g);
        return Ops.add(Ops.sum(Ops.square(images.get(0))), Ops.sum(Ops.square(images.get(1))));
    }

    @Test
    void float32FollowsFloat64() {
        try (Scope s = Scope.open("test")) {
            List<Tensor> narrow = gaussians(DType.F32);
            List<Tensor> wide = gaussians(DType.F64);
            Gradients a;
            Gradients b;
            double lossA;
            double lossB;
            try (Tape tape = Tape.open()) {
                Tensor l = loss(narrow);
                lossA = l.item();
                a = tape.backward(l);
            }
            try (Tape tape = Tape.open()) {
                Tensor l = loss(wide);
                lossB = l.item();
                b = tape.backward(l);
            }
            assertEquals(lossB, lossA, 1e-5 * lossB);
            for (int p = 0; p < 5; p++) {
                double[] x = a.of(narrow.get(p)).toDoubles();
                double[] y = b.of(wide.get(p)).toDoubles();
                double largest = 0;
                double worst = 0;
                for (int i = 0; i < x.length; i++) {
                    largest = Math.max(largest, Math.abs(y[i]));
                    worst = Math.max(worst, Math.abs(x[i] - y[i]));
                }
                assertTrue(largest > 0.01 && worst < 2e-4 * largest, "operand " + p + ": worst " + worst + " of " + largest);
            }
        }
    }

    @Test
    void gradientFollowsFiniteDifferencesInFloat64() {
        try (Scope s = Scope.open("test")) {
            List<Tensor> g = gaussians(DType.F64);
            Gradients gradients;
            try (Tape tape = Tape.open()) {
                gradients = tape.backward(loss(g));
            }
            double h = 1e-7;
            for (int p = 0; p < 5; p++) {
                Tensor t = g.get(p);
                Philox rng = new Philox(3, p);
                Tensor direction = Tensor.empty(DType.F64, t.shape().dims());
                Elements.forEach(direction, (i, at) -> Elements.set(direction, at, rng.nextGaussian()));
                double analytic = Ops.sum(Ops.mul(gradients.of(t), direction)).item();
                List<Tensor> plus = new ArrayList<>(g);
                plus.set(p, Ops.add(t, Ops.affine(direction, h, 0)));
                List<Tensor> minus = new ArrayList<>(g);
                minus.set(p, Ops.add(t, Ops.affine(direction, -h, 0)));
                double numeric = (loss(plus).item() - loss(minus).item()) / (2 * h);
                assertEquals(numeric, analytic, 1e-4 * Math.max(1, Math.abs(numeric)), "operand " + p);
            }
        }
    }
}
