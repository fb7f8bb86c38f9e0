package org.mouselift.tests.camera;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.mouselift.tests.camera.Near.near;
import static org.mouselift.tests.camera.Near.pixel;
import static org.mouselift.tests.camera.Near.proper;

import net.jqwik.api.Assume;
import net.jqwik.api.EdgeCasesMode;
import net.jqwik.api.ForAll;
import net.jqwik.api.GenerationMode;
import net.jqwik.api.Property;
import net.jqwik.api.PropertyDefaults;
import net.jqwik.api.constraints.DoubleRange;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Scale;
import net.jqwik.api.domains.Domain;
import net.jqwik.api.domains.DomainContext;
import org.apache.commons.math3.geometry.euclidean.threed.Vector3D;
import org.mouselift.data.camera.Camera;
import org.mouselift.data.camera.Homography;
import org.mouselift.data.camera.ImageOperation;
import org.mouselift.data.camera.Intrinsics;
import org.mouselift.data.camera.Mat3;
import org.mouselift.data.camera.Pose;
import org.mouselift.data.camera.Projection;
import org.mouselift.data.camera.RigNormalization;
import org.mouselift.data.camera.Rotations;
import org.mouselift.data.camera.SphericalPosition;
import org.mouselift.data.camera.VirtualLookAt;
import org.mouselift.tests.camera.CameraDomain.Point;
import org.mouselift.tests.camera.CameraDomain.Seen;

/** Camera invariants C-19 … C-32: what image operations do to intrinsics and poses. */
@Domain(CameraDomain.class)
@Domain(DomainContext.Global.class)
@PropertyDefaults(tries = 1000, generation = GenerationMode.RANDOMIZED, edgeCases = EdgeCasesMode.NONE)
class ImageOperationInvariantsTest {
    private static final Mat3 MIRROR_X = Mat3.diagonal(-1, 1, 1);
    private static final Mat3 MIRROR_Y = Mat3.diagonal(1, -1, 1);

    @Property
    void c19_resize(@ForAll Seen s, @ForAll @IntRange(min = 1, max = 3000) int w, @ForAll @IntRange(min = 1, max = 3000) int h) {
        Intrinsics k = s.camera().intrinsics();
        double sx = (double) w / k.width();
        double sy = (double) h / k.height();
        Camera after = check(s, new ImageOperation.Resize(w, h), sx * s.u(), sy * s.v(), Math.max(sx, sy));
        near(sx * k.fx(), after.intrinsics().fx());
        near(sy * k.fy(), after.intrinsics().fy());
        near(sx * k.cx(), after.intrinsics().cx());
        // Index form: cx_i' = sx·(cx_i + 0.5) − 0.5.
        double index = k.cx() - 0.5;
        near(sx * (index + 0.5) - 0.5, after.intrinsics().cx() - 0.5);
    }

    @Property
    void c20_horizontalFlipIsTheProperCameraOfTheMirroredWorld(@ForAll Seen s) {
        Intrinsics k = s.camera().intrinsics();
        ImageOperation flip = new ImageOperation.FlipHorizontal();
        Camera after = check(s, flip, k.width() - s.u(), s.v(), 1);
        assertEquals(k.width() - k.cx(), after.intrinsics().cx());
        proper(after.pose().rotation());
        near(MIRROR_X.times(s.camera().pose().rotation()).times(MIRROR_X), after.pose().rotation());
        near(MIRROR_X.times(s.camera().pose().translation()), after.pose().translation());
        near(MIRROR_X.times(s.point()), flip.world(s.point()));
        near(s.camera().pose(), flip.apply(after).pose());
        near(k.cx(), flip.apply(after).intrinsics().cx());
    }

    @Property
    void c21_verticalFlip(@ForAll Seen s) {
        Intrinsics k = s.camera().intrinsics();
        ImageOperation flip = new ImageOperation.FlipVertical();
        Camera after = check(s, flip, s.u(), k.height() - s.v(), 1);
        assertEquals(k.height() - k.cy(), after.intrinsics().cy());
        proper(after.pose().rotation());
        near(MIRROR_Y.times(s.camera().pose().rotation()).times(MIRROR_Y), after.pose().rotation());
        near(MIRROR_Y.times(s.point()), flip.world(s.point()));
        near(s.camera().pose(), flip.apply(after).pose());
        // Both flips are half a turn of the picture and of the world about Z.
        Camera both = new ImageOperation.FlipHorizontal().apply(after);
        near(Rotations.aboutZ(180).times(s.camera().pose().rotation()).times(Rotations.aboutZ(180)), both.pose().rotation());
    }

