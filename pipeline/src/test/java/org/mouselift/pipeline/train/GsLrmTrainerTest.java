package org.mouselift.pipeline.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
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
import org.mouselift.engine.nn.Placement;
import org.mouselift.models.gslrm.GsLrm;
import org.mouselift.models.gslrm.GsLrmConfig;
import org.mouselift.models.losses.LossConfig;
import org.mouselift.models.losses.LossWeights;
import org.mouselift.models.losses.ReconstructionLoss;
import org.mouselift.models.optim.AdamW;
import org.mouselift.models.optim.GradientRules;
import org.mouselift.models.optim.Schedule;
import org.mouselift.pipeline.ReplayDevice;

/** Continuation, retention and protection of training runs, on a tiny network and made-up scenes. */
class GsLrmTrainerTest {
    private static final SceneSource SCENES = SquareScenes.SCENES;

    private static final class Recorder implements TrainingListener {
        private final List<String> notes = new ArrayList<>();
        private final List<Double> losses = new ArrayList<>();
        private Map<String, Double> validation = Map.of();

        @Override
        public void note(String text) {
            notes.add(text);
        }

        @Override
        public void pass(long pass, long last, Map<String, Double> values) {
            losses.add(values.get("train/loss"));
        }

        @Override
        public void validated(long pass, Map<String, Double> values) {
            validation = values;
        }

        @Override
        public void picture(long pass, String name, BufferedImage picture) {
            notes.add("picture " + name + " " + picture.getWidth());
        }

        @Override
        public void saved(Path file) {
            notes.add("saved " + file.getFileName());
        }
    }

    private static Recorder train(Path folder, long passes, int every, int keep, double lr, double clip, int accumulation) throws IOException {
        return train(folder, passes, every, keep, lr, clip, accumulation, null);
    }

    private static Recorder train(Path folder, long passes, int every, int keep, double lr, double clip, int accumulation, SceneSource validation)
            throws IOException {
        return train(folder, passes, every, keep, lr, clip, accumulation, validation, 0);
    }

    private static Recorder train(Path folder, long passes, int every, int keep, double lr, double clip, int accumulation, SceneSource validation, int validateEvery)
            throws IOException {
        Recorder recorder = new Recorder();
        GsLrmConfig config = GsLrmConfig.tiny().withSize(32, 16, 1).withCheckpointEvery(1);
        var plan = new GsLrmTrainer.Plan(folder, 5, 2, accumulation, passes, new SceneBatch.ViewRule(2, true, 2), every, keep, 0, validateEvery, 2, "configuration: text", "{\"about\": 1}");
        try (GsLrm model = GsLrm.initialised(config, DType.F32, 3);
                GsLrmTrainer trainer = new GsLrmTrainer(model, new ReconstructionLoss(LossConfig.of(LossWeights.L2), null, null), new AdamW(model.stateDict(), AdamW.Options.GS_LRM),
                        new Schedule(Schedule.Kind.COSINE, lr, 2, 8)::rate, new GradientRules(clip, 20, true, true), SCENES, validation, null, plan, recorder)) {
            trainer.resume();
            trainer.run();
        }
        return recorder;
    }

    @Test
    void anInterruptedRunContinuesBitForBit(@TempDir Path whole, @TempDir Path parts) throws IOException {
        Recorder straight = train(whole, 8, 0, 0, 1e-3, 1, 2);
        Recorder first = train(parts, 4, 2, 0, 1e-3, 1, 2);
        // What a killed writer leaves behind, and a newest checkpoint that lost its end.
        Files.writeString(parts.resolve(".ckpt.tmp"), "half");
        byte[] good = Files.readAllBytes(parts.resolve(TrainingCheckpoint.fileName(4)));
        Files.write(parts.resolve(TrainingCheckpoint.fileName(6)), java.util.Arrays.copyOf(good, good.length / 2));
        Recorder second = train(parts, 8, 2, 0, 1e-3, 1, 2);
        assertTrue(second.notes.stream().anyMatch(n -> n.contains("passed over a damaged checkpoint") && n.contains("0006")), second.notes.toString());
        first.losses.addAll(second.losses);
        assertEquals(straight.losses, first.losses);
        assertArrayEquals(Files.readAllBytes(whole.resolve(TrainingCheckpoint.fileName(8))), Files.readAllBytes(parts.resolve(TrainingCheckpoint.fileName(8))));
        assertTrue(straight.losses.get(7) < straight.losses.get(0), straight.losses.toString());
    }

    @Test
    void keepsTheNewestAndCountsOnlyReadableOnes(@TempDir Path folder) throws IOException {
        train(folder, 3, 1, 2, 1e-3, 1, 1);
        assertEquals(List.of(TrainingCheckpoint.fileName(3), TrainingCheckpoint.fileName(2)),
                TrainingCheckpoint.list(folder).stream().map(f -> f.getFileName().toString()).toList());
        Files.writeString(folder.resolve(TrainingCheckpoint.fileName(3)), "damaged");
        train(folder, 4, 1, 2, 1e-3, 1, 1);
        // Pass 3 was repeated and replaced the damaged file; nothing readable was lost on the way.
        assertEquals(4, TrainingCheckpoint.readCounters(TrainingCheckpoint.list(folder).getFirst()).fwdbwdStep());
        assertEquals("{\"about\": 1}", TrainingCheckpoint.readProvenance(TrainingCheckpoint.list(folder).getFirst()));
        assertEquals("configuration: text", TrainingCheckpoint.readConfiguration(TrainingCheckpoint.list(folder).getFirst()));
    }

