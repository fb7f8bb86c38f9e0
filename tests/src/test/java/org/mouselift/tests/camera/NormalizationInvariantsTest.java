package org.mouselift.tests.camera;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.mouselift.tests.camera.Near.near;
import static org.mouselift.tests.camera.Near.proper;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import net.jqwik.api.EdgeCasesMode;
import net.jqwik.api.ForAll;
import net.jqwik.api.GenerationMode;
import net.jqwik.api.Property;
import net.jqwik.api.PropertyDefaults;
import net.jqwik.api.constraints.DoubleRange;
import net.jqwik.api.constraints.Scale;
import net.jqwik.api.domains.Domain;
import net.jqwik.api.domains.DomainContext;
import org.apache.commons.math3.geometry.euclidean.threed.Vector3D;
import org.mouselift.data.camera.Camera;
import org.mouselift.data.camera.CameraException;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.camera.EpipolarGeometry;
import org.mouselift.data.camera.GeometryMode;
import org.mouselift.data.camera.Intrinsics;
import org.mouselift.data.camera.Mat3;
import org.mouselift.data.camera.Pose;
import org.mouselift.data.camera.Projection;
import org.mouselift.data.camera.Ray;
import org.mouselift.data.camera.RigCatalog;
import org.mouselift.data.camera.RigNormalization;
import org.mouselift.data.camera.Rotations;
import org.mouselift.data.camera.Similarity;
import org.mouselift.data.camera.SphericalPosition;
import org.mouselift.data.camera.Triangulation;
import org.mouselift.data.camera.UpAlignment;
import org.mouselift.data.camera.UpMethod;
import org.mouselift.tests.camera.CameraDomain.Direction;
import org.mouselift.tests.camera.CameraDomain.Point;
import org.mouselift.tests.camera.CameraDomain.Ring;
import org.mouselift.tests.camera.CameraDomain.SoundRig;

/** Camera invariants C-52 … C-60: up alignment and normalisation. */
@Domain(CameraDomain.class)
@Domain(DomainContext.Global.class)
@PropertyDefaults(tries = 1000, generation = GenerationMode.RANDOMIZED, edgeCases = EdgeCasesMode.NONE)
class NormalizationInvariantsTest {
    private static final double TARGET = 2.7;

    @Property
    void c52_minimalRotationTakesUpToZ(@ForAll Direction up, @ForAll @DoubleRange(min = 0.001, max = 1000) @Scale(6) double length,
            @ForAll Direction target) {
        Mat3 q = Rotations.between(up.vector().scalarMultiply(length), Vector3D.PLUS_K);
        proper(q);
        assertTrue(q.times(up.vector()).distance(Vector3D.PLUS_K) <= 1e-14, () -> q + " · " + up);
        near(Vector3D.angle(up.vector(), Vector3D.PLUS_K), Rotations.angle(q), Math.PI);
        assertEquals(Mat3.IDENTITY, Rotations.between(new Vector3D(0, 0, length), Vector3D.PLUS_K), "bit-exact identity");
        assertEquals(Mat3.IDENTITY, Rotations.between(up.vector(), up.vector()));
        Mat3 any = Rotations.between(up.vector(), target.vector());
        proper(any);
        assertTrue(any.times(up.vector()).distance(target.vector()) <= 1e-14);
        near(Vector3D.angle(up.vector(), target.vector()), Rotations.angle(any), Math.PI);
    }

    @Property
    void c53_idempotence(@ForAll SoundRig sound, @ForAll Similarity world) {
        CameraRig rig = world.apply(sound.rig());
        CameraRig up = UpAlignment.of(rig, new UpMethod.MeanCameraUp()).rig();
        same(up, UpAlignment.of(up, new UpMethod.MeanCameraUp()).rig(), 1);
        CameraRig pca = UpAlignment.of(rig, new UpMethod.Pca()).rig();
        // PCA is only defined as well as the two smallest eigenvalues differ; the up of the aligned rig is Z within that.
        List<Double> e = UpAlignment.of(rig, new UpMethod.Pca()).eigenvalues();
        double gap = (e.get(1) - e.get(0)) / e.get(2);
        if (gap > 1e-3) {
            same(pca, UpAlignment.of(pca, new UpMethod.Pca()).rig(), 1 / gap);
        }
        CameraRig scaled = RigNormalization.similarity(rig, TARGET);
        same(scaled, RigNormalization.similarity(scaled, TARGET), 1);
        CameraRig legacy = RigNormalization.perCameraLegacy(rig, TARGET);
        same(legacy, RigNormalization.perCameraLegacy(legacy, TARGET), 1);
        CameraRig dolly = RigNormalization.perCameraDolly(rig, TARGET);
        same(dolly, RigNormalization.perCameraDolly(dolly, TARGET), 1);
        CameraRig centred = RigNormalization.recenter(rig, Triangulation.principalRayCenter(rig));
        same(centred, RigNormalization.recenter(centred, Triangulation.principalRayCenter(centred)), 100);
        CameraRig front = RigNormalization.frontRotation(rig, 0).apply(rig);
        near(0, front.get(0).position().azimuth().difference(org.mouselift.data.camera.Azimuth.xy(270)), 360);
        same(front, RigNormalization.frontRotation(front, 0).apply(front), 1);
    }

