package org.mouselift.data.camera;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import org.apache.commons.math3.geometry.euclidean.threed.Vector3D;
import org.junit.jupiter.api.Test;

/** The faulty generators of mouse specification §4.3 and single defects, each named by rule, camera and code. */
class RigCheckTest {
    private static final Intrinsics K = Intrinsics.standard(512);

    @Test
    void yUpMirroredGeneratorOfTheOriginalsIsRejected() {
        // Y-up positions; columns right, up, backward: det −1, subject behind the camera.
        List<Camera> cameras = new ArrayList<>();
        for (int k = 0; k < 6; k++) {
            double a = Math.toRadians(60 * k);
            Vector3D c = new Vector3D(2.7 * Math.sin(a), 0, 2.7 * Math.cos(a));
            Vector3D f = c.normalize().negate();
            Vector3D r = f.crossProduct(Vector3D.PLUS_J).normalize();
            Vector3D u = r.crossProduct(f);
            cameras.add(new Camera(K, Pose.cameraToWorld(Mat3.columns(r.negate(), u, f.negate()), c)));
        }
        var found = RigCheck.inspect(new CameraRig("legacy", cameras), RigCheck.Limits.STANDARD);
        for (int i = 0; i < 6; i++) {
            int camera = i;
            assertTrue(found.stream().anyMatch(x -> x.camera() == camera && x.rule() == RigCheck.Rule.MIRRORED));
            assertTrue(found.stream().anyMatch(x -> x.camera() == camera && x.rule() == RigCheck.Rule.ORIGIN_BEHIND));
        }
        assertTrue(found.stream().anyMatch(x -> x.rule() == RigCheck.Rule.WORLD_UP_AXIS && x.code().equals("MFL-E127")));
    }

    @Test
    void standardCamerasForSyntheticDataOfTheOriginalsAreRejected() {
        // Columns right, down, backward.
        CameraRig good = RigCatalog.named("facelift_standard_6view");
        CameraRig bad = good.map(c -> c.withPose(Pose.cameraToWorld(Mat3.columns(c.pose().right(), c.pose().down(),
                c.forward().negate()), c.center())));
        RigCheckException e = assertThrows(RigCheckException.class, () -> RigCheck.require(bad));
        assertEquals("MFL-E126", e.code());
        assertEquals(6, e.findings().stream().filter(f -> f.rule() == RigCheck.Rule.MIRRORED).count());
        assertEquals(6, e.findings().stream().filter(f -> f.rule() == RigCheck.Rule.ORIGIN_BEHIND).count());
        assertTrue(e.getMessage().contains("Camera 5 of rig facelift_standard_6view"), e.getMessage());
    }

    @Test
    void lgmRollIsRejected() {
        CameraRig rolled = RigCatalog.named("lgm4").map(c -> c.withPose(Pose.cameraToWorld(Mat3.columns(
                c.pose().right().negate(), c.pose().up(), c.forward()), c.center())));
        assertOnly(rolled, RigCheck.Rule.WORLD_UP_AXIS, -1);
        CameraRig one = replace(RigCatalog.named("lgm4"), 2, rolled.get(2));
        assertOnly(one, RigCheck.Rule.MIXED_UP, 2);
    }

    @Test
    void blenderMatrixStoredAsW2cIsDetected() {
        CameraRig wrong = RigCatalog.human32().map(c -> c.withPose(Pose.worldToCamera(c.pose().openGl())));
        assertThrows(RigCheckException.class, () -> RigCheck.require(wrong));
    }

    @Test
    void yUpWorldIsOneFinding() {
        Mat3 zToY = new Mat3(1, 0, 0, 0, 0, 1, 0, -1, 0);
        CameraRig yUp = Similarity.rotate(zToY).apply(RigCatalog.human32());
        assertOnly(yUp, RigCheck.Rule.WORLD_UP_AXIS, -1);
        assertEquals(List.of(), RigCheck.inspect(Similarity.rotate(zToY.transpose()).apply(yUp), RigCheck.Limits.STANDARD));
    }

