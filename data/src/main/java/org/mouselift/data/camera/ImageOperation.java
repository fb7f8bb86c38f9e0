package org.mouselift.data.camera;

import org.apache.commons.math3.geometry.euclidean.threed.Vector3D;

/**
 * What can be done to a picture, together with what it does to the camera (mouse specification §4.8, C-19 … C-29), in
 * edge coordinates: for every world point X in front of the camera,
 * {@code apply(camera).project(world(X)) = pixel(camera.project(X))}.
 */
public sealed interface ImageOperation {
    /** The camera that belongs to the changed picture. */
    Camera apply(Camera camera);

    /** Where pixel (u, v) of a picture with these intrinsics goes. */
    Homography.Pixel pixel(Intrinsics before, double u, double v);

    /** The world that the changed picture shows: the same one, except for mirror images. */
    default Vector3D world(Vector3D point) {
        return point;
    }

    /** Resampling to {@code width × height}: everything scales with the size, the two axes separately. */
    record Resize(int width, int height) implements ImageOperation {
        @Override
        public Camera apply(Camera c) {
            return c.withIntrinsics(c.intrinsics().resize(width, height));
        }

        @Override
        public Homography.Pixel pixel(Intrinsics k, double u, double v) {
            return new Homography.Pixel(u * ((double) width / k.width()), v * ((double) height / k.height()));
        }
    }

    /** The window with corner (ox, oy); negative offsets and larger sizes pad. */
    record Crop(double ox, double oy, int width, int height) implements ImageOperation {
        @Override
        public Camera apply(Camera c) {
            return c.withIntrinsics(c.intrinsics().crop(ox, oy, width, height));
        }

        @Override
        public Homography.Pixel pixel(Intrinsics k, double u, double v) {
            return new Homography.Pixel(u - ox, v - oy);
        }
    }

    /**
     * Scaling and shifting given in index coordinates, {@code x' = sx·x + tx} with 0 at the centre of the first pixel, as
     * image libraries use it: {@code cx' = sx·cx + tx + 0.5·(1−sx)}. The new image has {@code width × height} pixels.
     */
    record IndexAffine(double sx, double sy, double tx, double ty, int width, int height) implements ImageOperation {
        public IndexAffine {
            if (!(sx > 0 && sy > 0)) {
                throw new CameraException(null, "affine: scale", "is " + sx + ", " + sy,
                        "give positive scales; use a flip to mirror");
            }
        }

        @Override
        public Camera apply(Camera c) {
            Intrinsics k = c.intrinsics();
            return c.withIntrinsics(new Intrinsics(sx * k.fx(), sy * k.fy(), sx * k.cx() + tx + 0.5 * (1 - sx),
                    sy * k.cy() + ty + 0.5 * (1 - sy), width, height));
        }

        @Override
        public Homography.Pixel pixel(Intrinsics k, double u, double v) {
            return new Homography.Pixel(sx * (u - 0.5) + tx + 0.5, sy * (v - 0.5) + ty + 0.5);
        }
    }

    /** Left and right exchanged: the proper camera of the world mirrored in x. */
    record FlipHorizontal() implements ImageOperation {
        private static final Mat3 MIRROR = Mat3.diagonal(-1, 1, 1);

        @Override
        public Camera apply(Camera c) {
            Intrinsics k = c.intrinsics();
            return new Camera(new Intrinsics(k.fx(), k.fy(), k.width() - k.cx(), k.cy(), k.width(), k.height()),
                    mirrored(c.pose(), MIRROR));
        }

        @Override
        public Homography.Pixel pixel(Intrinsics k, double u, double v) {
            return new Homography.Pixel(k.width() - u, v);
        }

        @Override
        public Vector3D world(Vector3D p) {
            return MIRROR.times(p);
        }
    }

    /** Top and bottom exchanged: the proper camera of the world mirrored in y. */
    record FlipVertical() implements ImageOperation {
        private static final Mat3 MIRROR = Mat3.diagonal(1, -1, 1);

        @Override
        public Camera apply(Camera c) {
            Intrinsics k = c.intrinsics();
            return new Camera(new Intrinsics(k.fx(), k.fy(), k.cx(), k.height() - k.cy(), k.width(), k.height()),
                    mirrored(c.pose(), MIRROR));
        }

        @Override
        public Homography.Pixel pixel(Intrinsics k, double u, double v) {
            return new Homography.Pixel(u, k.height() - v);
        }

        @Override
        public Vector3D world(Vector3D p) {
            return MIRROR.times(p);
        }
    }

    /** {@code R' = M·R·M}, {@code t' = M·t}, {@code C' = M·C}: a proper rotation again. */
    private static Pose mirrored(Pose p, Mat3 m) {
        return Pose.of(m.times(p.rotation()).times(m), m.times(p.translation()), m.times(p.axes()).times(m), m.times(p.center()));
    }

    /**
     * The picture turned about its centre, clockwise as seen (v points down), size kept: the camera rolls the other way.
     * Needs square pixels.
     */
    record Rotate(double degrees) implements ImageOperation {
        @Override
        public Camera apply(Camera c) {
            Intrinsics k = c.intrinsics();
            if (k.fx() != k.fy()) {
                throw new CameraException(null, "rotate by " + degrees + "°", "needs square pixels, got fx " + k.fx()
                        + ", fy " + k.fy(), "resize the picture to equal focal lengths first");
            }
            Homography.Pixel center = pixel(k, k.cx(), k.cy());
            return new Camera(new Intrinsics(k.fx(), k.fy(), center.u(), center.v(), k.width(), k.height()),
                    rolled(c.pose(), Rotations.aboutZ(degrees)));
        }

        @Override
        public Homography.Pixel pixel(Intrinsics k, double u, double v) {
            double mu = k.width() / 2.0;
            double mv = k.height() / 2.0;
            Vector3D d = Rotations.aboutZ(degrees).times(new Vector3D(u - mu, v - mv, 0));
            return new Homography.Pixel(d.getX() + mu, d.getY() + mv);
        }
    }

    /** A quarter turn clockwise as seen: width and height, fx and fy change places. */
    record QuarterTurn() implements ImageOperation {
        @Override
        public Camera apply(Camera c) {
            Intrinsics k = c.intrinsics();
            return new Camera(new Intrinsics(k.fy(), k.fx(), k.height() - k.cy(), k.cx(), k.height(), k.width()),
                    rolled(c.pose(), Rotations.aboutZ(90)));
        }

        @Override
        public Homography.Pixel pixel(Intrinsics k, double u, double v) {
            return new Homography.Pixel(k.height() - v, u);
        }
    }

    private static Pose rolled(Pose p, Mat3 roll) {
        return Pose.of(roll.times(p.rotation()), roll.times(p.translation()), p.axes().times(roll.transpose()), p.center());
    }
}
