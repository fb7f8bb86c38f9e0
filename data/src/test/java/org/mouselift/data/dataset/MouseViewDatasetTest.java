package org.mouselift.data.dataset;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.apache.commons.math3.geometry.euclidean.threed.Vector3D;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.camera.GeometryMode;
import org.mouselift.data.camera.Mat3;
import org.mouselift.data.camera.Rotations;
import org.mouselift.data.camera.Similarity;

class MouseViewDatasetTest {
    private static final int SIZE = 48;

    @TempDir
    Path folder;

    private static MouseViewDataset.Options options(AutoMask mask, BackgroundColor background, boolean removeAlpha, ViewAugmentation augmentation) {
        return new MouseViewDataset.Options(SIZE, 4, background, removeAlpha, mask, 250, false, false, false, GeometryMode.NONE, 0, augmentation);
    }

    private static MultiViewItem load(Path sample, MouseViewDataset.Options options) throws IOException {
        return new MouseViewDataset(SampleList.of(sample), options, 0).get(0, new SplittableRandom(1));
    }

    private static float pixel(MultiViewItem item, int view, int channel, int x, int y) {
        return item.images()[((view * item.channels() + channel) * item.size() + y) * item.size() + x];
    }

    @Test
    void viewsComeInOrderWithTheirCameras() throws IOException {
        CameraRig rig = SyntheticSample.ring(6, 2 * SIZE);
        MultiViewItem item = load(SyntheticSample.write(folder.resolve("s"), rig, 4), options(AutoMask.OFF, BackgroundColor.GRAY, false, ViewAugmentation.NONE));
        assertEquals(4, item.views());
        assertEquals(4, item.channels());
        for (int v = 0; v < 4; v++) {
            assertArrayEquals(new long[] {v, 0}, item.index()[v]);
            for (int i = 0; i < 16; i++) {
                assertEquals((float) rig.get(v).pose().c2w()[i / 4][i % 4], item.c2w()[v][i], 1e-12);
            }
            double[] k = rig.get(v).intrinsics().fxfycxcy();
            for (int i = 0; i < 4; i++) {
                assertEquals(k[i] / 2, item.fxfycxcy()[v][i], 1e-4);
            }
            // Transparent corners show the background (127 of 255), the alpha stays.
            assertEquals(127 / 255f, pixel(item, v, 0, 0, 0));
            assertEquals(0, pixel(item, v, 3, 0, 0));
        }
        assertArrayEquals(new float[] {0.5f, 0.5f, 0.5f}, item.background());
    }

    @Test
    void masksFromTheSourceSurviveDarkeningAndGreyBackgrounds() throws IOException {
        Path sample = SyntheticSample.write(folder.resolve("s"), SyntheticSample.ring(4, SIZE), 3);
        ViewAugmentation dark = new ViewAugmentation(false, 0, new float[] {0.5f, 0.5f}, new float[] {1, 1});
        MultiViewItem source = load(sample, options(AutoMask.FROM_SOURCE, BackgroundColor.GRAY, false, dark));
        assertEquals(4, source.channels());
        assertEquals(0, pixel(source, 0, 3, 0, 0));
        assertEquals(127 / 255f, pixel(source, 0, 1, 0, 0), "the background is laid in after the mask");
        MultiViewItem original = load(sample, options(AutoMask.ORIGINAL, BackgroundColor.WHITE, false, dark));
        assertEquals(1, pixel(original, 0, 3, 0, 0), "the original takes darkened white for foreground");
        MultiViewItem undarkened = load(sample, options(AutoMask.ORIGINAL, BackgroundColor.WHITE, false, ViewAugmentation.NONE));
        assertEquals(0, pixel(undarkened, 0, 3, 0, 0));
        assertEquals(3, load(sample, options(AutoMask.OFF, BackgroundColor.WHITE, false, ViewAugmentation.NONE)).channels());
    }

