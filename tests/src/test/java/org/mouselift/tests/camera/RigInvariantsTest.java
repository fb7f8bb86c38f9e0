package org.mouselift.tests.camera;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.mouselift.tests.camera.Near.near;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
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
import org.mouselift.data.camera.Azimuth;
import org.mouselift.data.camera.Camera;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.camera.ImageOperation;
import org.mouselift.data.camera.Intrinsics;
import org.mouselift.data.camera.Mat3;
import org.mouselift.data.camera.Pose;
import org.mouselift.data.camera.RigCatalog;
import org.mouselift.data.camera.RigCheck;
import org.mouselift.data.camera.RigCheckException;
import org.mouselift.data.camera.Rings;
import org.mouselift.data.camera.Rotations;
import org.mouselift.data.camera.Similarity;
import org.mouselift.data.camera.SlotAssignment;
import org.mouselift.tests.camera.CameraDomain.Ring;
import org.mouselift.tests.camera.CameraDomain.SoundRig;

/** Camera invariants C-44 … C-51: rigs. */
@Domain(CameraDomain.class)
@Domain(DomainContext.Global.class)
@PropertyDefaults(tries = 1000, generation = GenerationMode.RANDOMIZED, edgeCases = EdgeCasesMode.NONE)
class RigInvariantsTest {
    private static final int[] FILE_TO_SLOT = {2, 1, 0, 5, 4, 3};

    @Property
    void c44_ringStepsAreRotationsAboutZ(@ForAll Ring ring) {
        CameraRig rig = ring.rig();
        double step = (ring.sense() == Rings.Sense.COUNTER_CLOCKWISE ? 360.0 : -360.0) / ring.n();
        Similarity turn = Similarity.rotate(Rotations.aboutZ(step));
        Camera c = rig.get(0);
        for (int k = 0; k < ring.n(); k++) {
            near(rig.get(k).pose(), c.pose());
            c = turn.apply(c);
        }
        near(rig.get(0).pose(), c.pose());
    }

    @Property
    void c45_ringIsLevel(@ForAll Ring ring) {
        double e = Math.toRadians(ring.elevation());
        for (Camera c : ring.rig().cameras()) {
            near(ring.distance(), c.position().distance());
            near(ring.elevation(), c.position().elevationDegrees(), 90);
            near(Math.cos(e), c.pose().up().getZ());
            assertEquals(ring.intrinsics(), c.intrinsics());
        }
    }

    @Property
    void c46_turntableStartsAtTheFront(@ForAll @IntRange(min = 1, max = 60) int n, @ForAll @DoubleRange(min = -85, max = 85) @Scale(3) double elevation,
            @ForAll @DoubleRange(min = 1, max = 5) @Scale(3) double distance, @ForAll @IntRange(min = 8, max = 600) int size) {
        Camera first = Rings.turntable(n, elevation, distance, 50, size, size).get(0);
        near(0, first.position().azimuth().difference(Azimuth.xy(270)), 360);
        near(0, first.center().getX(), distance);
        assertTrue(first.center().getY() < 0);
        near(1, first.pose().right().getX());
        near(RigCatalog.human32().get(24).pose(), Rings.turntable(n, 20, size).get(0).pose());
        near(Intrinsics.focal(50, size), first.intrinsics().fx());
    }

    @Property
    void c47_turntableIsASubsetOfAFinerOne(@ForAll @IntRange(min = 1, max = 24) int n, @ForAll @IntRange(min = 1, max = 6) int m,
            @ForAll @DoubleRange(min = -85, max = 85) @Scale(3) double elevation) {
        CameraRig coarse = Rings.turntable(n, elevation, 64);
        CameraRig fine = Rings.turntable(n * m, elevation, 64);
        for (int k = 0; k < n; k++) {
            near(coarse.get(k).pose(), fine.get(k * m).pose());
        }
    }

