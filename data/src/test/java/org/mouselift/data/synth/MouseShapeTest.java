package org.mouselift.data.synth;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.SplittableRandom;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.LongRange;
import org.junit.jupiter.api.Test;

class MouseShapeTest {
    private static final int POINTS = 400;

    @Provide
    Arbitrary<SynthMouse> mice() {
        return Arbitraries.longs().between(0, 1 << 20).map(i -> SynthMouse.of(MouseParameters.sample(i >> 10, i & 1023, 180)));
    }

    private static double[] point(SplittableRandom random) {
        return new double[] {random.nextDouble(-1, 1), random.nextDouble(-1, 1), random.nextDouble(-1, 1)};
    }

    @Property(tries = 40)
    void theOctreeChangesNothing(@ForAll("mice") SynthMouse mouse, @ForAll long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        for (int i = 0; i < POINTS; i++) {
            double[] p = point(random);
            assertEquals(mouse.shape().distanceBrute(p[0], p[1], p[2]), mouse.shape().distance(p[0], p[1], p[2]), 1e-12);
        }
    }

    @Property(tries = 40)
    void theDistanceIsLipschitz(@ForAll("mice") SynthMouse mouse, @ForAll long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        for (int i = 0; i < POINTS; i++) {
            double[] p = point(random);
            // Steps from microscopic (gradient) to large (the bound itself).
            double step = Math.pow(10, random.nextDouble(-5, -0.3));
            double[] q = new double[3];
            double length = 0;
            for (int a = 0; a < 3; a++) {
                double d = step * random.nextDouble(-1, 1);
                q[a] = p[a] + d;
                length += d * d;
            }
            length = Math.sqrt(length);
            double change = Math.abs(mouse.shape().distance(p[0], p[1], p[2]) - mouse.shape().distance(q[0], q[1], q[2]));
            assertTrue(change <= length * (1 + 1e-9) + 1e-13, () -> "changes faster than the distance moved, at " + p[0] + " " + p[1] + " " + p[2]);
        }
    }

    @Property(tries = 40)
    void theBoundOfACellHoldsInTheCell(@ForAll("mice") SynthMouse mouse, @ForAll long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        for (int i = 0; i < POINTS; i++) {
            double[] p = point(random);
            int cell = mouse.shape().cellAt(p[0], p[1], p[2]);
            if (cell >= 0) {
                assertTrue(mouse.shape().boundOf(cell) <= mouse.shape().distanceBrute(p[0], p[1], p[2]));
            }
        }
    }

    @Property(tries = 30)
    void theSurfaceStaysInsideTheStatedBoxAndBall(@ForAll("mice") SynthMouse mouse, @ForAll long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        MouseShape shape = mouse.shape();
        for (int i = 0; i < 4 * POINTS; i++) {
            double[] p = {random.nextDouble(-1.3, 1.3), random.nextDouble(-1.3, 1.3), random.nextDouble(-1.3, 1.3)};
            double radius = Math.sqrt(p[0] * p[0] + p[1] * p[1] + p[2] * p[2]);
            double box = Math.max(Math.abs(p[0]), Math.max(Math.abs(p[1]), Math.abs(p[2])));
            if (box > MouseAnatomy.BOX || radius > MouseAnatomy.BALL) {
                assertTrue(shape.distance(p[0], p[1], p[2]) > 0, () -> "a part of the mouse is at " + List.of(p[0], p[1], p[2]));
            }
        }
        for (int axis = 0; axis < 3; axis++) {
            assertTrue(shape.low()[axis] < -0.1 && shape.high()[axis] > 0.1, "the mouse surrounds the origin");
        }
    }

    @Test
    void everyMouseFitsTheStandardCameras() {
        // A ball of radius 2.7 sin 25° around the origin is what every camera of human6 and human32 sees whole.
        double seen = 2.7 * Math.sin(Math.toRadians(25));
        double smallest = Double.POSITIVE_INFINITY;
        for (int index = 0; index < 2000; index++) {
            double reach = 0;
            double longest = 0;
            List<Part> parts = MouseAnatomy.parts(MouseParameters.sample(index / 500, index, index % 2 * 180));
            for (int axis = 0; axis < 3; axis++) {
                double[] range = Part.range(parts, axis);
                double far = Math.max(-range[0], range[1]);
                assertTrue(far <= MouseAnatomy.BOX + 1e-9, "mouse " + index + " reaches " + far + " along axis " + axis);
                reach += far * far;
                longest = Math.max(longest, range[1] - range[0]);
            }
            assertTrue(Math.sqrt(reach) < seen - 0.03, "mouse " + index + " may reach " + Math.sqrt(reach));
            smallest = Math.min(smallest, longest);
        }
        assertTrue(smallest > 0.6, "the shortest mouse is only " + smallest + " long");
    }

