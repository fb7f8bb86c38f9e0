package org.mouselift.tests.camera;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.mouselift.tests.camera.Near.near;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collections;
import java.util.List;
import java.util.Random;
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
import org.apache.commons.math3.linear.SingularValueDecomposition;
import org.mouselift.data.camera.Camera;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.camera.EpipolarGeometry;
import org.mouselift.data.camera.Intrinsics;
import org.mouselift.data.camera.Mat3;
import org.mouselift.data.camera.NerfTransforms;
import org.mouselift.data.camera.OpencvCameraFile;
import org.mouselift.data.camera.Pose;
import org.mouselift.data.camera.Projection;
import org.mouselift.data.camera.Ray;
import org.mouselift.data.camera.Triangulation;
import org.mouselift.data.camera.VisualHull;
import org.mouselift.tests.camera.CameraDomain.Point;
import org.mouselift.tests.camera.CameraDomain.SoundRig;

/** Camera invariants C-66 … C-68 and C-71: several views, and cameras in files. */
@Domain(CameraDomain.class)
@Domain(DomainContext.Global.class)
@PropertyDefaults(tries = 1000, generation = GenerationMode.RANDOMIZED, edgeCases = EdgeCasesMode.NONE)
class MultiViewInvariantsTest {
    @Property
    void c66_fundamentalMatrix(@ForAll Camera a, @ForAll Camera b, @ForAll Point x) {
        Assume.that(a.center().distance(b.center()) > 0.01);
        Mat3 f = EpipolarGeometry.of(a, b).fundamental();
        // Homogeneous pixels K·x_cam: no division, so that points behind a camera count as well.
        Vector3D x1 = a.intrinsics().matrix().times(a.pose().toCamera(x.vector()));
        Vector3D x2 = b.intrinsics().matrix().times(b.pose().toCamera(x.vector()));
        near(0, x2.dotProduct(f.times(x1)), magnitude(a, x1, b, x2));
        double[] singular = new SingularValueDecomposition(f.toRealMatrix()).getSingularValues();
        assertTrue(singular[2] <= 1e-9 * singular[0], "rank 2");
        assertTrue(singular[1] > 0, "not rank 1");
        Mat3 back = EpipolarGeometry.of(b, a).fundamental();
        assertEquals(0, back.maxAbsDifference(f.transpose()), 1e-9 * Math.max(f.maxAbs(), back.maxAbs()));
        // The epipoles are the projected centres.
        Vector3D e1 = a.intrinsics().matrix().times(a.pose().toCamera(b.center()));
        Vector3D e2 = b.intrinsics().matrix().times(b.pose().toCamera(a.center()));
        assertTrue(f.times(e1).getNorm() <= 1e-9 * f.maxAbs() * e1.getNorm());
        assertTrue(f.transpose().times(e2).getNorm() <= 1e-9 * f.maxAbs() * e2.getNorm());
    }

    /**
     * The natural size of {@code x2ᵀ·F·x1 = (K2⁻¹·x2)ᵀ·[t]×·R·(K1⁻¹·x1)}: both pixels as directions and the places that t is the difference of.
     * The terms of the product itself may all vanish, where point and centres lie on a line.
     */
    static double magnitude(Camera first, Vector3D x1, Camera second, Vector3D x2) {
        return direction(second, x2) * (first.center().getNorm() + second.center().getNorm()) * direction(first, x1);
    }

    /** The length of K⁻¹·x, of absolute values. */
    private static double direction(Camera camera, Vector3D x) {
        Intrinsics k = camera.intrinsics();
        double w = Math.abs(x.getZ());
        return new Vector3D((Math.abs(x.getX()) + Math.abs(k.cx()) * w) / k.fx(), (Math.abs(x.getY()) + Math.abs(k.cy()) * w) / k.fy(), w).getNorm();
    }

    @Property
    void c67_triangulation(@ForAll SoundRig sound, @ForAll Point x, @ForAll @IntRange(max = 1000) int seed) {
        Vector3D point = x.vector().scalarMultiply(0.15);
        List<Ray> rays = new ArrayList<>();
        for (Camera c : sound.rig().cameras()) {
            Projection p = c.project(point);
            rays.add(c.ray(p.u(), p.v()));
        }
        Vector3D all = Triangulation.of(rays).point();
        assertTrue(all.distance(point) <= 1e-8, () -> all + " instead of " + point);
        List<Ray> shuffled = new ArrayList<>(rays);
        Collections.shuffle(shuffled, new Random(seed));
        assertTrue(Triangulation.of(shuffled).point().distance(all) <= 1e-8);
        double sine = rays.get(0).direction().crossProduct(rays.get(1).direction()).getNorm();
        if (sine > 0.01) {
            Vector3D two = Triangulation.of(rays.subList(0, 2)).point();
            assertTrue(two.distance(point) <= 1e-8, () -> two + " instead of " + point);
        }
    }

