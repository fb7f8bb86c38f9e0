package org.mouselift.pipeline.mousedata;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.mouselift.data.checkpoint.ArtefactStatus;
import org.mouselift.data.checkpoint.InvalidatedException;
import org.mouselift.data.dataset.SampleList;
import org.mouselift.data.image.Image8;
import org.mouselift.data.preprocess.Hull3d;
import org.mouselift.data.preprocess.MoveSettings;
import org.mouselift.data.preprocess.PixelBased;
import org.mouselift.data.camera.RigNormalization;
import org.mouselift.data.recording.DatasetSplit;
import org.mouselift.data.recording.FramePreparation;
import org.mouselift.data.recording.FrameSampling;
import org.mouselift.data.recording.RecordingException;
import org.mouselift.pipeline.report.DatasetReport;
import org.mouselift.pipeline.video.Mp4Frames;
import org.mouselift.pipeline.video.VideoWriter;

/** Recording → data set → preprocessing → check, with a mouse whose place is known. */
class MouseDataPathTest {
    @TempDir
    Path folder;

    private Path recording(boolean videos) throws IOException {
        Path rec = folder.resolve("rec");
        SyntheticRecording.write(rec, new SyntheticRecording.Options(3, 3, 108, 96, "mouse6", videos, new BitSet(), SyntheticRecording.Defects.NONE), n -> { });
        return rec;
    }

    private static DatasetPreparation.Options options(Path rec) {
        return new DatasetPreparation.Options(rec, rec, Optional.empty(), 6,
                new FrameSampling(new FrameSampling.Policy.Interval(1, OptionalInt.empty()), 0, OptionalInt.empty(), new BitSet()), 0,
                new FramePreparation(96, FramePreparation.Crop.CENTER, FramePreparation.Lens.EXACT, true, 255), RigNormalization.SIMILARITY,
                new DatasetSplit(DatasetSplit.Kind.TAIL, 0.34, 42, 0), Optional.empty(), Optional.empty(), Optional.empty());
    }

    @Test
    void fromVideosToATrainingSetThatIsRightIn3d() throws IOException {
        Path base = folder.resolve("data_base");
        DatasetPreparation preparation = new DatasetPreparation(base, options(recording(true)));
        DatasetPreparation.Report made = preparation.run(p -> { }, n -> { });
        assertEquals(List.of(3, 0, 2, 1), List.of(made.written(), made.kept(), made.train(), made.validation()));
        assertEquals(3, preparation.run(p -> { }, n -> { }).kept(), "the second run keeps everything");

        Path hull = folder.resolve("data_hull");
        new DatasetPreprocessing(base, hull, new Hull3d(0.4, 0.05, MoveSettings.exact(96)), 10, 0).run(n -> { });
        DatasetCheck.Report good = new DatasetCheck(hull, 1, false).run(n -> { });
        assertTrue(good.trainable(), good.problems().toString());
        assertTrue(good.minCoverage() > 0.9, "coverage " + good.minCoverage());
        assertEquals(List.of("prepare", "hull3d"), good.chain());
        assertEquals(new DatasetCheck.Counts(2, 1, 0, 2, 1), good.counts());
        Path page = folder.resolve("report.html");
        DatasetReport report = new DatasetReport(hull, good, java.time.LocalDate.of(2026, 1, 2));
        report.writePage(page);
        String html = Files.readString(page);
        assertTrue(html.contains("can be trained on") && html.contains("prepare → hull3d") && html.split("data:image/png;base64,").length == 5, "verdict, lineage, four pictures");
        List<Path> files = report.writeFiles(folder.resolve("files"));
        assertEquals(good.metrics().summary(), org.mouselift.data.preprocess.QualityMetrics.read(files.getFirst()).summary());
        assertTrue(Files.readString(files.get(1)).contains("| Geometry grade | **" + good.grade().text() + "** |"));

        ArtefactStatus.read(base).withInvalidation(Optional.of(new ArtefactStatus.Invalidation("human faces", "make it again", "2026-01-02", ""))).write(base);
        DatasetCheck.Report orphan = new DatasetCheck(hull, 0, false).run(n -> { });
        assertTrue(orphan.problems().stream().anyMatch(p -> p.contains("MFL-E210") && p.contains("human faces")), "child of an invalid set: " + orphan.problems());
        assertThrows(InvalidatedException.class, () -> SampleList.read(hull.resolve("data_mouse_train.txt")), "nothing trains on it");
        assertThrows(InvalidatedException.class, () -> new DatasetPreprocessing(base, folder.resolve("x"), new PixelBased(0.3, MoveSettings.exact(96)), 10, 0).run(n -> { }));
        ArtefactStatus.read(base).withInvalidation(Optional.empty()).write(base);

        Path frozen = folder.resolve("data_frozen");
        new DatasetPreprocessing(base, frozen, new PixelBased(0.3, MoveSettings.legacy(96)), 10, 0).run(n -> { });
        DatasetCheck.Report bad = new DatasetCheck(frozen, 0, false).run(n -> { });
        assertTrue(bad.problems().stream().anyMatch(p -> p.contains("pixel-based moved the pictures")), bad.problems().toString());
        assertThrows(MouseDataException.class, () -> new DatasetPreprocessing(base, base, new PixelBased(0.3, MoveSettings.exact(96)), 10, 0).run(n -> { }));
        assertThrows(MouseDataException.class, () -> new DatasetPreprocessing(base, hull, new PixelBased(0.3, MoveSettings.exact(96)), 10, 0).run(n -> { }));
    }

