package org.mouselift.pipeline.bench;

import java.util.ArrayList;
import java.util.List;
import org.apache.commons.math3.geometry.euclidean.threed.Vector3D;
import org.mouselift.data.camera.Azimuth;
import org.mouselift.data.camera.Camera;
import org.mouselift.data.camera.Intrinsics;
import org.mouselift.data.camera.Ray;
import org.mouselift.data.camera.Rings;
import org.mouselift.data.synth.MouseView;
import org.mouselift.data.synth.SynthMouse;
import org.mouselift.engine.Philox;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.cpu.Workers;
import org.mouselift.models.splat.SphericalHarmonics;

/**
 * Gaussians as GS-LRM makes them of pictures of one mouse: one a pixel, on the pixel's ray, in the order of the network's
 * output (GS-LRM specification §1.10 to §1.12), the same numbers in every run. Pictures are taken from a ring of cameras that
 * see the mouse large, about as much of the picture as a portrait has.
 *
 * @param gaussians centres [N,3], colour [N,1,3], logarithms of scales [N,3], quaternions [N,4], opacity logits [N,1]
 * @param inFront how many of them are on the mouse, the others belong to pixels of the background
 */
record PixelAlignedScene(List<Tensor> gaussians, int inFront) {
    private static final double FIELD_OF_VIEW = 28;
    private static final int PATCH = 8;
    /** Elevations of cameras that take no input picture, degrees. */
    private static final double[] ELEVATIONS = {12, -10, 40, 5, 30, -5, 20, 0};

    /** What stage of a training the network is at. */
    enum Stage {
        /**
         * Drawn after networks that have learnt: on the mouse, discs along the surface about as large as the pixel, half of them
         * nearly opaque, off the true depth by two pixels; of the background one in six above 1/255, as haze about the mouse.
         */
        TRAINED,
        /** A network as it is initialised: raw outputs near 0, so that all are large and pale on a shell about the origin. */
        UNTRAINED
    }

    /**
     * @param views input pictures, on a ring
     * @param side their width and height
     */
    static PixelAlignedScene of(Stage stage, int views, int side) {
        int n = Math.multiplyExact(views, Math.multiplyExact(side, side));
        Operands a = new Operands(n);
        SynthMouse mouse = SynthMouse.of(7, 3);
        List<Camera> cameras = new ArrayList<>();
        for (int v = 0; v < views; v++) {
            cameras.add(camera(side, 0, 360.0 * v / views));
        }
        List<MouseView> pictures = mouse.render(cameras);
        int[] inFront = new int[views];
        Workers.each(views, (worker, v) -> {
            Philox random = new Philox(20, v);
            for (int y = 0; y < side; y++) {
                for (int x = 0; x < side; x++) {
                    int at = v * side * side + place(x, y, side);
                    float depth = pictures.get(v).depth()[y * side + x];
                    if (stage == Stage.UNTRAINED) {
                        a.untrained(at, cameras.get(v).ray(x + 0.5, y + 0.5), random);
                    } else if (depth > 0) {
                        a.surface(at, cameras.get(v), pictures.get(v), x, y, random);
                        inFront[v]++;
                    } else {
                        a.haze(at, cameras.get(v), x, y, random);
                    }
                }
            }
        });
        int sum = 0;
        for (int count : inFront) {
            sum += count;
        }
        return new PixelAlignedScene(List.of(Tensor.of(a.xyz, n, 3), Tensor.of(a.colour, n, 1, 3), Tensor.of(a.scale, n, 3), Tensor.of(a.rotation, n, 4),
                Tensor.of(a.opacity, n, 1)), sum);
    }

