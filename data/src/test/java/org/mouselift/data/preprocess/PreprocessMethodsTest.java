package org.mouselift.data.preprocess;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.IntBinaryOperator;
import org.apache.commons.math3.geometry.euclidean.threed.Vector3D;
import org.junit.jupiter.api.Test;
import org.mouselift.data.camera.Camera;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.camera.GeometryMode;
import org.mouselift.data.camera.Projection;
import org.mouselift.data.camera.Ray;
import org.mouselift.data.camera.RigCatalog;
import org.mouselift.data.camera.RigNormalization;
import org.mouselift.data.image.Image8;
import org.mouselift.data.synth.SynthMouse;

/** Size and place of the subject after every method, at the size and within the bounds that the mouse specification gives (§3.2 … §3.7, §3.10). */
class PreprocessMethodsTest {
    private static final int SIZE = 512;
    private static final CameraRig RIG = SynthMouse.resized(RigCatalog.named("mouse6"), SIZE);

    /** A grey subject with alpha 255 where the function is positive. */
    private static Image8 picture(IntBinaryOperator inside) {
        Image8 image = Image8.blank(SIZE, SIZE, 4);
        for (int i = 0; i < SIZE * SIZE; i++) {
            boolean in = inside.applyAsInt(i % SIZE, i / SIZE) > 0;
            for (int c = 0; c < 3; c++) {
                image.data()[4 * i + c] = (byte) (in ? 90 : 255);
            }
            image.data()[4 * i + 3] = (byte) (in ? 255 : 0);
        }
        return image;
    }

    private static IntBinaryOperator ellipse(double cx, double cy, double a, double b) {
        return (x, y) -> (x - cx) * (x - cx) / (a * a) + (y - cy) * (y - cy) / (b * b) <= 1 ? 1 : 0;
    }

    private static List<Image8> views(IntBinaryOperator... each) {
        List<Image8> out = new ArrayList<>();
        for (int i = 0; i < 6; i++) {
            out.add(picture(each[i % each.length]));
        }
        return out;
    }

    /** F-022. */
    @Test
    void centerAlignCentresTheBoxesAndTheLargestHasTheSize() throws PreprocessException {
        List<Image8> views = views(ellipse(140, 330, 60, 25), ellipse(300, 200, 35, 70), ellipse(250, 256, 40, 41));
        for (MoveSettings move : List.of(MoveSettings.exact(SIZE), MoveSettings.legacy(SIZE))) {
            PreprocessMethod.Outcome out = new CenterAlign(0.6, false, move).apply(views, RIG);
            int largest = 0;
            for (Image8 v : out.images()) {
                MaskStatistics m = MaskStatistics.of(v);
                double bound = move.contract() == PreprocessMethod.Contract.EXACT ? 1 : 2;
                assertEquals(256, m.boxCenterX(), bound, "the original cuts halves off");
                assertEquals(256, m.boxCenterY(), bound);
                largest = Math.max(largest, m.boxSide());
            }
            assertEquals(0.6 * SIZE, largest, move.contract() == PreprocessMethod.Contract.EXACT ? 1.2 : 12, "the original's soft edges count as subject");
        }
        PreprocessMethod.Outcome first = new CenterAlign(0.3, true, MoveSettings.exact(SIZE)).apply(views, RIG);
        assertEquals(256, MaskStatistics.of(first.images().getFirst()).boxCenterX(), 1);
        assertTrue(Math.abs(MaskStatistics.of(first.images().get(1)).boxCenterX() - 256) > 20, "with one anchor for all views, the others stay where they are relative to it");
    }

