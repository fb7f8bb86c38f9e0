package org.mouselift.data.recording;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.DoubleRange;
import org.apache.commons.math3.geometry.euclidean.threed.Vector3D;
import org.junit.jupiter.api.Test;
import org.mouselift.data.camera.Camera;
import org.mouselift.data.camera.Projection;
import org.mouselift.data.camera.Ray;
import org.mouselift.data.camera.RigCatalog;
import org.mouselift.data.camera.Triangulation;
import org.mouselift.data.image.Image8;
import org.mouselift.data.preprocess.MaskStatistics;

/** A ball in front of the cameras of the real rig: after framing, the new cameras see it where the pictures show it. */
class SubjectFramingTest {
    private static final int W = 288;
    private static final int H = 256;
    /** In units of the normalised rig. */
    private static final double RADIUS = 0.12;
    private static final List<Camera> CAMERAS = RigCatalog.named("mouse6").cameras().stream().map(c -> {
        double s = (double) H / c.intrinsics().height();
        var k = c.intrinsics();
        return c.withIntrinsics(new org.mouselift.data.camera.Intrinsics(s * k.fx(), s * k.fy(), s * k.cx() + (W - s * k.width()) / 2, s * k.cy(), W, H));
    }).toList();

    private static List<Image8> masks(Vector3D center) {
        List<Image8> out = new ArrayList<>();
        for (Camera c : CAMERAS) {
            Image8 mask = Image8.blank(W, H, 1);
            for (int i = 0; i < W * H; i++) {
                Ray ray = c.ray(i % W + 0.5, i / W + 0.5);
                Vector3D to = center.subtract(ray.origin());
                double along = to.dotProduct(ray.direction());
                mask.data()[i] = (byte) (to.getNormSq() - along * along < RADIUS * RADIUS ? 250 : 3);
            }
            out.add(mask);
        }
        return out;
    }

    private static List<Image8> frames() {
        Image8 grey = Image8.blank(W, H, 3);
        java.util.Arrays.fill(grey.data(), (byte) 90);
        return java.util.Collections.nCopies(CAMERAS.size(), grey);
    }

    /** The mask of an RGB picture on white. */
    private static MaskStatistics seen(Image8 rgb) {
        Image8 rgba = rgb.toRgba();
        for (int i = 0; i < rgba.data().length; i += 4) {
            rgba.data()[i + 3] = (byte) ((rgba.data()[i] & 0xFF) < 250 ? 255 : 0);
        }
        return MaskStatistics.of(rgba);
    }

    @Property(tries = 30)
    void theTriangulatedBallReprojectsWithinHalfAPixel(@ForAll @DoubleRange(min = -0.15, max = 0.15) double x, @ForAll @DoubleRange(min = -0.15, max = 0.15) double y,
            @ForAll @DoubleRange(min = -0.15, max = 0.15) double z, @ForAll @DoubleRange(min = 0.1, max = 0.3) double ratio) throws Exception {
        Vector3D at = new Vector3D(x, y, z);
        SubjectFraming.Result r = new SubjectFraming(256, ratio, false).apply(frames(), masks(at), CAMERAS);
        double[][] uv = new double[6][];
        int largest = 0;
        double scale = 0;
        for (int i = 0; i < 6; i++) {
            assertEquals(3, r.images().get(i).channels());
            MaskStatistics m = seen(r.images().get(i));
            uv[i] = new double[] {m.comX() + 0.5, m.comY() + 0.5};
            largest = Math.max(largest, m.boxSide());
            double zoom = r.cameras().get(i).intrinsics().fx() / CAMERAS.get(i).intrinsics().fx();
            scale = Math.max(scale, 1.5 + 0.5 * zoom);
            // Pasted at a whole pixel (1); the frame a whole number of pixels wide, which moves a subject in its middle by up to 0.7 of one;
            // a box of whole pixels (0.5); the half pixel of the frame that the original forgot, which is larger by the scale.
            double reach = 2.2 + 0.5 * zoom;
            assertTrue(Math.abs(m.boxCenterX() - 128) <= reach && Math.abs(m.boxCenterY() - 128) <= reach, "in the middle: " + m);
            assertEquals(CAMERAS.get(i).pose(), r.cameras().get(i).pose());
        }
        assertEquals(ratio * 256, largest, 2 * scale, "the largest box, which was measured between the middles of its pixels");
        Vector3D found = Triangulation.ofPixels(r.cameras(), uv).point();
        for (int i = 0; i < 6; i++) {
            Projection p = r.cameras().get(i).project(found);
            assertTrue(Math.hypot(p.u() - uv[i][0], p.v() - uv[i][1]) < 0.5, "view " + i + " of " + at);
        }
        assertTrue(found.distance(at) < 0.01, "the ball itself: " + found + " for " + at);
    }

    @Test
    void aViewWithoutSubjectLeavesTheSampleOut() {
        List<Image8> masks = masks(Vector3D.ZERO);
        masks.set(4, Image8.blank(W, H, 1));
        assertTrue(assertThrows(SubjectFraming.EmptyMaskException.class, () -> new SubjectFraming(128, 0.6, false).apply(frames(), masks, CAMERAS)).getMessage().contains("camera 4"));
    }
}