    @Property
    void c48_humanFileOrder(@ForAll @DoubleRange(min = -360, max = 360) @Scale(6) double turn, @ForAll @DoubleRange(min = 0.1, max = 100) @Scale(6) double scale) {
        assertEquals(Arrays.stream(FILE_TO_SLOT).boxed().toList(), RigCatalog.builtIn().entry("human6").fileOrder().orElseThrow());
        // The file has azimuths 180, 225, 270, 315, 0, 90; seen in any turned and scaled world.
        double[] file = {180, 225, 270, 315, 0, 90};
        Similarity world = new Similarity(scale, Rotations.aboutZ(turn), Vector3D.ZERO);
        List<Camera> cameras = new ArrayList<>();
        for (double a : file) {
            cameras.add(world.apply(Rings.orbit(Intrinsics.standard(512), 2.7, 0, Azimuth.xy(a))));
        }
        CameraRig stored = new CameraRig("file", cameras);
        CameraRig slots = stored.select(FILE_TO_SLOT);
        double[] expected = {270, 225, 180, 90, 0, 315};
        for (int i = 0; i < 6; i++) {
            near(0, slots.get(i).position().azimuth().difference(Azimuth.xy(expected[i] + turn)), 360);
            near(world.apply(RigCatalog.human6().get(i)).pose(), slots.get(i).pose());
        }
        assertEquals(stored, slots.select(FILE_TO_SLOT));
    }

    @Property
    void c49_gapsSumTo360AndAngularAssignmentIgnoresTheFrame(@ForAll SoundRig sound, @ForAll @DoubleRange(min = -360, max = 360) @Scale(6) double turn,
            @ForAll @IntRange(max = 7) int which) {
        CameraRig rig = sound.rig();
        int reference = which % rig.size();
        near(360, Arrays.stream(rig.azimuthGapsDegrees()).sum());
        assertTrue(Arrays.stream(rig.azimuthGapsDegrees()).allMatch(g -> g > 0));
        SlotAssignment angular = SlotAssignment.angular(rig, reference);
        assertEquals(rig.size(), new HashSet<>(angular.cameras()).size());
        assertTrue(angular.cameras().stream().allMatch(i -> i >= 0 && i < rig.size()));
        assertEquals(reference, angular.cameras().get(0));
        assertEquals(angular, SlotAssignment.angular(Similarity.rotate(Rotations.aboutZ(turn)).apply(rig), reference));
        // Clockwise: the offsets from the reference grow along the slots.
        double[] offsets = angular.apply(rig).clockwiseFromDegrees(0);
        for (int i = 1; i < offsets.length; i++) {
            assertTrue(offsets[i] > offsets[i - 1]);
        }
    }

    @Property
    void c50_mirroringHuman6ExchangesSlots(@ForAll Intrinsics k, @ForAll @DoubleRange(min = 0.5, max = 10) @Scale(6) double scale) {
        CameraRig human = Similarity.scale(scale).apply(RigCatalog.human6()).map(c -> c.withIntrinsics(k));
        int[] exchange = {0, 5, 4, 3, 2, 1};
        ImageOperation flip = new ImageOperation.FlipHorizontal();
        for (int i = 0; i < 6; i++) {
            near(human.get(exchange[i]).pose(), flip.apply(human.get(i)).pose());
        }
        assertEquals(Optional.of(List.of(0, 5, 4, 3, 2, 1)), SlotAssignment.mirrorExchange(human, 0.1));
        assertEquals(Optional.empty(), SlotAssignment.mirrorExchange(Similarity.scale(scale).apply(RigCatalog.named("mouse6")), 0.1));
    }

