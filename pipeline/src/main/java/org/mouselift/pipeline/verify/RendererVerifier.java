package org.mouselift.pipeline.verify;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.mouselift.data.golden.GoldenCase;
import org.mouselift.data.golden.GoldenException;
import org.mouselift.data.golden.GoldenFolder;
import org.mouselift.models.splat.DeferredBackpropagation;
import org.mouselift.models.splat.GaussianParameters;
import org.mouselift.models.splat.GradientProbe;
import org.mouselift.models.splat.RasterOptions;
import org.mouselift.models.splat.SplatCamera;
import org.mouselift.models.splat.SplatImage;
import org.mouselift.models.splat.SplatInspection;
import org.mouselift.models.splat.SplatRasterizer;
import org.mouselift.models.splat.SplatReference;
import org.mouselift.models.splat.Turntable;

/**
 * Gaussian renderer cases: one view with all intermediate values and gradients, several views with accumulated gradients, and
 * the turntable strip. One-view cases are rendered three times: with the tile lists of the reference (integers must agree),
 * with the default lists (the same image bit by bit), and by the float64 renderer.
 */
public final class RendererVerifier implements CaseVerifier {
    private static final List<String> PARAMETERS = List.of("xyz", "scaling", "rotation", "opacity", "features");

    @Override
    public boolean knows(GoldenFolder folder, String file) throws GoldenException {
        if (!folder.kind(file).equals("case")) {
            return false;
        }
        for (String name : PARAMETERS) {
            if (!folder.declares(file, name)) {
                return false;
            }
        }
        boolean views = folder.declares(file, "rgb") && folder.declares(file, "fxfycxcy") && folder.declares(file, "w") && folder.declares(file, "background");
        return views || folder.declares(file, "strip") && folder.declares(file, "frames");
    }

    @Override
    public List<CheckResult> verify(GoldenCase c) throws IOException {
        if (c.has("strip")) {
            return turntable(c);
        }
        return c.shape("c2w").length == 3 ? severalViews(c) : oneView(c);
    }

    private static GaussianParameters parameters(GoldenCase c) throws IOException {
        long k = c.shape("features")[1];
        int degree = (int) Math.round(Math.sqrt(k)) - 1;
        if ((degree + 1L) * (degree + 1L) != k) {
            throw new GoldenException(c + ": features have " + k + " coefficients, expected a square number");
        }
        return GaussianParameters.of(degree, c.floats("xyz"), c.floats("scaling"), c.floats("rotation"), c.floats("opacity"), c.floats("features"));
    }

    private static SplatCamera camera(double[] c2w, double[] k, int view, int width, int height) {
        return new SplatCamera(width, height, k[4 * view], k[4 * view + 1], k[4 * view + 2], k[4 * view + 3], Arrays.copyOfRange(c2w, 16 * view, 16 * view + 16));
    }

    private static float[] floats(MemorySegment segment) {
        return segment.toArray(java.lang.foreign.ValueLayout.JAVA_FLOAT);
    }

    /** The expected gradients of the raw parameters that this case has. */
    private static void gradients(GoldenCase c, GaussianParameters g, List<CheckResult> out) throws IOException {
        List<MemorySegment> segments = List.of(g.means(), g.logScales(), g.quaternions(), g.opacityLogits(), g.sh());
        for (int i = 0; i < segments.size(); i++) {
            compare(c, "grad." + PARAMETERS.get(i), floats(segments.get(i)), out);
        }
    }

    private static void compare(GoldenCase c, String name, float[] actual, List<CheckResult> out) throws IOException {
        if (c.has(name)) {
            out.add(CheckResult.of(c.compare(name, actual)));
        }
    }

    private static void compare(GoldenCase c, String name, int[] actual, List<CheckResult> out) throws IOException {
        if (c.has(name)) {
            out.add(CheckResult.of(c.compare(name, actual)));
        }
    }

