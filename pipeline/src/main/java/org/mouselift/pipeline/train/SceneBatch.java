package org.mouselift.pipeline.train;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.mouselift.engine.Philox;
import org.mouselift.engine.Tensor;

/**
 * Scenes of one pass, split into input and target views.
 *
 * @param input the first views of every scene
 * @param target the supervised views
 */
public record SceneBatch(List<Scene> input, List<Scene> target) {
    /** Streams of the generator, so that different uses of one seed never share numbers. */
    private static final long ORDER = 1L << 40;
    private static final long DRAWS = 2L << 40;

    /**
     * Which views are supervised (GS-LRM specification §1.3).
     *
     * @param inputViews views that the network sees
     * @param withInputs input views are among the targets
     * @param perPass targets drawn at random for each pass; 0 takes all
     */
    public record ViewRule(int inputViews, boolean withInputs, int perPass) {
        int[] targets(int views, Philox draws) {
            int from = withInputs ? 0 : inputViews;
            int candidates = views - from;
            if (candidates < 1) {
                throw new IllegalArgumentException("no target views: " + views + " views, of which " + inputViews
                        + " are inputs, and target_has_input is false");
            }
            int[] chosen;
            if (perPass == 0 || perPass >= candidates) {
                chosen = new int[candidates];
                Arrays.setAll(chosen, i -> i);
            } else {
                chosen = draws.choose(candidates, perPass);
            }
            for (int i = 0; i < chosen.length; i++) {
                chosen[i] += from;
            }
            return chosen;
        }
    }

    /**
     * The batch of a pass: samples in an order shuffled anew each epoch, the last incomplete batch of an epoch left out
     * unless the source is smaller than a batch. A function of (seed, pass) alone.
     */
    public static SceneBatch of(SceneSource source, ViewRule rule, long seed, long pass, int batch) throws IOException {
        long perEpoch = Math.max(1, source.size() / batch);
        long epoch = pass / perEpoch;
        int[] order = new Philox(seed, ORDER + epoch).choose(source.size(), source.size());
        List<Scene> input = new ArrayList<>();
        List<Scene> target = new ArrayList<>();
        for (int i = 0; i < batch; i++) {
            long slot = pass * batch + i;
            Philox draws = new Philox(seed, DRAWS + slot);
            Scene scene = source.load(order[(int) ((pass % perEpoch * batch + i) % source.size())], draws);
            add(scene, rule, draws, input, target);
        }
        return new SceneBatch(input, target);
    }

    /** One scene with all its target views. */
    public static SceneBatch whole(Scene scene, int inputViews, boolean withInputs) {
        List<Scene> input = new ArrayList<>();
        List<Scene> target = new ArrayList<>();
        add(scene, new ViewRule(inputViews, withInputs, 0), new Philox(0, 0), input, target);
        return new SceneBatch(input, target);
    }

    private static void add(Scene scene, ViewRule rule, Philox draws, List<Scene> input, List<Scene> target) {
        if (scene.views() < rule.inputViews()) {
            throw new IllegalArgumentException("scene " + scene.id() + " has " + scene.views() + " views, the network takes " + rule.inputViews());
        }
        int[] first = new int[rule.inputViews()];
        Arrays.setAll(first, i -> i);
        input.add(scene.select(first));
        target.add(scene.select(rule.targets(scene.views(), draws)));
    }

    /** Pictures [B,V,C,H,W] in the current scope. */
    public static Tensor images(List<Scene> scenes) {
        Scene s = scenes.getFirst();
        return join(scenes, Scene::images, s.views(), s.channels(), s.height(), s.width());
    }

    /** Camera-to-world matrices [B,V,4,4] in the current scope. */
    public static Tensor c2w(List<Scene> scenes) {
        return join(scenes, Scene::c2w, scenes.getFirst().views(), 4, 4);
    }

    /** fx, fy, cx, cy [B,V,4] in the current scope. */
    public static Tensor intrinsics(List<Scene> scenes) {
        return join(scenes, Scene::intrinsics, scenes.getFirst().views(), 4);
    }

    /** Known z depth [B,V,1,H,W] in the current scope; every view must have one. */
    public static Tensor depth(List<Scene> scenes) {
        Scene s = scenes.getFirst();
        return join(scenes, Scene::depth, s.views(), 1, s.height(), s.width());
    }

    /** Optical axes (the third columns of the camera-to-world matrices) [B,V,3,1,1] in the current scope. */
    public static Tensor axes(List<Scene> scenes) {
        return join(scenes, s -> {
            float[] axes = new float[3 * s.views()];
            for (int i = 0; i < axes.length; i++) {
                axes[i] = s.c2w()[i / 3 * 16 + i % 3 * 4 + 2];
            }
            return axes;
        }, scenes.getFirst().views(), 3, 1, 1);
    }

    private static Tensor join(List<Scene> scenes, java.util.function.Function<Scene, float[]> part, long... dims) {
        int each = part.apply(scenes.getFirst()).length;
        float[] all = new float[each * scenes.size()];
        for (int i = 0; i < scenes.size(); i++) {
            float[] values = part.apply(scenes.get(i));
            if (values.length != each) {
                throw new IllegalArgumentException("scenes of one batch differ in views, channels or size: " + scenes.getFirst().id() + " and "
                        + scenes.get(i).id());
            }
            System.arraycopy(values, 0, all, i * each, each);
        }
        long[] shape = new long[dims.length + 1];
        shape[0] = scenes.size();
        System.arraycopy(dims, 0, shape, 1, dims.length);
        return Tensor.of(all, shape);
    }
}