    /** Cameras between those of the pictures, at other elevations. */
    static List<Camera> between(int count, int side) {
        List<Camera> out = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            out.add(camera(side, ELEVATIONS[i % ELEVATIONS.length], 25 + 360.0 * i / count));
        }
        return out;
    }

    private static Camera camera(int side, double elevation, double turn) {
        return Rings.orbit(Intrinsics.fromFov(FIELD_OF_VIEW, side, side), Rings.STANDARD_DISTANCE, elevation, Azimuth.xy(270 + turn));
    }

    /** Patch by patch; a side that is no multiple of the patch goes row by row. */
    private static int place(int x, int y, int side) {
        if (side % PATCH != 0) {
            return y * side + x;
        }
        return ((y / PATCH * (side / PATCH) + x / PATCH) * PATCH + y % PATCH) * PATCH + x % PATCH;
    }

    /** The five operands, filled Gaussian by Gaussian. */
    private static final class Operands {
        final float[] xyz, colour, scale, rotation, opacity;

        Operands(int n) {
            xyz = new float[Math.multiplyExact(3, n)];
            colour = new float[xyz.length];
            scale = new float[xyz.length];
            rotation = new float[Math.multiplyExact(4, n)];
            opacity = new float[n];
        }

        void surface(int i, Camera camera, MouseView picture, int x, int y, Philox random) {
            float[] depth = picture.depth();
            int side = picture.width();
            double z = depth[y * side + x], pixel = z / camera.intrinsics().fx();
            Vector3D centre = camera.unproject(x + 0.5, y + 0.5, z);
            Vector3D normal = normal(camera, depth, side, x, y);
            Ray ray = camera.ray(x + 0.5, y + 0.5);
            centre = centre.add(2 * pixel * random.nextGaussian(), ray.direction());
            double logPixel = Math.log(pixel);
            put(i, centre, new double[] {logPixel + 0.25 + 0.4 * random.nextGaussian(), logPixel - 0.05 + 0.4 * random.nextGaussian(),
                logPixel - 1.5 + 0.8 * random.nextGaussian()}, 0.2 + 2 * random.nextGaussian());
            turnZ(i, normal, Math.PI * random.nextDouble(), 0.5 + random.nextDouble());
            for (int c = 0; c < 3; c++) {
                double value = (picture.rgba()[4 * (y * side + x) + c] & 0xFF) / 255.0;
                colour[3 * i + c] = (float) ((value - 0.5) / SphericalHarmonics.C0 + 0.05 * random.nextGaussian());
            }
        }

        /** The quaternion that turns by an angle about z, the thin axis, and then z to the normal; of a length that is not 1, as the network's. */
        private void turnZ(int i, Vector3D normal, double half, double length) {
            double w = 1 + normal.getZ(), x = -normal.getY(), y = normal.getX(), norm = Math.sqrt(w * w + x * x + y * y);
            if (norm < 1e-6) {
                w = y = 0;
                x = norm = 1;
            }
            double c = length * Math.cos(half) / norm, s = length * Math.sin(half) / norm;
            rotation[4 * i] = (float) (w * c);
            rotation[4 * i + 1] = (float) (x * c + y * s);
            rotation[4 * i + 2] = (float) (y * c - x * s);
            rotation[4 * i + 3] = (float) (w * s);
        }

        /** Towards the camera, from the neighbours of the pixel that are on the mouse too. */
        private static Vector3D normal(Camera camera, float[] depth, int side, int x, int y) {
            Vector3D across = tangent(camera, depth, side, x, y, 1, 0), down = tangent(camera, depth, side, x, y, 0, 1);
            Vector3D n = across == null || down == null ? Vector3D.ZERO : down.crossProduct(across);
            return n.getNorm() < 1e-12 ? camera.forward().negate() : n.normalize();
        }

        private static Vector3D tangent(Camera camera, float[] depth, int side, int x, int y, int dx, int dy) {
            int ax = Math.max(0, x - dx), ay = Math.max(0, y - dy), bx = Math.min(side - 1, x + dx), by = Math.min(side - 1, y + dy);
            float a = depth[ay * side + ax], b = depth[by * side + bx];
            return a > 0 && b > 0 ? camera.unproject(bx + 0.5, by + 0.5, b).subtract(camera.unproject(ax + 0.5, ay + 0.5, a)) : null;
        }

        void haze(int i, Camera camera, int x, int y, Philox random) {
            Ray ray = camera.ray(x + 0.5, y + 0.5);
            double pixel = Rings.STANDARD_DISTANCE / camera.intrinsics().fx();
            Vector3D centre = ray.at(ray.nearestParameter() + 0.35 * random.nextGaussian());
            double size = Math.log(pixel) + 0.6;
            put(i, centre, new double[] {size + 0.6 * random.nextGaussian(), size - 0.8 + 0.6 * random.nextGaussian(), size - 2 + random.nextGaussian()},
                    -6.6 + 1.1 * random.nextGaussian());
            for (int k = 0; k < 4; k++) {
                rotation[4 * i + k] = (float) random.nextGaussian();
            }
            for (int c = 0; c < 3; c++) {
                colour[3 * i + c] = (float) (1.5 + 0.3 * random.nextGaussian());
            }
        }

        void untrained(int i, Ray ray, Philox random) {
            double shift = 0.05;
            put(i, ray.at(ray.nearestParameter() + 0.9 * shift * random.nextGaussian()), new double[] {-2.3 + shift * random.nextGaussian(),
                -2.3 + shift * random.nextGaussian(), -2.3 + shift * random.nextGaussian()}, -2 + shift * random.nextGaussian());
            for (int k = 0; k < 4; k++) {
                rotation[4 * i + k] = (float) (shift * random.nextGaussian());
            }
            for (int c = 0; c < 3; c++) {
                colour[3 * i + c] = (float) (shift * random.nextGaussian());
            }
        }

        private void put(int i, Vector3D centre, double[] logScale, double logit) {
            xyz[3 * i] = (float) centre.getX();
            xyz[3 * i + 1] = (float) centre.getY();
            xyz[3 * i + 2] = (float) centre.getZ();
            for (int k = 0; k < 3; k++) {
                scale[3 * i + k] = (float) Math.min(-1.2, logScale[k]);
            }
            opacity[i] = (float) logit;
        }
    }
}