    private List<CheckResult> oneView(GoldenCase c) throws IOException {
        long[] shape = c.shape("rgb");
        int height = (int) shape[1], width = (int) shape[2];
        GaussianParameters gaussians = parameters(c);
        SplatCamera camera = camera(c.doubles("c2w"), c.doubles("fxfycxcy"), 0, width, height);
        double modifier = c.entry().path("scaling_modifier").asDouble(1);
        float[] background = c.floats("background"), w = c.floats("w");
        List<CheckResult> out = new ArrayList<>();

        SplatRasterizer exact = new SplatRasterizer(RasterOptions.DEFAULT.withReferenceLists());
        SplatImage image = SplatImage.allocate(width, height);
        exact.render(gaussians, camera, background, modifier, image);
        float[] rgb = image.rgbArray(), alpha = floats(image.alpha());
        compare(c, "rgb", rgb, out);
        compare(c, "alpha", alpha, out);
        double loss = 0;
        for (int i = 0; i < w.length; i++) {
            loss += (double) w[i] * rgb[i];
        }
        if (c.has("loss")) {
            out.add(CheckResult.of(c.compare("loss", loss)));
        }
        GradientProbe probe = new GradientProbe(gaussians.count());
        GaussianParameters gradients = gaussians.zerosLike();
        exact.backward(MemorySegment.ofArray(w), null, null, gradients, probe);
        gradients(c, gradients, out);
        compare(c, "grad.activated.scale", probe.scale, out);
        compare(c, "grad.activated.rotation", probe.unitQuaternion, out);
        compare(c, "grad.activated.opacity", probe.opacity, out);
        compare(c, "grad.uv", probe.mean2d, out);
        compare(c, "grad.conic", probe.conic, out);
        compare(c, "grad.color", probe.colour, out);
        compare(c, "grad.cov2d", probe.covariance2d, out);

        SplatInspection inspection = exact.inspect();
        compare(c, "radius", inspection.radius(), out);
        compare(c, "rect", inspection.rect(), out);
        compare(c, "tile_lists", inspection.tileLists(), out);
        compare(c, "tile_counts", inspection.tileCounts(), out);
        compare(c, "last_contributor", inspection.lastContributor(), out);
        compare(c, "uv", inspection.mean2d(), out);
        compare(c, "conic", inspection.conic(), out);
        compare(c, "cov2d", inspection.covariance2d(), out);
        compare(c, "depth", inspection.depth(), out);
        compare(c, "color", inspection.colour(), out);

        SplatRasterizer tight = new SplatRasterizer();
        SplatImage again = SplatImage.allocate(width, height);
        tight.render(gaussians, camera, background, modifier, again);
        out.add(CheckResult.check("same image with shortened tile lists", image.rgb().mismatch(again.rgb()) < 0 && image.alpha().mismatch(again.alpha()) < 0
            && image.depth().mismatch(again.depth()) < 0, tight.tileEntries() + " instead of " + exact.tileEntries() + " entries"));
        GaussianParameters tightGradients = gaussians.zerosLike();
        tight.backward(MemorySegment.ofArray(w), null, null, tightGradients, null);
        renamed(c, tightGradients, " (shortened lists)", out);
        reference(c, camera, modifier, out);
        return out;
    }

    private static void renamed(GoldenCase c, GaussianParameters gradients, String suffix, List<CheckResult> out) throws IOException {
        List<CheckResult> checks = new ArrayList<>();
        gradients(c, gradients, checks);
        checks.forEach(k -> out.add(new CheckResult(k.name() + suffix, k.status(), k.worstError(), k.ratio(), k.message())));
    }

