package org.mouselift.pipeline.reconstruct;

import java.awt.image.BufferedImage;
import java.util.List;
import org.mouselift.data.image.Image8;

/** Pictures put together for people to look at. */
public final class Pictures {
    private Pictures() {}

    /** RGB pictures of one height side by side. */
    public static Image8 strip(List<Image8> pictures) {
        int height = pictures.getFirst().height();
        Image8 out = Image8.blank(pictures.stream().mapToInt(Image8::width).sum(), height, 3);
        int left = 0;
        for (Image8 picture : pictures) {
            if (picture.channels() != 3 || picture.height() != height) {
                throw new IllegalArgumentException("strip: picture " + picture.width() + "x" + picture.height() + " with " + picture.channels()
                        + " channels beside one of height " + height + " with 3");
            }
            for (int y = 0; y < height; y++) {
                System.arraycopy(picture.data(), 3 * y * picture.width(), out.data(), 3 * (y * out.width() + left), 3 * picture.width());
            }
            left += picture.width();
        }
        return out;
    }

    /** RGB pictures of one width below each other. */
    public static Image8 stack(List<Image8> pictures) {
        int width = pictures.getFirst().width();
        Image8 out = Image8.blank(width, pictures.stream().mapToInt(Image8::height).sum(), 3);
        int top = 0;
        for (Image8 picture : pictures) {
            if (picture.channels() != 3 || picture.width() != width) {
                throw new IllegalArgumentException("stack: picture " + picture.width() + "x" + picture.height() + " with " + picture.channels()
                        + " channels below one of width " + width + " with 3");
            }
            System.arraycopy(picture.data(), 0, out.data(), 3 * top * width, picture.data().length);
            top += picture.height();
        }
        return out;
    }

    /** A drawn picture as RGB bytes. */
    public static Image8 of(BufferedImage drawn) {
        Image8 out = Image8.blank(drawn.getWidth(), drawn.getHeight(), 3);
        for (int i = 0; i < drawn.getWidth() * drawn.getHeight(); i++) {
            int rgb = drawn.getRGB(i % drawn.getWidth(), i / drawn.getWidth());
            out.data()[3 * i] = (byte) (rgb >> 16);
            out.data()[3 * i + 1] = (byte) (rgb >> 8);
            out.data()[3 * i + 2] = (byte) rgb;
        }
        return out;
    }
}
