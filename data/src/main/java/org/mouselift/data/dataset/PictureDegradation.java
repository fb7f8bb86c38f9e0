package org.mouselift.data.dataset;

import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Arrays;
import java.util.SplittableRandom;
import javax.imageio.IIOImage;
import javax.imageio.ImageIO;
import javax.imageio.ImageWriteParam;
import javax.imageio.ImageWriter;
import javax.imageio.stream.ImageOutputStream;
import javax.imageio.stream.MemoryCacheImageOutputStream;
import org.apache.commons.math3.geometry.euclidean.threed.Vector3D;
import org.mouselift.data.camera.Camera;
import org.mouselift.data.camera.Mat3;
import org.mouselift.data.camera.Pose;
import org.mouselift.data.camera.Rotations;
import org.mouselift.data.image.Image8;
import org.mouselift.data.image.ImageFormatException;
import org.mouselift.data.image.ImageLimits;
import org.mouselift.data.image.Images;

/**
 * What real pictures have and rendered ones lack (mouse specification §8, K-71), drawn anew for every view: one camera's colours, a soft lens, sensor
 * noise, compression, a mask that is too large or too small, and a pose that is a little off. Each strength is uniform within its range.
 *
 * @param gain       range {low, high} of the factor of each colour channel
 * @param blur       range of the standard deviation of a Gaussian blur, pixels
 * @param noise      range of the standard deviation of the noise, grey levels
 * @param jpeg       range of the JPEG quality, 1 to 100; {100, 100} is no compression at all
 * @param maskShift  the mask grows or shrinks by up to so many pixels
 * @param poseJitter standard deviation of a turn of the camera about its own centre, degrees
 */
public record PictureDegradation(float[] gain, float[] blur, float[] noise, float[] jpeg, int maskShift, double poseJitter) {
    /** Pictures and cameras as they are. */
    public static final PictureDegradation NONE = new PictureDegradation(new float[] {1, 1}, new float[2], new float[2], new float[] {100, 100}, 0, 0);
    private static final int WITHOUT = 100;

    public PictureDegradation {
        gain = range("gain", gain, 0, 10);
        blur = range("blur", blur, 0, 50);
        noise = range("noise", noise, 0, 255);
        jpeg = range("jpeg", jpeg, 1, 100);
        if (maskShift < 0 || maskShift > 64 || !(poseJitter >= 0 && poseJitter <= 45)) {
            throw new IllegalArgumentException("degradation: mask shift " + maskShift + " pixels, pose jitter " + poseJitter + " degrees; expected 0 to 64 and 0 to 45");
        }
    }

    private static float[] range(String name, float[] range, float least, float most) {
        if (range.length != 2 || !(range[0] >= least && range[0] <= range[1] && range[1] <= most)) {
            throw new IllegalArgumentException("degradation: " + name + " " + Arrays.toString(range) + ", expected [low, high] with " + least + " <= low <= high <= " + most);
        }
        return range.clone();
    }

    /** Whether anything changes. */
    public boolean changes() {
        return gain[0] != 1 || gain[1] != 1 || blur[1] > 0 || noise[1] > 0 || jpeg[0] < WITHOUT || maskShift > 0 || poseJitter > 0;
    }

    /** One view, RGB or RGBA. Colours outside the mask change as those inside. */
    public Image8 apply(Image8 image, SplittableRandom random) {
        int w = image.width();
        int h = image.height();
        float[][] planes = new float[3][w * h];
        int channels = image.channels();
        if (channels < 3) {
            throw new IllegalArgumentException("degradation: needs RGB or RGBA, got " + channels + " channels");
        }
        for (int c = 0; c < 3; c++) {
            float factor = uniform(gain, random);
            for (int i = 0; i < w * h; i++) {
                planes[c][i] = factor * (image.data()[channels * i + c] & 0xFF);
            }
        }
        float sigma = uniform(blur, random);
        float deviation = uniform(noise, random);
        for (float[] plane : planes) {
            if (sigma > 0.05f) {
                blurred(plane, w, h, sigma);
            }
            for (int i = 0; deviation > 0 && i < plane.length; i++) {
                plane[i] += (float) (deviation * random.nextGaussian());
            }
        }
        byte[] rgb = new byte[3 * w * h];
        for (int i = 0; i < rgb.length; i++) {
            rgb[i] = (byte) Math.clamp(Math.round(planes[i % 3][i / 3]), 0, 255);
        }
        Image8 out = new Image8(w, h, 3, rgb);
        int quality = Math.round(uniform(jpeg, random));
        out = quality < WITHOUT ? compressed(out, quality) : out;
        if (!image.hasAlpha()) {
            return out;
        }
        int shift = maskShift == 0 ? 0 : random.nextInt(-maskShift, maskShift + 1);
        byte[] alpha = moved(image.channel(channels - 1).data(), w, h, shift);
        Image8 rgba = out.toRgba();
        for (int i = 0; i < w * h; i++) {
            rgba.data()[4 * i + 3] = alpha[i];
        }
        return rgba;
    }

