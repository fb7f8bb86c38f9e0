package org.mouselift.pipeline.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.mouselift.engine.DType;
import org.mouselift.engine.Philox;
import org.mouselift.models.optim.AdamW;
import org.mouselift.models.optim.GradientRules;
import org.mouselift.models.optim.Schedule;
import org.mouselift.models.optim.TrainingStep;
import org.mouselift.models.vae.AutoencoderConfig;
import org.mouselift.models.vae.AutoencoderKL;

class AutoencoderTrainerTest {
    private static final int SIZE = 16;

    private static final SceneSource DISCS = new Discs(3);

    /** Discs of one colour on white, of which the fourth channel is the alpha. */
    private record Discs(int channels) implements SceneSource {
        @Override
        public int size() {
            return 5;
        }

        @Override
        public Scene load(int index, Philox draws) {
            int views = 3;
            float[] images = new float[views * channels * SIZE * SIZE];
            for (int i = 0; i < images.length; i++) {
                int view = i / (channels * SIZE * SIZE);
                int channel = i / (SIZE * SIZE) % channels;
                double x = i % SIZE - 7.5 - view;
                double y = i / SIZE % SIZE - 7.5 + index;
                boolean inside = x * x + y * y < 20;
                images[i] = channel == 3 ? inside ? 1 : 0 : inside ? (index + channel) / 8f : 1;
            }
            return new Scene("discs" + index, views, channels, SIZE, SIZE, images, new float[views * 16], new float[views * 4]);
        }
    }

    private static class Log implements TrainingListener {
        private final List<Double> losses = new ArrayList<>();
        private final List<Double> validations = new ArrayList<>();

        @Override
        public void note(String text) {}

        @Override
        public void pass(long pass, long last, Map<String, Double> values) {
            losses.add(values.get("train/loss"));
            assertEquals(values.get("train/l1_loss") + 0.5 * values.get("train/l2_loss") + 1e-4 * values.get("train/kl_loss") + 0.25 * values.get("train/chroma_loss"), values.get("train/loss"), 1e-5);
        }

        @Override
        public void validated(long pass, Map<String, Double> values) {
            validations.add(values.get("val/psnr"));
        }

        @Override
        public void picture(long pass, String name, BufferedImage picture) {
            assertEquals("val/gt_vs_pred_0", name);
        }

        @Override
        public void saved(Path file) {}
    }

    private static Log train(Path folder, long passes, long planned) throws IOException {
        Log log = new Log();
        AutoencoderConfig config = new AutoencoderConfig(3, 2, List.of(8, 16), 1, 4, SIZE, 1);
        var course = new TrainingRun.Course(folder, 4, 1, passes, 5, 0, passes == planned ? 10 : 0, "text", "{}");
        try (AutoencoderKL model = AutoencoderKL.initialised(config, DType.F32, 1)) {
            AdamW optimiser = new AdamW(model.stateDict(), new AdamW.Options(0.9, 0.99, 1e-8, 0));
            TrainingStep step = new TrainingStep(optimiser, new Schedule(Schedule.Kind.COSINE, 3e-3, 2, planned), GradientRules.clipOnly(1), 1);
            var plan = new AutoencoderTrainer.Plan(course, DISCS, DISCS, 2, 1, 0.5, 1e-4, 0.25, 1, 3);
            try (AutoencoderTrainer trainer = new AutoencoderTrainer(model, optimiser, step, plan, log)) {
                trainer.resume();
                trainer.run();
                double factor = trainer.scalingFactor(5);
                assertTrue(factor > 0 && Double.isFinite(factor), "scaling factor " + factor);
            }
        }
        return log;
    }

