package org.mouselift.pipeline.multiview;

import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalDouble;
import org.mouselift.data.image.Composite;
import org.mouselift.data.image.Image8;
import org.mouselift.data.image.ImageFormatException;
import org.mouselift.data.image.Images;
import org.mouselift.data.image.PillowResize;
import org.mouselift.data.image.ResampleFilter;
import org.mouselift.data.preprocess.MaskStatistics;

/**
 * A photo as the multi-view pipeline takes it (mouse specification §7, multi-view diffusion specification §3.4): padded to a
 * square or cropped around the subject, resized (Lanczos), on white.
 */
public final class ReferencePicture {
    /** Code of the check that the subject can be told from its background. */
    public static final String ALPHA = "MFL-E134";

    private static final int[] WHITE = {255, 255, 255};
    private static final int SUBJECT = 10;
    private static final double PLAIN = 0.9;

    /**
     * A prepared photo.
     *
     * @param picture RGB on white
     * @param subject its size and place in the prepared picture; empty where it cannot be told from the background
     */
    public record Framed(Image8 picture, Optional<MaskStatistics> subject) {}

    private ReferencePicture() {}

    /** The picture of {@link #frame} alone. */
    public static Image8 read(Path file, int size, OptionalDouble crop, boolean anyBackground) throws IOException {
        return frame(file, size, crop, anyBackground).picture;
    }

    /**
     * Reads and prepares a photo.
     *
     * @param crop share of the picture that the longer side of the subject's box takes, 0 to 1; empty leaves the framing as it is
     * @param anyBackground take a photo without alpha although its border is not white
     * @throws MultiViewException MFL-D01 or D05 for a file that is missing or cannot be read; MFL-E134 if there is no alpha and it
     *     is needed: to crop, or because the border is not white (alpha that is opaque everywhere cuts nothing out and is none);
     *     MFL-D04 if the subject's mask is empty or the picture white all over
     */
    public static Framed frame(Path file, int size, OptionalDouble crop, boolean anyBackground) throws IOException {
        Image8 image;
        try {
            image = Images.read(file);
        } catch (NoSuchFileException e) {
            throw new MultiViewException("MFL-D01", file, "picture does not exist", "", e);
        } catch (ImageFormatException e) {
            throw new MultiViewException("MFL-D05", file, "cannot be read: " + e.getMessage(), "save it again as PNG or as JPEG in RGB", e);
        }
        return framed(image, file, size, crop, anyBackground);
    }

    /**
     * The subject of a picture: what its alpha covers, or, where alpha cuts nothing out, what is not white; empty for a picture whose
     * border is not white, either.
     */
    public static Optional<MaskStatistics> subject(Image8 picture) {
        if (picture.hasAlpha() && !opaque(picture.toRgba())) {
            return Optional.of(MaskStatistics.of(picture.toRgba(), SUBJECT));
        }
        Image8 rgba = picture.toRgb().toRgba();
        if (border(rgba) < PLAIN) {
            return Optional.empty();
        }
        byte[] data = rgba.data();
        for (int i = 0; i < data.length; i += 4) {
            int darkest = Math.min(data[i] & 0xFF, Math.min(data[i + 1] & 0xFF, data[i + 2] & 0xFF));
            data[i + 3] = (byte) (darkest < 255 - SUBJECT ? 255 : 0);
        }
        return Optional.of(MaskStatistics.of(rgba, SUBJECT));
    }

    static Image8 prepare(Image8 photo, Path file, int size, OptionalDouble crop, boolean anyBackground) throws IOException {
        return framed(photo, file, size, crop, anyBackground).picture;
    }