    @Property(tries = 30)
    void theUnitNormalIsTheGradient(@ForAll("mice") SynthMouse mouse, @ForAll @LongRange(min = 0) long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        double[] n = new double[3];
        double e = 1e-5;
        MouseShape s = mouse.shape();
        for (int i = 0; i < 50; i++) {
            double[] p = point(random);
            double gx = (s.distanceBrute(p[0] + e, p[1], p[2]) - s.distanceBrute(p[0] - e, p[1], p[2])) / (2 * e);
            double gy = (s.distanceBrute(p[0], p[1] + e, p[2]) - s.distanceBrute(p[0], p[1] - e, p[2])) / (2 * e);
            double gz = (s.distanceBrute(p[0], p[1], p[2] + e) - s.distanceBrute(p[0], p[1], p[2] - e)) / (2 * e);
            double g = Math.sqrt(gx * gx + gy * gy + gz * gz);
            s.normal(p[0], p[1], p[2], e, n);
            double cosine = (gx * n[0] + gy * n[1] + gz * n[2]) / g;
            // Where two primitives meet in a crease the gradient jumps and the two stencils may disagree.
            if (g > 0.6) {
                assertTrue(cosine > 0.97, () -> "normal and gradient differ, cosine " + cosine);
            }
        }
    }

    @Test
    void aSphereHasItsExactDistance() {
        Vec3 c = new Vec3(0.1, -0.2, 0.3);
        MouseShape ball = new MouseShape(List.of(Part.ball(c, 0.25, 0, Part.Tissue.FUR, Vec3.UP)));
        assertEquals(Math.sqrt(0.01 + 0.04 + 0.09) - 0.25, ball.distance(0, 0, 0), 1e-15);
        assertEquals(-0.25, ball.distance(0.1, -0.2, 0.3), 1e-15);
    }

    @Test
    void aRoundConeIsTheHullOfItsSpheres() {
        Vec3 a = new Vec3(0, 0, 0);
        Vec3 b = new Vec3(0.3, 0.4, 0);
        PrimitiveTape cone = new PrimitiveTape(List.of(Part.cone(a, 0.2, b, 0.1, 0, Part.Tissue.FUR, Vec3.UP)));
        SplittableRandom random = new SplittableRandom(5);
        for (int i = 0; i < 2000; i++) {
            double[] p = point(random);
            // The hull is the union of the spheres in between.
            double nearest = Double.POSITIVE_INFINITY;
            for (int k = 0; k <= 4000; k++) {
                double w = k / 4000.0;
                Vec3 c = a.lerp(b, w);
                nearest = Math.min(nearest, new Vec3(p[0], p[1], p[2]).minus(c).norm() - (0.2 - 0.1 * w));
            }
            if (nearest > 0) {
                assertEquals(nearest, cone.distance(p[0], p[1], p[2]), 1e-6);
            }
        }
    }

    @Test
    void aBowlIsTheShellBelowItsRim() {
        double r = 0.3;
        double rim = -0.1;
        double t = 0.02;
        PrimitiveTape bowl = new PrimitiveTape(List.of(Part.bowl(new Vec3(0, 0, 0), Vec3.UP, new Vec3(0, 1, 0), 1, r, rim, t, 0, Vec3.UP)));
        SplittableRandom random = new SplittableRandom(6);
        for (int i = 0; i < 500; i++) {
            double[] p = point(random);
            double nearest = Double.POSITIVE_INFINITY;
            double azimuth = Math.atan2(p[1], p[0]);
            for (int k = 0; k <= 20000; k++) {
                double polar = Math.PI * k / 20000;
                if (r * Math.cos(polar) <= rim) {
                    Vec3 s = new Vec3(r * Math.sin(polar) * Math.cos(azimuth), r * Math.sin(polar) * Math.sin(azimuth), r * Math.cos(polar));
                    nearest = Math.min(nearest, new Vec3(p[0], p[1], p[2]).minus(s).norm());
                }
            }
            assertEquals(nearest - t, bowl.distance(p[0], p[1], p[2]), 1e-4);
        }
    }
}
