package org.mouselift.pipeline.verify;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.commons.math3.geometry.euclidean.threed.Vector3D;
import org.mouselift.data.camera.Camera;
import org.mouselift.data.camera.ImageOperation;
import org.mouselift.data.camera.Intrinsics;
import org.mouselift.data.camera.PatchOrder;
import org.mouselift.data.camera.PluckerRays;
import org.mouselift.data.camera.Pose;
import org.mouselift.data.camera.Ray;
import org.mouselift.data.camera.RayChannels;
import org.mouselift.data.golden.GoldenCase;
import org.mouselift.data.golden.GoldenException;
import org.mouselift.data.golden.GoldenFolder;

/** Ray maps, input channel layouts, patch order and target crop of the reconstructor (golden folder {@code rays}). */
public final class RaysVerifier implements CaseVerifier {
    private static final List<String> QUANTITIES = List.of("ray_d", "t0", "nearest", "moment");

    @Override
    public boolean knows(GoldenFolder folder, String file) throws GoldenException {
        return folder.name().equals("rays") && folder.kind(file).equals("case") && (folder.declares(file, "ray_d")
                || folder.declares(file, "posed_images") || folder.declares(file, "patches")
                || folder.declares(file, "image_cropped"));
    }

    @Override
    public List<CheckResult> verify(GoldenCase c) throws IOException {
        if (c.has("posed_images")) {
            return channels(c);
        }
        if (c.has("patches")) {
            return patches(c);
        }
        return c.has("image_cropped") ? crop(c) : rays(c);
    }

    /** Cameras from {@code c2w} and {@code fxfycxcy} with any leading dimensions. */
    static List<Camera> cameras(GoldenCase c, int width, int height) throws IOException {
        double[] c2w = c.doubles("c2w");
        double[] k = c.doubles("fxfycxcy");
        List<Camera> out = new ArrayList<>();
        for (int v = 0; v < k.length / 4; v++) {
            double[][] m = new double[4][];
            for (int row = 0; row < 4; row++) {
                m[row] = Arrays.copyOfRange(c2w, v * 16 + row * 4, v * 16 + row * 4 + 4);
            }
            out.add(new Camera(new Intrinsics(k[4 * v], k[4 * v + 1], k[4 * v + 2], k[4 * v + 3], width, height),
                    Pose.cameraToWorld(m)));
        }
        return out;
    }

    private static List<CheckResult> rays(GoldenCase c) throws IOException {
        int w = c.entry().path("width").asInt();
        int h = c.entry().path("height").asInt();
        List<Camera> cameras = cameras(c, w, h);
        List<CheckResult> out = new ArrayList<>();
        if (c.has("pixels")) {
            long[] pixels = c.longs("pixels");
            for (String q : QUANTITIES) {
                List<Double> values = new ArrayList<>();
                for (Camera camera : cameras) {
                    for (int i = 0; i < pixels.length; i += 2) {
                        add(values, quantity(camera.ray(pixels[i] + 0.5, pixels[i + 1] + 0.5), q));
                    }
                }
                out.add(CheckResult.of(c.compare(q, values.stream().mapToDouble(Double::doubleValue).toArray())));
            }
            out.add(CheckResult.of(c.compare("stats.ray_d", statistics(cameras, 3))));
            out.add(CheckResult.of(c.compare("stats.nearest", statistics(cameras, 6))));
            return out;
        }
        // [m, d, n] maps of all views; t0 from the single rays, which checks the two code paths against each other.
        int n = w * h;
        double[] d = new double[cameras.size() * 3 * n];
        double[] nearest = new double[d.length];
        double[] moment = new double[d.length];
        double[] t0 = new double[cameras.size() * n];
        double[] origin = new double[cameras.size() * 3];
        for (int v = 0; v < cameras.size(); v++) {
            double[] map = PluckerRays.mapDouble(cameras.get(v), RayChannels.AUGMENTED);
            System.arraycopy(map, 0, moment, v * 3 * n, 3 * n);
            System.arraycopy(map, 3 * n, d, v * 3 * n, 3 * n);
            System.arraycopy(map, 6 * n, nearest, v * 3 * n, 3 * n);
            for (int i = 0; i < n; i++) {
                t0[v * n + i] = cameras.get(v).ray(i % w + 0.5, i / w + 0.5).nearestParameter();
            }
            System.arraycopy(cameras.get(v).center().toArray(), 0, origin, v * 3, 3);
        }
        out.add(CheckResult.of(c.compare("ray_d", d)));
        out.add(CheckResult.of(c.compare("t0", t0)));
        out.add(CheckResult.of(c.compare("nearest", nearest)));
        out.add(CheckResult.of(c.compare("moment", moment)));
        out.add(CheckResult.of(c.compare("ray_o", origin)));
        return out;
    }

    private static double[] quantity(Ray ray, String name) {
        return switch (name) {
            case "ray_d" -> ray.direction().toArray();
            case "t0" -> new double[] {ray.nearestParameter()};
            case "nearest" -> ray.nearest().toArray();
            case "moment" -> ray.moment().toArray();
            default -> throw new IllegalArgumentException("unknown ray quantity " + name);
        };
    }

    private static void add(List<Double> list, double[] values) {
        for (double v : values) {
            list.add(v);
        }
    }