    @Property
    void c54_oppositeVectors(@ForAll Direction up, @ForAll @DoubleRange(max = 0.001) @Scale(12) double off) {
        Mat3 q = Rotations.between(up.vector(), up.vector().negate());
        proper(q);
        assertTrue(q.times(up.vector()).distance(up.vector().negate()) <= 1e-14);
        near(Math.PI, Rotations.angle(q));
        assertEquals(Mat3.diagonal(1, -1, -1), Rotations.between(Vector3D.MINUS_K, Vector3D.PLUS_K));
        // Almost opposite.
        Vector3D nearly = up.vector().negate().add(off, up.vector().orthogonal()).normalize();
        Mat3 almost = Rotations.between(up.vector(), nearly);
        proper(almost);
        assertTrue(almost.times(up.vector()).distance(nearly) <= 1e-14);
    }

    @Property
    void c55_pcaUpOfARing(@ForAll Ring ring, @ForAll Mat3 turn) {
        if (ring.n() < 3) {
            assertThrows(CameraException.class, () -> UpAlignment.of(ring.rig(), new UpMethod.Pca()));
            return;
        }
        UpAlignment level = UpAlignment.of(ring.rig(), new UpMethod.Pca());
        assertTrue(level.up().distance(Vector3D.PLUS_K) <= 1e-9, () -> level.up().toString());
        near(1, level.planarity().orElseThrow());
        CameraRig turned = Similarity.rotate(turn).apply(ring.rig());
        CameraRig back = UpAlignment.of(turned, new UpMethod.Pca()).rig();
        for (int i = 0; i < ring.n(); i++) {
            near(ring.elevation(), back.get(i).position().elevationDegrees(), 900);
            near(Math.cos(Math.toRadians(ring.elevation())), back.get(i).pose().up().getZ(), 10);
            near(ring.rig().get(i).center().dotProduct(ring.rig().get(0).center()), back.get(i).center().dotProduct(back.get(0).center()), 25);
        }
    }

    @Property
    void c56_yUpToZUp(@ForAll Point p, @ForAll Camera c) {
        Similarity convert = Similarity.Y_UP_TO_Z_UP;
        Vector3D x = p.vector();
        Vector3D y = convert.apply(x);
        assertEquals(new Vector3D(x.getX(), -x.getZ(), x.getY()), y);
        near(1, convert.rotation().determinant());
        assertEquals(Vector3D.PLUS_K, convert.apply(Vector3D.PLUS_J));
        near(x.getNorm(), y.getNorm());
        if (x.getNorm() > 1e-6) {
            near(Math.asin(x.getY() / x.getNorm()), Math.asin(y.getZ() / y.getNorm()));
            near(Math.asin(x.getY() / x.getNorm()), Math.toRadians(SphericalPosition.of(y).elevationDegrees()), 10);
        }
        assertEquals(x, convert.inverse().apply(y));
        near(c.pose(), convert.inverse().apply(convert.apply(c)).pose());
    }

    @Property
    void c57_openGlIsAnInvolution(@ForAll Pose p) {
        double[][] gl = p.openGl();
        Pose back = Pose.fromOpenGl(gl);
        near(p, back);
        near(p.center(), new Vector3D(gl[0][3], gl[1][3], gl[2][3]));
        near(p.right(), Mat3.of(gl).column(0));
        near(p.up(), Mat3.of(gl).column(1));
        near(p.forward().negate(), Mat3.of(gl).column(2));
        near(1, Mat3.of(gl).determinant());
        // Taken for OpenCV it is another camera, twice taken for OpenGL it is the same one.
        near(p, Pose.fromOpenGl(Pose.cameraToWorld(Pose.fromOpenGl(Pose.cameraToWorld(gl).c2w()).openGl()).c2w()));
    }

    @Property
    void c58_similarityIsExact(@ForAll SoundRig sound, @ForAll @DoubleRange(min = 0.01, max = 200) @Scale(6) double unit, @ForAll Point x) {
        CameraRig raw = Similarity.scale(unit).apply(sound.rig());
        CameraRig rig = RigNormalization.similarity(raw, TARGET);
        near(TARGET, rig.meanDistance());
        double s = TARGET / raw.meanDistance();
        for (int i = 0; i < rig.size(); i++) {
            near(raw.distances()[i] / raw.distances()[0], rig.distances()[i] / rig.distances()[0]);
        }
        Vector3D point = x.vector().scalarMultiply(0.1 * unit);
        for (int i = 1; i < rig.size(); i++) {
            Projection a = raw.get(0).project(point);
            Projection b = raw.get(i).project(point);
            near(a.u(), rig.get(0).project(point.scalarMultiply(s)).u(), 1e5);
            // The raw pixels stay on their epipolar lines; measured against the size of x2ᵀ·F·x1, because a distance from
            // the line is undefined at the epipole.
            Mat3 f = EpipolarGeometry.of(rig.get(0), rig.get(i)).fundamental();
            Vector3D x1 = new Vector3D(a.u(), a.v(), 1);
            Vector3D x2 = new Vector3D(b.u(), b.v(), 1);
            near(0, x2.dotProduct(f.times(x1)), MultiViewInvariantsTest.magnitude(rig.get(0), x1, rig.get(i), x2));
        }
        assertTrue(GeometryMode.SIMILARITY.exact());
    }