    @Test
    void refusesToEndAtOnceAndToMixSeeds(@TempDir Path folder) throws IOException {
        train(folder, 2, 1, 0, 1e-3, 1, 1);
        assertTrue(assertThrows(IOException.class, () -> train(folder, 2, 1, 0, 1e-3, 1, 1)).getMessage().contains("MFL-E208"));
        Path only = TrainingCheckpoint.list(folder).getFirst();
        for (Path f : TrainingCheckpoint.list(folder)) {
            Files.write(f, new byte[] {1, 2, 3});
        }
        assertTrue(assertThrows(IOException.class, () -> train(folder, 4, 1, 0, 1e-3, 1, 1)).getMessage().contains("can be read"));
        assertTrue(Files.exists(only), "a damaged checkpoint is never deleted");
    }

    /** A validation's programs go with it; the training's stays where there is room for both, and comes back where there is not. */
    @Test
    void validationOnADeviceLeavesNothingThere(@TempDir Path here, @TempDir Path wide, @TempDir Path narrow) throws IOException {
        Recorder expected = train(here, 4, 2, 0, 1e-3, 1, 1, SCENES.first(2), 2);
        for (int room : new int[] {2, 1}) {
            ReplayDevice device = new ReplayDevice(room);
            Recorder got;
            try (Placement placement = new Placement(device)) {
                got = placement.during(() -> train(room == 2 ? wide : narrow, 4, 2, 0, 1e-3, 1, 1, SCENES.first(2), 2));
                assertEquals(0, device.open);
            }
            for (int i = 0; i < 4; i++) {
                assertEquals(expected.losses.get(i), got.losses.get(i), 1e-5 * expected.losses.get(i));
            }
            expected.validation.forEach((name, value) -> assertEquals(value, got.validation.get(name), 1e-3, name));
            // Validations after the second and the last pass.
            assertEquals(2, device.names.stream().filter(n -> n.startsWith("validation at")).count(), device.names.toString());
            assertEquals(room == 2 ? 3 : 4, device.prepared, device.names.toString());
        }
    }

    @Test
    void validationAveragesOverViewsAndScenes(@TempDir Path folder) throws IOException {
        Recorder recorder = train(folder, 1, 0, 0, 1e-3, 1, 1, SCENES.first(2));
        assertEquals(List.of("val/psnr", "val/ssim", "val/foreground_psnr", "val/mask_iou", "val/white_psnr"), List.copyOf(recorder.validation.keySet()));
        // 49 of 256 pixels are not white: (0, 1, 2)/8 in scene 0, (1, 2, 3)/8 in scene 1.
        double white = 0;
        for (int scene = 0; scene < 2; scene++) {
            double sum = 0;
            for (int c = 0; c < 3; c++) {
                sum += Math.pow(1 - (scene + c) / 8.0, 2);
            }
            white += -10 * Math.log10(sum * 49 / (3 * 256)) / 2;
        }
        assertEquals(white, recorder.validation.get("val/white_psnr"), 1e-6);
        assertTrue(recorder.notes.stream().anyMatch(note -> note.startsWith("picture val/gt_vs_pred_0 ")), recorder.notes.toString());
        assertTrue(recorder.validation.get("val/psnr") > 0 && recorder.validation.get("val/mask_iou") > 0, recorder.validation.toString());
    }

    @Test
    void aRunThatMostlySkipsUpdatesIsEnded(@TempDir Path folder) {
        IOException e = assertThrows(IOException.class, () -> train(folder, 200, 0, 0, 1e-3, 1e-9, 1));
        assertTrue(e.getMessage().contains("skipped") && e.getMessage().contains("lr"), e.getMessage());
    }

    @Test
    void batchesDependOnSeedAndPassOnly() throws IOException {
        SceneBatch.ViewRule rule = new SceneBatch.ViewRule(2, false, 1);
        List<String> ids = new ArrayList<>();
        for (int pass = 0; pass < 4; pass++) {
            SceneBatch a = SceneBatch.of(SCENES, rule, 9, pass, 2);
            SceneBatch b = SceneBatch.of(SCENES, rule, 9, pass, 2);
            assertArrayEquals(a.target().get(1).c2w(), b.target().get(1).c2w());
            a.input().forEach(s -> ids.add(s.id()));
        }
        // Two passes an epoch: four different scenes before one comes again.
        assertEquals(4, ids.subList(0, 4).stream().distinct().count());
        assertFalse(ids.subList(0, 4).equals(ids.subList(4, 8)), ids.toString());
        assertThrows(IllegalArgumentException.class, () -> SceneBatch.of(SCENES, new SceneBatch.ViewRule(4, false, 0), 9, 0, 1));
    }
}
