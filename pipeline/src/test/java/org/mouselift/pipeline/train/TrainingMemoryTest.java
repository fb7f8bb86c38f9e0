package org.mouselift.pipeline.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.mouselift.engine.DType;
import org.mouselift.engine.MemoryPool;
import org.mouselift.models.gslrm.GsLrm;
import org.mouselift.models.gslrm.GsLrmConfig;
import org.mouselift.models.losses.LossConfig;
import org.mouselift.models.losses.LossWeights;
import org.mouselift.models.losses.ReconstructionLoss;
import org.mouselift.models.optim.AdamW;
import org.mouselift.models.optim.GradientRules;
import org.mouselift.models.optim.Schedule;

/** A long training holds what it held after its first passes: nothing new off the heap, nothing kept on it. */
class TrainingMemoryTest {
    private static final int PASSES = 1000;
    private static final int WARM = 4;
    private static final int HEAP_FROM = 200;
    private static final long HEAP_GROWTH = 1 << 20;

    /** What is in use at the end of every pass. */
    private static final class Watch implements TrainingListener {
        private final List<MemoryPool.Usage> usage = new ArrayList<>(PASSES);
        private final List<Long> heap = new ArrayList<>();

        @Override
        public void note(String text) {}

        @Override
        public void pass(long pass, long last, Map<String, Double> values) {
            usage.add(MemoryPool.usage());
            if (pass == WARM) {
                MemoryPool.resetPeak();
            }
            if (pass == HEAP_FROM || pass == last) {
                heap.add(usedHeap());
            }
        }

        @Override
        public void validated(long pass, Map<String, Double> values) {}

        @Override
        public void picture(long pass, String name, BufferedImage picture) {}

        @Override
        public void saved(Path file) {}

        private static long usedHeap() {
            System.gc();
            System.gc();
            return Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory();
        }
    }

    @Test
    void aThousandPassesNeedNoMoreThanTheFirst(@TempDir Path folder) throws IOException {
        Watch watch = new Watch();
        var plan = new GsLrmTrainer.Plan(folder, 5, 1, 2, PASSES, new SceneBatch.ViewRule(2, true, 1), 0, 0, 0, 0, 0, "", "{}");
        MemoryPool.trim();
        try (GsLrm model = GsLrm.initialised(GsLrmConfig.tiny().withSize(16, 16, 1).withCheckpointEvery(1), DType.F32, 3);
                GsLrmTrainer trainer = new GsLrmTrainer(model, new ReconstructionLoss(LossConfig.of(LossWeights.L2), null, null), new AdamW(model.stateDict(), AdamW.Options.GS_LRM),
                        new Schedule(Schedule.Kind.COSINE, 1e-3, 2, PASSES / 2)::rate, new GradientRules(1, 20, true, true), SquareScenes.SCENES, null, null, plan, watch)) {
            trainer.run();
        }
        MemoryPool.Usage warm = watch.usage.get(WARM);
        for (int pass = WARM + 1; pass < PASSES; pass++) {
            MemoryPool.Usage now = watch.usage.get(pass);
            assertEquals(warm.blocksCreated(), now.blocksCreated(), "blocks created up to pass " + (pass + 1));
            // Every second pass ends an accumulation window, in which the sums of the gradients are alive.
            assertEquals(watch.usage.get(WARM + (pass - WARM) % 2).liveBytes(), now.liveBytes(), "live bytes after pass " + (pass + 1));
            assertEquals(warm.liveBytes() + warm.pooledBytes(), now.liveBytes() + now.pooledBytes(), "bytes held after pass " + (pass + 1));
        }
        assertEquals(watch.usage.get(WARM + 2).peakBytes(), watch.usage.getLast().peakBytes(), "peak");
        long growth = watch.heap.get(1) - watch.heap.get(0);
        assertTrue(growth < HEAP_GROWTH, "the heap grew by " + growth + " bytes from pass " + HEAP_FROM + " to pass " + PASSES);
    }
}