    @Property
    void c59_perCameraLegacyContradictsItself(@ForAll SoundRig sound, @ForAll Direction beside, @ForAll @DoubleRange(min = 0.1, max = 0.6) @Scale(6) double offset) {
        CameraRig moved = RigNormalization.perCameraLegacy(sound.rig(), TARGET);
        for (int i = 0; i < moved.size(); i++) {
            near(TARGET, moved.distances()[i]);
            near(sound.rig().get(i).center().normalize(), moved.get(i).center().normalize());
            assertEquals(sound.rig().get(i).pose().rotation(), moved.get(i).pose().rotation());
            assertEquals(sound.rig().get(i).intrinsics(), moved.get(i).intrinsics());
        }
        // mouse6: pixels of an off-centre point, triangulated with the separately moved cameras, do not reproject.
        CameraRig mouse = RigCatalog.named("mouse6");
        Vector3D point = beside.vector().scalarMultiply(offset);
        assertTrue(worstReprojection(mouse, RigNormalization.perCameraLegacy(mouse, TARGET), point) > 0.5);
        assertTrue(worstReprojection(mouse, Similarity.scale(3).apply(mouse), point) < 1e-6);
        assertFalse(GeometryMode.PER_CAMERA_LEGACY.exact());
    }

    /** Largest pixel error of the point triangulated by {@code cameras} from the pixels that {@code truth} saw. */
    private static double worstReprojection(CameraRig truth, CameraRig cameras, Vector3D point) {
        double[][] uv = truth.cameras().stream().map(c -> c.project(point)).map(p -> new double[] {p.u(), p.v()}).toArray(double[][]::new);
        Vector3D found = Triangulation.ofPixels(cameras.cameras(), uv).point();
        double worst = 0;
        for (int i = 0; i < uv.length; i++) {
            worst = Math.max(worst, Triangulation.reprojectionError(cameras.get(i), found, uv[i][0], uv[i][1]));
        }
        return worst;
    }

    @Property
    void c60_principalRayCentre(@ForAll SoundRig sound, @ForAll Point common, @ForAll Similarity world, @ForAll @DoubleRange(max = 1e6) @Scale(0) double seed) {
        // All cameras turned to one common point.
        Vector3D p = common.vector().scalarMultiply(0.1);
        CameraRig meeting = sound.rig().map(c -> c.withPose(Pose.lookAt(c.center(), p)));
        near(p, Triangulation.principalRayCenter(meeting), 100);
        // In general: equivariant, and independent of the order.
        CameraRig rig = sound.rig();
        Vector3D center = Triangulation.principalRayCenter(rig);
        near(world.apply(center), Triangulation.principalRayCenter(world.apply(rig)), 1000 * world.scale() + 100);
        List<Camera> shuffled = new ArrayList<>(rig.cameras());
        Collections.shuffle(shuffled, new Random((long) seed));
        near(center, Triangulation.principalRayCenter(new CameraRig("shuffled", shuffled)), 100);
        // It is the minimum: any small step increases the sum of squared distances.
        for (Vector3D step : List.of(Vector3D.PLUS_I, Vector3D.MINUS_J, Vector3D.PLUS_K)) {
            assertTrue(squares(rig, center.add(1e-3, step)) >= squares(rig, center));
        }
        // Parallel rays have no centre.
        Pose pose = rig.get(0).pose();
        Camera beside = new Camera(Intrinsics.standard(64), Pose.cameraToWorld(pose.axes(), pose.center().add(pose.right())));
        assertThrows(CameraException.class, () -> Triangulation.principalRayCenter(new CameraRig("parallel", List.of(rig.get(0), beside))));
    }

    private static double squares(CameraRig rig, Vector3D p) {
        return rig.principalRays().stream().mapToDouble((Ray r) -> r.distance(p) * r.distance(p)).sum();
    }

    private static void same(CameraRig a, CameraRig b, double magnification) {
        for (int i = 0; i < a.size(); i++) {
            Pose p = a.get(i).pose();
            Pose q = b.get(i).pose();
            assertEquals(0, p.rotation().maxAbsDifference(q.rotation()), 1e-9 * magnification);
            near(p.center(), q.center(), Math.max(1, p.center().getNorm()) * magnification);
            near(a.get(i).intrinsics().fx(), b.get(i).intrinsics().fx());
        }
    }
}
