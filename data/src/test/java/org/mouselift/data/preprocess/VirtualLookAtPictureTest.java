package org.mouselift.data.preprocess;

import static org.junit.jupiter.api.Assertions.assertTrue;

import org.apache.commons.math3.geometry.euclidean.threed.Vector3D;
import org.junit.jupiter.api.Test;
import org.mouselift.data.camera.Camera;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.camera.Homography;
import org.mouselift.data.camera.Intrinsics;
import org.mouselift.data.camera.Pose;
import org.mouselift.data.camera.Ray;
import org.mouselift.data.camera.RigCatalog;
import org.mouselift.data.image.Image8;
import org.mouselift.data.synth.SynthMouse;

/** A picture warped into a camera that was turned about its centre is what that camera sees (mouse specification §4.6, F-044). */
class VirtualLookAtPictureTest {
    private static final int SIZE = 256;
    private static final int SAMPLES = 4;

    /** A floor of squares with soft edges, without end. */
    private static double floor(Vector3D p) {
        return 0.5 + 0.5 * Math.tanh(3 * Math.sin(7 * p.getX()) * Math.sin(7 * p.getY()));
    }

    private static Image8 seen(Camera c) {
        int w = c.intrinsics().width();
        int h = c.intrinsics().height();
        Image8 out = Image8.blank(w, h, 4);
        for (int i = 0; i < w * h; i++) {
            double sum = 0;
            for (int s = 0; s < SAMPLES * SAMPLES; s++) {
                Ray ray = c.ray(i % w + (s % SAMPLES + 0.5) / SAMPLES, i / w + (s / SAMPLES + 0.5) / SAMPLES);
                double along = -ray.origin().getZ() / ray.direction().getZ();
                sum += along > 0 ? floor(ray.origin().add(ray.direction().scalarMultiply(along))) : 0.5;
            }
            java.util.Arrays.fill(out.data(), 4 * i, 4 * i + 3, (byte) Math.round(255 * sum / SAMPLES / SAMPLES));
            out.data()[4 * i + 3] = (byte) 255;
        }
        return out;
    }

    private static double psnr(Image8 a, Image8 b) {
        double sum = 0;
        int n = 0;
        for (int i = 0; i < SIZE * SIZE; i++) {
            // Where the warp found the whole neighbourhood of a pixel in the source.
            if ((a.data()[4 * i + 3] & 0xFF) == 255) {
                double d = (a.data()[4 * i] & 0xFF) - (b.data()[4 * i] & 0xFF);
                sum += d * d;
                n++;
            }
        }
        assertTrue(n > SIZE * SIZE / 2, n + " pixels are common");
        return 10 * Math.log10(255.0 * 255 * n / sum);
    }

    @Test
    void aWarpedChessboardIsTheChessboardSeenDirectly() {
        CameraRig rig = new CameraRig("steep", SynthMouse.resized(RigCatalog.named("mouse6"), 2 * SIZE).cameras());
        for (int i : new int[] {4, 5}) {
            Camera from = rig.get(i);
            Camera to = from.withPose(Pose.lookAt(from.center(), new Vector3D(0.08, -0.06, 0.02))).withIntrinsics(Intrinsics.standard(SIZE).crop(0, 0, SIZE, SIZE));
            to = to.withIntrinsics(new Intrinsics(450, 450, SIZE / 2.0, SIZE / 2.0, SIZE, SIZE));
            double right = psnr(Resampling.homography(seen(from), Homography.turn(from, to), SIZE, SIZE), seen(to));
            assertTrue(right > 40, "camera " + i + ": " + right + " dB");
            Camera shifted = to.withIntrinsics(new Intrinsics(450, 450, SIZE / 2.0 + 1, SIZE / 2.0, SIZE, SIZE));
            double wrong = psnr(Resampling.homography(seen(from), Homography.turn(from, shifted), SIZE, SIZE), seen(to));
            assertTrue(wrong < right - 6, "one pixel off is seen: " + wrong + " dB of " + right);
        }
    }
}
