package org.mouselift.tests.camera;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.mouselift.tests.camera.Near.near;

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
import org.mouselift.data.camera.ImageOperation;
import org.mouselift.data.camera.Intrinsics;
import org.mouselift.data.camera.PluckerRays;
import org.mouselift.data.camera.Pose;
import org.mouselift.data.camera.Ray;
import org.mouselift.data.camera.RayChannels;
import org.mouselift.data.camera.Similarity;
import org.mouselift.data.camera.SphericalPosition;
import org.mouselift.tests.camera.CameraDomain.Direction;
import org.mouselift.tests.camera.CameraDomain.Point;
import org.mouselift.tests.camera.CameraDomain.Seen;
import org.mouselift.tests.camera.CameraDomain.SmallCamera;

/** Camera invariants C-33 … C-43: Plücker rays. */
@Domain(CameraDomain.class)
@Domain(DomainContext.Global.class)
@PropertyDefaults(tries = 1000, generation = GenerationMode.RANDOMIZED, edgeCases = EdgeCasesMode.NONE)
class PluckerInvariantsTest {
    @Property
    void c33_orthogonality(@ForAll Seen s) {
        Ray r = s.camera().ray(s.u(), s.v());
        near(1, r.direction().getNorm());
        near(0, r.direction().dotProduct(r.moment()), 5);
        near(0, r.direction().dotProduct(r.nearest()), 5);
        near(r.nearest().getNorm(), r.moment().getNorm(), 5);
        // p⊥ really is the nearest point: neighbours on the ray are farther from the origin.
        double nearest = r.nearest().getNorm();
        assertTrue(r.at(r.nearestParameter() + 0.01).getNorm() >= nearest && r.at(r.nearestParameter() - 0.01).getNorm() >= nearest);
    }

    @Property
    void c34_independentOfThePointOnTheRay(@ForAll Seen s, @ForAll @DoubleRange(min = -100, max = 100) @Scale(6) double along) {
        Ray r = s.camera().ray(s.u(), s.v());
        Ray shifted = new Ray(r.at(along), r.direction());
        near(r.moment(), shifted.moment(), 100);
        near(r.nearest(), shifted.nearest(), 100);
    }

    @Property
    void c35_nearestAndMomentDetermineEachOther(@ForAll Seen s) {
        Ray r = s.camera().ray(s.u(), s.v());
        near(r.direction().crossProduct(r.moment()), r.nearest(), 5);
        near(r.nearest().crossProduct(r.direction()), r.moment(), 5);
        near(r.nearest(), Ray.fromMoment(r.direction(), r.moment()).nearest(), 5);
    }

    @Property
    void c36_similarity(@ForAll Seen s, @ForAll Similarity world) {
        Ray r = s.camera().ray(s.u(), s.v());
        Similarity rigid = new Similarity(1, world.rotation(), world.translation());
        Ray moved = rigid.apply(r);
        Vector3D d = world.rotation().times(r.direction());
        near(d, moved.direction());
        near(world.rotation().times(r.moment()).add(world.translation().crossProduct(d)), moved.moment(), 20);
        Ray scaled = Similarity.scale(world.scale()).apply(r);
        near(r.moment().scalarMultiply(world.scale()), scaled.moment(), 5 * world.scale());
        near(r.nearest().scalarMultiply(world.scale()), scaled.nearest(), 5 * world.scale());
        // The ray of the moved camera is the moved ray.
        Ray ofCamera = world.apply(s.camera()).ray(s.u(), s.v());
        near(world.apply(r).direction(), ofCamera.direction());
        near(world.apply(r).moment(), ofCamera.moment(), 10 * (1 + world.scale()));
    }

    @Property
    void c37_reversal(@ForAll Seen s) {
        Ray r = s.camera().ray(s.u(), s.v());
        Ray back = r.reversed();
        near(r.direction().negate(), back.direction());
        near(r.moment().negate(), back.moment(), 5);
        near(r.nearest(), back.nearest(), 5);
        near(0, r.distance(back), 5);
    }