    @Property
    void c22_cropAndPad(@ForAll Seen s, @ForAll @DoubleRange(min = -300, max = 300) @Scale(3) double ox,
            @ForAll @DoubleRange(min = -300, max = 300) @Scale(3) double oy, @ForAll @IntRange(min = 1, max = 600) int w,
            @ForAll @IntRange(min = 1, max = 600) int h) {
        Intrinsics k = s.camera().intrinsics();
        Camera after = check(s, new ImageOperation.Crop(ox, oy, w, h), s.u() - ox, s.v() - oy, 1);
        near(k.cx() - ox, after.intrinsics().cx());
        near(k.cy() - oy, after.intrinsics().cy());
        assertEquals(k.fx(), after.intrinsics().fx());
        Intrinsics back = new ImageOperation.Crop(-ox, -oy, k.width(), k.height()).apply(after).intrinsics();
        near(k.cx(), back.cx());
        near(k.cy(), back.cy());
        assertEquals(k.width(), back.width());
        assertEquals(k.height(), back.height());
    }

    @Property
    void c23_composition(@ForAll Intrinsics k, @ForAll @IntRange(min = 1, max = 2000) int w1, @ForAll @IntRange(min = 1, max = 2000) int h1,
            @ForAll @IntRange(min = 1, max = 2000) int w2, @ForAll @IntRange(min = 1, max = 2000) int h2,
            @ForAll @DoubleRange(min = -50, max = 50) @Scale(3) double ox, @ForAll @DoubleRange(min = -50, max = 50) @Scale(3) double oy) {
        same(k.resize(w2, h2), k.resize(w1, h1).resize(w2, h2));
        // Crop, then resize by s = resize by s, then crop with scaled offsets.
        double sx = (double) w1 / k.width();
        double sy = (double) h1 / k.height();
        Intrinsics cropped = k.crop(ox, oy, k.width(), k.height());
        same(cropped.resize(w1, h1), k.resize(w1, h1).crop(sx * ox, sy * oy, w1, h1));
    }

    @Property
    void c24_centreCropAndResizeOfTheRecording(@ForAll @DoubleRange(min = 1500, max = 1700) @Scale(3) double fx,
            @ForAll @DoubleRange(min = 1500, max = 1700) @Scale(3) double fy, @ForAll @DoubleRange(max = 1152) @Scale(3) double cx,
            @ForAll @DoubleRange(max = 1024) @Scale(3) double cy, @ForAll @DoubleRange(max = 1151) @Scale(3) double u) {
        Intrinsics k = new Intrinsics(fx, fy, cx, cy, 1152, 1024);
        same(new Intrinsics(fx / 2, fy / 2, (cx - 64) / 2, cy / 2, 512, 512), k.centerCrop().resize(512, 512));
        // The pixel moves by the same rule.
        var cropped = new ImageOperation.Crop(64, 0, 1024, 1024).pixel(k, u, u);
        var out = new ImageOperation.Resize(512, 512).pixel(k.centerCrop(), cropped.u(), cropped.v());
        near((u - 64) / 2, out.u(), 1000);
        near(u / 2, out.v(), 1000);
    }

    @Property
    void c25_indexAffine(@ForAll Seen s, @ForAll @DoubleRange(min = 0.1, max = 4) @Scale(6) double scale,
            @ForAll @DoubleRange(min = -500, max = 500) @Scale(6) double tx, @ForAll @DoubleRange(min = -500, max = 500) @Scale(6) double ty) {
        Intrinsics k = s.camera().intrinsics();
        // Index coordinates: x' = scale·x + t.
        double u = scale * (s.u() - 0.5) + tx + 0.5;
        double v = scale * (s.v() - 0.5) + ty + 0.5;
        Camera after = check(s, new ImageOperation.IndexAffine(scale, scale, tx, ty, 512, 512), u, v, Math.max(1, scale));
        near(scale * k.cx() + tx + 0.5 * (1 - scale), after.intrinsics().cx());
        near(scale * k.cy() + ty + 0.5 * (1 - scale), after.intrinsics().cy());
    }

    @Property
    void c26_centreOfMassCentring(@ForAll Seen s, @ForAll @DoubleRange(min = 0.1, max = 4) @Scale(6) double scale, @ForAll @IntRange(min = 8, max = 1024) int size) {
        // The mask's centre of mass in pixel-index coordinates is where the 3D centre of mass projects.
        double comX = s.u() - 0.5;
        double comY = s.v() - 0.5;
        ImageOperation centring = new ImageOperation.IndexAffine(scale, scale, size / 2.0 - scale * comX, size / 2.0 - scale * comY, size, size);
        Projection p = centring.apply(s.camera()).project(s.point());
        double tolerance = (1000 + s.camera().intrinsics().fx() + s.camera().intrinsics().fy()) * scale / Math.min(1, s.depth() * 10);
        near(size / 2.0, p.u() - 0.5, Math.max(1000, tolerance));
        near(size / 2.0, p.v() - 0.5, Math.max(1000, tolerance));
    }

