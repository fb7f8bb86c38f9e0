package org.mouselift.tests.camera;

import java.util.ArrayList;
import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.Provide;
import net.jqwik.api.RandomDistribution;
import net.jqwik.api.Tuple;
import net.jqwik.api.domains.DomainContextBase;
import org.apache.commons.math3.geometry.euclidean.threed.Vector3D;
import org.mouselift.data.camera.Azimuth;
import org.mouselift.data.camera.Camera;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.camera.Intrinsics;
import org.mouselift.data.camera.Mat3;
import org.mouselift.data.camera.Pose;
import org.mouselift.data.camera.Rings;
import org.mouselift.data.camera.Rotations;
import org.mouselift.data.camera.Similarity;
import org.mouselift.data.camera.SphericalPosition;

/**
 * Shrinking generators of everything the camera invariants speak about. Every generator mixes ordinary values with hard
 * corners: directions near the poles and on the axes, half turns, principal points on the border, focal lengths from
 * fish-eye to telescope, tiny depths. They replace the edge cases that jqwik would make by itself.
 */
public class CameraDomain extends DomainContextBase {
    /** A unit vector. */
    public record Direction(Vector3D vector) {}

    /** A world point within distance 5 of the origin. */
    public record Point(Vector3D vector) {}

    /** A camera and a world point at pixel (u, v) of its image and the given depth. */
    public record Seen(Camera camera, double u, double v, double depth, Vector3D point) {}

    /** The parameters of a ring. */
    public record Ring(int n, double elevation, double distance, Azimuth start, Rings.Sense sense, Intrinsics intrinsics) {
        public CameraRig rig() {
            return Rings.ring("ring", n, elevation, distance, start, sense, intrinsics);
        }
    }

    /** A sound rig in model units: distinct azimuths, cameras that look near the origin, Z up. */
    public record SoundRig(CameraRig rig) {}

    /** An image of a few pixels, for whole ray maps. */
    public record SmallCamera(Camera camera) {}

    static Arbitrary<Double> real(double min, double max, Double... corners) {
        Arbitrary<Double> ordinary =
                Arbitraries.doubles().between(min, max).ofScale(9).withDistribution(RandomDistribution.uniform());
        return corners.length == 0 ? ordinary
                : Arbitraries.frequencyOf(Tuple.of(5, ordinary), Tuple.of(1, Arbitraries.of(corners)));
    }

    static Arbitrary<Double> degrees() {
        return real(-720, 720, 0.0, 90.0, 180.0, 270.0, 360.0, -90.0, 1e-9, -1e-9, 89.999999999, 359.9999999999, -360.0);
    }

    static Arbitrary<Double> elevations() {
        return real(-89, 89, 0.0, 20.0, 89.9, -89.9, 89.99, -89.99, 1e-9, -1e-12);
    }

    static Arbitrary<Vector3D> unit() {
        Arbitrary<Vector3D> any = Combinators.combine(real(-1, 1, 1 - 1e-9, -1 + 1e-9, 0.0), degrees()).as((z, a) -> {
            double r = Math.sqrt(1 - z * z);
            return new Vector3D(r * Math.cos(Math.toRadians(a)), r * Math.sin(Math.toRadians(a)), z);
        });
        return Arbitraries.frequencyOf(Tuple.of(6, any), Tuple.of(1, Arbitraries.of(Vector3D.PLUS_I, Vector3D.MINUS_I,
                Vector3D.PLUS_J, Vector3D.MINUS_J, Vector3D.PLUS_K, Vector3D.MINUS_K)));
    }

    static Arbitrary<Double> angles() {
        return real(0, 180, 0.0, 1e-10, 1e-4, 90.0, 179.9999, 179.9999999, 180.0).map(Math::toRadians);
    }

    static Arbitrary<Double> focals() {
        return real(200, 1500, 548.993771650447, 5.0, 30.0, 20000.0);
    }

    @Provide
    public Arbitrary<Direction> directions() {
        return unit().map(Direction::new);
    }

    @Provide
    public Arbitrary<Point> points() {
        return Combinators.combine(unit(), real(0, 5, 0.0, 1e-9, 5.0)).as((d, r) -> new Point(d.scalarMultiply(r)));
    }

    @Provide
    public Arbitrary<Mat3> rotations() {
        return Combinators.combine(unit(), angles()).as(Rotations::aboutAxis);
    }

    @Provide
    public Arbitrary<Azimuth> azimuths() {
        return degrees().map(Azimuth::xy);
    }

