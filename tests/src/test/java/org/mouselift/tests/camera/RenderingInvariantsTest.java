package org.mouselift.tests.camera;

import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.mouselift.tests.camera.Near.near;

import java.util.ArrayList;
import java.util.List;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
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
import org.mouselift.data.camera.Camera;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.camera.ImageOperation;
import org.mouselift.data.camera.Intrinsics;
import org.mouselift.data.camera.Mat3;
import org.mouselift.data.camera.Rings;
import org.mouselift.data.camera.Rotations;
import org.mouselift.data.camera.Similarity;
import org.mouselift.data.camera.SphericalPosition;

/** Camera invariants C-69 and C-70: pictures of a Gaussian cloud, with an analytic renderer on the library's rays. */
@Domain(CameraDomain.class)
@Domain(DomainContext.Global.class)
@PropertyDefaults(tries = 1000, generation = GenerationMode.RANDOMIZED, edgeCases = EdgeCasesMode.NONE)
class RenderingInvariantsTest {
    @Provide
    Arbitrary<GaussianField> clouds() {
        CameraDomain domain = new CameraDomain();
        return Combinators.combine(domain.points(), domain.rotations(), CameraDomain.real(0.05, 0.5), CameraDomain.real(0.05, 0.5),
                CameraDomain.real(0.05, 0.5), CameraDomain.real(0.1, 0.99)).as((p, r, a, b, c, o) -> new GaussianField.Blob(
                        p.vector().scalarMultiply(0.2), r.times(Mat3.diagonal(a * a, b * b, c * c)).times(r.transpose()), o))
                .list().ofMinSize(1).ofMaxSize(4).map(GaussianField::new);
    }

    @Property
    void c69_symmetricCloudsGiveEqualTurntableFrames(@ForAll("clouds") GaussianField cloud, @ForAll @IntRange(min = 2, max = 6) int n,
            @ForAll @DoubleRange(min = -80, max = 80) @Scale(3) double elevation, @ForAll @IntRange(min = 4, max = 12) int size) {
        // n-fold symmetric about Z: every blob in all n orientations.
        List<GaussianField.Blob> blobs = new ArrayList<>();
        for (int k = 0; k < n; k++) {
            blobs.addAll(cloud.moved(Similarity.rotate(Rotations.aboutZ(360.0 * k / n))).blobs());
        }
        GaussianField symmetric = new GaussianField(blobs);
        CameraRig turntable = Rings.turntable(n, elevation, size);
        double[][] first = symmetric.render(turntable.get(0));
        for (Camera c : turntable.cameras()) {
            assertTrue(GaussianField.psnr(first, symmetric.render(c)) > 50);
        }
        // A mirrored cloud seen by the mirrored camera is the flipped picture.
        Camera c = turntable.get(n - 1).withIntrinsics(new Intrinsics(1.1 * size, size, 0.3 * size, 0.6 * size, size, size + 1));
        double[][] picture = cloud.render(c);
        double[][] mirrored = cloud.mirrored().render(new ImageOperation.FlipHorizontal().apply(c));
        for (int y = 0; y < picture.length; y++) {
            for (int x = 0; x < size; x++) {
                near(picture[y][x], mirrored[y][size - 1 - x], 10);
            }
        }
    }

    @Property
    void c70_scalingWorldAndCamerasKeepsThePicture(@ForAll("clouds") GaussianField cloud, @ForAll SphericalPosition position,
            @ForAll Similarity world, @ForAll @IntRange(min = 2, max = 10) int size) {
        SphericalPosition usual = new SphericalPosition(2.7, position.elevationDegrees(), position.azimuth());
        Camera c = Camera.orbit(Intrinsics.standard(size), usual);
        double[][] before = cloud.render(c);
        double[][] scaled = cloud.moved(Similarity.scale(world.scale())).render(Similarity.scale(world.scale()).apply(c));
        double[][] moved = cloud.moved(world).render(world.apply(c));
        for (int y = 0; y < size; y++) {
            for (int x = 0; x < size; x++) {
                near(before[y][x], scaled[y][x], 10);
                // A shifted world carries its offset's rounding into the covariances' ratio of 100.
                near(before[y][x], moved[y][x], 1000 * (1 + world.translation().getNorm() / world.scale()));
            }
        }
    }
}