    /** One thing done wrong to a sound camera. */
    enum Defect {
        MIRRORED(RigCheck.Rule.MIRRORED), SKEWED(RigCheck.Rule.NOT_ORTHONORMAL), SCALED(RigCheck.Rule.NOT_ORTHONORMAL),
        BACKWARDS(RigCheck.Rule.ORIGIN_BEHIND), OPEN_GL(RigCheck.Rule.ORIGIN_BEHIND), ASIDE(RigCheck.Rule.LOOKS_AWAY),
        DUPLICATE(RigCheck.Rule.DUPLICATE_CENTER), HEADSTAND(RigCheck.Rule.MIXED_UP), NAN_POSE(RigCheck.Rule.NOT_FINITE),
        INFINITE_POSE(RigCheck.Rule.NOT_FINITE), NAN_FOCAL(RigCheck.Rule.NOT_FINITE), NEGATIVE_FOCAL(RigCheck.Rule.FOCAL_LENGTH);

        final RigCheck.Rule rule;

        Defect(RigCheck.Rule rule) {
            this.rule = rule;
        }

        Camera apply(Camera c, Camera other, double amount) {
            Pose p = c.pose();
            Mat3 axes = p.axes();
            Intrinsics k = c.intrinsics();
            return switch (this) {
                case MIRRORED -> c.withPose(Pose.cameraToWorld(axes.times(Mat3.diagonal(-1, 1, 1)), p.center()));
                case SKEWED -> c.withPose(Pose.cameraToWorld(axes.times(new Mat3(1, amount, 0, 0, 1, 0, 0, 0, 1)), p.center()));
                case SCALED -> c.withPose(Pose.worldToCamera(p.rotation().scale(1 + amount), p.translation()));
                case BACKWARDS -> c.withPose(Pose.cameraToWorld(axes.times(Mat3.diagonal(-1, 1, -1)), p.center()));
                case OPEN_GL -> c.withPose(Pose.cameraToWorld(p.openGl()));
                case ASIDE -> c.withPose(Pose.cameraToWorld(axes.times(Rotations.aboutAxis(Vector3D.PLUS_J, Math.toRadians(45))), p.center()));
                case DUPLICATE -> c.withPose(Pose.lookAt(other.center(), Vector3D.ZERO));
                case HEADSTAND -> c.withPose(Pose.cameraToWorld(axes.times(Mat3.diagonal(-1, -1, 1)), p.center()));
                case NAN_POSE -> c.withPose(Pose.worldToCamera(p.rotation(), new Vector3D(Double.NaN, 0, 3)));
                case INFINITE_POSE -> c.withPose(Pose.worldToCamera(p.rotation(), new Vector3D(0, Double.POSITIVE_INFINITY, 3)));
                case NAN_FOCAL -> c.withIntrinsics(new Intrinsics(Double.NaN, k.fy(), k.cx(), k.cy(), k.width(), k.height()));
                case NEGATIVE_FOCAL -> c.withIntrinsics(new Intrinsics(k.fx(), -k.fy(), k.cx(), k.cy(), k.width(), k.height()));
            };
        }
    }

    @Property
    void c51_rigCheckRejectsEveryDefect(@ForAll SoundRig sound, @ForAll Defect defect, @ForAll @IntRange(max = 7) int which,
            @ForAll @DoubleRange(min = 0.001, max = 0.5) @Scale(6) double amount) {
        CameraRig rig = sound.rig();
        assertEquals(List.of(), RigCheck.inspect(rig, RigCheck.Limits.STANDARD), "the sound rig has no finding");
        int i = which % rig.size();
        int other = (i + 1) % rig.size();
        List<Camera> cameras = new ArrayList<>(rig.cameras());
        cameras.set(i, defect.apply(rig.get(i), rig.get(other), amount));
        CameraRig bad = new CameraRig("bad", cameras);
        RigCheckException e = assertThrows(RigCheckException.class, () -> RigCheck.require(bad));
        int named = defect == Defect.DUPLICATE ? Math.max(i, other) : i;
        assertTrue(e.findings().stream().anyMatch(f -> f.rule() == defect.rule && f.camera() == named
                && f.message().contains("Camera " + named + " of rig bad") && f.message().startsWith("MFL-E126")), e::getMessage);
        // Nobody else is blamed.
        assertTrue(e.findings().stream().allMatch(f -> f.camera() == named || f.camera() == -1), e::getMessage);
    }
}
