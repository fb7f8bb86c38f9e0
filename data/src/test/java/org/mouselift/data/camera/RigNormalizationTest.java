package org.mouselift.data.camera;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.apache.commons.math3.geometry.euclidean.threed.Vector3D;
import org.junit.jupiter.api.Test;

/** The chain of mouse specification §4.4 and the vectors of GS-LRM specification §10.7. */
class RigNormalizationTest {
    private static final CameraRig MOUSE = RigCatalog.named("mouse6_raw");
    /** Where the animal is, in source units. */
    private static final Vector3D SUBJECT = new Vector3D(12, -20, 8);

    @Test
    void similarityOfTheRecording() {
        RigNormalization.Result r = RigNormalization.SIMILARITY.apply(MOUSE);
        assertEquals(0.00814766, r.similarity().scale(), 1e-8);
        assertEquals(2.7, r.rig().meanDistance(), 1e-12);
        assertTrue(r.warnings().isEmpty() && r.warps().isEmpty());
        assertEquals("similarity", r.steps().get(0).get("geometry_mode").asText());
        assertEquals(331.383, r.steps().get(0).get("original_avg_distance").asDouble(), 1e-3);
        RigCheck.require(r.rig());
    }

    @Test
    void lookAtModesCentreTheSubjectExactly() {
        for (GeometryMode mode : List.of(GeometryMode.VIRTUAL_LOOKAT, GeometryMode.VIRTUAL_LOOKAT_DOLLY)) {
            Intrinsics standard = Intrinsics.standard(512);
            RigNormalization.Result r = new RigNormalization(new RigNormalization.Center.Explicit(SUBJECT, "com"),
                    Optional.empty(), OptionalInt.of(0), mode, 2.7, Optional.of(standard)).apply(MOUSE);
            assertEquals(6, r.warps().size());
            assertEquals(270, r.rig().get(0).position().azimuth().xyDegrees(), 1e-9);
            assertEquals(0, r.similarity().apply(SUBJECT).getNorm(), 1e-12);
            // A point beside the subject: its raw pixel, warped, is what the new camera sees.
            Vector3D beside = SUBJECT.add(new Vector3D(5, 9, -14));
            for (int i = 0; i < 6; i++) {
                Projection center = r.rig().get(i).project(Vector3D.ZERO);
                assertEquals(256, center.u(), 1e-9);
                assertEquals(256, center.v(), 1e-9);
                Projection raw = MOUSE.get(i).project(beside);
                Homography.Pixel warped = r.warps().get(i).map(raw.u(), raw.v());
                Projection seen = r.rig().get(i).project(r.similarity().apply(beside));
                double error = Math.hypot(warped.u() - seen.u(), warped.v() - seen.v());
                if (mode.exact()) {
                    assertEquals(0, error, 1e-9);
                    assertEquals(standard, r.rig().get(i).intrinsics());
                } else {
                    assertEquals(2.7, r.rig().get(i).center().getNorm(), 1e-12);
                    assertTrue(error < 3, "dolly is nearly exact near the subject: " + error);
                }
            }
            assertEquals(mode.exact(), r.warnings().isEmpty());
        }
    }

    @Test
    void legacyModeWarnsAndKeepsDirections() {
        RigNormalization.Result r = new RigNormalization(new RigNormalization.Center.Keep(), Optional.of(new UpMethod.Pca()),
                OptionalInt.empty(), GeometryMode.PER_CAMERA_LEGACY, 2.7, Optional.empty()).apply(MOUSE);
        assertArrayEquals(new double[] {2.7, 2.7, 2.7, 2.7, 2.7, 2.7}, r.rig().distances(), 1e-12);
        assertTrue(r.warnings().stream().anyMatch(w -> w.contains("not exact")));
        assertEquals("align_up", r.steps().get(0).get("step").asText());
        assertTrue(r.steps().get(0).get("angle_deg").asDouble() < 1.5, "the rig is nearly Z-up");
    }

    @Test
    void doubtfulRequestsAreRefused() {
        assertThrows(CameraException.class, () -> UpAlignment.of(MOUSE.select(0), new UpMethod.Pca()));
        assertThrows(CameraException.class, () -> new RigNormalization(new RigNormalization.Center.Keep(), Optional.empty(),
                OptionalInt.empty(), GeometryMode.VIRTUAL_LOOKAT, 2.7, Optional.empty()));
        assertThrows(CameraException.class, () -> new RigNormalization(new RigNormalization.Center.Keep(), Optional.empty(),
                OptionalInt.empty(), GeometryMode.SIMILARITY, 0, Optional.empty()));
        assertThrows(CameraException.class, () -> GeometryMode.of("dolly"));
        assertEquals(GeometryMode.VIRTUAL_LOOKAT_DOLLY, GeometryMode.of("virtual_lookat+dolly"));
        assertThrows(CameraException.class, () -> Pose.lookAt(new Vector3D(0, 0, 3), Vector3D.ZERO));
        assertFalse(UpAlignment.of(MOUSE, new UpMethod.Explicit(new Vector3D(1, 0, 1), "lines")).warnings().isEmpty(), "45° is suspicious");
    }