    @Property
    void c38_raysMeetExactlyWhenTheReciprocalProductVanishes(@ForAll Point x, @ForAll Pose a, @ForAll Pose b,
            @ForAll Intrinsics k, @ForAll @DoubleRange(min = 0.001, max = 3) @Scale(6) double gap) {
        Vector3D toA = x.vector().subtract(a.center());
        Vector3D toB = x.vector().subtract(b.center());
        double sine = toA.crossProduct(toB).getNorm() / (toA.getNorm() * toB.getNorm());
        Assume.that(toA.getNorm() > 0.1 && toB.getNorm() > 0.1 && sine > 1e-3);
        // Two cameras that look at the point from where a and b stand: corresponding pixels.
        Ray first = towards(a.center(), x.vector(), k);
        Ray second = towards(b.center(), x.vector(), k);
        near(0, first.reciprocalProduct(second), 10);
        near(0, first.distance(second), 10 / sine);
        // Moved apart along the common normal: the product is gap·sin, the distance is the gap.
        Vector3D normal = first.direction().crossProduct(second.direction()).normalize();
        Ray apart = new Ray(second.origin().add(gap, normal), second.direction());
        double angleSine = first.direction().crossProduct(apart.direction()).getNorm();
        near(gap * angleSine, Math.abs(first.reciprocalProduct(apart)), 20);
        near(gap, first.distance(apart), 20 / sine);
        // An independent minimum: feet of the common perpendicular from the two normal equations.
        double d12 = first.direction().dotProduct(apart.direction());
        Vector3D w = apart.origin().subtract(first.origin());
        double denominator = 1 - d12 * d12;
        double s = (w.dotProduct(first.direction()) - d12 * w.dotProduct(apart.direction())) / denominator;
        double t = (d12 * w.dotProduct(first.direction()) - w.dotProduct(apart.direction())) / denominator;
        near(first.at(s).distance(apart.at(t)), first.distance(apart), 100 / (sine * sine));
    }

    private static Ray towards(Vector3D from, Vector3D to, Intrinsics k) {
        Vector3D up = Math.abs(to.subtract(from).normalize().getZ()) < 0.9 ? Vector3D.PLUS_K : Vector3D.PLUS_I;
        Camera c = new Camera(k, Pose.lookAt(from, to, up));
        var p = c.project(to);
        return c.ray(p.u(), p.v());
    }

    @Property
    void c39_principalRayOfALookAtCameraPassesTheOrigin(@ForAll SphericalPosition position, @ForAll Intrinsics k) {
        Camera c = Camera.orbit(k, position);
        for (Ray r : new Ray[] {c.principalRay(), c.ray(k.cx(), k.cy())}) {
            near(Vector3D.ZERO, r.moment(), position.distance());
            near(Vector3D.ZERO, r.nearest(), position.distance());
        }
    }

    @Property
    void c40_momentIsAtMostTheDistanceOfTheCentre(@ForAll Seen s, @ForAll @DoubleRange(min = -1e5, max = 1e5) @Scale(3) double u,
            @ForAll @DoubleRange(min = -1e5, max = 1e5) @Scale(3) double v) {
        double d = s.camera().center().getNorm();
        assertTrue(s.camera().ray(u, v).moment().getNorm() <= d * (1 + 1e-12));
        assertTrue(s.camera().ray(s.u(), s.v()).nearest().getNorm() <= d * (1 + 1e-12));
    }

    @Property
    void c41_rayMapOfAResizedImageIsTheResampledMap(@ForAll SmallCamera small, @ForAll @IntRange(min = 1, max = 4) int k) {
        Camera coarse = small.camera();
        Intrinsics c = coarse.intrinsics();
        Camera fine = new ImageOperation.Resize(c.width() * k, c.height() * k).apply(coarse);
        double[] coarseMap = PluckerRays.mapDouble(coarse, RayChannels.PLAIN);
        double[] fineMap = PluckerRays.mapDouble(fine, RayChannels.PLAIN);
        for (int y = 0; y < c.height(); y++) {
            for (int x = 0; x < c.width(); x++) {
                Vector3D mean = Vector3D.ZERO;
                for (int i = 0; i < k * k; i++) {
                    // Before normalisation: z-depth 1 along the optical axis.
                    Vector3D d = direction(fineMap, c.width() * k, c.height() * k, x * k + i % k, y * k + i / k);
                    mean = mean.add(1.0 / (k * k * d.dotProduct(coarse.forward())), d);
                }
                Vector3D expected = direction(coarseMap, c.width(), c.height(), x, y);
                near(expected.scalarMultiply(1 / expected.dotProduct(coarse.forward())), mean, Math.max(1, mean.getNorm()));
            }
        }
    }

