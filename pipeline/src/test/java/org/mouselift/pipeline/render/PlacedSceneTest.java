package org.mouselift.pipeline.render;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;
import org.junit.jupiter.api.Test;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.camera.Rings;
import org.mouselift.data.image.Image8;
import org.mouselift.data.ply.GaussianCloud;
import org.mouselift.engine.nn.Placement;
import org.mouselift.models.splat.NonFiniteGaussianException;
import org.mouselift.pipeline.ReplayDevice;

/** Pictures that a device draws against those of the CPU; the device here replays programs on the CPU. */
class PlacedSceneTest {
    private static final float[] WHITE = {1, 1, 1};

    private static GaussianCloud cloud(int n, int degree) {
        RandomGenerator random = RandomGeneratorFactory.of("L64X128MixRandom").create(n);
        int k = 3 * (degree + 1) * (degree + 1);
        return new GaussianCloud(n, degree, values(random, 3 * n, 0.4, 0), values(random, k * n, 0.5, 0.3), values(random, 3 * n, 0.4, -2.6), values(random, 4 * n, 1, 0),
                values(random, n, 2, 0.5));
    }

    private static float[] values(RandomGenerator random, int n, double scale, double shift) {
        float[] out = new float[n];
        for (int i = 0; i < n; i++) {
            out[i] = (float) (scale * random.nextGaussian() + shift);
        }
        return out;
    }

    @Test
    void picturesOfADeviceAreThoseOfTheCpu() {
        CameraRig small = Rings.turntable(3, 10, 2.7, 50, 37, 29);
        CameraRig large = Rings.turntable(2, 0, 2.7, 50, 48, 48);
        ReplayDevice device = new ReplayDevice();
        try (SplatScene here = new SplatScene(cloud(200, 1)); Placement placement = new Placement(device); SplatScene there = new SplatScene(cloud(200, 1))) {
            for (CameraRig rig : List.of(small, large)) {
                for (int i = 0; i < rig.size(); i++) {
                    int view = i;
                    Image8 expected = here.picture(rig.get(i), WHITE);
                    Image8 got = placement.during(() -> there.picture(rig.get(view), WHITE));
                    byte[] a = expected.data();
                    byte[] b = got.data();
                    int dark = 0;
                    for (int k = 0; k < a.length; k++) {
                        // Cameras are f32 there.
                        assertEquals(a[k] & 0xff, b[k] & 0xff, 1, "view " + i + ", byte " + k);
                        dark += (a[k] & 0xff) < 200 ? 1 : 0;
                    }
                    assertTrue(dark > a.length / 20, "the picture is empty");
                }
            }
            assertEquals(5, device.runs);
            // One program a size of picture, and nothing left of them.
            assertEquals(2, device.prepared);
            assertEquals(2, device.open);
            there.close();
            assertEquals(0, device.open);
        }
    }

    @Test
    void noGaussiansAreAnEmptyPictureAndDamagedOnesAreNamed() {
        ReplayDevice device = new ReplayDevice();
        try (Placement placement = new Placement(device); PlacedScene empty = new PlacedScene(cloud(0, 0))) {
            float[] picture = placement.during(() -> empty.over(Rings.turntable(1, 0, 2.7, 50, 5, 4).get(0), new float[] {1, 0.5f, 0}));
            float[] expected = new float[60];
            java.util.Arrays.fill(expected, 0, 20, 1);
            java.util.Arrays.fill(expected, 20, 40, 0.5f);
            assertArrayEquals(expected, picture);
            GaussianCloud bad = cloud(7, 0);
            bad.rotation()[4 * 5 + 2] = Float.NaN;
            String message = assertThrows(NonFiniteGaussianException.class, () -> new PlacedScene(bad)).getMessage();
            assertTrue(message.contains("Gaussian 5 has quaternions[2]"), message);
        }
    }
}
