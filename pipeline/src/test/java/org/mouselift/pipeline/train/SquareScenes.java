package org.mouselift.pipeline.train;

import java.util.List;
import org.mouselift.engine.Philox;
import org.mouselift.models.splat.SplatCamera;
import org.mouselift.models.splat.Turntable;

/** Made-up scenes for trainings that run in milliseconds. */
final class SquareScenes {
    static final int SIZE = 16;

    /** Five scenes of a coloured square seen from four cameras. */
    static final SceneSource SCENES = new SceneSource() {
        @Override
        public int size() {
            return 5;
        }

        @Override
        public Scene load(int index, Philox draws) {
            int views = 4;
            float[] images = new float[views * 4 * SIZE * SIZE];
            float[] c2w = new float[views * 16];
            float[] lens = new float[views * 4];
            List<SplatCamera> cameras = Turntable.cameras(50, views, SIZE, SIZE, 2.7, 10);
            for (int v = 0; v < views; v++) {
                for (int p = 0; p < SIZE * SIZE; p++) {
                    boolean inside = Math.abs(p % SIZE - 8) < 4 && Math.abs(p / SIZE - 8) < 4;
                    for (int c = 0; c < 3; c++) {
                        images[(v * 4 + c) * SIZE * SIZE + p] = inside ? (index + c) / 8f : 1;
                    }
                    images[(v * 4 + 3) * SIZE * SIZE + p] = inside ? 1 : 0;
                }
                SplatCamera camera = cameras.get(v);
                for (int i = 0; i < 16; i++) {
                    c2w[v * 16 + i] = (float) camera.c2w()[i];
                }
                lens[v * 4] = (float) camera.fx();
                lens[v * 4 + 1] = (float) camera.fy();
                lens[v * 4 + 2] = (float) camera.cx();
                lens[v * 4 + 3] = (float) camera.cy();
            }
            return new Scene("scene" + index, views, 4, SIZE, SIZE, images, c2w, lens);
        }
    };

    private SquareScenes() {}
}
