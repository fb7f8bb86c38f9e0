package org.mouselift.models;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.function.BinaryOperator;
import org.junit.jupiter.api.Test;
import org.mouselift.engine.DType;
import org.mouselift.engine.Gradients;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Philox;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tape;
import org.mouselift.engine.Tensor;
import org.mouselift.models.gslrm.CameraRays;
import org.mouselift.models.losses.Ssim;

/** Operations of the models taken apart, as devices without their kernels compute them, against the kernels. */
class ComposedOperationsTest {
    private static Tensor uniform(DType type, long seed, long... dims) {
        Philox philox = new Philox(seed, 0);
        double[] values = new double[(int) java.util.Arrays.stream(dims).reduce(1, Math::multiplyExact)];
        for (int i = 0; i < values.length; i++) {
            values[i] = philox.nextFloat();
        }
        return Ops.contiguous(Ops.cast(Tensor.of(values, dims), type));
    }

    private record Similarity(double value, double[] x, double[] y) {
        static Similarity of(Tensor a, Tensor b, BinaryOperator<Tensor> f) {
            Tensor x = a.view(a.spec(), a.strides(), a.offset()).requiresGrad(true);
            Tensor y = b.view(b.spec(), b.strides(), b.offset()).requiresGrad(true);
            try (Tape tape = Tape.open()) {
                Tensor s = f.apply(x, y);
                Gradients g = tape.backward(s);
                return new Similarity(s.item(), g.of(x).toDoubles(), g.of(y).toDoubles());
            }
        }
    }

    @Test
    void structuralSimilarityAndItsGradients() {
        try (Scope scope = Scope.open("test")) {
            for (DType type : List.of(DType.F32, DType.F64)) {
                for (long[] size : new long[][] {{2, 3, 17, 23}, {1, 3, 8, 30}, {1, 1, 11, 11}}) {
                    Tensor x = uniform(type, 1, size);
                    Tensor y = Ops.clamp(Ops.add(Ops.affine(x, 0.8, 0), Ops.affine(uniform(type, 2, size), 0.3, 0)), 0, 1);
                    Similarity kernel = Similarity.of(x, y, Ssim::of);
                    Similarity parts = Similarity.of(x, y, (a, b) -> new Ssim().composed(List.of(a, b)).orElseThrow().getFirst());
                    double close = type == DType.F32 ? 1e-4 : 1e-12;
                    assertTrue(kernel.value < 0.98, "the pictures are alike");
                    assertEquals(kernel.value, parts.value, close);
                    double largest = java.util.Arrays.stream(kernel.x).map(Math::abs).max().orElseThrow();
                    assertArrayEquals(kernel.x, parts.x, close * largest);
                    assertArrayEquals(kernel.y, parts.y, close * largest);
                }
            }
        }
    }

    @Test
    void raysOfCameras() {
        try (Scope scope = Scope.open("test")) {
            for (DType type : List.of(DType.F32, DType.F64)) {
                Tensor c2w = uniform(type, 3, 2, 3, 4, 4);
                Tensor lenses = Ops.affine(uniform(type, 4, 2, 3, 4), 10, 5);
                Tensor kernel = CameraRays.of(c2w, lenses, 7, 9);
                Tensor parts = new CameraRays(7, 9).composed(List.of(c2w, lenses)).orElseThrow().getFirst();
                assertEquals(kernel.spec(), parts.spec());
                assertArrayEquals(kernel.toDoubles(), parts.toDoubles(), type == DType.F32 ? 1e-6 : 1e-14);
            }
        }
    }
}
