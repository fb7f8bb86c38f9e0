package org.mouselift.models.gslrm;

import java.util.LinkedHashMap;
import java.util.Map;
import org.mouselift.engine.DType;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Shape;
import org.mouselift.engine.Tensor;

/** The tiny network, images and cameras of GS-LRM specification §10.2. Tensors belong to the current scope. */
final class ConformanceScene {
    static final int SIDE = 16;
    static final int VIEWS = 3;
    static final int INPUTS = 2;
    private static final double[][] LOOK_AT = {{270, 0}, {330, 20}, {30, -10}};

    private ConformanceScene() {}

    static GsLrmConfig base() {
        return GsLrmConfig.published().withSize(32, 16, 2);
    }

    /** Element i of tensor s is 0.08 sin(0.7 i + 1.3 s), around 1 with factor 0.1 for norm weights; the marker is not numbered. */
    static GsLrm model(GsLrmConfig config, DType dtype) {
        Map<String, Tensor> state = new LinkedHashMap<>();
        try (Scope scope = Scope.open("conformance weights")) {
            int s = 0;
            for (Map.Entry<String, Shape> e : config.parameterShapes().entrySet()) {
                double phase = e.getKey().equals("view_type_embeddings") ? 65 : 1.3 * s++;
                double[] values = new double[(int) e.getValue().numel()];
                for (int i = 0; i < values.length; i++) {
                    double wave = Math.sin(0.7 * i + phase);
                    values[i] = e.getValue().rank() == 2 ? 0.08 * wave : 1 + 0.1 * wave;
                }
                state.put(e.getKey(), Ops.cast(Tensor.of(values, e.getValue().dims()), dtype));
            }
            return GsLrm.load(config, dtype, state, "conformance weights");
        }
    }

    /** [1,3,3 or 4,16,16]. */
    static Tensor images(DType dtype, boolean alpha) {
        int channels = alpha ? 4 : 3;
        double[] values = new double[VIEWS * channels * SIDE * SIDE];
        int at = 0;
        for (int v = 0; v < VIEWS; v++) {
            for (int c = 0; c < channels; c++) {
                for (int y = 0; y < SIDE; y++) {
                    for (int x = 0; x < SIDE; x++) {
                        values[at++] = c == 3 ? (Math.abs(x - 8) + Math.abs(y - 7) + v < 7 ? 1 : 0)
                                : 0.5 + 0.5 * Math.sin(0.9 * v + 1.1 * c + 0.31 * y + 0.47 * x);
                    }
                }
            }
        }
        return Ops.cast(Tensor.of(values, 1, VIEWS, channels, SIDE, SIDE), dtype);
    }

    /** [1,3,4,4]. */
    static Tensor c2w(DType dtype) {
        double[] values = new double[VIEWS * 16];
        for (int v = 0; v < VIEWS; v++) {
            System.arraycopy(lookAt(LOOK_AT[v][0], LOOK_AT[v][1], 2.7), 0, values, 16 * v, 16);
        }
        return Ops.cast(Tensor.of(values, 1, VIEWS, 4, 4), dtype);
    }

    /** [1,3,4]. */
    static Tensor intrinsics(DType dtype) {
        double f = SIDE / (2 * Math.tan(Math.toRadians(25)));
        double[] values = new double[VIEWS * 4];
        for (int v = 0; v < VIEWS; v++) {
            System.arraycopy(new double[] {f, f, SIDE / 2.0, SIDE / 2.0}, 0, values, 4 * v, 4);
        }
        return Ops.cast(Tensor.of(values, 1, VIEWS, 4), dtype);
    }

    /** Camera-to-world of a camera at azimuth and elevation (degrees) that looks at the origin, z up (§2.7). */
    static double[] lookAt(double azimuth, double elevation, double radius) {
        double a = Math.toRadians(azimuth);
        double e = Math.toRadians(elevation);
        double[] p = {radius * Math.cos(e) * Math.cos(a), radius * Math.cos(e) * Math.sin(a), radius * Math.sin(e)};
        double[] forward = unit(new double[] {-p[0], -p[1], -p[2]});
        double[] right = unit(cross(forward, new double[] {0, 0, 1}));
        double[] up = unit(cross(right, forward));
        return new double[] {right[0], -up[0], forward[0], p[0], right[1], -up[1], forward[1], p[1], right[2], -up[2], forward[2], p[2], 0, 0, 0, 1};
    }

    private static double[] cross(double[] a, double[] b) {
        return new double[] {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
    }

    private static double[] unit(double[] v) {
        double n = Math.sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]);
        return new double[] {v[0] / n, v[1] / n, v[2] / n};
    }

    static Tensor inputs(Tensor perView) {
        return Ops.contiguous(Ops.slice(perView, 1, 0, INPUTS));
    }
}