    /** Wherever augmentation puts the ball in the pictures, the item's own cameras must project it there. */
    @Test
    void augmentedCamerasStillSeeTheBallWhereThePicturesShowIt() throws IOException {
        CameraRig rig = SyntheticSample.ring(4, 2 * SIZE);
        Path sample = SyntheticSample.write(folder.resolve("s"), rig, 4);
        MouseViewDataset dataset = new MouseViewDataset(SampleList.of(sample), options(AutoMask.OFF, BackgroundColor.BLACK, false,
                new ViewAugmentation(true, 25, new float[] {0.9f, 1.1f}, new float[] {0.9f, 1.1f})), 0);
        boolean flipped = false;
        boolean plain = false;
        for (int seed = 0; seed < 8; seed++) {
            MultiViewItem item = dataset.get(0, new SplittableRandom(seed));
            Vector3D mirrored = new Vector3D(-SyntheticSample.BALL.getX(), SyntheticSample.BALL.getY(), SyntheticSample.BALL.getZ());
            boolean flip = error(item, mirrored) < error(item, SyntheticSample.BALL);
            flipped |= flip;
            plain |= !flip;
            assertTrue(error(item, flip ? mirrored : SyntheticSample.BALL) < 0.6, "seed " + seed);
        }
        assertTrue(flipped && plain);
    }

    /** Largest distance in pixels between the centre of mass of alpha and the projection of the point. */
    private static double error(MultiViewItem item, Vector3D point) {
        double worst = 0;
        for (int v = 0; v < item.views(); v++) {
            double sum = 0;
            double x = 0;
            double y = 0;
            for (int i = 0; i < SIZE * SIZE; i++) {
                float alpha = pixel(item, v, 3, i % SIZE, i / SIZE);
                sum += alpha;
                x += alpha * (i % SIZE + 0.5);
                y += alpha * (i / SIZE + 0.5);
            }
            float[] m = item.c2w()[v];
            double[] camera = new double[3];
            for (int axis = 0; axis < 3; axis++) {
                camera[axis] = m[axis] * (point.getX() - m[3]) + m[4 + axis] * (point.getY() - m[7]) + m[8 + axis] * (point.getZ() - m[11]);
            }
            float[] k = item.fxfycxcy()[v];
            worst = Math.max(worst, Math.hypot(x / sum - (k[0] * camera[0] / camera[2] + k[2]), y / sum - (k[1] * camera[1] / camera[2] + k[3])));
        }
        return worst;
    }

    private static double distance(float[] c2w) {
        return Math.sqrt(c2w[3] * c2w[3] + c2w[7] * c2w[7] + c2w[11] * c2w[11]);
    }

    @Test
    void geometryModesBringTheCamerasToTheTarget() throws IOException {
        CameraRig ring = SyntheticSample.ring(4, SIZE);
        double[] factor = {1, 1.5, 2, 3};
        CameraRig uneven = new CameraRig("uneven", java.util.stream.IntStream.range(0, 4).mapToObj(i -> Similarity.scale(factor[i]).apply(ring.get(i))).toList());
        Path sample = SyntheticSample.write(folder.resolve("s"), uneven, 4);
        double[][] distances = new double[2][];
        GeometryMode[] modes = {GeometryMode.SIMILARITY, GeometryMode.PER_CAMERA_LEGACY};
        for (int m = 0; m < 2; m++) {
            MouseViewDataset.Options o = new MouseViewDataset.Options(SIZE, 4, BackgroundColor.WHITE, false, AutoMask.OFF, 250, false, false, false, modes[m], 2.7,
                    ViewAugmentation.NONE);
            distances[m] = Arrays.stream(load(sample, o).c2w()).mapToDouble(MouseViewDatasetTest::distance).toArray();
        }
        assertEquals(2.7, Arrays.stream(distances[0]).average().orElseThrow(), 1e-5);
        assertEquals(3, distances[0][3] / distances[0][0], 1e-5);
        for (double d : distances[1]) {
            assertEquals(2.7, d, 1e-5);
        }
        assertThrows(IllegalArgumentException.class, () -> new MouseViewDataset.Options(SIZE, 4, BackgroundColor.WHITE, false, AutoMask.OFF, 250, false, true, false,
                GeometryMode.VIRTUAL_LOOKAT, 2.7, ViewAugmentation.NONE));
    }

