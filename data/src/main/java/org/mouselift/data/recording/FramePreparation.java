package org.mouselift.data.recording;

import org.mouselift.data.camera.Camera;
import org.mouselift.data.camera.Homography;
import org.mouselift.data.camera.Intrinsics;
import org.mouselift.data.image.Image8;
import org.mouselift.data.image.PillowResize;
import org.mouselift.data.image.ResampleFilter;
import org.mouselift.data.preprocess.Resampling;

/**
 * Frame and mask to an RGBA picture, together with its camera (mouse specification §2.5).
 *
 * @param size       width and height of the picture, pixels
 * @param crop       how the frame becomes square
 * @param lens       what happens to the intrinsics
 * @param premask    paint the background with {@code background} before resampling, so that the cage does not bleed into the fur
 * @param background grey level 0 … 255 of the pixels outside the mask
 */
public record FramePreparation(int size, Crop crop, Lens lens, boolean premask, int background) {
    /** How a frame becomes square. */
    public enum Crop {
        /** The middle square. */
        CENTER,
        /** The whole frame, background added above and below, or left and right. */
        LETTERBOX,
        /** Not at all: the frame as it is, for a later step. */
        NONE
    }

    /** What happens to the intrinsics. */
    public enum Lens {
        /** They follow the pixels. */
        EXACT,
        /** They are replaced by the standard 50°, whatever the pixels show: reproduction only. */
        STANDARD,
        /** The pixels are warped until the standard 50° is true. */
        WARP
    }

    /** A picture with its camera. */
    public record Result(Image8 image, Camera camera) {}

    private static final int MASK_THRESHOLD = 127;

    public FramePreparation {
        if (size < 8 || size > 8192 || background < 0 || background > 255) {
            throw new IllegalArgumentException("frame preparation: size " + size + ", background " + background + "; expected 8 to 8192 and 0 to 255");
        }
        if (crop == Crop.NONE && lens != Lens.EXACT) {
            throw new IllegalArgumentException("frame preparation: whole frames keep their lens; use exact intrinsics with crop none");
        }
    }

    /** The camera of every picture, without any. */
    public Camera camera(Camera frame) {
        return switch (lens) {
            case EXACT -> crop == Crop.NONE ? frame : frame.withIntrinsics(cropped(frame.intrinsics()).resize(size, size));
            case STANDARD, WARP -> frame.withIntrinsics(Intrinsics.standard(size));
        };
    }

    /**
     * @param frame RGB (or grey) frame
     * @param mask  bright where the subject is; scaled to the frame if its size differs
     */
    public Result apply(Image8 frame, Image8 mask, Camera camera) {
        Image8 alpha = binary(mask.width() == frame.width() && mask.height() == frame.height() ? mask
                : nearest(luminance(mask), frame.width(), frame.height()));
        Image8 rgb = premask ? masked(frame.toRgb(), alpha) : frame.toRgb();
        Camera result = camera(camera);
        if (lens == Lens.WARP) {
            Image8 warped = Resampling.homography(join(rgb, alpha), Homography.turn(camera, result), size, size);
            return new Result(painted(warped), result);
        }
        Intrinsics k = camera.intrinsics();
        if (crop != Crop.NONE) {
            rgb = PillowResize.resize(square(rgb, background), size, size, ResampleFilter.LANCZOS);
            alpha = nearest(square(alpha, 0), size, size);
        } else if (frame.width() != k.width() || frame.height() != k.height()) {
            throw new IllegalArgumentException("frame " + frame.width() + "x" + frame.height() + " for a camera of " + k.width() + "x" + k.height());
        }
        return new Result(join(rgb, alpha), result);
    }

    /** The whole frame with its mask as alpha, white outside. */
    static Image8 wholeRgba(Image8 frame, Image8 mask) {
        Image8 alpha = binary(mask.width() == frame.width() && mask.height() == frame.height() ? mask : nearest(luminance(mask), frame.width(), frame.height()));
        Image8 rgba = join(frame.toRgb(), alpha);
        for (int i = 0; i < rgba.data().length; i += 4) {
            if (rgba.data()[i + 3] == 0) {
                java.util.Arrays.fill(rgba.data(), i, i + 3, (byte) 255);
            }
        }
        return rgba;
    }