    /** F-023: an ellipse with a tail whose end is far from the centre of mass. */
    @Test
    void uniformScaleNeverCutsTheTail() throws PreprocessException {
        IntBinaryOperator body = ellipse(200, 300, 60, 40);
        IntBinaryOperator tailed = (x, y) -> body.applyAsInt(x, y) > 0 || x >= 200 && x < 430 && Math.abs(y - 300 + (x - 200) / 2) < 3 ? 1 : 0;
        List<Image8> views = views(tailed, body);
        PreprocessMethod.Outcome out = new UniformScale(0.6, 0.05, true, MoveSettings.exact(SIZE)).apply(views, RIG);
        double half = SIZE / 2.0 * 0.95;
        for (int i = 0; i < 6; i++) {
            MaskStatistics m = MaskStatistics.of(out.images().get(i));
            assertEquals(0, m.onBorder());
            assertTrue(m.x1() > 256 - half - 2 && m.x2() < 256 + half + 2 && m.y1() > 256 - half - 2 && m.y2() < 256 + half + 2, m.toString());
            assertEquals(256, m.comX(), 0.6);
            assertEquals(256, m.comY(), 0.6);
            assertEquals(0, out.clipped()[i]);
        }
        double s = out.block().path("uniform_scale").asDouble();
        assertEquals("sample_uniform_scale", out.block().path("method").asText());
        assertEquals(3, out.block().path("scale_limited_views").asInt(), "the three views with a tail");
        MaskStatistics before = MaskStatistics.of(views.getFirst());
        // C-25 and C-26: the index coordinate of the centre of mass goes to size/2, half a pixel and all.
        var k = RIG.get(0).intrinsics();
        var l = out.cameras().get(0).intrinsics();
        assertEquals(s * k.fx(), l.fx(), 1e-9);
        assertEquals(s * k.cx() + (256 - s * before.comX()) + 0.5 * (1 - s), l.cx(), 1e-9);
        assertEquals(s * k.cy() + (256 - s * before.comY()) + 0.5 * (1 - s), l.cy(), 1e-9);
        PreprocessMethod.Outcome free = new UniformScale(0.6, 0.05, false, MoveSettings.exact(SIZE)).apply(views, RIG);
        assertTrue(free.clipped()[0] > 0.02, "without, the tail is lost, and that is said: " + free.clipped()[0]);
    }

    /** F-024: size alone, about the middle of the picture, cameras as they were. */
    @Test
    void theFirstUniformScaleEqualisesSizeOnly() throws PreprocessException {
        List<Image8> views = views(ellipse(200, 280, 60, 40), ellipse(300, 230, 30, 45));
        PreprocessMethod.Outcome out = new UniformScaleLegacy(0.3, MoveSettings.legacy(SIZE)).apply(views, RIG);
        assertEquals("image_based", out.block().path("method").asText());
        assertEquals(6, out.block().path("scale_factors").size());
        for (int i = 0; i < 6; i++) {
            MaskStatistics m = MaskStatistics.of(out.images().get(i));
            assertEquals(0.3, m.sizeRatio(), 0.3 * 0.04);
            assertTrue(m.comOffset() > 30, "it does not centre");
            assertEquals(RIG.get(i), out.cameras().get(i));
        }
    }

    /** F-025: 0.5 % and half a pixel; the original's interpolated alpha 4 % and 5 px. */
    @Test
    void pixelBasedReachesSizeAndPlaceWithinItsBounds() throws PreprocessException {
        List<Image8> views = views(ellipse(200, 280, 60, 40), ellipse(300, 230, 130, 95), ellipse(256, 256, 33, 80));
        for (Image8 v : new PixelBased(0.3, MoveSettings.exact(SIZE)).apply(views, RIG).images()) {
            MaskStatistics m = MaskStatistics.of(v);
            assertEquals(0.3, m.sizeRatio(), 0.3 * 0.005);
            assertTrue(m.comOffset() < 0.5, m.toString());
        }
        PreprocessMethod.Outcome legacy = new PixelBased(0.3, MoveSettings.legacy(SIZE)).apply(views, RIG);
        assertEquals("center_of_mass_and_pixel_scale", legacy.block().path("method").asText());
        double largest = 0;
        for (Image8 v : legacy.images()) {
            MaskStatistics m = MaskStatistics.of(v);
            assertEquals(0.3, m.sizeRatio(), 0.3 * 0.04);
            assertTrue(m.comOffset() < 5, m.toString());
            largest = Math.max(largest, m.sizeRatio());
        }
        assertTrue(largest > 0.301, "the original's alpha grows: " + largest);
    }