    @Test
    void steepCamerasAreNotTakenForAnotherWorld() {
        CameraRig steep = Rings.ring("steep", 7, 80, 2.7, Azimuth.xy(3), Rings.Sense.CLOCKWISE, K);
        assertEquals(List.of(), RigCheck.inspect(steep, RigCheck.Limits.STANDARD));
        assertEquals(List.of(), RigCheck.inspect(Rings.turntable(1, 60, 512), RigCheck.Limits.STANDARD));
        // Two of three cameras are enough to see which one stands on its head.
        CameraRig three = Rings.turntable(3, 40, 512);
        Camera c = three.get(1);
        assertOnly(replace(three, 1, c.withPose(Pose.cameraToWorld(c.pose().axes().times(Mat3.diagonal(-1, -1, 1)), c.center()))),
                RigCheck.Rule.MIXED_UP, 1);
    }

    @Test
    void singleDefects() {
        CameraRig rig = RigCatalog.human6();
        Camera c = rig.get(3);
        assertOnly(replace(rig, 3, rig.get(1)), RigCheck.Rule.DUPLICATE_CENTER, 3);
        assertOnly(replace(rig, 3, c.withIntrinsics(new Intrinsics(-500, 500, 256, 256, 512, 512))),
                RigCheck.Rule.FOCAL_LENGTH, 3);
        assertOnly(replace(rig, 3, c.withIntrinsics(new Intrinsics(500, Double.NaN, 256, 256, 512, 512))),
                RigCheck.Rule.NOT_FINITE, 3);
        assertOnly(replace(rig, 3, c.withPose(Pose.worldToCamera(c.pose().rotation(), new Vector3D(0, Double.NaN, 2.7)))),
                RigCheck.Rule.NOT_FINITE, 3);
        assertOnly(replace(rig, 3, c.withPose(Pose.worldToCamera(c.pose().rotation().scale(1.001),
                c.pose().translation()))), RigCheck.Rule.NOT_ORTHONORMAL, 3);
        assertOnly(replace(rig, 3, Similarity.scale(0.05).apply(c)), RigCheck.Rule.TOO_NEAR, 3);
        assertOnly(RigCatalog.named("mouse6_raw").select(0), RigCheck.Rule.TOO_FAR, 0);
        assertOnly(replace(rig, 3, c.withPose(Pose.lookAt(c.center(), new Vector3D(2, 0, 0)))),
                RigCheck.Rule.LOOKS_AWAY, 3);
        assertOnly(new CameraRig("none", List.of()), RigCheck.Rule.COUNT, -1);
        var five = RigCheck.inspect(rig.select(0, 1, 2, 3, 4), RigCheck.Limits.STANDARD.withCameras(6));
        assertEquals(1, five.size());
        assertEquals("MFL-E114", five.get(0).code());
    }

    @Test
    void principalPointOutsideIsOnlyAWarning() {
        CameraRig rig = replace(RigCatalog.human6(), 0, RigCatalog.human6().get(0)
                .withIntrinsics(new Intrinsics(549, 549, -3, 256, 512, 512)));
        var found = RigCheck.inspect(rig, RigCheck.Limits.STANDARD);
        assertEquals(RigCheck.Severity.WARNING, found.get(0).severity());
        RigCheck.require(rig);
    }

    private static CameraRig replace(CameraRig rig, int i, Camera camera) {
        List<Camera> list = new ArrayList<>(rig.cameras());
        list.set(i, camera);
        return new CameraRig(rig.id(), list);
    }

    private static void assertOnly(CameraRig rig, RigCheck.Rule rule, int camera) {
        var found = RigCheck.inspect(rig, RigCheck.Limits.STANDARD);
        assertEquals(1, found.size(), found::toString);
        assertEquals(rule, found.get(0).rule(), found::toString);
        assertEquals(camera, found.get(0).camera(), found::toString);
    }
}