    private Intrinsics cropped(Intrinsics k) {
        int side = crop == Crop.CENTER ? Math.min(k.width(), k.height()) : Math.max(k.width(), k.height());
        return k.crop(Math.floorDiv(k.width() - side, 2), Math.floorDiv(k.height() - side, 2), side, side);
    }

    private Image8 square(Image8 image, int fill) {
        int side = crop == Crop.CENTER ? Math.min(image.width(), image.height()) : Math.max(image.width(), image.height());
        int ox = Math.floorDiv(image.width() - side, 2);
        int oy = Math.floorDiv(image.height() - side, 2);
        if (crop == Crop.CENTER) {
            return image.crop(ox, oy, side, side);
        }
        Image8 out = Image8.blank(side, side, image.channels());
        java.util.Arrays.fill(out.data(), (byte) fill);
        int row = image.width() * image.channels();
        for (int y = 0; y < image.height(); y++) {
            System.arraycopy(image.data(), y * row, out.data(), ((y - oy) * side - ox) * image.channels(), row);
        }
        return out;
    }

    /** ITU-R 601 luma, as the original's image library converts to grey. */
    private static Image8 luminance(Image8 image) {
        if (image.channels() < 3) {
            return image.channel(0);
        }
        byte[] out = new byte[image.width() * image.height()];
        for (int i = 0, at = 0; i < out.length; i++, at += image.channels()) {
            int r = image.data()[at] & 0xFF;
            int g = image.data()[at + 1] & 0xFF;
            int b = image.data()[at + 2] & 0xFF;
            out[i] = (byte) (r * 19595 + g * 38470 + b * 7471 + 0x8000 >> 16);
        }
        return new Image8(image.width(), image.height(), 1, out);
    }

    /** The source pixel under the middle of each target pixel; one channel. */
    private static Image8 nearest(Image8 grey, int width, int height) {
        byte[] out = new byte[width * height];
        for (int y = 0; y < height; y++) {
            int from = (int) ((2L * y + 1) * grey.height() / (2L * height)) * grey.width();
            for (int x = 0; x < width; x++) {
                out[y * width + x] = grey.data()[from + (int) ((2L * x + 1) * grey.width() / (2L * width))];
            }
        }
        return new Image8(width, height, 1, out);
    }

    /** 255 where the mask is brighter than 127: lossy videos are not exactly 0 and 255. */
    static Image8 binary(Image8 mask) {
        Image8 grey = luminance(mask);
        byte[] out = new byte[grey.data().length];
        for (int i = 0; i < out.length; i++) {
            out[i] = (byte) ((grey.data()[i] & 0xFF) > MASK_THRESHOLD ? 255 : 0);
        }
        return new Image8(grey.width(), grey.height(), 1, out);
    }

    private Image8 masked(Image8 rgb, Image8 alpha) {
        byte[] out = rgb.data().clone();
        for (int i = 0; i < out.length; i++) {
            if (alpha.data()[i / 3] == 0) {
                out[i] = (byte) background;
            }
        }
        return new Image8(rgb.width(), rgb.height(), 3, out);
    }

    private Image8 painted(Image8 rgba) {
        for (int i = 0; i < rgba.data().length; i += 4) {
            if (rgba.data()[i + 3] == 0) {
                java.util.Arrays.fill(rgba.data(), i, i + 3, (byte) background);
            }
        }
        return rgba;
    }

    private static Image8 join(Image8 rgb, Image8 alpha) {
        byte[] out = new byte[4 * alpha.data().length];
        for (int i = 0; i < alpha.data().length; i++) {
            System.arraycopy(rgb.data(), 3 * i, out, 4 * i, 3);
            out[4 * i + 3] = alpha.data()[i];
        }
        return new Image8(rgb.width(), rgb.height(), 4, out);
    }
}
