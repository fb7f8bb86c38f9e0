package org.mouselift.data.recording;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.DoubleRange;
import org.apache.commons.math3.geometry.euclidean.threed.Vector3D;
import org.junit.jupiter.api.Test;
import org.mouselift.data.camera.Camera;
import org.mouselift.data.camera.Intrinsics;
import org.mouselift.data.camera.Ray;
import org.mouselift.data.camera.RigCatalog;
import org.mouselift.data.image.Image8;
import org.mouselift.data.preprocess.MaskStatistics;
import org.mouselift.data.recording.FramePreparation.Crop;
import org.mouselift.data.recording.FramePreparation.Lens;

/** Frame and mask to picture and camera: both by every way of cropping and every lens, masks of lossy videos, no cage in the fur. */
class FramePreparationTest {
    private static final int W = 288;
    private static final int H = 256;
    private static final double RADIUS = 0.2;
    /** The real rig's camera 0 with its principal point away from the middle, a quarter of the size. */
    private static final Camera CAMERA = RigCatalog.named("mouse6").get(0).withIntrinsics(new Intrinsics(1632.3 / 4, 1639.0 / 4, 600.75 / 4, 490.0 / 4, W, H));

    /** Which pixels of a camera show a ball. */
    private static Image8 mask(Camera camera, Vector3D center, int inside, int outside) {
        int w = camera.intrinsics().width();
        Image8 mask = Image8.blank(w, camera.intrinsics().height(), 1);
        for (int i = 0; i < mask.data().length; i++) {
            Ray ray = camera.ray(i % w + 0.5, i / w + 0.5);
            Vector3D to = center.subtract(ray.origin());
            double along = to.dotProduct(ray.direction());
            mask.data()[i] = (byte) (to.getNormSq() - along * along < RADIUS * RADIUS ? inside : outside);
        }
        return mask;
    }

    private static Image8 plain(int red, int green, int blue) {
        Image8 frame = Image8.blank(W, H, 3);
        for (int i = 0; i < W * H; i++) {
            frame.data()[3 * i] = (byte) red;
            frame.data()[3 * i + 1] = (byte) green;
            frame.data()[3 * i + 2] = (byte) blue;
        }
        return frame;
    }

    private static MaskStatistics of(Image8 mask) {
        Image8 rgba = Image8.blank(mask.width(), mask.height(), 4);
        for (int i = 0; i < mask.data().length; i++) {
            rgba.data()[4 * i + 3] = mask.data()[i];
        }
        return MaskStatistics.of(rgba, 127);
    }

    /** The ball is where the picture's own camera sees it. */
    private static double error(FramePreparation p, Vector3D at) {
        FramePreparation.Result r = p.apply(plain(90, 80, 70), mask(CAMERA, at, 250, 3), CAMERA);
        assertEquals(p.camera(CAMERA), r.camera());
        assertEquals(r.camera().intrinsics().width(), r.image().width());
        MaskStatistics seen = MaskStatistics.of(r.image(), 127);
        MaskStatistics expected = of(mask(r.camera(), at, 255, 0));
        return Math.max(Math.hypot(seen.comX() - expected.comX(), seen.comY() - expected.comY()), 30 * Math.abs(Math.sqrt((double) seen.pixels() / expected.pixels()) - 1));
    }

    @Property(tries = 40)
    void theNewCameraSeesWhatThePictureShows(@ForAll @DoubleRange(min = -0.12, max = 0.12) double x, @ForAll @DoubleRange(min = -0.12, max = 0.12) double y,
            @ForAll @DoubleRange(min = -0.12, max = 0.12) double z) {
        Vector3D at = new Vector3D(x, y, z);
        for (Crop crop : Crop.values()) {
            for (int size : new int[] {128, 200}) {
                double exact = error(new FramePreparation(size, crop, Lens.EXACT, true, 255), at);
                assertTrue(exact < 0.6, crop + " " + size + ": " + exact);
            }
        }
        double warped = error(new FramePreparation(160, Crop.CENTER, Lens.WARP, true, 255), at);
        assertTrue(warped < 0.6, "warp: " + warped);
        assertTrue(error(new FramePreparation(160, Crop.CENTER, Lens.STANDARD, true, 255), at) > 2, "the original's claim of a 50° lens is seen to be wrong");
    }

    @Test
    void theNumbersOfTheSpecification() {
        Camera full = CAMERA.withIntrinsics(new Intrinsics(1632.3, 1639.2, 600.75, 490, 1152, 1024));
        Intrinsics k = new FramePreparation(512, Crop.CENTER, Lens.EXACT, true, 255).camera(full).intrinsics();
        assertArrayEquals(new double[] {816.15, 819.6, 268.375, 245}, k.fxfycxcy(), 1e-9);
        assertEquals(34.8, k.horizontalFovDegrees(), 0.05);
        Intrinsics standard = new FramePreparation(512, Crop.CENTER, Lens.STANDARD, true, 255).camera(full).intrinsics();
        assertArrayEquals(new double[] {548.993771650447, 548.993771650447, 256, 256}, standard.fxfycxcy(), 1e-9);
        assertThrows(IllegalArgumentException.class, () -> new FramePreparation(512, Crop.NONE, Lens.WARP, true, 255));
    }

    @Test
    void lossyMasksAreCutAtTheMiddleAndScaledToTheFrame() {
        Image8 mask = Image8.blank(4, 1, 1);
        mask.data()[0] = 3;
        mask.data()[1] = 120;
        mask.data()[2] = (byte) 130;
        mask.data()[3] = (byte) 250;
        assertArrayEquals(new byte[] {0, 0, (byte) 255, (byte) 255}, FramePreparation.binary(mask).data());
        Image8 half = Image8.blank(W / 2, H / 2, 1);
        for (int i = 0; i < half.data().length; i++) {
            half.data()[i] = (byte) (i % (W / 2) >= 40 && i % (W / 2) < 100 ? 128 : 127);
        }
        FramePreparation.Result r = new FramePreparation(8, Crop.NONE, Lens.EXACT, false, 255).apply(plain(1, 2, 3), half, CAMERA);
        for (int x = 0; x < W; x++) {
            assertEquals(x >= 80 && x < 200 ? 255 : 0, r.image().get(x, 77, 3), "column " + x);
        }
    }

    /** The background's colour under the mask's edge: Lanczos would draw the cage into the fur. */
    @Test
    void theCageDoesNotBleedIntoTheFur() {
        Vector3D at = new Vector3D(0.02, 0.01, 0);
        Image8 mask = mask(CAMERA, at, 255, 0);
        Image8 frame = plain(0, 0, 255);
        for (int i = 0; i < mask.data().length; i++) {
            if (mask.data()[i] != 0) {
                java.util.Arrays.fill(frame.data(), 3 * i, 3 * i + 3, (byte) 100);
            }
        }
        int[] blue = new int[2];
        for (int k = 0; k < 2; k++) {
            Image8 image = new FramePreparation(128, Crop.CENTER, Lens.EXACT, k == 0, 255).apply(frame, mask, CAMERA).image();
            for (int i = 0; i < image.data().length; i += 4) {
                boolean fur = image.data()[i + 3] != 0;
                blue[k] += fur && (image.data()[i + 2] & 0xFF) - (image.data()[i] & 0xFF) > 8 ? 1 : 0;
            }
        }
        assertEquals(0, blue[0], "painted before resizing");
        assertTrue(blue[1] > 20, "as the original did it, the test can tell: " + blue[1]);
    }
}
