package org.mouselift.data.dataset;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.mouselift.data.image.Image8;
import org.mouselift.data.image.PngWriter;

/** Every fault of a sample must be named with file and view before anything else happens. */
class BadSamplesTest {
    private static final int SIZE = 24;

    @TempDir
    Path folder;
    private Path sample;

    @BeforeEach
    void sample() throws IOException {
        sample = SyntheticSample.write(folder.resolve("good"), SyntheticSample.ring(4, SIZE), 4);
    }

    private static MouseViewDataset dataset(SampleList list, int views, int maxBad) {
        return new MouseViewDataset(list, MouseViewDataset.Options.of(SIZE, views), maxBad);
    }

    private String fault(int views) {
        IOException e = assertThrows(IOException.class, () -> dataset(SampleList.of(sample), views, 0).get(0, new SplittableRandom(0)));
        assertTrue(e.getMessage().contains(sample.toString()), e.getMessage());
        return e.getMessage();
    }

    private static void assertContains(String message, String... parts) {
        for (String part : parts) {
            assertTrue(message.contains(part), () -> "expected '" + part + "' in: " + message);
        }
    }

    private void cameras(String from, String to) throws IOException {
        Path file = sample.resolve("opencv_cameras.json");
        String text = Files.readString(file);
        assertTrue(text.contains(from), text);
        Files.writeString(file, text.replaceFirst(java.util.regex.Pattern.quote(from), to));
    }

    @Test
    void missingPicture() throws IOException {
        Files.delete(sample.resolve("images/cam_002.png"));
        assertContains(fault(4), "MFL-D01", "cam_002.png");
    }

    @Test
    void wrongSize() throws IOException {
        PngWriter.write(sample.resolve("images/cam_001.png"), Image8.blank(SIZE + 1, SIZE, 4));
        assertContains(fault(4), "MFL-D02", "cam_001.png", "view 1", "25x24", "24x24");
    }

    @Test
    void notSquare() throws IOException {
        PngWriter.write(sample.resolve("images/cam_001.png"), Image8.blank(SIZE, SIZE + 2, 4));
        String text = Files.readString(sample.resolve("opencv_cameras.json"));
        int second = text.indexOf("\"h\"", text.indexOf("\"h\"") + 1);
        Files.writeString(sample.resolve("opencv_cameras.json"), text.substring(0, second) + text.substring(second).replaceFirst("24", "26"));
        assertContains(fault(4), "MFL-D03", "cam_001.png");
    }

    @Test
    void truncatedPicture() throws IOException {
        Path picture = sample.resolve("images/cam_003.png");
        byte[] bytes = Files.readAllBytes(picture);
        Files.write(picture, Arrays.copyOf(bytes, bytes.length - 20));
        assertContains(fault(4), "MFL-D05", "cam_003.png", "view 3", "truncated");
        assertEquals(3, dataset(SampleList.of(sample), 3, 0).get(0, new SplittableRandom(0)).views());
    }

    @Test
    void tooFewViews() {
        assertContains(fault(5), "MFL-E113", "has 4 views, needs 5");
    }

    @Test
    void duplicatedPicture() throws IOException {
        cameras("cam_001.png", "cam_000.png");
        assertContains(fault(4), "cam_000.png", "frames[1]");
    }

    @Test
    void notANumber() throws IOException {
        Path file = sample.resolve("opencv_cameras.json");
        Files.writeString(file, Files.readString(file).replaceFirst("\"fx\" ?: ?[0-9.]+", "\"fx\": NaN"));
        assertContains(fault(4), "opencv_cameras.json");
    }

    @Test
    void missingCamerasAndEmptyFolder() throws IOException {
        Files.delete(sample.resolve("opencv_cameras.json"));
        assertContains(fault(4), "has no opencv_cameras.json");
        sample = Files.createDirectories(folder.resolve("empty"));
        assertContains(fault(4), "has no opencv_cameras.json");
    }

    @Test
    void mixedAlpha() throws IOException {
        PngWriter.write(sample.resolve("images/cam_001.png"), Image8.blank(SIZE, SIZE, 3));
        MouseViewDataset.Options o = MouseViewDataset.Options.of(SIZE, 4);
        MouseViewDataset.Options off = new MouseViewDataset.Options(o.imageSize(), 4, o.background(), false, AutoMask.OFF, 250, false, true, false, o.geometry(), 2.7,
                ViewAugmentation.NONE);
        IOException e = assertThrows(DatasetException.class, () -> new MouseViewDataset(SampleList.of(sample), off, 0).get(0, new SplittableRandom(0)));
        assertContains(e.getMessage(), "MFL-E134", "cam_001.png", "3 channels");
    }

    @Test
    void requiredMasks() throws IOException {
        sample = SyntheticSample.write(folder.resolve("rgb"), SyntheticSample.ring(4, SIZE), 3);
        MouseViewDataset.Options o = new MouseViewDataset.Options(SIZE, 4, BackgroundColor.WHITE, false, AutoMask.OFF, 250, true, true, false,
                MouseViewDataset.Options.of(SIZE, 4).geometry(), 2.7, ViewAugmentation.NONE);
        assertContains(assertThrows(DatasetException.class, () -> new MouseViewDataset(SampleList.of(sample), o, 0).get(0, new SplittableRandom(0))).getMessage(),
                "MFL-E134", "cam_000.png");
    }

    @Test
    void replacementsAreCountedAndLimited() throws IOException {
        Path bad = SyntheticSample.write(folder.resolve("bad"), SyntheticSample.ring(4, SIZE), 4);
        Files.delete(bad.resolve("images/cam_000.png"));
        SampleList list = new SampleList(folder.resolve("list.txt"), List.of(bad, sample));
        MouseViewDataset tolerant = dataset(list, 4, 1);
        assertArrayEquals(new long[] {0, 1}, tolerant.get(0, new SplittableRandom(0)).index()[0]);
        assertEquals(Set.of(0), tolerant.badSamples());
        assertThrows(IOException.class, () -> dataset(list, 4, 0).get(0, new SplittableRandom(0)));
        // All samples bad: an error, not an endless search.
        SampleList all = new SampleList(list.source(), List.of(bad, folder.resolve("nothing")));
        assertThrows(IOException.class, () -> dataset(all, 4, 10).get(1, new SplittableRandom(0)));
    }

    @Test
    void listFiles() throws IOException {
        Path list = folder.resolve("list.txt");
        Files.writeString(list, "\n  good  \n\n" + sample.toAbsolutePath().getParent().resolve("other") + "\n");
        assertContains(assertThrows(DatasetException.class, () -> SampleList.read(list)).getMessage(), "line 4", "other", "does not exist");
        Files.writeString(list, "\r\ngood");
        assertEquals(List.of(sample.toAbsolutePath()), SampleList.read(list).samples().stream().map(Path::toAbsolutePath).toList());
        Files.writeString(list, "good\ngood\n");
        assertContains(assertThrows(DatasetException.class, () -> SampleList.read(list)).getMessage(), "line 2", "already in line 1");
        Files.writeString(list, "\n\n");
        assertContains(assertThrows(DatasetException.class, () -> SampleList.read(list)).getMessage(), "names no sample");
        Files.write(list, "gr\u00fcn\n".getBytes(StandardCharsets.ISO_8859_1));
        assertContains(assertThrows(DatasetException.class, () -> SampleList.read(list)).getMessage(), "UTF-8");
        assertContains(assertThrows(DatasetException.class, () -> SampleList.read(folder.resolve("no.txt"))).getMessage(), "does not exist");
    }
}