    @Test
    void tiltedWorldsAreTurnedUprightByTheCamerasOrByMeasuredLines() throws IOException {
        Mat3 tilt = Rotations.between(new Vector3D(0, 0, 1), new Vector3D(0.1, 0.2, 1));
        CameraRig tilted = Similarity.rotate(tilt).apply(SyntheticSample.ring(4, SIZE));
        Path set = Files.createDirectories(folder.resolve("set"));
        Path sample = SyntheticSample.write(set.resolve("s"), tilted, 4);
        MouseViewDataset.Options o = new MouseViewDataset.Options(SIZE, 4, BackgroundColor.WHITE, false, AutoMask.OFF, 250, false, true, false, GeometryMode.NONE, 0,
                ViewAugmentation.NONE);
        for (float[] c2w : load(sample, o).c2w()) {
            assertEquals(2.7 * Math.sin(Math.toRadians(20)), c2w[11], 1e-5, "height above the ground");
        }
        // Measured lines win over the estimate: with up = +Z of the tilted world nothing is turned.
        writeNpz(set.resolve("vertical_lines.npz"), 0, 0, 1);
        assertEquals((float) tilted.get(1).pose().c2w()[2][3], load(sample, o).c2w()[1][11], 1e-6);
        writeNpz(set.resolve("vertical_lines.npz"), 0, 0, 0);
        assertTrue(assertThrows(DatasetException.class, () -> load(sample, o)).getMessage().contains("up_direction"));
        Files.write(set.resolve("vertical_lines.npz"), new byte[100]);
        assertThrows(DatasetException.class, () -> load(sample, o));
    }

    private static void writeNpz(Path file, double... up) throws IOException {
        byte[] header = "{'descr': '<f8', 'fortran_order': False, 'shape': (3,), }\n".getBytes(StandardCharsets.US_ASCII);
        ByteBuffer npy = ByteBuffer.allocate(10 + header.length + 24).order(ByteOrder.LITTLE_ENDIAN).put((byte) 0x93)
                .put("NUMPY".getBytes(StandardCharsets.US_ASCII)).put((byte) 1).put((byte) 0).putShort((short) header.length).put(header);
        for (double value : up) {
            npy.putDouble(value);
        }
        try (OutputStream out = Files.newOutputStream(file); ZipOutputStream zip = new ZipOutputStream(out)) {
            zip.putNextEntry(new ZipEntry("lines.npy"));
            zip.write(npy.array(), 0, 40);
            zip.putNextEntry(new ZipEntry("up_direction.npy"));
            zip.write(npy.array());
            zip.closeEntry();
        }
    }

    @Test
    void equalSeedsGiveEqualItemsAndOthersDiffer() throws IOException {
        Path sample = SyntheticSample.write(folder.resolve("s"), SyntheticSample.ring(4, SIZE), 4);
        MouseViewDataset dataset = new MouseViewDataset(SampleList.of(sample), options(AutoMask.OFF, BackgroundColor.parse("random"), true, ViewAugmentation.NONE), 0);
        assertArrayEquals(dataset.get(0, new SplittableRandom(3)).images(), dataset.get(0, new SplittableRandom(3)).images());
        assertFalse(Arrays.equals(dataset.get(0, new SplittableRandom(3)).images(), dataset.get(0, new SplittableRandom(4)).images()));
        assertEquals(3, dataset.get(0, new SplittableRandom(3)).channels());
    }
}
