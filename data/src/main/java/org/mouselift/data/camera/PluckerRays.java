package org.mouselift.data.camera;

import org.mouselift.engine.cpu.Workers;

/**
 * Ray maps of whole images: for every pixel centre (x+0.5, y+0.5) the channels of a {@link RayChannels} layout, stored
 * {@code [channels, H, W]} (GS-LRM specification §1.4, §1.5). Computed in double precision, rounded once when stored as
 * float. Rows are computed in parallel; the result does not depend on the number of threads.
 */
public final class PluckerRays {
    private static final int ROWS_PER_CHUNK = 8;

    private PluckerRays() {}

    /** Takes one finished row of one channel. */
    @FunctionalInterface
    private interface RowSink {
        void row(int channel, int y, double[] values);
    }

    /** {@code [channels, H, W]} at the camera's image size. */
    public static float[] map(Camera camera, RayChannels layout) {
        float[] out = new float[Math.multiplyExact(layout.count(), pixels(camera))];
        write(camera, layout, out, 0);
        return out;
    }

    /** The same in double precision. */
    public static double[] mapDouble(Camera camera, RayChannels layout) {
        int w = camera.intrinsics().width();
        int h = camera.intrinsics().height();
        double[] out = new double[Math.multiplyExact(layout.count(), pixels(camera))];
        compute(camera, layout, (c, y, values) -> System.arraycopy(values, 0, out, (c * h + y) * w, w));
        return out;
    }

    /** Writes {@code [channels, H, W]} at {@code offset} of a larger array. */
    public static void write(Camera camera, RayChannels layout, float[] out, int offset) {
        int w = camera.intrinsics().width();
        int h = camera.intrinsics().height();
        java.util.Objects.checkFromIndexSize(offset, Math.multiplyExact(layout.count(), pixels(camera)), out.length);
        compute(camera, layout, (c, y, values) -> {
            int at = offset + (c * h + y) * w;
            for (int x = 0; x < w; x++) {
                out[at + x] = (float) values[x];
            }
        });
    }

    /**
     * The network's input of one view, {@code [3 + channels, H, W]}: RGB mapped by {@code 2·rgb − 1}, then the ray
     * channels. {@code image} is {@code [3 or 4, H, W]} in [0, 1]; alpha is dropped.
     */
    public static float[] posedImage(Camera camera, RayChannels layout, float[] image) {
        int n = pixels(camera);
        if (image.length != Math.multiplyExact(3, n) && image.length != Math.multiplyExact(4, n)) {
            throw new CameraException(null, "posed image", "has " + image.length + " values; the camera is for "
                    + camera.intrinsics().width() + "×" + camera.intrinsics().height() + " pixels of 3 or 4 channels",
                    "scale the intrinsics to the size of the image");
        }
        float[] out = new float[Math.multiplyExact(layout.inputChannels(), n)];
        for (int i = 0; i < 3 * n; i++) {
            out[i] = 2 * image[i] - 1;
        }
        write(camera, layout, out, 3 * n);
        return out;
    }

    /** {@code n = d×m}, {@code m = n×d}: turns the {@code d, n} layout into {@code m, d} and back, pixel by pixel. */
    public static double[] convert(double[] map, RayChannels from, RayChannels to) {
        if (map.length % from.count() != 0) {
            throw new CameraException(null, "ray map", "has " + map.length + " values, not a multiple of " + from.count(),
                    "pass a [channels, H, W] map of layout " + from);
        }
        int n = map.length / from.count();
        double[] out = new double[Math.multiplyExact(to.count(), n)];
        double[] d = new double[3];
        double[] m = new double[3];
        double[] p = new double[3];
        for (int i = 0; i < n; i++) {
            switch (from) {
                case CUSTOM -> {
                    load(map, 0, n, i, d);
                    load(map, 3, n, i, p);
                    cross(p, d, m);
                }
                case PLAIN -> {
                    load(map, 0, n, i, m);
                    load(map, 3, n, i, d);
                    cross(d, m, p);
                }
                case AUGMENTED -> {
                    load(map, 0, n, i, m);
                    load(map, 3, n, i, d);
                    load(map, 6, n, i, p);
                }
            }
            switch (to) {
                case CUSTOM -> {
                    store(out, 0, n, i, d);
                    store(out, 3, n, i, p);
                }
                case PLAIN -> {
                    store(out, 0, n, i, m);
                    store(out, 3, n, i, d);
                }
                case AUGMENTED -> {
                    store(out, 0, n, i, m);
                    store(out, 3, n, i, d);
                    store(out, 6, n, i, p);
                }
            }
        }
        return out;
    }

    private static int pixels(Camera camera) {
        return Math.multiplyExact(camera.intrinsics().width(), camera.intrinsics().height());
    }

    private static void compute(Camera camera, RayChannels layout, RowSink sink) {
        Intrinsics k = camera.intrinsics();
        Mat3 r = camera.pose().axes();
        double ox = camera.center().getX();
        double oy = camera.center().getY();
        double oz = camera.center().getZ();
        int w = k.width();
        Workers.split(k.height(), ROWS_PER_CHUNK, (worker, begin, end) -> {
            double[][] d = new double[3][w];
            double[][] n = new double[3][w];
            double[][] m = new double[3][w];
            for (int y = (int) begin; y < end; y++) {
                double cy = (y + 0.5 - k.cy()) / k.fy();
                for (int x = 0; x < w; x++) {
                    double cx = (x + 0.5 - k.cx()) / k.fx();
                    double dx = r.m00() * cx + r.m01() * cy + r.m02();
                    double dy = r.m10() * cx + r.m11() * cy + r.m12();
                    double dz = r.m20() * cx + r.m21() * cy + r.m22();
                    double s = 1 / Math.sqrt(dx * dx + dy * dy + dz * dz);
                    dx *= s;
                    dy *= s;
                    dz *= s;
                    double t0 = -(ox * dx + oy * dy + oz * dz);
                    d[0][x] = dx;
                    d[1][x] = dy;
                    d[2][x] = dz;
                    n[0][x] = ox + t0 * dx;
                    n[1][x] = oy + t0 * dy;
                    n[2][x] = oz + t0 * dz;
                    m[0][x] = oy * dz - oz * dy;
                    m[1][x] = oz * dx - ox * dz;
                    m[2][x] = ox * dy - oy * dx;
                }
                switch (layout) {
                    case CUSTOM -> rows(sink, y, d, n);
                    case AUGMENTED -> rows(sink, y, m, d, n);
                    case PLAIN -> rows(sink, y, m, d);
                }
            }
        });
    }

    private static void rows(RowSink sink, int y, double[][]... triples) {
        for (int t = 0; t < triples.length; t++) {
            for (int c = 0; c < 3; c++) {
                sink.row(3 * t + c, y, triples[t][c]);
            }
        }
    }

    private static void load(double[] map, int channel, int n, int i, double[] v) {
        for (int c = 0; c < 3; c++) {
            v[c] = map[(channel + c) * n + i];
        }
    }

    private static void store(double[] map, int channel, int n, int i, double[] v) {
        for (int c = 0; c < 3; c++) {
            map[(channel + c) * n + i] = v[c];
        }
    }

    private static void cross(double[] a, double[] b, double[] out) {
        out[0] = a[1] * b[2] - a[2] * b[1];
        out[1] = a[2] * b[0] - a[0] * b[2];
        out[2] = a[0] * b[1] - a[1] * b[0];
    }
}
