package org.mouselift.data.dataset;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;
import org.apache.commons.math3.geometry.euclidean.threed.Vector3D;
import org.mouselift.data.camera.OpencvCameraFile;

/** Random views of every sample (GS-LRM specification §5.3); camera poses exactly as stored. */
public final class RandomViewDataset extends MultiViewDataset {
    private static final double MIN_OVERLAP = 0.5;

    /**
     * @param imageSize side of the pictures
     * @param numViews views per item, the first {@code numInputViews} are inputs
     * @param maximizeViewOverlap further views only within 60° of an input
     * @param originalOverlap measure overlap as the original, by positions that are not normalised (about 86° at distance
     *     2.7); for reproduction
     * @param sortViews sort inputs and the others ascending (the shipped configurations always do)
     * @param removeAlpha drop alpha after compositing
     */
    public record Options(int imageSize, int numViews, int numInputViews, boolean maximizeViewOverlap, boolean originalOverlap, boolean sortViews,
                          BackgroundColor background, boolean removeAlpha) {
        public Options {
            if (numInputViews < 1 || numViews < numInputViews) {
                throw new IllegalArgumentException("dataset: num_input_views " + numInputViews + ", num_views " + numViews
                        + "; expected 1 <= num_input_views <= num_views");
            }
        }
    }

    private final Options options;
    private final SampleViews.Treatment treatment;

    public RandomViewDataset(SampleList samples, Options options, int maxBadSamples) {
        super(samples, maxBadSamples);
        this.options = options;
        this.treatment = new SampleViews.Treatment(options.imageSize, options.removeAlpha, AutoMask.OFF, 250, false);
    }

    @Override
    MultiViewItem load(int sample, RandomGenerator random) throws IOException {
        Path folder = samples().samples().get(sample);
        SampleViews views = SampleViews.open(folder, options.numViews);
        float[] background = options.background.draw(random);
        int[] chosen = choose(folder, views.cameras(), random);
        SampleViews.Loaded loaded = views.load(chosen, treatment, BackgroundColor.toBytes(background), ViewAugmentation.NONE.draw(random));
        return views.item(loaded, loaded.rig(), chosen, sample, background, new float[0]);
    }

    private int[] choose(Path folder, OpencvCameraFile cameras, RandomGenerator random) throws DatasetException {
        int available = cameras.frames().size();
        int[] all = IntStream.range(0, available).toArray();
        int inputs = options.numInputViews;
        int[] chosen;
        if (options.maximizeViewOverlap) {
            int[] first = draw(all, inputs, random);
            int[] near = Arrays.stream(all).filter(v -> Arrays.stream(first).noneMatch(i -> i == v))
                    .filter(v -> Arrays.stream(first).anyMatch(i -> overlap(cameras, v, i) >= MIN_OVERLAP)).toArray();
            int further = options.numViews - inputs;
            if (near.length < further) {
                throw new DatasetException("MFL-E113", folder, "only " + near.length + " views lie within 60 degrees of the inputs " + Arrays.toString(first)
                        + ", needs " + further, "lower num_views or switch maximize_view_overlap off");
            }
            chosen = Arrays.copyOf(first, options.numViews);
            System.arraycopy(draw(near, further, random), 0, chosen, inputs, further);
        } else {
            chosen = draw(all, options.numViews, random);
        }
        if (options.sortViews) {
            Arrays.sort(chosen, 0, inputs);
            Arrays.sort(chosen, inputs, chosen.length);
        }
        return chosen;
    }

    private double overlap(OpencvCameraFile cameras, int a, int b) {
        Vector3D p = cameras.frames().get(a).camera().center();
        Vector3D q = cameras.frames().get(b).camera().center();
        double scale = options.originalOverlap ? 1 : p.getNorm() * q.getNorm();
        return scale == 0 ? 0 : p.dotProduct(q) / scale;
    }

    /** {@code count} different values in random order. */
    private static int[] draw(int[] values, int count, RandomGenerator random) {
        int[] pool = values.clone();
        for (int i = 0; i < count; i++) {
            int j = i + random.nextInt(pool.length - i);
            int swap = pool[i];
            pool[i] = pool[j];
            pool[j] = swap;
        }
        return Arrays.copyOf(pool, count);
    }
}