    @Property
    void c27_imageRotation(@ForAll Seen s, @ForAll @DoubleRange(min = -400, max = 400) @Scale(6) double degrees) {
        Intrinsics k = s.camera().intrinsics();
        Intrinsics square = new Intrinsics(k.fx(), k.fx(), k.cx(), k.cy(), k.width(), k.height());
        Seen q = new Seen(s.camera().withIntrinsics(square), s.u(), k.cy() + (s.v() - k.cy()) * k.fx() / k.fy(), s.depth(), s.point());
        double a = Math.toRadians(degrees);
        double mu = k.width() / 2.0;
        double mv = k.height() / 2.0;
        double u = Math.cos(a) * (q.u() - mu) - Math.sin(a) * (q.v() - mv) + mu;
        double v = Math.sin(a) * (q.u() - mu) + Math.cos(a) * (q.v() - mv) + mv;
        Camera after = check(q, new ImageOperation.Rotate(degrees), u, v, 1 + Math.abs(q.v()) / 1000);
        near(Rotations.aboutAxis(Vector3D.PLUS_K, a).times(s.camera().pose().rotation()), after.pose().rotation());
        near(s.camera().center(), after.center());
        near(s.camera().pose(), new ImageOperation.Rotate(-degrees).apply(after).pose());
    }

    @Property
    void c28_quarterTurns(@ForAll Seen s) {
        Intrinsics k = s.camera().intrinsics();
        ImageOperation turn = new ImageOperation.QuarterTurn();
        Camera after = check(s, turn, k.height() - s.v(), s.u(), 1);
        assertEquals(k.width(), after.intrinsics().height());
        assertEquals(k.height(), after.intrinsics().width());
        assertEquals(k.fx(), after.intrinsics().fy());
        assertEquals(k.fy(), after.intrinsics().fx());
        Camera full = turn.apply(turn.apply(turn.apply(after)));
        same(k, full.intrinsics());
        near(s.camera().pose(), full.pose());
    }

    @Property
    void c29_fieldOfView(@ForAll Intrinsics k, @ForAll @DoubleRange(min = 1, max = 179) @Scale(6) double fov,
            @ForAll @IntRange(min = 1, max = 3000) int w, @ForAll @IntRange(min = 1, max = 100) int margin) {
        Intrinsics built = Intrinsics.fromFov(fov, w, w);
        near(fov, built.horizontalFovDegrees(), 180);
        near(k.fx(), Intrinsics.focal(k.horizontalFovDegrees(), k.width()), k.fx() + k.width());
        Intrinsics resized = k.resize(w, w);
        near(k.horizontalFovDegrees(), resized.horizontalFovDegrees(), 180);
        near(k.verticalFovDegrees(), resized.verticalFovDegrees(), 180);
        if (margin < k.width()) {
            assertTrue(k.crop(0, 0, k.width() - margin, k.height()).horizontalFovDegrees() < k.horizontalFovDegrees());
        }
    }

    @Property
    void c30_pureRotationHomography(@ForAll Seen s, @ForAll Intrinsics other, @ForAll @DoubleRange(min = -180, max = 180) @Scale(6) double roll,
            @ForAll @DoubleRange(min = -60, max = 60) @Scale(6) double tilt, @ForAll @DoubleRange(min = 0.1, max = 30) @Scale(6) double depth) {
        Mat3 turn = Rotations.aboutZ(roll).times(Rotations.aboutAxis(Vector3D.PLUS_I, Math.toRadians(tilt)));
        Camera to = new Camera(other, Pose.cameraToWorld(s.camera().pose().axes().times(turn), s.camera().center()));
        Homography h = Homography.turn(s.camera(), to);
        Vector3D world = s.camera().unproject(s.u(), s.v(), depth);
        Vector3D direction = s.camera().ray(s.u(), s.v()).direction();
        double cosine = direction.dotProduct(to.forward());
        Homography.Pixel mapped = h.map(s.u(), s.v());
        if (cosine > 0.05) {
            Projection direct = to.project(world);
            double scale = Math.max(1000, (other.fx() + other.fy()) * 1000);
            near(direct.u(), mapped.u(), scale);
            near(direct.v(), mapped.v(), scale);
            // A test pattern painted on the sky: the warped picture shows what the turned camera sees.
            Homography.Pixel source = h.inverse().map(direct.u(), direct.v());
            assertEquals(sky(to.ray(direct.u(), direct.v()).direction()),
                    sky(s.camera().ray(source.u(), source.v()).direction()), 1e-6);
            near(mapped.u(), h.normalized().matrix().m22() > 0 && h.matrix().m22() > 0 ? h.normalized().map(s.u(), s.v()).u() : mapped.u(), scale);
        } else if (cosine < -1e-6) {
            assertFalse(mapped.exists(), "a direction behind the new image plane has no pixel");
        }
    }

