package org.mouselift.pipeline.fit;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.mouselift.data.image.Image8;
import org.mouselift.data.ply.GaussianCloud;
import org.mouselift.models.splat.GradientProbe;
import org.mouselift.models.splat.SplatImage;
import org.mouselift.models.splat.SplatRasterizer;

/**
 * Fits Gaussians to calibrated views of one subject by gradient descent through the renderer (3D Gaussian splatting, Kerbl et
 * al. 2023), beginning with the visual hull. Deterministic for a given seed.
 */
public final class SplatFit {
    /** What a step reports. */
    @FunctionalInterface
    public interface Listener {
        /**
         * @param iteration 1 … iterations
         * @param loss total of this step's view
         * @param psnr dB of this step's view
         */
        void step(int iteration, double loss, double psnr, int gaussians);
    }

    private static final float[] WHITE = {1, 1, 1};

    private final FitOptions options;
    private final List<FitView> views;
    private final SplatModel model;
    private final double extent;
    private final SplatRasterizer rasterizer = new SplatRasterizer();
    private final SplittableRandom random;
    private PictureLoss loss;
    private float[] rgb, alpha;

    /** Prepares a fit; the start is the visual hull of the views. */
    public SplatFit(List<FitView> views, FitOptions options) {
        this(views, options, HullInitialization.gaussians(views, options.hullResolution(), options.maxGaussians(), options.shDegree()));
    }

    /** Prepares a fit that begins with given Gaussians, for example the output of a network; their degree is kept. */
    public SplatFit(List<FitView> views, FitOptions options, GaussianCloud start) {
        if (views.isEmpty()) {
            throw new IllegalArgumentException("no views to fit");
        }
        this.options = options;
        this.views = List.copyOf(views);
        this.model = new SplatModel(start);
        this.extent = extent(views);
        this.random = new SplittableRandom(options.seed());
    }

    /** Scene extent of 3D Gaussian splatting: 1.1 × the largest distance of a camera from the cameras' centre (1 for a single view). */
    static double extent(List<FitView> views) {
        double[] centre = new double[3];
        for (FitView v : views) {
            double[] c = v.camera().c2w();
            for (int k = 0; k < 3; k++) {
                centre[k] += c[4 * k + 3] / views.size();
            }
        }
        double farthest = 0;
        for (FitView v : views) {
            double[] c = v.camera().c2w();
            farthest = Math.max(farthest, Math.sqrt(Math.pow(c[3] - centre[0], 2) + Math.pow(c[7] - centre[1], 2) + Math.pow(c[11] - centre[2], 2)));
        }
        return farthest > 0 ? 1.1 * farthest : 1;
    }

    /** Number of Gaussians now. */
    public int gaussians() {
        return model.count();
    }

    /** The Gaussians as they are now. */
    public GaussianCloud cloud() {
        return model.cloud();
    }

    /** Runs all iterations. */
    public void run(Listener listener) {
        int n = options.iterations();
        int densifyFrom = n / 10, densifyUntil = n * 6 / 10;
        Densification densification = new Densification(extent, model.count());
        GradientProbe probe = new GradientProbe(model.count());
        int[] order = new int[0];
        for (int step = 1; step <= n; step++) {
            if ((step - 1) % views.size() == 0) {
                order = shuffled(views.size());
            }
            FitView view = views.get(order[(step - 1) % views.size()]);
            boolean densifying = step <= densifyUntil;
            double[] result = step(view, densifying ? probe : null, step);
            if (densifying) {
                densification.observe(probe, view.camera());
                if (step >= densifyFrom && step % options.densifyEvery() == 0) {
                    densification.apply(model, options.densifyGradient(), options.maxGaussians(), random);
                    probe = new GradientProbe(model.count());
                }
                if (options.opacityReset() > 0 && step % options.opacityReset() == 0 && step + options.opacityReset() / 2 <= densifyUntil) {
                    resetOpacity();
                }
            }
            listener.step(step, result[0], result[1], model.count());
        }
    }

    private int[] shuffled(int n) {
        int[] order = new int[n];
        for (int i = 0; i < n; i++) {
            int j = random.nextInt(i + 1);
            order[i] = order[j];
            order[j] = i;
        }
        return order;
    }

    /** One view: render, loss, gradients, Adam. Returns loss and PSNR. */
    private double[] step(FitView view, GradientProbe probe, int step) {
        if (loss == null || !loss.fits(view)) {
            loss = new PictureLoss(options.loss(), view.width(), view.height());
            rgb = new float[3 * view.width() * view.height()];
            alpha = new float[view.width() * view.height()];
        }
        SplatImage image = new SplatImage(view.width(), view.height(), MemorySegment.ofArray(rgb), MemorySegment.ofArray(alpha), null);
        rasterizer.render(model.parameters(), view.camera(), WHITE, 1, image);
        double value = loss.compute(view, rgb, alpha);
        if (!Double.isFinite(value)) {
            throw new IllegalStateException("the loss became " + value + " at step " + step + " (view " + view.name() + "): the fit diverged; lower the learning rates");
        }
        rasterizer.backward(MemorySegment.ofArray(loss.gradRgb), options.loss().alpha() > 0 ? MemorySegment.ofArray(loss.gradAlpha) : null, null, model.gradients(), probe);
        double fraction = options.iterations() > 1 ? (step - 1.0) / (options.iterations() - 1) : 0;
        FitOptions.Rates rates = options.rates();
        model.means.step(step, rates(3, extent * rates.positionAt(fraction)));
        model.logScales.step(step, rates(3, rates.scale()));
        model.quaternions.step(step, rates(4, rates.rotation()));
        model.logits.step(step, rates(1, rates.opacity()));
        model.sh.step(step, colourRates(fraction));
        return new double[] {value, loss.psnr()};
    }

    private static float[] rates(int width, double rate) {
        float[] out = new float[width];
        Arrays.fill(out, (float) rate);
        return out;
    }

    /** Higher degrees learn 20 times slower and join one by one in the first half of the run. */
    private float[] colourRates(double fraction) {
        int active = Math.min(model.degree, (int) (2 * (model.degree + 1) * fraction));
        float[] out = new float[3 * (model.degree + 1) * (model.degree + 1)];
        for (int k = 0; k < out.length / 3; k++) {
            double rate = k == 0 ? options.rates().colour() : k < (active + 1) * (active + 1) ? options.rates().colour() / 20 : 0;
            Arrays.fill(out, 3 * k, 3 * k + 3, (float) rate);
        }
        return out;
    }

    private void resetOpacity() {
        float[] logits = model.logits.values();
        float low = (float) Math.log(0.01 / 0.99);
        for (int i = 0; i < model.count(); i++) {
            logits[i] = Math.min(logits[i], low);
        }
        model.logits.forget();
    }

    /** Picture of a view with the Gaussians as they are now, [3,H,W], not clamped. */
    public float[] render(FitView view) {
        SplatImage image = SplatImage.allocate(view.width(), view.height());
        rasterizer.render(model.parameters(), view.camera(), WHITE, 1, image);
        return image.rgbArray();
    }

    /** Pictures of views above their renderings above four times the difference, side by side. */
    public Image8 comparison(List<FitView> which) {
        return ComparisonStrip.of(which, which.stream().map(this::render).toList());
    }

    /** Scores of views with the Gaussians as they are now. */
    public List<ViewScore> score(List<FitView> which, boolean heldOut) {
        List<ViewScore> out = new ArrayList<>();
        for (FitView view : which) {
            out.add(ViewScore.of(view, heldOut, render(view)));
        }
        return out;
    }
}