    /** Mean, population standard deviation, minimum and maximum over the pixels, {@code [4, views·3]}. */
    private static double[] statistics(List<Camera> cameras, int firstChannel) {
        int columns = cameras.size() * 3;
        double[] out = new double[4 * columns];
        for (int v = 0; v < cameras.size(); v++) {
            double[] map = PluckerRays.mapDouble(cameras.get(v), RayChannels.AUGMENTED);
            int n = map.length / RayChannels.AUGMENTED.count();
            for (int ch = 0; ch < 3; ch++) {
                double[] x = Arrays.copyOfRange(map, (firstChannel + ch) * n, (firstChannel + ch + 1) * n);
                double mean = Arrays.stream(x).sum() / n;
                int at = v * 3 + ch;
                out[at] = mean;
                out[columns + at] = Math.sqrt(Arrays.stream(x).map(e -> (e - mean) * (e - mean)).sum() / n);
                out[2 * columns + at] = Arrays.stream(x).min().orElseThrow();
                out[3 * columns + at] = Arrays.stream(x).max().orElseThrow();
            }
        }
        return out;
    }

    private static List<CheckResult> channels(GoldenCase c) throws IOException {
        long[] shape = c.shape("posed_images");
        long[] in = c.shape("image");
        int w = Math.toIntExact(shape[4]);
        int h = Math.toIntExact(shape[3]);
        String named = c.file() + " " + c.entry().path("description").asText();
        RayChannels layout = RayChannels.of(named.contains("custom"), named.contains("augmented"));
        if (shape[2] != layout.inputChannels()) {
            return List.of(CheckResult.fail("posed_images", "has " + shape[2] + " channels, layout " + layout + " has "
                    + layout.inputChannels()));
        }
        float[] image = c.floats("image");
        int inSize = Math.toIntExact(in[2]) * w * h;
        List<Camera> cameras = cameras(c, w, h);
        float[] out = new float[cameras.size() * layout.inputChannels() * w * h];
        for (int v = 0; v < cameras.size(); v++) {
            float[] one = PluckerRays.posedImage(cameras.get(v), layout, Arrays.copyOfRange(image, v * inSize, (v + 1) * inSize));
            System.arraycopy(one, 0, out, v * one.length, one.length);
        }
        return List.of(CheckResult.of(c.compare("posed_images", out)));
    }

    private static List<CheckResult> patches(GoldenCase c) throws IOException {
        long[] shape = c.shape("x");
        int views = Math.toIntExact(shape[0] * shape[1]);
        int channels = Math.toIntExact(shape[2]);
        int h = Math.toIntExact(shape[3]);
        int w = Math.toIntExact(shape[4]);
        int p = (int) Math.round(Math.sqrt(c.shape("patches")[2] / (double) channels));
        PatchOrder order = new PatchOrder(h, w, p);
        float[] x = c.floats("x");
        float[] tokens = new float[x.length];
        long[] index = new long[views * h * w];
        int size = channels * h * w;
        for (int v = 0; v < views; v++) {
            System.arraycopy(order.patchify(Arrays.copyOfRange(x, v * size, (v + 1) * size), channels), 0, tokens, v * size, size);
            for (int i = 0; i < h * w; i++) {
                index[v * h * w + i] = order.gaussianIndex(v, i / w, i % w);
            }
        }
        return List.of(CheckResult.of(c.compare("patches", tokens)),
                CheckResult.of(c.compare("gaussian_index_of_pixel", index)));
    }

    private static List<CheckResult> crop(GoldenCase c) throws IOException {
        int size = c.entry().path("crop_size").asInt();
        long[] shape = c.shape("image");
        int views = Math.toIntExact(shape[0] * shape[1]);
        int channels = Math.toIntExact(shape[2]);
        int h = Math.toIntExact(shape[3]);
        int w = Math.toIntExact(shape[4]);
        float[] image = c.floats("image");
        double[] k = c.doubles("fxfycxcy");
        long[] offsets = c.longs("offsets");
        float[] cropped = new float[views * channels * size * size];
        double[] intrinsics = new double[k.length];
        for (int v = 0; v < views; v++) {
            int ox = Math.toIntExact(offsets[2 * v]);
            int oy = Math.toIntExact(offsets[2 * v + 1]);
            ImageOperation.Crop crop = new ImageOperation.Crop(ox, oy, size, size);
            Intrinsics before = new Intrinsics(k[4 * v], k[4 * v + 1], k[4 * v + 2], k[4 * v + 3], w, h);
            Camera after = crop.apply(new Camera(before, Pose.lookAt(new Vector3D(
                    0, -1, 0), Vector3D.ZERO)));
            System.arraycopy(after.intrinsics().fxfycxcy(), 0, intrinsics, 4 * v, 4);
            // Which pixel lands where is decided by the same operation as the principal point.
            for (int y = 0; y < h; y++) {
                for (int x = 0; x < w; x++) {
                    var to = crop.pixel(before, x + 0.5, y + 0.5);
                    int tx = (int) Math.floor(to.u());
                    int ty = (int) Math.floor(to.v());
                    if (tx >= 0 && tx < size && ty >= 0 && ty < size) {
                        for (int ch = 0; ch < channels; ch++) {
                            cropped[((v * channels + ch) * size + ty) * size + tx] = image[((v * channels + ch) * h + y) * w + x];
                        }
                    }
                }
            }
        }
        return List.of(CheckResult.of(c.compare("image_cropped", cropped)),
                CheckResult.of(c.compare("fxfycxcy_cropped", intrinsics)));
    }
}
