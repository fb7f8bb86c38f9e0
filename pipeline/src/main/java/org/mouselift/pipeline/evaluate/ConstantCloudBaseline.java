package org.mouselift.pipeline.evaluate;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.mouselift.data.camera.Camera;
import org.mouselift.data.ply.GaussianCloud;
import org.mouselift.pipeline.fit.FitOptions;
import org.mouselift.pipeline.fit.FitView;
import org.mouselift.pipeline.fit.SplatFit;
import org.mouselift.pipeline.reconstruct.PosedView;
import org.mouselift.pipeline.reconstruct.PosedViewReader;
import org.mouselift.pipeline.reconstruct.PosedViewReader.PictureFile;
import org.mouselift.pipeline.render.SplatScene;

/**
 * The one cloud of Gaussians that fits the pictures of all training subjects best in mean squared error, whatever the inputs
 * are: Adam on the splat parameters, a random picture of a random subject in each step.
 */
public final class ConstantCloudBaseline implements Baseline {
    private static final int START = 2000;
    private static final int MOST = 8_000;
    private static final double BALL = 0.5;
    /** About three times those of a single subject: pictures of different subjects pull in different directions and only their mean counts. */
    private static final FitOptions.Rates RATES = new FitOptions.Rates(5e-4, 5e-6, 1e-2, 2e-3, 5e-2, 1e-2);

    private final SplatFit fit;

    /**
     * Fits the cloud.
     *
     * @param samples training samples
     * @param size of the pictures, pixels
     * @param views pictures that are used, spread evenly over all
     */
    public ConstantCloudBaseline(List<Path> samples, int size, int views, int iterations, long seed, SplatFit.Listener listener) throws IOException {
        List<PictureFile> all = new ArrayList<>();
        for (Path sample : samples) {
            all.addAll(PosedViewReader.index(sample));
        }
        List<FitView> used = new ArrayList<>();
        int count = Math.min(views, all.size());
        for (int i = 0; i < count; i++) {
            // Both the subject and the view of a subject change from one picture to the next.
            PosedView view = all.get((int) ((long) i * all.size() / count)).load(size);
            used.add(new FitView(view.name(), SplatScene.camera(view.camera()), view.picture().toFloatChw(), new float[size * size]));
        }
        FitOptions standard = FitOptions.DEFAULT;
        FitOptions options = new FitOptions(iterations, 0, seed, standard.hullResolution(), MOST, new FitOptions.Loss(0, 1, 0, 0), RATES,
                standard.densifyGradient(), standard.densifyEvery(), 0);
        this.fit = new SplatFit(used, options, ball(seed));
        fit.run(listener);
    }

    /** Grey, nearly transparent Gaussians all over a ball around the origin. */
    private static GaussianCloud ball(long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        float[] xyz = new float[3 * START];
        float[] scale = new float[3 * START];
        float[] rotation = new float[4 * START];
        float[] opacity = new float[START];
        for (int i = 0; i < START; i++) {
            double z = random.nextDouble(-1, 1);
            double a = random.nextDouble(2 * Math.PI);
            double r = BALL * Math.cbrt(random.nextDouble());
            xyz[3 * i] = (float) (r * Math.sqrt(1 - z * z) * Math.cos(a));
            xyz[3 * i + 1] = (float) (r * Math.sqrt(1 - z * z) * Math.sin(a));
            xyz[3 * i + 2] = (float) (r * z);
            java.util.Arrays.fill(scale, 3 * i, 3 * i + 3, (float) Math.log(BALL / Math.cbrt(START)));
            rotation[4 * i] = 1;
            opacity[i] = -4;
        }
        return new GaussianCloud(START, 0, xyz, new float[3 * START], scale, rotation, opacity);
    }

    @Override
    public String name() {
        return "constantCloud";
    }

    @Override
    public float[] picture(Camera camera) {
        int pixels = camera.intrinsics().width() * camera.intrinsics().height();
        return fit.render(new FitView("baseline", SplatScene.camera(camera), new float[3 * pixels], new float[pixels]));
    }

    /** The fitted Gaussians. */
    public GaussianCloud cloud() {
        return fit.cloud();
    }
}
