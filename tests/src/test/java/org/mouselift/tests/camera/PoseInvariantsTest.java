package org.mouselift.tests.camera;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.mouselift.tests.camera.Near.near;
import static org.mouselift.tests.camera.Near.proper;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
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
import org.apache.commons.math3.linear.LUDecomposition;
import org.apache.commons.math3.linear.MatrixUtils;
import org.apache.commons.math3.linear.RealMatrix;
import org.mouselift.data.camera.Azimuth;
import org.mouselift.data.camera.AzimuthConvention;
import org.mouselift.data.camera.Camera;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.camera.GeometryMode;
import org.mouselift.data.camera.ImageOperation;
import org.mouselift.data.camera.Intrinsics;
import org.mouselift.data.camera.MammalCamera;
import org.mouselift.data.camera.Mat3;
import org.mouselift.data.camera.Pose;
import org.mouselift.data.camera.Projection;
import org.mouselift.data.camera.RigCheck;
import org.mouselift.data.camera.RigNormalization;
import org.mouselift.data.camera.Similarity;
import org.mouselift.data.camera.SphericalPosition;
import org.mouselift.data.camera.UpMethod;
import org.mouselift.tests.camera.CameraDomain.Direction;
import org.mouselift.tests.camera.CameraDomain.Point;
import org.mouselift.tests.camera.CameraDomain.Ring;
import org.mouselift.tests.camera.CameraDomain.SoundRig;

/** Camera invariants C-01 … C-11: poses. */
@Domain(CameraDomain.class)
@Domain(DomainContext.Global.class)
@PropertyDefaults(tries = 1000, generation = GenerationMode.RANDOMIZED, edgeCases = EdgeCasesMode.NONE)
class PoseInvariantsTest {
    @Property
    void c01_worldToCameraTimesCameraToWorldIsIdentity(@ForAll Pose p) {
        RealMatrix product = MatrixUtils.createRealMatrix(p.w2c()).multiply(MatrixUtils.createRealMatrix(p.c2w()));
        assertEquals(0, product.subtract(MatrixUtils.createRealIdentityMatrix(4)).getNorm(), 1e-9);
        near(p, Pose.cameraToWorld(Pose.worldToCamera(p.w2c()).c2w()));
        near(p, Pose.worldToCamera(Pose.cameraToWorld(p.c2w()).w2c()));
    }

    @Property
    void c02_rigidInverseEqualsGeneralInverse(@ForAll Pose p) {
        RealMatrix general = new LUDecomposition(MatrixUtils.createRealMatrix(p.w2c())).getSolver().getInverse();
        assertEquals(0, general.subtract(MatrixUtils.createRealMatrix(p.c2w())).getNorm(), 1e-9);
        near(p.rotation().transpose(), p.axes());
    }

    @Property
    void c03_everyConstructorAndTransformationIsProper(@ForAll Camera camera, @ForAll Similarity s, @ForAll Ring ring,
            @ForAll SoundRig sound, @ForAll @DoubleRange(min = -400, max = 400) @Scale(6) double angle) {
        List<Camera> all = new ArrayList<>(List.of(camera, s.apply(camera)));
        all.addAll(ring.rig().cameras());
        Intrinsics square = new Intrinsics(500, 500, 200, 300, 512, 512);
        for (ImageOperation o : List.of(new ImageOperation.FlipHorizontal(), new ImageOperation.FlipVertical(),
                new ImageOperation.Rotate(angle), new ImageOperation.QuarterTurn())) {
            all.add(o.apply(camera.withIntrinsics(square)));
        }
        all.add(camera.withPose(Pose.fromOpenGl(camera.pose().openGl())));
        all.add(camera.withPose(camera.pose().relative(ring.rig().get(0).pose())));
        for (GeometryMode mode : GeometryMode.values()) {
            all.addAll(new RigNormalization(new RigNormalization.Center.PrincipalRays(), Optional.of(new UpMethod.Pca()),
                    OptionalInt.of(0), mode, 2.7, mode.warpsImages() ? Optional.of(square) : Optional.empty())
                    .apply(sound.rig()).rig().cameras());
        }
        for (Camera c : all) {
            proper(c.pose().rotation());
            proper(c.pose().axes());
            Mat3 stored = asFloat(c.pose().rotation());
            assertTrue(stored.orthonormalityError() <= 1e-6);
            assertEquals(1, stored.determinant(), 1e-6);
        }
        Camera mirrored = camera.withPose(Pose.cameraToWorld(camera.pose().axes().times(Mat3.diagonal(-1, 1, 1)), camera.center()));
        assertTrue(RigCheck.inspect(new CameraRig("mirrored", List.of(mirrored)), RigCheck.Limits.STANDARD).stream()
                .anyMatch(f -> f.rule() == RigCheck.Rule.MIRRORED && f.code().equals("MFL-E126")));
    }

