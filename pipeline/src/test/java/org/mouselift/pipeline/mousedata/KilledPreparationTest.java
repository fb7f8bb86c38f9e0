package org.mouselift.pipeline.mousedata;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.List;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.mouselift.data.camera.OpencvCameraFile;
import org.mouselift.data.camera.OpencvFrame;
import org.mouselift.data.image.Images;
import org.mouselift.pipeline.train.TrainingProcess;

/**
 * {@code data prepare} and {@code data preprocess} in processes of their own that are killed (SIGKILL) and started again with the same command.
 * Whatever has the name of a sample is whole at every moment, and what is left in the end equals an undisturbed run's to the byte.
 */
class KilledPreparationTest {
    private static final int SAMPLES = 6;
    private static final String DATE = "created";
    private static final ObjectMapper MAPPER = new ObjectMapper();

    @TempDir
    static Path folder;

    @BeforeAll
    static void recording() throws IOException {
        SyntheticRecording.write(folder.resolve("rec"), new SyntheticRecording.Options(3, SAMPLES, 72, 64, "mouse6", true, new BitSet(), SyntheticRecording.Defects.NONE), n -> { });
    }

    /** Large pictures take their time. */
    private static TrainingProcess prepare(String name) {
        return new TrainingProcess(folder.resolve(name), TrainingProcess.QUICK, List.of("data", "prepare", "--video-dir", folder.resolve("rec").toString(), "-o", "run",
                "--frame-interval", "1", "--image-size", "640", "--val-ratio", "0.34"));
    }

    private static boolean begun(TrainingProcess p, int sample) throws IOException {
        return p.files().contains("." + SampleFolder.name(sample) + ".tmp");
    }

    private static int samples(TrainingProcess p) throws IOException {
        return (int) p.files().stream().filter(SampleFolder::isName).count();
    }

    /** Every folder with the name of a sample has all that its camera file names. */
    private static void assertWhole(TrainingProcess p) throws IOException {
        for (String name : p.files().stream().filter(SampleFolder::isName).toList()) {
            Path sample = p.run().resolve(name);
            OpencvCameraFile file = OpencvCameraFile.read(sample.resolve(OpencvCameraFile.FILE_NAME), OpencvCameraFile.Options.SAMPLE);
            assertEquals(6, file.frames().size());
            for (OpencvFrame f : file.frames()) {
                assertEquals(640, Images.read(sample.resolve(f.filePath().orElseThrow())).width());
            }
        }
    }

    private static void assertSameTree(Path expected, Path actual) throws IOException {
        TreeMap<String, byte[]> a = tree(expected);
        TreeMap<String, byte[]> b = tree(actual);
        assertEquals(a.keySet(), b.keySet());
        for (String name : a.keySet()) {
            assertArrayEquals(a.get(name), b.get(name), name);
        }
    }

    /** All files; of the record everything but its date. */
    private static TreeMap<String, byte[]> tree(Path run) throws IOException {
        TreeMap<String, byte[]> out = new TreeMap<>();
        try (Stream<Path> all = Files.walk(run)) {
            for (Path p : all.filter(Files::isRegularFile).toList()) {
                byte[] bytes = Files.readAllBytes(p);
                if (p.getFileName().toString().equals(SampleFolder.PROVENANCE)) {
                    ObjectNode record = (ObjectNode) MAPPER.readTree(bytes);
                    assertTrue(record.remove(DATE).asText().startsWith("20"));
                    bytes = MAPPER.writeValueAsBytes(record);
                }
                out.put(run.relativize(p).toString(), bytes);
            }
        }
        return out;
    }

    @Test
    void killedAtThreeMomentsAndStartedAgain() throws Exception {
        TrainingProcess undisturbed = prepare("undisturbed").completed();
        TrainingProcess p = prepare("killed");
        p.killed(() -> p.files().contains(SampleFolder.PROVENANCE), 0);
        assertWhole(p);
        assertFalse(p.files().contains(DatasetPreparation.TRAIN_LIST), "the kill came too late: " + p.files());
        boolean half = false;
        // Where a disk is fast the first kill may come between two samples.
        for (int sample = samples(p); sample < SAMPLES - 2 && !half; sample++) {
            int next = Math.max(sample, samples(p));
            p.killed(() -> begun(p, next), 0);
            half = p.files().stream().anyMatch(f -> f.endsWith(".tmp"));
            assertWhole(p);
        }
        assertTrue(half, "no kill left a half-written sample: " + p.files());
        p.killed(() -> samples(p) >= SAMPLES - 1, 0);
        assertWhole(p);
        assertFalse(p.files().contains(DatasetPreparation.TRAIN_LIST), "the kill came too late: " + p.files());
        p.completed();
        assertTrue(p.output().contains("were there, 0 failed"), p.output());
        assertSameTree(undisturbed.run(), p.run());

        List<String> command = List.of("data", "preprocess", folder.resolve("killed/run").toString(), "--method", "hull3d", "--size", "640", "--ratio", "0.4", "-o", "run");
        TrainingProcess whole = new TrainingProcess(folder.resolve("whole"), TrainingProcess.QUICK, command).completed();
        TrainingProcess twice = new TrainingProcess(folder.resolve("twice"), TrainingProcess.QUICK, command);
        twice.killed(() -> samples(twice) >= 2, 0);
        assertWhole(twice);
        assertFalse(twice.files().contains(DatasetPreparation.TRAIN_LIST), "the kill came too late: " + twice.files());
        assertSameTree(whole.run(), twice.completed().run());
    }
}