    private static Framed framed(Image8 photo, Path file, int size, OptionalDouble crop, boolean anyBackground) throws IOException {
        if (photo.hasAlpha() && !opaque(photo.toRgba())) {
            Image8 rgba = photo.toRgba();
            int[] box = box(rgba);
            if (box == null) {
                throw new MultiViewException("MFL-D04", file, "its alpha is empty: there is no subject", "");
            }
            Image8 framed = crop.isPresent() ? around(rgba, box, crop.getAsDouble(), 0) : square(rgba, 0);
            Image8 resized = PillowResize.resize(framed, size, size, ResampleFilter.LANCZOS);
            return new Framed(Composite.onto(resized, WHITE), subject(resized));
        }
        String missing = photo.hasAlpha() ? "has an alpha channel that is opaque everywhere" : "has no alpha";
        if (crop.isPresent()) {
            throw new MultiViewException(ALPHA, file, missing + ", which cropping around the subject needs", "cut the subject out first, or leave the framing as it is");
        }
        Image8 rgb = photo.toRgb();
        double border = border(rgb);
        if (border < PLAIN && !anyBackground) {
            throw new MultiViewException(ALPHA, file, String.format(Locale.ROOT, "%s and its border is not white (%.2f on average)", missing, border),
                    "cut the subject out first, or go on with --allow " + ALPHA);
        }
        if (white(rgb)) {
            throw new MultiViewException("MFL-D04", file, "is white all over: there is no subject", "");
        }
        Image8 resized = PillowResize.resize(square(rgb, 255), size, size, ResampleFilter.LANCZOS);
        return new Framed(resized, border < PLAIN ? Optional.empty() : subject(resized));
    }

    private static boolean opaque(Image8 rgba) {
        for (int i = 3; i < rgba.data().length; i += 4) {
            if (rgba.data()[i] != -1) {
                return false;
            }
        }
        return true;
    }

    private static boolean white(Image8 rgb) {
        for (byte sample : rgb.data()) {
            if ((sample & 0xFF) < 255 - SUBJECT) {
                return false;
            }
        }
        return true;
    }

    /** Left, top, right and bottom (exclusive) of what alpha covers; null if nothing. */
    private static int[] box(Image8 rgba) {
        int[] box = {rgba.width(), rgba.height(), 0, 0};
        for (int y = 0; y < rgba.height(); y++) {
            for (int x = 0; x < rgba.width(); x++) {
                if (rgba.get(x, y, 3) > SUBJECT) {
                    box[0] = Math.min(box[0], x);
                    box[1] = Math.min(box[1], y);
                    box[2] = Math.max(box[2], x + 1);
                    box[3] = Math.max(box[3], y + 1);
                }
            }
        }
        return box[2] == 0 ? null : box;
    }

    private static Image8 around(Image8 image, int[] box, double share, int fill) {
        int side = Math.max(1, (int) Math.round(Math.max(box[2] - box[0], box[3] - box[1]) / share));
        return window(image, (box[0] + box[2] - side) / 2, (box[1] + box[3] - side) / 2, side, fill);
    }

    private static Image8 square(Image8 image, int fill) {
        int side = Math.max(image.width(), image.height());
        return side == image.width() && side == image.height() ? image : window(image, (image.width() - side) / 2, (image.height() - side) / 2, side, fill);
    }

    /** A square window of a picture; what lies outside is filled. */
    private static Image8 window(Image8 image, int left, int top, int side, int fill) {
        Image8 out = Image8.blank(side, side, image.channels());
        java.util.Arrays.fill(out.data(), (byte) fill);
        int from = Math.max(0, left);
        int to = Math.min(image.width(), left + side);
        int channels = image.channels();
        for (int y = Math.max(0, top); y < Math.min(image.height(), top + side); y++) {
            System.arraycopy(image.data(), (y * image.width() + from) * channels, out.data(), ((y - top) * side + from - left) * channels, (to - from) * channels);
        }
        return out;
    }

    /** Mean of the outermost pixels, 0 to 1. */
    private static double border(Image8 rgb) {
        long sum = 0;
        long count = 0;
        for (int y = 0; y < rgb.height(); y++) {
            boolean edge = y == 0 || y == rgb.height() - 1;
            for (int x = 0; x < rgb.width(); x += edge || rgb.width() == 1 ? 1 : rgb.width() - 1) {
                sum += rgb.get(x, y, 0) + rgb.get(x, y, 1) + rgb.get(x, y, 2);
                count += 3;
            }
        }
        return sum / (255.0 * count);
    }
}
