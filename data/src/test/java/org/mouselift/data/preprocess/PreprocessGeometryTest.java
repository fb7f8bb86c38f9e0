package org.mouselift.data.preprocess;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.DoubleRange;
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

/** Pictures and cameras agree after every method with exact intrinsics: a ball off the centre stays where its cameras see it. */
class PreprocessGeometryTest {
    private static final int SIZE = 96;
    private static final CameraRig RIG = SynthMouse.resized(RigCatalog.named("mouse6"), SIZE);
    private static final double RADIUS = 0.3;

    private static List<Image8> ball(CameraRig rig, Vector3D center) {
        List<Image8> out = new ArrayList<>();
        for (Camera c : rig.cameras()) {
            Image8 image = Image8.blank(SIZE, SIZE, 4);
            for (int i = 0; i < SIZE * SIZE; i++) {
                Ray ray = c.ray(i % SIZE + 0.5, i / SIZE + 0.5);
                Vector3D to = center.subtract(ray.origin());
                double along = to.dotProduct(ray.direction());
                if (to.getNormSq() - along * along < RADIUS * RADIUS) {
                    image.data()[4 * i] = (byte) 200;
                    image.data()[4 * i + 3] = (byte) 255;
                }
            }
            out.add(image);
        }
        return out;
    }

    private static List<PreprocessMethod> exact() {
        MoveSettings move = MoveSettings.exact(SIZE);
        return List.of(new CenterAlign(0.5, false, move), new UniformScale(0.4, 0.05, true, move), new UniformScale(0.3, 0.05, false, move),
                new UniformScaleLegacy(0.3, move), new PixelBased(0.3, move), new Hull3d(0.4, 0.05, move), new VirtualLookAtViews(OptionalDouble.of(0.4), 0.05, SIZE),
                new VirtualLookAtViews(OptionalDouble.empty(), 0.05, SIZE));
    }

    /** What the new cameras see, drawn analytically, is what the new pictures show: to a fraction of a pixel (the ball's own pixels, enlarged), cut off at the same border. */
    @Property(tries = 12)
    void thePicturesAreWhatTheNewCamerasSee(@ForAll @DoubleRange(min = -0.2, max = 0.2) double x, @ForAll @DoubleRange(min = -0.2, max = 0.2) double y,
            @ForAll @DoubleRange(min = -0.2, max = 0.2) double z) throws PreprocessException {
        Vector3D at = new Vector3D(x, y, z);
        List<Image8> views = ball(RIG, at);
        for (PreprocessMethod m : exact()) {
            PreprocessMethod.Outcome out = m.apply(views, RIG);
            var center = out.block().path("scene_center");
            Vector3D moved = center.isMissingNode() ? at : at.subtract(new Vector3D(center.get(0).asDouble(), center.get(1).asDouble(), center.get(2).asDouble()));
            List<Image8> drawn = ball(out.cameras(), moved);
            for (int i = 0; i < 6; i++) {
                MaskStatistics expected = MaskStatistics.of(drawn.get(i));
                MaskStatistics mask = MaskStatistics.of(out.images().get(i));
                assertEquals(expected.comX(), mask.comX(), 0.6, m + " view " + i);
                assertEquals(expected.comY(), mask.comY(), 0.6, m + " view " + i);
                assertEquals(1, (double) mask.pixels() / expected.pixels(), 0.1, m + " view " + i);
            }
        }
    }

    /** The test above can fail: a picture moved by less than a pixel is no longer what its camera sees. */
    @Test
    void halfAPixelIsSeen() throws PreprocessException {
        Vector3D at = new Vector3D(0.1, -0.1, 0.05);
        PreprocessMethod.Outcome wrong = new PixelBased(0.8, new MoveSettings(SIZE, PreprocessMethod.Contract.EXACT, Resampling.Mode.EXACT, true)).apply(ball(RIG, at), RIG);
        List<Image8> drawn = ball(wrong.cameras(), at);
        double largest = 0;
        for (int i = 0; i < 6; i++) {
            largest = Math.max(largest, Math.abs(MaskStatistics.of(drawn.get(i)).comX() - MaskStatistics.of(wrong.images().get(i)).comX()));
        }
        assertTrue(largest > 0.7, "the original's forgotten half pixel: " + largest);
    }

