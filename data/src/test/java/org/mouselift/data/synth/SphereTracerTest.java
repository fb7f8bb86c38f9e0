package org.mouselift.data.synth;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.List;
import org.apache.commons.math3.geometry.euclidean.threed.Vector3D;
import org.junit.jupiter.api.Test;
import org.mouselift.data.camera.Camera;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.camera.Projection;
import org.mouselift.data.camera.Ray;
import org.mouselift.data.camera.RigCatalog;
import org.mouselift.data.camera.Rings;

class SphereTracerTest {
    private static final int SIZE = 48;

    private static List<Camera> human32(int size, int... views) {
        return SynthMouse.resized(RigCatalog.human32().select(views).cameras(), size);
    }

    /** First sign change of the distance found by steps far smaller than the thinnest part, refined by bisection. */
    private static double fineMarch(MouseShape shape, Ray ray, double from, double to) {
        double step = 1e-3;
        double before = from;
        for (double t = from; t <= to; t += step) {
            Vector3D p = ray.at(t);
            if (shape.distanceBrute(p.getX(), p.getY(), p.getZ()) < 0) {
                double lo = before;
                double hi = t;
                for (int i = 0; i < 40; i++) {
                    double mid = (lo + hi) / 2;
                    Vector3D q = ray.at(mid);
                    if (shape.distanceBrute(q.getX(), q.getY(), q.getZ()) < 0) {
                        hi = mid;
                    } else {
                        lo = mid;
                    }
                }
                return hi;
            }
            before = t;
        }
        return -1;
    }

    @Test
    void neverStepsThroughTheSurface() {
        int hits = 0;
        for (int index = 0; index < 5; index++) {
            SynthMouse mouse = SynthMouse.of(11, index);
            Camera camera = human32(20, 6 * index).get(0);
            SphereTracer tracer = new SphereTracer(mouse.shape(), mouse.parameters(), camera);
            for (int v = 0; v < 20; v++) {
                for (int u = 0; u < 20; u++) {
                    double traced = tracer.trace(u + 0.5, v + 0.5);
                    double fine = fineMarch(mouse.shape(), camera.ray(u + 0.5, v + 0.5), 1.6, 3.9);
                    if (fine >= 0) {
                        hits++;
                        assertTrue(traced >= 0, "missed a surface at pixel " + u + "," + v + " of mouse " + index);
                        assertTrue(traced <= fine + 1e-9, "passed the first surface: " + traced + " > " + fine);
                    }
                    if (traced >= 0) {
                        Vector3D p = camera.ray(u + 0.5, v + 0.5).at(traced);
                        double d = mouse.shape().distanceBrute(p.getX(), p.getY(), p.getZ());
                        assertTrue(Math.abs(d) < SphereTracer.TOLERANCE + 1e-9, "stopped " + d + " from the surface");
                    }
                }
            }
        }
        assertTrue(hits > 100, "the comparison saw " + hits + " hits");
    }

    @Test
    void depthPutsEveryPixelOnTheSurface() {
        for (int index = 20; index < 26; index++) {
            SynthMouse mouse = SynthMouse.of(3, index);
            for (Camera camera : human32(SIZE, 24, 3)) {
                MouseView view = mouse.render(camera);
                byte[] mask = view.mask();
                int solid = 0;
                for (int p = 0; p < SIZE * SIZE; p++) {
                    assertEquals((view.rgba()[4 * p + 3] & 0xFF) > 127, mask[p] != 0);
                    if (view.depth()[p] > 0) {
                        Vector3D x = camera.unproject(p % SIZE + 0.5, p / SIZE + 0.5, view.depth()[p]);
                        double d = mouse.shape().distanceBrute(x.getX(), x.getY(), x.getZ());
                        assertEquals(0, d, SphereTracer.TOLERANCE + 1e-6);
                        assertTrue((view.rgba()[4 * p + 3] & 0xFF) > 0, "a pixel whose centre is covered has alpha");
                        solid++;
                    }
                    if (view.rgba()[4 * p + 3] == 0) {
                        assertEquals(0, view.rgba()[4 * p] | view.rgba()[4 * p + 1] | view.rgba()[4 * p + 2]);
                    }
                }
                assertTrue(solid > 60, "the mouse covers " + solid + " pixels");
            }
        }
    }