    @Test
    void tiltedRingOfTheSpecification() {
        Vector3D up = new Vector3D(0.1, 0.2, 1).normalize();
        Vector3D a = up.crossProduct(Vector3D.PLUS_I).normalize();
        Vector3D b = up.crossProduct(a);
        List<Camera> cameras = new ArrayList<>();
        for (int k = 0; k < 6; k++) {
            double t = Math.toRadians(60 * k);
            Vector3D c = a.scalarMultiply(Math.cos(t)).add(Math.sin(t), b).scalarMultiply(2 + 0.25 * k).add(0.3, up);
            cameras.add(new Camera(Intrinsics.standard(512), Pose.lookAt(c, Vector3D.ZERO, up)));
        }
        CameraRig aligned = UpAlignment.of(new CameraRig("tilted", cameras), new UpMethod.Pca()).rig();
        double[][] expected = {{0.019372, 1.999906, 0.3}, {-1.937569, 1.143821, 0.3}, {-2.17707, -1.22897, 0.3},
            {-0.026637, -2.749871, 0.3}, {2.583425, -1.525095, 0.3}, {2.830191, 1.597661, 0.3}};
        for (int k = 0; k < 6; k++) {
            assertArrayEquals(expected[k], aligned.get(k).center().toArray(), 1e-6);
        }
        Pose first = RigNormalization.perCameraLegacy(aligned, 2.7).get(0).pose();
        assertArrayEquals(new double[] {0.025863, 2.670003, 0.400519}, first.center().toArray(), 1e-6);
        double[][] rows = {{-0.999953, 0.001437, -0.009579}, {0.009686, 0.148333, -0.98889}, {0, -0.988936, -0.14834}};
        for (int i = 0; i < 3; i++) {
            assertArrayEquals(rows[i], first.axes().toArray()[i], 1e-6);
        }
    }

    @Test
    void rayVectorsOfTheSpecification() {
        double[][] cases = {
            {270, 0, 0, 0, -0.3887513, 0.8353113, 0.3887513, 2.2553404, -0.8767664, -0.8160888, 0.8767664},
            {270, 0, 256, 256, 0.0009108, 0.9999992, -0.0009108, 2.6999978, 0.0024590, -0.0000045, -0.0024590},
            {225, 0, 511, 100, 0.9099134, 0.3319527, 0.2487269, 2.3709562, 0.2481764, -1.1221429, 0.5897206},
            {0, 20, 10, 500, -0.6658498, -0.3781649, -0.6431449, 2.2832891, 1.0168426, -0.8634598, -0.5450314}};
        for (double[] c : cases) {
            Ray ray = Rings.orbit(Intrinsics.standard(512), 2.7, c[1], Azimuth.xy(c[0])).ray(c[2] + 0.5, c[3] + 0.5);
            assertArrayEquals(new double[] {c[4], c[5], c[6]}, ray.direction().toArray(), 1e-7);
            assertEquals(c[7], ray.nearestParameter(), 1e-6);
            assertArrayEquals(new double[] {c[8], c[9], c[10]}, ray.nearest().toArray(), 1e-6);
        }
    }

    @Test
    void patchesAndHullsOfPictures() {
        PatchOrder order = new PatchOrder(16, 24, 8);
        for (int view = 0; view < 2; view++) {
            for (int row = 0; row < 16; row++) {
                for (int column = 0; column < 24; column++) {
                    assertArrayEquals(new int[] {view, row, column}, order.pixel(order.gaussianIndex(view, row, column)));
                }
            }
        }
        assertThrows(CameraException.class, () -> new PatchOrder(16, 25, 8));
        // A mask picture: a filled square in the middle of each of four views carves a cube.
        int size = 64;
        boolean[] mask = new boolean[size * size];
        for (int i = 0; i < mask.length; i++) {
            mask[i] = Math.abs(i % size - 31.5) < 8 && Math.abs(i / size - 31.5) < 8;
        }
        List<VisualHull.View> views = Rings.turntable(4, 0, size).cameras().stream()
                .map(c -> new VisualHull.View(c, VisualHull.Silhouette.of(mask, size, size))).toList();
        VisualHull hull = new VisualHull(views);
        double half = 2.7 * 8 / views.get(0).camera().intrinsics().fx(); // at the distance of the origin
        assertTrue(hull.contains(Vector3D.ZERO));
        assertTrue(hull.contains(new Vector3D(0.8 * half, 0, 0.8 * half)));
        assertFalse(hull.contains(new Vector3D(1.2 * half, 0, 0)));
        assertFalse(hull.contains(new Vector3D(0, 0, 5)));
        assertEquals(8, hull.carve(2, 0.9 * half).cardinality());
        assertThrows(CameraException.class, () -> VisualHull.Silhouette.of(mask, 63, 64));
    }
}