    /** Where the subject weighs w times the background, both weigh as much as so many more pixels would. */
    @Test
    void theSubjectWeighsMore(@TempDir Path folder) throws IOException {
        Map<Double, double[]> errors = new java.util.LinkedHashMap<>();
        AutoencoderConfig config = new AutoencoderConfig(3, 2, List.of(8, 16), 1, 4, SIZE, 1);
        for (double foreground : new double[] {1, 1e-3, 4}) {
            TrainingListener log = new Log() {
                @Override
                public void pass(long pass, long last, Map<String, Double> values) {
                    errors.put(foreground, new double[] {values.get("train/l1_loss"), values.get("train/l2_loss")});
                }
            };
            try (AutoencoderKL model = AutoencoderKL.initialised(config, DType.F32, 1)) {
                AdamW optimiser = new AdamW(model.stateDict(), new AdamW.Options(0.9, 0.99, 1e-8, 0));
                TrainingStep step = new TrainingStep(optimiser, new Schedule(Schedule.Kind.COSINE, 1e-9, 0, 1), GradientRules.clipOnly(1), 1);
                var course = new TrainingRun.Course(folder.resolve("" + foreground), 4, 1, 1, 5, 0, 0, "text", "{}");
                try (AutoencoderTrainer trainer = new AutoencoderTrainer(model, optimiser, step,
                        new AutoencoderTrainer.Plan(course, new Discs(4), null, 2, 1, 1, 0, 0, foreground, 0), log)) {
                    trainer.run();
                }
            }
        }
        double covered = 0;
        for (int i = 0; i < 2; i++) {
            Philox draws = new Philox(4, (3L << 40) + i);
            Scene scene = new Discs(4).load(draws.below(5), draws);
            for (float a : scene.mask(draws.below(3))) {
                covered += a / (2 * SIZE * SIZE);
            }
        }
        assertTrue(covered > 0.02 && covered < 0.98, "share of the subject " + covered);
        for (int k = 0; k < 2; k++) {
            // e(w) = (w c f + (1 - c) b) / (w c + 1 - c) for errors f of the subject and b of the background; b from w near 0, f from w = 1.
            double c = covered;
            double one = errors.get(1.0)[k];
            double small = errors.get(1e-3)[k] * (1e-3 * c + 1 - c);
            double f = (one - small) / (c - 1e-3 * c);
            double b = (one - c * f) / (1 - c);
            assertEquals((4 * c * f + (1 - c) * b) / (4 * c + 1 - c), errors.get(4.0)[k], 1e-5 * one);
            assertTrue(Math.abs(errors.get(4.0)[k] - one) > 1e-3 * one, "no difference: " + one);
        }
        Log log = new Log();
        try (AutoencoderKL model = AutoencoderKL.initialised(config, DType.F32, 1)) {
            AdamW optimiser = new AdamW(model.stateDict(), new AdamW.Options(0.9, 0.99, 1e-8, 0));
            TrainingStep step = new TrainingStep(optimiser, new Schedule(Schedule.Kind.COSINE, 1e-9, 0, 1), GradientRules.clipOnly(1), 1);
            var course = new TrainingRun.Course(folder.resolve("none"), 4, 1, 1, 5, 0, 0, "text", "{}");
            try (AutoencoderTrainer trainer = new AutoencoderTrainer(model, optimiser, step, new AutoencoderTrainer.Plan(course, DISCS, null, 2, 1, 1, 0, 0, 4, 0), log)) {
                assertTrue(assertThrows(IllegalArgumentException.class, trainer::run).getMessage().contains("alpha"));
            }
        }
    }

    @Test
    void learnsAndContinuesBitForBit(@TempDir Path whole, @TempDir Path parts) throws IOException {
        Log straight = train(whole, 40, 40);
        assertTrue(straight.losses.getLast() < 0.5 * straight.losses.getFirst(), straight.losses.toString());
        assertEquals(4, straight.validations.size());
        assertTrue(straight.validations.getLast() > straight.validations.getFirst() + 1, straight.validations.toString());
        Log first = train(parts, 10, 40);
        Log second = train(parts, 40, 40);
        first.losses.addAll(second.losses);
        assertEquals(straight.losses, first.losses);
        assertArrayEquals(Files.readAllBytes(whole.resolve(TrainingCheckpoint.fileName(40))), Files.readAllBytes(parts.resolve(TrainingCheckpoint.fileName(40))));
    }
}