    @Property
    void c68_visualHullContainsTheSphereAndShrinks(@ForAll SoundRig sound, @ForAll Point offset, @ForAll @DoubleRange(min = 0.1, max = 0.5) @Scale(6) double radius) {
        Vector3D center = offset.vector().scalarMultiply(0.05);
        List<VisualHull.View> views = new ArrayList<>();
        BitSet before = null;
        int n = 7;
        double half = 0.8;
        for (Camera c : sound.rig().cameras()) {
            // Wide enough that the whole sphere is in the image.
            Camera wide = c.withIntrinsics(new Intrinsics(200, 200, 256, 256, 512, 512));
            views.add(new VisualHull.View(wide, (u, v) -> wide.ray(u, v).distance(center) <= radius * (1 + 1e-9)));
            BitSet hull = new VisualHull(views).carve(n, half);
            if (before != null) {
                BitSet added = (BitSet) hull.clone();
                added.andNot(before);
                assertTrue(added.isEmpty(), "a view can only remove voxels");
            }
            before = hull;
        }
        BitSet hull = before;
        for (int i = 0; i < n * n * n; i++) {
            Vector3D voxel = VisualHull.voxel(n, half, i % n, i / n % n, i / (n * n));
            if (voxel.distance(center) <= radius) {
                assertTrue(hull.get(i), () -> "lost " + voxel);
            }
        }
        // And it is no larger than the cone of each view.
        for (VisualHull.View v : views) {
            for (int i = hull.nextSetBit(0); i >= 0; i = hull.nextSetBit(i + 1)) {
                Vector3D voxel = VisualHull.voxel(n, half, i % n, i / n % n, i / (n * n));
                assertTrue(new Ray(v.camera().center(), voxel.subtract(v.camera().center()).normalize()).distance(center) <= radius * (1 + 1e-6));
            }
        }
    }

    private static final ObjectMapper MAPPER = new ObjectMapper();
    private static final Path ANY = Path.of("opencv_cameras.json");

    @Property
    void c71_jsonIsBitExactAndFieldOrderIrrelevant(@ForAll Camera a, @ForAll SoundRig sound, @ForAll @DoubleRange(min = -1e6, max = 1e6) @Scale(9) double odd,
            @ForAll @IntRange(max = 1000) int seed) throws IOException {
        List<Camera> cameras = new ArrayList<>(sound.rig().cameras());
        cameras.add(a);
        // Awkward doubles: subnormal, next to a power of two, negative zero, many digits.
        cameras.add(a.withPose(Pose.worldToCamera(a.pose().rotation(), new Vector3D(Double.MIN_VALUE * seed, -0.0, Math.nextUp(odd / 3)))));
        OpencvCameraFile file = OpencvCameraFile.ofRig(new CameraRig("rig", cameras)).with("note", MAPPER.createObjectNode().put("value", odd / 7));
        OpencvCameraFile back = OpencvCameraFile.parse(file.toBytes(), ANY, OpencvCameraFile.Options.RIG.withCameras(cameras.size()));
        assertArrayEquals(file.toBytes(), back.toBytes());
        assertEquals(file.extra(), back.extra());
        for (int i = 0; i < cameras.size(); i++) {
            assertEquals(cameras.get(i).pose().translation(), back.frames().get(i).camera().pose().translation());
            assertEquals(cameras.get(i).pose().rotation(), back.frames().get(i).camera().pose().rotation());
            assertEquals(cameras.get(i).intrinsics(), back.frames().get(i).camera().intrinsics());
        }
        JsonNode shuffled = shuffle(MAPPER.readTree(file.toBytes()), new Random(seed));
        assertEquals(back, OpencvCameraFile.parse(MAPPER.writeValueAsBytes(shuffled), ANY, OpencvCameraFile.Options.RIG));
        // The NeRF format: centres and intrinsics are bit-exact, too.
        CameraRig nerf = NerfTransforms.parse(NerfTransforms.ofRig(sound.rig()).toBytes(), ANY).rig("rig");
        for (int i = 0; i < nerf.size(); i++) {
            assertEquals(sound.rig().get(i).center(), nerf.get(i).center());
            assertEquals(sound.rig().get(i).intrinsics(), nerf.get(i).intrinsics());
            near(sound.rig().get(i).pose(), nerf.get(i).pose());
        }
    }

    private static JsonNode shuffle(JsonNode node, Random random) {
        if (node instanceof ArrayNode array) {
            ArrayNode out = MAPPER.createArrayNode();
            array.forEach(e -> out.add(shuffle(e, random)));
            return out;
        }
        if (node instanceof ObjectNode object) {
            List<String> keys = new ArrayList<>();
            object.fieldNames().forEachRemaining(keys::add);
            Collections.shuffle(keys, random);
            ObjectNode out = MAPPER.createObjectNode();
            keys.forEach(k -> out.set(k, shuffle(object.get(k), random)));
            return out;
        }
        return node;
    }
}
