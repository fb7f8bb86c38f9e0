package org.mouselift.pipeline.verify;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.mouselift.data.camera.Camera;
import org.mouselift.data.camera.OpencvCameraFile;
import org.mouselift.data.camera.OpencvFrame;
import org.mouselift.data.camera.Ray;
import org.mouselift.data.golden.Comparison;
import org.mouselift.data.golden.GoldenCase;
import org.mouselift.data.golden.GoldenException;
import org.mouselift.data.golden.GoldenFolder;

/** Cameras and rays of the published sample's camera file. Needs the sample. */
public final class SampleCamerasVerifier implements CaseVerifier {

    @Override
    public boolean knows(GoldenFolder folder, String file) throws GoldenException {
        return folder.kind(file).equals("case") && folder.index().path("title").asText().contains("shared/real/")
                && (folder.declares(file, "elevation_deg") || folder.declares(file, "pixels") && folder.entry(file).has("views"));
    }

    @Override
    public List<CheckResult> verify(GoldenCase c) throws IOException {
        Optional<Path> sample = SampleImageVerifier.sample(c.folder());
        if (sample.isEmpty()) {
            return c.expected().stream().map(name -> CheckResult.skipped(name, "the published sample is not present: "
                    + c.folder().index().path("title").asText())).toList();
        }
        List<Camera> cameras = OpencvCameraFile.read(sample.get().resolve(OpencvCameraFile.FILE_NAME), OpencvCameraFile.Options.SAMPLE).frames().stream()
                .map(OpencvFrame::camera).toList();
        List<CheckResult> checks = new ArrayList<>();
        for (String name : c.expected()) {
            checks.add(CheckResult.of(c.has("pixels") ? rays(c, name, cameras) : cameras(c, name, cameras)));
        }
        return checks;
    }

    private static Comparison cameras(GoldenCase c, String name, List<Camera> cameras) throws IOException {
        double[] values = cameras.stream().map(camera -> switch (name) {
            case "c2w", "c2w.f64" -> Arrays.stream(camera.pose().c2w()).flatMapToDouble(Arrays::stream).toArray();
            case "fxfycxcy" -> camera.intrinsics().fxfycxcy();
            case "distance" -> new double[] {camera.position().distance()};
            case "elevation_deg" -> new double[] {camera.position().elevationDegrees()};
            case "azimuth_deg" -> new double[] {Math.toDegrees(Math.atan2(camera.center().getY(), camera.center().getX()))};
            default -> new double[0];
        }).flatMapToDouble(Arrays::stream).toArray();
        return c.compare(name, values);
    }

    private static Comparison rays(GoldenCase c, String name, List<Camera> cameras) throws IOException {
        String quantity = name.startsWith("stats.") ? name.substring(6) : name;
        if (!List.of("ray_d", "t0", "nearest", "moment").contains(quantity)) {
            return Comparison.failure(name, c.tolerance(name), "this verifier has no rule for a tensor of this name");
        }
        List<Camera> chosen = new ArrayList<>();
        for (var view : c.entry().get("views")) {
            chosen.add(cameras.get(view.asInt()));
        }
        if (name.equals(quantity)) {
            long[] pixels = c.longs("pixels");
            return c.compare(name, chosen.stream().flatMapToDouble(camera -> IntStream.range(0, pixels.length / 2)
                    .mapToObj(i -> value(camera.ray(pixels[2 * i] + 0.5, pixels[2 * i + 1] + 0.5), quantity)).flatMapToDouble(Arrays::stream)).toArray());
        }
        return c.compare(name, statistics(chosen, quantity));
    }

    private static double[] value(Ray ray, String quantity) {
        return switch (quantity) {
            case "ray_d" -> ray.direction().toArray();
            case "t0" -> new double[] {ray.nearestParameter()};
            case "nearest" -> ray.nearest().toArray();
            default -> ray.moment().toArray();
        };
    }

    /** Mean, population standard deviation, minimum and maximum over all pixels, [4, views, channels]. */
    private static double[] statistics(List<Camera> cameras, String quantity) {
        int channels = quantity.equals("t0") ? 1 : 3;
        double[] out = new double[4 * cameras.size() * channels];
        for (int v = 0; v < cameras.size(); v++) {
            Camera camera = cameras.get(v);
            int width = camera.intrinsics().width();
            int pixels = width * camera.intrinsics().height();
            double[][] values = new double[channels][pixels];
            for (int i = 0; i < pixels; i++) {
                double[] value = value(camera.ray(i % width + 0.5, i / width + 0.5), quantity);
                for (int ch = 0; ch < channels; ch++) {
                    values[ch][i] = value[ch];
                }
            }
            for (int ch = 0; ch < channels; ch++) {
                double mean = Arrays.stream(values[ch]).sum() / pixels;
                double variance = Arrays.stream(values[ch]).map(x -> (x - mean) * (x - mean)).sum() / pixels;
                double[] row = {mean, Math.sqrt(variance), Arrays.stream(values[ch]).min().orElseThrow(), Arrays.stream(values[ch]).max().orElseThrow()};
                for (int s = 0; s < 4; s++) {
                    out[(s * cameras.size() + v) * channels + ch] = row[s];
                }
            }
        }
        return out;
    }
}
