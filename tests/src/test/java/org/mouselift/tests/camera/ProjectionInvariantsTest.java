package org.mouselift.tests.camera;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.mouselift.tests.camera.Near.near;
import static org.mouselift.tests.camera.Near.pixel;

import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.EdgeCasesMode;
import net.jqwik.api.ForAll;
import net.jqwik.api.GenerationMode;
import net.jqwik.api.Property;
import net.jqwik.api.PropertyDefaults;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.DoubleRange;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Scale;
import net.jqwik.api.domains.Domain;
import net.jqwik.api.domains.DomainContext;
import org.apache.commons.math3.geometry.euclidean.threed.Vector3D;
import org.mouselift.data.camera.Camera;
import org.mouselift.data.camera.Intrinsics;
import org.mouselift.data.camera.Mat3;
import org.mouselift.data.camera.Pose;
import org.mouselift.data.camera.Projection;
import org.mouselift.data.camera.Ray;
import org.mouselift.data.camera.RigCatalog;
import org.mouselift.data.camera.Rotations;
import org.mouselift.data.camera.Similarity;
import org.mouselift.tests.camera.CameraDomain.Seen;

/** Camera invariants C-12 … C-18: projection. */
@Domain(CameraDomain.class)
@Domain(DomainContext.Global.class)
@PropertyDefaults(tries = 1000, generation = GenerationMode.RANDOMIZED, edgeCases = EdgeCasesMode.NONE)
class ProjectionInvariantsTest {
    @Property
    void c12_projectAndUnprojectAreInverse(@ForAll Seen s) {
        Projection p = s.camera().project(s.camera().unproject(s.u(), s.v(), s.depth()));
        // The centre lies up to 5 away; a depth of 1e-3 keeps 1e-3/5 of its digits, magnified by the focal length.
        double magnified = Math.max(1, s.camera().intrinsics().fx() + s.camera().intrinsics().fy()) / Math.min(1, s.depth() * 100);
        near(s.u(), p.u(), Math.max(1000, magnified));
        near(s.v(), p.v(), Math.max(1000, magnified));
        near(s.depth(), p.depth(), 10);
        near(s.point(), s.camera().unproject(p.u(), p.v(), p.depth()), Math.max(1, s.point().getNorm()));
        // The definition with matrices, K·(R·X + t).
        double[][] m = s.camera().projectionMatrix();
        double[] x = {s.point().getX(), s.point().getY(), s.point().getZ(), 1};
        double[] h = new double[3];
        for (int i = 0; i < 3; i++) {
            for (int j = 0; j < 4; j++) {
                h[i] += m[i][j] * x[j];
            }
        }
        near(s.u(), h[0] / h[2], Math.max(1e4, magnified));
        near(s.v(), h[1] / h[2], Math.max(1e4, magnified));
    }

    @Property
    void c13_everyPointOfThePixelRayProjectsToThePixel(@ForAll Seen s, @ForAll @DoubleRange(min = 0.001, max = 1000) @Scale(6) double lambda) {
        Ray ray = s.camera().ray(s.u(), s.v());
        near(1, ray.direction().getNorm());
        double length = s.camera().pixelDirection(s.u(), s.v()).getNorm();
        // In units of the ray's depth, so that wide angles do not put the point next to the camera plane.
        Projection p = s.camera().project(ray.at(lambda * length));
        pixel(s.u(), s.v(), p);
        near(lambda, p.depth(), Math.max(10, lambda));
    }

    @Property
    void c14_depthAndRayLength(@ForAll Seen s) {
        Intrinsics k = s.camera().intrinsics();
        double expected = s.depth() * Math.sqrt(1 + Math.pow((s.u() - k.cx()) / k.fx(), 2) + Math.pow((s.v() - k.cy()) / k.fy(), 2));
        double distance = s.point().distance(s.camera().center());
        near(expected, distance, Math.max(10, expected));
        near(s.point(), s.camera().ray(s.u(), s.v()).at(expected), Math.max(10, expected));
    }