    @Test
    void whatIsMissingIsNamed() throws IOException {
        Path rec = recording(false);
        Files.delete(rec.resolve("simpleclick_undist/2/000001.png"));
        MouseDataException lost = assertThrows(MouseDataException.class, () -> new DatasetPreparation(folder.resolve("a"), options(rec)).run(p -> { }, n -> { }));
        assertTrue(lost.getMessage().contains("frame 1 is missing"), lost.getMessage());
        assertTrue(Files.isDirectory(folder.resolve("a/sample_000000")) && !Files.exists(folder.resolve("a/sample_000001")), "finished samples stay");
        Files.delete(rec.resolve("new_cam.pkl"));
        RecordingException none = assertThrows(RecordingException.class, () -> new DatasetPreparation(folder.resolve("b"), options(rec)).plan());
        assertTrue(none.getMessage().contains("no calibration") && none.getMessage().contains("--rig ring"), none.getMessage());
        try (var files = Files.walk(rec.resolve("videos_undist/4"))) {
            for (Path p : files.sorted(java.util.Comparator.reverseOrder()).toList()) {
                Files.delete(p);
            }
        }
        RecordingException camera = assertThrows(RecordingException.class, () -> new DatasetPreparation(folder.resolve("c"), options(rec)).plan());
        assertTrue(camera.getMessage().contains("camera 4"), camera.getMessage());
    }

    @Test
    void videoFramesAreExactInAnyOrder() throws IOException {
        Path file = folder.resolve("numbers.mp4");
        int n = 40;
        try (VideoWriter video = VideoWriter.create(file, 10)) {
            for (int f = 0; f < n; f++) {
                Image8 image = Image8.blank(96, 32, 3);
                for (int i = 0; i < 96 * 32; i++) {
                    // Six columns of 16 pixels: the binary digits of the frame number.
                    java.util.Arrays.fill(image.data(), 3 * i, 3 * i + 3, (byte) ((f >> i % 96 / 16 & 1) == 1 ? 235 : 20));
                }
                video.add(image);
            }
            video.finish();
        }
        try (Mp4Frames frames = Mp4Frames.open(file)) {
            assertEquals(n, frames.frames());
            for (int f : new int[] {0, 39, 3, 4, 5, 20, 19, 0, 12}) {
                Image8 image = frames.read(f);
                int seen = 0;
                for (int bit = 0; bit < 6; bit++) {
                    seen |= image.get(16 * bit + 8, 16, 1) > 128 ? 1 << bit : 0;
                }
                assertEquals(f, seen);
            }
        }
        Files.write(folder.resolve("bad.mp4"), new byte[5000]);
        assertThrows(RecordingException.class, () -> Mp4Frames.open(folder.resolve("bad.mp4")));
    }
}