    /** The camera turned about its centre by a random axis. */
    public Camera apply(Camera camera, SplittableRandom random) {
        if (poseJitter == 0) {
            return camera;
        }
        Vector3D axis = new Vector3D(random.nextGaussian(), random.nextGaussian(), random.nextGaussian());
        Mat3 turn = Rotations.aboutAxis(axis.normalize(), Math.toRadians(poseJitter * random.nextGaussian()));
        Pose p = camera.pose();
        return camera.withPose(Pose.worldToCamera(turn.times(p.rotation()), turn.times(p.translation())));
    }

    private static float uniform(float[] range, SplittableRandom random) {
        return range[0] == range[1] ? range[0] : (float) random.nextDouble(range[0], range[1]);
    }

    /** Gaussian, three deviations wide, along both axes; the border repeated. */
    private static void blurred(float[] plane, int w, int h, float sigma) {
        int reach = (int) Math.ceil(3 * sigma);
        float[] weights = new float[2 * reach + 1];
        float sum = 0;
        for (int k = -reach; k <= reach; k++) {
            weights[k + reach] = (float) Math.exp(-0.5 * k * k / (sigma * sigma));
            sum += weights[k + reach];
        }
        float[] rows = new float[plane.length];
        for (int y = 0; y < h; y++) {
            for (int x = 0; x < w; x++) {
                for (int k = -reach; k <= reach; k++) {
                    rows[y * w + x] += weights[k + reach] / sum * plane[y * w + Math.clamp(x + k, 0, w - 1)];
                }
            }
        }
        for (int y = 0; y < h; y++) {
            for (int x = 0; x < w; x++) {
                float v = 0;
                for (int k = -reach; k <= reach; k++) {
                    v += weights[k + reach] / sum * rows[Math.clamp(y + k, 0, h - 1) * w + x];
                }
                plane[y * w + x] = v;
            }
        }
    }

    private static Image8 compressed(Image8 rgb, int quality) {
        BufferedImage image = new BufferedImage(rgb.width(), rgb.height(), BufferedImage.TYPE_INT_RGB);
        for (int i = 0; i < rgb.width() * rgb.height(); i++) {
            image.setRGB(i % rgb.width(), i / rgb.width(), (rgb.data()[3 * i] & 0xFF) << 16 | (rgb.data()[3 * i + 1] & 0xFF) << 8 | rgb.data()[3 * i + 2] & 0xFF);
        }
        ImageWriter writer = ImageIO.getImageWritersByFormatName("jpeg").next();
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (ImageOutputStream stream = new MemoryCacheImageOutputStream(bytes)) {
            writer.setOutput(stream);
            ImageWriteParam settings = writer.getDefaultWriteParam();
            settings.setCompressionMode(ImageWriteParam.MODE_EXPLICIT);
            settings.setCompressionQuality(quality / 100f);
            writer.write(null, new IIOImage(image, null, null), settings);
        } catch (IOException e) {
            throw new UncheckedIOException("writing into memory", e);
        } finally {
            writer.dispose();
        }
        try {
            return Images.decode("a compressed picture", bytes.toByteArray(), ImageLimits.DEFAULT).to8().toRgb();
        } catch (ImageFormatException e) {
            throw new UncheckedIOException("reading what was just written", e);
        }
    }

    /** Grown (positive) or shrunk by whole pixels; neighbours of four and of eight in turn make it nearly round. */
    static byte[] moved(byte[] alpha, int w, int h, int shift) {
        byte[] now = alpha;
        for (int step = 0; step < Math.abs(shift); step++) {
            byte[] next = now.clone();
            for (int y = 0; y < h; y++) {
                for (int x = 0; x < w; x++) {
                    for (int k = 0; k < 9; k++) {
                        int dx = k % 3 - 1;
                        int dy = k / 3 - 1;
                        if (dx * dy != 0 && step % 2 == 0) {
                            continue;
                        }
                        int other = now[Math.clamp(y + dy, 0, h - 1) * w + Math.clamp(x + dx, 0, w - 1)] & 0xFF;
                        int here = next[y * w + x] & 0xFF;
                        next[y * w + x] = (byte) (shift > 0 ? Math.max(here, other) : Math.min(here, other));
                    }
                }
            }
            now = next;
        }
        return now;
    }
}