    @Property
    void c15_pointsBehindAreFlagged(@ForAll Camera c, @ForAll @DoubleRange(min = -5, max = 5) @Scale(6) double x,
            @ForAll @DoubleRange(min = -5, max = 5) @Scale(6) double y,
            @ForAll @DoubleRange(min = -10, max = 10) @Scale(6) double z) {
        Projection p = c.project(c.pose().toWorld(new Vector3D(x, y, z)));
        if (z > 1e-9) {
            assertTrue(p.inFront() && !Double.isNaN(p.u()) && !Double.isNaN(p.v()));
        } else if (z < -1e-9) {
            assertFalse(p.inFront());
            assertFalse(p.inside(c.intrinsics()));
            assertTrue(Double.isNaN(p.u()) && Double.isNaN(p.v()));
            near(z, p.depth(), 10);
        }
        // Exactly on the camera plane.
        Camera still = c.withPose(Pose.worldToCamera(Mat3.IDENTITY, Vector3D.ZERO));
        assertFalse(still.project(new Vector3D(x, y, 0)).inFront());
        assertTrue(Double.isNaN(still.project(new Vector3D(x, y, 0)).u()));
    }

    @Property
    void c16_theWorldOriginIsThePrincipalPointOfEveryRig(@ForAll("rigs") RigCatalog.Entry rig, @ForAll @IntRange(max = 31) int i,
            @ForAll @DoubleRange(min = -360, max = 360) @Scale(6) double turn) {
        Camera c = Similarity.rotate(Rotations.aboutZ(turn)).apply(rig.rig().get(i % rig.rig().size()));
        Projection p = c.project(Vector3D.ZERO);
        pixel(c.intrinsics().cx(), c.intrinsics().cy(), p);
        near(c.center().getNorm(), p.depth(), c.center().getNorm());
        // As stored in float32 files.
        double[][] w2c = c.pose().w2c();
        for (double[] row : w2c) {
            for (int j = 0; j < 4; j++) {
                row[j] = (float) row[j];
            }
        }
        Projection stored = c.withPose(Pose.worldToCamera(w2c)).project(Vector3D.ZERO);
        assertEquals(c.intrinsics().cx(), stored.u(), 1e-3);
        assertEquals(c.intrinsics().cy(), stored.v(), 1e-3);
    }

    @Property
    void c17_similarityKeepsPixelsAndScalesDepth(@ForAll Seen seen, @ForAll Similarity s) {
        Camera moved = s.apply(seen.camera());
        Projection p = moved.project(s.apply(seen.point()));
        double far = 1 + (5 + s.translation().getNorm() / s.scale()) / Math.min(1, seen.depth() * 100);
        double f = seen.camera().intrinsics().fx() + seen.camera().intrinsics().fy();
        near(seen.u(), p.u(), Math.max(1000, f) * far);
        near(seen.v(), p.v(), Math.max(1000, f) * far);
        near(s.scale() * seen.depth(), p.depth(), s.scale() * (20 + seen.point().getNorm()) + s.translation().getNorm());
        // The formulas of the specification.
        Mat3 rq = seen.camera().pose().rotation().times(s.rotation().transpose());
        near(rq, moved.pose().rotation());
        Vector3D t = seen.camera().pose().translation().scalarMultiply(s.scale()).subtract(rq.times(s.translation()));
        near(t, moved.pose().translation(), Math.max(1, 10 * s.scale() + 10));
        near(moved.pose(), s.inverse().then(s).then(s).apply(seen.camera()).pose());
    }

    @Property
    void c18_scalingTheRowsOfKKeepsNormalisedCoordinates(@ForAll Seen s, @ForAll @DoubleRange(min = 0.1, max = 10) @Scale(6) double a,
            @ForAll @DoubleRange(min = 0.1, max = 10) @Scale(6) double b) {
        Intrinsics k = s.camera().intrinsics();
        Camera scaled = s.camera().withIntrinsics(Intrinsics.fromMatrix(Mat3.diagonal(a, b, 1).times(k.matrix()), k.width(), k.height()));
        Vector3D before = s.camera().pixelDirection(s.u(), s.v());
        near(before, scaled.pixelDirection(a * s.u(), b * s.v()), Math.max(1, before.getNorm()));
        near(before, k.inverseMatrix().times(new Vector3D(s.u(), s.v(), 1)), Math.max(1, before.getNorm()) * 100);
    }

    @Provide
    Arbitrary<RigCatalog.Entry> rigs() {
        return Arbitraries.of(RigCatalog.builtIn().entries());
    }
}
