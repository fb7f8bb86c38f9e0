package org.mouselift.data.dataset;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.mouselift.data.camera.CameraRig;

class RandomViewDatasetTest {
    private static final int SIZE = 16;

    @TempDir
    Path folder;

    private RandomViewDataset dataset(Path sample, int views, int inputs, boolean overlap, boolean original, boolean sorted) {
        return new RandomViewDataset(SampleList.of(sample), new RandomViewDataset.Options(SIZE, views, inputs, overlap, original, sorted, BackgroundColor.WHITE, false), 0);
    }

    private static int[] views(MultiViewItem item) {
        return Arrays.stream(item.index()).mapToInt(i -> (int) i[0]).toArray();
    }

    @Test
    void viewsAreDistinctSortedInTheirGroupsAndVaryWithTheSeed() throws IOException {
        Path sample = SyntheticSample.write(folder.resolve("s"), SyntheticSample.ring(12, SIZE), 4);
        Set<String> seen = new HashSet<>();
        Set<Integer> used = new HashSet<>();
        for (int seed = 0; seed < 30; seed++) {
            int[] views = views(dataset(sample, 6, 3, false, false, true).get(0, new SplittableRandom(seed)));
            assertEquals(6, Arrays.stream(views).distinct().count());
            assertTrue(views[0] < views[1] && views[1] < views[2] && views[3] < views[4] && views[4] < views[5]);
            seen.add(Arrays.toString(views));
            Arrays.stream(views).forEach(used::add);
        }
        assertTrue(seen.size() > 20);
        assertEquals(12, used.size());
        int[] unsorted = views(dataset(sample, 12, 6, false, false, false).get(0, new SplittableRandom(5)));
        int[] copy = unsorted.clone();
        Arrays.sort(copy);
        assertFalse(Arrays.equals(copy, unsorted));
    }

    @Test
    void camerasAreExactlyThoseOfTheFile() throws IOException {
        CameraRig rig = SyntheticSample.ring(5, SIZE);
        Path sample = SyntheticSample.write(folder.resolve("s"), rig, 4);
        MultiViewItem item = dataset(sample, 5, 2, false, false, true).get(0, new SplittableRandom(1));
        for (int v = 0; v < 5; v++) {
            double[][] c2w = rig.get((int) item.index()[v][0]).pose().c2w();
            for (int i = 0; i < 16; i++) {
                assertEquals((float) c2w[i / 4][i % 4], item.c2w()[v][i], 1e-12);
            }
        }
        assertArrayEquals(new float[] {1, 1, 1}, item.background());
    }

    /** On a ring of twelve at elevation 20° neighbours within 60° of view are at most two steps of 30° away (cos 60° on the sphere). */
    @Test
    void overlapKeepsFurtherViewsNearTheInput() throws IOException {
        CameraRig rig = SyntheticSample.ring(12, SIZE);
        Path sample = SyntheticSample.write(folder.resolve("s"), rig, 4);
        boolean originalGoesFurther = false;
        for (int seed = 0; seed < 40; seed++) {
            int[] near = views(dataset(sample, 4, 1, true, false, true).get(0, new SplittableRandom(seed)));
            int[] original = views(dataset(sample, 4, 1, true, true, true).get(0, new SplittableRandom(seed)));
            for (int v = 1; v < 4; v++) {
                assertTrue(rig.get(near[0]).center().normalize().dotProduct(rig.get(near[v]).center().normalize()) >= 0.5);
                double angle = Math.toDegrees(Math.acos(rig.get(original[0]).center().normalize().dotProduct(rig.get(original[v]).center().normalize())));
                assertTrue(angle < 87);
                originalGoesFurther |= angle > 60;
            }
        }
        assertTrue(originalGoesFurther);
        assertTrue(assertThrows(DatasetException.class, () -> dataset(sample, 9, 1, true, false, true).get(0, new SplittableRandom(0))).getMessage()
                .contains("within 60 degrees"));
    }

    @Test
    void impossibleCountsAreRefused() {
        assertThrows(IllegalArgumentException.class, () -> new RandomViewDataset.Options(SIZE, 2, 3, false, false, true, BackgroundColor.WHITE, false));
        assertThrows(IllegalArgumentException.class, () -> BackgroundColor.parse("blue"));
        assertThrows(IllegalArgumentException.class, () -> BackgroundColor.parse("1.5"));
        assertArrayEquals(new int[] {63, 63, 63}, BackgroundColor.toBytes(BackgroundColor.parse("0.25").draw(new SplittableRandom(0))));
    }
}