    @Provide
    public Arbitrary<SphericalPosition> positions() {
        return Combinators.combine(real(1, 5, 2.7, 0.01, 400.0), elevations(), degrees())
                .as((d, e, a) -> new SphericalPosition(d, e, Azimuth.xy(a)));
    }

    @Provide
    public Arbitrary<Intrinsics> intrinsics() {
        Arbitrary<Integer> size = Arbitraries.frequencyOf(Tuple.of(4, Arbitraries.integers().between(16, 2000)),
                Tuple.of(1, Arbitraries.of(1, 2, 511, 512, 513, 1152, 1024)));
        return Combinators.combine(focals(), real(0.8, 1.25, 1.0, 1.0, 0.05, 20.0), real(0, 1, 0.0, 0.5, 1.0),
                real(0, 1, 0.0, 0.5, 1.0), size, size)
                .as((f, aspect, cx, cy, w, h) -> new Intrinsics(f, f * aspect, cx * w, cy * h, w, h));
    }

    @Provide
    public Arbitrary<Pose> poses() {
        return Combinators.combine(rotations(), unit(), real(1, 5, 1.0, 5.0))
                .as((r, d, distance) -> Pose.cameraToWorld(r, d.scalarMultiply(distance)));
    }

    @Provide
    public Arbitrary<Camera> cameras() {
        return Combinators.combine(intrinsics(), poses()).as(Camera::new);
    }

    @Provide
    public Arbitrary<Seen> seen() {
        return Combinators.combine(cameras(), real(0, 1, 0.0, 0.5, 1.0), real(0, 1, 0.0, 0.5, 1.0),
                real(0.2, 10, 0.2, 10.0, 1e-3)).as((c, a, b, z) -> {
            Intrinsics k = c.intrinsics();
            double u = a * k.width();
            double v = b * k.height();
            Vector3D inCamera = new Vector3D((u - k.cx()) / k.fx() * z, (v - k.cy()) / k.fy() * z, z);
            return new Seen(c, u, v, z, c.pose().toWorld(inCamera));
        });
    }

    @Provide
    public Arbitrary<SmallCamera> smallCameras() {
        Arbitrary<Integer> size = Arbitraries.integers().between(1, 7);
        return Combinators.combine(size, size, real(2, 40, 0.5, 500.0), real(0, 1, 0.0, 1.0), real(0, 1, 0.0, 1.0), poses())
                .as((w, h, f, cx, cy, p) -> new SmallCamera(new Camera(new Intrinsics(f, 1.1 * f, cx * w, cy * h, w, h), p)));
    }

    @Provide
    public Arbitrary<Similarity> similarities() {
        return Combinators.combine(real(0.1, 10, 1.0, 0.00814766, 100.0), rotations(), points())
                .as((s, q, p) -> new Similarity(s, q, p.vector()));
    }

    @Provide
    public Arbitrary<Ring> rings() {
        return Combinators.combine(Arbitraries.integers().between(1, 40), elevations(), real(1, 5, 2.7), degrees(),
                Arbitraries.of(Rings.Sense.values()), intrinsics())
                .as((n, e, d, a, s, k) -> new Ring(n, e, d, Azimuth.xy(a), s, k));
    }

    @Provide
    public Arbitrary<SoundRig> soundRigs() {
        Arbitrary<List<Integer>> azimuths =
                Arbitraries.integers().between(0, 35).set().ofMinSize(3).ofMaxSize(8).map(ArrayList::new);
        Arbitrary<List<Double>> elevations = real(-35, 50, 0.0, 20.0).list().ofSize(8);
        Arbitrary<List<Double>> distances = real(2, 3.4, 2.7).list().ofSize(8);
        Arbitrary<List<Vector3D>> targets =
                Combinators.combine(unit(), real(0, 0.3, 0.0)).as((u, r) -> u.scalarMultiply(r)).list().ofSize(8);
        return Combinators.combine(azimuths, elevations, distances, targets, focals()).as((a, e, d, t, f) -> {
            List<Camera> cameras = new ArrayList<>();
            for (int i = 0; i < a.size(); i++) {
                Vector3D center = new SphericalPosition(d.get(i), e.get(i), Azimuth.xy(10.0 * a.get(i))).toVector();
                cameras.add(new Camera(new Intrinsics(f, f, 250 + i, 260 - i, 512, 512), Pose.lookAt(center, t.get(i))));
            }
            return new SoundRig(new CameraRig("generated", cameras));
        });
    }
}
