package org.mouselift.pipeline.train;

import java.io.IOException;
import org.mouselift.engine.Philox;

/** Scenes by index. A scene depends only on the index and the draws, so that a resumed run sees what the first would have. */
public interface SceneSource {
    int size();

    /**
     * Loads a scene.
     *
     * @param draws random numbers of this load (view choice, background, augmentation)
     */
    Scene load(int index, Philox draws) throws IOException;

    /** The first n scenes. */
    default SceneSource first(int n) {
        if (n < 1 || n > size()) {
            throw new IllegalArgumentException("first " + n + " of " + size() + " scenes");
        }
        SceneSource all = this;
        return new SceneSource() {
            @Override
            public int size() {
                return n;
            }

            @Override
            public Scene load(int index, Philox draws) throws IOException {
                return all.load(index, draws);
            }
        };
    }
}
