package org.mouselift.data.camera;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.apache.commons.math3.geometry.euclidean.threed.Vector3D;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The tables of mouse specification §1.4 and §4.2, number by number. */
class RigCatalogTest {
    @TempDir Path folder;

    @Test
    void human6IsInSlotOrder() {
        CameraRig rig = RigCatalog.human6();
        double[] azimuths = Arrays.stream(rig.azimuths()).mapToDouble(Azimuth::xyDegrees).toArray();
        assertArrayEquals(new double[] {270, 225, 180, 90, 0, 315}, azimuths, 1e-12);
        assertArrayEquals(new double[] {0, 45, 90, 180, 270, 315}, rig.clockwiseFromDegrees(0), 1e-12);
        assertArrayEquals(new double[6], rig.elevationsDegrees(), 0);
        assertEquals(548.993771650447, rig.get(0).intrinsics().fx(), 1e-12);
        assertEquals(List.of("front", "front_right", "right", "back", "left", "front_left"),
                RigCatalog.builtIn().entry("human6").viewNames());
        assertEquals(List.of(2, 1, 0, 5, 4, 3), RigCatalog.builtIn().entry("human6").fileOrder().orElseThrow());
    }

    @Test
    void human32MatchesThePublishedVectors() {
        Pose side = RigCatalog.human32().get(0).pose();
        near(new Vector3D(0, 1, 0), side.right(), 1e-12);
        near(new Vector3D(0.34202014332566866, 0, -0.9396926207859084), side.down(), 1e-12);
        near(new Vector3D(-0.9396926207859084, 0, -0.34202014332566866), side.forward(), 1e-12);
        near(new Vector3D(2.53717, 0, 0.923454), side.center(), 1e-6);
        Pose front = RigCatalog.human32().get(24).pose();
        near(new Vector3D(1, 0, 0), front.right(), 1e-12);
        near(new Vector3D(0, -0.342020, -0.939693), front.down(), 1e-6);
        near(new Vector3D(0, 0.939693, -0.342020), front.forward(), 1e-6);
        near(new Vector3D(0, -2.53717, 0.923454), front.center(), 1e-6);
    }

    @Test
    void mouse6IsTheScaledRecording() {
        CameraRig raw = RigCatalog.named("mouse6_raw");
        CameraRig rig = RigCatalog.named("mouse6");
        assertArrayEquals(new double[] {246.1, 414.5, 363.7, 340.0, 318.3, 305.7}, raw.distances(), 1e-9);
        assertArrayEquals(new double[] {2.005, 3.377, 2.963, 2.770, 2.593, 2.491}, rig.distances(), 5e-4);
        assertEquals(0.00814766, rig.meanDistance() / raw.meanDistance(), 1e-8);
        near(new Vector3D(-1.625, -1.055, 0.516), rig.get(0).center(), 1e-3);
        near(new Vector3D(0.935, -1.925, 1.275), rig.get(5).center(), 1e-3);
        assertArrayEquals(new double[] {14.9, 20.6, 11.3, 10.7, 26.5, 30.8}, rig.elevationsDegrees(), 1e-9);
        assertEquals(19.13, Arrays.stream(rig.elevationsDegrees()).average().orElseThrow(), 5e-3);
        // Sorted from −180°: 0, 5, 3, 1, 2, 4; this library sorts from 0°.
        assertArrayEquals(new int[] {1, 2, 4, 0, 5, 3}, rig.byAzimuth());
        assertArrayEquals(new double[] {52.1, 57.9, 69.0, 82.9, 52.8, 45.3}, rig.azimuthGapsDegrees(), 1e-9);
    }

    @Test
    void otherRigsFollowTheirConventions() {
        near(new Vector3D(0, 2.7 * Math.cos(Math.toRadians(20)), 2.7 * Math.sin(Math.toRadians(20))),
                RigCatalog.named("orbit32").get(0).center(), 1e-12);
        assertTrue(RigCatalog.named("orbit32").get(1).center().getX() > 0, "clockwise from +Y goes to +X");
        assertEquals(4, RigCatalog.named("lgm4").size());
        assertEquals(49.1, RigCatalog.named("lgm4").get(0).intrinsics().horizontalFovDegrees(), 1e-12);
        assertArrayEquals(new double[] {20, 20, 20, 20, 20, 20},
                RigCatalog.named("facelift_standard_6view").elevationsDegrees(), 1e-12);
        assertTrue(!RigCatalog.builtIn().entry("zero123pp6").verified());
    }

    @Test
    void everyBuiltInRigIsSound() {
        for (RigCatalog.Entry e : RigCatalog.builtIn().entries()) {
            var limits = e.sourceUnits() ? RigCheck.Limits.SOURCE_UNITS : RigCheck.Limits.STANDARD;
            assertEquals(List.of(), RigCheck.inspect(e.rig(), limits), e.id());
        }
    }

    @Test
    void describedRings() {
        CameraRig ring = RigCatalog.named("ring:n=6,elev=20,dist=2.7,fov=50");
        assertEquals(RigCatalog.named("facelift_standard_6view").cameras(), ring.cameras());
        CameraRig turntable = RigCatalog.named("turntable:n=120,elev=0,size=384");
        assertEquals(120, turntable.size());
        assertEquals(3, turntable.get(1).position().azimuth().difference(turntable.get(0).position().azimuth()), 1e-9);
        assertEquals(411.745328737835, turntable.get(0).intrinsics().fx(), 1e-11);
        for (String bad : List.of("ring:n=0", "ring:elev=3", "ring:n=6,n=7", "ring:n=6,colour=red", "orbit:n=3",
                "ring:n=six", "ring:n=4,elev=90", "ring:n=4,fov=180", "ring:n=4,sense=left", "ring:", "ring:n=999999999")) {
            assertThrows(CameraException.class, () -> RigCatalog.named(bad), bad);
        }
        String message = assertThrows(CameraException.class, () -> RigCatalog.named("human7")).getMessage();
        assertTrue(message.contains("human7") && message.contains("human6") && message.contains("mouse6"), message);
    }

    @Test
    void userRigsJoinTheCatalogue() throws Exception {
        Path file = Files.writeString(folder.resolve("mine.json"), """
                {"rigs": [{"id": "mine", "azimuth_convention": "RELATIVE_TO_FRONT_CW", "width": 64, "height": 48,
                  "fov": 40, "views": [{"azimuth": 0, "elevation": 0, "distance": 2}]}]}""");
        Camera c = RigCatalog.builtIn().with(file).rig("mine").get(0);
        near(new Vector3D(0, -2, 0), c.center(), 1e-12);
        Path clash = Files.writeString(folder.resolve("clash.json"), Files.readString(file).replace("mine", "human6"));
        assertThrows(CameraFileException.class, () -> RigCatalog.builtIn().with(clash));
    }

    private static void near(Vector3D expected, Vector3D actual, double tolerance) {
        assertTrue(expected.distance(actual) <= tolerance, () -> "expected " + expected + ", was " + actual);
    }
}
