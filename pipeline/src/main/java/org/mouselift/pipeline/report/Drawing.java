package org.mouselift.pipeline.report;

import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Font;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.Shape;
import java.awt.geom.Line2D;
import java.awt.image.BufferedImage;
import org.mouselift.data.image.Composite;
import org.mouselift.data.image.Image8;
import org.mouselift.data.image.PillowResize;
import org.mouselift.data.image.ResampleFilter;

/** A picture of a report under construction: lines, text and other pictures on white. */
final class Drawing {
    static final Color INK = new Color(0x222222);
    static final Color PALE = new Color(0xd8d8d8);
    static final Color GREY = new Color(0x777777);
    /** Colours that stay apart for the colour-blind; used in this order. */
    static final Color[] COLOURS = {new Color(0x1f77b4), new Color(0xd95f02), new Color(0x1b9e77), new Color(0x7570b3), new Color(0xe7298a), new Color(0x666666)};

    /** Where a text stands relative to its point. */
    enum Align { LEFT, CENTER, RIGHT }

    private final BufferedImage image;
    private final Graphics2D graphics;

    Drawing(int width, int height) {
        if ((long) width * height > 1L << 27) {
            throw new IllegalArgumentException("drawing: " + width + "×" + height + " pixels are too many");
        }
        image = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
        graphics = image.createGraphics();
        graphics.setRenderingHint(RenderingHints.KEY_ANTIALIASING, RenderingHints.VALUE_ANTIALIAS_ON);
        graphics.setRenderingHint(RenderingHints.KEY_TEXT_ANTIALIASING, RenderingHints.VALUE_TEXT_ANTIALIAS_ON);
        graphics.setRenderingHint(RenderingHints.KEY_STROKE_CONTROL, RenderingHints.VALUE_STROKE_PURE);
        graphics.setColor(Color.WHITE);
        graphics.fillRect(0, 0, width, height);
    }

    static Color pale(Color c, int alpha) {
        return new Color(c.getRed(), c.getGreen(), c.getBlue(), alpha);
    }

    void line(double x1, double y1, double x2, double y2, Color colour, double width) {
        outline(new Line2D.Double(x1, y1, x2, y2), colour, width);
    }

    void dashed(double x1, double y1, double x2, double y2, Color colour) {
        graphics.setColor(colour);
        graphics.setStroke(new BasicStroke(1.2f, BasicStroke.CAP_BUTT, BasicStroke.JOIN_MITER, 10, new float[] {5, 4}, 0));
        graphics.draw(new Line2D.Double(x1, y1, x2, y2));
    }

    void outline(Shape shape, Color colour, double width) {
        graphics.setColor(colour);
        graphics.setStroke(new BasicStroke((float) width));
        graphics.draw(shape);
    }

    void fill(Shape shape, Color colour) {
        graphics.setColor(colour);
        graphics.fill(shape);
    }

    /** Returns the width of the text. */
    double text(String text, double x, double y, int size, boolean bold, Color colour, Align align) {
        graphics.setFont(new Font(Font.SANS_SERIF, bold ? Font.BOLD : Font.PLAIN, size));
        graphics.setColor(colour);
        double width = graphics.getFontMetrics().stringWidth(text);
        graphics.drawString(text, (float) (align == Align.LEFT ? x : align == Align.CENTER ? x - width / 2 : x - width), (float) y);
        return width;
    }

    void text(String text, double x, double y, Align align) {
        text(text, x, y, 13, false, INK, align);
    }

    /** Puts a picture, transparent parts white, into a box whose shape it must have. */
    void picture(Image8 picture, int x, int y, int width, int height) {
        Image8 opaque = picture.hasAlpha() ? Composite.onto(picture, new int[] {255, 255, 255}) : picture.toRgb();
        Image8 fitted = opaque.width() == width && opaque.height() == height ? opaque : PillowResize.resize(opaque, width, height, ResampleFilter.LANCZOS);
        for (int v = 0; v < height; v++) {
            for (int u = 0; u < width; u++) {
                int at = 3 * (v * width + u);
                image.setRGB(x + u, y + v, (fitted.data()[at] & 0xFF) << 16 | (fitted.data()[at + 1] & 0xFF) << 8 | fitted.data()[at + 2] & 0xFF);
            }
        }
    }

    /** RGB. */
    Image8 image() {
        return image(image);
    }

    static Image8 image(BufferedImage image) {
        Image8 picture = Image8.blank(image.getWidth(), image.getHeight(), 3);
        int[] colours = image.getRGB(0, 0, image.getWidth(), image.getHeight(), null, 0, image.getWidth());
        for (int i = 0; i < colours.length; i++) {
            for (int c = 0; c < 3; c++) {
                picture.data()[3 * i + c] = (byte) (colours[i] >> 16 - 8 * c);
            }
        }
        return picture;
    }
}
