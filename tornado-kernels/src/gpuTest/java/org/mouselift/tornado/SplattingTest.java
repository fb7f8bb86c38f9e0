package org.mouselift.tornado;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.mouselift.engine.DType;
import org.mouselift.engine.Operation;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tape;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.device.Device;
import org.mouselift.engine.device.DeviceProgram;
import org.mouselift.engine.trace.Program;
import org.mouselift.models.splat.SplatViews;

/** The splat renderer on a device against the plain float64 renderer, at a size that fits no tile. */
class SplattingTest {
    private static final int WIDTH = 53;
    private static final int HEIGHT = 38;

    /** Cameras on a circle that look at the origin. */
    private static Tensor cameras(DType dtype) {
        double[] values = new double[2 * 16];
        for (int v = 0; v < 2; v++) {
            double a = 0.4 + 1.9 * v;
            double[] z = {-Math.cos(a), -Math.sin(a), -0.2};
            double n = Math.sqrt(z[0] * z[0] + z[1] * z[1] + z[2] * z[2]);
            double[] x = {Math.sin(a), -Math.cos(a), 0};
            for (int i = 0; i < 3; i++) {
                z[i] /= n;
            }
            double[] y = {z[1] * x[2] - z[2] * x[1], z[2] * x[0] - z[0] * x[2], z[0] * x[1] - z[1] * x[0]};
            for (int r = 0; r < 3; r++) {
                values[16 * v + 4 * r] = x[r];
                values[16 * v + 4 * r + 1] = y[r];
                values[16 * v + 4 * r + 2] = z[r];
                values[16 * v + 4 * r + 3] = -2.7 * z[r];
            }
            values[16 * v + 15] = 1;
        }
        return Ops.cast(Tensor.of(values, 2, 4, 4), dtype);
    }

    /** @param logScale typical size; -2.8 covers a few tiles, -0.5 the whole picture */
    private static List<Tensor> scene(DType dtype, long n, int coefficients, double logScale) {
        return List.of(Ops.affine(DeviceUnderTest.random(dtype, 1, n, 3), 0.4, 0), Ops.affine(DeviceUnderTest.random(dtype, 2, n, coefficients, 3), 0.5, 0.2),
                Ops.affine(DeviceUnderTest.random(dtype, 3, n, 3), 0.5, logScale), DeviceUnderTest.random(dtype, 4, n, 4),
                Ops.affine(DeviceUnderTest.random(dtype, 5, n, 1), 2, 0.5), cameras(dtype),
                Ops.cast(Tensor.of(new double[] {40, 41, 26, 19, 40, 41, 27, 18}, 2, 4), dtype));
    }

    private static List<Tensor> onDevice(Device device, Operation op, List<Tensor> in) {
        Program.Definition definition = Program.define("splats").kernels(device::computes);
        for (int i = 0; i < in.size(); i++) {
            definition.input("in" + i, in.get(i).spec());
        }
        try (Program program = definition.trace(x -> Ops.apply(op, x)); DeviceProgram prepared = device.prepare(program)) {
            List<Tensor> first = prepared.run(in);
            List<Tensor> second = prepared.run(in);
            for (int i = 0; i < first.size(); i++) {
                assertArrayEquals(first.get(i).toDoubles(), second.get(i).toDoubles(), "two runs differ in result " + i);
            }
            return first;
        }
    }

    @Test
    void picturesEqualThePlainRenderers() {
        try (Scope scope = Scope.open("test"); Device device = DeviceUnderTest.open()) {
            pictures(device, 130, 16, -2.8);
            pictures(device, 1, 1, -2.8);
            // More than one block of sorted keys.
            pictures(device, 2611, 4, -4.2);
        }
    }

    private static void pictures(Device device, int n, int coefficients, double logScale) {
        SplatViews op = new SplatViews(WIDTH, HEIGHT, 1f, 0.5f, 0.25f, 0.9);
        List<Tensor> exact = Tape.pause(() -> Ops.apply(op, scene(DType.F64, n, coefficients, logScale)));
        List<Tensor> got = onDevice(device, op, scene(DType.F32, n, coefficients, logScale));
        for (int r = 0; r < 2; r++) {
            double[] a = exact.get(r).toDoubles();
            double[] b = got.get(r).toDoubles();
            int far = 0;
            double worst = 0;
            double contrast = 0;
            for (int i = 0; i < a.length; i++) {
                double e = Math.abs(a[i] - b[i]);
                worst = Math.max(worst, e);
                far += e > 2e-4 ? 1 : 0;
                contrast = Math.max(contrast, Math.abs(a[i] - a[0]));
            }
            assertTrue(contrast > (n > 1 ? 0.3 : 0.01), "the picture is empty");
            // Float32 may decide otherwise about a Gaussian's last 1/255 of alpha, which is seen in single pixels.
            assertTrue(far <= a.length / 500 && worst < 0.02, n + " Gaussians, result " + r + ": " + far + " of " + a.length + " numbers differ by more than 2e-4, worst " + worst);
        }
    }

    @Test
    void gradientsEqualThePlainRenderers() {
        try (Scope scope = Scope.open("test"); Device device = DeviceUnderTest.open()) {
            gradients(device, 130, 16, -2.8, true);
            gradients(device, 1, 1, -2.8, false);
            gradients(device, 2611, 4, -4.2, false);
        }
    }

    /** Every Gaussian covers all twelve tiles, three times what there is room for. */
    @Test
    void gradientsOfGaussiansWithoutRoomForTheirPairs() {
        try (Scope scope = Scope.open("test"); Device device = DeviceUnderTest.open()) {
            gradients(device, 37, 9, -0.5, true);
        }
    }

    private static void gradients(Device device, int n, int coefficients, double logScale, boolean alpha) {
        SplatViews.Gradient op = new SplatViews.Gradient(new SplatViews(WIDTH, HEIGHT, 1f, 0.5f, 0.25f, 0.9), alpha);
        List<Tensor> exact = Tape.pause(() -> Ops.apply(op, withImageGradients(DType.F64, scene(DType.F64, n, coefficients, logScale), alpha)));
        List<Tensor> got = onDevice(device, op, withImageGradients(DType.F32, scene(DType.F32, n, coefficients, logScale), alpha));
        String[] names = {"centres", "features", "scales", "quaternions", "opacities"};
        for (int r = 0; r < names.length; r++) {
            double[] a = exact.get(r).toDoubles();
            double[] b = got.get(r).toDoubles();
            double most = 0;
            double square = 0;
            double error = 0;
            double worst = 0;
            for (int i = 0; i < a.length; i++) {
                most = Math.max(most, Math.abs(a[i]));
                square += a[i] * a[i];
                error += (a[i] - b[i]) * (a[i] - b[i]);
                worst = Math.max(worst, Math.abs(a[i] - b[i]));
            }
            assertTrue(most > 1e-3, "no gradients of " + names[r]);
            // The CPU's float32 renderer is up to 5e-6 away in both measures.
            assertTrue(Math.sqrt(error / square) < 3e-5 && worst / most < 3e-5, String.format("%d Gaussians, %s: relative error %.3g, worst %.3g of the largest", n, names[r],
                    Math.sqrt(error / square), worst / most));
        }
    }

    private static List<Tensor> withImageGradients(DType dtype, List<Tensor> scene, boolean alpha) {
        List<Tensor> all = new ArrayList<>(scene);
        all.add(DeviceUnderTest.random(dtype, 6, 2, 3, HEIGHT, WIDTH));
        if (alpha) {
            all.add(DeviceUnderTest.random(dtype, 7, 2, HEIGHT, WIDTH));
        }
        return all;
    }
}