    private static double sky(Vector3D d) {
        return Math.sin(3 * d.getX()) + Math.cos(5 * d.getY() + 1) * d.getZ();
    }

    @Property
    void c31_dolly(@ForAll SphericalPosition position, @ForAll Intrinsics k, @ForAll @DoubleRange(min = -0.4, max = 0.4) @Scale(6) double across,
            @ForAll @DoubleRange(min = -0.4, max = 0.4) @Scale(6) double delta, @ForAll @DoubleRange(min = 0.5, max = 2) @Scale(6) double factor) {
        double d = position.distance();
        double moved = factor * d;
        Camera before = Camera.orbit(k, position);
        Camera after = RigNormalization.dolly(before, moved);
        near(k.fx() * moved / d, after.intrinsics().fx(), k.fx());
        // Depth offset delta·d behind the plane through the origin, across·d beside the axis, the same world point.
        Vector3D plane = before.pose().right().scalarMultiply(across * d);
        Vector3D point = plane.add(delta * d, before.forward());
        double x = before.project(plane).u() - k.cx();
        near(x, after.project(plane).u() - k.cx(), Math.max(1000, 10 * k.fx()));
        double offset = before.project(point).u() - k.cx();
        double shift = after.project(point).u() - before.project(point).u();
        near(offset * delta * d * (moved - d) / (d * (moved + delta * d)), shift, Math.max(1000, 100 * k.fx()));
    }

    @Property
    void c32_blockAveragingKeepsPixelCentreRays(@ForAll Camera c, @ForAll @IntRange(min = 1, max = 8) int k, @ForAll @IntRange(max = 40) int column,
            @ForAll @IntRange(max = 40) int row) {
        Intrinsics small = c.intrinsics();
        Camera fine = c.withIntrinsics(new Intrinsics(small.fx(), small.fy(), small.cx(), small.cy(), 64 * k, 48 * k));
        Camera coarse = new ImageOperation.Resize(64, 48).apply(fine);
        double u = 0;
        double v = 0;
        for (int i = 0; i < k; i++) {
            for (int j = 0; j < k; j++) {
                u += (column * k + j + 0.5) / (k * k);
                v += (row * k + i + 0.5) / (k * k);
            }
        }
        near(fine.ray(u, v).direction(), coarse.ray(column + 0.5, row + 0.5).direction());
        assertEquals(fine.center(), coarse.center());
    }

    @Property
    void c30b_virtualLookAtCentresTheSubject(@ForAll SphericalPosition position, @ForAll Intrinsics k, @ForAll Point offset) {
        // The camera looks beside the subject by up to 20°; the warp puts the subject in the middle (specification §4.6).
        Vector3D subject = offset.vector().scalarMultiply(0.05 * position.distance());
        Camera c = Camera.orbit(k, position);
        Vector3D toSubject = subject.subtract(c.center());
        Assume.that(toSubject.crossProduct(Vector3D.PLUS_K).getNorm() > 1e-3 * toSubject.getNorm());
        Intrinsics standard = Intrinsics.standard(512);
        VirtualLookAt virtual = VirtualLookAt.of(c, subject, standard);
        Projection old = c.project(subject);
        Homography.Pixel now = virtual.toOutput().map(old.u(), old.v());
        near(256, now.u(), 1e5);
        near(256, now.v(), 1e5);
        pixel(256, 256, virtual.camera().project(subject));
        assertEquals(c.center(), virtual.camera().center());
    }

    /** The camera after the operation sees the (mirrored) point where the operation put the pixel: (u, v). */
    private static Camera check(Seen s, ImageOperation operation, double u, double v, double magnification) {
        Homography.Pixel moved = operation.pixel(s.camera().intrinsics(), s.u(), s.v());
        near(u, moved.u(), Math.max(1000, Math.abs(u)));
        near(v, moved.v(), Math.max(1000, Math.abs(v)));
        Camera after = operation.apply(s.camera());
        Projection p = after.project(operation.world(s.point()));
        double f = s.camera().intrinsics().fx() + s.camera().intrinsics().fy();
        // 5 away from the origin and a depth of 1e-3: 1e-12 relative before the focal length magnifies it.
        double scale = Math.max(1000, f / Math.min(1, s.depth() * 10)) * magnification;
        near(u, p.u(), scale);
        near(v, p.v(), scale);
        near(s.depth(), p.depth(), 10);
        return after;
    }

    private static void same(Intrinsics a, Intrinsics b) {
        near(a.fx(), b.fx());
        near(a.fy(), b.fy());
        near(a.cx(), b.cx());
        near(a.cy(), b.cy());
        assertEquals(a.width(), b.width());
        assertEquals(a.height(), b.height());
    }
}
