package org.mouselift.tornado;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.mouselift.engine.DType;
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

    private static List<Tensor> scene(DType dtype, long n, int coefficients) {
        return List.of(Ops.affine(DeviceUnderTest.random(dtype, 1, n, 3), 0.4, 0), Ops.affine(DeviceUnderTest.random(dtype, 2, n, coefficients, 3), 0.5, 0.2),
                Ops.affine(DeviceUnderTest.random(dtype, 3, n, 3), 0.5, -2.8), DeviceUnderTest.random(dtype, 4, n, 4),
                Ops.affine(DeviceUnderTest.random(dtype, 5, n, 1), 2, 0.5), cameras(dtype),
                Ops.cast(Tensor.of(new double[] {40, 41, 26, 19, 40, 41, 27, 18}, 2, 4), dtype));
    }

    @Test
    void picturesEqualThePlainRenderers() {
        try (Scope scope = Scope.open("test"); Device device = DeviceUnderTest.open()) {
            SplatViews op = new SplatViews(WIDTH, HEIGHT, 1f, 0.5f, 0.25f, 0.9);
            List<Tensor> exact = Tape.pause(() -> Ops.apply(op, scene(DType.F64, 130, 16)));
            List<Tensor> in = scene(DType.F32, 130, 16);
            Program.Definition definition = Program.define("splats").kernels(device::computes);
            for (int i = 0; i < in.size(); i++) {
                definition.input("in" + i, in.get(i).spec());
            }
            try (Program program = definition.trace(x -> Ops.apply(op, x)); DeviceProgram onDevice = device.prepare(program)) {
                List<Tensor> got = onDevice.run(in);
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
                    assertTrue(contrast > 0.3, "the picture is empty");
                    // Float32 may decide otherwise about a Gaussian's last 1/255 of alpha, which is seen in single pixels.
                    assertTrue(far <= a.length / 500 && worst < 0.02, "result " + r + ": " + far + " of " + a.length + " numbers differ by more than 2e-4, worst " + worst);
                }
            }
        }
    }
}
