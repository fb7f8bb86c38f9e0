package org.mouselift.pipeline.mousedata;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.LongConsumer;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.mouselift.data.camera.OpencvCameraFile;
import org.mouselift.data.camera.RigNormalization;
import org.mouselift.data.image.Image8;
import org.mouselift.data.image.Images;
import org.mouselift.data.recording.DatasetSplit;
import org.mouselift.data.recording.FramePreparation;
import org.mouselift.data.recording.FrameSampling;
import org.mouselift.pipeline.video.VideoWriter;

/** A recording as long as the real one: 18,000 frames of six cameras, 2,000 samples; every picture shows its frame's number, memory stays flat. */
@Tag("slow")
class LongRecordingTest {
    private static final int FRAMES = 18_000;
    private static final int W = 72;
    private static final int H = 64;
    private static final int BITS = 15;
    /** Columns of four pixels, inside the middle square of 64. */
    private static final int LEFT = 6;

    @TempDir
    Path folder;

    @Test
    void theRealLengthIsExactInBoundedMemory() throws IOException {
        Path rec = folder.resolve("rec");
        Files.createDirectories(rec.resolve("videos_undist"));
        Files.createDirectories(rec.resolve("simpleclick_undist"));
        Image8 mask = Image8.blank(W, H, 3);
        java.util.Arrays.fill(mask.data(), (byte) 255);
        try (VideoWriter frames = VideoWriter.create(rec.resolve("videos_undist/0.mp4"), 30); VideoWriter masks = VideoWriter.create(rec.resolve("simpleclick_undist/0.mp4"), 30)) {
            for (int f = 0; f < FRAMES; f++) {
                Image8 image = Image8.blank(W, H, 3);
                for (int i = 0; i < W * H; i++) {
                    int bit = Math.floorDiv(i % W - LEFT, 4);
                    java.util.Arrays.fill(image.data(), 3 * i, 3 * i + 3, (byte) (bit >= 0 && bit < BITS && (f >> bit & 1) == 1 ? 235 : 20));
                }
                frames.add(image);
                masks.add(mask);
            }
            frames.finish();
            masks.finish();
        }
        for (int c = 1; c < 6; c++) {
            Files.createLink(rec.resolve("videos_undist/" + c + ".mp4"), rec.resolve("videos_undist/0.mp4"));
            Files.createLink(rec.resolve("simpleclick_undist/" + c + ".mp4"), rec.resolve("simpleclick_undist/0.mp4"));
        }
        OpencvCameraFile.ofRig(SyntheticRecording.rig(new SyntheticRecording.Options(0, 1, W, H, "mouse6", false, new BitSet(), SyntheticRecording.Defects.NONE)))
                .write(rec.resolve(OpencvCameraFile.FILE_NAME));
        Path out = folder.resolve("data");
        DatasetPreparation preparation = new DatasetPreparation(out, new DatasetPreparation.Options(rec, rec, Optional.empty(), 6,
                new FrameSampling(new FrameSampling.Policy.Uniform(2000), 0, OptionalInt.empty(), FrameSampling.parseSkip(FrameSampling.JUMP_FRAMES)), 0,
                new FramePreparation(64, FramePreparation.Crop.CENTER, FramePreparation.Lens.EXACT, true, 255), RigNormalization.SIMILARITY,
                new DatasetSplit(DatasetSplit.Kind.BLOCKS, 0.1, 42, 3), Optional.empty(), Optional.empty(), Optional.empty()));
        List<Long> used = new ArrayList<>();
        int[] done = {0};
        LongConsumer watch = n -> {
            if (++done[0] % 250 == 0) {
                System.gc();
                used.add(Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory());
            }
        };
        List<DatasetPreparation.Plan> plans = new ArrayList<>();
        DatasetPreparation.Report report = preparation.run(plans::add, watch);
        int[] indices = plans.getFirst().indices();
        assertEquals(900, indices[0]);
        assertEquals(indices.length, report.written());
        assertTrue(indices.length >= 1997, "three joints may fall on samples: " + indices.length);
        long growth = used.getLast() - used.getFirst();
        assertTrue(growth < 16L << 20, "memory after 250 and after all samples, bytes: " + used);
        for (int i = 0; i < indices.length; i += 111) {
            Path sample = out.resolve(SampleFolder.name(i));
            assertEquals(indices[i], OpencvCameraFile.read(sample.resolve(OpencvCameraFile.FILE_NAME), OpencvCameraFile.Options.SAMPLE).extra().at("/recording_info/source_frame").asInt());
            for (int c = 0; c < 6; c++) {
                Image8 picture = Images.read(sample.resolve("images/cam_00" + c + ".png"));
                int seen = 0;
                for (int bit = 0; bit < BITS; bit++) {
                    seen |= picture.get(LEFT - (W - 64) / 2 + 4 * bit + 2, 32, 1) > 128 ? 1 << bit : 0;
                }
                assertEquals(indices[i], seen, sample + ", camera " + c);
            }
        }
    }
}