    @Property
    void c04_centreAndForwardAgreeInBothForms(@ForAll Mat3 r, @ForAll Point t) {
        Pose p = Pose.worldToCamera(r, t.vector());
        near(r.transpose().times(t.vector()).negate(), p.center());
        near(r.row(2), p.forward());
        double[][] c2w = p.c2w();
        near(new Vector3D(c2w[0][3], c2w[1][3], c2w[2][3]), p.center());
        near(new Vector3D(c2w[0][2], c2w[1][2], c2w[2][2]), p.forward());
        near(Vector3D.ZERO, p.toCamera(p.center()));
    }

    @Property
    void c05_lookAtTargetProjectsToThePrincipalPoint(@ForAll SphericalPosition offset, @ForAll Point target,
            @ForAll Intrinsics k) {
        Vector3D center = target.vector().add(offset.toVector());
        Camera c = new Camera(k, Pose.lookAt(center, target.vector()));
        Projection p = c.project(target.vector());
        // A target 5 away from the origin seen from 0.01: its coordinates carry 500 ulps of the distance.
        near(offset.distance(), p.depth(), Math.max(1, offset.distance()));
        assertTrue(p.depth() > 0);
        near(k.cx(), p.u(), Math.max(1000, k.fx()));
        near(k.cy(), p.v(), Math.max(1000, k.fy()));
    }

    @Property
    void c06_lookAtAtTheOriginHasNoRoll(@ForAll SphericalPosition position, @ForAll Intrinsics k) {
        Pose p = Camera.orbit(k, position).pose();
        double e = Math.toRadians(position.elevationDegrees());
        near(0, p.right().getZ());
        near(Math.cos(e), p.up().getZ());
        near(-Math.sin(e), p.forward().getZ());
    }

    @Property
    void c07_sphericalPositionRoundTrip(@ForAll SphericalPosition p) {
        SphericalPosition back = SphericalPosition.of(p.toVector());
        near(p.distance(), back.distance(), p.distance());
        near(p.elevationDegrees(), back.elevationDegrees(), 90);
        assertEquals(0, back.azimuth().difference(p.azimuth()), 1e-9 * 360);
    }

    @Property
    void c08_azimuthConventionsAreInverses(@ForAll @DoubleRange(min = -1000, max = 1000) @Scale(9) double degrees,
            @ForAll AzimuthConvention a, @ForAll AzimuthConvention b) {
        Azimuth start = new Azimuth(degrees, a);
        Azimuth back = start.in(b).in(a);
        near(0, Azimuth.signed(back.degrees() - degrees), 360);
        assertTrue(back.degrees() >= 0 && back.degrees() < 360);
        double xy = start.xyDegrees();
        near(0, Azimuth.signed(90 - start.in(AzimuthConvention.YX_CW).degrees() - xy), 360);
        near(0, Azimuth.signed(270 - start.clockwiseFromFrontDegrees() - xy), 360);
        // The convention's own definition, as a direction.
        double yx = Math.toRadians(start.in(AzimuthConvention.YX_CW).degrees());
        near(new Vector3D(Math.sin(yx), Math.cos(yx), 0), new SphericalPosition(1, 0, start).toVector());
    }

    @Property
    void c09_mammalRoundTripIsBitEqual(@ForAll Mat3 r, @ForAll Point t, @ForAll Intrinsics k) {
        MammalCamera in = new MammalCamera(k.matrix(), r, t.vector());
        MammalCamera out = MammalCamera.of(in.toCamera(k.width(), k.height()));
        assertEquals(in.k(), out.k());
        assertEquals(in.r(), out.r());
        assertEquals(in.t(), out.t());
    }

    @Property
    void c10_scalingTheTranslationScalesTheCentre(@ForAll Pose p, @ForAll @DoubleRange(min = 0.001, max = 400) @Scale(6) double s) {
        Pose scaled = Similarity.scale(s).apply(p);
        near(p.translation().scalarMultiply(s), scaled.translation());
        near(p.center().scalarMultiply(s), scaled.center());
        assertEquals(p.rotation(), scaled.rotation());
        near(scaled, Pose.worldToCamera(p.rotation(), p.translation().scalarMultiply(s)));
    }

    @Property
    void c11_relativePoseIsInvariant(@ForAll Pose a, @ForAll Pose b, @ForAll Similarity s, @ForAll Direction d) {
        Pose before = a.relative(b);
        Similarity rigid = new Similarity(1, s.rotation(), s.translation());
        near(before, rigid.apply(a).relative(rigid.apply(b)));
        Pose scaled = s.apply(a).relative(s.apply(b));
        near(before.rotation(), scaled.rotation());
        near(before.center().scalarMultiply(s.scale()), scaled.center(), Math.max(1, 10 * s.scale() + s.translation().getNorm()));
        // The definition: a point of camera b's frame in camera a's frame.
        near(a.toCamera(b.toWorld(d.vector())), before.toWorld(d.vector()));
    }

    private static Mat3 asFloat(Mat3 m) {
        double[] out = new double[9];
        for (int i = 0; i < 9; i++) {
            out[i] = (float) m.get(i / 3, i % 3);
        }
        return Mat3.rowMajor(out);
    }
}
