package org.mouselift.pipeline.train;

import java.io.IOException;
import java.util.HashMap;
import java.util.Map;
import org.mouselift.data.dataset.MultiViewDataset;
import org.mouselift.data.dataset.MultiViewItem;
import org.mouselift.engine.Philox;

/** Scenes of a data set on disk. Decoded scenes stay in memory up to a limit when their contents do not depend on draws. */
public final class DatasetScenes implements SceneSource {
    private final MultiViewDataset dataset;
    private final long cacheBytes;
    private final Map<Integer, Scene> cache = new HashMap<>();
    private long cached;

    /** @param cacheBytes memory for decoded scenes; 0 when items depend on random numbers (views, background, augmentation) */
    public DatasetScenes(MultiViewDataset dataset, long cacheBytes) {
        this.dataset = dataset;
        this.cacheBytes = cacheBytes;
    }

    @Override
    public int size() {
        return dataset.size();
    }

    @Override
    public synchronized Scene load(int index, Philox draws) throws IOException {
        Scene known = cache.get(index);
        if (known != null) {
            return known;
        }
        Scene scene = scene(dataset.get(index, draws));
        long bytes = 4L * (scene.images().length + scene.depth().length);
        if (cached + bytes <= cacheBytes) {
            cache.put(index, scene);
            cached += bytes;
        }
        return scene;
    }

    private static Scene scene(MultiViewItem item) {
        return new Scene(item.sample().getFileName().toString(), item.views(), item.channels(), item.size(), item.size(), item.images(),
                flat(item.c2w(), 16), flat(item.fxfycxcy(), 4), item.depth());
    }

    private static float[] flat(float[][] rows, int width) {
        float[] out = new float[rows.length * width];
        for (int i = 0; i < rows.length; i++) {
            System.arraycopy(rows[i], 0, out, i * width, width);
        }
        return out;
    }
}