    @Test
    void twoViewsAgree() {
        SynthMouse mouse = SynthMouse.of(5, 7);
        List<Camera> cameras = human32(96, 24, 26, 28, 22);
        List<MouseView> views = mouse.render(cameras);
        Camera a = cameras.get(0);
        int seen = 0;
        int compared = 0;
        double colour = 0;
        for (int other = 1; other < cameras.size(); other++) {
            Camera b = cameras.get(other);
            for (int p = 0; p < 96 * 96; p++) {
                float depth = views.get(0).depth()[p];
                if (depth == 0) {
                    continue;
                }
                Vector3D x = a.unproject(p % 96 + 0.5, p / 96 + 0.5, depth);
                Projection q = b.project(x);
                SphereTracer tracer = new SphereTracer(mouse.shape(), mouse.parameters(), b);
                double t = tracer.trace(q.u(), q.v());
                assertTrue(t >= 0, "the ray of B through a surface point of A hits something");
                Vector3D hit = b.ray(q.u(), q.v()).at(t);
                double along = b.project(hit).depth();
                // B sees the point itself or something in front of it, never something behind.
                assertTrue(along <= q.depth() + 2e-3, "B looks through the surface: " + along + " > " + q.depth());
                compared++;
                if (hit.distance(x) < 3e-3) {
                    seen++;
                    int at = 4 * ((int) q.v() * 96 + (int) q.u());
                    colour += Math.abs((views.get(other).rgba()[at + 1] & 0xFF) - (views.get(0).rgba()[4 * p + 1] & 0xFF));
                }
            }
        }
        assertTrue(seen > compared / 3, seen + " of " + compared + " points seen by both");
        // Shading does not depend on the view: what differs is the position within a pixel.
        assertTrue(colour / seen < 6, "mean colour difference " + colour / seen);
    }

    @Test
    void everySilhouetteStaysInsideTheFrame() {
        CameraRig[] rigs = {RigCatalog.human32().select(0, 5, 10, 16, 21, 24, 29), RigCatalog.human6(),
            Rings.turntable(4, -10, SIZE), Rings.turntable(4, 40, SIZE)};
        for (int index = 0; index < 60; index++) {
            SynthMouse mouse = SynthMouse.of(MouseParameters.sample(77, index, index % 2 == 0 ? 0 : 180));
            Camera camera = SynthMouse.resized(rigs[index % 4], SIZE).get(index % rigs[index % 4].size());
            MouseView view = mouse.render(camera);
            int covered = 0;
            for (int p = 0; p < SIZE * SIZE; p++) {
                int u = p % SIZE;
                int v = p / SIZE;
                int alpha = view.rgba()[4 * p + 3] & 0xFF;
                covered += alpha > 127 ? 1 : 0;
                if (u == 0 || v == 0 || u == SIZE - 1 || v == SIZE - 1) {
                    assertEquals(0, alpha, "mouse " + index + " touches the frame");
                }
            }
            assertTrue(covered > 0.02 * SIZE * SIZE, "mouse " + index + " is too small: " + covered);
        }
    }

    @Test
    void alphaIsCoverage() {
        SynthMouse mouse = SynthMouse.of(9, 2);
        MouseView coarse = mouse.render(human32(32, 27).get(0));
        MouseView fine = mouse.render(human32(512, 27).get(0));
        double worst = 0;
        double sum = 0;
        for (int p = 0; p < 32 * 32; p++) {
            double area = 0;
            for (int i = 0; i < 256; i++) {
                int u = p % 32 * 16 + i % 16;
                int v = p / 32 * 16 + i / 16;
                area += (fine.rgba()[4 * (v * 512 + u) + 3] & 0xFF) / 255.0 / 256;
            }
            double error = Math.abs(area - (coarse.rgba()[4 * p + 3] & 0xFF) / 255.0);
            worst = Math.max(worst, error);
            sum += error;
        }
        // Eight samples on eight rows and columns: an edge may lie wrongly to two of them, a tail thinner than the pixel to three.
        assertTrue(worst <= 0.38, "worst coverage error " + worst);
        assertTrue(sum / (32 * 32) < 0.01, "mean coverage error " + sum / (32 * 32));
    }

    @Test
    void theSameSeedAndIndexGiveTheSameMouse() {
        List<Camera> cameras = RigCatalog.human6().cameras();
        List<MouseView> first = SynthMouse.render(42, 13, cameras, 40);
        List<MouseView> again = SynthMouse.render(42, 13, cameras, 40);
        for (int i = 0; i < cameras.size(); i++) {
            assertArrayEquals(first.get(i).rgba(), again.get(i).rgba());
            assertArrayEquals(first.get(i).depth(), again.get(i).depth());
            // The parallel call gives what a single thread gives.
            assertArrayEquals(first.get(i).rgba(), SynthMouse.of(42, 13).render(SynthMouse.resized(cameras, 40).get(i)).rgba());
        }
        assertFalse(Arrays.equals(first.get(0).rgba(), SynthMouse.render(42, 14, cameras, 40).get(0).rgba()));
        assertFalse(Arrays.equals(first.get(0).rgba(), SynthMouse.render(43, 13, cameras, 40).get(0).rgba()));
    }
}