    /** F-026. */
    @Test
    void alphaComesFromAPlainBackground() throws PreprocessException {
        Image8 grey = picture(ellipse(256, 256, 80, 50)).toRgb();
        for (int y = 250; y < 262; y++) {
            for (int x = 250; x < 262; x++) {
                java.util.Arrays.fill(grey.data(), 3 * (y * SIZE + x), 3 * (y * SIZE + x) + 3, (byte) 255);
            }
        }
        for (int y = 20; y < 24; y++) {
            java.util.Arrays.fill(grey.data(), 3 * (y * SIZE + 20), 3 * (y * SIZE + 24), (byte) 90);
        }
        int body = (int) MaskStatistics.of(picture(ellipse(256, 256, 80, 50))).pixels();
        assertEquals(body - 144 + 16, pixels(new AddAlpha(false, AddAlpha.WHITE_THRESHOLD, false, false), grey), "a highlight is a hole, a speck is subject");
        assertEquals(body + 16, pixels(new AddAlpha(false, AddAlpha.WHITE_THRESHOLD, true, false), grey));
        assertEquals(body, pixels(new AddAlpha(false, AddAlpha.WHITE_THRESHOLD, true, true), grey));

        Image8 black = grey.toRgb();
        byte[] dark = black.data().clone();
        for (int i = 0; i < SIZE * SIZE; i++) {
            if (dark[3 * i] == (byte) 255) {
                java.util.Arrays.fill(dark, 3 * i, 3 * i + 3, (byte) 2);
            }
        }
        black = new Image8(SIZE, SIZE, 3, dark);
        assertEquals(body - 144 + 16, pixels(new AddAlpha(true, AddAlpha.BLACK_THRESHOLD, false, false), black));

        Image8 rgba = picture(ellipse(200, 200, 50, 50));
        PreprocessMethod.Outcome through = new AddAlpha(false, AddAlpha.WHITE_THRESHOLD, false, false).apply(List.of(rgba), RIG.select(0));
        assertArrayEquals(rgba.data(), through.images().getFirst().data(), "what has alpha passes");
        Image8 all = picture((x, y) -> 1).toRgb();
        Image8 none = picture((x, y) -> 0).toRgb();
        for (Image8 wrong : List.of(all, none)) {
            PreprocessException e = assertThrows(PreprocessException.class, () -> new AddAlpha(false, AddAlpha.WHITE_THRESHOLD, false, false).apply(List.of(wrong), RIG.select(0)));
            assertEquals("foreground_share", e.reason());
        }
    }

    private static int pixels(AddAlpha method, Image8 view) throws PreprocessException {
        return (int) MaskStatistics.of(method.apply(List.of(view), RIG.select(0)).images().getFirst()).pixels();
    }

    /** F-028: JSON block, one similarity for all cameras. */
    @Test
    void normalisedCamerasSayHow() throws PreprocessException {
        List<Image8> views = views(ellipse(256, 256, 50, 50));
        RigNormalization n = new RigNormalization(new RigNormalization.Center.PrincipalRays(), Optional.empty(), OptionalInt.empty(), GeometryMode.SIMILARITY, 2.7, Optional.empty());
        CameraRig millimetres = RIG.map(c -> c.withPose(org.mouselift.data.camera.Pose.worldToCamera(c.pose().rotation(), c.pose().translation().scalarMultiply(122.7))));
        PreprocessMethod.Outcome out = new NormalizeCameras(n).apply(views, millimetres);
        assertEquals(2.7, out.cameras().meanDistance(), 1e-9);
        assertEquals("normalization_info", out.blockName());
        for (String key : List.of("scene_center", "original_avg_distance", "target_distance", "scale_factor")) {
            assertTrue(out.block().has(key), key + " in " + out.block());
        }
        assertEquals(1 / 122.7, out.block().path("scale_factor").asDouble(), 1e-3 / 122.7);
    }

    /** F-029: a ball off the centre is in the middle of all views, and the block leads back to where it was. */
    @Test
    void hull3dCentresABallAndLeadsBack() throws PreprocessException {
        Vector3D at = new Vector3D(0.22, -0.17, 0.12);
        double radius = 0.3;
        List<Image8> views = new ArrayList<>();
        for (Camera c : RIG.cameras()) {
            views.add(picture((x, y) -> {
                Ray ray = c.ray(x + 0.5, y + 0.5);
                Vector3D to = at.subtract(ray.origin());
                double along = to.dotProduct(ray.direction());
                return to.getNormSq() - along * along < radius * radius ? 1 : 0;
            }));
        }
        PreprocessMethod.Outcome out = new Hull3d(0.4, 0.05, MoveSettings.exact(SIZE)).apply(views, RIG);
        var center = out.block().path("scene_center");
        Vector3D shift = new Vector3D(center.get(0).asDouble(), center.get(1).asDouble(), center.get(2).asDouble());
        // In the recording's unit the rig stands 331 mm away; 0.02 is 2.5 mm.
        assertTrue(shift.distance(at) < 0.02, "centre " + shift + ", true " + at);
        for (int i = 0; i < 6; i++) {
            MaskStatistics m = MaskStatistics.of(out.images().get(i));
            // Off the axis the picture of a ball is not centred on the picture of its centre.
            assertTrue(m.comOffset() < 3, "view " + i + ": " + m);
            Projection before = RIG.get(i).project(at);
            Projection after = out.cameras().get(i).project(at.subtract(shift));
            assertEquals(256, after.u(), 2, "view " + i);
            assertEquals(256, after.v(), 2, "view " + i);
            assertEquals(before.depth(), after.depth(), 1e-9, "X_before = X + scene_center");
        }
    }
}
