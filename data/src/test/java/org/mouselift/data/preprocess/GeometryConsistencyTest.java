package org.mouselift.data.preprocess;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import org.apache.commons.math3.geometry.euclidean.threed.Vector3D;
import org.junit.jupiter.api.Test;
import org.mouselift.data.camera.Camera;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.camera.EpipolarTangency;
import org.mouselift.data.camera.Intrinsics;
import org.mouselift.data.camera.Pose;
import org.mouselift.data.camera.RigCatalog;
import org.mouselift.data.camera.Rotations;
import org.mouselift.data.image.Image8;
import org.mouselift.data.synth.MouseParameters;
import org.mouselift.data.synth.SynthMouse;

/** The geometry grade of perfect pictures, of pictures moved under frozen cameras, and of one camera that is off. */
class GeometryConsistencyTest {
    private static final int SIZE = 192;
    private static final CameraRig RIG = RigCatalog.named("mouse6").map(c -> {
        // The subject away from the origin, as in a recording: the cameras look beside it.
        Intrinsics k = Intrinsics.standard(SIZE);
        return new Camera(k, Pose.lookAt(c.center().add(new Vector3D(0.22, -0.15, 0.06)), new Vector3D(0.22, -0.15, 0.06)));
    });

    private static List<Image8> mouse() {
        List<Image8> out = new ArrayList<>();
        SynthMouse.of(MouseParameters.sample(11, 0, 0)).render(RIG.cameras()).forEach(v -> {
            byte[] rgba = v.rgba().clone();
            for (int i = 3; i < rgba.length; i += 4) {
                rgba[i] = (byte) ((rgba[i] & 0xFF) > 127 ? 255 : 0);
            }
            out.add(new Image8(SIZE, SIZE, 4, rgba));
        });
        return out;
    }

    @Test
    void perfectPicturesHaveTheBestGradeAndFrozenCamerasTheWorst() throws PreprocessException {
        List<Image8> views = mouse();
        GeometryConsistency good = GeometryConsistency.of(views, RIG);
        assertEquals(GeometryConsistency.Grade.GA, good.grade(), "frontier points " + good.meanTangency());
        assertTrue(good.meanReprojection() > 2 * good.meanTangency(), "centres of mass are no images of one point: " + good.meanReprojection());
        assertEquals(OptionalInt.empty(), good.suspect());

        PreprocessMethod.Outcome exact = new PixelBased(0.3, MoveSettings.exact(SIZE)).apply(views, RIG);
        assertEquals(GeometryConsistency.Grade.GA, GeometryConsistency.of(exact.images(), exact.cameras()).grade());
        PreprocessMethod.Outcome frozen = new PixelBased(0.3, MoveSettings.legacy(SIZE)).apply(views, RIG);
        assertEquals(GeometryConsistency.Grade.GD, GeometryConsistency.of(frozen.images(), frozen.cameras()).grade());
    }

    @Test
    void twoDegreesInOneCameraAreFlagged() throws PreprocessException {
        List<Image8> views = mouse();
        for (int bad = 0; bad < RIG.size(); bad += 2) {
            List<Camera> cameras = new ArrayList<>(RIG.cameras());
            Pose p = cameras.get(bad).pose();
            cameras.set(bad, cameras.get(bad).withPose(Pose.worldToCamera(Rotations.aboutAxis(new Vector3D(1, 1, 0).normalize(), Math.toRadians(2)).times(p.rotation()),
                    Rotations.aboutAxis(new Vector3D(1, 1, 0).normalize(), Math.toRadians(2)).times(p.translation()))));
            GeometryConsistency g = GeometryConsistency.of(views, new CameraRig("bad", cameras));
            assertEquals(OptionalInt.of(bad), g.suspect(), java.util.Arrays.toString(g.tangency()));
        }
    }

    @Test
    void touchingPlanesOfASphereAgreeAnalytically() {
        // The outline of a sphere is an exact cone; sampled densely, only the sampling step remains.
        Camera a = RIG.get(0);
        Camera b = RIG.get(3);
        for (OptionalDouble d : EpipolarTangency.distances(sphere(a, 0.3), sphere(b, 0.3))) {
            assertEquals(0, d.orElseThrow(), 1e-3);
        }
        for (OptionalDouble d : EpipolarTangency.distances(sphere(a, 0.3), sphere(b, 0.33))) {
            assertTrue(d.orElseThrow() > 1, "a larger sphere has other touching planes: " + d);
        }
        Camera behind = new Camera(a.intrinsics(), Pose.lookAt(a.center().scalarMultiply(-1.2), Vector3D.ZERO));
        assertEquals(OptionalDouble.empty(), EpipolarTangency.distances(sphere(a, 0.3), sphere(behind, 0.3))[0], "the other camera stands behind the sphere");
    }

    private static EpipolarTangency.Outline sphere(Camera c, double radius) {
        int n = 20_000;
        double[] u = new double[n];
        double[] v = new double[n];
        Vector3D axis = c.center().negate().normalize();
        Vector3D side = axis.orthogonal();
        Vector3D other = axis.crossProduct(side);
        double half = Math.asin(radius / c.center().getNorm());
        for (int i = 0; i < n; i++) {
            double t = 2 * Math.PI * i / n;
            Vector3D ray = new Vector3D(Math.cos(half), axis, Math.sin(half) * Math.cos(t), side, Math.sin(half) * Math.sin(t), other);
            var p = c.project(c.center().add(ray));
            u[i] = p.u();
            v[i] = p.v();
        }
        return new EpipolarTangency.Outline(c, u, v);
    }
}