    @Property(tries = 30)
    void normalisedCamerasSeeTheSamePictures(@ForAll @DoubleRange(min = -0.4, max = 0.4) double x, @ForAll @DoubleRange(min = -0.4, max = 0.4) double y,
            @ForAll @DoubleRange(min = -0.4, max = 0.4) double z) throws PreprocessException {
        RigNormalization normalization = new RigNormalization(new RigNormalization.Center.PrincipalRays(), Optional.empty(), OptionalInt.of(2), GeometryMode.SIMILARITY, 2.7, Optional.empty());
        List<Image8> views = ball(RIG, Vector3D.ZERO);
        PreprocessMethod.Outcome out = new NormalizeCameras(normalization).apply(views, RIG);
        assertEquals(views, out.images());
        Vector3D there = normalization.apply(RIG).similarity().apply(new Vector3D(x, y, z));
        for (int i = 0; i < 6; i++) {
            Projection before = RIG.get(i).project(new Vector3D(x, y, z));
            Projection after = out.cameras().get(i).project(there);
            assertEquals(before.u(), after.u(), 1e-6);
            assertEquals(before.v(), after.v(), 1e-6);
        }
        assertEquals(2.7, out.cameras().meanDistance(), 1e-9);
    }

    @Test
    void frozenCamerasAreFoundOut() throws PreprocessException {
        List<Image8> views = ball(RIG, new Vector3D(0.25, -0.2, 0.15));
        PreprocessMethod.Outcome exact = new PixelBased(0.3, MoveSettings.exact(SIZE)).apply(views, RIG);
        PreprocessMethod.Outcome frozen = new PixelBased(0.3, MoveSettings.legacy(SIZE)).apply(views, RIG);
        GeometryConsistency good = GeometryConsistency.of(exact.images(), exact.cameras());
        GeometryConsistency bad = GeometryConsistency.of(frozen.images(), frozen.cameras());
        assertTrue(good.meanReprojection() < 5 && good.minCoverage() > 0.9, "exact: " + good.meanReprojection() + " px, " + good.minCoverage());
        assertTrue(bad.minCoverage() < good.minCoverage() && bad.meanReprojection() > 3 * good.meanReprojection(), "frozen: " + bad.meanReprojection() + " px, "
                + bad.minCoverage());
    }

    @Test
    void pixelBasedReachesItsSizeAndItsCentre() throws PreprocessException {
        int size = 256;
        PreprocessMethod.Outcome out = new PixelBased(0.3, MoveSettings.exact(size)).apply(ball(RIG, new Vector3D(0.1, 0.1, 0)), RIG);
        for (Image8 image : out.images()) {
            MaskStatistics m = MaskStatistics.of(image);
            assertEquals(0.3, m.sizeRatio(), 0.0015);
            assertTrue(m.comOffset() < 0.5, "offset " + m.comOffset());
        }
    }

    @Test
    void emptyMasksAndMissingAlphaFailTheSample() {
        List<Image8> views = new ArrayList<>(ball(RIG, Vector3D.ZERO));
        views.set(3, Image8.blank(SIZE, SIZE, 4));
        var empty = assertThrows(PreprocessException.class, () -> new PixelBased(0.3, MoveSettings.exact(SIZE)).apply(views, RIG));
        assertEquals("empty_mask", empty.reason());
        views.set(3, Image8.blank(SIZE, SIZE, 3));
        assertEquals("no_alpha_channel", assertThrows(PreprocessException.class, () -> new PixelBased(0.3, MoveSettings.exact(SIZE)).apply(views, RIG)).reason());
    }
}