    private static Vector3D direction(double[] plain, int w, int h, int x, int y) {
        int n = w * h;
        return new Vector3D(plain[3 * n + y * w + x], plain[4 * n + y * w + x], plain[5 * n + y * w + x]);
    }

    @Property
    void c42_everyPixelOfAViewHasTheSameOrigin(@ForAll SmallCamera small) {
        Camera c = small.camera();
        int w = c.intrinsics().width();
        int n = w * c.intrinsics().height();
        double[] map = PluckerRays.mapDouble(c, RayChannels.AUGMENTED);
        for (int i = 0; i < n; i++) {
            Vector3D m = new Vector3D(map[i], map[n + i], map[2 * n + i]);
            Vector3D d = new Vector3D(map[3 * n + i], map[4 * n + i], map[5 * n + i]);
            Vector3D nearest = new Vector3D(map[6 * n + i], map[7 * n + i], map[8 * n + i]);
            near(c.center().crossProduct(d), m, 5);
            near(c.center(), nearest.add(c.center().dotProduct(d), d), 5);
        }
    }

    @Property
    void c43_variantsAreInterconvertibleAndInTheFixedOrder(@ForAll SmallCamera small) {
        Camera c = small.camera();
        int w = c.intrinsics().width();
        int n = w * c.intrinsics().height();
        double[] custom = PluckerRays.mapDouble(c, RayChannels.CUSTOM);
        double[] plain = PluckerRays.mapDouble(c, RayChannels.PLAIN);
        double[] augmented = PluckerRays.mapDouble(c, RayChannels.AUGMENTED);
        assertArrayEquals(plain, PluckerRays.convert(custom, RayChannels.CUSTOM, RayChannels.PLAIN), 1e-9);
        assertArrayEquals(custom, PluckerRays.convert(plain, RayChannels.PLAIN, RayChannels.CUSTOM), 1e-9);
        assertArrayEquals(augmented, PluckerRays.convert(custom, RayChannels.CUSTOM, RayChannels.AUGMENTED), 1e-9);
        assertArrayEquals(plain, PluckerRays.convert(augmented, RayChannels.AUGMENTED, RayChannels.PLAIN), 0);
        float[] floats = PluckerRays.map(c, RayChannels.CUSTOM);
        float[] posed = PluckerRays.posedImage(c, RayChannels.CUSTOM, new float[4 * n]);
        for (int i = 0; i < n; i++) {
            Ray r = c.ray(i % w + 0.5, i / w + 0.5);
            double[] d = r.direction().toArray();
            double[] p = r.nearest().toArray();
            double[] m = r.moment().toArray();
            for (int ch = 0; ch < 3; ch++) {
                near(d[ch], custom[ch * n + i], 1);
                near(p[ch], custom[(3 + ch) * n + i], 5);
                near(m[ch], plain[ch * n + i], 5);
                near(d[ch], plain[(3 + ch) * n + i], 1);
                assertEquals((float) custom[(3 + ch) * n + i], floats[(3 + ch) * n + i]);
                assertEquals(-1f, posed[ch * n + i]);
                assertEquals(floats[ch * n + i], posed[(3 + ch) * n + i]);
            }
        }
    }

    @Property
    void c36b_directionsTurnWithTheCamera(@ForAll SmallCamera small, @ForAll Direction axis, @ForAll @DoubleRange(min = -3, max = 3) @Scale(6) double angle) {
        // The same invariance on whole maps: turning the world about an axis turns every direction of the map.
        var q = org.mouselift.data.camera.Rotations.aboutAxis(axis.vector(), angle);
        double[] before = PluckerRays.mapDouble(small.camera(), RayChannels.CUSTOM);
        double[] after = PluckerRays.mapDouble(Similarity.rotate(q).apply(small.camera()), RayChannels.CUSTOM);
        int n = before.length / 6;
        for (int i = 0; i < n; i++) {
            near(q.times(new Vector3D(before[i], before[n + i], before[2 * n + i])), new Vector3D(after[i], after[n + i], after[2 * n + i]));
            near(q.times(new Vector3D(before[3 * n + i], before[4 * n + i], before[5 * n + i])),
                    new Vector3D(after[3 * n + i], after[4 * n + i], after[5 * n + i]), 5);
        }
    }
}