    private static void reference(GoldenCase c, SplatCamera camera, double modifier, List<CheckResult> out) throws IOException {
        GaussianParameters g = parameters(c);
        SplatReference reference = new SplatReference(new SplatReference.Scene(g.count(), g.shDegree(), c.doubles("xyz"), c.doubles("scaling"),
            c.doubles("rotation"), c.doubles("opacity"), c.doubles("features")), camera, c.doubles("background"), modifier);
        List<CheckResult> checks = new ArrayList<>();
        checks.add(CheckResult.of(c.compare("rgb", reference.rgb)));
        if (c.has("last_contributor")) {
            checks.add(CheckResult.of(c.compare("last_contributor", reference.lastContributor)));
        }
        SplatReference.Scene gradients = reference.backward(c.doubles("w"), null, null);
        List<double[]> values = List.of(gradients.means(), gradients.logScales(), gradients.quaternions(), gradients.logits(), gradients.sh());
        for (int i = 0; i < values.size(); i++) {
            if (c.has("grad." + PARAMETERS.get(i))) {
                checks.add(CheckResult.of(c.compare("grad." + PARAMETERS.get(i), values.get(i))));
            }
        }
        checks.forEach(k -> out.add(new CheckResult(k.name() + " (float64 renderer)", k.status(), k.worstError(), k.ratio(), k.message())));
    }

    private List<CheckResult> severalViews(GoldenCase c) throws IOException {
        long[] shape = c.shape("rgb");
        int views = (int) shape[0], height = (int) shape[2], width = (int) shape[3], pixels = 3 * width * height;
        GaussianParameters gaussians = parameters(c);
        double[] c2w = c.doubles("c2w"), k = c.doubles("fxfycxcy");
        float[] w = c.floats("w");
        List<SplatCamera> cameras = new ArrayList<>();
        List<SplatImage> images = new ArrayList<>();
        List<MemorySegment> upstream = new ArrayList<>();
        for (int v = 0; v < views; v++) {
            cameras.add(camera(c2w, k, v, width, height));
            images.add(SplatImage.allocate(width, height));
            upstream.add(MemorySegment.ofArray(Arrays.copyOfRange(w, v * pixels, (v + 1) * pixels)));
        }
        DeferredBackpropagation deferred = new DeferredBackpropagation(new SplatRasterizer());
        deferred.render(gaussians, cameras, c.floats("background"), c.entry().path("scaling_modifier").asDouble(1), images);
        GaussianParameters gradients = gaussians.zerosLike();
        deferred.backward(upstream, gradients);
        float[] rgb = new float[views * pixels];
        for (int v = 0; v < views; v++) {
            System.arraycopy(images.get(v).rgbArray(), 0, rgb, v * pixels, pixels);
        }
        List<CheckResult> out = new ArrayList<>();
        compare(c, "rgb", rgb, out);
        gradients(c, gradients, out);
        return out;
    }

    private List<CheckResult> turntable(GoldenCase c) throws IOException {
        long[] shape = c.shape("frames");
        int views = (int) shape[0], size = (int) shape[2];
        GaussianParameters gaussians = parameters(c);
        List<SplatCamera> cameras = Turntable.stripCameras(size, views);
        double[] c2w = new double[16 * views], k = new double[4 * views];
        float[] frames = new float[views * 3 * size * size];
        SplatRasterizer rasterizer = new SplatRasterizer();
        SplatImage image = SplatImage.allocate(size, size);
        for (int v = 0; v < views; v++) {
            SplatCamera camera = cameras.get(v);
            System.arraycopy(camera.c2w(), 0, c2w, 16 * v, 16);
            System.arraycopy(new double[] {camera.fx(), camera.fy(), camera.cx(), camera.cy()}, 0, k, 4 * v, 4);
            rasterizer.render(gaussians, camera, new float[] {1, 1, 1}, 1, image);
            System.arraycopy(image.rgbArray(), 0, frames, v * 3 * size * size, 3 * size * size);
        }
        List<CheckResult> out = new ArrayList<>();
        if (c.has("c2w")) {
            out.add(CheckResult.of(c.compare("c2w", c2w)));
        }
        if (c.has("fxfycxcy")) {
            out.add(CheckResult.of(c.compare("fxfycxcy", k)));
        }
        compare(c, "frames", frames, out);
        out.add(CheckResult.of(c.compareUnsigned("strip", Turntable.strip(rasterizer, gaussians, size, views))));
        return out;
    }
}
